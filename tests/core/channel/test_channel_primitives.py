"""What the channel is built of, held against the answers its standards publish."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from core.channel.errors import ChannelError
from core.channel.keys import extract, public_of, shared_secret
from core.channel.suites import SUITES, Sm4Gcm
from core.channel.window import WINDOW, Window

h = bytes.fromhex
ALICE = h("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
BOB = h("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
# The points whose order divides 8, in all encodings X25519 reads, with the top bit and without.
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


def test_x25519_is_that_of_rfc_7748():
    assert public_of(ALICE) == h("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    shared = h("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    assert shared_secret(ALICE, public_of(BOB)) == shared_secret(BOB, public_of(ALICE)) == shared


@pytest.mark.parametrize("top_bit", [0, 0x80])
@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_point_of_small_order_is_refused(point, top_bit):
    public = bytearray(h(point))
    public[31] |= top_bit
    with pytest.raises(ChannelError, match="weak_key"):
        shared_secret(ALICE, bytes(public))


def test_hkdf_is_that_of_rfc_5869():
    prk = extract(SUITES[1], bytes(range(13)), b"\x0b" * 22)
    assert prk == h("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    assert HKDFExpand(hashes.SHA256(), 42, bytes(range(0xF0, 0xFA))).derive(prk) == h(
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


def test_sm3_is_that_of_gb_t_32905():
    digest = hashes.Hash(SUITES[2].hash())
    digest.update(b"abc")
    assert digest.finalize() == h(
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )


def test_sm4_gcm_is_that_of_rfc_8998():
    cipher = Sm4Gcm(h("0123456789abcdeffedcba9876543210"))
    nonce = h("00001234567800000000abcd")
    known = h("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plain = b"".join(h(each) * 8 for each in ("aa", "bb", "cc", "dd", "ee", "ff", "ee", "aa"))
    sealed = h(
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    assert cipher.encrypt(nonce, plain, known) == sealed
    assert cipher.decrypt(nonce, sealed, known) == plain
    with pytest.raises(InvalidTag):
        cipher.decrypt(nonce, sealed, known + b"x")


def test_the_window_takes_each_sequence_once_and_forgets_what_is_too_old():
    window = Window()
    for sequence in (5, 3, 2_000, 2_000 - WINDOW + 1):
        assert window.is_new(sequence)
        window.see(sequence)
        assert not window.is_new(sequence)
    assert window.is_new(1_999)
    assert not window.is_new(2_000 - WINDOW)
    window.see(2**24)
    assert not window.is_new(2_001)
    assert window.is_new(2**24 - 1)
