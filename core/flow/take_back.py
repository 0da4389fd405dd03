"""Take a payout back (冲正): an operator's reversal, on the payout's own accounting date.

The core undoes the posting once, or says that it cannot any more; until that is known the loan
waits, as it does for a collection. Later than its own day, or after a payment, a payout is not
taken back: the customer repays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Reason, Step
from core.flow import calls
from core.flow.errand import Errand
from core.flow.money import carry_out, current, instruction
from core.flow.platform import until_saved
from core.flow.repay import loan_of, no_other_collection
from core.flow.require import require
from core.lending.book import LoanState
from core.ports.corebank import Outcome, ReverseQuery
from core.store.records import Drawdown, DrawState, FundingMove, Instruction, Line, mint

if TYPE_CHECKING:
    from core.flow.platform import Platform
    from core.ports.corebank import Key, Posted


async def take_back(platform: Platform, draw_id: str) -> Drawdown:
    """Have the core undo a drawdown's payout; asking again finds out what became of it.

    Raises:
        Refused: NOT_REVERSIBLE, it is not of today, something was paid on it, or the core says no.
        GaveUp: the core does not answer; the loan waits, and the day end finds out.
    """
    draw = await platform.store.get(Drawdown, draw_id)
    assert draw is not None, f"no drawdown {draw_id}"
    errand = Errand(platform.clock, draw.bank, f"{draw.id}/back", Step.REPAY)
    if draw.state is DrawState.REVERSED:
        return draw
    order = await begin(platform, errand, draw_id)
    posted = await carry_out(platform, errand, calls.TAKE_BACK, calls.TAKE_BACK_OUTCOME, order)
    draw = await conclude(platform, order, posted)
    require(draw.state is DrawState.REVERSED, Reason.NOT_REVERSIBLE, posted.code)
    return draw


async def begin(platform: Platform, errand: Errand, draw_id: str) -> Instruction:
    """Write the reversal and its instruction in one save; return the one that was written."""

    async def write() -> Instruction:
        draw = await platform.store.get(Drawdown, draw_id)
        assert draw is not None
        order_id = mint("B", draw.id)
        written = await platform.store.get(Instruction, order_id)
        if written is not None and written.answer is None:
            return written
        payout = await platform.store.get(Instruction, draw.instruction)
        require(written is None and draw.state is DrawState.DONE, Reason.NOT_REVERSIBLE, draw.state)
        assert payout is not None
        loan = await loan_of(platform, draw.loan)
        untouched = loan.accrued_through == loan.drawn_on == errand.date
        require(untouched and loan.state is LoanState.LIVE, Reason.NOT_REVERSIBLE, loan.state)
        require(loan.outstanding_fen == loan.principal_fen, Reason.NOT_REVERSIBLE, "repaid")
        await no_other_collection(platform, loan)
        original = payout.key

        def make(key: Key) -> ReverseQuery:
            return ReverseQuery(key, original)

        order = instruction(errand, order_id, loan.id, make)
        draw.state = DrawState.REVERSING
        await platform.store.save(draw, loan, order)
        return order

    return await until_saved(write)


async def conclude(platform: Platform, order: Instruction, posted: Posted) -> Drawdown:
    """Write the core's final word: there is no loan, or it stands as it stood."""

    async def write() -> Drawdown:
        loan = await loan_of(platform, order.subject)
        draw = await platform.store.get(Drawdown, "D" + loan.id[1:])
        line = await platform.store.get(Line, loan.application)
        assert draw is not None
        assert line is not None
        if draw.state is not DrawState.REVERSING:
            return draw
        written = await current(platform, order, posted)
        if posted.outcome is not Outcome.DONE:
            draw.state = DrawState.DONE
            await platform.store.save(written, draw)
            return draw
        draw.state, loan.state = DrawState.REVERSED, LoanState.REVERSED
        line.used_fen -= loan.normal_fen
        back = FundingMove(loan.bank, loan.bank, used_fen=-loan.normal_fen)
        loan.normal_fen = 0
        await platform.store.save(written, draw, loan, line, back)
        return draw

    return await until_saved(write)
