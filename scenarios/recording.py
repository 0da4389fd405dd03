"""The key of a recording's masks: a secret in a file of its own, to replay real values."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import InputError
from mocks.proxy.masks import KEY_BYTES
from scenarios.output import cannot_write

HEAD = "# the key of a recording: SECRET. With it, whoever guesses a value can confirm it."


def require_apart(path: Path, out: Path) -> None:
    """Require that a key is kept apart from what it opens.

    Raises:
        InputError: it would lie in ``out``.
    """
    if Path(os.path.abspath(path)).is_relative_to(os.path.abspath(out)):  # noqa: PTH100  no links
        problem = "lies in the recording, which could not be given away then"
        raise InputError(f"--key {path}", problem, "name a file outside --out")


def write_key(path: Path, key: bytes) -> None:
    """Write a key for its owner's eyes only.

    Raises:
        MachineError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # a mode from its birth
        with os.fdopen(file, "w") as told:
            told.write(f"{HEAD}\n{key.hex()}\n")
    except OSError as error:
        raise cannot_write(path, error) from error


def read_key(path: Path) -> bytes:
    """Return the key in a file.

    Raises:
        InputError: there is none.
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        key = bytes.fromhex("".join(line for line in lines if not line.startswith("#")))
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        remedy = "name the file that record --key wrote"
        raise InputError(f"--key {path}", "holds no key", remedy)
    return key
