"""The certificate authority: a root, an issuer, and a certificate for each act of signing.

An event certificate (事件证书) is made for one signer, one document and one act of will, and is
good for a day. Keys, serial numbers and the authority's own signatures (RFC 6979) follow from the
master secret, and validity is business time, so that one seed gives the same bytes on every run.

Root, issuer and time stamps have keys on P-256, signers on Ed25519. A national authority would use
SM2, which ``cryptography`` has not; P-256 is what both it and ``openssl ts -verify`` take for a
time token, where Ed25519 has no place. A signer's key is used once, on the road to the money, and
Ed25519 with libsodium is the fastest there is. Profile: RFC 5280; document signing: RFC 9336.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.ports.evidence import Standing
from mocks.evidence import profile

if TYPE_CHECKING:
    from datetime import datetime

    from core.ports.evidence import SignQuery
    from mocks.evidence.profile import Extensions

HOLD_S = 86_400  # an event certificate is good for a day
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
CURVE = ec.SECP256R1()


class Event(NamedTuple):
    """The facts of one event certificate, as they are kept; its DER is a function of them."""

    query: SignQuery
    public_key: str
    issued_at: int
    expires_at: int


@dataclass(slots=True)
class Revocation:
    """Since when a certificate is revoked, and why (a name of ``x509.ReasonFlags``)."""

    at: int
    reason: str


class Draft(NamedTuple):
    """What an issuer signs."""

    subject: x509.Name
    key: ec.EllipticCurvePublicKey | Ed25519PublicKey
    serial: int
    since: datetime
    until: datetime
    extensions: Extensions


class Signer(NamedTuple):
    """One of the authority's own: a name, a key and a certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """The certificate's DER."""
        return self.certificate.public_bytes(Encoding.DER)


def serial_of(public_key: str) -> str:
    """Return the serial number for a key, which has one certificate: 16 bytes, and positive."""
    return "40" + public_key[:30]


class Authority:
    """Issues, revokes, and tells how a certificate stands."""

    def __init__(self, secret: bytes) -> None:
        """``secret`` is what every key and serial number is derived from."""
        self._secret = secret
        self.events: dict[str, Event] = {}
        self.revocations: dict[str, Revocation] = {}

    def seed(self, told: bytes) -> bytes:
        """Return the seed of the key for one act of signing: keyed BLAKE2b (RFC 7693)."""
        return blake2b(told, digest_size=32, key=self._secret, person=b"signer").digest()

    # Standing

    def revoke(self, serial: str, at: int, reason: str = "key_compromise") -> None:
        """Revoke a certificate from a moment on; the first revocation stands."""
        assert serial in self.events, f"no certificate has the serial number {serial}"
        assert reason in x509.ReasonFlags.__members__, f"RFC 5280 has no reason {reason!r}"
        self.revocations.setdefault(serial, Revocation(at, reason))

    def standing(self, serial: str, now: int) -> Standing:
        """Return how a certificate stands now."""
        event = self.events.get(serial)
        if event is None:
            return Standing.UNKNOWN
        revocation = self.revocations.get(serial)
        if revocation is not None and revocation.at <= now:
            return Standing.REVOKED
        return Standing.GOOD if now <= event.expires_at else Standing.EXPIRED

    def revocation_list(self, now: int) -> bytes:
        """Return the issuer's revocation list (CRL) of this moment, as DER."""
        at = profile.utc(now)
        issuer = self.issuer
        listed = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(at)
            .next_update(at + profile.CRL_LASTS)
            .add_extension(profile.issued_by(issuer.certificate), critical=False)
            .add_extension(x509.CRLNumber(now), critical=False)
        )
        for serial, revocation in sorted(self.revocations.items()):
            if revocation.at > now:
                continue
            entry = (
                x509.RevokedCertificateBuilder()
                .serial_number(int(serial, 16))
                .revocation_date(profile.utc(revocation.at))
                .add_extension(x509.CRLReason(x509.ReasonFlags[revocation.reason]), critical=False)
            )
            listed = listed.add_revoked_certificate(entry.build())
        made = listed.sign(issuer.key, hashes.SHA256(), ecdsa_deterministic=True)
        return made.public_bytes(Encoding.DER)

    # Certificates

    def certificate(self, serial: str) -> bytes:
        """Return the DER of an event certificate, or b"" where there is none of that number."""
        event = self.events.get(serial)
        if event is None:
            return b""
        asked, issuer = event.query, self.issuer
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(event.public_key))
        draft = Draft(
            profile.name(asked.signer, profile.person(asked.document, asked.number.text)),
            key,
            int(serial, 16),
            profile.utc(event.issued_at),
            profile.utc(event.expires_at),
            profile.for_event(key, issuer.certificate, asked.document, asked.will),
        )
        made = certify(draft, issuer.certificate.subject, issuer.key)
        return made.public_bytes(Encoding.DER)

    @cached_property
    def root(self) -> Signer:
        """The root, which signed itself."""
        key = self._key("root")
        extensions = profile.for_root(key.public_key())
        draft = self._own("root", profile.ROOT_NAME, profile.ROOT_UNTIL, extensions)
        return Signer(key, certify(draft, draft.subject, key))

    @cached_property
    def issuer(self) -> Signer:
        """The issuer of event certificates."""
        key, root = self._key("issuer"), self.root
        extensions = profile.for_issuer(key.public_key(), root.certificate)
        draft = self._own("issuer", profile.ISSUER_NAME, profile.UNTIL, extensions)
        return Signer(key, certify(draft, root.certificate.subject, root.key))

    @cached_property
    def stamper(self) -> Signer:
        """The key of the time stamps, certified by the root itself."""
        key, root = self._key("stamper"), self.root
        extensions = profile.for_stamper(key.public_key(), root.certificate)
        draft = self._own("stamper", profile.STAMPER_NAME, profile.UNTIL, extensions)
        return Signer(key, certify(draft, root.certificate.subject, root.key))

    def _own(self, what: str, common: str, until: datetime, extensions: Extensions) -> Draft:
        public = self._key(what).public_key()
        point = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        serial = int(serial_of(point[1:].hex()), 16)
        return Draft(profile.name(common), public, serial, profile.SINCE, until, extensions)

    def _key(self, what: str) -> ec.EllipticCurvePrivateKey:
        """Derive one of the authority's own keys: 64 bytes, so that no scalar is favoured."""
        told = blake2b(what.encode(), digest_size=64, key=self._secret, person=b"authority")
        scalar = int.from_bytes(told.digest(), "big") % (ORDER - 1) + 1
        return ec.derive_private_key(scalar, CURVE)


def certify(draft: Draft, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Sign a certificate. The signature is RFC 6979's, so that the same draft gives the same."""
    made = (
        x509.CertificateBuilder()
        .subject_name(draft.subject)
        .issuer_name(issuer)
        .public_key(draft.key)
        .serial_number(draft.serial)
        .not_valid_before(draft.since)
        .not_valid_after(draft.until)
    )
    for extension, critical in draft.extensions:
        made = made.add_extension(extension, critical=critical)
    return made.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
