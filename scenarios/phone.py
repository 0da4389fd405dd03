"""The phone: a client that behaves like the mini-program in a customer's hand.

It shows pictures, codes and faces when asked, and thinks before it answers. What the customer
wants is a ``Wish``; how long they take is drawn by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from math import exp
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from core.application import Kind, Reason, Step
from core.flow.draw_down import PAID_OUT
from core.flow.enter import Entrance
from core.picture import Picture
from core.seed import Draws
from core.store.records import ConsentKind, Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.identity import CardNumber
    from core.ports.people import Person
    from scenarios.hosts.world import Host

# Median seconds a customer takes over a step or a picture (assumed), and the spread of all.
THINK_S: dict[str, float] = {
    Step.REGISTER: 20.0,
    Step.AUTHORISE: 25.0,
    Step.APPLY: 15.0,
    Step.OPEN_ACCOUNT: 20.0,
    Step.SIGN: 20.0,
    Step.DRAW_DOWN: 30.0,
    "picture": 12.0,
    "face": 14.0,
    "text": 25.0,
    "card": 20.0,
}
THINK_SIGMA = 0.6
COMES_BACK_S = 900.0
# How much longer or shorter than the median somebody takes: the quantiles of a lognormal, in 256
# equal shares. One hash gives a phone 32 of them.
_PACE = NormalDist(0.0, THINK_SIGMA)
PACES = tuple(exp(_PACE.inv_cdf((share + 0.5) / 256)) for share in range(256))


def moods(key: int, block: int) -> bytes:
    """Return the next 32 places in ``PACES`` of the phone with this key."""
    return blake2b(b"%d/%d" % (key, block), digest_size=32).digest()


@dataclass(slots=True)
class Wish:
    """What a customer wants: how far they go, how much they take, how patient they are.

    ``refuses`` names the steps not wanted; ``delay_s`` the time taken before a step.
    ``share_ppm`` is the part of the line to draw, or a way to find it; ``amount_fen`` overrides it.
    """

    entry: Entry = Entry.SCAN
    referrer: str = ""
    refuses: frozenset[Step] = frozenset()
    delay_s: dict[Step, float] = field(default_factory=dict)
    share_ppm: int | Callable[[], int] = 600_000
    amount_fen: int = 0
    use: str = ""
    consents: frozenset[ConsentKind] = frozenset(ConsentKind)
    signs: bool = True
    tries: int = 2
    returns: int = 2


class Owner(NamedTuple):
    """Whose phone it is, and a way to make them: most visitors leave before anybody must know."""

    key: str
    openid: str
    make: Callable[[], Person]


class Phone:
    """One customer's phone at one bank; fulfils :class:`core.flow.phone.Phone`."""

    def __init__(self, host: Host, bank: str, wish: Wish, owner: Owner, visit: str = "1") -> None:
        self._host = host
        self._world = host.world
        self._owner = owner
        self.bank = bank
        self.wish = wish
        self.key = owner.key
        self.openid = owner.openid
        self.visit = visit
        self._counter = 0
        self._chance = host.world.seed.key("phone", bank, owner.key, visit)
        self._moods: list[int] = []
        self._thoughts = 0

    @classmethod
    def of(cls, host: Host, person: Person, bank: str, wish: Wish, visit: str = "1") -> Phone:
        """Return the phone of somebody who is known."""
        return cls(host, bank, wish, Owner(person.key, person.openid, lambda: person), visit)

    @property
    def person(self) -> Person:
        """Whose phone this is."""
        return self._owner.make()

    async def _take_time(self, wait_s: float) -> None:
        """Let time pass that is the customer's own."""
        await self._host.clock.sleep(wait_s)

    def _name(self) -> str:
        """A name for the next thing this phone does; it depends on nothing but this phone."""
        self._counter += 1
        return f"{self.bank}/{self.key}/{self.visit}/{self._counter}"

    async def think(self, about: str) -> None:
        """Take the customer's time over something."""
        if not self._moods:
            self._thoughts += 1
            self._moods = list(moods(self._chance, self._thoughts))
        await self._take_time(THINK_S[about] * PACES[self._moods.pop()])

    async def login_code(self) -> str:
        """A fresh login code."""
        device = self._host.device
        if device is not None:
            return await device.login_code(self.openid, self._name())
        return self._world.wechat.device_login(self.openid, self._name(), self._host.clock.now_s)

    def entrance(self) -> Entrance:
        """By which way the customer came in."""
        visit = f"{self.key}/{self.visit}"
        return Entrance(self.bank, self.wish.entry, visit, self.wish.referrer)

    async def card_front(self) -> Picture:
        """A picture of the portrait side."""
        await self.think("picture")
        return Picture.named(f"{self.key}#front")

    async def card_back(self) -> Picture:
        """A picture of the emblem side."""
        await self.think("picture")
        return Picture.named(f"{self.key}#back")

    async def phone_code(self) -> str:
        """A fresh code for the phone number."""
        assert self.person.openid == self.openid  # from here on WeChat must know whose number it is
        device = self._host.device
        if device is not None:
            return await device.phone_code(self.openid, self._name())
        return self._world.wechat.device_phone_code(
            self.openid, self._name(), self._host.clock.now_s
        )

    async def user_key(self) -> tuple[int, str]:
        """The newest key that WeChat shares with the server: version, and Base64."""
        device = self._host.device
        if device is not None:
            return await device.user_key(self.openid)
        newest = self._world.wechat.sessions.user_keys(self.openid, int(self._host.clock.now_s))[0]
        return newest.version, newest.encrypt_key

    async def consents(
        self, asked: frozenset[ConsentKind], text_version: str
    ) -> frozenset[ConsentKind]:
        """Read the text, and agree to what the customer agrees to."""
        del text_version
        await self.think("text")
        return asked & self.wish.consents

    async def show_face(self, token: str) -> None:
        """Take the vendor's face check."""
        await self.think("face")
        self._counter += 1
        device = self._host.device
        if device is not None:
            await device.show_face(token, self.person, self._chance, self._counter)
            return
        draws = Draws(self._chance, self._counter, 0)
        self._world.face.show(token, self.person, self._host.clock.now_s, draws)

    async def card_to_bind(self) -> CardNumber | None:
        """The number of a card at another bank, if the customer has one."""
        await self.think("card")
        for card in self.person.cards:
            if card.bank != self.bank:
                return card.number
        return None

    async def signs(self, contract: str) -> bool:
        """Read the contract; sign it or not, and agree to be told when money is paid out."""
        assert contract
        await self.think("text")
        if self._host.device is not None:
            await self._host.device.grant(self.openid, PAID_OUT)
        else:
            self._world.wechat.grant(self.openid, PAID_OUT)
        return self.wish.signs

    async def amount_fen(self, free_fen: int) -> tuple[str, int]:
        """The request's key and the amount: whole hundreds of yuan, at most what is free."""
        share_ppm = self.wish.share_ppm
        if callable(share_ppm):
            share_ppm = share_ppm()
        wanted = self.wish.amount_fen or free_fen * share_ppm // 1_000_000
        if not self.wish.amount_fen:
            wanted = min(max(wanted // 10_000 * 10_000, 100_000), free_fen)
        return f"{self.key}/{self.visit}", wanted

    async def use_of_funds(self) -> str:
        """What the customer says the money is for."""
        return self.wish.use

    async def wants(self, step: Step) -> bool:
        """Whether the customer goes on; they may take days over it."""
        if step in self.wish.refuses:
            return False
        delay_s = self.wish.delay_s.get(step, 0.0)
        if delay_s:
            await self._take_time(delay_s)
        else:
            await self.think(step)
        return True

    async def tries_again(self, step: Step, reason: Reason, tries: int) -> bool:
        """Whether the customer mends a no and tries again."""
        del step
        return reason.kind is Kind.RETRY and tries < self.wish.tries

    async def comes_back(self, step: Step, tries: int) -> bool:
        """Come back a quarter of an hour later, as often as patience allows."""
        del step
        if tries > self.wish.returns:
            return False
        await self._take_time(COMES_BACK_S)
        return True
