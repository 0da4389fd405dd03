"""Contract deposit (存证): a key of one's own for each signer and document, and a chain a bank.

What is signed is :func:`signed_bytes`; whoever holds a deposit can check the signature with it.
The signer's key is derived, not kept: the same signer signs the same document the same way.
libsodium signs, since it takes half the time; OpenSSL verifies, so that no library vouches for
itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_seed_keypair

from core.ports.evidence import DepositAnswer, ReadAnswer, SignAnswer
from mocks.spec import Operation, Scope, always, table

if TYPE_CHECKING:
    from core.ports.evidence import DepositQuery, ReadQuery, SignQuery
    from core.ports.trace import Trace
    from core.seed import Draws

GENESIS = "0" * 64
SIGNATURE_BYTES = crypto_sign_BYTES


def signed_bytes(document: str, digest: str) -> bytes:
    """Return what a signature covers: which document, and its content's digest."""
    return f"{document}\n{digest}".encode()


def signature_holds(document: str, digest: str, signature: str, public_key: str) -> bool:
    """Whether the hex signature over a document is that of the hex public key."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), signed_bytes(document, digest))
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(slots=True)
class Record:
    """One deposit; ``chain`` is the hash of this record and of all before it."""

    receipt: str
    document: str
    digest: str
    signature: str
    public_key: str
    consent_version: str
    chain: str

    def link(self, before: str) -> str:
        """Return the chain value of this record after ``before``."""
        told = (
            before,
            self.receipt,
            self.document,
            self.digest,
            self.signature,
            self.public_key,
            self.consent_version,
        )
        return sha256("\n".join(told).encode()).hexdigest()


@dataclass(slots=True)
class Deposit:
    """One bank's deposit: its records in order, and by receipt."""

    records: list[Record] = field(default_factory=list)
    by_receipt: dict[str, Record] = field(default_factory=dict)


class Evidence:
    """The deposit system, with a book for each legal entity."""

    PROVIDER: ClassVar[str] = "evidence"
    SCOPE: ClassVar[Scope] = "bank"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("sign", billed=always),
        Operation("deposit", writes=True, billed=always),
        Operation("read"),
    )

    def __init__(self, master: bytes) -> None:
        """``master`` is the secret that every signer's key is derived from."""
        self._secret = blake2b(master, digest_size=32, person=b"evidence").digest()
        self._deposits: dict[str, Deposit] = {}

    def sign(self, trace: Trace, query: SignQuery, now_s: float, draws: Draws) -> SignAnswer:
        """Sign a document's digest with the key of this signer and document."""
        del trace, now_s, draws
        public, secret = self._key_pair(query.number.text, query.document)
        signed = crypto_sign(signed_bytes(query.document, query.digest), secret)
        return SignAnswer(signed[:SIGNATURE_BYTES].hex(), public.hex())

    def deposit(
        self, trace: Trace, query: DepositQuery, now_s: float, draws: Draws
    ) -> DepositAnswer:
        """Deposit a signed document; one that lies there already keeps its place."""
        del now_s, draws
        deposit = self._of(trace.bank)
        named = f"{trace.bank}\n{query.document}\n{query.digest}"
        receipt = blake2b(named.encode(), digest_size=16).hexdigest()
        record = deposit.by_receipt.get(receipt)
        if record is None:
            record = Record(
                receipt,
                query.document,
                query.digest,
                query.signature,
                query.public_key,
                query.consent_version,
                "",
            )
            record.chain = record.link(deposit.records[-1].chain if deposit.records else GENESIS)
            deposit.records.append(record)
            deposit.by_receipt[receipt] = record
        return DepositAnswer(receipt, record.chain)

    def read(self, trace: Trace, query: ReadQuery, now_s: float, draws: Draws) -> ReadAnswer:
        """Read a deposit of the asking bank back."""
        del now_s, draws
        record = self._of(trace.bank).by_receipt.get(query.receipt)
        if record is None:
            return ReadAnswer(found=False)
        return ReadAnswer(
            found=True,
            digest=record.digest,
            signature=record.signature,
            public_key=record.public_key,
        )

    def records(self, bank: str) -> list[Record]:
        """A bank's records in the order of deposit."""
        return list(self._of(bank).records)

    def verify_chain(self, bank: str) -> bool:
        """Whether every record of a bank still hangs on the one before it."""
        before = GENESIS
        for record in self._of(bank).records:
            if record.link(before) != record.chain:
                return False
            before = record.chain
        return True

    def _of(self, bank: str) -> Deposit:
        deposit = self._deposits.get(bank)
        if deposit is None:
            deposit = self._deposits[bank] = Deposit()
        return deposit

    def _key_pair(self, number: str, document: str) -> tuple[bytes, bytes]:
        """Derive the signer's key pair for one document: keyed BLAKE2b (RFC 7693) as the KDF."""
        info = f"ed25519\n{number}\n{document}".encode()
        derived = blake2b(info, digest_size=32, key=self._secret, person=b"signer").digest()
        return crypto_sign_seed_keypair(derived)
