"""The table of moves, walked: every legal move works, every other one leaves all as it was."""

from __future__ import annotations

import re
from copy import deepcopy
from itertools import product

import pytest

from core.application import (
    ENDS,
    MOVES,
    NEUTRAL,
    Application,
    Decision,
    Kind,
    Reason,
    State,
    Step,
)

LEGAL = sorted((state, step, to) for (state, step), ends in MOVES.items() for to in ends)
ILLEGAL = sorted(set(product(State, Step, State)) - set(LEGAL))
WALKS = {  # every state, by a walk that customers take
    State.ENTERED: (),
    State.REGISTERED: ((Step.REGISTER, State.REGISTERED),),
    State.AUTHORISED: ((Step.AUTHORISE, State.AUTHORISED),),
    State.GRANTED: ((Step.APPLY, State.GRANTED),),
    State.ACCOUNT_READY: ((Step.OPEN_ACCOUNT, State.ACCOUNT_READY),),
    State.SIGNED: ((Step.SIGN, State.SIGNED),),
    State.ACTIVE: ((Step.DRAW_DOWN, State.ACTIVE),),
}


def standing_at(state):
    """Return an application that stands at ``state``, with everything on it that can change."""
    return Application(
        "A1",
        "daopu",
        "daopu-household",
        "C1",
        state,
        tries={Step.APPLY: 2},
        checks=[(Step.REGISTER, "ocr", "quality 90")],
        history=[(Step.REGISTER, "registered")],
        reason=Reason.FACE_NOT_LIVE,
        drawdowns=["D1"],
    )


def named(value):
    return value.value if isinstance(value, Step | State) else None


@pytest.mark.parametrize(("state", "step", "to"), LEGAL, ids=named)
def test_a_legal_move_is_made_and_written_down(state, step, to):
    app = standing_at(state)
    expected = deepcopy(app)
    expected.state = to
    expected.history.append((step, to.value))

    app.move(step, to)

    assert app == expected


@pytest.mark.parametrize("state", State)
def test_an_illegal_move_leaves_everything_as_it_was(state):
    tried = [(step, to) for start, step, to in ILLEGAL if start is state]
    for step, to in tried:
        app = standing_at(state)
        before = deepcopy(app)
        with pytest.raises(AssertionError, match=f"A1: {step} leads from {state}"):
            app.move(step, to)

        assert app == before, f"{state} -{step}-> {to}"

    assert len(tried) + sum(start is state for start, _, _ in LEGAL) == len(Step) * len(State)


@pytest.mark.parametrize(("state", "step"), list(product(State, Step)), ids=named)
def test_a_step_may_be_taken_exactly_where_a_move_starts(state, step):
    assert standing_at(state).may(step) == any((state, step) == move[:2] for move in LEGAL)


def test_every_state_is_reached_from_the_door():
    reached, found = {State.ENTERED}, True
    while found:
        found = {to for state, _, to in LEGAL if state in reached} - reached
        reached |= found

    assert reached == set(State)


def test_the_happy_walk_is_in_the_table():
    app = Application("A1", "daopu", "daopu-household", "C1")
    for state, walk in WALKS.items():
        for step, to in walk:
            app.move(step, to)

        assert app.state is state


def test_no_move_leads_out_of_an_end():
    assert {state for state, _, _ in LEGAL} == set(State) - ENDS


def test_only_ends_are_never_left():
    stuck = {state for state in State if not any(start is state for start, _, _ in LEGAL)}

    assert stuck == ENDS


def test_a_loan_that_was_paid_out_is_never_declined():
    assert not [move for move in LEGAL if move[0] is State.ACTIVE and move[2] is State.DECLINED]


@pytest.mark.parametrize("start", [State.AUTHORISED, State.GRANTED, State.ACCOUNT_READY])
def test_wherever_a_customer_may_be_declined_they_may_be_held(start):
    ends = {to for state, _, to in LEGAL if state is start}

    assert {State.DECLINED, State.HELD} <= ends


def test_reason_codes_are_unique_and_of_one_form():
    codes = [reason.code for reason in Reason]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"R[1-8]\d\d", code) for code in codes)


def test_no_two_reasons_became_one_by_saying_the_same():
    # Two members of an Enum with equal values are one member under two names.
    assert len(Reason.__members__) == len(list(Reason))


def test_a_hit_and_a_review_read_the_same():
    hit, review = Reason.NAME_LIST_HIT, Reason.NAME_LIST_REVIEW

    assert hit.text == review.text == NEUTRAL
    assert hit.kind is review.kind is Kind.HELD
    assert not re.search(r"list|screen|sanction|review|police", NEUTRAL, re.IGNORECASE)


def test_held_reasons_alone_read_neutral():
    assert {reason for reason in Reason if reason.text == NEUTRAL} == {
        reason for reason in Reason if reason.kind is Kind.HELD
    }


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_a_reason_has_a_sentence_for_the_customer(reason):
    assert re.fullmatch(r"[A-Z].*\.", reason.text)
    assert isinstance(reason.kind, Kind)


@pytest.mark.parametrize(
    ("reasons", "granted"), [((), True), ((Reason.SCORE_TOO_LOW, Reason.OVERDUE_NOW), False)]
)
def test_a_line_is_granted_exactly_when_there_is_no_reason(reasons, granted):
    assert Decision("daopu-household", 1, reasons).granted is granted
