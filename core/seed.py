"""Chance by name: the same name gives the same draw, whoever asks, in whatever order.

Two forms. ``Draws`` serves provider calls: a SplitMix64 generator (Steele, Lea and Flood,
OOPSLA 2014) is keyed by (seed, replication, bank, application) and operation, and read at the
position named by (call, attempt, lane), so any draw costs a few integer operations, needs no
state and can be computed for whole columns with unsigned 64-bit arithmetic.
``NamedRandom`` serves what wants a ``random.Random`` (people, stories): the same generator,
re-keyed by name in a microsecond where the Mersenne Twister needs ten.
"""

from __future__ import annotations

import random
from functools import cache
from hashlib import blake2b

MASK = 0xFFFF_FFFF_FFFF_FFFF
GAMMA = 0x9E37_79B9_7F4A_7C15  # 2**64 / golden ratio, odd: SplitMix64's step
MIX_1 = 0xBF58_476D_1CE4_E5B9
MIX_2 = 0x94D0_49BB_1331_11EB
UNIT = 2.0**-53

# The lanes of one attempt. A lane is a purpose; what is drawn for one never shifts another.
LATENCY, FAULT, KIND, TRUTH = range(4)
LANES = 16  # room for sixteen purposes an attempt
ATTEMPTS = 4096  # and for 4,096 attempts a call
ATTEMPT_STEP = LANES * GAMMA
CALL_STEP = ATTEMPTS * ATTEMPT_STEP & MASK


def mix(state: int) -> int:
    """Return SplitMix64's output for a 64-bit ``state``."""
    z = ((state ^ (state >> 30)) * MIX_1) & MASK
    z = ((z ^ (z >> 27)) * MIX_2) & MASK
    return z ^ (z >> 31)


def hash64(*names: object) -> int:
    """Return a 64-bit key for a tuple of names; ``repr`` keeps their types and borders apart."""
    return int.from_bytes(blake2b(repr(names).encode(), digest_size=8).digest(), "big")


class Draws:
    """The draws of one call attempt, each a uniform number in [0, 1) named by its lane."""

    __slots__ = ("_state",)

    def __init__(self, key: int, call: int, attempt: int) -> None:
        self._state = key + (call * CALL_STEP + attempt * ATTEMPT_STEP + GAMMA)

    def uniform(self, lane: int) -> float:
        """Return the uniform draw of ``lane``."""
        z = (self._state + lane * GAMMA if lane else self._state) & MASK
        z = ((z ^ (z >> 30)) * MIX_1) & MASK
        z = ((z ^ (z >> 27)) * MIX_2) & MASK
        return ((z ^ (z >> 31)) >> 11) * UNIT


class NamedRandom(random.Random):
    """A ``random.Random`` over SplitMix64 that is re-keyed in place by :meth:`rename`."""

    _state: int

    def __init__(self, key: int = 0) -> None:
        self._state = key & MASK
        super().__init__(0)  # the C part's own state is never read
        self._state = key & MASK
        self.gauss_next = None

    def rename(self, key: int) -> NamedRandom:
        """Start the stream named by the 64-bit ``key``; return self."""
        self._state = key & MASK
        self.gauss_next = None  # a half-used Gauss pair must not leak into the next name
        return self

    def seed(self, a: object = None, version: int = 2) -> None:
        """Re-key by any printable name (the interface of ``random.Random``)."""
        del version
        self.rename(hash64(a))

    def random(self) -> float:
        """Return the next uniform number in [0, 1)."""
        self._state = state = (self._state + GAMMA) & MASK
        return (mix(state) >> 11) * UNIT

    def getrandbits(self, k: int, /) -> int:
        """Return ``k`` random bits."""
        value = 0
        for _ in range(0, k, 64):
            self._state = state = (self._state + GAMMA) & MASK
            value = (value << 64) | mix(state)
        return value >> (-k % 64)


class Seed:
    """The root of all chance of one replication."""

    def __init__(self, value: int, replication: int = 0) -> None:
        self.value = value
        self.replication = replication
        self._root = f"application/{value}/{replication}"
        self._application_keys: dict[tuple[str, str], int] = {}

    def __repr__(self) -> str:
        return f"Seed({self.value}, replication={self.replication})"

    def key(self, *names: object) -> int:
        """Return the 64-bit key of a name under this seed and replication."""
        return hash64(self.value, self.replication, *names)

    def uniform(self, *names: object) -> float:
        """Return the one uniform draw in [0, 1) that belongs to a name."""
        return (mix(self.key(*names)) >> 11) * UNIT

    def random(self, *names: object) -> NamedRandom:
        """Return a fresh stream that belongs to a name."""
        return NamedRandom(self.key(*names))

    def application_key(self, bank: str, application: str) -> int:
        """Return the key all draws of one application start from.

        Kept between calls, since hashing it costs as much as four draws; the memory is bounded
        by forgetting everything at 32,768 keys, which changes no draw.
        """
        name = (bank, application)
        key = self._application_keys.get(name)
        if key is None:
            if len(self._application_keys) >= 32_768:
                self._application_keys.clear()
            text = f"{self._root}/{bank}\n{application}"
            key = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
            self._application_keys[name] = key
        return key

    def draws(self, operation: str, bank: str, application: str, call: int, attempt: int) -> Draws:
        """Return the draws of one call attempt."""
        key = self.application_key(bank, application) ^ operation_key(operation)
        return Draws(key, call, attempt)


@cache
def operation_key(operation: str) -> int:
    """Return the part of a draw's key that names the operation (``"face.start"``)."""
    return hash64("operation", operation)
