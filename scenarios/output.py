"""Where results go: written aside and renamed when they are complete; the older one moves to .1."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError, MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Every result of ours has one of these, so that nothing else is ever deleted as an older result.
MARKS = ("summary.json", "stories.json", "people.json", "scenario.schema.json")


@contextmanager
def results(out: Path) -> Iterator[Path]:
    """Give a folder to write into; when all is written it becomes ``out``.

    What stood at ``out`` moves to ``out.1``. If writing fails, ``out`` stays as it was.

    Raises:
        InputError: ``out`` is where the user stands, or above it.
        MachineError: the folder cannot be made or written.
    """
    place = place_of(out)
    aside = beside(place, str(os.getpid()))
    try:
        aside.mkdir(parents=True)
        yield aside
        _make_room(place)
        aside.rename(place)
    except OSError as error:
        raise cannot_write(out, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def place_of(out: Path) -> Path:
    """Return the absolute path of a result's folder.

    Raises:
        InputError: it is where the user stands, or above it: it could not be moved.
    """
    place = Path(os.path.abspath(out))  # noqa: PTH100  Path.resolve would follow links
    if Path.cwd().is_relative_to(place):
        problem = "is the folder you stand in, or one above it"
        raise InputError(f"--out {out}", problem, "name a folder of its own")
    return place


def beside(place: Path, word: str) -> Path:
    """Return the hidden path beside a result where something of it waits."""
    return place.with_name(f".{place.name}.{word}")


def cannot_write(path: Path, error: OSError) -> MachineError:
    """Return the one line for a file or folder that cannot be written."""
    return MachineError(f"cannot write {path} ({error.strerror or error})", "choose another place")


def _make_room(place: Path) -> None:
    """Move what stands at ``place`` to ``place.1``; only an older result of ours gives way."""
    if not place.exists():
        return
    if not any(place.iterdir()):
        place.rmdir()
        return
    older = place.with_name(f"{place.name}.1")
    if is_result(older):
        shutil.rmtree(older)
    elif older.exists():
        older.rename(next(free for n in count(2) if not (free := _numbered(place, n)).exists()))
    place.rename(older)


def _numbered(place: Path, number: int) -> Path:
    return place.with_name(f"{place.name}.{number}")


def is_result(folder: Path) -> bool:
    """Whether a folder holds a result of ours."""
    return any((folder / name).is_file() for name in MARKS)


def write_text(path: Path, text: str) -> None:
    """Write one file, aside and renamed; its folder is made where there is none.

    Raises:
        MachineError: it cannot be written.
    """
    aside = beside(path, str(os.getpid()))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text, encoding="utf-8")
        aside.rename(path)
    except OSError as error:
        raise cannot_write(path, error) from error


def write_json(path: Path, document: Any) -> None:
    """Write a document as JSON: two spaces, keys as they come, one newline at the end."""
    path.write_text(dumps(document) + "\n", encoding="utf-8")


def dumps(document: Any) -> str:
    """Return a document as JSON text; the same document gives the same bytes."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
