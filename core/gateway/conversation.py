"""A step as a conversation: it runs on the server, and waits where it needs its customer.

The flow is handed a phone and asks it for a face or a signature in its middle (``core/flow``). Here
the phone is at the other end of HTTP: what it is asked for is the answer to the request that began
the step, and the next request brings what was asked. So the very same flow runs behind the gateway
as in process. A step that waits is held in memory; where it is lost with the process the phone
begins it anew, and the flow goes on from what it saved, as after any crash.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from core.application import Reason, Step
    from core.flow.enter import Entrance
    from core.identity import CardNumber
    from core.picture import Picture
    from core.store.records import ConsentKind

T = TypeVar("T")

HELD_S = 900.0  # of the machine's time: whoever has not answered by then begins the step anew
HELD_MAX = 10_000  # conversations of one platform
MISSING = object()
# A face is shown to a token, and a text is signed that was shown: neither is good beforehand.
NEVER_BEFORE = frozenset({"face", "signature"})


class LetGo(Exception):
    """A step was let go while somebody waited for it: whoever comes back begins it anew."""


@dataclass(slots=True)
class Ask:
    """What a step needs of its customer: ``kind`` names it, ``told`` is what they must know."""

    kind: str
    told: dict[str, Any]
    answered: asyncio.Future[Any]


class Asking:
    """The phone as a step sees it: what was brought along is given, the rest is asked for.

    Fulfils :class:`core.flow.phone.Phone` for the steps that have an application.
    """

    def __init__(self, brought: dict[str, Any]) -> None:
        self.brought = brought
        self.ask: Ask | None = None
        self.asked = asyncio.Event()

    async def _need(self, kind: str, **told: Any) -> Any:
        given = self.brought.pop(kind, MISSING)
        if given is not MISSING and kind not in NEVER_BEFORE:
            return given
        self.ask = Ask(kind, told, asyncio.get_running_loop().create_future())
        self.asked.set()
        try:
            return await self.ask.answered
        finally:
            self.ask = None
            self.asked.clear()

    async def show_face(self, token: str) -> None:
        """Have the customer show their face to the vendor, under a token."""
        await self._need("face", token=token)

    async def card_to_bind(self) -> CardNumber | None:
        """Have the customer name a card of theirs at another bank."""
        card: CardNumber | None = await self._need("card")
        return card

    async def signs(self, contract: str) -> bool:
        """Show the contract, and hear whether it is signed."""
        return bool(await self._need("signature", text=contract))

    async def consents(
        self, asked: frozenset[ConsentKind], text_version: str
    ) -> frozenset[ConsentKind]:
        """Ask for consents."""
        given: frozenset[ConsentKind] = await self._need(
            "consents", kinds=sorted(asked), text_version=text_version
        )
        return asked & given

    async def use_of_funds(self) -> str:
        """What the money is for; it comes with the request."""
        return str(self.brought.get("use", ""))

    # What a client does by itself, before it begins a step or after it was told a no: the gateway
    # offers these as operations, and no step of an application asks for them.

    async def login_code(self) -> str:
        """A code comes with the request that opens a session."""
        raise AssertionError("a code comes with the request")

    def entrance(self) -> Entrance:
        """The entrance comes with the request that opens a session."""
        raise AssertionError("the entrance comes with the request")

    async def card_front(self) -> Picture:
        """Pictures are uploaded before a registration begins."""
        raise AssertionError("pictures are uploaded")

    async def card_back(self) -> Picture:
        """Pictures are uploaded before a registration begins."""
        raise AssertionError("pictures are uploaded")

    async def phone_code(self) -> str:
        """A phone code comes with the registration."""
        raise AssertionError("a phone code comes with the request")

    async def amount_fen(self, free_fen: int) -> tuple[str, int]:
        """The amount comes with the drawdown."""
        raise AssertionError("the amount comes with the request")

    async def wants(self, step: Step) -> bool:
        """Whoever begins a step wants it."""
        raise AssertionError("a client begins a step or does not")

    async def tries_again(self, step: Step, reason: Reason, tries: int) -> bool:
        """A client that was told a no begins the step again, or does not."""
        raise AssertionError("a client begins a step or does not")

    async def comes_back(self, step: Step, tries: int) -> bool:
        """A client that was told to come later does, or does not."""
        raise AssertionError("a client begins a step or does not")


@dataclass(slots=True)
class Turn(Generic[T]):
    """Where a conversation stands: it asks for something, or it is done and has a result."""

    ask: Ask | None = None
    result: T | None = None


@dataclass(slots=True)
class Conversation(Generic[T]):
    """One step that is under way."""

    phone: Asking
    task: asyncio.Task[T]
    limit_s: float
    late: asyncio.TimerHandle | None = None

    async def turn(self) -> Turn[T]:
        """Wait until the step asks for something, or ends; raises what it ends with.

        Raises:
            LetGo: it was let go, or broken off.
        """
        # Again, where somebody in another session has answered before we were woken.
        while not self.task.done() and self.phone.ask is None:
            asked = asyncio.ensure_future(self.phone.asked.wait())
            try:
                await asyncio.wait({self.task, asked}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                asked.cancel()
        if self.task.cancelled():
            raise LetGo
        if self.task.done():
            return Turn(result=self.task.result())
        return Turn(self.phone.ask)

    def hold(self) -> None:
        """Hold the step for its time from now on."""
        self.release()
        self.late = asyncio.get_running_loop().call_later(self.limit_s, self.task.cancel)

    def release(self) -> None:
        """Stop its time."""
        if self.late is not None:
            self.late.cancel()

    def tell(self, brought: dict[str, Any]) -> None:
        """Bring what was asked for; what was not is kept until it is."""
        self.hold()
        self.phone.brought.update(brought)
        ask = self.phone.ask
        if ask is None or ask.answered.done() or ask.kind not in self.phone.brought:
            return
        answer = self.phone.brought.pop(ask.kind)
        if ask.kind == "face" and answer != ask.told["token"]:
            return  # a face shown to another check
        self.phone.asked.clear()
        self.phone.ask = None
        ask.answered.set_result(answer)


@dataclass(slots=True)
class Conversations:
    """The steps of one platform that are under way, by what they are about."""

    held: dict[tuple[str, ...], Conversation[Any]] = field(default_factory=dict)
    limit_s: float = HELD_S

    @property
    def full(self) -> bool:
        """Whether no more can be held."""
        return len(self.held) >= HELD_MAX

    def find(self, about: tuple[str, ...]) -> Conversation[Any] | None:
        """Return the step that is under way, if it is."""
        return self.held.get(about)

    def begin(
        self,
        about: tuple[str, ...],
        act: Callable[[Asking], Coroutine[Any, Any, T]],
        brought: dict[str, Any],
    ) -> Conversation[T]:
        """Begin a step; it is let go when it ends, or when nobody has answered for too long."""
        phone = Asking(brought)
        task = asyncio.ensure_future(act(phone))
        made = self.held[about] = Conversation(phone, task, self.limit_s)
        made.hold()

        def ended(task: asyncio.Task[T]) -> None:
            made.release()
            if self.held.get(about) is made:
                del self.held[about]
            if not task.cancelled():
                task.exception()  # somebody may have stopped waiting: it is told to nobody then

        task.add_done_callback(ended)
        return made

    async def close(self) -> None:
        """Break off what is under way, as the end of the process would."""
        tasks = [each.task for each in self.held.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
