"""The evidence of a contract: what belongs to it, and what each part is the hash of.

The formulas are those of core/ports/evidence.py, written a second time: the deposit has its own.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

if TYPE_CHECKING:
    from core.ports.evidence import ReadAnswer
    from core.store.records import Contract

BEIJING = timezone(timedelta(hours=8))


class Part(StrEnum):
    """What can be altered."""

    CONTENT = "content"
    SHA256 = "sha256"
    SM3 = "sm3"
    SIGNATURE = "signature"
    CERTIFICATE = "certificate"
    REVOCATIONS = "revocation list"
    STAMP = "time token"
    DOCUMENT = "document"
    CONSENT = "consent version"
    WILL = "will"
    RECORD = "record"  # what else the deposit says of this record: key, serial, receipt, time
    EARLIER = "earlier record"


@dataclass(slots=True, frozen=True)
class Finding:
    """One thing that does not hold."""

    part: Part
    problem: str

    def __str__(self) -> str:
        return f"{self.part}: {self.problem}"


@dataclass(slots=True)
class Package:
    """The whole evidence of one contract: its canonical bytes, and what the deposit says of it."""

    bank: str
    content: bytes
    receipt: str
    record: ReadAnswer


def package_of(contract: Contract, record: ReadAnswer) -> Package:
    """Return the evidence of a contract that the bank keeps."""
    return Package(contract.bank, contract.text.encode(), contract.receipt, record)


# The parts a receipt is the hash of: where one of them was altered, the receipt cannot fit.
RECEIPTED = (
    Part.SHA256,
    Part.SM3,
    Part.SIGNATURE,
    Part.DOCUMENT,
    Part.CONSENT,
    Part.WILL,
    Part.RECORD,
)


def signed_bytes(document: str, hashed: tuple[str, str], consent: str, will: str) -> bytes:
    """Return what a signature covers (core/ports/evidence.py)."""
    return "\n".join((document, *hashed, consent, will)).encode()


def signature_holds(signed: bytes, signature: str, public_key: str) -> bool:
    """Whether a hex signature over bytes is that of the hex public key. One way to write each."""
    try:
        told, key = bytes.fromhex(signature), bytes.fromhex(public_key)
        Ed25519PublicKey.from_public_bytes(key).verify(told, signed)
    except (InvalidSignature, ValueError):
        return False
    return told.hex() == signature and key.hex() == public_key


def receipt_of(package: Package) -> str:
    """Return the receipt that belongs to a record's parts."""
    record = package.record
    parts = (
        package.bank,
        record.document,
        record.digest,
        record.sm3,
        record.signature,
        record.public_key,
        record.certificate,
        record.consent_version,
        record.will,
    )
    return sha256("\n".join(parts).encode()).hexdigest()


def link_of(before: str, receipt: str, stamped_at: int) -> str:
    """Return the chain value of a record."""
    return sha256(f"{before}\n{receipt}\n{stamped_at}".encode()).hexdigest()


def moment_of(at: datetime) -> int:
    """Return a moment as the evidence's port tells it."""
    return int(at.timestamp())


def told(moment: int) -> str:
    """Return a moment as people read it: ``2020-07-01 10:00:00 (UTC+8)``."""
    return f"{datetime.fromtimestamp(moment, BEIJING):%Y-%m-%d %H:%M:%S} (UTC+8)"


def bytes_of(text: str) -> bytes:
    """Return the bytes of base64 that can be written in one way only.

    Raises:
        ValueError: it is none, or could be written otherwise.
    """
    data = b64decode(text, validate=True)
    if b64encode(data).decode() != text:
        raise ValueError("its base64 can be written otherwise")
    return data
