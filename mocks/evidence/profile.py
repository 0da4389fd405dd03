"""What stands in the specimen authority's certificates: names, policies, validity, extensions.

Source: RFC 5280 (certificates and revocation lists), RFC 3161 section 2.3 (the certificate of a
time stamp), RFC 9336 (document signing as a purpose). The arc 2.999 is the one that ITU-T X.660
keeps for examples: no policy below it is anybody's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Extensions = tuple[tuple[x509.ExtensionType, bool], ...]

ORGANISATION = "SPECIMEN 样本, of no legal force"
ROOT_NAME = "loanrange specimen root"
ISSUER_NAME = "loanrange specimen event certificates"
STAMPER_NAME = "loanrange specimen time stamps"
CERTIFICATE_POLICY = ObjectIdentifier("2.999.5280.1")
STAMP_POLICY = "2.999.3161.1"
DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
DOCUMENT_URI = "urn:loanrange-specimen:document:"
WILL_URI = "urn:loanrange-specimen:will-sha256:"

SINCE = datetime(2019, 1, 1, tzinfo=UTC)  # before every business date
ROOT_UNTIL = datetime(2049, 12, 31, tzinfo=UTC)  # RFC 5280: to the end of 2049 as UTCTime
UNTIL = datetime(2039, 12, 31, tzinfo=UTC)
LAST_MOMENT = int(UNTIL.timestamp())  # what the authority still certifies
CRL_LASTS = timedelta(days=1)


def utc(moment: int) -> datetime:
    """Return a moment of the port in UTC, as certificates tell time."""
    return datetime.fromtimestamp(moment, UTC)


def name(common: str, number: str = "") -> x509.Name:
    """Return a distinguished name that says it is a specimen's."""
    said = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
        x509.NameAttribute(NameOID.COMMON_NAME, common),
    ]
    if number:
        said.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, number))
    return x509.Name(said)


def person(document: str, number: str) -> str:
    """Return what stands for an ID number: its hash with the document's id, not itself.

    A certificate goes from hand to hand, and whoever holds the contract can make the hash again.
    """
    return sha256(f"{document}\n{number}".encode()).hexdigest()


def issued_by(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Return the extension that names the issuer's key."""
    known = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known.value)


def for_root(key: EllipticCurvePublicKey) -> Extensions:
    """Return the extensions of a root with one authority below it."""
    return (
        (x509.BasicConstraints(ca=True, path_length=1), True),
        (usage("key_cert_sign", "crl_sign"), True),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
    )


def for_issuer(key: EllipticCurvePublicKey, root: x509.Certificate) -> Extensions:
    """Return the extensions of an authority with none below it."""
    return (
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (usage("key_cert_sign", "crl_sign"), True),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (issued_by(root), False),
        (policies(), False),
    )


def for_stamper(key: EllipticCurvePublicKey, root: x509.Certificate) -> Extensions:
    """Return the extensions of a time stamp's key: its one purpose, and that critical."""
    return (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage("digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (issued_by(root), False),
    )


def for_event(
    key: Ed25519PublicKey, issuer: x509.Certificate, document: str, will: str
) -> Extensions:
    """Return the extensions of an event certificate: which document, and on what act of will."""
    act = sha256(will.encode()).hexdigest()
    event = [
        x509.UniformResourceIdentifier(DOCUMENT_URI + document),
        x509.UniformResourceIdentifier(WILL_URI + act),
    ]
    return (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage("digital_signature", "content_commitment"), True),
        (x509.ExtendedKeyUsage([DOCUMENT_SIGNING]), False),
        (x509.SubjectAlternativeName(event), False),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (issued_by(issuer), False),
        (policies(), False),
    )


def usage(*uses: str) -> x509.KeyUsage:
    """Return the uses of a key, and no others."""
    known = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{use: use in uses for use in known})


def policies() -> x509.CertificatePolicies:
    """Return the specimen's policy, with a word to whoever looks."""
    notice = x509.UserNotice(None, "Specimen. Certifies nobody and nothing.")
    return x509.CertificatePolicies([x509.PolicyInformation(CERTIFICATE_POLICY, [notice])])
