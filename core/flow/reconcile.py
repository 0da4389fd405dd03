"""Reconciliation (对账): the core's file of a closed date against what the platform wrote.

Every transaction of either side falls into one of these: both tell the same; the core tells what
we left open, and the file decides; the core tells what we called rejected, and we are overruled;
the core tells what we know nothing of, and it goes to suspense; we tell what the core does not. A
late match is looked for in the next file before anything is called missing. Whatever overrules
us, or needs a person, is an audit event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.flow import calls, draw_down, repay, take_back
from core.flow.bank_file import read_file
from core.flow.money import carry_out, instruction, order_of
from core.flow.platform import until_saved
from core.ports.corebank import (
    Adjustment,
    AdjustQuery,
    BankQuery,
    CollectQuery,
    CoreCode,
    DisburseQuery,
    Key,
    MoveQuery,
    Outcome,
    OutcomeQuery,
    Posted,
    ReverseQuery,
)
from core.store.records import (
    BATCH_CHANNEL,
    OUR_CHANNELS,
    POSTING,
    AuditEvent,
    Instruction,
    mint,
)

if TYPE_CHECKING:
    from datetime import date

    from core.flow.bank_file import FileLine
    from core.flow.errand import Errand
    from core.flow.platform import Platform
    from core.ports.corebank import Write

AMOUNT_DIFFERS = "amount_differs"


@dataclass(slots=True)
class Reconciled:
    """What a comparison found, by the serials of the keys."""

    matched: list[str] = field(default_factory=list)
    decided: list[str] = field(default_factory=list)  # we did not know; the file did
    overruled: list[str] = field(default_factory=list)  # we said otherwise
    theirs_only: list[str] = field(default_factory=list)
    ours_only: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)  # amount or date


async def reconcile(platform: Platform, errand: Errand, bank: str, on: date) -> Reconciled | None:
    """Compare the core's file of a closed date with ours; None where it is not written yet.

    Raises:
        GaveUp: the core does not answer.
        InputError: the file contradicts itself; nothing was compared.
    """
    answer = await errand.ask(
        calls.DAY_FILE, platform.ports.corebank.reconciliation, BankQuery(bank, on)
    )
    if answer.content is None:
        return None
    found = Reconciled()
    told: dict[str, FileLine] = {}
    for line in read_file(answer.content, bank, on):
        if line.key.channel in OUR_CHANNELS:
            told[line.key.serial] = line
            await judge(platform, errand, line, on, found)
    for order in await platform.store.posted_on(bank, on):
        if isinstance(order.query, POSTING) and order.key.serial not in told:
            await miss(platform, errand, order, on, found)
    return found


async def judge(
    platform: Platform, errand: Errand, line: FileLine, on: date, found: Reconciled
) -> None:
    """Hold one transaction of the core against our instruction."""
    order = await platform.store.get(Instruction, order_of(line.key.serial))
    if order is None or order.key != line.key:
        found.theirs_only.append(line.key.serial)
        await suspend(platform, errand, line, on)
        return
    told_fen = amount_fen(order.query)
    if told_fen is not None and told_fen != line.amount_fen:
        found.differing.append(line.key.serial)
        detail = f"{line.amount_fen} fen in the file, {told_fen} with us"
        await note(platform, AMOUNT_DIFFERS, order.id, order.bank, on, detail)
        return
    answer = order.answer
    if answer is not None and answer.outcome is Outcome.DONE:
        if answer.accounting_date == on:
            found.matched.append(line.key.serial)
            return
        found.differing.append(line.key.serial)
        await redate(platform, order, on)
        return
    posted = Posted(Outcome.DONE, CoreCode.OK, line.core_serial, on)
    if answer is None:
        found.decided.append(line.key.serial)
        await note(platform, "file_decided", order.id, order.bank, on, line.kind)
        await conclude(platform, order, posted)
        return
    found.overruled.append(line.key.serial)
    await note(platform, "overruled", order.id, order.bank, on, f"{answer.code} became done")
    await overrule(platform, errand, order, posted, line)


async def conclude(platform: Platform, order: Instruction, posted: Posted) -> None:
    """Write the file's word on an instruction that was open."""
    if isinstance(order.query, DisburseQuery):
        await draw_down.conclude(platform, order.subject, order, posted)
    elif isinstance(order.query, CollectQuery):
        await repay.conclude(platform, order.subject, order, posted)
    elif isinstance(order.query, ReverseQuery):
        await take_back.conclude(platform, order, posted)
    else:
        await answer_with(platform, order.id, posted)


async def overrule(
    platform: Platform, errand: Errand, order: Instruction, posted: Posted, line: FileLine
) -> None:
    """Do what the core did though we called it rejected; to suspense what no longer fits."""
    if isinstance(order.query, DisburseQuery):
        done = await draw_down.overrule(platform, order.subject, order, posted)
        if not done:
            await suspend(platform, errand, line, posted.accounting_date or errand.date)
    elif isinstance(order.query, CollectQuery):
        done = await repay.overrule(platform, order.subject, order, posted)
        if not done:
            await suspend(platform, errand, line, posted.accounting_date or errand.date)
    else:
        await answer_with(platform, order.id, posted)


async def answer_with(platform: Platform, order_id: str, posted: Posted) -> None:
    """Write an answer into an instruction from which nothing else follows."""

    async def write() -> None:
        order = await platform.store.get(Instruction, order_id)
        assert order is not None
        order.answer = posted
        await platform.store.save(order)

    await until_saved(write)


async def redate(platform: Platform, told: Instruction, on: date) -> None:
    """Take over the accounting date of the core: the day had turned on the way."""
    assert told.answer is not None
    detail = f"{on} with the core, {told.answer.accounting_date} with us"
    await note(platform, "date_differs", told.id, told.bank, on, detail)

    async def write() -> None:
        order = await platform.store.get(Instruction, told.id)
        assert order is not None
        assert order.answer is not None
        order.answer.accounting_date = on
        await platform.store.save(order)

    await until_saved(write)


async def suspend(platform: Platform, errand: Errand, line: FileLine, on: date) -> None:
    """Put what we know nothing of on the manual list; a payout goes to the suspense account.

    An unknown payout is moved out of the loan's principal (1303.01) into 1221.09, where no loan
    claims it: the customer has money that nobody lent. Other kinds are left where they stand.
    """
    detail = (
        f"{line.kind} of {line.amount_fen} fen on {line.subject}, core serial {line.core_serial}"
    )
    await note(platform, "theirs_only", line.key.serial, line.key.bank, on, detail)
    if line.kind != "disburse":
        return
    order_id = mint("J", "suspense", line.key.serial)
    order = await platform.store.get(Instruction, order_id)
    if order is None:

        def make(key: Key) -> AdjustQuery:
            return AdjustQuery(key, line.subject, Adjustment.SUSPEND_OUT, line.amount_fen)

        order = instruction(errand, order_id, line.subject, make, BATCH_CHANNEL)
        await platform.store.save(order)
    serving = errand.serving(order.id)
    posted = await carry_out(platform, serving, calls.SUSPENSE_BOOK, calls.SUSPENSE_OUTCOME, order)
    await answer_with(platform, order.id, posted)


async def miss(
    platform: Platform, errand: Errand, order: Instruction, on: date, found: Reconciled
) -> None:
    """Ask after what we call posted on a date whose file does not tell it."""
    query = OutcomeQuery(order.key, fence=False)
    serving = errand.serving(order.id)
    posted = await serving.ask(calls.SETTLE_OUTCOME, platform.ports.corebank.outcome, query)
    elsewhere = posted.accounting_date
    if posted.outcome is Outcome.DONE and elsewhere is not None and elsewhere != on:
        await redate(platform, order, elsewhere)
        return
    found.ours_only.append(order.key.serial)
    detail = f"not in the file of {on}; the core says {posted.outcome}"
    await note(platform, "ours_only", order.id, order.bank, on, detail)


async def close_suspended(platform: Platform, bank: str, on: date) -> None:
    """Give up what two files do not tell: it was suspended before ``on``, and can post no more.

    The core rejects whatever arrives after its valid_until, so once that has passed, and neither
    the file of its own date nor that of the next has it, it never happened.
    """
    for order in await platform.store.unsettled(bank):
        if order.suspended_on is None or order.suspended_on >= on:
            continue
        if not isinstance(order.query, POSTING) or isinstance(order.query, AdjustQuery):
            continue  # the file does not tell of openings, and our own bookings are completed
        valid_until_s = order.query.valid_until_s
        if valid_until_s is None or valid_until_s >= platform.clock.now_s:
            continue
        if await platform.store.get(AuditEvent, mint("E", AMOUNT_DIFFERS, order.id)) is not None:
            continue  # it was posted, though not as we asked: for a person
        never = Posted(Outcome.NOT_FOUND, CoreCode.EXPIRED, accounting_date=on)
        await note(platform, "file_decided", order.id, bank, on, "never posted")
        await conclude(platform, order, never)


async def note(
    platform: Platform, kind: str, subject: str, bank: str, on: date, detail: str
) -> None:
    """Write an audit event, once, however often files tell the same."""
    event = AuditEvent(mint("E", kind, subject), bank, kind, subject, on, detail)
    await platform.store.save(event)


def amount_fen(query: Write) -> int | None:
    """Return the amount of a posting that our query asks for; None where it names none."""
    if isinstance(query, CollectQuery):
        return query.total_fen
    if isinstance(query, DisburseQuery | AdjustQuery | MoveQuery):
        return query.amount_fen
    return None
