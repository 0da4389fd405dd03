"""The gateway's end of the sealed channel: a hello is answered, an envelope opened and answered.

What is sealed is a whole request, so that not even its path is seen on the way. Inside it is served
like any other, in the name of the session that its channel is bound to; no token goes along. After
a step that looked into a face, the next request is sealed under new keys.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import unquote

from core.adapters.http import machine_s
from core.channel import Answer as Sealed
from core.channel import Binding, ChannelError, Channels, Hello, Identity
from core.errors import GaveUp
from core.flow.enter import user_key
from core.gateway.problems import Problem
from core.gateway.replies import Answer

if TYPE_CHECKING:
    from starlette.types import Scope

    from core.channel import Request
    from core.flow.platform import Platform
    from core.gateway.sessions import Guest

PATH = "/api/v1/sealed"
MEDIA = "application/octet-stream"
FACED = ("/decision", "/account", "/contract", "/drawdowns")  # the steps that look into a face


def new_channels(kid: str = "k1") -> Channels:
    """Return a table of channels whose identity is drawn now, and ends with the process."""
    return Channels(Identity(kid, secrets.token_bytes(32)), secrets.token_bytes)


async def welcome(platform: Platform, channels: Channels, guest: Guest, body: bytes) -> bytes:
    """Answer a phone's hello; return the body of the answer.

    Raises:
        Problem: it is refused; ``word`` says why, where the phone can do something about it.
    """
    binding = Binding(guest.bank, guest.id, guest.subject)
    try:
        hello = Hello.of_json(body)
        key, version = None, hello.user_key_version
        if version and guest.session_key:
            try:
                key = await user_key(platform, guest.record, guest.session_key, version)
            except GaveUp:
                key = None  # the phone may do without
        said, _ = channels.accept(hello, binding, key, machine_s())
    except ChannelError as no:
        raise refused("no-handshake", no) from no
    return said.to_json()


def refused(name: str, no: ChannelError) -> Problem:
    """Return what the outside is told of a channel's error: one word, and never which check."""
    return Problem("busy") if no.outside == "busy" else Problem(name, word=no.outside)


def inner_scope(scope: Scope, request: Request) -> Scope:
    """Return the scope of a sealed request, as if it had come plainly by the same connection."""
    path, _, query = request.path.partition("?")
    headers = [
        (name.encode("latin-1"), text.encode("latin-1")) for name, text in request.headers.items()
    ]
    return {
        **scope,
        "method": request.method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": headers,
    }


def to_seal(answer: Answer) -> Sealed:
    """Return an answer as it is sealed."""
    return Sealed(answer.status, {name.lower(): text for name, text in answer.headers}, answer.body)


def looked_into_a_face(request: Request, answer: Answer) -> bool:
    """Whether a request finished a step that has a face check."""
    path = request.path.partition("?")[0]
    return request.method == "POST" and path.endswith(FACED) and answer.status in (200, 201)
