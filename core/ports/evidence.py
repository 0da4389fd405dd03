"""Contract deposit (存证): who signed what and when, in a chain nobody can rewrite.

Source: Electronic Signature Law art. 13 (the signer's own data, under the signer's sole control;
any later change to signature or content can be found) and art. 14 (equal to handwriting).

What the words of this port mean, for whoever implements it and for whoever checks it:

* digests are lower-case hex: SHA-256, and SM3 (GB/T 32905-2016) over the same bytes;
* a signature is Ed25519 (RFC 8032) over five lines in UTF-8, joined by line feeds: document,
  SHA-256, SM3, consent text version, will. Only the last may hold a line feed of its own;
* a receipt is the SHA-256 of the record's lines: bank, document, SHA-256, SM3, signature, public
  key, certificate, consent text version, will;
* a chain value is the SHA-256 of three lines: the chain value before, the receipt, ``stamped_at``;
  the first record of a bank follows 64 zeros. The time token stamps those three lines;
* a moment is whole seconds of Unix time, which :func:`moment` makes of business time;
* certificates, revocation lists and time tokens are DER in base64.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date

    from core.identity import IdNumber
    from core.ports.trace import Trace

GENESIS = "0" * 64  # what the first record of a chain follows
# Midnight of 1 January 1970 in UTC+8, as an ordinal day and as seconds before Unix time began.
UNIX_DAY, UTC_8_S = 719_163, 28_800


def moment(start: date, now_s: float) -> int:
    """Return business time as this port tells it, down to the whole second."""
    return (start.toordinal() - UNIX_DAY) * 86_400 - UTC_8_S + int(now_s)


class Served(StrEnum):
    """Whether the deposit did what it was asked."""

    DONE = "done"
    UNAVAILABLE = "unavailable"  # authority or time stamps are down: nothing was done


class Standing(StrEnum):
    """How a certificate stands with its authority."""

    GOOD = "good"
    REVOKED = "revoked"
    EXPIRED = "expired"
    UNKNOWN = "unknown"  # not one of this authority's


@dataclass(slots=True)
class SignQuery:
    """Sign a document's digests with a certificate made for this signer and this act.

    ``will`` is what shows the signer's own will and control: the token of the face check.
    """

    document: str
    digest: str
    sm3: str
    signer: str
    number: IdNumber
    consent_version: str
    will: str


@dataclass(slots=True)
class SignAnswer:
    """The signature and its certificate: public key, serial number (hex), last moment."""

    verdict: Served
    signature: str = ""
    public_key: str = ""
    certificate: str = ""
    expires_at: int = 0


@dataclass(slots=True)
class DepositQuery:
    """Deposit a signed document: its digests, its signature, and what the signer agreed to."""

    document: str
    digest: str
    sm3: str
    signature: str
    public_key: str
    certificate: str
    consent_version: str
    will: str


@dataclass(slots=True)
class DepositAnswer:
    """``receipt`` names the record; ``chain`` is the hash of it and of all before it."""

    verdict: Served
    receipt: str = ""
    chain: str = ""
    stamped_at: int = 0


@dataclass(slots=True)
class ReadQuery:
    """Read a deposit back."""

    receipt: str


@dataclass(slots=True)
class ReadAnswer:
    """What was deposited with everything that verifying it needs, or ``found`` False.

    ``certificates`` are the signer's and its issuer's, ``revoked`` the issuer's revocation list of
    the moment of reading. The root is not among them: a verifier must have it from elsewhere.
    """

    found: bool
    document: str = ""
    digest: str = ""
    sm3: str = ""
    signature: str = ""
    public_key: str = ""
    certificate: str = ""
    consent_version: str = ""
    will: str = ""
    before: str = ""
    chain: str = ""
    stamped_at: int = 0
    certificates: tuple[str, ...] = ()
    revoked: str = ""
    token: str = ""


@dataclass(slots=True)
class StatusQuery:
    """Ask how a certificate stands, by its serial number."""

    certificate: str


@dataclass(slots=True)
class StatusAnswer:
    """How a certificate stands now; since when and why, where it was revoked."""

    standing: Standing
    revoked_at: int = 0
    reason: str = ""


class Evidence(Protocol):
    """The platform's questions to the deposit."""

    async def sign(self, trace: Trace, query: SignQuery) -> SignAnswer: ...

    async def deposit(self, trace: Trace, query: DepositQuery) -> DepositAnswer: ...

    async def read(self, trace: Trace, query: ReadQuery) -> ReadAnswer: ...

    async def status(self, trace: Trace, query: StatusQuery) -> StatusAnswer: ...
