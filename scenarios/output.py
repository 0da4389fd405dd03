"""Where results go: written aside and renamed when they are complete; the older one moves to .1."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def results(out: Path) -> Iterator[Path]:
    """Give a folder to write into; when all is written it becomes ``out``.

    What stood at ``out`` moves to ``out.1``. If writing fails, ``out`` stays as it was.

    Raises:
        MachineError: the folder cannot be made or written.
    """
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        aside.mkdir(parents=True)
        yield aside
        older = out.with_name(f"{out.name}.1")
        if out.exists():
            if older.exists():
                shutil.rmtree(older)
            out.rename(older)
        aside.rename(out)
    except OSError as error:
        raise MachineError(f"cannot write {out} ({error.strerror})", "choose another --out") from error
    finally:
        if aside.exists():
            shutil.rmtree(aside, ignore_errors=True)


def write_json(path: Path, document: Any) -> None:
    """Write a document as JSON: two spaces, keys as they come, one newline at the end."""
    path.write_text(dumps(document) + "\n", encoding="utf-8")


def dumps(document: Any) -> str:
    """Return a document as JSON text; the same document gives the same bytes."""
    return json.dumps(document, indent=2, ensure_ascii=False)
