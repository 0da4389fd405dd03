"""What must hold of the books, by name; the same checks for tests, chaos, simulation and load.

An invariant reads both witnesses, the platform's own records and the core bank's ledger, and
yields a sentence for each violation. What is on its way (an instruction whose outcome is not
known yet) is excused where it explains the difference, and counted by ``INV-LIVENESS-BOOKED``.

Their order is their precedence, cause before consequence: what was done to the customer, then the
ledger by itself, then the money that passed between the books, then lines, then loans. One fault
breaks many; the first that is named is the one to look at.
"""

from __future__ import annotations

from core.invariants.books import Books, Violation
from core.invariants.conduct import CONDUCT
from core.invariants.ledger import LEDGER
from core.invariants.lines import LINES
from core.invariants.loans import LOANS
from core.invariants.payouts import PAYOUTS

INVARIANTS = {**CONDUCT, **LEDGER, **PAYOUTS, **LINES, **LOANS}

__all__ = ["INVARIANTS", "Books", "Violation", "check"]


def check(books: Books, *names: str) -> list[Violation]:
    """Return every violation of the named invariants, by default of all; causes first."""
    return [
        Violation(name, found)
        for name in INVARIANTS
        if not names or name in names
        for found in INVARIANTS[name](books)
    ]
