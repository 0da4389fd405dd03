"""Which check runs at which step: the source system's own policy, and a more careful one.

The flow asks :func:`checks_of` at every step and nothing else decides; invariants are judged
against the same answer. Source of ``"source"``: the Jiangsu rural credit union's article, step by
step. It never screens a customer who holds a card of the bank, and never looks at the list again
when money is paid out; ``"prudent"`` closes both gaps.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Literal

from core.application import Step
from core.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.products import Product


class Check(StrEnum):
    """The checks, each asked of one provider."""

    OCR = "ocr"  # both sides of the ID card
    CARRIER = "carrier"  # phone and name (two elements)
    CARRIER_OWNER = "carrier_owner"  # phone, name and ID number (three elements)
    ID_NETWORK = "id_network"  # 联网核查
    NAME_LIST = "name_list"
    FACE = "face"  # against the vendor's authority library
    FACE_PHOTO = "face_photo"  # against the ID network's photo as well
    FIVE_ELEMENTS = "five_elements"  # 五要素, with the bank of the bound account


Policy = Literal["source", "prudent"]
Checks = dict[Step, frozenset[Check]]

NOTHING: frozenset[Check] = frozenset()

SOURCE: Checks = {
    Step.ENTER: NOTHING,
    Step.REGISTER: frozenset({Check.OCR, Check.CARRIER}),
    Step.AUTHORISE: NOTHING,
    Step.APPLY: frozenset({Check.FACE}),
    Step.OPEN_ACCOUNT: frozenset(
        {
            Check.CARRIER,
            Check.ID_NETWORK,
            Check.NAME_LIST,
            Check.FACE,
            Check.FACE_PHOTO,
            Check.FIVE_ELEMENTS,
        }
    ),
    Step.SIGN: frozenset({Check.FACE}),
    Step.DRAW_DOWN: frozenset({Check.FACE}),
    Step.REPAY: NOTHING,
    Step.AFTER_LOAN: frozenset({Check.NAME_LIST}),  # again whenever the list changes
}

PRUDENT: Checks = {
    **SOURCE,
    Step.APPLY: SOURCE[Step.APPLY] | {Check.ID_NETWORK, Check.NAME_LIST},
    Step.DRAW_DOWN: SOURCE[Step.DRAW_DOWN] | {Check.NAME_LIST},
}

POLICIES: dict[str, Checks] = {"source": SOURCE, "prudent": PRUDENT}

# What a product may ask for on top of its policy: the calls that the flow has there.
ADDABLE: Checks = {
    Step.REGISTER: frozenset({Check.CARRIER_OWNER, Check.ID_NETWORK, Check.NAME_LIST}),
    Step.APPLY: frozenset({Check.CARRIER, Check.CARRIER_OWNER, Check.ID_NETWORK, Check.NAME_LIST}),
    Step.OPEN_ACCOUNT: frozenset({Check.CARRIER_OWNER}),
    Step.SIGN: frozenset({Check.NAME_LIST}),
    Step.DRAW_DOWN: frozenset({Check.NAME_LIST}),
}


def checks_of(product: Product) -> Mapping[Step, frozenset[Check]]:
    """Return the checks of every step of a product: its policy's, and those it adds."""
    return _checks(product.policy, product.added_checks)


@cache
def _checks(policy: str, added: tuple[str, ...]) -> Checks:
    checks = dict(POLICIES[policy])
    for text in added:
        step, check = added_check(text)
        checks[step] |= {check}
    return checks


def added_check(text: str) -> tuple[Step, Check]:
    """Return the step and the check of ``"apply:id_network"``.

    Raises:
        InputError: no such step or check, or the flow has no such call at that step.
    """
    known = [f"{step}:{check}" for step, checks in ADDABLE.items() for check in sorted(checks)]
    if text not in known:
        raise InputError("added_checks", f"{text!r} cannot be added", nearest(text, known))
    step, _, check = text.partition(":")
    return Step(step), Check(check)
