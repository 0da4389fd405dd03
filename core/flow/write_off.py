"""Write a loan off (核销): an operator's decision; the allowance bears it, the claim stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Step
from core.flow import calls, repay
from core.flow.errand import Errand
from core.flow.platform import until_saved
from core.lending.book import turn
from core.lending.book import write_off as write_off_loan
from core.lending.prepay import at
from core.store.records import AuditEvent, FundingMove, Instruction, Line, mint

if TYPE_CHECKING:
    from core.flow.platform import Platform


async def write_off(platform: Platform, loan_id: str) -> None:
    """Write a loan off: its principal leaves the balance sheet, and the customer still owes it.

    Raises:
        InputError: the loan is not bad enough for it.
        GaveUp: a payment is on its way, the loan is locked, or the core does not answer; what was
            written is completed by the day end.
        BookingRejected: the core will not book it.
    """
    loan = await repay.loan_of(platform, loan_id)
    errand = Errand(platform.clock, loan.bank, f"{loan_id}/write-off", Step.AFTER_LOAN)
    await repay.no_other_collection(platform, loan)
    await repay.complete(platform, errand, loan)

    async def write() -> list[Instruction]:
        loan = await repay.loan_of(platform, loan_id)
        await repay.no_other_collection(platform, loan)  # one may have begun meanwhile
        line = await platform.store.get(Line, loan.application)
        assert line is not None
        write_off_loan(at(loan, errand.date), errand.date)  # on a copy: a no changes nothing
        bookings = turn(loan, errand.date)
        owed_fen = loan.outstanding_fen
        bookings += write_off_loan(loan, errand.date)
        gone_fen = owed_fen - loan.outstanding_fen
        line.used_fen -= gone_fen
        orders = repay.adjustments(errand, loan, bookings, "write-off")
        event = AuditEvent(
            mint("E", "written_off", loan.id),
            loan.bank,
            "written_off",
            loan.id,
            errand.date,
            f"{gone_fen} fen of principal",
        )
        back = FundingMove(loan.bank, loan.bank, used_fen=-gone_fen)
        await platform.store.save(loan, line, *orders, event, back)
        return orders

    orders = await until_saved(write)
    await repay.post(platform, errand, calls.DAY_BOOK, calls.DAY_BOOK_OUTCOME, orders)
