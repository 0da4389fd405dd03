"""Time tokens: an RFC 3161 token is read, and every byte of it is accounted for.

A token is CMS signed data (RFC 5652) over what the authority says of the time. What its signature
does not cover (versions, algorithms, the signer's name) can have one value only here, and the
certificate is held by its hash among what is signed (RFC 5816): no bit can be another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from core.contract import certificates, der
from core.contract.certificates import NotOurs, load, require_alive, require_issued
from core.contract.der import CONTEXT_0, OCTET_STRING, OID, SEQUENCE, SET, Malformed, encoded_oid

if TYPE_CHECKING:
    from cryptography import x509

POLICY = encoded_oid("2.999.3161.1")  # the specimen's; 2.999 is the arc for examples
SIGNED_DATA = encoded_oid("1.2.840.113549.1.7.2")
TST_INFO = encoded_oid("1.2.840.113549.1.9.16.1.4")
CONTENT_TYPE = encoded_oid("1.2.840.113549.1.9.3")
MESSAGE_DIGEST = encoded_oid("1.2.840.113549.1.9.4")
SIGNING_TIME = encoded_oid("1.2.840.113549.1.9.5")
SIGNING_CERTIFICATE = encoded_oid("1.2.840.113549.1.9.16.2.47")
SHA256 = encoded_oid("2.16.840.1.101.3.4.2.1")
ECDSA_SHA256 = encoded_oid("1.2.840.10045.4.3.2")
SIGNER_TIME = "%Y%m%d%H%M%SZ"


@dataclass(slots=True)
class Stamp:
    """What a token says: this hash existed at that moment."""

    hashed: str
    at: datetime


def read(token: bytes, root: bytes) -> Stamp:
    """Return what a token says, whose signer was certified by the root for this and alive.

    Raises:
        NotOurs: it is no token, its signature does not hold, or its signer is not the root's.
    """
    try:
        return _read(token, load(root))
    except (Malformed, InvalidSignature, UnicodeDecodeError) as error:
        raise NotOurs(str(error) or "its signature does not hold") from error


def _read(token: bytes, root: x509.Certificate) -> Stamp:
    outer = der.Der(token)
    info = outer.inside(SEQUENCE)
    outer.finish()
    _require(info.content(OID) == SIGNED_DATA, "it is not signed data")
    explicit = info.inside(CONTEXT_0)
    info.finish()
    signed = explicit.inside(SEQUENCE)
    explicit.finish()

    _require(signed.integer() == 3, "its version is not 3")
    algorithms = signed.inside(SET)
    _algorithm(algorithms, SHA256)
    algorithms.finish()
    content = _content(signed.inside(SEQUENCE))
    held = signed.inside(CONTEXT_0)
    certificate = held.whole(SEQUENCE)
    held.finish()
    signers = signed.inside(SET)
    signed.finish()
    signer = signers.inside(SEQUENCE)
    signers.finish()

    stamper = load(certificate)
    require_issued(stamper, root, certificates.TIME_STAMPING.dotted_string)
    _check_signer(signer, content, stamper)
    stamp = _stamp(content)
    require_alive(stamper, stamp.at)
    return stamp


def _content(wrapped: der.Der) -> bytes:
    """Return the bytes that say the time."""
    _require(wrapped.content(OID) == TST_INFO, "it does not say a time")
    explicit = wrapped.inside(CONTEXT_0)
    wrapped.finish()
    content = explicit.content(OCTET_STRING)
    explicit.finish()
    return content


def _check_signer(signer: der.Der, content: bytes, stamper: x509.Certificate) -> None:
    """Require that the certificate's key signed these attributes, and they this content."""
    _require(signer.integer() == 1, "its signer's version is not 1")
    named = signer.inside(SEQUENCE)
    _require(named.whole(SEQUENCE) == stamper.issuer.public_bytes(), "another issuer is named")
    _require(named.integer() == stamper.serial_number, "another certificate is named")
    named.finish()
    _algorithm(signer, SHA256)
    attributes = signer.whole(CONTEXT_0)
    _algorithm(signer, ECDSA_SHA256)
    signature = signer.content(OCTET_STRING)
    signer.finish()

    key = stamper.public_key()
    _require(isinstance(key, ec.EllipticCurvePublicKey), "its key is on no curve")
    assert isinstance(key, ec.EllipticCurvePublicKey)
    as_set = bytes((SET,)) + attributes[1:]  # RFC 5652 section 5.4: signed as a set
    key.verify(signature, as_set, ec.ECDSA(hashes.SHA256()))
    _check_attributes(der.Der(attributes).inside(CONTEXT_0), content, stamper)


def _check_attributes(attributes: der.Der, content: bytes, stamper: x509.Certificate) -> None:
    found: dict[bytes, bytes] = {}
    while attributes.more:
        attribute = attributes.inside(SEQUENCE)
        kind, values = attribute.content(OID), attribute.content(SET)
        attribute.finish()
        _require(kind not in found, "an attribute stands twice")
        found[kind] = values
    wanted = {CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, SIGNING_CERTIFICATE}
    _require(set(found) == wanted, "its attributes are not those of a time stamp")
    _require(der.Der(found[CONTENT_TYPE]).content(OID) == TST_INFO, "another content was signed")
    digest = der.Der(found[MESSAGE_DIGEST]).content(OCTET_STRING)
    _require(digest == sha256(content).digest(), "another content was signed")
    cert_ids = der.Der(found[SIGNING_CERTIFICATE]).inside(SEQUENCE).inside(SEQUENCE)
    held = cert_ids.inside(SEQUENCE).content(OCTET_STRING)
    own = sha256(stamper.public_bytes(Encoding.DER)).digest()
    _require(held == own, "another certificate signed")


def _stamp(content: bytes) -> Stamp:
    """Return what is said of the time: version, policy, imprint, serial number, time."""
    whole = der.Der(content)
    said = whole.inside(SEQUENCE)
    whole.finish()
    _require(said.integer() == 1, "its content's version is not 1")
    _require(said.content(OID) == POLICY, "it is of another policy")
    imprint = said.inside(SEQUENCE)
    _algorithm(imprint, SHA256)
    hashed = imprint.content(OCTET_STRING)
    imprint.finish()
    said.integer()
    told = said.content(der.GENERALIZED_TIME).decode("ascii")
    try:
        at = datetime.strptime(told, SIGNER_TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed(f"{told!r} is no time") from error
    # Accuracy, nonce and the authority's name follow: signed, and nothing here depends on them.
    return Stamp(hashed.hex(), at)


def _algorithm(reader: der.Der, wanted: bytes) -> None:
    """Take an algorithm, which must be this one, without parameters (RFC 5754) or with a null."""
    algorithm = reader.inside(SEQUENCE)
    _require(algorithm.content(OID) == wanted, "another algorithm is named")
    if algorithm.more:
        _require(algorithm.content(der.NULL) == b"", "an algorithm with parameters")
    algorithm.finish()


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise Malformed(problem)
