"""The mini-program: a customer's phone that goes to the bank through its gateway.

What the customer wants, shows and thinks is the :class:`scenarios.phone.Phone`; this is the program
in it, which knows the bank's API and nothing of its inside. It walks the steps of the loan in their
order, brings what a step asks for, sends a request again that was lost, under the same key, and
goes on where the customer left.
"""

from __future__ import annotations

import json
from base64 import b64decode
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from core.adapters.http import machine_s
from core.application import Reason, Step
from core.channel import (
    AES_256_GCM,
    SM4_GCM,
    Binding,
    ChannelError,
    PhoneEnd,
    Request,
    UserKey,
    Vault,
)
from core.errors import GaveUp
from core.flow.journey import CONSENT_GONE, TRIES_MAX, Ending
from core.store.records import ConsentKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from scenarios.phone import Phone

T = TypeVar("T")

VAULT = Vault(token_bytes)  # of all phones of this process: its key leaves with it
BASE = "/api/v1"
LAUNCH_DIGITS = 16
SENDS_MAX = 3  # of one request, where nothing comes back
BY_CODE = {reason.code: reason for reason in Reason}
STEPS = {  # the operation of each step that has an application already
    Step.AUTHORISE: "consent",
    Step.APPLY: "decision",
    Step.OPEN_ACCOUNT: "account",
    Step.SIGN: "contract",
    Step.DRAW_DOWN: "drawdowns",
}
ENDED = ("declined", "closed")


class Refusal(Exception):
    """The bank says no. ``reason`` is None where it does not say why."""

    def __init__(self, reason: Reason | None, tries: int, *, mendable: bool) -> None:
        super().__init__(reason, tries)
        self.reason = reason
        self.tries = tries
        self.mendable = mendable


class Later(Exception):
    """The bank asks to come back."""

    def __init__(self, tries: int) -> None:
        super().__init__(tries)
        self.tries = tries


class Unexpected(Exception):
    """The gateway says what a mini-program has no screen for: a bug of one of the two."""

    def __init__(self, status: int, name: str, detail: str) -> None:
        super().__init__(status, name, detail)
        self.status = status
        self.name = name

    def __str__(self) -> str:
        return f"the gateway says {self.args[0]} {self.args[1]}: {self.args[2]}"


class _Stopped(Exception):
    """Carries an ending out of the steps."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class Line:
    """The way to a gateway: sends requests, again where they are lost, and reads what comes."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        headers: dict[str, str] | None = None,
        baggage: Callable[[], str] | None = None,
    ) -> None:
        """``baggage`` tells whose time a request belongs to, where visits have their own."""
        self._client = client
        self._headers = headers or {}
        self._baggage = baggage
        self.token = ""

    def _told(self) -> dict[str, str]:
        """Return the headers that go with every request."""
        if self._baggage is None:
            return self._headers
        return {**self._headers, "baggage": self._baggage()}

    async def opened(self, phone: Phone, told: dict[str, Any]) -> None:
        """Do what is to be done when a session was opened: nothing, where all goes plainly."""

    async def send(
        self, method: str, path: str, content: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """Send a request until something comes back; return its status and body.

        Raises:
            GaveUp: nothing came.
        """
        told = {**self._told(), **headers}
        if self.token:
            told["authorization"] = f"Bearer {self.token}"
        lost: Exception | None = None
        for _ in range(SENDS_MAX):
            try:
                answer = await self._client.request(
                    method, BASE + path, content=content, headers=told
                )
            except httpx.TransportError as error:
                lost = error
                continue
            return answer.status_code, answer.content
        raise GaveUp("gateway", type(lost).__name__) from lost


class SealedLine(Line):
    """A way to a gateway through the sealed channel, as soon as somebody is logged in.

    A request that was lost is sealed anew, under its old idempotency key: the same envelope twice
    would be a replay. Where an envelope does not open any more, hands are shaken once more.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        pins: Mapping[str, bytes],
        headers: dict[str, str] | None = None,
        baggage: Callable[[], str] | None = None,
        suites: tuple[int, ...] = (AES_256_GCM, SM4_GCM),
    ) -> None:
        """``pins`` are the server's identities, by their kids."""
        super().__init__(client, headers, baggage)
        self._pins = pins
        self._suites = suites
        self._end: PhoneEnd | None = None
        self._user_key: UserKey | None = None

    async def opened(self, phone: Phone, told: dict[str, Any]) -> None:
        """Shake hands for a session that was opened just now, with WeChat's key in the derivation.

        Where the bank's server does not get that key from WeChat, without it.
        """
        version, key = await phone.user_key()
        self._user_key = UserKey(version, b64decode(key))
        binding = Binding(phone.bank, told["session"], told["subject"])
        self._end = PhoneEnd(binding, self._pins, VAULT, token_bytes, self._suites)
        await self._shake_hands(self._end)

    async def _shake_hands(self, end: PhoneEnd) -> tuple[int, bytes]:
        headers = {"content-type": "application/json"}
        path = f"/banks/{end.binding.bank}/channel"
        hello = end.hello(machine_s(), self._user_key)
        status, said = await super().send("POST", path, hello, headers)
        if status == 400 and self._user_key is not None:
            self._user_key = None
            return await self._shake_hands(end)
        if status == 201:
            end.finish(said)
        return status, said

    async def send(
        self, method: str, path: str, content: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """Send a request in an envelope; return the status and the body of what was sealed.

        Raises:
            GaveUp: nothing came, or nothing that opens.
        """
        end = self._end
        if end is None or path.endswith("/sessions"):
            return await super().send(method, path, content, headers)
        request = Request(method, BASE + path, headers, content)
        for _ in range(SENDS_MAX):
            envelope, ticket = end.seal(request, machine_s())
            try:
                status, said = await self._post(envelope)
            except httpx.TransportError:
                end.give_up(ticket)
                continue
            if status == 200:
                try:
                    answer = end.open(said, ticket)
                except ChannelError:  # somebody on the way has altered it
                    end.give_up(ticket)
                    continue
                return answer.status, answer.body
            end.give_up(ticket)
            if status != 400:
                return status, said
            status, said = await self._shake_hands(end)
            if status != 201:
                return status, said
        raise GaveUp("gateway", "nothing came that opens")

    async def _post(self, envelope: bytes) -> tuple[int, bytes]:
        headers = {**self._told(), "content-type": "application/octet-stream"}
        answer = await self._client.post(f"{BASE}/sealed", content=envelope, headers=headers)
        return answer.status_code, answer.content


class MiniProgram:
    """The program in one customer's phone, at one bank."""

    def __init__(self, phone: Phone, line: Line) -> None:
        self.phone = phone
        self._line = line
        self._home = f"/banks/{phone.bank}"
        self._launch = ""  # names this opening's writes: nobody else's, nor those of another
        self._writes = 0
        self.applications: list[dict[str, Any]] = []

    # The customer's way

    async def journey(self, product: str) -> Ending:
        """Go as far towards a loan of ``product`` as the customer does; return how it ended."""
        try:
            await self._enter()
            app = next((each for each in self.applications if each["product"] == product), None)
            if app is None:
                app = await self._register(product)
            return await self._towards_money(app)
        except _Stopped as stop:
            return stop.ending

    async def draw(self, application: str) -> Ending:
        """Have a signed customer draw, if they want to; return how it ended."""
        try:
            if not self._line.token:
                await self._enter()
            return await self._draw(await self._read(application))
        except _Stopped as stop:
            return stop.ending

    async def ask_for(self, application: str, request: str, amount_fen: int) -> dict[str, Any]:
        """Ask for an amount under a request's own name; return the drawdown.

        Raises:
            Refusal, Later: it is not paid out.
        """
        if not self._line.token:
            await self._enter()
        return await self._take(
            application, Step.DRAW_DOWN, {"request": request, "amount_fen": amount_fen}
        )

    async def repay(self, loan: str, request: str, **amounts_fen: int) -> dict[str, Any]:
        """Pay on a loan; return the repayment.

        Raises:
            Refusal, Later: nothing was taken, or nobody knows yet.
        """
        if not self._line.token:
            await self._enter()
        return await self._ask(
            "POST", f"{self._home}/loans/{loan}/repayments", {"request": request, **amounts_fen}
        )

    async def _enter(self) -> None:
        async def once(tries: int) -> None:
            await self._log_in(tries)

        await self._patiently(Step.ENTER, once)

    async def _log_in(self, tries: int = 0) -> None:
        """Open a session, with a fresh code."""
        self._line.token = ""
        entrance = self.phone.entrance()
        said = {
            "code": await self.phone.login_code(),
            "visit": entrance.visit,
            "entry": entrance.entry.value,
            "referrer": entrance.referrer,
            "attempt": tries,
        }
        told = await self._ask("POST", f"{self._home}/sessions", said)
        self._line.token = told["token"]
        self._launch = self._launch or told["token"][:LAUNCH_DIGITS]
        self.applications = told["applications"]
        await self._line.opened(self.phone, told)

    async def _register(self, product: str) -> dict[str, Any]:
        phone = self.phone
        if not await phone.wants(Step.REGISTER):
            raise _Stopped(Ending("left", Step.REGISTER))

        async def once(tries: int) -> dict[str, Any]:
            del tries
            front, back = await phone.card_front(), await phone.card_back()
            code = await phone.phone_code()
            for side, picture in (("id_card_front", front), ("id_card_back", back)):
                await self._ask("PUT", f"{self._home}/uploads/{side}", picture.content)
            said = {"product": product, "phone_code": code}
            return await self._ask("POST", f"{self._home}/applications", said)

        return await self._patiently(Step.REGISTER, once)

    async def _towards_money(self, app: dict[str, Any]) -> Ending:
        for state, step in (
            ("registered", Step.AUTHORISE),
            ("authorised", Step.APPLY),
            ("granted", Step.OPEN_ACCOUNT),
            ("account_ready", Step.SIGN),
        ):
            if app["state"] == state:
                if not await self.phone.wants(step):
                    raise _Stopped(Ending("left", step, app["id"]))
                app = await self._repeat(app["id"], step, {})
        if app["state"] in ENDED:
            return Ending("refused", Step(app["last"]), app["id"], BY_CODE.get(app["code"]))
        return await self._draw(app)

    async def _draw(self, app: dict[str, Any]) -> Ending:
        if not await self.phone.wants(Step.DRAW_DOWN):
            return Ending("left", Step.DRAW_DOWN, app["id"])
        line = await self._ask("GET", f"{self._of(app['id'])}/line")
        request, amount_fen = await self.phone.amount_fen(line["free_fen"])
        said = {"request": request, "amount_fen": amount_fen}
        await self._repeat(app["id"], Step.DRAW_DOWN, said)
        return Ending("done", Step.DRAW_DOWN, app["id"])

    # Again, and again

    async def _patiently(self, step: Step, once: Callable[[int], Awaitable[T]]) -> T:
        """Repeat a step that has no application yet, as long as the customer does."""
        tries = 0
        while True:
            try:
                return await once(tries)
            except Refusal as no:
                tries += 1
                if not await self._mends(step, no, tries):
                    raise _Stopped(Ending("refused", step, "", no.reason)) from None
            except (Later, GaveUp):
                tries += 1
                if tries >= TRIES_MAX or not await self.phone.comes_back(step, tries):
                    raise _Stopped(Ending("unfinished", step)) from None

    async def _repeat(self, app_id: str, step: Step, said: dict[str, Any]) -> dict[str, Any]:
        """Take a step, again after each no that the customer mends; return what it led to."""
        before: list[Step] = []
        lost = 0
        while True:
            try:
                for first in before:
                    await self._take(app_id, first, {})
                return await self._take(app_id, step, said)
            except Refusal as no:
                if not await self._mends(step, no, no.tries):
                    raise _Stopped(Ending("refused", step, app_id, no.reason)) from None
                if no.reason in CONSENT_GONE:
                    before = [Step.AUTHORISE]
            except (Later, GaveUp) as why:
                lost = 0 if isinstance(why, Later) else lost + 1
                tries = why.tries if isinstance(why, Later) else lost
                if tries >= TRIES_MAX or not await self.phone.comes_back(step, tries):
                    raise _Stopped(Ending("unfinished", step, app_id)) from None

    async def _mends(self, step: Step, no: Refusal, tries: int) -> bool:
        if not no.mendable or no.reason is None:
            return False
        return await self.phone.tries_again(step, no.reason, tries)

    async def _take(self, app_id: str, step: Step, said: dict[str, Any]) -> dict[str, Any]:
        """Take a step once, and bring whatever it asks for; return what it led to."""
        path, said = f"{self._of(app_id)}/{STEPS[step]}", dict(said)
        if step is Step.DRAW_DOWN:
            said["use"] = await self.phone.use_of_funds()
        while True:
            told = await self._ask("POST", path, said)
            if told["asks"] is None:
                return told["drawdown"] if step is Step.DRAW_DOWN else told["application"]
            said |= await self._answer(told["asks"])

    async def _answer(self, asks: dict[str, Any]) -> dict[str, Any]:
        """Have the customer do what a step asks for."""
        phone, kind = self.phone, asks["kind"]
        if kind == "face":
            await phone.show_face(asks["token"])
            return {"face": asks["token"]}
        if kind == "card":
            card = await phone.card_to_bind()
            return {"card": None if card is None else card.text}
        if kind == "signature":
            return {"signature": await phone.signs(asks["text"])}
        kinds = frozenset(ConsentKind(each) for each in asks["kinds"])
        given = await phone.consents(kinds, asks["text_version"])
        return {"consents": sorted(given), "text_version": asks["text_version"]}

    # Requests

    def _of(self, app_id: str) -> str:
        return f"{self._home}/applications/{app_id}"

    async def _read(self, app_id: str) -> dict[str, Any]:
        return await self._ask("GET", self._of(app_id))

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request; return what was answered.

        Raises:
            Refusal, Later, Unexpected: it was answered with a problem.
            GaveUp: nothing was answered.
        """
        headers, content = {}, b""
        if isinstance(body, bytes):
            headers["content-type"], content = "application/octet-stream", body
        elif body is not None:
            headers["content-type"], content = "application/json", json.dumps(body).encode()
        if method == "POST":
            self._writes += 1
            headers["idempotency-key"] = f"{self._launch}/{self._writes}"
        status, said = await self._line.send(method, path, content, headers)
        if status == 401 and not path.endswith("/sessions"):  # it ended meanwhile
            await self._log_in()
            status, said = await self._line.send(method, path, content, headers)
        told = json.loads(said) if said else None
        if status < 400 or told is None:
            return told
        name = str(told["type"]).rpartition("/")[2]
        if name == "refused":
            reason = BY_CODE.get(told["code"])
            raise Refusal(reason, told["tries"], mendable=told["mendable"])
        if name in ("later", "busy", "too-often"):
            raise Later(told.get("tries", 1))
        raise Unexpected(status, name, told["detail"])
