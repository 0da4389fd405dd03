"""Time stamps: RFC 3161, bytes in and bytes out, read by OpenSSL and by the bank's own half."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, date, datetime
from hashlib import sha256

import pytest
from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from core.contract import der, timetoken
from core.contract.certificates import NotOurs
from core.ports.evidence import moment
from mocks.evidence.behaviour import Evidence
from mocks.evidence.timestamps import request, token_of

START = date(2020, 7, 15)
NINE = 9 * 3600.0
AT = moment(START, NINE)
SAID = b"what is stamped"
HASHED = sha256(SAID).digest()
NONCE = 7

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="no openssl here: apt-get install openssl"
)


@pytest.fixture(scope="module")
def system():
    return Evidence(b"a secret for tests", START)


@pytest.fixture(scope="module")
def root(system):
    return system.authority.root.der


def asked(**changed):
    """Return a request's bytes with some of its fields changed."""
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": HASHED}
    fields = {"version": "v1", "message_imprint": imprint, "nonce": NONCE, "cert_req": True}
    fields |= changed
    return tsp.TimeStampReq({key: said for key, said in fields.items() if said is not None}).dump()


def imprint(algorithm, size):
    return {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": b"\1" * size}


def refusal(reply):
    """Return why a reply holds no token."""
    whole = der.Der(reply).inside(der.SEQUENCE)
    status = tsp.PKIStatusInfo.load(whole.whole(der.SEQUENCE)).native
    assert status["status"] == "rejection"
    assert not whole.more
    (why,) = status["fail_info"]
    return why


def granted(reply):
    """Return the token of a reply."""
    whole = tsp.TimeStampResp.load(reply, strict=True)
    assert whole["status"]["status"].native == "granted"
    return whole["time_stamp_token"].dump()


def said_by(token):
    return cms.ContentInfo.load(token)["content"]["encap_content_info"]["content"].parsed


# What is granted


def test_a_request_is_granted_with_its_hash_its_nonce_and_the_business_time(system, root):
    token = granted(system.stamp(request(HASHED, NONCE), NINE))
    stamp, said = timetoken.read(token, root), said_by(token)

    assert stamp.hashed == HASHED.hex()
    assert stamp.at == datetime(2020, 7, 15, 1, 0, tzinfo=UTC)  # nine o'clock in UTC+8
    assert said["nonce"].native == NONCE
    assert said["policy"].native == "2.999.3161.1"
    assert said["accuracy"]["seconds"].native == 1


def test_the_same_request_in_the_same_second_gives_the_same_bytes(system):
    first = system.stamp(request(HASHED, NONCE), NINE)

    assert system.stamp(request(HASHED, NONCE), NINE + 0.9) == first
    others = [system.stamp(request(HASHED, NONCE + 1), NINE), system.stamp(asked(), NINE + 1)]
    serials = {said_by(granted(each))["serial_number"].native for each in (first, *others)}
    assert len(serials) == 3


def test_a_token_of_the_deposit_is_what_anybody_would_be_given(system, root):
    token = token_of(SAID, AT, system.authority.stamper)

    assert timetoken.read(token, root).hashed == HASHED.hex()
    assert token_of(SAID, AT, system.authority.stamper) == token


def test_whoever_asks_for_no_certificate_gets_none(system, root):
    token = granted(system.stamp(asked(cert_req=False), NINE))
    held = cms.ContentInfo.load(token)["content"]["certificates"]

    assert not held.native
    with pytest.raises(NotOurs):  # the bank's verifier wants it in the token
        timetoken.read(token, root)


def test_whoever_gives_no_nonce_gets_none_back(system):
    assert said_by(granted(system.stamp(asked(nonce=None), NINE)))["nonce"].native is None


@pytest.mark.parametrize(("algorithm", "size"), [("sha256", 32), ("sha384", 48), ("sha512", 64)])
def test_these_hashes_are_stamped(system, algorithm, size):
    token = granted(system.stamp(asked(message_imprint=imprint(algorithm, size)), NINE))

    assert said_by(token)["message_imprint"]["hashed_message"].native == b"\1" * size


# What is refused


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (b"", "bad_data_format"),
        (b"no request", "bad_data_format"),
        (asked() + b"\0", "bad_data_format"),
        (asked(message_imprint=imprint("sha256", 31)), "bad_data_format"),
        (asked(message_imprint=imprint("sha1", 20)), "bad_alg"),
        (asked(message_imprint=imprint("md5", 16)), "bad_alg"),
        (asked(req_policy="1.2.3.4"), "unaccepted_policy"),
        (
            asked(extensions=[{"extn_id": "1.2.3", "critical": True, "extn_value": b"\5\0"}]),
            "unaccepted_extensions",
        ),
        (asked().replace(b"\2\1\1", b"\2\1\2", 1), "bad_request"),
    ],
)
def test_a_refusal_names_rfc_3161s_reason(system, query, why):
    assert refusal(system.stamp(query, NINE)) == why


def test_a_source_of_time_that_is_down_says_so(system):
    system.down.add("stamping")
    reply = system.stamp(asked(), NINE)
    system.down.clear()

    assert refusal(reply) == "time_not_available"


@given(place=st.integers(0, len(asked()) - 1), byte=st.integers(0, 255))
def test_no_byte_of_a_request_breaks_the_answer(place, byte):
    system = Evidence(b"a secret for tests", START)
    system.down.add("stamping")  # nothing is signed, so that this is quick
    query = asked()
    reply = system.stamp(query[:place] + bytes((byte,)) + query[place + 1 :], NINE)

    assert refusal(reply)


@given(st.binary(max_size=120))
def test_no_bytes_at_all_break_the_answer(query):
    system = Evidence(b"a secret for tests", START)
    system.down.add("stamping")

    assert refusal(system.stamp(query, NINE))


# What the bank's own half refuses


def test_another_authoritys_token_is_not_ours(system):
    token = granted(system.stamp(asked(), NINE))
    other = Evidence(b"another secret", START).authority.root.der
    with pytest.raises(NotOurs):
        timetoken.read(token, other)


def test_a_token_signed_by_somebody_of_the_house_who_may_not_is_not_ours(system, root):
    token = token_of(SAID, AT, system.authority.issuer)  # certified by the root, but to issue
    with pytest.raises(NotOurs):
        timetoken.read(token, root)


def test_a_token_of_a_moment_before_its_certificate_is_not_ours(system, root):
    token = token_of(SAID, moment(date(2018, 12, 31), 0.0), system.authority.stamper)
    with pytest.raises(NotOurs, match="valid from"):
        timetoken.read(token, root)


def test_a_reply_is_no_token(system, root):
    with pytest.raises(NotOurs):
        timetoken.read(system.stamp(asked(), NINE), root)


# A second opinion


@pytest.fixture
def openssl(tmp_path, system):
    """Return a way to have openssl verify a file against what was stamped, or a request."""
    whole = x509.load_der_x509_certificate(system.authority.root.der)
    (tmp_path / "root.pem").write_bytes(whole.public_bytes(Encoding.PEM))
    (tmp_path / "said").write_bytes(SAID)
    (tmp_path / "altered").write_bytes(SAID + b"!")

    def run(*arguments):
        made = subprocess.run(
            ["openssl", "ts", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return made.returncode == 0, made.stdout + made.stderr

    def verify(reply, *options):
        (tmp_path / "reply").write_bytes(reply)
        at = ["-attime", str(AT + 60)]
        return run("-verify", *at, "-in", "reply", "-CAfile", "root.pem", *options)

    verify.run, verify.folder = run, tmp_path
    return verify


@needs_openssl
def test_openssl_verifies_a_reply_and_refuses_an_altered_document(system, openssl):
    reply = system.stamp(request(HASHED, NONCE), NINE)

    assert openssl(reply, "-data", "said")[0]
    holds, said = openssl(reply, "-data", "altered")
    assert not holds
    assert "message imprint mismatch" in said


@needs_openssl
def test_openssl_verifies_the_deposits_token_by_itself(system, openssl):
    holds, said = openssl(
        token_of(SAID, AT, system.authority.stamper), "-token_in", "-data", "said"
    )

    assert holds, said


@needs_openssl
@pytest.mark.parametrize("digest", ["-sha256", "-sha384", "-sha512"])
def test_openssl_asks_and_verifies_what_it_is_answered(system, openssl, digest):
    openssl.run("-query", "-data", "said", digest, "-cert", "-out", "query")
    query = (openssl.folder / "query").read_bytes()
    holds, said = openssl(system.stamp(query, NINE), "-queryfile", "query")

    assert holds, said
    other = system.stamp(request(HASHED, NONCE), NINE)  # another nonce
    assert not openssl(other, "-queryfile", "query")[0]


@needs_openssl
def test_openssl_reads_a_refusal(system, openssl):
    (openssl.folder / "refused").write_bytes(system.stamp(b"no request", NINE))
    read, said = openssl.run("-reply", "-in", "refused", "-text")

    assert read
    assert "Status: Rejected." in said
    assert "the data submitted has the wrong format" in said
