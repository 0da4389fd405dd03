"""The certificate authority: real certificates, the same for one seed, believed by OpenSSL."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.contract import certificates
from core.contract.certificates import NotOurs, revoked_at, signer_of
from core.ports.evidence import SignQuery, moment
from mocks.evidence import profile
from mocks.evidence.behaviour import Evidence

START = date(2020, 7, 15)
NINE = 9 * 3600.0
AT = moment(START, NINE)

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="no openssl here: apt-get install openssl"
)


@pytest.fixture
def system():
    return Evidence(b"a secret for tests", START)


@pytest.fixture
def li(make_person):
    return make_person("li")


@pytest.fixture
def sign(system, trace):
    def ask(person, document="loan/1", at_s=NINE):
        query = SignQuery(
            document, "ab" * 32, "cd" * 32, person.name, person.id_number, "v1", "TOKEN"
        )
        return system.sign(trace(), query, at_s, None)

    return ask


def loaded(der):
    return x509.load_der_x509_certificate(der)


def chain(system, serial):
    return [system.authority.certificate(serial), system.authority.issuer.der]


def test_one_secret_gives_the_same_bytes_and_another_others(system, sign, li):
    serial = sign(li).certificate
    twin = Evidence(b"a secret for tests", START)
    other = Evidence(b"another secret", START)
    for each in (twin, other):
        each.authority.events.update(system.authority.events)
    bytes_of = [
        (
            each.authority.root.der,
            each.authority.issuer.der,
            each.authority.stamper.der,
            each.authority.certificate(serial),
            each.authority.revocation_list(AT),
        )
        for each in (system, twin, other)
    ]

    assert bytes_of[0] == bytes_of[1]
    assert all(ours != theirs for ours, theirs in zip(bytes_of[0], bytes_of[2], strict=True))


def test_an_event_certificate_says_who_what_and_on_which_act_of_will(system, sign, li):
    signed = sign(li)
    told, issuer = signer_of(chain(system, signed.certificate), system.authority.root.der)

    assert (told.name, told.document, told.serial) == (li.name, "loan/1", signed.certificate)
    assert told.public_key == signed.public_key
    assert told.person == certificates.person_of("loan/1", li.id_number.text)
    assert told.since == datetime(2020, 7, 15, 1, 0, tzinfo=UTC)  # nine o'clock in UTC+8
    assert told.until - told.since == timedelta(days=1)
    assert issuer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == (
        profile.ISSUER_NAME
    )


def test_no_certificate_shows_the_id_number(system, sign, li):
    der = system.authority.certificate(sign(li).certificate)

    assert li.id_number.text.encode() not in der


def test_every_name_says_that_it_is_a_specimen(system, sign, li):
    authority = system.authority
    owned = (authority.root.der, authority.issuer.der, authority.stamper.der)
    for der in (*owned, authority.certificate(sign(li).certificate)):
        (said,) = loaded(der).subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        assert "SPECIMEN" in said.value


def test_serial_numbers_are_positive_and_of_sixteen_bytes(system, sign, make_person):
    serials = {sign(make_person(key)).certificate for key in ("li", "wang", "zhao")}

    assert len(serials) == 3
    for serial in serials:
        number = loaded(system.authority.certificate(serial)).serial_number
        assert number.bit_length() == 127  # no sign bit, no leading zero
        assert f"{number:032x}" == serial


def test_the_stampers_one_purpose_is_critical(system):
    uses = loaded(system.authority.stamper.der).extensions.get_extension_for_class(
        x509.ExtendedKeyUsage
    )

    assert uses.critical
    assert list(uses.value) == [ExtendedKeyUsageOID.TIME_STAMPING]


def test_a_certificate_that_nobody_asked_for_is_not_there(system):
    assert system.authority.certificate("40") == b""


def test_the_certificates_key_is_the_signers(system, sign, li):
    signed = sign(li)
    key = loaded(system.authority.certificate(signed.certificate)).public_key()

    assert key.public_bytes_raw().hex() == signed.public_key


# What the bank's own half refuses


def test_a_chain_to_another_root_is_not_ours(system, sign, li):
    other = Evidence(b"another secret", START)

    with pytest.raises(NotOurs, match="signature"):
        signer_of(chain(system, sign(li).certificate), other.authority.root.der)


@pytest.mark.parametrize("shape", ["alone", "turned round", "twice the issuer", "the stamper's"])
def test_a_chain_of_another_shape_is_not_ours(system, sign, li, shape):
    own, issuer = chain(system, sign(li).certificate)
    stamper = system.authority.stamper.der
    offered = {
        "alone": [own],
        "turned round": [issuer, own],
        "twice the issuer": [issuer, issuer],
        "the stamper's": [stamper, issuer],
    }[shape]
    with pytest.raises(NotOurs):
        signer_of(offered, system.authority.root.der)


def test_a_signer_may_not_issue(system, sign, li):
    own, _ = chain(system, sign(li).certificate)
    with pytest.raises(NotOurs):
        signer_of([own, own], system.authority.root.der)
    with pytest.raises(NotOurs, match="may not issue"):
        certificates.require_issued(
            loaded(system.authority.stamper.der), loaded(system.authority.root.der), "authority"
        )


def test_a_revocation_counts_from_its_own_moment_on(system, sign, li):
    authority, serial = system.authority, sign(li).certificate
    system.revoke(serial, NINE + 60)
    issuer = loaded(authority.issuer.der)
    listed = authority.revocation_list(AT + 3600)

    def since(seconds):
        return revoked_at(serial, listed, issuer, profile.utc(AT + seconds))

    assert since(59) == ""
    assert since(60) == "2020-07-15 01:01:00 UTC"
    assert revoked_at("41", listed, issuer, profile.utc(AT)) == ""


def test_a_list_is_silent_about_what_was_revoked_later(system, sign, li):
    system.revoke(sign(li).certificate, NINE + 60)
    early = x509.load_der_x509_crl(system.authority.revocation_list(AT + 59))

    assert list(early) == []


def test_a_list_that_is_older_than_the_signature_says_nothing(system, sign, li):
    serial = sign(li).certificate
    issuer = loaded(system.authority.issuer.der)
    with pytest.raises(NotOurs, match="older"):
        revoked_at(serial, system.authority.revocation_list(AT), issuer, profile.utc(AT + 1))


def test_another_authoritys_list_is_not_ours(system, sign, li):
    serial = sign(li).certificate
    other = Evidence(b"another secret", START).authority.revocation_list(AT)
    with pytest.raises(NotOurs, match="not the issuer's"):
        revoked_at(serial, other, loaded(system.authority.issuer.der), profile.utc(AT))


# A second opinion


@pytest.fixture
def openssl(tmp_path, system, sign, li):
    """Write everything of one signature down; return a way to have openssl verify it."""
    serial = sign(li).certificate
    system.revoke(serial, NINE + 3600)
    authority = system.authority
    own, issuer = chain(system, serial)
    for name, der in (("root", authority.root.der), ("issuer", issuer), ("own", own)):
        (tmp_path / f"{name}.pem").write_bytes(loaded(der).public_bytes(Encoding.PEM))
    for name, at in (("before", AT + 60), ("after", AT + 7200)):
        listed = x509.load_der_x509_crl(authority.revocation_list(at))
        (tmp_path / f"{name}.pem").write_bytes(listed.public_bytes(Encoding.PEM))

    def verify(*options, at=AT + 60):
        told = ["-attime", str(at), "-x509_strict", "-CAfile", "root.pem"]
        made = subprocess.run(
            ["openssl", "verify", *told, "-untrusted", "issuer.pem", *options, "own.pem"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return made.returncode == 0, made.stdout + made.stderr

    return verify


@needs_openssl
def test_openssl_verifies_the_chain_strictly(openssl):
    holds, said = openssl()

    assert holds, said


@needs_openssl
def test_openssl_verifies_it_against_the_revocation_list(openssl):
    holds, said = openssl("-crl_check", "-CRLfile", "before.pem")

    assert holds, said


@needs_openssl
@pytest.mark.parametrize(
    ("options", "at", "because"),
    [
        (("-crl_check", "-CRLfile", "after.pem"), AT + 7200, "certificate revoked"),
        ((), AT + 86_401, "certificate has expired"),
        ((), AT - 1, "certificate is not yet valid"),
    ],
)
def test_openssl_refuses_what_was_revoked_or_is_out_of_date(openssl, options, at, because):
    holds, said = openssl(*options, at=at)

    assert not holds
    assert because in said
