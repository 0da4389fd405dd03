"""The customer as the platform sees them: a phone that is asked for something and gives it.

The mini-program fulfils this over HTTP; in process it is a phone of the scenarios.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.application import Reason, Step
    from core.flow.enter import Entrance
    from core.identity import CardNumber
    from core.picture import Picture
    from core.store.records import ConsentKind


class Phone(Protocol):
    """What the mini-program can be asked for. Every wait is the phone's own."""

    async def login_code(self) -> str:
        """A fresh code of ``wx.login``."""
        ...

    def entrance(self) -> Entrance:
        """By which way the customer came in."""
        ...

    async def card_front(self) -> Picture:
        """A picture of the ID card's portrait side."""
        ...

    async def card_back(self) -> Picture:
        """A picture of the ID card's emblem side."""
        ...

    async def phone_code(self) -> str:
        """A fresh code for the phone number."""
        ...

    async def consents(
        self, asked: frozenset[ConsentKind], text_version: str
    ) -> frozenset[ConsentKind]:
        """What of the asked the customer agrees to, having read the text."""
        ...

    async def show_face(self, token: str) -> None:
        """Take the face check behind ``token``."""
        ...

    async def card_to_bind(self) -> CardNumber | None:
        """The number of a card of the customer's own at another bank."""
        ...

    async def signs(self, contract: str) -> bool:
        """Whether the customer signs this text."""
        ...

    async def amount_fen(self, free_fen: int) -> tuple[str, int]:
        """The request's own key and how much to draw."""
        ...

    async def use_of_funds(self) -> str:
        """What the customer declares the money to be for; "" the product's plain purpose."""
        ...

    async def wants(self, step: Step) -> bool:
        """Whether the customer goes on to ``step``; thinking takes its time."""
        ...

    async def tries_again(self, step: Step, reason: Reason, tries: int) -> bool:
        """Whether the customer repeats a refused step, after ``tries`` tries."""
        ...

    async def comes_back(self, step: Step, tries: int) -> bool:
        """Whether the customer returns after "try later"; the wait is the phone's."""
        ...
