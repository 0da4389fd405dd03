"""Contract deposit (存证): signs with a certificate of one's own, deposits, reads back.

Each signer, document and act of will has its own key and certificate, derived and not kept: the
same question is signed the same way. libsodium signs, since it takes half the time; OpenSSL
verifies, so that no library vouches for itself.

What can go wrong, and what brings it about: an authority or a time stamp that is down (``down``), a
clock that is ahead (``clock_ahead_s``), a certificate that expired (time, or ``hold_s``) or is
revoked (``revoke``). A provider that does not answer at all is the line's business.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar

from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_seed_keypair

from core.clock import DAY_S
from core.ports.evidence import (
    DepositAnswer,
    ReadAnswer,
    Served,
    SignAnswer,
    Standing,
    StatusAnswer,
    moment,
)
from mocks import magic
from mocks.evidence import cases, timestamps
from mocks.evidence.authority import HOLD_S, Authority, Event, serial_of
from mocks.evidence.chain import Chain, receipt_of
from mocks.evidence.profile import LAST_MOMENT
from mocks.spec import Operation, Scope, on, table

if TYPE_CHECKING:
    from datetime import date

    from core.ports.evidence import DepositQuery, ReadQuery, SignQuery, StatusQuery
    from core.ports.trace import Trace
    from core.seed import Draws
    from mocks.evidence.chain import Record

BILLED = on(Served.DONE)


class Evidence:
    """The deposit system: one authority for all, and a chain for each legal entity."""

    PROVIDER: ClassVar[str] = "evidence"
    SCOPE: ClassVar[Scope] = "bank"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("sign", billed=BILLED, cases=cases.SIGN, magic=magic.text("document")),
        Operation(
            "deposit", writes=True, billed=BILLED, cases=cases.DEPOSIT, magic=magic.text("document")
        ),
        Operation("read", cases=cases.READ),
        Operation("status", cases=cases.STATUS, magic=magic.hexadecimal("certificate")),
    )

    def __init__(self, master: bytes, start: date | None = None) -> None:
        """``master`` is what every key is derived from, ``start`` the first day of business time.

        Without ``start`` the first request tells it: its business date, less the whole days that
        have passed.
        """
        secret = blake2b(master, digest_size=32, person=b"evidence").digest()
        self.authority = Authority(secret)
        self.clock_ahead_s = 0.0
        self.hold_s = HOLD_S
        self.down: set[str] = set()  # of "signing" and "stamping"
        self._start = start
        self._chains: dict[str, Chain] = {}

    def sign(self, trace: Trace, query: SignQuery, now_s: float, draws: Draws) -> SignAnswer:
        """Sign a document's digests with a certificate of this signer, document and will."""
        del draws
        if "signing" in self.down:
            return SignAnswer(Served.UNAVAILABLE)
        told = (
            f"{query.document}\n{query.digest}\n{query.sm3}\n{query.consent_version}\n{query.will}"
        ).encode()
        number, authority = query.number.text, self.authority
        public, secret = crypto_sign_seed_keypair(authority.seed(number.encode() + b"\n" + told))
        public_key = public.hex()
        serial = serial_of(public_key)
        event = authority.events.get(serial)
        if event is None:
            issued_at = self._now(trace, now_s)
            event = Event(query, public_key, issued_at, issued_at + self.hold_s)
            if event.expires_at > LAST_MOMENT:
                return SignAnswer(Served.UNAVAILABLE)
            authority.events[serial] = event
        signature = crypto_sign(told, secret)[:crypto_sign_BYTES].hex()
        return SignAnswer(Served.DONE, signature, public_key, serial, event.expires_at)

    def deposit(
        self, trace: Trace, query: DepositQuery, now_s: float, draws: Draws
    ) -> DepositAnswer:
        """Deposit a signed document; one that lies there already keeps its place and its time."""
        del draws
        chain = self.chain(trace.bank)
        receipt = receipt_of(trace.bank, query)
        record = chain.by_receipt.get(receipt)
        if record is None:
            if "stamping" in self.down:
                return DepositAnswer(Served.UNAVAILABLE)
            record = chain.append(receipt, query, self._now(trace, now_s))
        return DepositAnswer(Served.DONE, receipt, record.chain, record.stamped_at)

    def read(self, trace: Trace, query: ReadQuery, now_s: float, draws: Draws) -> ReadAnswer:
        """Read a deposit of the asking bank back, with everything that verifying it needs."""
        del draws
        record = self.chain(trace.bank).by_receipt.get(query.receipt)
        if record is None:
            return ReadAnswer(found=False)
        return self._told(record, self._now(trace, now_s))

    def status(self, trace: Trace, query: StatusQuery, now_s: float, draws: Draws) -> StatusAnswer:
        """Tell how a certificate stands now."""
        del draws
        now = self._now(trace, now_s)
        standing = self.authority.standing(query.certificate, now)
        if standing is not Standing.REVOKED:
            return StatusAnswer(standing)
        revocation = self.authority.revocations[query.certificate]
        return StatusAnswer(standing, revocation.at, revocation.reason)

    # What other hands do: the authority's own, the control plane's, a verifier's

    def revoke(self, serial: str, at_s: float, reason: str = "key_compromise") -> None:
        """Revoke a certificate from a moment of business time on."""
        assert self._start is not None, "no certificate was issued yet"
        self.authority.revoke(serial, moment(self._start, at_s), reason)

    def stamp(self, request: bytes, now_s: float) -> bytes:
        """Answer an RFC 3161 request of whoever asks: bytes in, bytes out."""
        assert self._start is not None, "the first day of business time is not known"
        stamper = None if "stamping" in self.down else self.authority.stamper
        return timestamps.answer(request, moment(self._start, now_s + self.clock_ahead_s), stamper)

    def chain(self, bank: str) -> Chain:
        """Return a bank's chain."""
        chain = self._chains.get(bank)
        if chain is None:
            chain = self._chains[bank] = Chain(bank)
        return chain

    def _told(self, record: Record, now: int) -> ReadAnswer:
        """Build what is made of a record's facts: certificates, revocation list, time token."""
        query, authority = record.query, self.authority
        own = authority.certificate(query.certificate)
        token = timestamps.token_of(record.stamped(), record.stamped_at, authority.stamper)
        return ReadAnswer(
            found=True,
            document=query.document,
            digest=query.digest,
            sm3=query.sm3,
            signature=query.signature,
            public_key=query.public_key,
            certificate=query.certificate,
            consent_version=query.consent_version,
            will=query.will,
            before=record.before,
            chain=record.chain,
            stamped_at=record.stamped_at,
            certificates=tuple(text(der) for der in (own, authority.issuer.der) if der),
            revoked=text(authority.revocation_list(now)),
            token=text(token),
        )

    def _now(self, trace: Trace, now_s: float) -> int:
        """Return what this house's clock says."""
        if self._start is None:
            self._start = trace.date - timedelta(days=int(now_s // DAY_S))
        return moment(self._start, now_s + self.clock_ahead_s)


def text(der: bytes) -> str:
    """Return DER as this port tells it."""
    return b64encode(der).decode()
