"""Money calls: unknown is an outcome, and a key is never made anew before the old one is final.

The protocol, which the message-order model of the contract shows to be clean in every order:

1. the instruction with its key is saved, then sent;
2. a fault that certainly had no effect, and a core that is busy with its day end, is sent again
   with the same key;
3. anything else is UNKNOWN: the core is asked after the key at growing intervals, the later
   questions with a fence;
4. DONE and REJECTED are final; "not found" is final only behind a fence, and then, and only while
   the customer still waits, the instruction gets its next key;
5. what is still open when patience ends stays unsettled: ``settle`` finishes it later, and
   never sends money for a customer who is gone; what a cut-off finds open is suspended, and the
   core's own file of the day decides (core/flow/reconcile.py).

A customer's write is valid until their errand's deadline, which the core enforces: what arrives
later is rejected, so nobody is paid after they were told to come back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.errors import CoreBusy, GaveUp, NotDone, OutcomeUnknown, ProviderError
from core.ports.corebank import (
    AdjustQuery,
    CollectQuery,
    CoreCode,
    DisburseQuery,
    Key,
    MoveQuery,
    OpenQuery,
    Outcome,
    OutcomeQuery,
    Posted,
    ReverseQuery,
)
from core.store.records import CHANNEL, Instruction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.flow.calls import Call
    from core.flow.errand import Errand
    from core.flow.platform import Platform
    from core.ports.corebank import CoreBank, Write
    from core.ports.trace import Trace

ASK_AFTER_S = (2.0, 5.0, 15.0, 30.0)
FENCE_FROM = 1  # the first question is free of consequences, the later ones fence
ROUNDS_MAX = 3  # keys an instruction may use up in one errand
FINAL = (Outcome.DONE, Outcome.REJECTED)
# Rejected for nothing but its time, or because a fence was faster.
NEVER = (CoreCode.EXPIRED, CoreCode.DROPPED, CoreCode.FENCED)


def instruction(
    errand: Errand,
    order_id: str,
    subject: str,
    make: Callable[[Key], Write],
    channel: str = CHANNEL,
) -> Instruction:
    """Return a new instruction for ``subject``; its key carries its own minted id."""
    key = Key(errand.bank, channel, errand.date, order_id)
    return Instruction(order_id, errand.bank, subject, key, make(key), made_s=errand.now_s)


def writer(core: CoreBank, query: Write) -> Callable[[Trace, Any], Awaitable[Posted]]:
    """Return the core-bank operation that a query belongs to."""
    match query:
        case DisburseQuery():
            return core.disburse
        case CollectQuery():
            return core.collect
        case AdjustQuery():
            return core.adjust
        case MoveQuery():
            return core.move
        case OpenQuery():
            return core.open_account
        case ReverseQuery():
            return core.reverse
    raise AssertionError(f"no core-bank write takes a {type(query).__name__}")


async def instruct(
    platform: Platform, errand: Errand, call: Call, ask: Call, order: Instruction
) -> Posted:
    """Carry out a saved instruction; return its final answer, DONE or REJECTED.

    The caller saves the answer together with what follows from it.

    Raises:
        GaveUp: the outcome is still unknown when the errand's patience ends.
    """
    core = platform.ports.corebank
    attempt, rounds = 0, 1
    while True:
        attempt += 1
        key = order.key
        try:
            posted = await writer(core, order.query)(errand.trace(call, attempt), order.query)
            if posted.retryable:
                raise CoreBusy(call.operation, posted.code)
        except NotDone as fault:
            await errand.back_off(call, attempt, fault)
            continue
        except OutcomeUnknown:
            posted = Posted(Outcome.UNKNOWN)
        if posted.outcome not in FINAL:
            posted = await find_out(platform, errand, ask, order, rounds)
        assert posted.code is not CoreCode.KEY_CONFLICT, f"{order.key} was used for something else"
        await still_ours(platform, call, order, key)
        if posted.outcome in FINAL:
            return posted
        if rounds == ROUNDS_MAX:
            raise GaveUp(call.operation, f"{order.id} was lost {ROUNDS_MAX} times")
        rounds += 1
        await next_round(platform, order, errand.deadline_s)


async def still_ours(platform: Platform, call: Call, order: Instruction, key: Key) -> None:
    """Require that nobody else went on with the instruction under another key meanwhile.

    Two taps on one button may both carry the instruction out. If one fenced the other's key and
    sent the next, the fenced one's word is not the last about the money.

    Raises:
        GaveUp: somebody did; whoever asks again finds out.
    """
    current = await platform.store.get(Instruction, order.id)
    if current is not None and current.key != key:
        raise GaveUp(call.operation, f"{order.id} goes on under another key")


async def find_out(
    platform: Platform, errand: Errand, ask: Call, order: Instruction, rounds: int
) -> Posted:
    """Ask after the instruction's key until its fate is final: DONE, REJECTED, or NOT_FOUND fenced.

    ``rounds`` counts these questions within one errand, so that no two share a name.

    Raises:
        GaveUp: no final word before the deadline.
    """
    for number, wait_s in enumerate(ASK_AFTER_S):
        if platform.clock.now_s + wait_s > errand.deadline_s:
            break
        await platform.clock.sleep(wait_s)
        fence = number >= FENCE_FROM
        trace = errand.trace(ask, (rounds - 1) * len(ASK_AFTER_S) + number + 1)
        try:
            posted = await platform.ports.corebank.outcome(trace, OutcomeQuery(order.key, fence))
        except ProviderError:
            continue
        if posted.outcome in FINAL or (fence and posted.outcome is Outcome.NOT_FOUND):
            return posted
    raise GaveUp(ask.operation, f"outcome of {order.id} is unknown")


async def next_round(
    platform: Platform, order: Instruction, valid_until_s: float | None = None
) -> None:
    """Give the instruction its next key, once the fence made the old one final; save it."""
    order.round += 1
    order.key = order.key._replace(serial=f"{order.id}-{order.round}")
    # A new query: the old one may still be on its way, under the key it was sent with.
    order.query = replace(order.query, key=order.key)
    renew(order, valid_until_s)
    await platform.store.save(order)


def renew(order: Instruction, valid_until_s: float | None) -> None:
    """Let an instruction be valid until a new deadline. Our own bookings always are."""
    query = order.query
    if query.valid_until_s != valid_until_s and not isinstance(query, AdjustQuery):
        order.query = replace(query, valid_until_s=valid_until_s)


def order_of(serial: str) -> str:
    """Return the id of the instruction that a key's serial was made for."""
    return serial.partition("-")[0]


async def carry_out(
    platform: Platform,
    errand: Errand,
    call: Call,
    ask: Call,
    order: Instruction,
) -> Posted:
    """Carry out an instruction that was saved now or on an earlier visit; return its final answer.

    One whose fate was left open is first asked after, and sent again only when a fence has made
    its old key final.

    Raises:
        GaveUp: the outcome is still unknown when the errand's patience ends.
    """
    if order.answer is not None:
        return order.answer
    if order.sent_at_s is not None:
        errand = await taken_up(platform, errand, order)
        posted = await find_out(platform, errand, ask, order, rounds=ROUNDS_MAX + 1)
        if posted.outcome in FINAL:
            return posted
        await next_round(platform, order, errand.deadline_s)
    order.sent_at_s = platform.clock.now_s
    renew(order, errand.deadline_s)
    await platform.store.save(order)
    return await instruct(platform, errand, call, ask, order)


async def taken_up(platform: Platform, errand: Errand, order: Instruction) -> Errand:
    """Count one more begin of an instruction; return the errand for it, with names of its own."""
    order.begins += 1
    await platform.store.save(order)
    return errand.begun_anew(order.begins)


async def settle(platform: Platform, errand: Errand, ask: Call, order: Instruction) -> Posted:
    """Return the final fate of an instruction whose customer is gone; NOT_FOUND is fenced.

    Raises:
        GaveUp: the core gave no final answer; ask again later.
    """
    errand = await taken_up(platform, errand, order)
    query = OutcomeQuery(order.key, fence=True)
    posted = await errand.ask(ask, platform.ports.corebank.outcome, query)
    if posted.outcome not in (*FINAL, Outcome.NOT_FOUND):
        raise GaveUp(ask.operation, f"{order.id} is {posted.outcome}")
    return posted


async def current(platform: Platform, order: Instruction, posted: Posted) -> Instruction:
    """Return the instruction as it stands, with the final answer written in, to be saved.

    Raises:
        GaveUp: somebody else went on under another key, so this answer is not the last word.
    """
    now = await platform.store.get(Instruction, order.id)
    assert now is not None
    if now.key != order.key:
        raise GaveUp("corebank.outcome", f"{order.id} goes on under another key")
    now.answer = posted
    return now
