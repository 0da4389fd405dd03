"""Ask after one write by its key, when somebody hints that it is final: a webhook, an operator.

A hint decides nothing. What became of the money is the core's own answer to a question of ours,
asked without a fence: a hint that is forged, early or of another world can then stop no write, and
what the core does not call final stays as it stands, for the customer's next visit or the day end.
So a hint may come twice, late, in any order, or never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Step
from core.flow import calls
from core.flow.day_end import conclude
from core.flow.errand import Errand
from core.flow.money import FINAL, order_of
from core.ports.corebank import (
    AdjustQuery,
    CollectQuery,
    DisburseQuery,
    OutcomeQuery,
    ReverseQuery,
)
from core.store.records import Instruction

if TYPE_CHECKING:
    from core.flow.platform import Platform
    from core.ports.corebank import Key

# Whose conclusion is the same whoever comes first, the customer's own visit or we.
SHARED = (DisburseQuery, CollectQuery, ReverseQuery)


async def ask_after(platform: Platform, key: Key) -> bool:
    """Ask the core what became of a write, and conclude it where that is final; whether it was.

    Our own bookings are completed by the day end, in their order. An account that is opened and a
    transfer are their customer's until nobody can wait for them any more.

    Raises:
        GaveUp: the core does not answer, or somebody else was faster; there will be other hands.
    """
    order = await platform.store.get(Instruction, order_of(key.serial))
    if order is None or order.key != key or order.answer is not None or order.sent_at_s is None:
        return False
    query, now_s = order.query, platform.clock.now_s
    if isinstance(query, AdjustQuery):
        return False
    waits = query.valid_until_s is not None and now_s <= query.valid_until_s
    if waits and not isinstance(query, SHARED):
        return False
    errand = Errand(platform.clock, order.bank, key.serial, Step.AFTER_LOAN)
    outcome = platform.ports.corebank.outcome
    posted = await errand.ask(calls.HINT_OUTCOME, outcome, OutcomeQuery(key, fence=False))
    if posted.outcome not in FINAL:
        return False
    await conclude(platform, order, posted)
    return True
