"""The time stamps (可信时间戳): RFC 3161, bytes in and bytes out.

A request names a hash; the reply is a token that says it existed at a moment of business time. The
token's serial number follows from what it says, so that the same request in the same second gives
the same bytes. What made it acceptable to ``openssl ts -verify`` was found by trial (contract
tencent_wechat.md section 7): a certificate whose one and critical purpose is time stamping, and the
signed attributes content type, signing time, message digest and signing certificate (RFC 5816).
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from asn1crypto import algos, cms, core, tsp  # type: ignore[import-untyped]
from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]
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
    return _sequence(tsp.PKIStatusInfo(status).dump() + token)


def _sequence(content: bytes) -> bytes:
    return bytes(core.Sequence(contents=content).dump())


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
    """Return the token: CMS signed data (RFC 5652) over what is said of the time."""
    at = profile.utc(moment)
    named = sha256(asked.dump() + b"%d" % moment).digest()[:SERIAL_BYTES]
    said = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": profile.STAMP_POLICY,
            "message_imprint": asked["message_imprint"],
            "serial_number": int.from_bytes(named, "big") >> 1 | 1 << 126,
            "gen_time": at,
            "accuracy": {"seconds": ACCURACY_S},
        }
    )
    if asked["nonce"].native is not None:
        said["nonce"] = asked["nonce"].native
    certificate = Certificate.load(stamper.der)
    said["tsa"] = {"directory_name": certificate.subject}
    content = said.dump()
    attributes = _attributes(content, at, stamper.der)
    signature = stamper.key.sign(
        attributes.dump(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    )
    signed = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "tst_info", "content": said},
            "certificates": [certificate] if asked["cert_req"].native else None,
            "signer_infos": [_signer(certificate, attributes, signature)],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())


def _attributes(content: bytes, at: Any, certificate: bytes) -> Any:
    signer = tsp.SigningCertificateV2({"certs": [{"cert_hash": sha256(certificate).digest()}]})
    return cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "signing_time", "values": [cms.Time({"utc_time": core.UTCTime(at)})]},
            {"type": "message_digest", "values": [sha256(content).digest()]},
            {"type": "signing_certificate_v2", "values": [signer]},
        ]
    )


def _signer(certificate: Any, attributes: Any, signature: bytes) -> dict[str, Any]:
    issuer = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
    return {
        "version": "v1",
        "sid": cms.SignerIdentifier({"issuer_and_serial_number": issuer}),
        "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": "sha256_ecdsa"},
        "signature": signature,
    }
