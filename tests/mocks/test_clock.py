"""The served clock: it runs, stands still and is moved, and things come in their order."""

from __future__ import annotations

import asyncio
import selectors
import time
from contextlib import contextmanager
from datetime import date
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import InputError
from mocks import clock as clocks
from mocks.clock import (
    ALARM_MAX_S,
    HELD_MAX_S,
    MOVED_MAX_S,
    SPEED_MAX,
    ServedClock,
    machine_s,
)

START = date(2020, 7, 15)
NINE = 9 * 3600.0
DAY_S = 86_400.0
BROKEN = "broken off"


class Machine(selectors.SelectSelector):
    """A machine's clock that jumps over whatever nobody works in.

    The event loop asks it for something to do within a time; there is nothing, and that time is
    over at once. Its times are sums of powers of two, so that no test has to round.
    """

    def __init__(self):
        super().__init__()
        self.now_s = 1_024.0

    def select(self, timeout=None):
        assert timeout is not None, "nothing will ever happen, and somebody waits for it"
        self.now_s += max(0.0, timeout)
        return super().select(0)

    def loop(self):
        loop = asyncio.SelectorEventLoop(self)
        loop.time = lambda: self.now_s
        return loop


@contextmanager
def machine_of():
    """Give a machine whose clock the served ones read, and what runs a coroutine on it."""
    machine = Machine()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clocks, "monotonic", lambda: machine.now_s)
        with asyncio.Runner(loop_factory=machine.loop) as runner:
            yield machine, runner.run


@pytest.fixture
def machine():
    with machine_of() as (machine, run):
        machine.run = run
        yield machine


def at_nine(speed=1.0, frozen=False):
    clock = ServedClock(START, speed, NINE)
    if frozen:
        clock.freeze()
    return clock


class Told:
    """What happened on a clock, and how many seconds after nine."""

    def __init__(self, clock):
        self.clock, self.rows = clock, []

    def note(self, what):
        self.rows.append((what, self.clock.now_s - NINE))

    def later(self, what, after_s):
        self.clock.later(NINE + after_s, partial(self.note, what))

    async def wait(self, what, *waits_s):
        try:
            for wait_s in waits_s:
                await self.clock.serve(wait_s)
                self.note(what)
        except asyncio.CancelledError:
            self.note(BROKEN)
            raise

    async def waiting(self, what, *waits_s):
        """Begin to wait in a task of its own; return it."""
        task = asyncio.create_task(self.wait(what, *waits_s))
        await asyncio.sleep(0)
        return task


# ------------------------------------------------------------------------------- it runs, or not


@pytest.mark.parametrize("speed", [0.5, 1.0, 64.0, SPEED_MAX])
def test_business_time_is_the_machines_times_the_speed(machine, speed):
    clock = at_nine(speed)

    assert (clock.start, clock.now_s, clock.speed) == (START, NINE, speed)
    machine.now_s += 8
    assert clock.now_s == NINE + 8 * speed


def test_a_clock_that_stands_does_not_count_what_goes_by(machine):
    async def story():
        clock = at_nine(4.0)
        machine.now_s += 2
        clock.freeze()
        machine.now_s += 1_000
        stood = clock.now_s
        clock.resume()
        machine.now_s += 1
        return stood - NINE, clock.now_s - NINE, clock.frozen

    assert machine.run(story()) == (8, 12, False)


def test_another_speed_counts_from_now_on(machine):
    clock = at_nine(4.0)
    machine.now_s += 2
    clock.resume(0.5)
    machine.now_s += 2

    assert (clock.now_s - NINE, clock.speed) == (9, 0.5)
    clock.resume()
    assert clock.speed == 0.5


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf"), SPEED_MAX * 2])
def test_a_speed_that_is_none_changes_nothing(machine, speed):
    clock = at_nine(2.0, frozen=True)

    with pytest.raises(InputError, match="speed"):
        clock.resume(speed)

    assert (clock.frozen, clock.speed) == (True, 2.0)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("by_s", [-1.0, float("nan"), float("inf"), MOVED_MAX_S, MOVED_MAX_S * 2])
def test_a_move_that_cannot_be_moves_nothing(machine, by_s, frozen):
    async def story():
        clock = at_nine(frozen=frozen)
        with pytest.raises(InputError, match="clock"):
            await clock.advance(by_s)
        before_s, machine.now_s = clock.now_s, machine.now_s + 1
        return before_s, clock.now_s - before_s

    assert machine.run(story()) == (NINE, 0 if frozen else 1)


def test_a_century_from_the_first_day_is_the_furthest(machine):
    async def story():
        clock = at_nine()
        await clock.advance(MOVED_MAX_S - NINE)
        machine.now_s += 1
        await clock.advance(0)
        with pytest.raises(InputError, match="a century is enough"):
            await clock.advance(1)
        return clock.now_s - MOVED_MAX_S

    assert machine.run(story()) == 1


def test_signatures_are_dated_by_the_machine():
    before_s = time.time()

    assert before_s <= machine_s() <= time.time()


# ----------------------------------------------------------------------------- whoever waits here


@pytest.mark.parametrize("speed", [0.25, 1.0, 4_096.0])
def test_who_is_served_goes_on_at_their_moment_at_whatever_speed(machine, speed):
    async def story():
        told = Told(at_nine(speed))
        await asyncio.gather(told.wait("b", 8, 8), told.wait("a", 4), told.wait("c", 12))
        return told.rows

    assert machine.run(story()) == [("a", 4), ("b", 8), ("c", 12), ("b", 16)]


@pytest.mark.parametrize("wait_s", [0.0, -1.0])
def test_what_takes_no_time_waits_for_nobody(machine, wait_s):
    assert machine.run(at_nine(frozen=True).serve(wait_s)) is None


def test_all_visits_share_the_clock(machine):
    async def story():
        clock = at_nine(frozen=True)
        await clock.enter("7")
        return clock.now_s

    assert machine.run(story()) == NINE


def test_nobody_is_woken_early_by_the_machines_own_clock():
    async def story():
        clock, rows = ServedClock(START, 1_000.0, NINE), []

        async def wait(wait_s):
            until_s = clock.now_s + wait_s
            await clock.serve(wait_s)
            rows.append(clock.now_s >= until_s)

        await asyncio.gather(*(wait(wait_s) for wait_s in (0.001, 1, 7, 3, 20)))
        return rows

    assert asyncio.run(story()) == [True] * 5


def test_a_clock_that_stands_still_lets_nobody_wait_in_vain(machine):
    async def story():
        told = Told(at_nine(frozen=True))
        task = await told.waiting("a", 8)
        told.later("b", 4)
        assert told.clock._alarm is None
        await asyncio.sleep(30 * DAY_S)  # by the machine's clock
        assert told.rows == []
        await told.clock.advance(7)
        assert (told.rows, task.done()) == ([("b", 4)], False)
        await told.clock.advance(1)
        await task
        return told.rows

    assert machine.run(story()) == [("b", 4), ("a", 8)]


def test_who_waits_when_the_clock_stops_goes_on_when_it_runs(machine):
    async def story():
        told = Told(at_nine())
        task = await told.waiting("a", 8)
        await asyncio.sleep(6)
        told.clock.freeze()
        await asyncio.sleep(1_000)
        assert told.rows == []
        told.clock.resume()
        await task
        return told.rows, machine.now_s

    assert machine.run(story()) == ([("a", 8)], 1_024 + 8 + 1_000)


def test_who_was_due_before_the_clock_stopped_does_not_wait_for_it_to_run(machine):
    async def story():
        told = Told(at_nine())
        task = await told.waiting("a", 8)
        told.later("b", 9)
        machine.now_s += 10  # the machine was busy: nobody was woken meanwhile
        told.clock.freeze()
        await asyncio.sleep(1)
        task.cancel()
        return sorted(told.rows)

    assert machine.run(story()) == [("a", 10), ("b", 10)]


@pytest.mark.parametrize(("speed", "took_s"), [(4.0, 2 + 24 / 4), (0.25, 2 + 24 / 0.25)])
def test_another_speed_is_there_for_those_who_wait_already(machine, speed, took_s):
    async def story():
        told, began_s = Told(at_nine(4.0)), machine.now_s
        task = await told.waiting("a", 32)
        await asyncio.sleep(2)
        told.clock.resume(speed)
        await task
        return told.rows, machine.now_s - began_s

    assert machine.run(story()) == ([("a", 32)], took_s)


def test_who_comes_later_and_waits_less_is_woken_first(machine):
    async def story():
        told = Told(at_nine())
        first = await told.waiting("late", 64)
        await told.wait("soon", 2)
        assert not first.done()
        await first
        return told.rows

    assert machine.run(story()) == [("soon", 2), ("late", 64)]


def test_what_is_far_off_comes_when_its_time_has_come(machine):
    async def story():
        told, far_s = Told(at_nine(0.5)), 2.5 * ALARM_MAX_S  # of business time: five alarms
        told.later("far", far_s)
        await asyncio.sleep(2 * far_s - 1)
        assert told.rows == []
        await asyncio.sleep(2)
        return told.rows

    assert machine.run(story()) == [("far", 2.5 * ALARM_MAX_S)]


def test_what_was_due_long_ago_happens_at_once_and_not_in_the_past(machine):
    async def story():
        told = Told(at_nine())
        told.later("past", -100)
        await asyncio.sleep(0.5)
        told.clock.freeze()
        told.later("past too", -100)
        await told.clock.advance(0)
        return told.rows

    assert machine.run(story()) == [("past", 0), ("past too", 0.5)]


# ------------------------------------------------------------------------------ moved by hand


@pytest.mark.parametrize("frozen", [False, True])
def test_a_move_stops_at_every_moment_on_its_way(machine, frozen):
    async def story():
        told = Told(at_nine(frozen=frozen))
        tasks = [await told.waiting("d", 30, 30), await told.waiting("a", 10)]
        told.later("c", 30)
        told.later("b", 20)
        await told.clock.advance(70)
        await asyncio.gather(*tasks)
        told.note("moved")
        return told.rows

    rows = [("a", 10), ("b", 20), ("d", 30), ("c", 30), ("d", 60), ("moved", 70)]
    assert machine.run(story()) == rows


def test_what_happens_may_plan_what_happens_next(machine):
    async def story():
        told = Told(at_nine(frozen=True))

        def strike():
            told.note("hour")
            told.clock.later(told.clock.now_s + 3_600, strike)

        told.clock.later(NINE + 3_600, strike)
        await told.clock.advance(DAY_S)
        return told.rows

    assert machine.run(story()) == [("hour", 3_600 * hour) for hour in range(1, 25)]


def test_what_the_machine_takes_for_a_move_is_not_counted(machine):
    async def story():
        told = Told(at_nine())

        def take_long():
            machine.now_s += 1_000
            told.note("taken")

        told.clock.later(NINE + 8, take_long)
        await told.clock.advance(16)
        told.note("moved")
        machine.now_s += 2
        told.note("on it goes")
        return told.rows

    assert machine.run(story()) == [("taken", 8), ("moved", 16), ("on it goes", 18)]


def test_what_went_by_before_a_move_is_counted(machine):
    async def story():
        told = Told(at_nine())
        told.later("due", 4)
        machine.now_s += 8  # the machine was busy: it did not happen yet
        await told.clock.advance(0)
        return told.rows

    assert machine.run(story()) == [("due", 8)]


def test_who_waits_for_more_than_a_move_goes_on_in_what_is_left(machine):
    async def story():
        told = Told(at_nine())
        task = await told.waiting("a", 32)
        await told.clock.advance(16)
        await task
        return told.rows, machine.now_s

    assert machine.run(story()) == ([("a", 32)], 1_024 + 16)


def test_two_moves_at_once_are_made_one_after_the_other(machine):
    async def story():
        told = Told(at_nine(frozen=True))
        for after_s in (5, 10, 15, 20, 25):
            told.later("", after_s)
        await asyncio.gather(told.clock.advance(12), told.clock.advance(12))
        return [after_s for _, after_s in told.rows], told.clock.now_s - NINE

    assert machine.run(story()) == ([5, 10, 15, 20], 24)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_move_that_is_broken_off_stays_where_it_is(machine, frozen):
    async def story():
        told = Told(at_nine(frozen=frozen))
        moving = asyncio.create_task(told.clock.advance(100))
        told.clock.later(NINE + 10, moving.cancel)
        told.later("next", 20)
        await asyncio.gather(moving, return_exceptions=True)
        assert (moving.cancelled(), told.clock.now_s) == (True, NINE + 10)
        await asyncio.sleep(2)
        assert told.clock.now_s == NINE + 10 + (0 if frozen else 2)
        await told.clock.advance(20)
        return told.rows

    assert machine.run(story()) == [("next", 20)]


@pytest.mark.parametrize(
    ("act", "after_s"),
    [(ServedClock.freeze, 32), (partial(ServedClock.resume, speed=4.0), 32 + 4 * 2)],
    ids=["frozen", "resumed"],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_a_clock_may_be_stopped_and_started_while_it_is_moved(machine, frozen, act, after_s):
    async def story():
        told = Told(at_nine(frozen=frozen))
        told.clock.later(NINE + 8, partial(act, told.clock))
        told.later("after", 16)
        await told.clock.advance(32)
        await asyncio.sleep(2)
        return told.rows, told.clock.now_s - NINE

    assert machine.run(story()) == ([("after", 16)], after_s)


MOMENTS = st.integers(1, 40)


@given(
    st.lists(st.tuples(st.booleans(), MOMENTS, st.booleans()), max_size=12),
    st.lists(st.integers(0, 40), max_size=6),
    st.booleans(),
)
@example([(True, 30, False), (True, 10, True), (True, 40, False), (False, 5, False)], [40], True)
def test_however_a_clock_is_moved_things_come_in_order_each_at_its_moment(waits, moves, frozen):
    async def story(machine):
        told, tasks = Told(at_nine(frozen=frozen)), []
        for number, (is_visit, after_s, _) in enumerate(waits):
            if is_visit:
                tasks.append((number, await told.waiting(number, after_s)))
            else:
                told.later(number, after_s)
        for number, task in tasks:
            if waits[number][2]:
                task.cancel()
        await asyncio.sleep(0)
        told.rows.clear()
        for by_s in moves:
            await told.clock.advance(by_s)
        assert told.clock.now_s == NINE + sum(moves)
        return list(told.rows)  # who waits still is broken off at the end

    stays = [(after_s, n) for n, (visits, after_s, gone) in enumerate(waits) if not (visits & gone)]
    reached = [(n, after_s) for after_s, n in sorted(stays) if after_s <= sum(moves)]
    with machine_of() as (machine, run):
        assert run(story(machine)) == reached


# ----------------------------------------------------------------------- what ends, and what fails


def test_who_gives_up_keeps_no_place(machine):
    async def story():
        told = Told(at_nine())
        tasks = [await told.waiting(name, wait_s) for name, wait_s in (("a", 4), ("b", 8))]
        tasks[0].cancel()
        await asyncio.sleep(0)
        assert len(told.clock._due) == len(told.clock._waiting) == 1
        tasks[1].cancel()
        await asyncio.sleep(0)
        assert (told.clock._due, told.clock._waiting, told.clock._alarm) == ([], set(), None)
        return told.rows

    assert machine.run(story()) == [(BROKEN, 0), (BROKEN, 0)]


@pytest.mark.parametrize("after_s", [-1, 0], ids=["before", "after"])
def test_who_gives_up_in_the_moment_they_are_woken_harms_nobody(machine, caplog, after_s):
    async def story():
        told = Told(at_nine())
        task = await told.waiting("a", 4)
        told.clock.later(NINE + 4 + after_s, task.cancel)
        told.later("b", 4)
        machine.now_s += 4  # so that all of it is due at once
        await asyncio.sleep(1)
        assert task.cancelled()
        return told.rows

    assert machine.run(story()) == [("b", 4), (BROKEN, 4)]
    assert caplog.text == ""


@pytest.mark.parametrize("frozen", [False, True])
def test_a_clock_that_is_closed_breaks_everybody_off(machine, frozen):
    async def story():
        told = Told(at_nine(frozen=frozen))
        tasks = [await told.waiting(name, wait_s) for name, wait_s in (("a", 4), ("b", 8))]
        told.later("later", 6)
        told.clock.close()
        told.clock.close()
        told.clock.later(NINE + 6, partial(told.note, "later still"))
        assert told.clock._alarm is None
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(100)
        told.clock.resume()
        await told.clock.advance(100)
        return [task.cancelled() for task in tasks], told.rows

    assert machine.run(story()) == ([True, True], [(BROKEN, 0), (BROKEN, 0)])


@pytest.mark.parametrize("wait_s", [0.0, 1.0])
def test_nobody_is_served_on_a_closed_clock(machine, wait_s):
    async def story():
        clock = at_nine()
        clock.close()
        with pytest.raises(asyncio.CancelledError):
            await clock.serve(wait_s)

    machine.run(story())


def test_a_clock_may_be_closed_while_it_is_moved(machine):
    async def story():
        told = Told(at_nine())
        task = await told.waiting("a", 20)
        told.clock.later(NINE + 10, told.clock.close)
        told.later("b", 15)
        await told.clock.advance(30)
        await asyncio.gather(task, return_exceptions=True)
        return [what for what, _ in told.rows]

    assert machine.run(story()) == [BROKEN]


@pytest.mark.parametrize("moved", [True, False])
def test_what_fails_keeps_nobody_else_waiting(machine, caplog, moved):
    async def story():
        told = Told(at_nine(frozen=moved))
        told.clock.later(NINE + 4, partial(divmod, 1, 0))
        task = await told.waiting("a", 8)
        if moved:
            await told.clock.advance(10)
        await task
        return told.rows

    assert machine.run(story()) == [("a", 8)]
    assert "ZeroDivisionError" in caplog.text


# ------------------------------------------------------------- what takes the machine some time


class Slow(Told):
    """What happens takes the machine three seconds."""

    async def work(self, what, then_s=None):
        self.note(f"{what} begins")
        await asyncio.sleep(3)
        self.note(f"{what} ends")
        if then_s is not None:
            self.slowly(f"{what}, once more", then_s)

    def slowly(self, what, after_s, then_s=None):
        self.clock.later(NINE + after_s, partial(self.work, what, then_s))


@pytest.mark.parametrize("frozen", [False, True])
def test_a_moved_clock_stands_until_what_happens_is_done(machine, frozen):
    async def story():
        told = Slow(at_nine(frozen=frozen))
        told.slowly("a", 4, then_s=5)
        told.later("b", 4.5)
        told.later("c", 6)
        began_s = machine.now_s
        await told.clock.advance(10)
        return told.rows, machine.now_s - began_s

    rows, took_s = machine.run(story())

    assert rows == [
        *(("a begins", 4), ("a ends", 4), ("b", 4.5)),
        *(("a, once more begins", 5), ("a, once more ends", 5), ("c", 6)),
    ]
    assert took_s == 6


def test_while_a_move_waits_no_time_passes_by_itself(machine):
    async def story():
        clock, stood = at_nine(), []

        async def look():
            await asyncio.sleep(1)
            stood.append((clock.frozen, clock.stands, clock.now_s - NINE))

        clock.later(NINE + 4, look)
        await clock.advance(10)
        stood.append((clock.frozen, clock.stands, clock.now_s - NINE))
        return stood

    assert machine.run(story()) == [(False, True, 4), (False, False, 10)]


def test_a_clock_that_runs_waits_for_nothing(machine):
    async def story():
        told = Slow(at_nine())
        told.slowly("a", 1)
        told.slowly("b", 2)
        await asyncio.sleep(8)
        return told.rows

    rows = machine.run(story())

    assert rows == [("a begins", 1), ("b begins", 2), ("a ends", 4), ("b ends", 5)]


def test_on_a_frozen_clock_one_thing_happens_after_the_other(machine):
    async def story():
        told = Slow(at_nine(frozen=True))
        told.slowly("a", 0)
        told.slowly("b", 0)
        await told.clock.advance(1)
        return [what for what, _ in told.rows]

    assert machine.run(story()) == ["a begins", "a ends", "b begins", "b ends"]


@pytest.mark.parametrize("frozen", [False, True])
def test_a_move_waits_first_for_what_has_begun_before_it(machine, frozen):
    async def story():
        told = Slow(at_nine(frozen=frozen))
        told.slowly("a", 0, then_s=5)
        await asyncio.sleep(0.25)
        await told.clock.advance(20)
        return [what for what, _ in told.rows]

    assert machine.run(story()) == [
        *("a begins", "a ends", "a, once more begins", "a, once more ends")
    ]


def test_a_move_does_not_wait_for_ever(machine):
    async def story():
        told = Told(at_nine(frozen=True))
        told.clock.later(NINE + 4, partial(asyncio.sleep, 10 * HELD_MAX_S))
        told.later("b", 5)
        began_s = machine.now_s
        await told.clock.advance(4)
        took_s = machine.now_s - began_s
        told.clock.close()
        return took_s, told.clock.stands

    assert machine.run(story()) == (HELD_MAX_S, True)


def test_what_fails_on_its_way_is_told_and_keeps_nobody_else_waiting(machine, caplog):
    async def fail():
        await asyncio.sleep(1)
        raise LookupError("nobody there")

    async def story():
        told = Told(at_nine(frozen=True))
        told.clock.later(NINE + 4, fail)
        told.later("b", 5)
        await told.clock.advance(10)
        return told.rows

    assert machine.run(story()) == [("b", 5)]
    assert "nobody there" in caplog.text


def test_a_clock_that_is_closed_breaks_off_what_happens(machine, caplog):
    async def story():
        told = Slow(at_nine(frozen=True))
        told.slowly("a", 0)
        told.slowly("b", 0)
        await asyncio.sleep(1)
        told.clock.close()
        await asyncio.sleep(10)
        return told.rows, len(told.clock._begun)

    assert machine.run(story()) == ([("a begins", 0)], 0)
    assert caplog.text == ""


def test_a_copy_does_again_what_was_not_done(machine):
    async def story():
        clock = at_nine(frozen=True)
        for name in "ab":
            clock.later(NINE + 1, partial(asyncio.sleep, 3, name))
        moving = asyncio.create_task(clock.advance(2))
        await asyncio.sleep(1)
        kept = clock.__getstate__()["due"]
        await moving
        return [happens.args[1] for _, _, happens in kept], clock.__getstate__()["due"]

    assert machine.run(story()) == (["a", "b"], [])
