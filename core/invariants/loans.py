"""What must hold of a loan while time passes: interest, penalty, categories, day ends."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING

from core.lending.accrual import DAY_PPM
from core.lending.book import Loan, LoanState
from core.lending.classification import Category, category
from core.lending.loan import ENDED, STILL
from core.lending.nonaccrual import DAYS
from core.money import divide, interest_fen
from core.ports.corebank import Adjustment
from core.products import Method
from core.store.records import (
    OUR_CHANNELS,
    DayClose,
    DrawState,
    Line,
    LoanLock,
    Repayment,
    RiskWarning,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.invariants.books import Books
    from core.ports.corebank import Entry

ACCRUALS = (Adjustment.ACCRUE_INTEREST, Adjustment.MEMO_INTEREST)
PENALTIES = (Adjustment.ACCRUE_PENALTY, Adjustment.MEMO_PENALTY)
OVER = (LoanState.REVERSED, LoanState.WRITTEN_OFF)
CATEGORIES = {category.name.lower(): category for category in Category}
MONEY = (
    "normal_fen",
    "overdue_fen",
    "non_accrual_fen",
    "future_fen",
    "prepaid_fen",
    "late_principal_fen",
    "late_interest_fen",
    "accrued_fen",
    "interest_paid_fen",
    "interest_fen",
    "memo_interest_fen",
    "penalty_accrued_fen",
    "penalty_paid_fen",
    "penalty_fen",
    "memo_penalty_fen",
    "allowance_fen",
    "written_off_fen",
    "recovered_fen",
)


def exact_money(books: Books) -> Iterator[str]:
    """Every amount is a whole number of fen, and penalty is rounded once, from its exact units."""
    for loan in books.all(Loan):
        for name in MONEY:
            value = getattr(loan, name)
            if type(value) is not int or value < 0:
                yield f"{loan.id}: {name} is {value!r}"
        if loan.penalty_accrued_fen != divide(loan.penalty_units, DAY_PPM):
            yield f"{loan.id}: the penalty is not what its units make"
    for bank, entry in books.entries:
        for leg in entry.legs:
            if type(leg.amount_fen) is not int:
                yield f"{bank}: {entry.key.serial} books {leg.amount_fen!r}"


def accrued_by_the_day(books: Books) -> Iterator[str]:
    """Interest accrued is that of the rows that are past and of the days gone in the next.

    Each day counts once: a row's days begin where the row before it ended, and go on to the day
    up to which the loan is accrued.
    """
    for loan in books.all(Loan):
        if loan.state is LoanState.REVERSED:
            continue
        past_fen = sum(row.interest_fen for row in loan.rows[: loan.row])
        right_fen = past_fen + (loan.row_accrued_fen if loan.row < len(loan.rows) else 0)
        if loan.accrued_fen != right_fen:
            yield f"{loan.id}: accrued {loan.accrued_fen}, its rows make {right_fen} fen"
        if loan.accrued_through < loan.closed_on:
            yield f"{loan.id}: {loan.closed_on} is closed, accrued up to {loan.accrued_through}"
        if loan.state not in STILL and loan.row < len(loan.rows):
            yield from _row_accrued(loan)


def _row_accrued(loan: Loan) -> Iterator[str]:
    """The running row has accrued for its days, worked out again from its beginning."""
    row, through = loan.rows[loan.row], loan.accrued_through
    begin = loan.rows[loan.row - 1].due if loan.row else loan.drawn_on
    if not begin <= loan.since <= through <= row.due:
        yield f"{loan.id}: row {row.number} to {row.due} accrues from {loan.since} to {through}"
        return
    if loan.since > begin and not loan.prepaid_fen:
        yield f"{loan.id}: nothing accrues between {begin} and {loan.since}"
    days, rounding = (through - loan.since).days, loan.convention.rounding
    if loan.method is Method.DAILY and through < row.due:
        gained_fen = interest_fen(loan.future_fen, loan.rate_ppm, days, rounding=rounding)
        right_fen = min(loan.since_fen + gained_fen, row.interest_fen)
    else:
        left_fen, period = row.interest_fen - loan.since_fen, (row.due - loan.since).days
        right_fen = loan.since_fen + (divide(left_fen * days, period) if period else 0)
    if loan.row_accrued_fen != right_fen:
        told = f"{loan.row_accrued_fen} fen by {through}, by its days it is {right_fen}"
        yield f"{loan.id}: row {row.number} has accrued {told}"


def accrued_once(books: Books) -> Iterator[str]:
    """The core has booked each fen of interest and penalty that the loan book accrued, once.

    Likewise each day: a loan has no two accruals of one kind under one date of ours.
    """
    booked: defaultdict[tuple[str, bool], int] = defaultdict(int)
    seen: set[tuple[str, str, date]] = set()
    for bank, entry in books.entries:
        if entry.kind not in ACCRUALS and entry.kind not in PENALTIES:
            continue
        loan_id = _loan_of(entry)
        booked[loan_id, entry.kind in PENALTIES] += max(leg.amount_fen for leg in entry.legs)
        day = (loan_id, entry.kind, entry.key.channel_date)
        if entry.key.channel in OUR_CHANNELS and day in seen:
            yield f"{bank}: {entry.kind} of {loan_id} was booked twice on {day[2]}"
        seen.add(day)
    for loan in books.all(Loan):
        if loan.id in books.busy:
            continue
        for what, is_penalty, ours_fen in (
            ("interest", False, loan.accrued_fen),
            ("penalty", True, loan.penalty_accrued_fen),
        ):
            if booked[loan.id, is_penalty] != ours_fen:
                theirs_fen = booked[loan.id, is_penalty]
                yield f"{loan.id}: {what} of {ours_fen} accrued, {theirs_fen} fen booked"


def _loan_of(entry: Entry) -> str:
    """Return the loan on whose sub-accounts an entry books."""
    return next((account.partition(":")[2] for account, _ in entry.legs if ":" in account), "")


def penalty_when_late(books: Books) -> Iterator[str]:
    """Penalty runs on overdue parts alone, from the day after the due date.

    So it is at most what all past rows would bear, had nobody paid a fen of them; and the core
    books none before the first row can be late.
    """
    first_due = {}
    for loan in books.all(Loan):
        first_due[loan.id] = loan.rows[0].due
        units = sum(
            row.total_fen * max(0, (loan.accrued_through - row.due).days)
            for row in loan.rows[: loan.row]
        )
        if loan.penalty_units > units * loan.penalty_rate_ppm:
            yield f"{loan.id}: more penalty than all its past rows could bear"
    for bank, entry in books.entries:
        due = first_due.get(_loan_of(entry)) if entry.kind in PENALTIES else None
        if due is not None and entry.key.channel_date <= due:
            told = f"penalty on {entry.key.channel_date}, nothing was due before {due}"
            yield f"{bank}: {entry.key.serial} books {told}"


def income_is_earned(books: Books) -> Iterator[str]:
    """Interest unpaid for more than 90 days is in the memo books, not in income."""
    for loan in books.all(Loan):
        if loan.state in OVER or loan.days_overdue(loan.accrued_through) <= DAYS:
            continue
        if loan.interest_fen or loan.penalty_fen or not loan.non_accrual:
            late = loan.days_overdue(loan.accrued_through)
            yield f"{loan.id}: {late} days late, and {loan.interest_fen} fen are still income"


def classified(books: Books) -> Iterator[str]:
    """No loan is in a better category than its days overdue allow."""
    for loan in books.all(Loan):
        if loan.state in OVER:
            continue
        right = category(loan.days_overdue(loan.closed_on), loan.closed_on)
        if loan.category < right:
            yield f"{loan.id} is {loan.category.name}, on {loan.closed_on} it was {right.name}"


def no_better_unpaid(books: Books) -> Iterator[str]:
    """No loan is in a better category than the bank was warned of, unless it was paid since."""
    paid: dict[str, date] = {}
    for repayment in books.all(Repayment):
        if repayment.state is DrawState.DONE:
            last = paid.get(repayment.loan, date.min)
            paid[repayment.loan] = max(last, repayment.asked_on)
    for warning in books.all(RiskWarning):
        loan = books.get(Loan, warning.loan)
        warned = CATEGORIES.get(warning.signal.partition(",")[0])
        if loan is None or warned is None or paid.get(loan.id, date.min) >= warning.on:
            continue
        if loan.category < warned:
            told = f"it was {warned.name} on {warning.on}, and nothing was paid"
            yield f"{loan.id} is {loan.category.name}: {told}"


def arrears_freeze(books: Books) -> Iterator[str]:
    """Whoever is in arrears by a day end draws no more: the line is frozen."""
    for loan in books.all(Loan):
        late = loan.state is LoanState.OVERDUE and loan.days_overdue(loan.closed_on) > 0
        line = books.get(Line, loan.application) if late else None
        if line is not None and not line.frozen and loan.id not in books.busy:
            days = loan.days_overdue(loan.closed_on)
            yield f"{loan.id} is {days} days late, and its line may be drawn"


def day_ends_reach_all(books: Books) -> Iterator[str]:
    """No loan is left behind by a closed day, none is locked, and no bank's day end stays away."""
    locked = {lock.id: lock for lock in books.all(LoanLock) if not lock.lifted}
    for lock in locked.values():
        yield f"{lock.id} of {lock.bank} has been locked since {lock.on}: {lock.why}"
    closes = {close.bank: close for close in books.all(DayClose)}
    closed = {bank: close.closed for bank, close in closes.items() if not close.left}
    since: dict[str, date] = {}
    for loan in books.all(Loan):
        since[loan.bank] = min(since.get(loan.bank, loan.drawn_on), loan.drawn_on)
        on, nxt = closed.get(loan.bank), loan.next_day_end()
        if on is None or nxt is None or loan.id in books.busy or loan.id in locked:
            continue
        if nxt <= on and loan.accrued_through <= on:  # else a payment of today came after it
            yield f"{loan.id}: {loan.bank} has closed {on}, and its day end was {nxt}"
    for bank, first in since.items():
        last = closes[bank].closed if bank in closes else None
        missed = [seal.on for seal in books.ledger.seals(bank) if seal.on >= first]
        missed = [on for on in missed if last is None or on > last]
        if len(missed) > 1:  # one is caught up with the next
            yield f"{bank}: the core has closed {missed[-1]}, our last day end was {last}"


def ended_owes_nothing(books: Books) -> Iterator[str]:
    """A loan that was paid off or taken back owes nothing, and nothing of it stands anywhere."""
    for loan in books.all(Loan):
        if loan.state not in ENDED:
            continue
        memo_fen = loan.memo_interest_fen + loan.memo_penalty_fen
        if loan.debt_fen or memo_fen or loan.non_accrual or loan.late_since is not None:
            yield f"{loan.id} is {loan.state}, and owes {loan.debt_fen} fen"


LOANS: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-EXACT-MONEY": exact_money,
    "INV-EOD-ISOLATION": day_ends_reach_all,
    "INV-ACCRUAL-DAYS": accrued_by_the_day,
    "INV-PENALTY-LATE": penalty_when_late,
    "INV-ACCRUE-ONCE": accrued_once,
    "INV-INCOME-90": income_is_earned,
    "INV-CLASS-BY-DAYS": classified,
    "INV-CLASS-UNPAID": no_better_unpaid,
    "INV-ARREARS-FROZEN": arrears_freeze,
    "INV-ENDED": ended_owes_nothing,
}
