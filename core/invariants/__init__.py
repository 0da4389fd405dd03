"""What must hold of the books, by name; the same checks for tests, chaos, simulation and load.

An invariant reads both witnesses, the platform's own records and the core bank's ledger, and
yields a sentence for each violation. What is on its way (an instruction whose outcome is not
known yet) is excused where it explains the difference, and counted by ``INV-SETTLED``.
"""

from __future__ import annotations

from core.invariants.books import Books, Violation
from core.invariants.conduct import CONDUCT
from core.invariants.ledger import LEDGER
from core.invariants.loans import LOANS

INVARIANTS = {**LEDGER, **LOANS, **CONDUCT}

__all__ = ["INVARIANTS", "Books", "Violation", "check"]


def check(books: Books, *names: str) -> list[Violation]:
    """Return every violation of the named invariants (of all of them, where none is named)."""
    return [
        Violation(name, found) for name in names or INVARIANTS for found in INVARIANTS[name](books)
    ]
