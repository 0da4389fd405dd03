"""Who is logged in: a bearer token for each visit, kept in memory and known by its hash alone.

A session ends with the process: whoever comes back logs in with a fresh code, which costs one call
to WeChat and leaves nothing to steal in a store.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from core.channel import subject_of
from core.flow.register import customer_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.application import Step
    from core.identity import PhoneNumber
    from core.picture import Picture
    from core.store.records import Session

TOKEN_BYTES = 32
LIVES_S = 7_200.0  # of business time, as long as WeChat's own session is good for at least
SESSIONS_MAX = 100_000
UPLOADS_MAX = 512 * 1024 * 1024  # bytes of the pictures of all sessions


@dataclass(slots=True)
class Guest:
    """A customer who is logged in at one bank; ``id`` names the session, and opens nothing.

    ``subject`` is what the phone knows of who it is, and what the sealed channel is bound to: a
    hash, for the openid itself stays with the server.
    """

    id: str
    record: Session
    subject: str
    expires_s: float
    phone: PhoneNumber | None = None  # as another front end knows them
    session_key: str = field(default="", repr=False)  # WeChat's: it signs questions for the user
    uploads: dict[str, Picture] = field(default_factory=dict)
    tries: dict[Step, int] = field(default_factory=dict)  # of steps that have no application yet

    @property
    def bank(self) -> str:
        """The legal entity whose customer this is."""
        return self.record.bank

    @property
    def openid(self) -> str:
        """Who it is at WeChat, or at the front end they came by."""
        return self.record.openid

    @property
    def customer(self) -> str:
        """The id of their record, whether there is one yet or not."""
        return customer_id(self.bank, self.openid)

    @property
    def key(self) -> tuple[str, str]:
        """By what the same customer is known again in another session."""
        return self.bank, self.openid


class Sessions:
    """The open sessions of one platform, and the pictures that wait for their registrations."""

    def __init__(self, random: Callable[[int], bytes], appid: str = "") -> None:
        """``random`` gives bytes that nobody can guess."""
        self._random = random
        self._appid = appid
        self._open: OrderedDict[bytes, Guest] = OrderedDict()  # by the hash of the token
        self._showing: OrderedDict[str, Guest] = OrderedDict()  # who has uploaded, by session
        self._uploaded = 0  # bytes

    def __len__(self) -> int:
        return len(self._open)

    def open(self, record: Session, now_s: float, session_key: str = "") -> tuple[str, Guest]:
        """Open a session; return its token and who it is. The oldest goes where there are too many.

        The token is told once and not kept.
        """
        token = self._random(TOKEN_BYTES).hex()
        known = _hash(token)
        subject = subject_of(record.openid, self._appid, record.bank)
        guest = self._open[known] = Guest(
            known.hex(), record, subject, now_s + LIVES_S, None, session_key
        )
        if len(self._open) > SESSIONS_MAX:
            _, oldest = self._open.popitem(last=False)
            self.drop_uploads(oldest)
        return token, guest

    def keep_upload(self, guest: Guest, side: str, picture: Picture) -> None:
        """Keep a picture for a session's registration; where it is too much, the oldest go."""
        before = guest.uploads.get(side)
        guest.uploads[side] = picture
        self._uploaded += picture.size - (before.size if before is not None else 0)
        self._showing[guest.id] = guest
        self._showing.move_to_end(guest.id)
        while self._uploaded > UPLOADS_MAX and len(self._showing) > 1:
            self.drop_uploads(next(iter(self._showing.values())))

    def drop_uploads(self, guest: Guest) -> None:
        """Forget the pictures of a session."""
        if self._showing.pop(guest.id, None) is not None:
            self._uploaded -= sum(picture.size for picture in guest.uploads.values())
        guest.uploads.clear()

    def find(self, token: str, now_s: float) -> Guest | None:
        """Return whose token this is, None where it is nobody's, or has expired."""
        return self._alive(_hash(token), now_s)

    def bound(self, session_id: str, now_s: float) -> Guest | None:
        """Return who is logged in by the id of a session, which a channel is bound to."""
        return self._alive(bytes.fromhex(session_id), now_s)

    def _alive(self, known: bytes, now_s: float) -> Guest | None:
        guest = self._open.get(known)
        if guest is not None and guest.expires_s <= now_s:
            del self._open[known]
            self.drop_uploads(guest)
            return None
        return guest

    def close(self, guest: Guest) -> None:
        """End a session."""
        self._open.pop(bytes.fromhex(guest.id), None)
        self.drop_uploads(guest)


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()
