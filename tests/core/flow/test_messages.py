"""The message-order model of the contract (corebank.md 6.5): on paper, then with the real core.

First the contract's own table: five policies of a client over ten combinations of what may become
of a request, its answer and the follow-up. Then the real protocol against the real core, for each
kind of write: whatever comes late, is lost or only accepted, it is done at most once; who was told
"done" has it; who was told "failed" never gets it, when every message has arrived.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import NamedTuple

import pytest

from core.application import Application, State, Step
from core.errors import GaveUp, Refused
from core.flow import calls
from core.flow.journey import begin_anew
from core.flow.open_account import open_account
from core.flow.repay import repay
from core.flow.take_back import take_back
from core.ports.corebank import CoreCode, Outcome
from core.store.records import Drawdown, DrawState, Instruction, Repayment
from mocks.corebank.faults import CoreFault, CoreFaultKind
from scenarios.phone import Phone, Wish
from scenarios.stories.stage import BANK, DRAW_FEN
from tests.core.flow.kit import ANSWER_LOST, LOST, Scene, Send, due, lent, play_person, signed

# The model


class Case(NamedTuple):
    """When the request arrives, and whether its answer and the follow-up get through."""

    comes: str
    answered: bool
    followed: bool


CASES = [
    Case("in time", answered=True, followed=True),
    Case("in time", answered=True, followed=False),
    Case("in time", answered=False, followed=True),
    Case("in time", answered=False, followed=False),
    *[
        Case(comes, answered=False, followed=followed)  # whoever comes late finds nobody waiting
        for comes in ("after the query", "after the follow-up", "lost")
        for followed in (True, False)
    ],
]


class Paper:
    """A core on paper: what a key has paid, and which keys a fence has closed."""

    def __init__(self, case):
        self.case, self.fenced, self.paid = case, set(), []
        if case.comes == "in time":
            self.pay("first")

    def pay(self, key):
        if key not in self.fenced and key not in self.paid:
            self.paid.append(key)

    def late(self, after):
        if self.case.comes == after:
            self.pay("first")

    def found(self, key="first"):
        return key in self.paid

    def fence(self, key):
        if key not in self.paid:
            self.fenced.add(key)


def told_by(policy, core):
    """Play one case; return what the client says in the end: done, failed or open."""
    case = core.case
    known = (case.comes == "in time" and case.answered) or core.found()  # by answer, or by query
    core.late("after the query")
    told = "done" if known else policy(core, case.followed)
    core.late("after the follow-up")
    return told


def starts_over(core, followed):
    if followed:
        core.pay("second")
    return "done" if followed else "failed"


def says_failed(core, followed):
    return "failed"


def resends(core, followed):
    if followed:
        core.pay("first")
    return "done" if followed else "open"


def stays_unknown(core, followed):
    return "open"


def fences(core, followed):
    """Ask with a fence until an answer comes: a question that is lost is asked once more."""
    if not followed:
        core.late("after the follow-up")
    if core.found():
        return "done"
    core.fence("first")
    core.pay("second")
    return "done"


def judged(policy):
    """Return how many cases end fine, open, paid but told failed, and paid twice."""
    counts = {"fine": 0, "open": 0, "told failed": 0, "twice": 0}
    for case in CASES:
        core = Paper(case)
        told = told_by(policy, core)
        if len(core.paid) > 1:
            counts["twice"] += 1
        elif told == "open":
            counts["open"] += 1
        elif (told == "done") == bool(core.paid):
            counts["fine"] += 1
        else:
            assert told == "failed", "nobody says done where nothing was paid"
            counts["told failed"] += 1
    return tuple(counts.values())


@pytest.mark.parametrize(
    ("policy", "row"),
    [
        (starts_over, (6, 0, 2, 2)),
        (says_failed, (6, 0, 4, 0)),
        (resends, (7, 3, 0, 0)),
        (stays_unknown, (4, 6, 0, 0)),
        (fences, (10, 0, 0, 0)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_small_model_gives_the_table_of_the_contract(policy, row):
    assert len(CASES) == 10
    assert judged(policy) == row


# The real protocol: four kinds of write


class Payout:
    """A drawdown of a signed customer."""

    writes, asks = calls.DISBURSE, calls.DISBURSE_OUTCOME
    scene = staticmethod(signed)

    @staticmethod
    def act(play):
        person, ending = play.told
        app = play.get(Application, ending.application)
        play.stage._holder[app.id] = person
        return play.stage.ask_for(ending, "1", DRAW_FEN)

    @staticmethod
    def effects(play):
        return play.kinds()["disburse"]

    @staticmethod
    def told(play):
        draw = play.only(Drawdown)
        return {DrawState.DONE: "done", DrawState.REJECTED: "failed"}.get(draw.state)


@cache
def granted():
    """A customer who has been granted a line, and has no account yet."""

    async def tell(stage):
        person = stage.person(holds_card=False)
        ending = await stage.visit(person, refuses=frozenset({Step.OPEN_ACCOUNT}))
        return person, ending

    return Scene(tell)


class Opening:
    """A class II account."""

    writes, asks = calls.OPEN, calls.OPEN_OUTCOME
    scene = staticmethod(granted)

    @staticmethod
    async def act(play):
        app = play.get(Application, play.told[1].application)
        phone = Phone.of(play.host, play_person(play), BANK, Wish(), "1")
        try:
            return await open_account(play.platform, await play.stage.application(app.id), phone)
        except GaveUp:  # as a visit does: the next calls have names of their own
            app = await play.stage.application(app.id)
            await begin_anew(play.platform, app, Step.OPEN_ACCOUNT)
            raise

    @staticmethod
    def effects(play):
        return len([each for each in play.core.deposits(BANK) if each.bound])

    @staticmethod
    def told(play):
        app = play.get(Application, play.told[1].application)
        return "done" if app.state is State.ACCOUNT_READY else None


class Payment:
    """A payment of the first instalment from the account."""

    writes, asks = calls.COLLECT, calls.COLLECT_OUTCOME
    scene = staticmethod(due)

    @staticmethod
    def act(play):
        return repay(play.platform, play.told[2].id, "1", fund_fen=0)

    @staticmethod
    def effects(play):
        return play.kinds()["collect"]

    @staticmethod
    def told(play):
        states = {each.state for each in play.all(Repayment)}
        if DrawState.PENDING_CORE in states:
            return None
        return "done" if DrawState.DONE in states else "failed" if states else None


class Reversal:
    """The payout of this morning, taken back."""

    writes, asks = calls.TAKE_BACK, calls.TAKE_BACK_OUTCOME
    scene = staticmethod(lent)

    @staticmethod
    def act(play):
        return take_back(play.platform, play.only(Drawdown).id)

    @staticmethod
    def effects(play):
        return play.kinds()["reverse"]

    @staticmethod
    def told(play):
        state = play.only(Drawdown).state
        return {DrawState.REVERSED: "done", DrawState.DONE: "failed"}.get(state)


KINDS = [Payout, Opening, Payment, Reversal]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)

# The client waits 5 s. It asks at 7 s, with a fence at 12 s, 27 s and 57 s, or later where answers
# are lost; nobody waits for 900 s.
SENDS = {
    "in time": Send(0.5, answered=True),
    "in time, answer lost": ANSWER_LOST,
    "after the query": Send(9.0),
    "after the fence": Send(14.0),
    "after everything": Send(900.0),
    "lost": LOST,
}
QUESTION_LOST, REPLY_LOST = LOST, ANSWER_LOST
ASKS = {"": None, "question lost": QUESTION_LOST, "reply lost": REPLY_LOST}


class Wire:
    """What becomes of each request of one kind, and of each question after it."""

    def __init__(self, kind, sends=(), asks=(), then=None):
        self.kind, self.sends, self.asks, self.then = kind, iter(sends), iter(asks), then
        self.sent = []

    def __call__(self, operation, trace, query):
        if trace.call == self.kind.writes.number:
            self.sent.append(query.key)
            return next(self.sends, None)
        if trace.call in (self.kind.asks.number, calls.SETTLE_OUTCOME.number):
            return next(self.asks, self.then)
        return None


def opened(kind, *said, **more):
    play = kind.scene().open()
    play.told, play.began_on = kind.scene().told, play.stage.today
    play.wire = play.host.wire = Wire(kind, *said, **more)
    return play


def visit(kind, play):
    """Act as a customer's visit does; return what they were told, None where it was left open."""
    try:
        play.run(kind.act(play))
    except GaveUp:
        return None
    except Refused:
        return "failed"
    return "done"


def ends(kind, play, told):
    """Let everything arrive and the bank close two days; what was told must be what is."""
    play.quiet()
    play.wire.then = None
    before = kind.effects(play)
    assert before <= 1
    if told is not None:
        assert before == (told == "done")
    play.nights(2)
    assert kind.effects(play) == 1 if kind is Payment else kind.effects(play) <= 1
    if told is not None and kind is not Payment:  # an unpaid instalment is collected at night
        assert kind.effects(play) == before
    assert play.broken() == []


@each_kind
@pytest.mark.parametrize("send", SENDS)
@pytest.mark.parametrize("first", ASKS)
@pytest.mark.parametrize("second", ASKS)
def test_in_every_order_it_is_done_once_and_said_as_it_is(kind, send, first, second):
    play = opened(kind, [SENDS[send]], [ASKS[first], ASKS[second]])
    told = visit(kind, play)

    assert told == "done"
    assert kind.effects(play) == 1
    assert kind.told(play) == "done"
    ends(kind, play, told)


@each_kind
@pytest.mark.parametrize("send", [send for send in SENDS if send != "in time"])
@pytest.mark.parametrize("lost", [QUESTION_LOST, REPLY_LOST], ids=["questions", "replies"])
@pytest.mark.parametrize("later", ["another visit", "the day end", "nobody can ask for two days"])
def test_what_is_left_open_is_found_out_later(kind, send, lost, later):
    play = opened(kind, [SENDS[send]], then=lost)
    assert visit(kind, play) is None
    assert [order for order in play.all(Instruction) if order.answer is None]

    if later == "another visit":
        play.clock.advance(901.0)
        play.wire.then = None
        told = visit(kind, play)
        # A fenced key is followed by another one; what came too late was rejected by the core.
        too_late = send == "after everything" and lost is QUESTION_LOST
        assert told == ("failed" if too_late and kind is not Opening else "done")
    else:
        if later == "the day end":
            play.wire.then = None
        play.nights(1)
        told = kind.told(play)
        assert (told is None) == (later != "the day end" or kind is Opening)
    ends(kind, play, told)
    too_late = send == "after everything" and lost is QUESTION_LOST
    if kind is Opening and told is None and not too_late:
        assert visit(kind, play) == "done"
        assert kind.effects(play) == 1


def test_an_opening_that_came_too_late_is_sent_anew_on_the_next_visit():
    play = opened(Opening, [SENDS["after everything"]], then=QUESTION_LOST)
    assert visit(Opening, play) is None
    play.wire.then = None
    play.nights(1)

    assert visit(Opening, play) == "done"


@each_kind
@pytest.mark.parametrize("second", ["after the fence", "lost", "in time, answer lost"])
def test_three_requests_in_a_row_may_be_lost(kind, second):
    play = opened(kind, [LOST, SENDS[second], LOST])
    told = visit(kind, play)
    keys = play.wire.sent

    assert len(set(keys)) == len(keys)
    assert told is None or told == "done"
    ends(kind, play, told)


@pytest.mark.soak
@each_kind
@pytest.mark.parametrize("first", SENDS)
@pytest.mark.parametrize("second", SENDS)
def test_in_every_order_of_two_requests_and_four_questions(kind, first, second):
    for asks in product(ASKS.values(), repeat=4):
        for then in (None, QUESTION_LOST):
            play = opened(kind, [SENDS[first], SENDS[second]], asks, then=then)
            told = visit(kind, play)
            ends(kind, play, told)


# What the core itself does


def fault(kind, what, **said):
    operation = kind.writes.operation.partition(".")[2]
    return CoreFault(what, operation=operation, bank=BANK, nth=1, **said)


K = CoreFaultKind


@each_kind
@pytest.mark.parametrize("after_s", [1.0, 6.0, 20.0, 50.0, 300.0, 90_000.0])
@pytest.mark.parametrize("send", ["in time", "in time, answer lost"])
def test_accepted_is_not_done(kind, after_s, send):
    play = opened(kind, [SENDS[send]])
    play.core.faults = [fault(kind, K.ACCEPTED_NOT_DONE, delay_s=after_s)]
    told = visit(kind, play)

    assert told == ("done" if after_s <= 50.0 else None)
    assert len(set(play.wire.sent)) == 1  # what is in progress gets no new key
    ends_as_the_core_says(kind, play, told)


@each_kind
def test_accepted_and_never_done_is_found_out_by_the_day_end(kind):
    play = opened(kind)
    play.core.faults = [fault(kind, K.ACCEPTED_NEVER_DONE)]
    told = visit(kind, play)

    assert told is None
    assert len(set(play.wire.sent)) == 1
    play.nights(1)
    if kind is Opening:  # the customer has not had a word yet: the next visit sends it anew
        assert visit(kind, play) == "done"
        assert kind.effects(play) == 1
        return
    (order,) = [each for each in play.all(Instruction) if each.key in play.wire.sent]
    assert order.answer.code is CoreCode.DROPPED
    assert order.answer.outcome is Outcome.REJECTED
    ends_as_the_core_says(kind, play, kind.told(play))


def ends_as_the_core_says(kind, play, told):
    play.nights(2)
    play.quiet()
    assert kind.effects(play) <= 1
    if told is not None:
        assert (kind.told(play) == "done") == (kind.effects(play) == 1)
    assert play.broken() == []


@each_kind
@pytest.mark.parametrize("refusals", [1, 3, 6])
def test_a_core_that_is_closing_its_day_is_sent_the_same_key_again(kind, refusals):
    play = opened(kind)
    planned = fault(kind, K.EOD_REFUSAL)
    operation, bank = planned.operation, planned.bank
    play.core.faults = [
        CoreFault(K.EOD_REFUSAL, operation=operation, bank=bank, nth=1) for _ in range(refusals)
    ]
    told = visit(kind, play)

    assert told == "done"
    assert len(set(play.wire.sent)) == 1
    assert len(play.wire.sent) == refusals + 1
    ends(kind, play, told)


@each_kind
def test_a_core_that_stays_closed_is_left_and_the_customer_comes_back(kind):
    play = opened(kind)
    play.core.hold_writes(BANK, True)
    assert visit(kind, play) is None
    assert kind.effects(play) == 0
    play.core.hold_writes(BANK, False)
    play.clock.advance(900.0)
    told = visit(kind, play)

    assert told == "done"
    ends(kind, play, told)


@each_kind
@pytest.mark.parametrize("send", ["in time", "in time, answer lost", "after the query"])
def test_the_day_may_turn_between_request_and_posting(kind, send):
    play = opened(kind, [SENDS[send]])
    play.core.faults = [fault(kind, K.DAY_SWITCH)]
    told = visit(kind, play)

    if kind is Reversal:
        assert told == "failed"  # the payout's own date was over when the reversal was booked
    else:
        assert told == "done"
        dates = {entry.accounting_date for entry in play.core.entries(BANK)}
        assert kind is Opening or max(dates) > play.began_on
    ends(kind, play, told)


@each_kind
def test_a_request_that_is_worked_off_twice_has_one_effect(kind):
    play = opened(kind)
    play.core.faults = [fault(kind, K.ANSWERED_TWICE)]

    assert visit(kind, play) == "done"
    ends(kind, play, "done")


@each_kind
@pytest.mark.parametrize("arrives_s", [200.0, 299.0, 301.0, 400.0, 4_000.0])
def test_what_arrives_after_its_time_is_rejected_without_any_fence(kind, arrives_s):
    # Nobody can ask, so nobody fences; the request is valid until its errand's deadline.
    play = opened(kind, [Send(arrives_s)], then=QUESTION_LOST)
    assert visit(kind, play) is None
    play.quiet()
    (key,) = play.wire.sent
    patience_s = 60.0 if kind in (Payment, Reversal) else 300.0
    fate = play.core.fate(key)

    if arrives_s > patience_s:
        assert (fate.outcome, fate.code) == (Outcome.REJECTED, CoreCode.EXPIRED)
        assert kind.effects(play) == 0
    play.wire.then = None
    play.nights(1)
    told = kind.told(play)
    ends_as_the_core_says(kind, play, told)
