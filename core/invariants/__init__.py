"""What must hold of the books, by name; the same checks for tests, chaos, simulation and load.

An invariant reads both witnesses, the platform's own records and the core bank's ledger, and
yields a sentence for each violation. What is on its way (an instruction whose outcome is not
known yet) is excused where it explains the difference, and counted by ``INV-LIVENESS-BOOKED``.

Their order is their precedence, cause before consequence: what was done to the customer, then the
ledger by itself, then the money that passed between the books, then lines, then loans. One fault
breaks many; the first that is named is the one to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.invariants.books import Books, Violation
from core.invariants.conduct import CONDUCT
from core.invariants.evidence import EVIDENCE
from core.invariants.identity import IDENTITY
from core.invariants.ledger import LEDGER
from core.invariants.lines import LINES
from core.invariants.loans import LOANS
from core.invariants.payments import PAYMENTS
from core.invariants.payouts import PAYOUTS
from core.invariants.schedules import SCHEDULES

if TYPE_CHECKING:
    from collections.abc import Iterator

INVARIANTS = {
    **CONDUCT,
    **IDENTITY,
    **EVIDENCE,
    **LEDGER,
    **PAYOUTS,
    **LINES,
    **SCHEDULES,
    **LOANS,
    **PAYMENTS,
}

__all__ = ["INVARIANTS", "Books", "Violation", "check"]


def check(books: Books, *names: str) -> list[Violation]:
    """Return every violation of the named invariants, by default of all; causes first."""
    wanted = names or tuple(INVARIANTS)
    strangers = set(wanted) - INVARIANTS.keys()
    if strangers:
        raise KeyError(*sorted(strangers))
    return [
        Violation(name, problem)
        for name in INVARIANTS
        if name in wanted
        for problem in _judged(name, books)
    ]


def _judged(name: str, books: Books) -> Iterator[str]:
    """Yield an invariant's violations; books too broken to be judged by it are one, too."""
    try:
        yield from INVARIANTS[name](books)
    except (LookupError, ValueError, TypeError, AttributeError, AssertionError) as error:
        yield f"it cannot be judged: {type(error).__name__}: {error}"
