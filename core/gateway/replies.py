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
        if len(self._kept) > CUSTOMERS_KEPT:
            self._kept.popitem(last=False)
        found = kept.get(key)
        if found is not None:
            if found.request != asked:
                raise Problem("key-reused")
            return await asyncio.shield(found.answer)
        made = _Kept(asked, asyncio.get_running_loop().create_future())
        kept[key] = made
        if len(kept) > KEYS_KEPT:
            kept.popitem(last=False)
        try:
            answer = await do()
        except BaseException as error:
            kept.pop(key, None)
            _pass_on(made.answer, error)
            raise
        if not answer.is_final:
            kept.pop(key, None)
        made.answer.set_result(answer)
        return answer


def _pass_on(waiting: asyncio.Future[Answer], error: BaseException) -> None:
    """Tell whoever waits for the same answer that there is none."""
    if isinstance(error, asyncio.CancelledError):
        waiting.cancel()
        return
    waiting.set_exception(error)
    waiting.exception()  # perhaps nobody waits
