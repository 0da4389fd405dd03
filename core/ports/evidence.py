"""Contract deposit (存证): who signed what and when, in a chain nobody can rewrite.

Source: Electronic Signature Law art. 13 (the signer's own data, under the signer's sole control;
any later change to signature or content can be found) and art. 14 (equal to handwriting).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.identity import IdNumber
    from core.ports.trace import Trace


@dataclass(slots=True)
class SignQuery:
    """Sign a document's digest with a certificate made for this signer and this document.

    ``will`` is what shows the signer's own will and control: the token of the face check.
    """

    document: str
    digest: str
    signer: str
    number: IdNumber
    will: str


@dataclass(slots=True)
class SignAnswer:
    """An Ed25519 signature and the certificate's public key, both hex."""

    signature: str
    public_key: str


@dataclass(slots=True)
class DepositQuery:
    """Deposit a signed document: its digest, its signature and the consent text's version."""

    document: str
    digest: str
    signature: str
    public_key: str
    consent_version: str


@dataclass(slots=True)
class DepositAnswer:
    """``receipt`` names the deposit; ``chain`` is the hash of its record and all before it."""

    receipt: str
    chain: str


@dataclass(slots=True)
class ReadQuery:
    """Read a deposit back."""

    receipt: str


@dataclass(slots=True)
class ReadAnswer:
    """What was deposited, or ``found`` False."""

    found: bool
    digest: str = ""
    signature: str = ""
    public_key: str = ""


class Evidence(Protocol):
    """The platform's questions to the deposit."""

    async def sign(self, trace: Trace, query: SignQuery) -> SignAnswer: ...

    async def deposit(self, trace: Trace, query: DepositQuery) -> DepositAnswer: ...

    async def read(self, trace: Trace, query: ReadQuery) -> ReadAnswer: ...
