"""The checks, one by one: one yes, every other verdict a no of its own or no answer at all."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest

from core.application import Application, Kind, Reason, State, Step
from core.errors import GaveUp, Refused, TimedOut
from core.flow import calls
from core.flow.checks import (
    FACE_CALLS,
    Case,
    carrier_name,
    carrier_owner,
    face,
    id_network,
    judge_face,
    judge_phone,
    name_list,
)
from core.flow.errand import Errand
from core.flow.open_account import FIVE_NO, five_elements
from core.flow.platform import Platform
from core.flow.require import require
from core.identity import CardNumber, IdNumber, PhoneNumber
from core.picture import Picture
from core.policies import POLICIES, Check
from core.ports.carrier import NameAnswer, OwnerAnswer, PhoneVerdict
from core.ports.corebank import FiveAnswer, FiveVerdict
from core.ports.face import CompareAnswer, FaceAnswer, FaceVerdict, StartAnswer
from core.ports.idnet import IdAnswer, IdVerdict
from core.ports.objects import PutAnswer
from core.ports.sanctions import ScreenAnswer, Screened
from core.store.memory import MemoryStore
from core.store.records import Customer, Entry, Screening
from scenarios.hosts.instant import InstantClock

START = date(2020, 7, 1)
FIRST_17 = "32990019870101123"
NUMBER = IdNumber(FIRST_17 + IdNumber.check_digit(FIRST_17))
OTHER_17 = "32990019870101125"
OTHER_NUMBER = IdNumber(OTHER_17 + IdNumber.check_digit(OTHER_17))
CARD = CardNumber.make("629001", "000000000001")
PHOTO, FRAME = Picture.named("p1#idnet"), Picture.named("face/p1#face/T")

PHONE_VERDICTS = [
    (PhoneVerdict.DIFFERENT, Reason.PHONE_NOT_OWNED),
    (PhoneVerdict.NO_RECORD, Reason.PHONE_NO_RECORD),
    (PhoneVerdict.BAD_NAME, Reason.PICTURE_NOT_READ),
    (PhoneVerdict.BAD_NUMBER, Reason.PHONE_UNSUPPORTED),
    (PhoneVerdict.SEGMENT_UNSUPPORTED, Reason.PHONE_UNSUPPORTED),
    (PhoneVerdict.BUSY, GaveUp),
    (PhoneVerdict.DAILY_LIMIT, GaveUp),
]
ID_VERDICTS = [
    (IdVerdict.NAME_DIFFERS, Reason.ID_NAME_DIFFERS),
    (IdVerdict.NO_SUCH_NUMBER, Reason.ID_NOT_FOUND),
    (IdVerdict.OTHER_ERROR, GaveUp),
    (IdVerdict.BAD_PARAMETER, GaveUp),
]
FIVE_VERDICTS = [
    (FiveVerdict.DIFFERENT, Reason.BOUND_CARD_DIFFERS),
    (FiveVerdict.NO_SUCH_CARD, Reason.BOUND_CARD_DIFFERS),
    (FiveVerdict.CARD_CLOSED, Reason.BOUND_CARD_DIFFERS),
    (FiveVerdict.NOT_CLASS_ONE, Reason.BOUND_CARD_CLASS),
]
FACE_VERDICTS = [
    (FaceVerdict.NOT_DONE, Reason.FACE_NOT_SHOWN),
    (FaceVerdict.TOKEN_UNKNOWN, Reason.FACE_NOT_SHOWN),
    (FaceVerdict.TOKEN_EXPIRED, Reason.FACE_NOT_SHOWN),
    (FaceVerdict.NO_FACE, Reason.FACE_NOT_SHOWN),
    (FaceVerdict.SEVERAL_FACES, Reason.FACE_NOT_SHOWN),
    (FaceVerdict.NOT_LIVE, Reason.FACE_NOT_LIVE),
    (FaceVerdict.NAME_MISMATCH, Reason.ID_NAME_DIFFERS),
    (FaceVerdict.BELOW_THRESHOLD, Reason.FACE_NOT_MATCHED),
    (FaceVerdict.NO_PHOTO, Reason.FACE_NO_REFERENCE),
    (FaceVerdict.TOO_OFTEN, Reason.FACE_TOO_OFTEN),
]
ALL_TABLES = [
    (PHONE_VERDICTS, PhoneVerdict, {PhoneVerdict.SAME}),
    (ID_VERDICTS, IdVerdict, {IdVerdict.MATCH, IdVerdict.MATCH_NO_PHOTO}),
    (FIVE_VERDICTS, FiveVerdict, {FiveVerdict.SAME}),
    (FACE_VERDICTS, FaceVerdict, {FaceVerdict.PASSED}),
]

KEPT = "face/" + "0" * 64


class Providers:
    """Answers each operation with what it was given for it, and notes what it was asked."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __getattr__(self, operation):
        async def answer(trace, query):
            self.asked.append((trace.call, operation, query))
            given = self.answers[operation]
            if isinstance(given, type):
                raise given(operation)
            return given

        return answer


class Desk:
    """One customer before one check."""

    def __init__(self, step=Step.OPEN_ACCOUNT, **answers):
        clock = InstantClock(START)
        self.providers, self.store = Providers(**answers), MemoryStore()
        self.app = Application("A1", "daopu", "daopu-household", "C1", State.GRANTED)
        phone = PhoneNumber("13900001234")
        self.customer = Customer(
            "C1", "daopu", "o1", Entry.SCAN, "", "李明", NUMBER, phone, "", None, ()
        )
        ports = SimpleNamespace(
            **dict.fromkeys(("carrier", "idnet", "sanctions", "face", "corebank"), self.providers),
            objects=Providers(put=PutAnswer(KEPT, created=True)),
        )
        self.platform = Platform(ports, self.store, clock, {}, {})
        errand = Errand(clock, "daopu", "A1", step)
        self.case = Case(self.platform, errand, self.app, self.customer)

    def ask(self, check, call):
        return run(check(self.case, call))

    def show(self, step=Step.APPLY, photo=None):
        phone = SimpleNamespace(show_face=self._shown)
        return run(face(self.case, step, phone, photo))

    async def _shown(self, token):
        self.providers.asked.append((None, "shown", token))

    @property
    def asked(self):
        return [operation for _, operation, _ in self.providers.asked]


def run(coroutine):
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


def refused(reason, act):
    """Require a Refused for ``reason``, or no answer at all where ``reason`` is GaveUp."""
    expected = GaveUp if reason is GaveUp else Refused
    with pytest.raises(expected) as seen:
        act()
    if reason is not GaveUp:
        assert seen.value.reason is reason


@pytest.mark.parametrize(
    ("table", "verdicts", "yes"), ALL_TABLES, ids=lambda value: getattr(value, "__name__", None)
)
def test_every_verdict_is_either_the_yes_or_in_the_table(table, verdicts, yes):
    assert {verdict for verdict, _ in table} == set(verdicts) - yes


# Carrier


@pytest.mark.parametrize(
    ("check", "operation", "answer", "kind"),
    [
        (carrier_name, "name_matches", NameAnswer, Check.CARRIER),
        (carrier_owner, "owner_matches", OwnerAnswer, Check.CARRIER_OWNER),
    ],
)
class TestCarrier:
    def test_the_same_name_passes_and_is_noted(self, check, operation, answer, kind):
        desk = Desk(**{operation: answer(PhoneVerdict.SAME)})
        desk.ask(check, calls.ACCOUNT_CARRIER)

        assert desk.asked == [operation]
        assert desk.app.checks == [(Step.OPEN_ACCOUNT, kind, PhoneVerdict.SAME)]

    @pytest.mark.parametrize(("verdict", "reason"), PHONE_VERDICTS)
    def test_any_other_verdict_is_no_yes(self, check, operation, answer, kind, verdict, reason):
        desk = Desk(**{operation: answer(verdict)})
        refused(reason, lambda: desk.ask(check, calls.ACCOUNT_CARRIER))

        assert desk.app.checks == []

    def test_silence_is_no_yes(self, check, operation, answer, kind):
        desk = Desk(**{operation: TimedOut})
        refused(GaveUp, lambda: desk.ask(check, calls.ACCOUNT_CARRIER))

        assert desk.app.checks == []


def test_two_elements_name_no_number_and_three_do():
    same = PhoneVerdict.SAME
    desk = Desk(name_matches=NameAnswer(same), owner_matches=OwnerAnswer(same))
    desk.ask(carrier_name, calls.ACCOUNT_CARRIER)
    desk.ask(carrier_owner, calls.ACCOUNT_OWNER)
    (_, _, two), (_, _, three) = desk.providers.asked

    assert (two.phone, two.name) == (desk.customer.phone, "李明")
    assert (three.phone, three.name, three.id_number) == (desk.customer.phone, "李明", NUMBER)


def test_a_busy_carrier_is_told_apart_from_a_spent_budget():
    with pytest.raises(GaveUp, match="busy"):
        judge_phone(calls.PHONE_NAME, PhoneVerdict.BUSY)


# ID network


@pytest.mark.parametrize(
    ("answer", "photo"),
    [
        (IdAnswer(IdVerdict.MATCH, PHOTO, "office"), PHOTO),
        (IdAnswer(IdVerdict.MATCH_NO_PHOTO, None, "office"), None),
    ],
)
def test_a_match_passes_with_the_photo_there_is(answer, photo):
    desk = Desk(check=answer)

    assert desk.ask(id_network, calls.ACCOUNT_ID) is photo
    assert desk.app.checks == [(Step.OPEN_ACCOUNT, Check.ID_NETWORK, answer.verdict)]


@pytest.mark.parametrize(("verdict", "reason"), ID_VERDICTS)
def test_a_register_that_does_not_match_or_answer_is_no_yes(verdict, reason):
    desk = Desk(check=IdAnswer(verdict))
    refused(reason, lambda: desk.ask(id_network, calls.ACCOUNT_ID))

    assert desk.app.checks == []


# Name list


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (Screened.CLEAR, None),
        (Screened.HIT, Reason.NAME_LIST_HIT),
        (Screened.REVIEW, Reason.NAME_LIST_REVIEW),
    ],
)
def test_a_screening_is_kept_whatever_it_says(decision, reason):
    desk = Desk(screen=ScreenAnswer(decision, "20200701-001"))
    if reason is None:
        desk.ask(name_list, calls.ACCOUNT_SCREEN)
    else:
        refused(reason, lambda: desk.ask(name_list, calls.ACCOUNT_SCREEN))
    (kept,) = desk.store.tables[Screening].values()
    passed = [] if reason else [(Step.OPEN_ACCOUNT, Check.NAME_LIST, "20200701-001")]

    assert (kept.customer, kept.application, kept.point) == ("C1", "A1", Step.OPEN_ACCOUNT)
    assert (kept.decision, kept.list_version, kept.on) == (decision, "20200701-001", START)
    assert desk.app.checks == passed


def test_every_decision_of_a_screening_is_in_the_table():
    assert set(Screened) == {Screened.CLEAR, Screened.HIT, Screened.REVIEW}


def test_a_hit_and_a_review_look_the_same_from_the_phone():
    told = set()
    for decision in (Screened.HIT, Screened.REVIEW):
        desk = Desk(screen=ScreenAnswer(decision, "v1"))
        with pytest.raises(Refused) as seen:
            desk.ask(name_list, calls.ACCOUNT_SCREEN)
        told.add((seen.value.reason.text, seen.value.reason.kind, seen.value.detail))

    assert len(told) == 1
    assert told.pop()[1] is Kind.HELD


def test_a_list_that_does_not_answer_is_never_a_clear():
    desk = Desk(screen=TimedOut)
    refused(GaveUp, lambda: desk.ask(name_list, calls.ACCOUNT_SCREEN))

    assert desk.app.checks == []
    assert not desk.store.tables[Screening]


def test_two_screenings_of_one_application_are_two_records():
    desk = Desk(screen=ScreenAnswer(Screened.CLEAR, "v1"))
    for call in (calls.APPLY_SCREEN, calls.ACCOUNT_SCREEN, calls.SIGN_SCREEN):
        desk.ask(name_list, call)

    assert {kept.point for kept in desk.store.tables[Screening].values()} == {
        Step.APPLY,
        Step.OPEN_ACCOUNT,
        Step.SIGN,
    }


# Face


def passed(**said):
    given = {"live": True, "frame": FRAME, "number": NUMBER, "purpose": "apply"} | said
    return FaceAnswer(given.pop("verdict", FaceVerdict.PASSED), 8_000, **given)


def test_a_face_is_opened_shown_read_and_kept_in_this_order():
    desk = Desk(start=StartAnswer("T"), result=passed())

    assert desk.show() == "T"
    assert desk.asked == ["start", "shown", "result"]
    assert desk.providers.asked[0][2].purpose == Step.APPLY
    assert [operation for _, operation, _ in desk.platform.ports.objects.asked] == ["put"]
    assert desk.platform.ports.objects.asked[0][2].picture == FRAME
    assert desk.app.checks == [(Step.APPLY, Check.FACE, "T")]


@pytest.mark.parametrize(("verdict", "reason"), FACE_VERDICTS)
def test_a_face_that_did_not_pass_is_a_no_and_is_not_kept(verdict, reason):
    desk = Desk(start=StartAnswer("T"), result=passed(verdict=verdict))
    refused(reason, desk.show)

    assert desk.app.checks == []
    assert desk.platform.ports.objects.asked == []


@pytest.mark.parametrize(
    "answer",
    [passed(purpose="sign"), passed(number=OTHER_NUMBER), passed(purpose=""), passed(number=None)],
    ids=["another step", "another person", "no step", "nobody"],
)
def test_a_token_of_something_else_opens_nothing(answer):
    desk = Desk(start=StartAnswer("T"), result=answer)
    refused(Reason.FACE_FOREIGN, desk.show)

    assert desk.app.checks == []


def at_opening(**said):
    return passed(purpose="open_account", **said)


def test_where_the_network_gave_a_photo_it_is_compared_too():
    desk = Desk(
        start=StartAnswer("T"), result=at_opening(), compare=CompareAnswer(FaceVerdict.PASSED)
    )
    desk.show(Step.OPEN_ACCOUNT, PHOTO)
    query = desk.providers.asked[-1][2]

    assert desk.asked == ["start", "shown", "result", "compare"]
    assert (query.frame, query.photo) == (FRAME, PHOTO)
    assert desk.app.checks == [
        (Step.OPEN_ACCOUNT, Check.FACE_PHOTO, "T"),
        (Step.OPEN_ACCOUNT, Check.FACE, "T"),
    ]


@pytest.mark.parametrize("verdict", [each for each in FaceVerdict if each != FaceVerdict.PASSED])
def test_a_face_unlike_the_networks_photo_is_a_no(verdict):
    desk = Desk(start=StartAnswer("T"), result=at_opening(), compare=CompareAnswer(verdict))
    refused(Reason.FACE_NOT_MATCHED, lambda: desk.show(Step.OPEN_ACCOUNT, PHOTO))

    assert desk.app.checks == []


@pytest.mark.parametrize(
    ("live", "photo", "reason"),
    [
        (True, PHOTO, None),
        (False, PHOTO, Reason.FACE_NOT_LIVE),
        (True, None, Reason.FACE_NO_REFERENCE),
        (False, None, Reason.FACE_NO_REFERENCE),
    ],
)
def test_a_library_without_the_photo_is_forgiven_where_the_network_has_one(live, photo, reason):
    answer = at_opening(verdict=FaceVerdict.NO_PHOTO, live=live)
    desk = Desk(start=StartAnswer("T"), result=answer, compare=CompareAnswer(FaceVerdict.PASSED))
    if reason is None:
        desk.show(Step.OPEN_ACCOUNT, photo)
    else:
        refused(reason, lambda: desk.show(Step.OPEN_ACCOUNT, photo))

    assert bool(desk.app.checks) == (reason is None)


def test_only_a_passed_face_and_a_forgiven_one_go_on():
    desk = Desk()
    for verdict in FaceVerdict:
        answer = passed(verdict=verdict)
        if verdict in (FaceVerdict.PASSED, FaceVerdict.NO_PHOTO):
            judge_face(answer, Step.APPLY, desk.customer, has_photo=True)
        else:
            with pytest.raises(Refused):
                judge_face(answer, Step.APPLY, desk.customer, has_photo=True)


def test_every_step_with_a_face_has_its_three_calls():
    steps = {step for policy in POLICIES.values() for step in policy if Check.FACE in policy[step]}

    assert set(FACE_CALLS) == steps
    for step, trio in FACE_CALLS.items():
        assert {call.step for call in trio} == {step}
        assert [call.operation for call in trio] == ["face.start", "face.result", "objects.put"]


# Five elements


def test_five_elements_that_agree_pass():
    desk = Desk(verify_five=FiveAnswer(FiveVerdict.SAME, "outside"))
    run(five_elements(desk.case, CARD))

    assert desk.app.checks == [(Step.OPEN_ACCOUNT, Check.FIVE_ELEMENTS, "outside")]


@pytest.mark.parametrize(("verdict", "reason"), FIVE_VERDICTS)
def test_five_elements_that_differ_open_nothing(verdict, reason):
    desk = Desk(verify_five=FiveAnswer(verdict))
    refused(
        reason,
        lambda: run(five_elements(desk.case, CARD)),
    )

    assert desk.app.checks == []
    assert FIVE_NO[verdict] is reason


# Require


@pytest.mark.parametrize("met", [True, 1, "yes", object()])
def test_what_is_met_goes_on(met):
    assert require(met, Reason.OVER_LINE) is None


@pytest.mark.parametrize("met", [False, 0, "", None])
def test_what_is_not_met_is_refused_with_its_reason(met):
    with pytest.raises(Refused) as seen:
        require(met, Reason.OVER_LINE, "free 3.00")

    assert (seen.value.reason, seen.value.detail) == (Reason.OVER_LINE, "free 3.00")
