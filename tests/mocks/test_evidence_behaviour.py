"""Contract deposit: the signer's own signature, each bank's own chain."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.ports.evidence import DepositQuery, ReadQuery, SignQuery
from mocks.evidence.behaviour import Evidence, signature_holds, signed_bytes


@pytest.fixture
def li(make_person):
    return make_person("li")


@pytest.fixture
def deposit_system():
    return Evidence(b"a secret for tests")


def sign(evidence, trace, person, document="loan/1", digest="ab" * 32):
    query = SignQuery(document, digest, person.name, person.id_number, "TOKEN")
    return evidence.sign(trace(), query, 0.0, None)


def deposit(evidence, trace, document="loan/1", digest="ab" * 32, signature="00", bank="b01"):
    query = DepositQuery(document, digest, signature, "11", "v1")
    return evidence.deposit(trace(bank=bank), query, 0.0, None)


def test_a_signature_holds_for_its_document_and_nothing_else(deposit_system, trace, li):
    answer = sign(deposit_system, trace, li)
    signature, key = answer.signature, answer.public_key

    assert signature_holds("loan/1", "ab" * 32, signature, key)
    assert not signature_holds("loan/1", "ac" * 32, signature, key)
    assert not signature_holds("loan/2", "ab" * 32, signature, key)
    assert not signature_holds("loan/1", "ab" * 32, signature[:-2] + "00", key)
    assert not signature_holds("loan/1", "ab" * 32, "no hex", key)


def test_signing_again_is_the_same_and_every_signer_and_document_has_its_own_key(
    deposit_system, make_person, trace, li
):
    wang = make_person("wang")
    first = sign(deposit_system, trace, li)

    assert sign(deposit_system, trace, li) == first
    assert sign(Evidence(b"a secret for tests"), trace, li) == first
    others = (
        sign(deposit_system, trace, wang),
        sign(deposit_system, trace, li, document="loan/2"),
        sign(Evidence(b"another secret"), trace, li),
    )
    assert len({first.public_key, *(answer.public_key for answer in others)}) == 4


def test_openssl_gives_the_same_signature_for_the_derived_key(deposit_system, trace, li):
    secret = blake2b(b"a secret for tests", digest_size=32, person=b"evidence").digest()
    info = f"ed25519\n{li.id_number.text}\nloan/1".encode()
    seed = blake2b(info, digest_size=32, key=secret, person=b"signer").digest()
    key = Ed25519PrivateKey.from_private_bytes(seed)
    answer = sign(deposit_system, trace, li)

    assert answer.public_key == key.public_key().public_bytes_raw().hex()
    assert answer.signature == key.sign(signed_bytes("loan/1", "ab" * 32)).hex()


def test_a_deposit_is_made_once_and_read_back(deposit_system, trace):
    first, again = deposit(deposit_system, trace), deposit(deposit_system, trace, signature="99")

    assert again == first
    assert len(deposit_system.records("b01")) == 1
    read = deposit_system.read(trace(), ReadQuery(first.receipt), 0.0, None)
    assert (read.found, read.digest, read.signature, read.public_key) == (
        True,
        "ab" * 32,
        "00",
        "11",
    )


def test_a_deposit_belongs_to_its_bank(deposit_system, trace):
    mine, theirs = deposit(deposit_system, trace), deposit(deposit_system, trace, bank="b02")

    assert mine.receipt != theirs.receipt
    other = deposit_system.read(trace(bank="b02"), ReadQuery(mine.receipt), 0.0, None)
    assert not other.found


@pytest.mark.parametrize("field", ["document", "digest", "signature", "consent_version", "chain"])
def test_the_chain_shows_whatever_was_altered(deposit_system, trace, field):
    for number in range(3):
        deposit(deposit_system, trace, document=f"loan/{number}")
    assert deposit_system.verify_chain("b01")

    setattr(deposit_system.records("b01")[1], field, "altered")

    assert not deposit_system.verify_chain("b01")


def test_the_chain_shows_a_missing_record(deposit_system, trace):
    for number in range(3):
        deposit(deposit_system, trace, document=f"loan/{number}")

    del deposit_system._deposits["b01"].records[0]

    assert not deposit_system.verify_chain("b01")
