"""The sealed channel between the phone and the server (``seal/1``), both halves, without I/O.

Inside TLS, every request and every answer is sealed once more, under keys that belong to one login
session of one customer at one bank. ``docs/CHANNEL.md`` is the specification. No network, no
clock, no chance: ``now_s`` (Unix seconds) and ``random`` (so many bytes of chance) are handed in.
A deployment hands in ``secrets.token_bytes`` and nothing else. What stands here may import
:mod:`core.errors` and ``cryptography``.

errors      one error, with its kind, and what of it the outside may see
suites      the two suites: AES-256-GCM with SHA-256, SM4-GCM with SM3
secrets     what never shows itself, and the vault that keeps the phone's secrets
handshake   binding, hello, welcome: their forms, and the hash that is signed
keys        from the shared secret to the key of a direction in an epoch
records     the envelope and the message inside it
window      which sequences were seen
server      the identity, a channel, the table of channels
phone       the phone's half
"""

from core.channel.errors import ChannelError, SealedTwice
from core.channel.handshake import Binding, Hello, Welcome, subject_of
from core.channel.phone import PhoneEnd, Ticket, UserKey
from core.channel.records import Answer, Request
from core.channel.secrets import Vault
from core.channel.server import Channel, Channels, Identity, Limits, Opened
from core.channel.suites import AES_256_GCM, SM4_GCM

__all__ = [
    "AES_256_GCM",
    "SM4_GCM",
    "Answer",
    "Binding",
    "Channel",
    "ChannelError",
    "Channels",
    "Hello",
    "Identity",
    "Limits",
    "Opened",
    "PhoneEnd",
    "Request",
    "SealedTwice",
    "Ticket",
    "UserKey",
    "Vault",
    "Welcome",
    "subject_of",
]
