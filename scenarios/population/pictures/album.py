"""The album: people's pictures as files below the folder of ``people.json``, which names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from core.picture import Picture
    from scenarios.population.people import Person
    from scenarios.population.pictures.studio import Studio
    from scenarios.population.shops import Shop, Shops

FOLDER = "pictures"
ENDINGS = {"image/png": "png", "image/jpeg": "jpg"}


class Album:
    """Takes people's pictures and keeps them as files."""

    def __init__(self, studio: Studio, shops: Shops) -> None:
        self._studio = studio
        self._shops = shops

    def add(self, person: Person, folder: Path) -> dict[str, Any]:
        """Keep a person's pictures; return what the ``people.json`` in that folder says of them.

        Paths are relative to ``people.json``. Who keeps no shop has no licence.
        """
        studio, shop = self._studio, self._shops.by_owner(person.key)
        return {
            "id_card_image": _keep(studio.front(person), folder),
            "id_card_back_image": _keep(studio.back(person), folder),
            "face_image": _keep(studio.portrait(person), folder),
            "licence_image": None if shop is None else _keep(studio.licence(shop), folder),
            "shop": None if shop is None else shop_json(shop),
        }


def _keep(picture: Picture, folder: Path) -> str:
    """Write a picture below a folder; return the way there."""
    key, _, kind = picture.ref.partition("#")
    name = f"{key.replace('/', '-')}-{kind}.{ENDINGS[picture.media]}"
    (folder / FOLDER).mkdir(exist_ok=True)
    (folder / FOLDER / name).write_bytes(picture.content)
    return f"{FOLDER}/{name}"


def shop_json(shop: Shop) -> dict[str, str]:
    """Return what is printed on a licence."""
    return {
        "code": shop.code.text,
        "name": shop.name,
        "kind": shop.kind,
        "person": shop.person,
        "address": shop.address,
        "scope": shop.scope,
        "authority": shop.authority,
        "opened": shop.opened.isoformat(),
    }
