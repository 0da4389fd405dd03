"""Time stamps over real HTTP: RFC 3161 section 3.4, asked and verified by OpenSSL itself."""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256

import pytest
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from mocks.evidence.timestamps import QUERY_TYPE, REPLY_TYPE
from mocks.rest_app import rest_app
from tests.mocks.rest_kit import asking, refused, serving, tenants

SAID = b"a contract of 50,000 yuan"
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="no openssl here: apt-get install openssl"
)
TYPED = {"content-type": QUERY_TYPE}


@pytest.fixture(scope="module")
def world():
    made = tenants()
    made.open("second", seed=8)
    return made


@pytest.fixture(scope="module")
def client(world):
    with serving(rest_app(world)) as address, asking(address, world.default) as made:
        yield made


@pytest.fixture(scope="module")
def papers(tmp_path_factory, world):
    """Give a folder with root and stamper, as a verifier has them from elsewhere."""
    place = tmp_path_factory.mktemp("tsa")
    for name in ("root", "stamper"):
        der = getattr(world.default.behaviours["evidence"].authority, name).der
        pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
        (place / f"{name}.pem").write_bytes(pem)
    (place / "said").write_bytes(SAID)
    (place / "altered").write_bytes(SAID.replace(b"50", b"90"))
    return place


def openssl(place, *words):
    command = ["openssl", "ts", *words]
    return subprocess.run(
        command, cwd=place, capture_output=True, text=True, timeout=30, check=False
    )


def stamped(client, query):
    response = client.post("/tsa", content=query, headers=TYPED)
    assert (response.status_code, response.headers["content-type"]) == (200, REPLY_TYPE)
    return response.content


def query(**changed):
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": sha256(SAID).digest()}
    told = {"version": "v1", "message_imprint": imprint, "nonce": 7, "cert_req": True} | changed
    return tsp.TimeStampReq({name: said for name, said in told.items() if said is not None}).dump()


def signed(reply):
    return tsp.TimeStampResp.load(reply, strict=True)["time_stamp_token"]["content"]


def said_by(reply):
    return signed(reply)["encap_content_info"]["content"].parsed


def why_not(reply):
    """Return why a reply holds no token."""
    status = tsp.PKIStatusInfo.load(reply[2:]).native  # two bytes begin a short sequence
    assert status["status"] == "rejection"
    (why,) = status["fail_info"]
    return why


@needs_openssl
@pytest.mark.parametrize("hashing", ["-sha256", "-sha384", "-sha512"])
@pytest.mark.parametrize("nonce", [(), ("-no_nonce",)], ids=["nonce", "no nonce"])
def test_openssl_verifies_what_it_asked_for_and_refuses_an_altered_file(
    client, papers, hashing, nonce
):
    asked = ["-query", "-data", "said", hashing, "-cert", *nonce, "-out", "query.tsq"]
    assert openssl(papers, *asked).returncode == 0
    (papers / "reply.tsr").write_bytes(stamped(client, (papers / "query.tsq").read_bytes()))

    verify = ("-verify", "-in", "reply.tsr", "-CAfile", "root.pem")
    for what in (("-queryfile", "query.tsq"), ("-data", "said")):
        seen = openssl(papers, *verify, *what)
        assert "Verification: OK" in seen.stdout, seen.stderr
    altered = openssl(papers, *verify, "-data", "altered")
    assert altered.returncode != 0
    assert "message imprint mismatch" in altered.stderr.lower()


@needs_openssl
def test_openssl_verifies_a_token_without_a_certificate_given_the_certificate(client, papers):
    asked = ["-query", "-data", "said", "-sha256", "-out", "bare.tsq"]
    assert openssl(papers, *asked).returncode == 0
    reply = stamped(client, (papers / "bare.tsq").read_bytes())
    (papers / "bare.tsr").write_bytes(reply)

    verify = ("-verify", "-in", "bare.tsr", "-queryfile", "bare.tsq", "-CAfile", "root.pem")
    assert not signed(reply)["certificates"].native
    assert openssl(papers, *verify).returncode != 0
    assert "Verification: OK" in openssl(papers, *verify, "-untrusted", "stamper.pem").stdout


@needs_openssl
def test_openssl_refuses_a_reply_to_another_question(client, papers):
    for name in ("one", "two"):  # each with a nonce of its own
        asked = ("-query", "-data", "said", "-sha256", "-cert", "-out", f"{name}.tsq")
        assert openssl(papers, *asked).returncode == 0
    (papers / "one.tsr").write_bytes(stamped(client, (papers / "one.tsq").read_bytes()))

    crossed = ("-verify", "-in", "one.tsr", "-queryfile", "two.tsq", "-CAfile", "root.pem")
    seen = openssl(papers, *crossed)
    assert seen.returncode != 0
    assert "nonce" in seen.stderr.lower()


def test_the_nonce_comes_back_and_the_certificate_on_request(client):
    whole, bare = stamped(client, query()), stamped(client, query(nonce=None, cert_req=None))

    assert said_by(whole)["nonce"].native == 7
    assert said_by(bare)["nonce"].native is None
    assert len(signed(whole)["certificates"]) == 1
    assert not signed(bare)["certificates"].native


def test_the_moment_is_business_time(client, world):
    told = said_by(stamped(client, query()))

    assert int(told["gen_time"].native.timestamp()) == world.default.unix_s


def test_the_same_question_at_the_same_moment_has_the_same_answer(client):
    assert stamped(client, query()) == stamped(client, query())
    serials = {said_by(stamped(client, query(nonce=n)))["serial_number"].native for n in range(5)}
    assert len(serials) == 5


def test_each_tenant_has_an_authority_of_its_own(client, world):
    headers = {**TYPED, "X-Api-Key": world.get("second").credentials.api_key}
    reply = client.post("/tsa", content=query(), headers=headers).content

    issuers = [signed(each)["certificates"][0].dump() for each in (reply, stamped(client, query()))]
    assert issuers[0] != issuers[1]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (b"", "bad_data_format"),
        (b"no request", "bad_data_format"),
        (query() + b"\0", "bad_data_format"),
        (query(req_policy="1.2.3.4"), "unaccepted_policy"),
        (
            query(
                message_imprint={
                    "hash_algorithm": {"algorithm": "md5"},
                    "hashed_message": b"1" * 16,
                }
            ),
            "bad_alg",
        ),
    ],
)
def test_a_refusal_is_a_reply_too(client, asked, why):
    assert why_not(stamped(client, asked)) == why


def test_a_source_of_time_that_is_down_says_so(client, world):
    evidence = world.default.behaviours["evidence"]
    evidence.down.add("stamping")
    try:
        assert why_not(stamped(client, query())) == "time_not_available"
    finally:
        evidence.down.clear()


def test_what_is_no_timestamp_query_is_a_problem(client):
    for kind in ("application/octet-stream", "application/json", REPLY_TYPE, ""):
        refused(client.post("/tsa", content=query(), headers={"content-type": kind}), 415)
    refused(client.get("/tsa"), 405)
    refused(client.post("/tsa", content=query(), headers={**TYPED, "X-Api-Key": "wrong"}), 401)
    refused(client.post("/tsa", content=b"\0" * 1_000_001, headers=TYPED), 413)


@settings(max_examples=100)
@given(body=st.binary(max_size=200) | st.tuples(st.integers(0, 55), st.binary(max_size=3)))
def test_whatever_is_sent_is_replied_to(client, body):
    if isinstance(body, tuple):  # a request with a few bytes put over its own
        at, over = body
        whole = query()
        body = whole[:at] + over + whole[at + len(over) :]
    reply = stamped(client, body)

    assert reply[0] == 0x30  # a sequence: a token, or why there is none


def test_every_beginning_of_a_request_is_refused(client):
    whole = query()
    replies = [why_not(stamped(client, whole[:end])) for end in range(len(whole))]

    assert set(replies) == {"bad_data_format"}
