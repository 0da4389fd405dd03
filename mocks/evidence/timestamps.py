"""The time stamps (可信时间戳): RFC 3161, bytes in and bytes out.

A request names a hash; the reply is a token that says it existed at a moment of business time. The
token's serial number follows from what it says, so that the same request in the same second gives
the same bytes. What made it acceptable to ``openssl ts -verify`` was found by trial (contract
tencent_wechat.md section 7): a certificate whose one and critical purpose is time stamping, and the
signed attributes content type, signing time, message digest and signing certificate (RFC 5816).
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from asn1crypto import algos, cms, core, tsp  # type: ignore[import-untyped]
from asn1crypto.parser import emit  # type: ignore[import-untyped]
from asn1crypto.x509 import Certificate, GeneralName  # type: ignore[import-untyped]
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from mocks.evidence import profile

if TYPE_CHECKING:
    from mocks.evidence.authority import Signer

SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}  # what a request may name, and how long it is
ACCURACY_S = 1
NONCE_BYTES, SERIAL_BYTES = 8, 16
# The content types of HTTP (RFC 3161 section 3.4).
QUERY_TYPE, REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"


class Declined(Exception):
    """A request that gets no token; its text is the name of RFC 3161's failure bit."""


def request(hashed: bytes, nonce: int) -> bytes:
    """Return a request for a SHA-256, with the certificate asked for."""
    asked = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {
                "hash_algorithm": {"algorithm": "sha256"},
                "hashed_message": hashed,
            },
            "nonce": nonce,
            "cert_req": True,
        }
    )
    return bytes(asked.dump())


def token_of(stamped: bytes, moment: int, stamper: Signer) -> bytes:
    """Return the token over ``stamped``, which is its own nonce's source: the same every time."""
    hashed = sha256(stamped).digest()
    nonce = int.from_bytes(hashed[:NONCE_BYTES], "big") | 1 << 62
    return _token(_asked(request(hashed, nonce)), moment, stamper)


def answer(query: bytes, moment: int, stamper: Signer | None) -> bytes:
    """Return the reply to a request's bytes: a token, or which of RFC 3161's failures it was.

    ``stamper`` is None while the source of time is down.
    """
    try:
        asked = _asked(query)
        if stamper is None:
            raise Declined("time_not_available")
        token = _token(asked, moment, stamper)
    except Declined as no:
        return _reply({"status": "rejection", "fail_info": {str(no)}}, b"")
    return _reply({"status": "granted"}, token)


def _reply(status: dict[str, Any], token: bytes) -> bytes:
    """Return the reply's sequence by hand: asn1crypto's type does not know one without a token."""
    return _sequence(tsp.PKIStatusInfo(status).dump(), token)


def _asked(query: bytes) -> Any:
    """Return a request that may be granted.

    Raises:
        Declined: it is no request, or asks for what is not given here.
    """
    try:
        asked = tsp.TimeStampReq.load(query, strict=True)
        version, imprint = asked["version"].native, asked["message_imprint"]
        algorithm = imprint["hash_algorithm"]["algorithm"].native
        hashed, policy = imprint["hashed_message"].native, asked["req_policy"].native
        extensions = asked["extensions"].native
    except (ValueError, TypeError, KeyError) as error:
        raise Declined("bad_data_format") from error
    if version != "v1" or not isinstance(hashed, bytes):
        raise Declined("bad_request")
    if algorithm not in SIZES:
        raise Declined("bad_alg")
    if len(hashed) != SIZES[algorithm]:
        raise Declined("bad_data_format")
    if policy not in (None, profile.STAMP_POLICY):
        raise Declined("unaccepted_policy")
    if extensions:
        raise Declined("unaccepted_extensions")
    return asked


def _token(asked: Any, moment: int, stamper: Signer) -> bytes:
    """Return the token: CMS signed data (RFC 5652) over what is said of the time.

    Its sequences are put together here from parts in DER. asn1crypto would copy and sort what is
    the same in every token each time, which costs a hundred times the rest.
    """
    own, at = Own.of(stamper.der), profile.utc(moment)
    named = sha256(asked.dump() + b"%d" % moment).digest()[:SERIAL_BYTES]
    said = _sequence(  # TSTInfo, RFC 3161 section 2.4.2
        core.Integer(1).dump(),
        _POLICY,
        asked["message_imprint"].dump(),
        core.Integer(int.from_bytes(named, "big") >> 1 | 1 << 126).dump(),
        core.GeneralizedTime(at).dump(),
        _ACCURACY,
        b"" if asked["nonce"].native is None else asked["nonce"].dump(),
        own.tsa,
    )
    attributes = b"".join(
        sorted(  # as a SET OF is in DER
            (
                _attribute("content_type", _TST_INFO),
                _attribute("signing_time", core.UTCTime(at).dump()),
                _attribute("message_digest", core.OctetString(sha256(said).digest()).dump()),
                own.certificate,
            )
        )
    )
    signature = stamper.key.sign(
        _set(attributes), ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    )
    signed = _sequence(
        core.Integer(3).dump(),  # RFC 5652, 5.1: what is signed is no plain data
        _set(_DIGEST),
        _sequence(_TST_INFO, _tagged(0, core.OctetString(said).dump())),
        own.certificates if asked["cert_req"].native else b"",
        _set(own.signer(attributes, signature)),
    )
    return _sequence(_SIGNED_DATA, _tagged(0, signed))


class Own(NamedTuple):
    """What names a stamper in its tokens, in DER: four parts that are the same in all of them."""

    tsa: bytes
    certificates: bytes
    sid: bytes
    certificate: bytes  # the signed attribute (RFC 5816)

    @classmethod
    @cache
    def of(cls, der: bytes) -> Own:
        """Return what names the holder of a certificate."""
        certificate = Certificate.load(der)
        named = GeneralName({"directory_name": certificate.subject})
        by = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
        identity = cms.SignerIdentifier({"issuer_and_serial_number": by})
        signing = tsp.SigningCertificateV2({"certs": [{"cert_hash": sha256(der).digest()}]})
        return cls(
            _tagged(0, named.dump()),
            _tagged(0, der),
            identity.dump(),
            _attribute("signing_certificate_v2", signing.dump()),
        )

    def signer(self, attributes: bytes, signature: bytes) -> bytes:
        """Return the one who signed, by issuer and number, with what was signed besides."""
        return _sequence(
            core.Integer(1).dump(),
            self.sid,
            _DIGEST,
            _tagged(0, attributes),
            _ECDSA,
            core.OctetString(signature).dump(),
        )


def _attribute(kind: str, value: bytes) -> bytes:
    return _sequence(cms.CMSAttributeType(kind).dump(), _set(value))


def _sequence(*parts: bytes) -> bytes:
    return bytes(emit(0, 1, 16, b"".join(parts)))


def _set(*parts: bytes) -> bytes:
    return bytes(emit(0, 1, 17, b"".join(parts)))


def _tagged(tag: int, content: bytes) -> bytes:
    return bytes(emit(2, 1, tag, content))


_POLICY = core.ObjectIdentifier(profile.STAMP_POLICY).dump()
_ACCURACY = tsp.Accuracy({"seconds": ACCURACY_S}).dump()
_SIGNED_DATA = cms.ContentType("signed_data").dump()
_TST_INFO = cms.ContentType("tst_info").dump()
_DIGEST = algos.DigestAlgorithm({"algorithm": "sha256"}).dump()
_ECDSA = algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}).dump()
