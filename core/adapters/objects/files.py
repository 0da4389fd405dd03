"""Objects in a folder: ``<kind>/<digest>``, one file a picture, there wholly or not at all.

Content is written aside, forced to the disk and only then given its name, which is never given
twice: of two writers of the same picture the second finds it there. What a killed process left
aside is swept when the folder is next opened. Only the owner may read: these are people's faces.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from time import time

from core.adapters.objects import GET, PUT, REMOVE, WORKERS, KeptObjects
from core.errors import MachineError, NotDone, ServerFailed

ASIDE = ".aside"
LEFT_S = 3600.0  # what lies aside so long is nobody's any more
# What file systems say that know no second name for a file.
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
SAYS: dict[int, str] = {
    errno.ENOSPC: "its disk is full: make room on it",
    errno.EDQUOT: "its quota is used up: make room in it",
    errno.EROFS: "its disk is read-only: mount it for writing",
    errno.EACCES: "we have no right to it: give us the right to read and write it",
    errno.ENOENT: "it is gone: bring it back, or mount its disk",
    errno.EIO: "its disk fails: check it",
}


class FileObjects(KeptObjects):
    """The object store in a folder, which is made where it is missing.

    Raises:
        MachineError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path | str, workers: int = WORKERS) -> None:
        self._folder = Path(folder).absolute()
        self._aside_folder = self._folder / ASIDE
        try:
            self._aside_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            # The folder may be there and yet not be ours to write.
            descriptor, name = mkstemp(dir=self._aside_folder)
            os.close(descriptor)
            Path(name).unlink()
        except OSError as error:
            problem = f"objects cannot be kept in {self._folder}: {error.strerror or error}"
            raise MachineError(problem, "name a folder that we may write") from error
        super().__init__(workers)

    def _keep(self, key: str, content: bytes, media: str) -> bool:
        del media  # a picture's first bytes say it
        place, new = self._folder / key, False
        try:
            if not place.exists():
                _make(place.parent)
                new = self._written(content, place)
        except OSError as error:
            raise NotDone(PUT, self._told("nothing was kept", error)) from error
        try:
            # Also where it was there before: its writer may not have come so far.
            settle(place.parent)
        except OSError as error:
            raise ServerFailed(PUT, self._told("it may be lost again", error)) from error
        return new

    def _fetch(self, key: str) -> bytes | None:
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError as error:
            if self._aside_folder.is_dir():
                return None
            raise NotDone(GET, self._told("nothing was read", error)) from error
        except OSError as error:
            raise NotDone(GET, self._told("nothing was read", error)) from error

    def _remove(self, key: str) -> None:
        place = self._folder / key
        try:
            place.unlink(missing_ok=True)
            if place.parent.is_dir():
                settle(place.parent)
        except OSError as error:
            raise ServerFailed(REMOVE, self._told("it may still be there", error)) from error

    def _written(self, content: bytes, place: Path) -> bool:
        """Write bytes aside, force them to the disk, and give them their name if it is free."""
        descriptor, name = mkstemp(dir=self._aside_folder)
        aside = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            return _named(aside, place)
        finally:
            aside.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Throw away what lies aside since long: its writer is dead."""
        before_s = time() - LEFT_S
        for left in self._aside_folder.iterdir():
            with suppress(FileNotFoundError):  # another process sweeps too
                if left.stat().st_mtime < before_s:
                    left.unlink()

    def _told(self, what: str, error: OSError) -> str:
        says = SAYS.get(error.errno or 0, error.strerror or str(error))
        return f"{what}, {self._folder}: {says}"


def _named(aside: Path, place: Path) -> bool:
    """Give a file its name; return whether the name was free."""
    try:
        place.hardlink_to(aside)  # unlike a rename, it tells who came second
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        aside.replace(place)  # of two at once both are told that they were first
    return True


def _make(folder: Path) -> None:
    """Make a folder where it is missing, but not the one it lies in."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        settle(folder.parent)


def settle(folder: Path) -> None:
    """Force a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
