"""Serves a recording: whoever asks what was asked then is answered what was answered then.

What failed then fails again. A request that nobody recorded is answered 404 with a problem
(RFC 9457) that tells the nearest exchange and where the two differ.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.errors import ConnectionLost, ProviderError, TimedOut, Unreachable, Unreadable
from mocks.app import show, write
from mocks.line import Fault, FaultKind, Phase
from mocks.proxy.app import read, say, target_of
from mocks.proxy.bodies import write_body
from mocks.proxy.exchange import Asked, Reply, Request
from mocks.proxy.masking import Masker
from mocks.proxy.matching import Binding, Matcher, Miss
from mocks.proxy.pictures import pictured
from mocks.tenant import NoAnswer
from mocks.wire import BODY_MAX
from mocks.wire import Reply as Sent

if TYPE_CHECKING:
    from mocks.proxy.app import Receive, Scope, Send
    from mocks.proxy.masks import Pseudonyms
    from mocks.proxy.recording import Recording

MISSED = "x-loanrange-nearest"  # the number of the exchange that came nearest
FAILURES: dict[str, type[ProviderError]] = {
    kind.__name__: kind for kind in (TimedOut, ConnectionLost, Unreachable, Unreadable)
}
CUT = Fault("", FaultKind.RESET, Phase.MID_RESPONSE)  # an answer that broke off
PROBLEM = "application/problem+json"


class Replay:
    """The application. ``pseudonyms`` are the recording's own, where its key is known."""

    def __init__(self, recording: Recording, pseudonyms: Pseudonyms | None = None) -> None:
        self._recording = recording
        self._matcher = Matcher(recording, pseudonyms)
        self.served, self.missed = 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            return
        body = await read(receive)
        if body is None:
            return
        if len(body) > BODY_MAX:
            await say(413, f"a body of more than {BODY_MAX:,} bytes", send)
            return
        asked = Asked(scope["method"], target_of(scope), list(scope["headers"]), body)
        found = self._matcher.find(Request.of(asked))
        if isinstance(found, Miss):
            self.missed += 1
            await write(missed(found), send)
            return
        self.served += 1
        exchange = found.exchange
        if exchange.answer is not None and exchange.outcome != Unreadable.__name__:
            await write(self._sent(exchange.answer, found.binding), send)
            return
        kind = FAILURES.get(exchange.outcome)
        if kind is None:
            await say(502, f"it could not be sent then either ({exchange.detail})", send)
            return
        cut = CUT if exchange.answer is not None else None
        await show(NoAnswer(kind, cut), scope, receive, send)

    def _sent(self, reply: Reply, binding: Binding) -> Sent:
        """Return a recorded answer, told of whom the request is about."""
        told = Masker(binding, self._recording.words).reply(reply)
        headers = [
            (name, value.encode().decode("latin-1"))
            for name, value in told.headers
            if name != "content-type" and value.isprintable()
        ]
        body = write_body(pictured(told.body))
        return Sent(told.status, body, told.header("content-type"), tuple(headers))


def missed(miss: Miss) -> Sent:
    """Return what is said to a request that nobody recorded."""
    differences = [each._asdict() for each in miss.differences]
    told = {
        "type": "about:blank",
        "title": "Not Recorded",
        "status": 404,
        "detail": f"nothing like this was recorded; nearest is {miss}",
        "nearest": miss.exchange.number,
        "differences": differences,
    }
    body = json.dumps(told, ensure_ascii=False).encode()
    return Sent(404, body, PROBLEM, ((MISSED, str(miss.exchange.number)),))
