"""Certificates: whether a signer's chain leads to the root that the bank trusts.

The path of RFC 5280 section 6, as far as a chain of root, issuer and signer needs it: signatures,
names, validity at the moment of the stamp, constraints, uses, and the issuer's revocation list.
``cryptography`` checks the signatures; its own path builder knows the rules of web servers, which
have no place for a key on Ed25519.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from core.contract import der

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
TIME_STAMPING = ExtendedKeyUsageOID.TIME_STAMPING
DOCUMENT_URI = "urn:loanrange-specimen:document:"
WILL_URI = "urn:loanrange-specimen:will-sha256:"
# What this verifier understands; any other critical extension is a no (RFC 5280 section 4.2).
UNDERSTOOD = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage)


class NotOurs(ValueError):
    """A certificate or a list that does not lead to the root, and why."""


@dataclass(slots=True)
class SignerCertificate:
    """What an event certificate says: whose key, for which document, on what act of will."""

    public_key: str
    serial: str
    name: str
    person: str
    document: str
    will: str
    since: datetime
    until: datetime


def load(certificate: bytes) -> x509.Certificate:
    """Return a certificate from its DER.

    Raises:
        NotOurs: it is none, or says its signature's algorithm in two ways.
    """
    try:
        require_one_algorithm(certificate)
        return x509.load_der_x509_certificate(certificate)
    except (ValueError, x509.InvalidVersion) as error:
        raise NotOurs(f"it cannot be read: {error}") from error


def require_one_algorithm(signed: bytes) -> None:
    """Require that a certificate or list names one algorithm, inside as outside.

    What stands outside is not signed. RFC 5280 section 4.1.1.2 asks for the same bytes.
    """
    reader = der.Der(signed)
    parts = reader.inside(der.SEQUENCE)
    reader.finish()
    inner = der.Der(parts.whole(der.SEQUENCE)).inside(der.SEQUENCE)
    outer = parts.whole(der.SEQUENCE)
    signature = parts.content(der.BIT_STRING)
    parts.finish()
    if inner.sees(der.CONTEXT_0):  # a certificate's version
        inner.content(der.CONTEXT_0)
    if inner.integer() < 1:  # the serial number, or a list's version
        raise der.Malformed("its serial number is not positive")
    if inner.whole(der.SEQUENCE) != outer or signature[:1] != b"\0":
        raise der.Malformed("its signature's algorithm is told in two ways")


def require_issued(child: x509.Certificate, issuer: x509.Certificate, purpose: str) -> None:
    """Require that an authority issued a certificate for a purpose: "authority", or an OID.

    Raises:
        NotOurs: it did not, or not for that.
    """
    try:
        child.verify_directly_issued_by(issuer)
        extensions = _understood(child)
        limits = extensions.get_extension_for_class(x509.BasicConstraints).value
        use = extensions.get_extension_for_class(x509.KeyUsage).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound) as error:
        problem = str(error) or "its signature is not the issuer's"
        raise NotOurs(problem) from error
    if child.version is not x509.Version.v3:
        raise NotOurs("it is of an old version")
    if purpose == "authority":
        if not (limits.ca and use.key_cert_sign and use.crl_sign):
            raise NotOurs("it may not issue")
        return
    if limits.ca or not use.digital_signature:
        raise NotOurs("it is not for signing")
    purposes = list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    if [each.dotted_string for each in purposes] != [purpose]:
        raise NotOurs("it is for something else")


def _understood(certificate: x509.Certificate) -> x509.Extensions:
    for extension in certificate.extensions:
        if extension.critical and not isinstance(extension.value, UNDERSTOOD):
            raise NotOurs(f"it insists on {extension.oid.dotted_string}")
    return certificate.extensions


def require_alive(certificate: x509.Certificate, at: datetime) -> None:
    """Require that a certificate was valid at a moment.

    Raises:
        NotOurs: it was not yet, or no longer.
    """
    if at < certificate.not_valid_before_utc:
        raise NotOurs(f"it is valid from {certificate.not_valid_before_utc} only")
    if at > certificate.not_valid_after_utc:
        raise NotOurs(f"it expired on {certificate.not_valid_after_utc}")


def signer_of(chain: Iterable[bytes], root: bytes) -> tuple[SignerCertificate, x509.Certificate]:
    """Return what a signer's certificate says, and its issuer, whose chain leads to the root.

    Raises:
        NotOurs: it does not.
    """
    try:
        own, issuer = (load(each) for each in chain)
    except ValueError as error:
        problem = str(error) if isinstance(error, NotOurs) else "it is no chain of two"
        raise NotOurs(problem) from error
    anchor = load(root)
    require_issued(issuer, anchor, "authority")
    require_issued(own, issuer, DOCUMENT_SIGNING.dotted_string)
    return _told(own), issuer


def _told(own: x509.Certificate) -> SignerCertificate:
    key = own.public_key()
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise NotOurs("its key is not on Ed25519")
    try:
        names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        (document,) = (uri for uri in uris if uri.startswith(DOCUMENT_URI))
        (will,) = (uri for uri in uris if uri.startswith(WILL_URI))
        (name,) = own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        (person,) = own.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    except (ValueError, x509.ExtensionNotFound) as error:
        raise NotOurs("it does not say who signed what") from error
    return SignerCertificate(
        key.public_bytes_raw().hex(),
        f"{own.serial_number:032x}",
        str(name.value),
        str(person.value),
        document.removeprefix(DOCUMENT_URI),
        will.removeprefix(WILL_URI),
        own.not_valid_before_utc,
        own.not_valid_after_utc,
    )


def person_of(document: str, number: str) -> str:
    """Return what stands for an ID number in a certificate: its hash with the document's id."""
    return sha256(f"{document}\n{number}".encode()).hexdigest()


def revoked_at(serial: str, revoked: bytes, issuer: x509.Certificate, at: datetime) -> str:
    """Return since when and why a certificate was revoked, at a moment; "" where it was not.

    Raises:
        NotOurs: the list is not the issuer's, or is older than the moment it is asked about.
    """
    try:
        require_one_algorithm(revoked)
        listed = x509.load_der_x509_crl(revoked)
        key = issuer.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        if listed.issuer != issuer.subject or not listed.is_signature_valid(key):
            raise NotOurs("the revocation list is not the issuer's")
        entry = listed.get_revoked_certificate_by_serial_number(int(serial, 16))
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        problem = str(error) if isinstance(error, NotOurs) else "it is no revocation list"
        raise NotOurs(problem) from error
    if listed.last_update_utc < at:
        raise NotOurs("the revocation list is older than the signature")
    if entry is None or entry.revocation_date_utc > at:
        return ""
    return f"{entry.revocation_date_utc:%Y-%m-%d %H:%M:%S} UTC"
