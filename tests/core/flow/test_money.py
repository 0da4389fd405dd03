"""The unknown-outcome protocol, in every order in which messages can come, be late or be lost.

``Core`` posts a key once, whenever its request arrives, unless a fence came first. The table is
the one of the contract (corebank.md 6.5): paid at most once; told done, then paid; told failed or
rejected, then never paid, whatever still arrives.
"""

from __future__ import annotations

from datetime import date
from itertools import product
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.application import Step
from core.errors import (
    ConnectionLost,
    GaveUp,
    QuotaExceeded,
    ServerFailed,
    TimedOut,
    Unreachable,
    Unreadable,
)
from core.flow import calls
from core.flow.errand import RETRIES_A_STEP, TRIES_ROOM, Errand
from core.flow.money import (
    ASK_AFTER_S,
    ROUNDS_MAX,
    carry_out,
    instruct,
    instruction,
    settle,
    writer,
)
from core.flow.platform import Platform
from core.identity import CardNumber
from core.ports.corebank import (
    Adjustment,
    AdjustQuery,
    CollectQuery,
    CoreCode,
    Direction,
    DisburseQuery,
    MoveQuery,
    OpenQuery,
    Outcome,
    Posted,
    ReserveQuery,
)
from core.store.memory import CopyingStore
from core.store.records import Instruction
from scenarios.hosts.instant import InstantClock

START = date(2020, 7, 1)
CARD = CardNumber.make("629001", "000000000001")
LIMIT_S = 1.0  # how long the client waits for the core
DONE, REJECTED, IN_PROGRESS, NOT_FOUND = (
    Outcome.DONE,
    Outcome.REJECTED,
    Outcome.IN_PROGRESS,
    Outcome.NOT_FOUND,
)


class Send(NamedTuple):
    """What becomes of one request: when it arrives (None: never), and whether the answer does."""

    arrives_s: float | None
    answered: bool = False
    accepted: bool = False  # the core says IN_PROGRESS at once and posts when it "arrives"


# The first question comes 3 s after a request, the first fence at 8 s or, behind a lost question,
# at 9 s; the last fence at 53 to 56 s. Nobody waits for 900 s.
FINE = Send(0.5, answered=True)
SENDS = {
    "in time": Send(0.5),
    "after the query": Send(5.0),
    "after the fence": Send(12.0),
    "after everything": Send(900.0),
    "lost": Send(None),
}
ANSWERED, QUESTION_LOST, ANSWER_LOST = "answered", "question lost", "answer lost"
ASKS = (ANSWERED, QUESTION_LOST, ANSWER_LOST)


class Crash(BaseException):
    """The platform dies."""


class Clock(InstantClock):
    """A clock on which the platform can die, at the ``crash``-th thing that takes time."""

    crash = 0

    async def sleep(self, wait_s):
        self.crash -= 1
        if self.crash == 0:
            raise Crash
        self.advance(wait_s)


class Core:
    """Posts a key once, whenever its request arrives, unless a fence came first."""

    def __init__(self, clock, sends=(), asks=(), verdict=DONE):
        self.clock, self.sends, self.asks, self.verdict = clock, iter(sends), iter(asks), verdict
        self.fates, self.sent, self.asked, self.traces = {}, [], [], []

    def arrive(self, key):
        if self.fates.get(key, IN_PROGRESS) is IN_PROGRESS:
            self.fates[key] = self.verdict

    async def disburse(self, trace, query):
        self.traces.append(trace)
        self.sent.append(query.key)
        await self.clock.sleep(0.0)  # a platform that dies here has saved and not sent
        send = next(self.sends, FINE)
        if isinstance(send, type):
            raise send("corebank.disburse")
        if send.accepted:
            self.fates.setdefault(query.key, IN_PROGRESS)
        if send.arrives_s is not None:
            at_s = self.clock.now_s + send.arrives_s
            self.clock.later(at_s, lambda: self.arrive(query.key))
        await self.clock.sleep(LIMIT_S)
        if not send.answered:
            raise TimedOut("corebank.disburse")
        return Posted(self.fates[query.key])

    async def outcome(self, trace, query):
        self.traces.append(trace)
        self.asked.append((query.key, query.fence))
        ask = next(self.asks, ANSWERED)
        if query.fence and ask != QUESTION_LOST:
            self.fates.setdefault(query.key, NOT_FOUND)
        if ask != ANSWERED:
            await self.clock.sleep(LIMIT_S)
            raise TimedOut("corebank.outcome")
        return Posted(self.fates.get(query.key, NOT_FOUND))

    @property
    def paid(self):
        return list(self.fates.values()).count(DONE)


class Case:
    """One instruction, saved, on a platform that knows nothing but the core."""

    def __init__(self, sends=(), asks=(), verdict=DONE, step=Step.DRAW_DOWN):
        self.clock, self.step, self.visits = Clock(START), step, 0
        self.clock.now_s = 36_000.0
        self.core = Core(self.clock, sends, asks, verdict)
        ports = SimpleNamespace(corebank=self.core)
        self.platform = Platform(ports, CopyingStore(), self.clock, {}, {})
        order = instruction(
            self.errand(), "P1", "D1", lambda key: DisburseQuery(key, "L1", CARD, 5_000_000)
        )
        run(self.platform.store.save(order))

    def errand(self):
        return Errand(self.clock, "daopu", "D1", self.step, self.visits)

    @property
    def order(self):
        return run(self.platform.store.get(Instruction, "P1"))

    def visit(self):
        """Carry the instruction out as a customer's visit does; None where it was given up."""
        errand, order = self.errand(), self.order
        self.visits += 1
        try:
            posted = run(
                carry_out(self.platform, errand, calls.DISBURSE, calls.DISBURSE_OUTCOME, order)
            )
        except GaveUp:
            return None
        order.answer = posted
        run(self.platform.store.save(order))
        return posted.outcome

    def day_end(self):
        """Settle what was left open; None where the core gives no final word."""
        errand = Errand(self.clock, "daopu", "P1", Step.AFTER_LOAN)
        try:
            return run(settle(self.platform, errand, calls.SETTLE_OUTCOME, self.order)).outcome
        except GaveUp:
            return None

    def ends(self, told):
        """Let every late message arrive; what was told must be what is."""
        self.clock.flush()
        assert self.core.paid <= 1
        assert told in (None, DONE, REJECTED, NOT_FOUND)
        if told is not None:
            assert (told is DONE) == (self.core.paid == 1)
        older, newest = self.core.sent[:-1], self.core.sent[-1:]
        for key in set(older) - set(newest):  # no new key before the old one was final
            assert self.core.fates[key] is NOT_FOUND


def run(coroutine):
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


# The contract's table


@pytest.mark.parametrize("follow_up", ASKS)
@pytest.mark.parametrize("answer", ["answer arrives", "answer lost"])
@pytest.mark.parametrize("request_comes", SENDS)
def test_in_every_order_of_the_contract_the_customer_is_paid_once_and_told_so(
    request_comes, answer, follow_up
):
    send = SENDS[request_comes]
    in_time = send.arrives_s is not None and send.arrives_s < LIMIT_S
    send = send._replace(answered=in_time and answer == "answer arrives")
    case = Case([send], [ANSWERED, follow_up])
    told = case.visit()

    assert told is DONE
    assert case.core.paid == 1
    case.ends(told)


@pytest.mark.parametrize("first", SENDS)
@pytest.mark.parametrize("second", SENDS)
def test_whatever_is_lost_nobody_is_paid_twice_or_told_a_lie(first, second):
    for third, *asks in product(["in time", "after the fence", "lost"], *[ASKS] * 4):
        case = Case([SENDS[first], SENDS[second], SENDS[third]], asks)
        told = case.visit()
        if told is None:
            told = case.day_end()
        case.ends(told)

        assert told is not None, (third, asks)


@pytest.mark.parametrize("first", SENDS)
def test_what_the_core_rejects_is_never_told_as_done(first):
    for asks in product(ASKS, repeat=4):
        case = Case([SENDS[first]], asks, verdict=REJECTED)
        told = case.visit() or case.day_end()
        case.ends(told)

        assert told in (REJECTED, NOT_FOUND)
        assert case.core.paid == 0


@pytest.mark.parametrize("first", SENDS)
@pytest.mark.parametrize("later", ["visit", "day_end"])
def test_a_core_nobody_can_ask_leaves_the_outcome_open_until_it_can(first, later):
    case = Case([SENDS[first]], [ANSWER_LOST, *[QUESTION_LOST] * 3])
    told = case.visit()

    assert told is None
    assert case.order.answer is None
    assert case.core.sent == [case.order.key]  # no new key
    told = getattr(case, later)()
    case.ends(told)
    assert told in (DONE, NOT_FOUND)
    assert (told is DONE) == (case.core.paid == 1)


@pytest.mark.parametrize("posts_s", [1.0, 2.5, 5.0, 20.0, 50.0, 900.0])
@pytest.mark.parametrize("verdict", [DONE, REJECTED])
@pytest.mark.parametrize("answered", [True, False])
def test_accepted_is_not_done(posts_s, verdict, answered):
    case = Case([Send(posts_s, answered=answered, accepted=True)], verdict=verdict)
    told = case.visit()

    assert len(set(case.core.sent)) == 1  # what is in progress gets no new key
    assert told is (verdict if posts_s < 53.0 else None)
    case.ends(told)


@pytest.mark.parametrize(("posts_s", "told"), [(900.0, None), (0.0, DONE)])
def test_the_day_end_does_not_guess_what_is_still_in_progress(posts_s, told):
    case = Case([Send(posts_s, accepted=True)], [QUESTION_LOST] * 4)
    first = case.visit()

    assert first is None
    assert case.day_end() is told
    case.ends(told)


def test_a_customer_who_is_gone_is_not_sent_money():
    case = Case([SENDS["lost"]], [QUESTION_LOST] * 4)

    assert case.visit() is None
    assert case.day_end() is NOT_FOUND
    assert len(case.core.sent) == 1
    case.ends(NOT_FOUND)


# Keys


def test_the_key_is_saved_before_it_is_sent():
    case = Case([SENDS["lost"], SENDS["lost"]])
    saved = []

    class Watching(Core):
        async def disburse(self, trace, query):
            saved.append((case.order.key, case.order.query.key, case.order.sent_at_s))
            return await super().disburse(trace, query)

    case.platform.ports.corebank = core = Watching(case.clock, [SENDS["lost"], SENDS["lost"]])

    assert case.visit() is DONE
    assert [key for key, _, _ in saved] == [key for _, key, _ in saved] == core.sent
    assert [key.serial for key in core.sent] == ["P1", "P1-2", "P1-3"]
    assert all(sent_at_s == 36_000.0 for _, _, sent_at_s in saved)


@pytest.mark.parametrize("fault", [Unreachable, QuotaExceeded])
@pytest.mark.parametrize("failures", [1, 3, RETRIES_A_STEP])
def test_what_certainly_had_no_effect_is_sent_again_under_the_same_key(fault, failures):
    case = Case([fault] * failures)

    assert case.visit() is DONE
    assert len(case.core.sent) == failures + 1
    assert len(set(case.core.sent)) == 1
    assert case.core.asked == []


@pytest.mark.parametrize("fault", [TimedOut, ConnectionLost, ServerFailed, Unreadable])
def test_what_may_have_had_an_effect_is_asked_after_and_not_sent_again(fault):
    case = Case([fault])
    case.core.fates[case.order.key] = DONE

    assert case.visit() is DONE
    assert case.core.asked == [(case.order.key, False)]
    assert len(case.core.sent) == 1


def test_the_budget_of_the_step_ends_the_sending():
    case = Case([Unreachable] * 99)

    assert case.visit() is None
    assert len(case.core.sent) == RETRIES_A_STEP + 1
    case.ends(None)


def test_the_first_question_is_free_and_the_later_ones_fence():
    case = Case([SENDS["lost"]] * 9, [QUESTION_LOST] * 9)
    case.visit()

    assert [fence for _, fence in case.core.asked] == [False, True, True, True]


def test_a_question_without_a_fence_never_makes_a_new_key():
    case = Case([SENDS["after the query"]], [ANSWERED])

    assert case.visit() is DONE
    assert case.core.sent == [case.order.key]  # the late request was found by the next question


def test_after_so_many_rounds_a_visit_makes_no_further_key():
    case = Case([SENDS["after everything"]] * 9)
    told = case.visit()

    assert told is None
    assert len(set(case.core.sent)) == len(case.core.sent) == ROUNDS_MAX
    assert case.day_end() is NOT_FOUND
    case.ends(NOT_FOUND)


def test_an_instruction_that_was_lost_many_times_is_carried_out_when_the_line_is_back():
    # What the loan book has booked must reach the core some day, however bad the first one was.
    case = Case([SENDS["lost"]] * 2 * ROUNDS_MAX)

    assert [case.visit(), case.visit(), case.visit()] == [None, None, DONE]
    assert len(set(case.core.sent)) == len(case.core.sent) == 2 * ROUNDS_MAX + 1
    case.ends(DONE)


def test_a_key_used_for_something_else_stops_the_run():
    case = Case()

    async def disburse(trace, query):
        return Posted(REJECTED, CoreCode.KEY_CONFLICT)

    case.core.disburse = disburse
    with pytest.raises(AssertionError, match="was used for something else"):
        case.visit()


# Coming back


@pytest.mark.parametrize("first", SENDS)
def test_a_visit_that_finds_an_open_instruction_asks_before_it_sends(first):
    case = Case([SENDS[first]], [QUESTION_LOST] * 4)
    assert case.visit() is None
    sent, asked = len(case.core.sent), len(case.core.asked)
    case.clock.advance(900.0)
    told = case.visit()

    assert told is DONE
    assert case.core.paid == 1
    assert len(case.core.asked) > asked
    assert len(case.core.sent) - sent == (first == "lost")
    case.ends(told)


def test_an_instruction_that_was_answered_is_not_sent_again():
    case = Case()

    assert [case.visit(), case.visit()] == [DONE, DONE]
    assert len(case.core.sent) == 1
    assert case.core.asked == []


@pytest.mark.parametrize("first", SENDS)
@pytest.mark.parametrize("second", ["in time", "after the fence", "lost"])
def test_a_crash_at_any_moment_changes_nothing_of_this(first, second):
    for crash in range(1, 16):
        for later in ("visit", "day_end"):
            case = Case([SENDS[first], SENDS[second]], [QUESTION_LOST, ANSWER_LOST])
            case.clock.crash = crash
            try:
                told = case.visit()
            except Crash:
                case.clock.advance(60.0)
                told = getattr(case, later)() or case.day_end()
            case.ends(told)

            assert told is not None


# Patience


@pytest.mark.parametrize(
    ("step", "asked"),
    [
        (Step.ENTER, 2),  # 10 s: asked at 3 s and at 9 s
        (Step.AUTHORISE, 3),  # 30 s: the fourth question would come at 56 s
        (Step.REPAY, 4),
        (Step.DRAW_DOWN, 4),
    ],
)
def test_no_wait_for_an_outcome_goes_beyond_the_deadline(step, asked):
    case = Case([SENDS["lost"]] * 9, [QUESTION_LOST] * 99, step=step)
    deadline_s = case.errand().deadline_s

    assert case.visit() is None
    assert len(case.core.asked) == asked
    assert case.clock.now_s <= deadline_s + LIMIT_S  # a question in time may end after it


def test_without_time_nothing_is_asked_and_nothing_is_told():
    case = Case([SENDS["in time"]])
    errand, order = case.errand(), case.order
    case.clock.advance(400.0)
    with pytest.raises(GaveUp):
        run(instruct(case.platform, errand, calls.DISBURSE, calls.DISBURSE_OUTCOME, order))

    assert case.core.asked == []
    assert case.order.answer is None
    case.ends(None)


def test_questions_come_at_growing_intervals():
    assert list(ASK_AFTER_S) == sorted(set(ASK_AFTER_S))


@pytest.mark.parametrize("failures", range(RETRIES_A_STEP + 1))
def test_no_two_messages_of_an_instruction_share_a_name(failures):
    case, begun = Case(), 0
    for _ in range(3):  # each as long as a visit can be
        lost = [SENDS["lost"], *[Unreachable] * failures, SENDS["lost"], SENDS["lost"]]
        case.core.sends, case.core.asks = iter(lost), iter([ANSWERED, *[ANSWER_LOST] * 2] * 9)
        case.visit()
        case.clock.advance(900.0)
        before = [trace.attempt for trace in case.core.traces[:begun]]
        here = [trace.attempt for trace in case.core.traces[begun:]]
        begun = len(case.core.traces)

        assert max(before, default=0) < min(here) <= max(here) < min(here) + TRIES_ROOM
    names = [(trace.call, trace.attempt) for trace in case.core.traces]
    assert len(set(names)) == len(names) > 3 * (failures + 3)


# The room


@pytest.mark.parametrize(
    ("query", "operation"),
    [
        (DisburseQuery(None, "L1", CARD, 1), "disburse"),
        (CollectQuery(None, "L1", CARD, 1, 0, 0, 0), "collect"),
        (AdjustQuery(None, "L1", Adjustment.TO_OVERDUE, 1), "adjust"),
        (MoveQuery(None, CARD, Direction.IN, 1), "move"),
        (OpenQuery(None, "", None, None, CARD), "open_account"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_every_write_goes_to_its_own_operation(query, operation):
    operations = ("disburse", "collect", "adjust", "move", "open_account")
    core = SimpleNamespace(**{name: name for name in operations})

    assert writer(core, query) == operation


def test_a_write_that_the_flow_has_not_is_our_own_bug():
    with pytest.raises(AssertionError, match="ReserveQuery"):
        writer(SimpleNamespace(), ReserveQuery(None, CARD, 1))


faults = st.sampled_from([Unreachable, QuotaExceeded, ServerFailed])
sends = st.one_of(
    faults,
    st.builds(Send, st.one_of(st.none(), st.floats(0.0, 0.9)), st.just(False)),
    st.builds(Send, st.floats(0.0, 120.0), st.just(False), st.booleans()),
    st.just(FINE),
)


@given(
    st.lists(sends, max_size=12),
    st.lists(st.sampled_from(ASKS), max_size=20),
    st.sampled_from([DONE, REJECTED]),
    st.lists(st.tuples(st.sampled_from(["visit", "day_end"]), st.floats(0.0, 2_000.0)), max_size=4),
    st.integers(0, 40),
)
def test_any_life_of_an_instruction_ends_in_the_truth(sends, asks, verdict, life, crash):
    case = Case(sends, asks, verdict)
    case.clock.crash = crash
    told, waits = None, iter(life)
    for what, wait_s in [("visit", 0.0), *waits]:
        case.clock.advance(wait_s)
        try:
            told = getattr(case, what)()
        except Crash:
            told = None
        if told is not None:
            break
    case.ends(told)
