"""The receiver of callbacks: it believes who signed, and of the money only what the core answers.

A callback is verified after Standard Webhooks, answered 204 at once, and taken once, however often
and in whatever order it comes; then the platform asks the core after that one write
(``core/flow/ask_after.py``). Where the core gives no answer, another copy may ask again; else it is
left to the customer's next visit or the day end.
The secret is shown by the control plane; the window is held against the machine's clock, as the
sender's timestamp is. Ids are kept in memory: after a restart a repetition asks once more, which
changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64decode
from binascii import Error as NoBase64
from collections import Counter
from datetime import date
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import TYPE_CHECKING, Any

from core.adapters.http import machine_s
from core.errors import GaveUp
from core.flow.ask_after import ask_after
from core.ports.corebank import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.flow.platform import Platform

PATH = "/api/v1/callbacks"
WINDOW_S = 300.0  # of the machine's clock, either way: what Standard Webhooks' libraries allow
IDS_KEPT = 100_000
OF_WRITES = ("corebank.posted", "corebank.rejected")

_LOG = logging.getLogger(__name__)


class NotBelieved(Exception):
    """Who sent this is not who they should be, or not now."""


class Receiver:
    """Takes callbacks for a platform.

    ``seen`` counts what came: taken, again, refused, asked, concluded, left.
    """

    def __init__(
        self, platform: Platform, secret: str, now_s: Callable[[], float] = machine_s
    ) -> None:
        self._platform = platform
        self._key = b64decode(secret.removeprefix("whsec_"), validate=True)
        self._now_s = now_s
        self._ids: dict[str, None] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self.seen: Counter[str] = Counter()

    async def idle(self) -> None:
        """Wait until everything that was taken has been asked after."""
        while self._asking:
            await asyncio.wait(self._asking)

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Take a callback; return the HTTP status that its sender is told."""
        try:
            name = verified(self._key, headers, body, self._now_s())
        except NotBelieved as why:
            _LOG.info("a callback was not believed: %s", why)
            return self._refuse(401)
        try:
            key = key_in(body)
        except ValueError:
            return self._refuse(400)
        if name in self._ids:
            self.seen["again"] += 1
            return 204
        self._remember(name)
        self.seen["taken"] += 1
        if key is not None:
            # Whoever calls back waits for our answer, and the core's answer may wait for them.
            task = asyncio.create_task(self._ask(name, key))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return 204

    def _refuse(self, status: int) -> int:
        self.seen["refused"] += 1
        return status

    def _remember(self, name: str) -> None:
        self._ids[name] = None
        if len(self._ids) > IDS_KEPT:
            del self._ids[next(iter(self._ids))]

    async def _ask(self, name: str, key: Key) -> None:
        self.seen["asked"] += 1
        try:
            done = await ask_after(self._platform, key)
        except GaveUp as why:
            _LOG.info("%s is left to another copy, or the day end: %s", key.serial, why)
            self._ids.pop(name, None)
            done = False
        except Exception:  # noqa: BLE001  a bug of ours, which nobody waits to hear of
            _LOG.exception("asking after %s failed", key.serial)
            done = False
        self.seen["concluded" if done else "left"] += 1


def verified(key: bytes, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
    """Return the id of a message that one of its signatures vouches for.

    Raises:
        NotBelieved: a header is missing, the time is another, or no signature is right.
    """
    name = headers.get("webhook-id", "")
    told_s, signatures = headers.get("webhook-timestamp", ""), headers.get("webhook-signature", "")
    if not (name and told_s and signatures):
        raise NotBelieved("a header is missing")
    if not (told_s.isascii() and told_s.isdigit() and len(told_s) <= 12):
        raise NotBelieved("its timestamp is none")
    if abs(now_s - int(told_s)) > WINDOW_S:
        raise NotBelieved("it is of another time")
    right = hmac_digest(key, f"{name}.{told_s}.".encode() + body, sha256)
    for each in signatures.split(" "):
        version, _, told = each.partition(",")
        if version == "v1" and compare_digest(_bytes(told), right):
            return name
    raise NotBelieved("no signature is right")


def _bytes(told: str) -> bytes:
    try:
        return b64decode(told, validate=True)
    except (NoBase64, ValueError):
        return b""


def key_in(body: bytes) -> Key | None:
    """Return the key of the write that a message is about; None where it is about no write.

    Raises:
        ValueError: it is no event.
    """
    told: Any = json.loads(body)
    try:
        if told["type"] not in OF_WRITES:
            return None
        key = told["data"]["key"]
        day = date.fromisoformat(key["channel_date"])
        return Key(str(key["bank"]), str(key["channel"]), day, str(key["serial"]))
    except (KeyError, TypeError) as wrong:
        raise ValueError(f"no event: {wrong}") from wrong
