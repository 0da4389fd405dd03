"""Reconciliation: each transaction of either side falls into one class, and none is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import pytest

from core.application import Step
from core.errors import GaveUp, InputError, Refused
from core.flow.errand import Errand
from core.flow.funding import set_quota
from core.flow.reconcile import Reconciled, close_suspended, reconcile
from core.flow.repay import repay, repayment_id
from core.identity import CardNumber
from core.lending.book import Loan
from core.ports.corebank import (
    CollectQuery,
    CoreCode,
    Direction,
    DisburseQuery,
    FileAnswer,
    Key,
    MoveQuery,
    Outcome,
    Posted,
)
from core.store.records import (
    BATCH_CHANNEL,
    CHANNEL,
    Account,
    AuditEvent,
    DayClose,
    Drawdown,
    DrawState,
    Funding,
    Instruction,
    Line,
    Repayment,
)
from mocks.corebank.faults import CoreFault, CoreFaultKind
from mocks.corebank.files import assembled
from scenarios.stories.stage import BANK, DRAW_FEN
from tests.core.flow.kit import (
    A_DAY,
    ANSWER_LOST,
    LOST,
    Scene,
    books_of,
    due,
    honest,
    late,
    lent,
    lies,
    replace_port,
    signed,
)
from tests.core.flow.test_messages import QUESTION_LOST, Payout, opened, visit

REJECTED = Posted(Outcome.REJECTED, CoreCode.NO_ACCOUNT)
OUTSIDE = ("INV-CASH-EQ-LOANS", "INV-RECON-COMPLETE", "INV-SAID-AS-DONE", "INV-BOOKS-AGREE")


def errand(play, name="file"):
    return Errand(play.clock, BANK, name, Step.AFTER_LOAN)


def compare(play, on=None):
    """Compare the file of a date, by default yesterday's."""
    on = on or play.stage.today - A_DAY
    return play.run(reconcile(play.platform, errand(play), BANK, on))


def events(play, *but):
    return sorted(event.kind for event in play.all(AuditEvent) if event.kind not in but)


def payout_of(play):
    (order,) = [each for each in play.all(Instruction) if isinstance(each.query, DisburseQuery)]
    return order


def balance(play, code):
    balances = play.core.balances(BANK)
    return sum(fen for name, fen in balances.items() if name.partition(":")[0] == code)


# The classes


def test_what_both_sides_tell_is_matched_and_no_event():
    play = lent().open()
    play.nights(1)
    before = books_of(play)
    found = compare(play)

    assert found == Reconciled(matched=[payout_of(play).key.serial])
    assert events(play) == []
    assert books_of(play) == before


def test_a_payment_and_a_nights_bookings_are_matched_by_either_channel():
    play = due().open()
    play.run(repay(play.platform, play.only(Loan).id, "1"))
    play.nights(1)
    found = compare(play)
    channels = {order.key.channel for order in play.all(Instruction)}

    assert channels == {CHANNEL, BATCH_CHANNEL}
    assert len(found.matched) == 3  # turned, brought in, collected
    assert found == Reconciled(matched=found.matched)


def test_what_we_left_open_is_decided_by_the_file():
    play = opened(Payout, [ANSWER_LOST], then=QUESTION_LOST)
    assert visit(Payout, play) is None
    play.nights(1)
    found = compare(play)

    assert found == Reconciled(decided=[payout_of(play).key.serial])
    assert play.only(Drawdown).state is DrawState.DONE
    assert events(play) == ["file_decided", "suspended"]
    assert play.broken() == []


def told_rejected(scene=signed):
    """Have the core pay, and say that it did not."""
    play = scene().open()
    play.told = scene().told
    lies(play, "disburse", REJECTED)
    no = play.ends(Payout.act(play))
    assert isinstance(no, Refused)
    honest(play)
    return play


def test_a_payout_that_we_called_rejected_overrules_us():
    play = told_rejected()
    assert play.only(Drawdown).state is DrawState.REJECTED
    play.nights(1)
    found = compare(play)

    assert found == Reconciled(overruled=[payout_of(play).key.serial])
    assert play.only(Drawdown).state is DrawState.DONE
    assert play.only(Loan).principal_fen == play.only(Line).used_fen == DRAW_FEN
    assert events(play) == ["overruled"]
    assert play.broken() == []
    play.nights(2)  # and it is collected on and accrued like any other
    assert play.broken() == []


def test_an_overruled_payout_that_the_line_no_longer_holds_goes_to_suspense():
    play = told_rejected()
    line = play.only(Line)
    play.run(Payout.act(again(play, line.free_fen)))
    play.nights(1)
    found = compare(play)

    assert len(found.overruled) == 1
    assert events(play) == ["overruled", "theirs_only"]
    assert balance(play, "1221.09") == DRAW_FEN
    assert play.only(Line).used_fen == line.limit_fen
    assert play.broken(*OUTSIDE) == []


def again(play, amount_fen):
    """Let the next drawdown be another request, for another amount."""
    person, ending = play.told
    play.stage._holder[ending.application] = person
    asked = play.stage.ask_for
    play.stage.ask_for = lambda ending, request, _: asked(ending, "another", amount_fen)
    return play


def test_an_overruled_payout_above_the_funding_does_not_stop_the_day_end():
    play = told_rejected()
    play.run(set_quota(play.platform, BANK, 1_000))
    play.nights(3)

    assert events(play, "overruled") == ["theirs_only"]


def test_a_payment_that_we_called_rejected_overrules_us():
    play = due().open()
    loan = play.only(Loan)
    lies(play, "collect", replace(REJECTED, code=CoreCode.NO_FUNDS))
    assert isinstance(play.ends(repay(play.platform, loan.id, "1", fund_fen=0)), Refused)
    honest(play)
    play.run(play.stage.close(BANK, midnight(play)))  # the night collects nothing: it is paid
    found = compare(play)

    assert len(found.overruled) == 1
    states = {paid.state for paid in play.all(Repayment)}
    assert states == {DrawState.DONE, DrawState.REJECTED}
    assert play.get(Loan, loan.id).paid(0)
    assert play.broken() == []


def midnight(play):
    play.clock.advance(86_400.0 - play.clock.now_s % 86_400.0)
    return play.stage.today - A_DAY


def test_an_overruled_payment_on_a_loan_that_has_moved_on_waits_for_a_person():
    play = due().open()
    loan = play.only(Loan)
    lies(play, "collect", replace(REJECTED, code=CoreCode.NO_FUNDS))
    assert isinstance(play.ends(repay(play.platform, loan.id, "1", 3_000, fund_fen=0)), Refused)
    honest(play)
    play.run(play.stage.spend(loan))
    play.nights(1)
    owed_fen = play.run(repay(play.platform, loan.id, "on the next day", 100)).debt
    found = compare(play)

    assert owed_fen["overdue_interest"] > 0
    assert len(found.overruled) == 1
    assert "theirs_only" in events(play)
    assert play.kinds()["suspend_out"] == 0  # only a payout is moved; a person sees to the rest


def unknown_payout(play, serial="P-nobody", channel=CHANNEL, loan="Lnobody", amount_fen=777_00):
    """Have the core pay out what nobody instructed."""
    key = Key(BANK, channel, play.stage.today, serial)
    account = CardNumber(play.only(Account).id)
    query = DisburseQuery(key, loan, account, amount_fen)
    posted = play.core.disburse(None, query, play.clock.now_s, None)
    assert posted.outcome is Outcome.DONE
    return serial


def test_a_payout_that_nobody_knows_goes_to_suspense():
    play = signed().open()
    serial = unknown_payout(play)
    play.nights(1)
    found = compare(play)

    assert found == Reconciled(theirs_only=[serial])
    assert balance(play, "1221.09") == 777_00
    assert balance(play, "1303.01") == 0
    (event,) = play.all(AuditEvent)
    assert (event.kind, event.subject) == ("theirs_only", serial)
    assert "disburse of 77700 fen on Lnobody" in event.detail
    assert play.broken(*OUTSIDE) == []


def test_an_unknown_payout_is_moved_once_however_often_it_is_compared():
    play = signed().open()
    unknown_payout(play)
    play.nights(3)
    for _ in range(2):
        compare(play, play.stage.today - 3 * A_DAY)

    assert balance(play, "1221.09") == 777_00
    assert play.kinds()["suspend_out"] == 1
    assert events(play) == ["theirs_only"]


def test_an_unknown_payment_is_noted_and_left_where_it_stands():
    play = due().open()
    loan = play.only(Loan)
    play.run(play.stage.bring_in(loan, "x", 1))  # turns nothing, and is ours
    key = Key(BANK, CHANNEL, play.stage.today, "R-nobody")
    query = MoveQuery(key, CardNumber(loan.account), Direction.OUT, 1_000)
    assert play.core.move(None, query, play.clock.now_s, None).outcome is Outcome.DONE
    play.nights(1)
    found = compare(play)

    assert found.theirs_only == ["R-nobody"]
    assert events(play) == ["theirs_only"]
    assert play.kinds()["suspend_out"] == play.kinds()["suspend_in"] == 0


def test_another_channels_transactions_are_none_of_our_business():
    play = signed().open()
    unknown_payout(play, channel="counter")
    play.nights(1)

    assert compare(play) == Reconciled()
    assert events(play) == []


def test_what_only_we_tell_is_asked_after_and_noted():
    play = signed().open()
    play.told = signed().told
    replace_port(
        play,
        "disburse",
        lambda trace, query: Posted(Outcome.DONE, CoreCode.OK, "C1", play.stage.today),
    )
    play.run(Payout.act(play))
    honest(play)
    play.nights(1)
    found = compare(play)

    assert found == Reconciled(ours_only=[payout_of(play).key.serial])
    (event,) = play.all(AuditEvent)
    assert event.kind == "ours_only"
    assert "the core says not_found" in event.detail


def test_an_amount_that_differs_is_noted_and_nothing_is_changed():
    play = lent().open()
    order = payout_of(play)
    order.query = replace(order.query, amount_fen=DRAW_FEN - 1)
    play.nights(1)
    before = books_of(play)
    found = compare(play)

    assert found == Reconciled(differing=[order.key.serial])
    (event,) = play.all(AuditEvent)
    assert (event.kind, event.detail) == (
        "amount_differs",
        f"{DRAW_FEN} fen in the file, {DRAW_FEN - 1} with us",
    )
    assert books_of(play) == before


def test_an_open_payout_whose_amount_differs_is_not_called_never_posted():
    play = opened(Payout, [ANSWER_LOST], then=QUESTION_LOST)
    visit(Payout, play)
    order = payout_of(play)
    order.query = replace(order.query, amount_fen=DRAW_FEN - 1)
    play.nights(4)

    assert "amount_differs" in events(play)
    assert play.only(Drawdown).state is not DrawState.REJECTED


def test_a_date_that_differs_is_taken_over_from_the_file():
    play = lent().open()
    order = payout_of(play)
    play.nights(1)
    order.answer.accounting_date = play.stage.today + A_DAY
    play.run(play.store.save(order))
    compare(play)

    assert payout_of(play).answer.accounting_date == play.stage.today - A_DAY


def test_a_date_that_differs_is_an_audit_event():
    play = lent().open()
    order = payout_of(play)
    play.nights(1)
    order.answer.accounting_date = play.stage.today + A_DAY
    play.run(play.store.save(order))
    found = compare(play)

    assert found.differing == [order.key.serial]
    assert events(play) == ["date_differs"]


def test_what_is_in_another_days_file_is_not_missing():
    # We say the day before: the core's date had turned on the way.
    play = due().open()
    play.run(repay(play.platform, play.only(Loan).id, "1", fund_fen=0))
    (order,) = [each for each in play.all(Instruction) if isinstance(each.query, CollectQuery)]
    order.answer.accounting_date -= A_DAY
    play.run(play.store.save(order))
    found = compare(play)

    assert found.ours_only == []
    assert play.get(Instruction, order.id).answer.accounting_date == play.stage.today
    assert events(play) == ["date_differs"]
    play.nights(2)
    assert play.broken() == []


# Files that cannot be believed

K = CoreFaultKind


def night_with(play, *faults):
    play.core.faults = list(faults)
    play.nights(1)
    play.core.faults = []


@cache
def unmatched():
    """An open payout, on the morning after its day; its file will decide."""

    async def tell(stage):
        person = stage.person(holds_card=False)
        ending = await stage.signed(person)
        app = await stage.application(ending.application)
        sends = iter([ANSWER_LOST])
        stage.host.wire = lambda operation, *_: (
            next(sends, None)
            if operation == "corebank.disburse"
            else LOST
            if operation == "corebank.outcome"
            else None
        )
        try:
            await stage.ask_for(ending, "1", DRAW_FEN)
        except GaveUp:
            await stage.days(1)
        await stage.host.clock.sleep(36_000.0)
        assert (await stage.application(app.id)).drawdowns
        return person, ending

    return Scene(tell)


def question_down(play):
    play.host.wire = lambda operation, *_: LOST if operation == "corebank.outcome" else None


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (K.FILE_SHORT, "tells 1 transactions of 2000000 fen, and has 0 of 0"),
        (K.FILE_LONG, "tells 1 transactions of 2000000 fen, and has 2 of 4000000"),
        (K.FILE_WRONG_TOTAL, "tells 1 transactions of 2000001 fen, and has 1 of 2000000"),
    ],
)
def test_a_file_that_does_not_add_up_is_refused_whole_and_asked_for_again(kind, problem):
    play = unmatched().open()
    question_down(play)
    day = play.stage.today - A_DAY
    play.core.faults = [CoreFault(kind, serial=day.isoformat())]
    before = books_of(play)
    with pytest.raises(InputError) as no:
        compare(play)
    assert books_of(play) == before
    assert problem in str(no.value)
    assert str(no.value).startswith(f"reconciliation file {BANK} {day}: ")
    assert no.value.remedy == "ask the core for the file again"

    night_with(play, CoreFault(kind, serial=day.isoformat()))
    (event,) = [each for each in play.all(AuditEvent) if each.kind == "bad_file"]
    assert (event.subject, event.detail) == (str(day), str(no.value))
    assert play.only(Drawdown).state is DrawState.PENDING_CORE
    assert day in play.only(DayClose).unreconciled
    assert play.only(DayClose).left > 0

    play.nights(1)  # sent again, and right this time
    assert play.only(Drawdown).state is DrawState.DONE
    assert day not in play.only(DayClose).unreconciled
    assert play.broken() == []


def test_a_late_file_is_waited_for_and_is_no_event():
    play = unmatched().open()
    question_down(play)
    day = play.stage.today - A_DAY
    night_with(play, CoreFault(K.FILE_LATE, serial=day.isoformat()))

    assert events(play) == ["suspended"]
    assert play.only(Drawdown).state is DrawState.PENDING_CORE
    assert day in play.only(DayClose).unreconciled
    play.nights(1)
    assert play.only(Drawdown).state is DrawState.DONE
    assert play.only(DayClose).unreconciled == (play.stage.today - A_DAY,)


def foreign(content, bank=BANK, day=None):
    """Return the file as that of another bank or another day, right in itself."""
    head, *lines, _ = content.splitlines(keepends=True)
    _, _, _, on, count, total_fen = head.strip().split("|")
    return assembled(bank, day or date.fromisoformat(on), lines, int(count), int(total_fen))


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda text: text.replace("L", "M", 1), "SHA-256"),
        (lambda text: foreign(text, bank="gaowu"), "is that of gaowu"),
        (lambda text: foreign(text, day=date(2020, 6, 30)), "is that of daopu 2020-06-30"),
        (lambda text: text[: len(text) // 2], "is cut short"),
        (lambda text: "", "is cut short"),
    ],
    ids=["altered", "another bank's", "another day's", "half of it", "empty"],
)
def test_a_file_that_is_not_ours_or_not_whole_changes_nothing(spoil, problem):
    play = unmatched().open()
    question_down(play)
    act = play.core.reconciliation
    replace_port(
        play,
        "reconciliation",
        lambda trace, query: FileAnswer(
            spoil(act(trace, query, play.clock.now_s, None).content or "")
        ),
    )
    before = books_of(play)
    with pytest.raises(InputError, match=problem):
        compare(play)
    assert books_of(play) == before

    play.nights(1)
    assert "bad_file" in events(play)
    assert play.only(Drawdown).state is DrawState.PENDING_CORE
    honest(play)
    question_down(play)
    play.nights(1)
    assert play.only(Drawdown).state is DrawState.DONE


def test_a_core_that_does_not_hand_the_file_out_is_asked_the_next_night():
    play = unmatched().open()
    play.host.wire = lambda operation, *_: (
        LOST if operation in ("corebank.outcome", "corebank.reconciliation") else None
    )
    day = play.stage.today - A_DAY
    play.nights(2)

    assert day in play.only(DayClose).unreconciled
    assert play.only(DayClose).left > 0
    question_down(play)
    play.nights(1)
    assert play.only(Drawdown).state is DrawState.DONE
    assert play.only(DayClose).unreconciled == (play.stage.today - A_DAY,)


def test_a_date_that_is_not_sealed_has_no_file_yet():
    play = lent().open()
    before = books_of(play)

    assert compare(play, play.stage.today) is None
    assert compare(play, play.stage.today + 9 * A_DAY) is None
    assert books_of(play) == before


def test_files_that_have_been_compared_are_struck_off_and_not_asked_for_again():
    play = lent().open()
    play.nights(5)

    assert play.only(DayClose).unreconciled == (play.stage.today - A_DAY,)
    assert play.only(DayClose).closed == play.stage.today - A_DAY


# What no file tells


def never_arrived():
    """A payout that was lost on its way, and a query service that is down."""
    play = opened(Payout, [LOST], then=QUESTION_LOST)
    assert visit(Payout, play) is None
    return play


def test_what_two_files_do_not_tell_never_happened():
    play = never_arrived()
    states = []
    for _ in range(3):
        play.nights(1)
        states.append(play.only(Drawdown).state)

    assert states == [DrawState.PENDING_CORE, DrawState.PENDING_CORE, DrawState.REJECTED]
    assert events(play) == ["file_decided", "suspended"]
    order = payout_of(play)
    assert (order.answer.outcome, order.answer.code) == (Outcome.NOT_FOUND, CoreCode.EXPIRED)
    assert play.only(Line).reserved_fen == 0
    assert play.broken() == []


def test_what_was_suspended_today_is_not_closed_by_todays_file():
    play = never_arrived()
    play.nights(1)
    (order,) = play.all(Instruction)[-1:]
    for ago in (3, 2, 1):
        play.run(close_suspended(play.platform, BANK, play.stage.today - ago * A_DAY))

    assert order.suspended_on == play.stage.today - A_DAY
    assert play.only(Drawdown).state is DrawState.PENDING_CORE


def test_what_may_still_post_is_not_closed():
    play = never_arrived()
    play.nights(1)
    order = payout_of(play)
    order.query = replace(order.query, valid_until_s=play.clock.now_s + 1.0)
    play.run(play.store.save(order))
    play.run(close_suspended(play.platform, BANK, play.stage.today + A_DAY))
    assert play.only(Drawdown).state is DrawState.PENDING_CORE
    play.clock.advance(2.0)
    play.run(close_suspended(play.platform, BANK, play.stage.today + A_DAY))

    assert play.only(Drawdown).state is DrawState.REJECTED


def test_what_knows_no_end_of_its_time_is_not_closed():
    play = never_arrived()
    play.nights(1)
    order = payout_of(play)
    order.query = replace(order.query, valid_until_s=None)
    play.run(play.store.save(order))
    play.nights(3)

    assert play.only(Drawdown).state is DrawState.PENDING_CORE


@pytest.mark.parametrize("kind", [K.FILE_LATE, K.FILE_SHORT])
def test_nothing_is_closed_while_an_earlier_file_is_missing(kind):
    play = opened(Payout, [ANSWER_LOST], then=QUESTION_LOST)
    visit(Payout, play)
    until_s = play.clock.now_s + timedelta(days=4).total_seconds()
    play.core.faults = [CoreFault(kind, serial=play.stage.today.isoformat(), until_s=until_s)]
    states = []
    for _ in range(6):
        play.nights(1)
        states.append(play.only(Drawdown).state)

    assert states[-1] is DrawState.DONE
    assert DrawState.REJECTED not in states  # it was paid: nobody may be told that it failed


def test_our_own_bookings_are_never_closed_but_completed():
    play = late(1).open()
    play.host.wire = lambda operation, *_: (
        LOST if operation in ("corebank.adjust", "corebank.outcome") else None
    )
    play.nights(4)
    assert [order for order in play.all(Instruction) if order.answer is None]
    play.host.wire = lambda *_: None
    play.nights(2)

    assert play.broken() == []
    assert not [order for order in play.all(Instruction) if order.answer is None]


def test_a_suspended_payment_that_never_was_leaves_the_loan_free():
    play = due().open()
    loan = play.only(Loan)
    play.host.wire = lambda operation, trace, query: (
        LOST if operation == "corebank.outcome" or isinstance(query, CollectQuery) else None
    )
    assert isinstance(play.ends(repay(play.platform, loan.id, "1", fund_fen=0)), GaveUp)
    play.nights(3)
    assert play.get(Repayment, repayment_id(loan.id, "1")).state is DrawState.REJECTED
    play.host.wire = lambda *_: None
    play.nights(2)

    assert play.get(Loan, loan.id).paid(0)
    assert play.broken() == []


def test_funding_follows_what_the_file_decides():
    for send, used_fen in ((ANSWER_LOST, DRAW_FEN), (LOST, 0)):
        play = opened(Payout, [send], then=QUESTION_LOST)
        play.run(set_quota(play.platform, BANK, 10 * DRAW_FEN))
        assert visit(Payout, play) is None
        play.nights(3)
        funding = play.only(Funding)

        assert (funding.used_fen, funding.reserved_fen) == (used_fen, 0)
        assert play.broken() == []
