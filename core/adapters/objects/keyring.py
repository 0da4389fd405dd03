"""Each bank's own keys: what wraps the data keys of its pictures, and what names them outside.

A keyring wraps and unwraps and never hands a key out, so that a bank's HSM or a cloud's KMS can
stand in for it. ``FileKeyring`` is a folder with one file a bank, made on the bank's first use.

Wrapped is by AES-256-GCM and not by AES key wrap (RFC 3394): a wrapped key must open only for the
bank, the version and the record that it was made for, and key wrap takes no such words beside the
key. A nonce is drawn for each; 2**32 of them are safe under one key (NIST SP 800-38D, 8.3), and
``rotate`` gives the next one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest
from pathlib import Path
from secrets import token_bytes
from tempfile import mkstemp
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.adapters.objects.files import settle
from core.errors import InputError, MachineError, NotDone, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Random = Callable[[int], bytes]

KEYRING = "objects.keyring"
KEY_BYTES, NONCE_BYTES = 32, 12
BANK = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")  # a bank's id is a file's name here
OTHERS = 0o077  # the rights of everybody but the owner


class Wrapped(NamedTuple):
    """A key under a bank's key of some version, in hex."""

    version: int
    text: str


class Keyring(Protocol):
    """Who keeps the banks' keys. Every question may raise a ``ProviderError``."""

    def wrap(self, bank: str, key: bytes, label: str) -> Wrapped:
        """Wrap a key under the bank's newest; only the same label opens it."""
        ...

    def unwrap(self, bank: str, wrapped: Wrapped, label: str) -> bytes:
        """Return a key that this bank has wrapped under this label."""
        ...

    def name(self, bank: str, text: str) -> str:
        """Return a name of 64 hex digits that tells nobody else what it names. It never changes."""
        ...

    def newest(self, bank: str) -> int:
        """Return the version that the bank wraps under now."""
        ...

    def rotate(self, bank: str) -> int:
        """Make a new version and return it; what the older ones wrapped stays readable."""
        ...

    def retire(self, bank: str) -> None:
        """Destroy every version but the newest: what they wrapped is never read again."""
        ...


@dataclass(slots=True)
class _Ring:
    """One bank's keys, for the question at hand."""

    naming: bytes = field(repr=False)
    keks: dict[int, bytes] = field(repr=False)

    def is_whole(self) -> bool:
        """Whether there are keys, and all of the right length."""
        return bool(self.keks) and {len(self.naming), *map(len, self.keks.values())} == {KEY_BYTES}


class FileKeyring:
    """A folder of keys, ``<bank>.json``, which nobody but the owner may read.

    Every change is made under a lock and is there wholly or not at all; every question reads the
    file, so several processes share a folder. ``random`` draws keys and nonces.

    Raises:
        MachineError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path | str, random: Random = token_bytes) -> None:
        self._folder = Path(folder).absolute()
        self._random = random
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                pass  # it may be there and yet not be ours to write
        except OSError as error:
            problem = f"keys cannot be kept in {self._folder}: {error.strerror or error}"
            raise MachineError(problem, "name a folder that we may write") from error

    def wrap(self, bank: str, key: bytes, label: str) -> Wrapped:
        """Wrap a key under the bank's newest; only the same label opens it."""
        ring = self._ring(bank)
        version = max(ring.keks)
        nonce = self._random(NONCE_BYTES)
        sealed = AESGCM(ring.keks[version]).encrypt(nonce, key, _beside(bank, version, label))
        return Wrapped(version, (nonce + sealed).hex())

    def unwrap(self, bank: str, wrapped: Wrapped, label: str) -> bytes:
        """Return a key that this bank has wrapped under this label.

        Raises:
            NotDone: the bank's file, or that version in it, is not there.
            Unreadable: another bank, another version or another label has wrapped it, or nobody.
        """
        version = wrapped.version
        ring = self._read(bank)
        if ring is None or version not in ring.keks:
            raise NotDone(KEYRING, f"{self._path(bank)} has no key of version {version}")
        try:
            told = bytes.fromhex(wrapped.text)
            nonce, sealed = told[:NONCE_BYTES], told[NONCE_BYTES:]
            beside = _beside(bank, version, label)
            return AESGCM(ring.keks[version]).decrypt(nonce, sealed, beside)
        except (InvalidTag, ValueError):
            problem = f"this key was not wrapped by {bank}, version {version}, for this object"
            raise Unreadable(KEYRING, problem) from None

    def name(self, bank: str, text: str) -> str:
        """Return HMAC-SHA256 of the text under the bank's naming key, in hex."""
        return digest(self._ring(bank).naming, text.encode(), sha256).hex()

    def newest(self, bank: str) -> int:
        """Return the version that the bank wraps under now."""
        return max(self._ring(bank).keks)

    def rotate(self, bank: str) -> int:
        """Make a new version and return it; what the older ones wrapped stays readable."""
        with self._held(bank) as ring:
            version = max(ring.keks) + 1
            ring.keks[version] = self._random(KEY_BYTES)
        return version

    def retire(self, bank: str) -> None:
        """Destroy every version but the newest: what they wrapped is never read again."""
        with self._held(bank) as ring:
            newest = max(ring.keks)
            ring.keks = {newest: ring.keks[newest]}

    def _path(self, bank: str) -> Path:
        if not BANK.fullmatch(bank):
            raise InputError(f"bank {bank!r}", "cannot have a keyring", "write it in small letters")
        return self._folder / f"{bank}.json"

    def _ring(self, bank: str) -> _Ring:
        """Return a bank's keys; on its first use they are made."""
        known = self._read(bank)
        if known is not None:
            return known
        with self._held(bank) as ring:
            return ring

    @contextmanager
    def _held(self, bank: str) -> Iterator[_Ring]:
        """Hold a bank's keys, alone, and write them when they are let go."""
        path = self._path(bank)
        try:
            with self._locked():
                ring = self._read(bank)
                if ring is None:
                    ring = _Ring(self._random(KEY_BYTES), {1: self._random(KEY_BYTES)})
                yield ring
                self._write(path, ring)
        except OSError as error:
            raise NotDone(KEYRING, f"{path} cannot be written: {error.strerror}") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read(self, bank: str) -> _Ring | None:
        path = self._path(bank)
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & OTHERS:
                    raise NotDone(KEYRING, f"{path} may be read by others: chmod 600 it")
                told = json.load(file)
            keks = {int(version): bytes.fromhex(key) for version, key in told["keks"].items()}
            ring = _Ring(bytes.fromhex(told["naming"]), keks)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NotDone(KEYRING, f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, LookupError, TypeError, AttributeError):
            ring = None  # what is wrong is not told: it would quote the key
        if ring is None or not ring.is_whole():
            raise NotDone(KEYRING, f"{path} is damaged: restore it from a backup")
        return ring

    def _write(self, path: Path, ring: _Ring) -> None:
        keks = {str(version): key.hex() for version, key in ring.keks.items()}
        content = json.dumps({"naming": ring.naming.hex(), "keks": keks})
        descriptor, name = mkstemp(dir=self._folder)  # which only its owner may read
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            Path(name).replace(path)
            settle(self._folder)
        finally:
            Path(name).unlink(missing_ok=True)


def _beside(bank: str, version: int, label: str) -> bytes:
    """Return what a wrapped key is bound to."""
    return "\x1f".join(("loanrange key 1", bank, str(version), label)).encode()
