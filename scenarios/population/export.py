"""``people.json``: synthetic people with the truth about them, for use outside this project.

The one place that writes plain numbers on purpose: nobody in it exists. The paths of pictures
(``id_card_image`` ...) come with the pictures; until somebody paints them the keys are absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scenarios.population.people import Person
    from scenarios.population.register import Population


def people_json(population: Population, people: Iterable[Person], seed: int) -> dict[str, Any]:
    """Return the document of some people, in the order they are given."""
    reference = population.reference
    return {
        "seed": seed,
        "reference_date": reference.isoformat(),
        "people": [person_json(person, person.id_number.age_on(reference)) for person in people],
    }


def person_json(person: Person, age: int) -> dict[str, Any]:
    """Return one person: what they show, and under ``truth`` what is so."""
    return {
        "key": person.key,
        "name": person.name,
        "sex": person.sex,
        "age": age,
        "birth": person.birth.isoformat(),
        "id_number": person.id_number.text,
        "region": person.region,
        "address": person.address,
        "authority": person.authority,
        "valid_from": person.valid_from.isoformat(),
        "valid_to": None if person.valid_to is None else person.valid_to.isoformat(),
        "phone": person.phone.text,
        "carrier": person.operator.value,
        "openid": person.openid,
        "bank": person.bank,
        "cards": [
            {
                "number": card.number.text,
                "bank": card.bank,
                "class": "I" if card.class_one else "II",
            }
            for card in person.cards
        ],
        "employer": person.employer,
        "job": person.job,
        "income_fen": person.income_fen,
        "truth": truth_json(person),
    }


def truth_json(person: Person) -> dict[str, Any]:
    """Return whether a person ought to pass, why not and where, and the facts behind it."""
    return {
        "should_pass": person.should_pass,
        "reasons": [
            {"step": why.step.value, "reason": why.reason.name, "code": why.reason.code}
            for why in person.truth
        ],
        "in_register": person.in_register,
        "register_name": person.register_name,
        "register_photo": person.register_photo,
        "library_photo": person.library_photo,
        "phone_name": person.phone_name,
        "phone_state": person.phone_state.name.lower(),
        "ported": person.ported,
        "own_face": person.shown_face == person.face,
        "live": person.live,
        "listed": person.listed,
        "holds_home_card": person.home_card is not None,
        "current_overdue_fen": person.report.current_overdue_fen,
        "worst_overdue_24m": person.report.worst_overdue_24m,
    }
