"""The published vectors of ``seal/1``, computed a second time by hand and met by both halves.

The second computation shares no code with ``core/channel``: HMAC and HKDF are written out, the
bytes are joined one by one. ``channel_vectors.json`` is for whoever writes another half.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.channel import (
    Answer,
    Binding,
    Channels,
    Hello,
    Identity,
    PhoneEnd,
    Request,
    UserKey,
    Vault,
)
from tests.core.channel.channel_kit import Chance

PUBLISHED = Path(__file__).parents[2] / "data" / "channel_vectors.json"
VECTORS = json.loads(PUBLISHED.read_text(encoding="utf-8"))["vectors"]
h = bytes.fromhex


def n4(number):
    return number.to_bytes(4, "big")


def sm3(content):
    digest = hashes.Hash(hashes.SM3())
    digest.update(content)
    return digest.finalize()


def by_hand(given):  # noqa: PLR0915  one straight line is what it is for
    """Compute a vector from what is given, in one straight line."""
    suite = given["suite"]
    hash_of = (lambda content: sha256(content).digest()) if suite == 1 else sm3
    key_bytes = 32 if suite == 1 else 16

    def mac(key, content):  # RFC 2104; no key here is longer than a block
        key = key + bytes(64 - len(key))
        inner = hash_of(bytes(each ^ 0x36 for each in key) + content)
        return hash_of(bytes(each ^ 0x5C for each in key) + inner)

    def expand(secret, label, epoch, length):  # RFC 5869, 2.3; at most two blocks
        info = b"seal/1 " + label + b"\x00" + n4(epoch)
        first = mac(secret, info + b"\x01")
        return (first + mac(secret, first + info + b"\x02"))[:length]

    def seal(material, nonce_number, header, direction, inner):
        key, iv = material[:key_bytes], material[key_bytes:]
        mask = bytes(4) + nonce_number.to_bytes(8, "big")
        nonce = bytes(one ^ other for one, other in zip(iv, mask, strict=True))
        if suite == 1:
            return header + AESGCM(key).encrypt(nonce, inner, direction + header)
        sealing = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(direction + header)
        return header + sealing.update(inner) + sealing.finalize() + sealing.tag

    phone = X25519PrivateKey.from_private_bytes(h(given["phone_private"]))
    server = X25519PrivateKey.from_private_bytes(h(given["server_private"]))
    phone_public = phone.public_key().public_bytes_raw()
    server_public = server.public_key().public_bytes_raw()
    shared = phone.exchange(X25519PublicKey.from_public_bytes(server_public))
    channel_id, user_key = h(given["channel_id"]), h(given["user_key"])

    hello = b"\0\0\0\x01" + b"\x01" + b"\0\0\0\x02" + b"\x01\x02"
    hello += b"\0\0\0\x20" + phone_public + b"\0\0\0\x20" + h(given["phone_nonce"])
    hello += b"\0\0\0\x08" + given["time_s"].to_bytes(8, "big")
    hello += b"\0\0\0\x04" + n4(given["user_key_version"])
    kid = given["kid"].encode()
    welcome = b"\0\0\0\x01" + bytes([suite]) + b"\0\0\0\x20" + server_public
    welcome += b"\0\0\0\x20" + h(given["server_nonce"]) + b"\0\0\0\x10" + channel_id
    welcome += b"\0\0\0\x04" + n4(given["lives_s"]) + n4(len(kid)) + kid
    names = [given[name].encode() for name in ("bank", "session_id", "subject")]
    binding = b"".join(n4(len(name)) + name for name in names)
    said = b"\0\0\0\x11" + b"seal/1 transcript" + n4(len(hello)) + hello
    said += n4(len(welcome)) + welcome + n4(len(binding)) + binding
    transcript = hash_of(said)
    signed = b"seal/1 welcome\x00" + bytes([suite]) + transcript
    signature = Ed25519PrivateKey.from_private_bytes(h(given["identity_private"])).sign(signed)

    prk = mac(transcript, b"\0\0\0\x20" + shared + n4(len(user_key)) + user_key)
    secret_0 = expand(prk, b"epoch", 0, 32)
    secret_1 = expand(secret_0, b"epoch", 1, 32)
    phone_0 = expand(secret_0, b"phone", 0, key_bytes + 12)
    server_0 = expand(secret_0, b"server", 0, key_bytes + 12)
    phone_1 = expand(secret_1, b"phone", 1, key_bytes + 12)

    asked_head = b'{"m":"POST","p":"/v1/sign?n=1","h":{"content-type":"image/png"}}'
    asked = n4(len(asked_head)) + asked_head + b"\x89PNG"
    told_head = b'{"s":200,"h":{},"k":true}'
    told = n4(len(told_head)) + told_head + b"signed"
    header_0 = bytes([1, suite]) + channel_id + n4(0) + bytes(8)
    header_1 = bytes([1, suite]) + channel_id + n4(1) + bytes(8)
    return {
        "hello_packed": hello.hex(),
        "welcome_packed": welcome.hex(),
        "binding_packed": binding.hex(),
        "transcript_hash": transcript.hex(),
        "signature": signature.hex(),
        "shared_secret": shared.hex(),
        "prk": prk.hex(),
        "epoch_0_secret": secret_0.hex(),
        "epoch_0_phone_key_iv": phone_0.hex(),
        "epoch_0_server_key_iv": server_0.hex(),
        "epoch_1_secret": secret_1.hex(),
        "epoch_1_phone_key_iv": phone_1.hex(),
        "request_envelope": seal(phone_0, 0, header_0, b"\x01", asked).hex(),
        "answer_envelope": seal(server_0, 0, header_0, b"\x02", told).hex(),
        "next_request_envelope": seal(phone_1, 0, header_1, b"\x01", asked).hex(),
    }


def text(content):
    return urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"suite {vector['given']['suite']}")
def test_the_published_vector_is_what_comes_out_by_hand(vector):
    assert by_hand(vector["given"]) == vector["expected"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"suite {vector['given']['suite']}")
def test_both_halves_meet_the_published_vector(vector):
    given, expected = vector["given"], vector["expected"]
    phone_draws = iter([h(given["phone_private"]), h(given["phone_nonce"])])
    server_draws = iter([h(given[name]) for name in ("server_private", "server_nonce")])
    ids = iter([h(given["channel_id"])])
    identity = Identity(given["kid"], h(given["identity_private"]))
    binding = Binding(given["bank"], given["session_id"], given["subject"])
    pins = {identity.kid: identity.public}
    phone = PhoneEnd(binding, pins, Vault(Chance("vault")), lambda _: next(phone_draws))
    server = Channels(
        identity,
        lambda count: next(ids) if count == 16 else next(server_draws),
        suites=(given["suite"],),
    )

    user_key = h(given["user_key"]) or None
    held = UserKey(given["user_key_version"], user_key) if user_key else None
    hello = Hello.of_json(phone.hello(given["time_s"], held))
    welcome, channel = server.accept(hello, binding, user_key, given["time_s"])
    assert hello.packed().hex() == expected["hello_packed"]
    assert welcome.packed().hex() == expected["welcome_packed"]
    assert binding.packed().hex() == expected["binding_packed"]
    assert welcome.signature.hex() == expected["signature"]

    phone.finish(welcome.to_json())
    asked = Request("POST", "/v1/sign?n=1", {"content-type": "image/png"}, b"\x89PNG")
    envelope, ticket = phone.seal(asked, given["time_s"])
    assert envelope.hex() == expected["request_envelope"]
    _, opened = server.open(envelope, given["time_s"])
    channel.require_rekey()
    back = channel.seal(opened, Answer(200, {}, b"signed"))
    assert back.hex() == expected["answer_envelope"]
    phone.open(back, ticket)
    assert phone.seal(asked, given["time_s"])[0].hex() == expected["next_request_envelope"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"suite {vector['given']['suite']}")
def test_the_page_shows_the_published_vector(vector):
    page = (PUBLISHED.parents[2] / "docs" / "CHANNEL.md").read_text(encoding="utf-8")
    for name in ("transcript_hash", "prk", "request_envelope", "answer_envelope"):
        assert f"{name} {vector['expected'][name]}" in page
