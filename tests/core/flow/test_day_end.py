"""The day end: whoever pays, dies, sleeps or interferes, each day is closed once and rightly."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.application import Reason
from core.errors import GaveUp, InputError, Refused, Stale
from core.flow.day_end import day_end
from core.flow.lock import unlock
from core.flow.repay import repay
from core.lending.book import Loan, LoanState
from core.lending.classification import Category
from core.ports.corebank import CollectQuery, CoreCode, Outcome, Stage
from core.store.records import (
    AuditEvent,
    DayClose,
    DrawState,
    Instruction,
    Line,
    LoanLock,
    Repayment,
    RiskWarning,
)
from scenarios.stories.stage import BANK, DRAW_FEN
from tests.core.flow.kit import (
    A_DAY,
    HOUSEHOLD,
    MORNING_S,
    OTHER_BANK,
    WORKSHOP,
    Crash,
    Scene,
    Task,
    begin_night,
    books_of,
    die_at,
    due,
    end_night,
    honest,
    in_turns,
    late,
    lent,
    many,
    one_switch,
    play_person,
    rejects,
    two_switches,
    without_us,
)
from tests.core.flow.test_messages import QUESTION_LOST, SENDS, Opening, opened, visit

MINUTES_S = 60.0


def our_day_end(play, on, bank=BANK):
    return day_end(play.platform, bank, on)


def gone_on(play, nights=1):
    """End the night that has begun, and let more of them pass."""
    end_night(play)
    play.nights(nights)
    return play


def sound(play):
    return play.broken() == [] and not play.all(LoanLock)


# A crash anywhere


def undisturbed(scene):
    play = scene.open()
    on = begin_night(play)
    assert play.run(our_day_end(play, on)) == 0
    return books_of(gone_on(play))


def never_collected(play):
    """Whether a collection was written down that the core knows nothing of."""
    return any(
        isinstance(order.query, CollectQuery)
        and order.answer is None
        and play.core.fate(order.key).outcome is Outcome.NOT_FOUND
        for order in play.all(Instruction)
    )


def dies(scene, number, moment):
    """Open a night whose day end dies; return the play, the date, and whether it died at all."""
    play = scene.open()
    on = begin_night(play)
    die_at(play, number, moment)
    try:
        play.run(our_day_end(play, on))
    except Crash:
        return play, on, True
    return play, on, False


def comes_up(play, on, after_s):
    """Run the day end again as often as it says that something is left."""
    play.stage.platform = play.world.platform(play.host)
    play.clock.advance(after_s)
    for _ in range(3):
        if not play.run(our_day_end(play, on)):
            return True
        play.clock.advance(16 * MINUTES_S)
    return False


def crashes(scene, moment, after_s):
    """Die everywhere in turn; yield where, whether a collection was lost, and the books then."""
    number = 0
    while True:
        number += 1
        play, on, died = dies(scene, number, moment)
        if not died:
            return
        lost = never_collected(play)
        assert comes_up(play, on, after_s), number
        yield number, lost, books_of(gone_on(play)), play.broken()


MOMENTS = pytest.mark.parametrize("moment", ["before", "after"])
AGAIN = pytest.mark.parametrize("after_s", [0.0, 20 * MINUTES_S], ids=["at once", "later"])


@MOMENTS
@AGAIN
@pytest.mark.parametrize("product", [WORKSHOP, HOUSEHOLD])
def test_a_day_end_that_died_anywhere_goes_on_and_leaves_the_same_books(product, moment, after_s):
    scene = many(3, product)
    right, places = undisturbed(scene), 0
    for number, _, books, broken in crashes(scene, moment, after_s):
        places += 1
        assert broken == [], number
        assert books == right, number

    assert places > 30


@MOMENTS
@AGAIN
def test_a_collection_that_died_on_its_way_is_taken_the_same_night(moment, after_s):
    scene = many(1)
    right = undisturbed(scene)
    books = [books for _, lost, books, _ in crashes(scene, moment, after_s) if lost]

    assert books
    assert all(each == right for each in books)


@MOMENTS
@pytest.mark.parametrize("days", [1, 90, 180])
def test_a_day_end_over_arrears_may_die_anywhere(moment, days):
    # The night in which a loan turns overdue, leaves accrual, or is classified as lost.
    scene = late(days)
    right, places = undisturbed(scene), 0
    for number, _, books, broken in crashes(scene, moment, 20 * MINUTES_S):
        places += 1
        assert (number, broken) == (number, [])
        assert books == right, number

    assert places > 8


@MOMENTS
def test_a_day_end_that_nobody_calls_again_is_caught_up_by_the_next_one(moment):
    scene, number = late(2), 0
    alone = scene.open()
    alone.nights(2)
    owed_fen = alone.only(Loan).debt_fen
    while True:
        number += 1
        play, _, died = dies(scene, number, moment)
        if not died:
            break
        gone_on(play)

        assert play.broken() == [], number
        assert not play.all(LoanLock), number
        assert play.only(Loan).debt_fen == owed_fen, number


# Two day ends at once


def two_day_ends(scene, turns):
    play = scene.open()
    on = begin_night(play)
    tasks = [Task(our_day_end(play, on)) for _ in range(2)]
    in_turns(tasks, turns)
    return play, on


@cache
def steps_of_a_day_end(scene):
    play = scene.open()
    task = Task(our_day_end(play, begin_night(play)))
    task.finish()
    return task.steps


def accrues_and_collects_once(scene, turns, right):
    play, on = two_day_ends(scene, turns)
    comes_up(play, on, 20 * MINUTES_S)
    counts = play.kinds()
    gone_on(play)

    assert play.broken() == [], turns
    assert not play.all(LoanLock), turns
    assert counts["collect"] <= len(play.all(Loan))
    assert books_of(play) == right, turns


@pytest.mark.parametrize("scene", [lambda: many(2), lambda: late(1)], ids=["due", "overdue"])
def test_two_day_ends_at_once_accrue_and_collect_once(scene):
    scene = scene()
    right, steps = undisturbed(scene), steps_of_a_day_end(scene)
    for turns in one_switch((steps, steps)):
        accrues_and_collects_once(scene, turns, right)
    for turns in two_switches((steps, steps), every=97):
        accrues_and_collects_once(scene, turns, right)


def test_two_day_ends_at_once_collect_in_the_same_night():
    scene = many(2)
    steps = steps_of_a_day_end(scene)
    for turns in one_switch((steps, steps)):
        play, on = two_day_ends(scene, turns)
        comes_up(play, on, 20 * MINUTES_S)

        assert play.kinds()["collect"] == 2, turns


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_two_day_ends_in_every_order_with_two_switches():
    scene = many(2)
    right, steps = undisturbed(scene), steps_of_a_day_end(scene)
    for turns in two_switches((steps, steps)):
        accrues_and_collects_once(scene, turns, right)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 30)), max_size=12))
def test_two_day_ends_in_any_order_accrue_and_collect_once(turns):
    accrues_and_collects_once(many(2), turns, undisturbed_pair())


@cache
def undisturbed_pair():
    return undisturbed(many(2))


# A poisoned loan


def negative(loan):
    loan.rows[0].interest_fen = -1


def no_rows(loan):
    loan.rows = []


def short(loan):
    loan.paid_principal_fen = []


def no_due_date(loan):
    loan.rows[0].due = None


@pytest.mark.parametrize(
    "poison",
    [negative, no_rows, short, no_due_date],
)
def test_a_poisoned_loan_is_locked_and_counted_and_the_others_turn(poison):
    scene = many(3)
    play = scene.open()
    ids = sorted(loan.id for loan in scene.told)
    poisoned = play.get(Loan, ids[1])  # the second in the order of ids: one before it, one after
    poison(poisoned)
    on = begin_night(play)
    left = play.run(our_day_end(play, on))
    end_night(play)

    assert left == 1
    assert [lock.id for lock in play.all(LoanLock)] == [poisoned.id]
    assert play.kinds()["collect"] == 2
    assert play.core.accounting_date(BANK) == play.stage.today
    assert [event.kind for event in play.all(AuditEvent)] == ["loan_locked"]
    with pytest.raises(GaveUp, match="is locked"):
        play.run(repay(play.platform, poisoned.id, "by hand", 1_000, fund_fen=0))


def test_a_loan_that_was_mended_catches_up():
    play = many(2).open()
    sound_one, poisoned = play.all(Loan)[0], deepcopy(play.all(Loan)[0])
    negative(poisoned)
    play.run(play.store.save(poisoned))
    play.nights(3)
    assert [lock.lifted for lock in play.all(LoanLock)] == [False]
    sound_one.version = play.get(Loan, sound_one.id).version
    play.run(play.store.save(sound_one))
    play.run(unlock(play.platform, sound_one.id))
    play.run(unlock(play.platform, sound_one.id))  # once more changes nothing
    play.nights(1)

    assert [lock.lifted for lock in play.all(LoanLock)] == [True]
    assert all(each.paid(0) for each in play.all(Loan))
    assert play.broken() == []


def test_a_booking_that_the_core_rejects_locks_the_loan():
    play = late(1).open()
    rejects(play, "adjust", CoreCode.OVER_LOAN)
    play.nights(1)

    assert "over_loan" in play.only(LoanLock).why
    assert play.only(DayClose).left == 1


def test_a_booking_that_the_core_rejects_in_a_payment_locks_the_loan_too():
    play = late(1).open()
    rejects(play, "adjust", CoreCode.OVER_LOAN)
    play.ends(repay(play.platform, play.only(Loan).id, "1"))
    honest(play)
    play.nights(1)

    assert play.all(LoanLock)


# Banks


async def _two_banks(stage):
    here = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    there = stage.person(OTHER_BANK, holds_card=False)
    other = stage.expect(await stage.visit(there, OTHER_BANK), "done")
    await stage.days((date(2020, 8, 1) - stage.today).days, (BANK, OTHER_BANK))
    await stage.host.clock.sleep(MORNING_S)
    return here, other


@cache
def two_banks():
    """One loan at each of two banks, both due today."""
    return Scene(_two_banks)


def both_nights(play):
    on = begin_night(play)
    play.core.cutoff(OTHER_BANK)
    play.core.begin_batch(OTHER_BANK)
    return on


def fails_at(play, bank, failure):
    """Let every question to one bank's core fail."""

    def wire(operation, trace, query):
        return failure if operation.startswith("corebank") and trace.bank == bank else None

    play.host.wire = wire


@pytest.mark.parametrize("failure", [GaveUp, AssertionError, KeyError])
def test_one_banks_failure_leaves_the_other_banks_day_end_complete(failure):
    alone, play = two_banks().open(), two_banks().open()
    on = both_nights(alone)
    assert alone.run(our_day_end(alone, on, OTHER_BANK)) == 0
    assert both_nights(play) == on
    fails_at(play, BANK, failure)
    try:
        assert play.run(our_day_end(play, on, BANK)) > 0
    except (AssertionError, KeyError) as why:
        assert type(why) is failure  # noqa: PT017  the bank's own day end may break off
    left = play.run(our_day_end(play, on, OTHER_BANK))

    assert left == 0
    assert books_of(play) == books_of(alone)


def test_two_banks_day_ends_at_once_do_not_meet():
    alone, play = two_banks().open(), two_banks().open()
    for bank in (BANK, OTHER_BANK):
        alone.run(our_day_end(alone, both_nights(alone) if bank == BANK else on_of(alone), bank))
    on = both_nights(play)
    tasks = [Task(our_day_end(play, on, bank)) for bank in (BANK, OTHER_BANK)]
    in_turns(tasks, [(which, 1) for _ in range(200) for which in (0, 1)])

    assert [task.answer for task in tasks] == [0, 0]
    assert books_of(play) == books_of(alone)


def on_of(play):
    return play.stage.today - A_DAY


# By hand and by itself, on one day


async def night(play, on, outcome):
    """Close the core's day around our day end, as a task that can be interrupted."""
    play.core.cutoff(BANK)
    await play.clock.sleep(300.0)
    play.core.begin_batch(BANK)
    outcome.append(await day_end(play.platform, BANK, on))


def paid_beside_a_night(scene, turns, at_s, amount_fen=None):
    """Have a customer pay by hand while the night comes; let it end, and one more pass."""
    play = scene.open()
    play.clock.advance(at_s - play.clock.now_s % 86_400.0)
    on = play.stage.today if at_s < 86_400.0 else play.stage.today - A_DAY
    loan, left = play.all(Loan)[0], []
    tasks = [Task(repay(play.platform, loan.id, "hand", amount_fen)), Task(night(play, on, left))]
    in_turns(tasks, turns)
    end_on = play.core.accounting_date(BANK) + A_DAY
    play.core.end_day(BANK, end_on)
    play.clock.advance(20 * MINUTES_S)
    return play, tasks, loan


LAST_MINUTE_S, AFTER_MIDNIGHT_S = 86_395.0, 86_400.0 + 5.0


def steps_beside(scene, at_s):
    _, tasks, _ = paid_beside_a_night(scene, [], at_s)
    return tuple(task.steps for task in tasks)


def is_paid_once(scene, turns, at_s):
    play, tasks, loan = paid_beside_a_night(scene, turns, at_s)
    play.run(day_end(play.platform, BANK, play.core.accounting_date(BANK) - A_DAY))
    play.to(play.stage.today + A_DAY, 0.0)
    close_up(play)
    play.nights(2)

    assert play.broken() == [], turns
    assert not play.all(LoanLock), turns
    done = [paid for paid in play.all(Repayment) if paid.state is DrawState.DONE]
    assert sum(paid.parts.get("due_interest", 0) for paid in done) <= loan.rows[0].interest_fen
    assert play.get(Loan, loan.id).paid(0), turns
    assert play.kinds()["collect"] == len(done)
    no = tasks[0].answer
    # CORE_REJECTED: the money was to come in after the customer's patience was over.
    known = (Reason.NOTHING_DUE, Reason.NO_FUNDS, Reason.CORE_REJECTED)
    assert not isinstance(no, Refused) or no.reason in known


def close_up(play):
    """Close whatever day of the core has been left behind."""
    while play.core.accounting_date(BANK) < play.stage.today:
        play.run(play.stage.close(BANK, play.core.accounting_date(BANK)))


@pytest.mark.parametrize(
    "at_s", [LAST_MINUTE_S, AFTER_MIDNIGHT_S], ids=["on the day", "after midnight"]
)
def test_a_payment_by_hand_beside_the_nights_own_collection_is_taken_once(at_s):
    scene = due()
    lengths = steps_beside(scene, at_s)
    for turns in one_switch(lengths):
        is_paid_once(scene, turns, at_s)
    for turns in two_switches(lengths, every=61):
        is_paid_once(scene, turns, at_s)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("at_s", [LAST_MINUTE_S, AFTER_MIDNIGHT_S])
def test_a_payment_by_hand_in_every_order_with_two_switches(at_s):
    scene = due()
    for turns in two_switches(steps_beside(scene, at_s)):
        is_paid_once(scene, turns, at_s)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 25)), max_size=12),
    st.sampled_from([LAST_MINUTE_S, AFTER_MIDNIGHT_S]),
)
def test_a_payment_by_hand_in_any_order_is_taken_once(turns, at_s):
    is_paid_once(due(), turns, at_s)


@pytest.mark.parametrize("amount_fen", [1, 3_000, 9_417, 9_418, 500_000])
@pytest.mark.parametrize("scene", [due, lambda: late(3)], ids=["due", "late"])
def test_who_pays_after_midnight_before_the_day_end_is_not_locked_out(scene, amount_fen):
    play = scene().open()
    play.clock.advance(86_400.0 + 120.0 - play.clock.now_s % 86_400.0)
    play.run(repay(play.platform, play.only(Loan).id, "early bird", amount_fen))
    on = play.stage.today - A_DAY
    left = play.run(play.stage.close(BANK, on))
    play.nights(2)

    assert left == 0
    assert not play.all(LoanLock)
    assert play.broken() == []


# Accounts that give nothing


def test_an_empty_account_is_not_asked_and_the_loan_turns_overdue():
    play = due().open()
    play.run(play.stage.spend(play.only(Loan)))
    play.nights(2)

    assert not play.all(Repayment)
    assert play.only(Loan).state is LoanState.OVERDUE
    assert play.only(Line).frozen == "overdue"
    assert sound(play)


def test_an_account_that_holds_a_part_gives_that_part():
    play = due().open()
    loan = play.only(Loan)
    play.run(play.stage.spend(loan))
    play.run(play.stage.bring_in(loan, "some", 5_000))
    play.nights(1)
    paid = play.only(Repayment)

    assert (paid.amount_fen, paid.state) == (5_000, DrawState.DONE)
    assert deposit_of(play).balance_fen == 0
    assert sound(play)


def deposit_of(play):
    card = play.only(Loan).account
    return next(each for each in play.core.deposits(BANK) if each.card.text == card)


def test_a_frozen_account_is_left_alone():
    play = due().open()
    deposit_of(play).frozen = True
    play.nights(2)

    assert not [paid for paid in play.all(Repayment) if paid.state is DrawState.DONE]
    assert play.only(Loan).state is LoanState.OVERDUE
    assert sound(play)
    deposit_of(play).frozen = False
    play.nights(1)
    assert play.only(Loan).state is LoanState.LIVE
    assert sound(play)


def test_a_closed_account_rejects_the_collection_and_locks_nothing():
    play = due().open()
    deposit_of(play).closed = True
    play.nights(2)

    assert {paid.state for paid in play.all(Repayment)} == {DrawState.REJECTED}
    assert play.only(Loan).state is LoanState.OVERDUE
    assert play.kinds()["collect"] == 0
    assert sound(play)


def test_a_payment_to_a_closed_account_is_refused_and_moves_nothing():
    play = due().open()
    deposit_of(play).closed = True
    before = sum(play.kinds().values())
    for request, fund_fen in (("with money", None), ("without", 0)):
        no = play.ends(repay(play.platform, play.only(Loan).id, request, fund_fen=fund_fen))
        assert isinstance(no, Refused), no

    assert play.kinds()["move_in"] == play.kinds()["collect"] == 0
    assert sum(play.kinds().values()) - before <= 1  # the loan was turned to the day
    assert sound(play)


def test_nobody_answers_for_the_balance_and_the_day_closes_unpaid():
    play = due().open()
    play.host.wire = lambda operation, *_: GaveUp if operation == "corebank.balance" else None
    on = begin_night(play)

    assert play.run(our_day_end(play, on)) == 0
    gone_on(play)
    assert play.only(Loan).state is LoanState.OVERDUE
    assert sound(play)


# The core's own day


@pytest.mark.parametrize("stage", [Stage.OPEN, Stage.CUTOFF])
def test_a_core_that_is_not_in_its_batch_is_waited_for(stage):
    play = due().open()
    play.clock.advance(50_400.0)
    if stage is Stage.CUTOFF:
        play.core.cutoff(BANK)
    before = books_of(play)
    left = play.run(our_day_end(play, play.stage.today - A_DAY))

    assert left > 0
    assert books_of(play) == before
    assert play.only(DayClose).closed == play.stage.today - 2 * A_DAY


def test_a_core_that_does_not_answer_is_waited_for():
    play = due().open()
    on = begin_night(play)
    fails_at(play, BANK, GaveUp)
    before = books_of(play)

    assert play.run(our_day_end(play, on)) > 0
    assert books_of(play) == before


@pytest.mark.parametrize("ahead", [0, 1, 30])
def test_a_date_that_has_not_ended_is_not_closed(ahead):
    play = due().open()
    before = books_of(play)

    assert play.run(our_day_end(play, play.stage.today + ahead * A_DAY)) > 0
    assert books_of(play) == before


@pytest.mark.parametrize("ago", [1, 2, 20, 400])
def test_a_date_that_was_closed_long_ago_is_no_work(ago):
    play = late(5).open()
    before = books_of(play)

    assert play.run(our_day_end(play, play.stage.today - ago * A_DAY)) == 0
    assert books_of(play) == before
    assert play.only(DayClose).closed == play.stage.today - A_DAY


def test_a_payment_after_the_cut_off_belongs_to_the_next_date():
    play = due().open()
    play.clock.advance(86_400.0 - MORNING_S - 60.0)
    play.core.cutoff(BANK)
    paid = play.run(repay(play.platform, play.only(Loan).id, "late in the evening"))
    (entry,) = [each for each in play.core.entries(BANK) if each.kind == "collect"]

    assert paid.state is DrawState.DONE
    assert entry.accounting_date == play.stage.today + A_DAY
    play.clock.advance(120.0)
    close_up(play)
    play.nights(2)
    assert sound(play)
    assert play.kinds()["collect"] == 1


@pytest.mark.parametrize("comes_back_s", [400.0, 1_000.0])
def test_a_payment_in_the_batch_waits_and_is_taken_once(comes_back_s):
    play = due().open()
    begin_night(play)
    loan = play.only(Loan)
    no = play.ends(repay(play.platform, loan.id, "at night"))
    assert isinstance(no, GaveUp)
    assert play.kinds()["collect"] == play.kinds()["move_in"] == 0

    play.run(our_day_end(play, play.stage.today - A_DAY))
    play.core.end_day(BANK, play.stage.today)
    play.clock.advance(comes_back_s)
    again = play.ends(repay(play.platform, loan.id, "at night"))

    # The night has collected it from the account, or the customer now pays it; never both.
    assert play.kinds()["collect"] == 1, again
    play.nights(2)
    assert sound(play)


def test_a_payout_in_the_batch_waits_and_is_paid_once():
    play = lent().open()
    _, ending, _ = lent().told
    begin_night(play)
    play.stage._holder[ending.application] = play_person(play)
    no = play.ends(play.stage.ask_for(ending, "at night", 1_000_000))
    assert isinstance(no, GaveUp)
    assert play.kinds()["disburse"] == 1
    end_night(play)
    paid = play.run(play.stage.ask_for(ending, "at night", 1_000_000))

    assert paid.state is DrawState.DONE
    assert play.kinds()["disburse"] == 2
    play.nights(2)
    assert sound(play)


# Nights that were missed


def test_nights_that_nobody_closed_are_caught_up_by_the_next_one():
    each, none = late(1).open(), late(1).open()
    each.nights(12)
    for _ in range(11):
        without_us(none)
    none.nights(1)

    (here,), (there,) = each.all(Loan), none.all(Loan)
    assert (here.debt_fen, here.state, here.category) == (
        there.debt_fen,
        there.state,
        there.category,
    )
    assert none.broken() == []


def test_a_loan_whose_first_night_of_arrears_was_missed_freezes_its_line_later():
    play = due().open()
    play.run(play.stage.spend(play.only(Loan)))
    play.nights(1)
    without_us(play)
    play.nights(1)

    assert play.only(Loan).days_overdue(play.stage.today - A_DAY) == 2
    assert play.only(Line).frozen == "overdue"


def test_a_worse_category_is_a_warning_of_its_own():
    play = late(125).open()
    signals = {warning.signal.partition(",")[0] for warning in play.all(RiskWarning)}

    assert play.only(Loan).category is Category.DOUBTFUL
    assert signals == {"special_mention", "substandard", "doubtful"}


def test_the_file_of_a_day_whose_day_end_was_missed_is_compared_all_the_same():
    play, asked_for = due().open(), set()
    play.host.wire = lambda operation, _, query: (
        asked_for.add(query.on) if operation == "corebank.reconciliation" else None
    )
    missed = play.stage.today
    without_us(play)
    play.nights(3)

    assert missed - A_DAY in asked_for
    assert missed + A_DAY in asked_for
    assert missed in asked_for


# One line, two loans


@cache
def two_loans():
    """Two loans on one line, of which the first falls due; the account is empty."""

    async def tell(stage):
        person = stage.person(holds_card=False)
        ending = stage.expect(await stage.visit(person), "done")
        loan = await stage.loan(ending)
        await stage.days(3)
        await stage.host.clock.sleep(MORNING_S)
        again = await stage.draw_again(person, ending.application, "2", amount_fen=1_000_000)
        stage.expect(again, "done")
        await stage.spend(loan)
        await stage.days((loan.rows[0].due - stage.today).days + 2)
        await stage.host.clock.sleep(MORNING_S)
        return loan, await stage.loan(ending, 1)

    return Scene(tell)


def test_a_loan_in_arrears_freezes_the_line_of_both():
    play = two_loans().open()
    first, second = two_loans().told

    assert play.get(Loan, first.id).state is LoanState.OVERDUE
    assert play.get(Loan, second.id).state is LoanState.LIVE
    assert play.only(Line).frozen == "overdue"


def test_paying_one_loan_does_not_thaw_the_line_of_another_in_arrears():
    play = two_loans().open()
    _, second = two_loans().told
    play.run(repay(play.platform, second.id, "on the other", 10_000))

    assert play.only(Line).frozen == "overdue"


def test_paying_the_arrears_thaws_the_line():
    play = two_loans().open()
    first, _ = two_loans().told
    play.run(repay(play.platform, first.id, "the arrears"))

    assert play.only(Line).frozen == ""
    play.nights(1)
    assert sound(play)


# Months and holidays


async def _drawn_on(stage, day):
    person = stage.person(holds_card=False)
    ending = await stage.signed(person)
    while stage.today < day:
        await stage.days(min(30, (day - stage.today).days))
    await stage.host.clock.sleep(MORNING_S)
    await stage.ask_for(ending, "1", DRAW_FEN)
    return await stage.loan(ending)


@pytest.mark.parametrize(
    ("drawn_on", "dues"),
    [
        (date(2020, 8, 31), ["2020-09-30", "2020-10-31", "2020-11-30"]),
        (date(2021, 1, 31), ["2021-02-28", "2021-03-31", "2021-04-30"]),
        (date(2020, 9, 1), ["2020-10-01", "2020-11-01", "2020-12-01"]),  # 1 October is a holiday
        (date(2020, 12, 11), ["2021-01-11", "2021-02-11", "2021-03-11"]),  # New Year's Eve
    ],
    ids=str,
)
def test_an_instalment_is_collected_on_its_own_day_at_month_ends_and_on_holidays(drawn_on, dues):
    scene = Scene(lambda stage: _drawn_on(stage, drawn_on))
    play = scene.open()
    loan = play.only(Loan)
    assert [str(row.due) for row in loan.rows[:3]] == dues
    for number, row in enumerate(loan.rows[:3]):
        play.nights((row.due - play.stage.today).days)
        assert not play.get(Loan, loan.id).paid(number)  # not a day too early
        play.nights(1)
        assert play.get(Loan, loan.id).paid(number), row.due

    taken = [each.accounting_date for each in play.core.entries(BANK) if each.kind == "collect"]
    assert [str(day) for day in taken] == dues
    assert sound(play)


def test_a_loan_is_collected_for_its_whole_term_and_settles_by_itself():
    play = lent().open()
    loan = play.only(Loan)
    play.run(play.stage.bring_in(loan, "for the term", 200_000))
    play.nights((loan.rows[-1].due - play.stage.today).days + 2)
    settled = play.get(Loan, loan.id)

    assert settled.state is LoanState.SETTLED
    assert settled.allowance_fen == 0
    assert play.only(Line).used_fen == 0
    assert play.kinds()["collect"] == len(loan.rows)
    assert sound(play)


def test_what_a_day_ends_errand_is_told_is_the_day_that_ends():
    play = due().open()
    on = begin_night(play)
    dates = set()

    def wire(operation, trace, query):
        dates.add(trace.date)

    play.host.wire = wire
    play.run(our_day_end(play, on))

    assert dates == {on}


# What customers left open


def test_an_instruction_that_was_never_sent_is_left_as_it_is():
    play = opened(Opening, [SENDS["lost"]], then=QUESTION_LOST)
    visit(Opening, play)
    play.wire.then = None
    play.nights(5)
    (order,) = play.all(Instruction)

    assert order.round == 2


def test_a_young_instruction_may_still_have_its_customer_and_is_not_fenced():
    play = due().open()
    play.clock.advance(86_400.0 - MORNING_S - 30.0)
    task = Task(repay(play.platform, play.only(Loan).id, "five to twelve", fund_fen=0))
    while task.at != "corebank.collect":
        task.step()
    on = begin_night(play)
    left = play.run(our_day_end(play, on))
    (order,) = [each for each in play.all(Instruction) if isinstance(each.query, CollectQuery)]

    assert left == 1  # its loan waits
    assert order.round == 1
    assert play.core.fate(order.key).outcome is Outcome.NOT_FOUND  # and no fence
    assert isinstance(task.finish(), GaveUp | Stale)
    end_night(play)
    play.nights(2)
    assert sound(play)


def test_a_day_end_of_an_unknown_bank_is_no_day_end():
    play = due().open()

    with pytest.raises((InputError, KeyError)):
        play.run(day_end(play.platform, "nowhere", play.stage.today))
