"""Sends one callback, signed after Standard Webhooks (standardwebhooks.com, the symmetric scheme).

The headers are ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, ``v1,`` and the
base64 of HMAC-SHA256 over ``id.timestamp.body``. The timestamp is the machine's, of each attempt
its own: receivers hold it against their own clock, and business time stands in the body.

Every attempt has a connection of its own. Nothing of the machine's is kept in a tenant so, which
is pickled; no redirect is followed and no proxy used, so that nothing is sent elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from functools import cache
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import httpx

from mocks.clock import machine_s

if TYPE_CHECKING:
    import ssl

    from mocks.callbacks.events import Event

ANSWER_S = 5.0  # of the machine's time, from connecting to the answer's head
AT_ONCE_MAX = 64  # connections of one server: a machine has only so many files to open
SECRET = "whsec_"  # noqa: S105  how a secret begins


class Heard(NamedTuple):
    """What came of an attempt: the status, None where no answer came, and why not."""

    status: int | None
    problem: str = ""


def secret_of(tenant: str, seed: int) -> str:
    """Return what a tenant's callbacks are signed with: the same for the same name and seed."""
    told = f"{tenant}\n{seed}\nwebhook secret".encode()
    key = blake2b(told, digest_size=32, person=b"credentials").digest()
    return SECRET + base64.b64encode(key).decode()


def signature(secret: str, id_: str, timestamp: int, body: str) -> str:
    """Return the signature of one message."""
    key = base64.b64decode(secret.removeprefix(SECRET))
    told = hmac.digest(key, f"{id_}.{timestamp}.{body}".encode(), sha256)
    return "v1," + base64.b64encode(told).decode()


async def send(url: str, secret: str, event: Event) -> Heard:
    """Send an event once; return what was heard. Whatever goes wrong is no error of ours."""
    timestamp = int(machine_s())
    headers = {
        "content-type": "application/json",
        "webhook-id": event.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, event.id, timestamp, event.body),
    }
    try:
        async with (
            _gate(),
            asyncio.timeout(ANSWER_S),
            httpx.AsyncClient(verify=_trusted(), timeout=ANSWER_S, trust_env=False) as client,
            client.stream("POST", url, headers=headers, content=event.body.encode()) as answer,
        ):
            return Heard(answer.status_code)  # what else it says is nobody's business
    except TimeoutError:
        return Heard(None, f"no answer in {ANSWER_S:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as wrong:
        return Heard(None, type(wrong).__name__)


_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _gate() -> asyncio.Semaphore:
    """Return what lets so many through at once in the loop that runs."""
    loop = asyncio.get_running_loop()
    gate = _gates.get(loop)
    if gate is None:
        gate = _gates[loop] = asyncio.Semaphore(AT_ONCE_MAX)
    return gate


@cache
def _trusted() -> ssl.SSLContext:
    """Return whom TLS trusts; reading the certificates takes some 30 ms, so all share it."""
    return httpx.create_ssl_context()
