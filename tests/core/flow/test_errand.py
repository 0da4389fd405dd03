"""An errand's patience: a budget, a deadline, waits that grow, and attempts that have numbers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.application import Application, State, Step
from core.errors import (
    BreakerOpen,
    ConnectionLost,
    GaveUp,
    ProviderError,
    QuotaExceeded,
    Refused,
    ServerFailed,
    TimedOut,
    Unreachable,
    Unreadable,
)
from core.flow import calls
from core.flow.errand import (
    BACK_OFF_S,
    DEADLINE_S,
    RETRIES_A_CALL,
    RETRIES_A_STEP,
    TRIES_ROOM,
    Errand,
)
from core.flow.journey import begin_anew
from core.flow.platform import Platform
from core.store.memory import MemoryStore

START = date(2020, 7, 1)
FAULTS = (
    Unreachable,
    QuotaExceeded,
    BreakerOpen,
    TimedOut,
    ConnectionLost,
    ServerFailed,
    Unreadable,
)


class Clock:
    """A clock that remembers every wait, with the moment it began."""

    start = START

    def __init__(self, now_s=0.0):
        self.now_s, self.waits = now_s, []

    async def sleep(self, wait_s):
        self.waits.append((self.now_s, wait_s))
        self.now_s += wait_s


class Provider:
    """Ends one call after the other as it was told; ``takes_s`` each."""

    def __init__(self, clock, *ends, takes_s=0.0):
        self.clock, self.ends, self.takes_s, self.traces = clock, iter(ends), takes_s, []

    async def answers(self, trace, query):
        self.traces.append(trace)
        self.clock.now_s += self.takes_s
        end = next(self.ends)
        if isinstance(end, type):
            raise end(f"ocr.{query}")
        return end


def run(coroutine):
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


def errand(clock, step=Step.APPLY, tries=0):
    return Errand(clock, "daopu", "A1", step, tries)


def waits_of(clock):
    return [wait_s for _, wait_s in clock.waits]


def attempts_of(provider):
    return [trace.attempt for trace in provider.traces]


def test_an_answer_is_taken_as_it_is():
    clock = Clock()
    provider = Provider(clock, "answer")

    assert run(errand(clock).ask(calls.REPORT, provider.answers, "q")) == "answer"
    assert attempts_of(provider) == [1]
    assert clock.waits == []


@pytest.mark.parametrize("answer", [None, False, 0, ""])
def test_an_answer_that_looks_like_nothing_is_an_answer(answer):
    clock = Clock()
    provider = Provider(clock, TimedOut, answer)

    assert run(errand(clock).ask(calls.REPORT, provider.answers, "q")) is answer


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("failures", [1, 2, 3])
def test_an_operating_error_is_asked_again_after_growing_waits(fault, failures):
    clock = Clock()
    provider = Provider(clock, *[fault] * failures, "answer")
    factor = 2 if fault is QuotaExceeded else 1

    assert run(errand(clock).ask(calls.REPORT, provider.answers, "q")) == "answer"
    assert attempts_of(provider) == list(range(1, failures + 2))
    assert waits_of(clock) == [factor * wait_s for wait_s in BACK_OFF_S[:failures]]


def test_waits_grow():
    assert list(BACK_OFF_S) == sorted(set(BACK_OFF_S))


@pytest.mark.parametrize(
    ("faults", "waits"),
    [
        ((QuotaExceeded, TimedOut), [2 * BACK_OFF_S[0], BACK_OFF_S[1]]),
        ((TimedOut, QuotaExceeded), [BACK_OFF_S[0], 2 * BACK_OFF_S[1]]),
        ((TimedOut, TimedOut, QuotaExceeded), [*BACK_OFF_S[:2], 2 * BACK_OFF_S[2]]),
    ],
)
def test_only_the_wait_after_a_spent_quota_is_longer(faults, waits):
    clock = Clock()
    run(errand(clock).ask(calls.REPORT, Provider(clock, *faults, "answer").answers, "q"))

    assert waits_of(clock) == waits


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_giving_up_is_never_a_yes(fault):
    clock = Clock()
    provider = Provider(clock, *[fault] * 99)
    with pytest.raises(GaveUp) as seen:
        run(errand(clock).ask(calls.REPORT, provider.answers, "q"))

    assert attempts_of(provider) == list(range(1, RETRIES_A_CALL + 2))
    assert seen.value.operation == calls.REPORT.operation
    assert isinstance(seen.value.__cause__, fault)
    assert len(clock.waits) == RETRIES_A_CALL  # none after the last attempt


@pytest.mark.parametrize("error", [Refused, AssertionError, KeyError])
def test_what_is_no_operating_error_is_not_asked_again(error):
    clock = Clock()
    provider = Provider(clock, error)
    with pytest.raises(error):
        run(errand(clock).ask(calls.REPORT, provider.answers, "q"))

    assert attempts_of(provider) == [1]


def test_a_step_has_one_budget_for_all_its_calls():
    clock = Clock()
    step = errand(clock)
    for call in (calls.REPORT, calls.GOVERNMENT):
        assert run(step.ask(call, Provider(clock, *[TimedOut] * 3, "answer").answers, "q"))
    waited = len(clock.waits)
    third = Provider(clock, TimedOut, "too late")
    with pytest.raises(GaveUp, match="retry budget spent"):
        run(step.ask(calls.INTERNET, third.answers, "q"))

    assert waited == RETRIES_A_STEP
    assert attempts_of(third) == [1]
    assert len(clock.waits) == waited  # giving up costs no time
    assert run(step.ask(calls.INTERNET, Provider(clock, "answer").answers, "q")) == "answer"


def test_no_wait_goes_beyond_the_deadline():
    clock = Clock()
    step = errand(clock, Step.ENTER)
    provider = Provider(clock, *[TimedOut] * 9, takes_s=3.0)
    with pytest.raises(GaveUp, match="deadline"):
        run(step.ask(calls.LOGIN, provider.answers, "q"))

    # 3 s, 0.5 s, 3 s, 2 s, then 1.5 s are left and the next wait would be 5 s... of 10 s.
    assert clock.waits == [(3.0, 0.5), (6.5, 2.0)]
    assert clock.now_s == 11.5
    assert step.retries_left == RETRIES_A_STEP - 2


@pytest.mark.parametrize(("late_s", "asked"), [(0.0, [1, 2]), (1e-6, [1])])
def test_a_wait_may_end_at_the_deadline_and_not_after(late_s, asked):
    clock = Clock()
    step = errand(clock, Step.ENTER)
    clock.now_s = DEADLINE_S[Step.ENTER] - BACK_OFF_S[0] + late_s
    provider = Provider(clock, TimedOut, "answer")
    if asked == [1]:
        with pytest.raises(GaveUp, match="deadline"):
            run(step.ask(calls.LOGIN, provider.answers, "q"))
    else:
        run(step.ask(calls.LOGIN, provider.answers, "q"))

    assert attempts_of(provider) == asked


@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from(FAULTS), max_size=6), st.floats(0.0, 40.0)),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(Step),
)
def test_whatever_fails_a_step_keeps_its_budget_and_its_deadline(script, step):
    clock = Clock(now_s=36_000.0)
    carried = errand(clock, step)
    needed = made = 0
    for faults, takes_s in script:
        provider = Provider(clock, *faults, "answer", takes_s=takes_s)
        needed += 1
        try:
            assert run(carried.ask(calls.REPORT, provider.answers, "q")) == "answer"
            assert len(faults) <= RETRIES_A_CALL
        except GaveUp:
            assert faults
        made += len(provider.traces)
        assert attempts_of(provider) == list(range(1, len(provider.traces) + 1))

    assert made - needed == len(clock.waits) <= RETRIES_A_STEP
    assert carried.retries_left == RETRIES_A_STEP - len(clock.waits)
    assert all(began_s + wait_s <= carried.deadline_s for began_s, wait_s in clock.waits)


@pytest.mark.parametrize("step", Step)
def test_every_step_has_a_deadline(step):
    clock = Clock(now_s=100.0)

    assert errand(clock, step).deadline_s == 100.0 + DEADLINE_S[step]
    assert DEADLINE_S[step] > 0


def test_the_date_is_stamped_once():
    clock = Clock(now_s=86_399.0)
    carried = errand(clock)
    provider = Provider(clock, TimedOut, TimedOut, "answer", takes_s=5.0)
    run(carried.ask(calls.REPORT, provider.answers, "q"))

    assert clock.now_s > 86_400.0
    assert {trace.date for trace in provider.traces} == {START}
    assert {trace.deadline_s for trace in provider.traces} == {carried.deadline_s}


def test_a_trace_names_bank_application_call_and_attempt():
    trace = errand(Clock()).trace(calls.REPORT, 3)

    assert (trace.bank, trace.application) == ("daopu", "A1")
    assert (trace.call, trace.attempt) == (calls.REPORT.number, 3)


def test_the_first_attempt_is_named_as_trace_names_it():
    clock = Clock()
    for tries in (0, 3):
        carried = errand(clock, tries=tries)
        provider = Provider(clock, "answer")
        run(carried.ask(calls.REPORT, provider.answers, "q"))

        assert provider.traces == [carried.trace(calls.REPORT, 1)]


def test_attempts_go_on_when_a_step_is_begun_anew():
    clock, store = Clock(), MemoryStore()
    platform = Platform(None, store, clock, {}, {})
    app = Application("A1", "daopu", "daopu-household", "C1", State.AUTHORISED)
    run(store.save(app))
    seen = []
    for begin in range(4):
        carried = platform.errand(app, Step.APPLY)
        provider = Provider(clock, *[TimedOut] * 9)
        with pytest.raises(GaveUp):
            run(carried.ask(calls.REPORT, provider.answers, "q"))
        seen += attempts_of(provider)
        assert run(begin_anew(platform, app, Step.APPLY)) == begin + 1

    assert seen == [begin * TRIES_ROOM + n for begin in range(4) for n in range(1, 5)]
    assert run(store.get(Application, "A1")).tries == {Step.APPLY: 4}
    assert platform.errand(app, Step.SIGN).trace(calls.SIGNATURE).attempt == 1  # each for itself


def test_an_errand_that_serves_another_key_keeps_its_deadline_and_what_is_left():
    clock = Clock()
    carried = errand(clock, Step.DRAW_DOWN, tries=2)
    run(carried.ask(calls.DRAW_FACE, Provider(clock, TimedOut, "answer").answers, "q"))
    other = carried.serving("D1")

    assert (other.application, carried.application) == ("D1", "A1")
    assert other.deadline_s == carried.deadline_s
    assert other.retries_left == carried.retries_left == RETRIES_A_STEP - 1
    assert other.trace(calls.DISBURSE).attempt == 2 * TRIES_ROOM + 1


def test_gave_up_is_an_operating_error_like_the_others():
    # The flow catches ProviderError where a lost message is no harm; giving up must be among them.
    assert issubclass(GaveUp, ProviderError)
