"""Contract deposit: the signer's own signature, each bank's own chain, and what can go wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from hashlib import blake2b, sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.contract.evidence import link_of, signature_holds, signed_bytes
from core.ports.evidence import (
    GENESIS,
    DepositQuery,
    ReadQuery,
    Served,
    SignQuery,
    Standing,
    StatusQuery,
    moment,
)
from mocks.evidence.behaviour import Evidence

START = date(2020, 7, 15)  # the traces' own day
NINE = 9 * 3600.0
SECRET = b"a secret for tests"
HASHED = ("ab" * 32, "cd" * 32)


@pytest.fixture
def li(make_person):
    return make_person("li")


@pytest.fixture
def deposit_system():
    return Evidence(SECRET, START)


def asked(person, document="loan/1", digest=HASHED[0], will="TOKEN"):
    return SignQuery(document, digest, HASHED[1], person.name, person.id_number, "v1", will)


def sign(evidence, trace, person, at_s=NINE, **said):
    return evidence.sign(trace(), asked(person, **said), at_s, None)


def deposit(evidence, trace, document="loan/1", signature="00", bank="b01", at_s=NINE):
    query = DepositQuery(document, *HASHED, signature, "11", "40", "v1", "TOKEN")
    return evidence.deposit(trace(bank=bank), query, at_s, None)


# Signing


def test_a_signature_holds_for_what_was_signed_and_nothing_else(deposit_system, trace, li):
    answer = sign(deposit_system, trace, li)
    key = answer.public_key

    def holds(signature=answer.signature, **other):
        said = {"document": "loan/1", "hashed": HASHED, "consent": "v1", "will": "TOKEN"} | other
        return signature_holds(signed_bytes(**said), signature, key)

    assert holds()
    assert not holds(document="loan/2")
    assert not holds(hashed=("ac" * 32, HASHED[1]))
    assert not holds(hashed=(HASHED[0], "ce" * 32))
    assert not holds(consent="v2")
    assert not holds(will="another face")
    assert not holds(signature=answer.signature[:-2] + "00")
    assert not holds(signature=answer.signature.upper())
    assert not holds(signature="no hex")


def test_signing_again_is_the_same_and_every_act_has_a_key_and_certificate_of_its_own(
    deposit_system, make_person, trace, li
):
    first = sign(deposit_system, trace, li)
    again = sign(deposit_system, trace, li, at_s=NINE + 600)

    assert again == first  # issued once: the time of the first question
    assert sign(Evidence(SECRET, START), trace, li) == first
    others = (
        sign(deposit_system, trace, make_person("wang")),
        sign(deposit_system, trace, li, document="loan/2"),
        sign(deposit_system, trace, li, digest="ac" * 32),
        sign(deposit_system, trace, li, will="another face"),
        sign(Evidence(b"another secret", START), trace, li),
    )
    assert len({first.public_key, *(answer.public_key for answer in others)}) == 6
    assert len({first.certificate, *(answer.certificate for answer in others)}) == 6


def test_openssl_gives_the_same_signature_for_the_derived_key(deposit_system, trace, li):
    secret = blake2b(SECRET, digest_size=32, person=b"evidence").digest()
    told = signed_bytes("loan/1", HASHED, "v1", "TOKEN")
    info = f"{li.id_number.text}\n".encode() + told
    seed = blake2b(info, digest_size=32, key=secret, person=b"signer").digest()
    key = Ed25519PrivateKey.from_private_bytes(seed)
    answer = sign(deposit_system, trace, li)

    assert answer.public_key == key.public_key().public_bytes_raw().hex()
    assert answer.signature == key.sign(told).hex()


def test_a_certificate_is_good_for_a_day(deposit_system, trace, li):
    answer = sign(deposit_system, trace, li)
    standings = [
        deposit_system.status(trace(), StatusQuery(answer.certificate), NINE + later_s, None)
        for later_s in (0.0, 86_400.0, 86_401.0)
    ]

    assert answer.expires_at == moment(START, NINE) + 86_400
    assert [each.standing for each in standings] == ["good", "good", "expired"]


def test_a_certificate_that_was_revoked_says_since_when_and_why(deposit_system, trace, li):
    serial = sign(deposit_system, trace, li).certificate
    deposit_system.revoke(serial, NINE + 60, "key_compromise")
    deposit_system.revoke(serial, NINE + 5, "superseded")  # the first word stands

    def status(at_s, certificate=serial):
        return deposit_system.status(trace(), StatusQuery(certificate), at_s, None)

    assert status(NINE + 59).standing is Standing.GOOD
    revoked = status(NINE + 60)
    assert (revoked.standing, revoked.reason) == (Standing.REVOKED, "key_compromise")
    assert revoked.revoked_at == moment(START, NINE + 60)
    assert status(NINE, certificate="40").standing is Standing.UNKNOWN


def test_what_is_not_there_is_not_revoked(deposit_system, trace, li):
    serial = sign(deposit_system, trace, li).certificate
    with pytest.raises(AssertionError, match="no certificate"):
        deposit_system.revoke("40", NINE)
    with pytest.raises(AssertionError, match="no reason"):
        deposit_system.revoke(serial, NINE, "bad mood")


def test_an_authority_that_is_down_signs_nothing(deposit_system, trace, li):
    deposit_system.down.add("signing")
    answer = sign(deposit_system, trace, li)

    assert (answer.verdict, answer.signature) == (Served.UNAVAILABLE, "")
    deposit_system.down.clear()
    assert sign(deposit_system, trace, li).verdict is Served.DONE


def test_an_authority_whose_own_certificate_ends_signs_nothing(trace, li):
    late = Evidence(SECRET, date(2039, 12, 31))

    assert sign(late, trace, li).verdict is Served.UNAVAILABLE


# Depositing


def test_a_deposit_is_made_once_and_keeps_its_time(deposit_system, trace):
    first = deposit(deposit_system, trace)
    again = deposit(deposit_system, trace, at_s=NINE + 900)

    assert again == first
    assert first.stamped_at == moment(START, NINE)
    assert len(deposit_system.chain("b01").records) == 1


def test_another_signature_is_another_deposit(deposit_system, trace):
    first, other = deposit(deposit_system, trace), deposit(deposit_system, trace, signature="99")

    assert other.receipt != first.receipt
    assert len(deposit_system.chain("b01").records) == 2


def test_a_chain_value_is_the_hash_of_what_was_before_and_the_record(deposit_system, trace):
    first = deposit(deposit_system, trace)
    second = deposit(deposit_system, trace, document="loan/2", at_s=NINE + 1)

    assert first.chain == link_of(GENESIS, first.receipt, first.stamped_at)
    assert second.chain == link_of(first.chain, second.receipt, second.stamped_at)


def test_a_deposit_is_read_back_with_all_that_proves_it(deposit_system, trace, li):
    signed = sign(deposit_system, trace, li)
    query = DepositQuery(
        "loan/1", *HASHED, signed.signature, signed.public_key, signed.certificate, "v1", "TOKEN"
    )
    made = deposit_system.deposit(trace(), query, NINE + 1, None)
    read = deposit_system.read(trace(), ReadQuery(made.receipt), NINE + 60, None)
    told = DepositQuery(
        read.document,
        read.digest,
        read.sm3,
        read.signature,
        read.public_key,
        read.certificate,
        read.consent_version,
        read.will,
    )

    assert read.found
    assert told == query
    assert (read.before, read.chain, read.stamped_at) == (GENESIS, made.chain, made.stamped_at)
    assert len(read.certificates) == 2
    assert read.revoked
    assert read.token
    assert deposit_system.read(trace(), ReadQuery(made.receipt), NINE + 60, None) == read


def test_a_deposit_belongs_to_its_bank(deposit_system, trace):
    mine, theirs = deposit(deposit_system, trace), deposit(deposit_system, trace, bank="b02")

    assert mine.receipt != theirs.receipt
    other = deposit_system.read(trace(bank="b02"), ReadQuery(mine.receipt), 0.0, None)
    assert not other.found


def test_what_is_deposited_without_a_certificate_is_read_without_one(deposit_system, trace):
    made = deposit(deposit_system, trace)
    read = deposit_system.read(trace(), ReadQuery(made.receipt), NINE, None)

    assert len(read.certificates) == 1  # the issuer's alone


def test_time_stamps_that_are_down_take_no_deposit_and_keep_what_lies_there(deposit_system, trace):
    first = deposit(deposit_system, trace)
    deposit_system.down.add("stamping")

    assert deposit(deposit_system, trace, document="loan/2").verdict is Served.UNAVAILABLE
    assert deposit(deposit_system, trace) == first


def test_a_clock_that_is_ahead_stamps_the_future(deposit_system, trace):
    deposit_system.clock_ahead_s = 3600.0

    assert deposit(deposit_system, trace).stamped_at == moment(START, NINE + 3600)


def test_without_a_first_day_the_first_request_tells_it(trace):
    told = Evidence(SECRET)
    second_day = deposit(told, trace, at_s=86_400.0 + NINE)  # its trace is of the 15th

    assert second_day.stamped_at == moment(START, NINE)


@pytest.mark.parametrize("field", ["before", "stamped_at", "chain", "receipt", "bank"])
def test_the_chain_shows_whatever_was_altered(deposit_system, trace, field):
    for number in range(3):
        deposit(deposit_system, trace, document=f"loan/{number}")
    chain = deposit_system.chain("b01")
    assert chain.broken_at() == ""

    setattr(chain.records[1], field, "altered")

    assert chain.broken_at() == chain.records[1].receipt


@pytest.mark.parametrize("field", DepositQuery.__slots__)
def test_the_chain_shows_whatever_of_the_deposit_was_altered(deposit_system, trace, field):
    made = [deposit(deposit_system, trace, document=f"loan/{number}") for number in range(3)]
    chain = deposit_system.chain("b01")
    chain.records[1].query = replace(chain.records[1].query, **{field: "altered"})

    assert chain.broken_at() == made[1].receipt


def test_the_chain_shows_a_missing_record(deposit_system, trace):
    made = [deposit(deposit_system, trace, document=f"loan/{number}") for number in range(3)]
    chain = deposit_system.chain("b01")
    del chain.records[0]

    assert chain.broken_at() == made[1].receipt


def test_the_stamped_bytes_hash_to_the_chain_value(deposit_system, trace):
    made = deposit(deposit_system, trace)
    (record,) = deposit_system.chain("b01").records

    assert sha256(record.stamped()).hexdigest() == made.chain
