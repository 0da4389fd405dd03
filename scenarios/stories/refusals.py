"""Stories of a no: each refusal of the step table, with its reason and nothing booked."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from core.application import Reason, State, Step
from core.ports.bureau import CreditReport, Found, GovernmentData
from core.store.records import ConsentKind
from scenarios.stories.story import add, story

if TYPE_CHECKING:
    from scenarios.stories.stage import Stage


class No(NamedTuple):
    """A person who is not what they should be, or a customer who does not want, and the no."""

    sentence: str
    step: Step
    reason: Reason
    truth: dict[str, Any] = {}  # noqa: RUF012  read only
    wish: dict[str, Any] = {}  # noqa: RUF012
    policy: str = "source"


NOES: tuple[No, ...] = (
    No(
        "a card that cannot be read is refused",
        Step.REGISTER,
        Reason.PICTURE_NOT_READ,
        {"card_quality": 10},
    ),
    No(
        "a copy of a card is refused",
        Step.REGISTER,
        Reason.PICTURE_SUSPECT,
        {"card_warnings": (-9102,)},
    ),
    No("an expired card is refused", Step.REGISTER, Reason.ID_EXPIRED, {"card_expired": True}),
    No(
        "a phone in another name is refused",
        Step.REGISTER,
        Reason.PHONE_NOT_OWNED,
        {"phone_name": "赵样本"},
    ),
    No(
        "a phone the carrier has no record of is refused",
        Step.REGISTER,
        Reason.PHONE_NO_RECORD,
        {"phone_name": ""},
    ),
    No(
        "a virtual number is refused",
        Step.REGISTER,
        Reason.PHONE_UNSUPPORTED,
        {"phone_virtual": True},
    ),
    No(
        "without consent nothing is asked and nothing granted",
        Step.AUTHORISE,
        Reason.CONSENT_REFUSED,
        {},
        {"consents": frozenset({ConsentKind.FACE})},
    ),
    No(
        "a photo held before the camera is no living face",
        Step.APPLY,
        Reason.FACE_NOT_LIVE,
        {"live": False},
    ),
    No(
        "another person's face is refused",
        Step.APPLY,
        Reason.FACE_NOT_MATCHED,
        {"shown_face": "face/somebody-else"},
    ),
    No(
        "a customer without any reference photo is sent to a branch",
        Step.APPLY,
        Reason.FACE_NO_REFERENCE,
        {"library_photo": False},
    ),
    No(
        "an overdue debt elsewhere is refused",
        Step.APPLY,
        Reason.OVERDUE_NOW,
        {"report": CreditReport(Found.FOUND, 3, 1, 5_000_000, 200_000, 120_000, 1)},
    ),
    No(
        "an open court enforcement is refused",
        Step.APPLY,
        Reason.COURT_ENFORCED,
        {"government": GovernmentData(Found.FOUND, 60, 800_000, "A", True, True, "A")},
    ),
    No(
        "somebody too young is refused",
        Step.APPLY,
        Reason.AGE_OUT_OF_RANGE,
        {"birth": date(2003, 5, 1)},
    ),
    No(
        "a number the register does not know is refused",
        Step.APPLY,
        Reason.ID_NOT_FOUND,
        {"in_register": False},
        policy="prudent",
    ),
    No(
        "a name that differs from the register is refused",
        Step.APPLY,
        Reason.ID_NAME_DIFFERS,
        {"register_name": "钱样本"},
        policy="prudent",
    ),
    No(
        "a listed customer is held and not told why",
        Step.OPEN_ACCOUNT,
        Reason.NAME_LIST_HIT,
        {"listed": "hit"},
    ),
    No(
        "a listed customer's namesake is held and told the same",
        Step.OPEN_ACCOUNT,
        Reason.NAME_LIST_REVIEW,
        {"listed": "review"},
    ),
    No(
        "no card to bind opens no account",
        Step.OPEN_ACCOUNT,
        Reason.NO_BOUND_CARD,
        {"cards": ()},
    ),
    No(
        "a bound card of another class opens no account",
        Step.OPEN_ACCOUNT,
        Reason.BOUND_CARD_CLASS,
        {"class_two_only": True},
    ),
    No(
        "a bound card with another phone opens no account",
        Step.OPEN_ACCOUNT,
        Reason.BOUND_CARD_DIFFERS,
        {"card_other_phone": True},
    ),
    No(
        "a contract that is not signed pays nothing",
        Step.SIGN,
        Reason.CONTRACT_DECLINED,
        {},
        {"signs": False},
    ),
    No(
        "money for stocks is not lent",
        Step.DRAW_DOWN,
        Reason.USE_NOT_ALLOWED,
        {},
        {"use": "stocks"},
    ),
    No(
        "more than the line holds is refused",
        Step.DRAW_DOWN,
        Reason.OVER_LINE,
        {},
        {"amount_fen": 99_000_000},
    ),
    No(
        "less than the minimum is refused",
        Step.DRAW_DOWN,
        Reason.AMOUNT_TOO_SMALL,
        {},
        {"amount_fen": 100},
    ),
)


async def is_refused(stage: Stage, no: No) -> None:
    """Be refused at one step for one reason; nothing was paid, and held ones are told nothing."""
    bank, product = stage.product_with(policy=no.policy)
    person = stage.person(bank, **{"holds_card": False, **no.truth})
    ending = await stage.visit(person, bank, product, **no.wish)
    stage.expect(ending, "refused", no.reason, no.step)
    stage.check(await stage.paid_out(bank) == 0, "nothing was paid")
    if no.reason in (Reason.NAME_LIST_HIT, Reason.NAME_LIST_REVIEW):
        await stage.check_state(ending, State.HELD)
        stage.check(
            Reason.NAME_LIST_HIT.text == Reason.NAME_LIST_REVIEW.text, "both read the same text"
        )


for each in NOES:
    name = each.sentence.replace(" ", "_").replace("'", "")
    add(name, each.sentence, partial(is_refused, no=each))


@story()
async def a_face_refused_once_passes_on_the_second_try(stage: Stage) -> None:
    """A customer who first showed a photo shows the face, and goes on."""
    person = stage.person(holds_card=False, live=False)
    stage.expect(await stage.visit(person, tries=1), "refused", Reason.FACE_NOT_LIVE, Step.APPLY)
    stage.change(person, live=True)
    stage.expect(await stage.visit(person, visit="2"), "done")


@story()
async def a_withdrawn_consent_stops_every_question(stage: Stage) -> None:
    """A consent that the customer withdraws is not asked under; a new one opens the way again."""
    person = stage.person(holds_card=False)
    left = await stage.visit(person, refuses=frozenset({Step.APPLY}))
    app = await stage.application(left.application)
    await stage.operator.withdraw(app.customer, stage.today)
    asked = await stage.operator.bureau_asked()
    stage.expect(
        await stage.visit(person, visit="2", tries=1),
        "refused",
        Reason.CONSENT_WITHDRAWN,
        Step.APPLY,
    )
    more = await stage.operator.bureau_asked() - asked
    stage.check(more == 0, "nothing was asked of the bureau")
    await stage.days(1)
    stage.expect(await stage.visit(person, visit="3", tries=3), "done")


@story(strict=("INV-KYC-BEFORE-CREDIT", "INV-SANCTION-BEFORE-MONEY"))
async def a_card_holder_is_never_screened_by_the_sources_own_policy(stage: Stage) -> None:
    """A listed customer who holds a card is paid: the source screens account openings only.

    The invariants, judged by the product's own policy, hold. Judged strictly they do not, and a
    product with the prudent policy refuses the same person.
    """
    bank, product = stage.product_with(policy="source")
    person = stage.person(bank, holds_card=True, listed="hit")
    stage.expect(await stage.visit(person, bank, product), "done")
    careful, product = stage.product_with(policy="prudent")
    same = stage.person(careful, holds_card=True, listed="hit")
    stage.expect(
        await stage.visit(same, careful, product), "refused", Reason.NAME_LIST_HIT, Step.APPLY
    )
