"""What was answered to a write, by its key: the same request again gets the same answer.

Kept in memory, for each customer the last few: it spares a phone that lost an answer from doing
anything twice. That nothing happens twice when this memory is lost is the flow's own care: its
steps, its drawdowns and its repayments each have a name, and are done once under it.

Source: The Idempotency-Key HTTP Header Field, draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from core.gateway.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEY_MAX = 64  # characters
KEYS_KEPT = 64  # of one customer
CUSTOMERS_KEPT = 50_000
BYTES_KEPT = 256 * 1024 * 1024  # of all answers; a contract that is shown has some thousand


class Answer(NamedTuple):
    """An answer, whole."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def is_final(self) -> bool:
        """Whether the same request would always be answered so; a failure is worth another try."""
        return self.status < 500 and self.status not in (401, 429)


@dataclass(slots=True)
class _Kept:
    request: bytes
    answer: asyncio.Future[Answer]


class Replies:
    """The answers of one platform."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], OrderedDict[str, _Kept]] = OrderedDict()
        self._bytes = 0

    async def once(
        self,
        customer: tuple[str, str],
        key: str,
        request: tuple[str, bytes],
        do: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        """Return the answer to a request, which is done unless it was, or is on its way.

        ``request`` is what it asks (method and path) and its body.

        Raises:
            Problem: the key is none, or was used for another request.
        """
        if not key or len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
            detail = f"Send a header Idempotency-Key of 1 to {KEY_MAX} printable characters."
            raise Problem("no-key", detail)
        asked = sha256(request[0].encode() + b"\0" + request[1]).digest()
        kept = self._kept.setdefault(customer, OrderedDict())
        self._kept.move_to_end(customer)
        found = kept.get(key)
        if found is not None:
            if found.request != asked:
                raise Problem("key-reused")
            return await asyncio.shield(found.answer)
        made = _Kept(asked, asyncio.get_running_loop().create_future())
        kept[key] = made
        try:
            answer = await do()
        except BaseException as error:
            self._forget(customer, key, made)
            _pass_on(made.answer, error)
            raise
        if not answer.is_final:
            self._forget(customer, key, made)
        made.answer.set_result(answer)
        own = self._kept.get(customer)
        if own is not None and own.get(key) is made:
            self._bytes += len(answer.body)
            self._make_room(own, customer)
        return answer

    def _make_room(self, own: OrderedDict[str, _Kept], customer: tuple[str, str]) -> None:
        """Forget what was answered longest ago; who has asked lately is forgotten last."""
        done = [key for key, each in own.items() if each.answer.done()]
        for key in done[: max(0, len(done) - KEYS_KEPT)]:
            self._forget(customer, key, own[key])
        while len(self._kept) > 1 and (
            len(self._kept) > CUSTOMERS_KEPT or self._bytes > BYTES_KEPT
        ):
            oldest = next(iter(self._kept))
            for key, each in list(self._kept[oldest].items()):
                self._forget(oldest, key, each)

    def _forget(self, customer: tuple[str, str], key: str, which: _Kept) -> None:
        """Forget one answer, if it is still the one that is kept."""
        kept = self._kept.get(customer)
        if kept is None or kept.get(key) is not which:
            return
        del kept[key]
        if not kept:
            del self._kept[customer]
        done = which.answer
        if done.done() and not done.cancelled() and done.exception() is None:
            self._bytes -= len(done.result().body)


def _pass_on(waiting: asyncio.Future[Answer], error: BaseException) -> None:
    """Tell whoever waits for the same answer that there is none."""
    if isinstance(error, asyncio.CancelledError):
        waiting.cancel()
        return
    waiting.set_exception(error)
    waiting.exception()  # perhaps nobody waits
