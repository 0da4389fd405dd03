"""Verification: evidence that is whole passes, and of any that is not the altered part is named.

Three customers of one bank sign; the third one's evidence is altered, bit by bit. What is altered
must be named and nothing else, though much follows from it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.banks import load_banks
from core.contract.canonical import digests
from core.contract.der import Der
from core.contract.evidence import Finding, Package, Part, link_of, package_of, receipt_of, told
from core.contract.paper import offer, write
from core.contract.verify import KEPT, verify, verify_kept
from core.identity import IdNumber
from core.ports.evidence import DepositQuery, ReadAnswer, ReadQuery, SignQuery, moment
from core.ports.trace import Trace
from core.products import load_products
from core.store.records import Contract
from mocks.evidence import timestamps
from mocks.evidence.behaviour import Evidence

START = date(2020, 7, 1)
NINE = 9 * 3600.0
BANKS = load_banks()
LENT = load_products(BANKS)["daopu-household"]
NUMBER = IdNumber("32990019870101123" + IdNumber.check_digit("32990019870101123"))


class Signed(NamedTuple):
    """A contract as the bank keeps it, and where its evidence lies."""

    system: Evidence
    contract: Contract

    @property
    def root(self):
        return self.system.authority.root.der

    def read(self, at_s=NINE + 3600):
        return self.system.read(TRACE, ReadQuery(self.contract.receipt), at_s, None)

    def package(self, at_s=NINE + 3600):
        return package_of(self.contract, self.read(at_s))

    def parts(self, now=None, at_s=NINE + 3600):
        return {found.part for found in verify(self.package(at_s), self.root, now)}


TRACE = Trace("daopu", "A1", 604, 1, float("inf"), START)


def sign(system, document="N1", *, at_s=NINE, deposit_s=1.0, on=START, name="李样本"):
    """Sign and deposit one contract, as the flow does."""
    terms = offer(BANKS["daopu"], LENT, "B", on, "consent-1")
    app = SimpleNamespace(id="A1", account="6290011234567890123")
    customer = SimpleNamespace(name=name, number=NUMBER)
    line = SimpleNamespace(limit_fen=1_000_000, valid_to=date(2022, 7, 1))
    made = write(terms, document, app, customer, line, on)
    act = ("consent-1", f"FACE-{document}")
    query = SignQuery(document, made.digest, made.sm3, name, NUMBER, *act)
    signed = system.sign(TRACE, query, at_s, None)
    proof = (signed.signature, signed.public_key, signed.certificate, *act)
    query = DepositQuery(document, made.digest, made.sm3, *proof)
    lies = system.deposit(TRACE, query, at_s + deposit_s, None)
    kept = (lies.receipt, lies.chain, lies.stamped_at, on, 69_500, 148_000, 69_500)
    return Signed(
        system,
        Contract(document, "daopu", "A1", made.text, made.digest, made.sm3, *proof, *kept),
    )


def a_system():
    return Evidence(b"a secret for tests", START)


@pytest.fixture(scope="module")
def third():
    """The third contract of a chain."""
    system = a_system()
    return [sign(system, f"N{number}", at_s=NINE + 60 * number) for number in (1, 2, 3)][-1]


@pytest.fixture(scope="module")
def whole(third):
    return third.package()


# Whole


def test_evidence_that_is_whole_passes(third, whole):
    assert verify(whole, third.root) == []
    assert verify_kept(third.contract, third.read(), third.root) == []


def test_it_passes_for_every_record_of_the_chain_whenever_it_is_read():
    system = a_system()
    made = [sign(system, f"N{number}", at_s=NINE + 60 * number) for number in range(4)]

    for each in made:
        for later_s in (NINE + 300, NINE + 86_400 * 40):
            assert verify_kept(each.contract, each.read(later_s), each.root) == []


def test_a_signature_after_midnight_of_its_day_passes():
    late = sign(a_system(), at_s=86_400.0 - 5, deposit_s=10.0)

    assert late.parts(at_s=86_400.0 * 2) == set()


def test_a_deposit_that_is_not_there_is_all_that_is_said(third):
    found = verify(Package("daopu", b"", "no receipt", ReadAnswer(found=False)), third.root)

    assert found == [Finding(Part.RECORD, "there is no such deposit")]
    assert str(found[0]) == "record: there is no such deposit"


# Every bit

FIELDS: dict[str, Part] = {
    "document": Part.DOCUMENT,
    "digest": Part.SHA256,
    "sm3": Part.SM3,
    "signature": Part.SIGNATURE,
    "public_key": Part.RECORD,
    "certificate": Part.RECORD,
    "consent_version": Part.CONSENT,
    "will": Part.WILL,
    "before": Part.EARLIER,
    "chain": Part.RECORD,
}
BUILT: dict[str, Part] = {
    "signer": Part.CERTIFICATE,
    "issuer": Part.CERTIFICATE,
    "revoked": Part.REVOCATIONS,
    "token": Part.STAMP,
}


def test_every_field_of_a_record_is_altered_below():
    built = {"found", "stamped_at", "certificates", "revoked", "token"}

    assert {each.name for each in fields(ReadAnswer)} == {*FIELDS, *built}


def flip(data, place, bit):
    return data[:place] + bytes((data[place] ^ 1 << bit,)) + data[place + 1 :]


def flip_text(text, place, bit):
    return flip(text.encode(), place, bit).decode()


def built(package, name):
    """Return the DER of a built part, and a way to put another in its place."""
    record = package.record
    certificates = list(record.certificates)
    if name in ("signer", "issuer"):
        place = ("signer", "issuer").index(name)

        def put(der):
            certificates[place] = b64encode(der).decode()
            return replace(package, record=replace(record, certificates=tuple(certificates)))

        return b64decode(certificates[place]), put

    def put_by_name(der):
        return replace(package, record=replace(record, **{name: b64encode(der).decode()}))

    return b64decode(getattr(record, name)), put_by_name


def named(package, root):
    return {found.part for found in verify(package, root)}


@pytest.mark.parametrize("name", FIELDS)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 6))
def test_a_flipped_bit_in_a_records_field_is_named(third, whole, name, place, bit):
    text = getattr(whole.record, name)
    altered = flip_text(text, place % len(text), bit)
    package = replace(whole, record=replace(whole.record, **{name: altered}))

    assert named(package, third.root) == {FIELDS[name]}


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_in_the_content_is_named(third, whole, place, bit):
    package = replace(whole, content=flip(whole.content, place % len(whole.content), bit))

    assert named(package, third.root) == {Part.CONTENT}


@given(place=st.integers(0, 63), bit=st.integers(0, 6))
def test_a_flipped_bit_in_the_receipt_is_named(third, whole, place, bit):
    package = replace(whole, receipt=flip_text(whole.receipt, place, bit))

    assert named(package, third.root) == {Part.RECORD}


@given(bit=st.integers(0, 33))
def test_a_flipped_bit_in_the_records_time_is_named(third, whole, bit):
    altered = replace(whole.record, stamped_at=whole.record.stamped_at ^ 1 << bit)

    assert named(replace(whole, record=altered), third.root) == {Part.RECORD}


@pytest.mark.parametrize("name", BUILT)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_in_a_certificate_a_list_or_a_token_is_named(third, whole, name, place, bit):
    der, put = built(whole, name)

    assert named(put(flip(der, place % len(der), bit)), third.root) == {BUILT[name]}


REGIONS = (
    *("version", "serial number", "algorithm inside", "issuer", "validity", "subject"),
    *("public key", "extensions", "algorithm outside", "signature"),
)


def regions_of(certificate):
    """Return where each part of a certificate begins and ends."""
    parts = Der(certificate).inside(0x30)
    inner = Der(certificate, parts._at).inside(0x30)
    found = []
    for reader in (inner, parts):
        if reader is parts:
            reader.whole(0x30)  # what is signed
        while reader.more:
            begin = reader._at
            reader.whole(certificate[begin])
            found.append((begin, reader._at))
    return dict(zip(REGIONS, found, strict=True))


@pytest.mark.parametrize("name", ["signer", "issuer"])
@pytest.mark.parametrize("region", REGIONS)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_in_any_part_of_a_certificate_is_named(
    third, whole, name, region, place, bit
):
    der, put = built(whole, name)
    begin, end = regions_of(der)[region]

    assert named(put(flip(der, begin + place % (end - begin), bit)), third.root) == {
        Part.CERTIFICATE
    }


@pytest.mark.soak
@pytest.mark.parametrize("name", ["content", *BUILT])
def test_no_bit_at_all_can_be_flipped(third, whole, name):
    part = BUILT.get(name, Part.CONTENT)
    if name == "content":
        der, put = whole.content, lambda content: replace(whole, content=content)
    else:
        der, put = built(whole, name)
    missed = [
        (place, bit)
        for place in range(len(der))
        for bit in range(8)
        if named(put(flip(der, place, bit)), third.root) != {part}
    ]

    assert missed == []


@pytest.mark.parametrize("name", BUILT)
def test_what_is_built_can_be_written_in_one_way_only(third, whole, name):
    der, put = built(whole, name)

    assert named(put(der + b"\0"), third.root) == {BUILT[name]}
    assert named(put(der[:-1]), third.root) == {BUILT[name]}
    assert named(put(b""), third.root) == {BUILT[name]}


def test_another_way_to_write_the_same_base64_is_an_alteration(third, whole):
    token = b64decode(whole.record.token)
    spare = next(size for size in range(len(token)) if (len(token) + size) % 3 == 0)
    text = whole.record.token if spare == 0 else whole.record.token.rstrip("=")
    altered = replace(whole.record, token=text + "\n" if spare == 0 else text)

    assert named(replace(whole, record=altered), third.root) == {Part.STAMP}


# What no single bit does


def test_a_content_with_both_digests_made_anew_is_not_what_was_signed(third, whole):
    content = whole.content.replace(b'"limit_fen":1000000', b'"limit_fen":9000000')
    digest, sm3 = digests(content)
    package = replace(whole, content=content, record=replace(whole.record, digest=digest, sm3=sm3))

    assert content != whole.content
    assert named(package, third.root) == {Part.SIGNATURE}


def test_both_digests_altered_are_both_named(third, whole):
    record = replace(whole.record, digest="0" * 64, sm3="0" * 64)

    assert named(replace(whole, record=record), third.root) == {Part.SHA256, Part.SM3}


def test_a_will_altered_with_receipt_chain_and_all_is_named(third, whole):
    package = replace(whole, record=replace(whole.record, will="a face of somebody else"))
    package.receipt = receipt_of(package)
    record = package.record
    record.chain = link_of(record.before, package.receipt, record.stamped_at)

    assert named(package, third.root) == {Part.WILL, Part.STAMP}


def test_anothers_evidence_under_this_contract_is_named(third, whole):
    other = sign(third.system, "N9", at_s=NINE + 900).package()
    for name, part in (
        ("certificates", Part.CERTIFICATE),
        ("token", Part.STAMP),
        ("signature", Part.SIGNATURE),
    ):
        swapped = replace(whole.record, **{name: getattr(other.record, name)})

        assert part in named(replace(whole, record=swapped), third.root)
    assert verify(other, third.root) == []


def test_a_certificate_of_a_namesake_is_named():
    system = a_system()
    made = sign(system)
    event = system.authority.events[made.contract.certificate]
    asked = replace(event.query, signer="王样本")
    system.authority.events[made.contract.certificate] = event._replace(query=asked)

    assert made.parts() == {Part.CERTIFICATE}


def test_another_root_believes_nothing_of_it(third, whole):
    other = Evidence(b"another secret", START).authority.root.der

    assert named(whole, other) == {Part.CERTIFICATE, Part.STAMP}


def test_another_banks_deposit_is_named(third, whole):
    assert named(replace(whole, bank="bozhi"), third.root) == {Part.RECORD}


# Time, and what it does to certificates


def test_a_certificate_that_had_expired_before_the_stamp_is_named():
    late = sign(a_system(), deposit_s=86_401.0)

    assert late.parts(at_s=NINE + 90_000) == {Part.CERTIFICATE}


def test_a_certificate_revoked_before_the_stamp_is_named_and_one_revoked_later_is_not():
    system = a_system()
    early, later = sign(system, "N1"), sign(system, "N2")
    system.revoke(early.contract.certificate, NINE)
    system.revoke(later.contract.certificate, NINE + 2)
    (found,) = verify(early.package(), early.root)

    assert found == Finding(
        Part.CERTIFICATE, "it was revoked on 2020-07-01 01:00:00 UTC, before the stamp"
    )
    assert later.parts() == set()


def test_a_stamp_from_before_the_signature_is_named():
    system = a_system()
    system.clock_ahead_s = 600.0
    early = sign(system, at_s=NINE, deposit_s=1.0)
    system = a_system()
    system.clock_ahead_s = -600.0  # the stamp's clock is behind the authority's
    record = early.contract
    behind = DepositQuery(
        *(record.id, record.digest, record.sm3, record.signature, record.public_key),
        *(record.certificate, record.consent_version, record.will),
    )
    system.authority.events.update(early.system.authority.events)
    lies = system.deposit(TRACE, behind, NINE + 1, None)
    record.receipt = lies.receipt

    assert Signed(system, record).parts() == {Part.STAMP}


def test_a_clock_that_is_ahead_is_named_until_its_time_has_come():
    system = a_system()
    system.clock_ahead_s = 3600.0
    made = sign(system)
    stamped = datetime.fromtimestamp(made.contract.stamped_at, UTC)

    assert made.parts(now=stamped.replace(minute=0, second=0)) == {Part.STAMP}
    assert made.parts(now=stamped, at_s=NINE + 7200) == set()


@pytest.mark.parametrize("on", [date(2020, 6, 29), date(2020, 7, 2)])
def test_a_stamp_of_another_day_than_the_contracts_is_named(on):
    assert sign(a_system(), on=on).parts() == {Part.STAMP}


def test_a_list_older_than_the_stamp_is_named(third, whole):
    early = third.system.authority.revocation_list(moment(START, NINE))
    record = replace(whole.record, revoked=b64encode(early).decode())

    assert named(replace(whole, record=record), third.root) == {Part.REVOCATIONS}


def test_the_same_record_stamped_anew_at_another_time_is_named(third, whole):
    (*_, record) = third.system.chain("daopu").records[:3]
    stamper = third.system.authority.stamper
    anew = timestamps.token_of(record.stamped(), record.stamped_at + 60, stamper)
    package = replace(whole, record=replace(whole.record, token=b64encode(anew).decode()))

    assert named(package, third.root) == {Part.STAMP}


# The bank's own copy


@pytest.mark.parametrize("name", KEPT)
def test_the_banks_own_copy_that_says_something_else_is_named(third, name):
    contract = replace(third.contract, **{name: "altered"})
    (found,) = verify_kept(contract, third.read(), third.root)

    assert found.part is KEPT[name]
    assert name in found.problem


def test_an_earlier_record_rewritten_with_all_that_follows_is_found_by_the_banks_own_copy():
    honest, forged = a_system(), a_system()
    sign(honest, "N1")
    sign(forged, "N1", name="王样本")  # the deposit's owner rewrites it and chains everything anew
    kept = sign(honest, "N2", at_s=NINE + 60)
    read = Signed(forged, sign(forged, "N2", at_s=NINE + 60).contract).read()

    assert verify(package_of(kept.contract, read), kept.root) == []  # by itself it is whole
    assert [each.part for each in verify_kept(kept.contract, read, kept.root)] == [Part.EARLIER]


def test_a_moment_is_told_in_the_banks_own_time():
    assert told(moment(START, NINE)) == "2020-07-01 09:00:00 (UTC+8)"
