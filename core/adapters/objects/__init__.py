"""The object store behind :mod:`core.ports.objects`: pictures, each kept once, by its digest.

files       a folder of the machine (the default)
s3          a bucket of any endpoint that speaks S3
sealed      over either: nothing but ciphertext lies there, one key a picture
keyring     each bank's own keys, under which those are wrapped

What all share stands here: the form of a key, the way off the event loop, and the proof of what is
read. A store is a provider like any other, so what fails while it is asked is a ``ProviderError``;
only what is wrong when it is opened is the user's or the machine's.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import InputError, Unreadable
from core.picture import MAGIC, SIZE_MAX, Picture
from core.ports.objects import GetAnswer, PutAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.ports.objects import GetQuery, PutQuery
    from core.ports.trace import Trace

PUT, GET, REMOVE = "objects.put", "objects.get", "objects.remove"
# A key is a path in a folder, so nothing but a kind and a digest may be in it.
KEY = re.compile(r"[a-z][a-z0-9_]{0,31}/[0-9a-f]{64}")
WORKERS = 8  # how many pictures are on their way at once; the others wait
KEPT_MAX = SIZE_MAX + 64  # a sealed picture is a little larger than the picture
SEALED_MEDIA = "application/octet-stream"

A = TypeVar("A")


class KeptObjects(ABC):
    """An object store that waits for its disk or its network in threads of its own.

    A subclass keeps and fetches bytes. Where no event loop runs, the work is done on the spot.
    """

    def __init__(self, workers: int = WORKERS) -> None:
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="objects")

    async def put(self, trace: Trace, query: PutQuery) -> PutAnswer:
        """Keep a picture; the same content twice is one object.

        Raises:
            ProviderError: it may not be kept; never is half of it.
            InputError: the kind is no plain word, or the picture came without its bytes.
        """
        del trace
        return await self.aside(self._put, query)

    async def get(self, trace: Trace, query: GetQuery) -> GetAnswer:
        """Fetch a picture.

        Raises:
            ProviderError: it could not be fetched, or is not what its key says (Unreadable).
        """
        del trace
        return await self.aside(self._get, query)

    async def lay(self, name: str, content: bytes) -> bool:
        """Keep bytes that are no picture to anybody here; return whether they are new.

        Raises:
            ProviderError: they may not be kept; never is half of them.
        """
        return await self.aside(self._keep, name, content, SEALED_MEDIA)

    async def lift(self, name: str) -> bytes | None:
        """Return the bytes that were laid under a name, None where nothing lies there.

        Raises:
            ProviderError: they could not be fetched.
        """
        return await self.aside(self._fetch, name)

    async def remove(self, name: str) -> None:
        """Take away what lies under a name, if anything does.

        Raises:
            ProviderError: it may still lie there.
        """
        await self.aside(self._remove, name)

    async def aside(self, work: Callable[..., A], *asked: Any) -> A:
        """Do something slow in a thread of the store's; on the spot where no event loop runs."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # the instant and the virtual host have none
            return work(*asked)
        return await loop.run_in_executor(self._workers, work, *asked)

    def close(self) -> None:
        """Finish what is on its way, and end the threads."""
        self._workers.shutdown()

    @abstractmethod
    def _keep(self, key: str, content: bytes, media: str) -> bool:
        """Keep bytes under a key; return whether they are new there. Never half of them."""

    @abstractmethod
    def _fetch(self, key: str) -> bytes | None:
        """Return the bytes under a key, None where nothing lies there."""

    @abstractmethod
    def _remove(self, key: str) -> None:
        """Take away the bytes under a key, if there are any."""

    def _put(self, query: PutQuery) -> PutAnswer:
        key, content = checked(query)
        # By its bytes: a stand-in goes by another media type than it is drawn in.
        media = next(media for magic, media in MAGIC if content.startswith(magic))
        return PutAnswer(key, self._keep(key, content, media))

    def _get(self, query: GetQuery) -> GetAnswer:
        if not KEY.fullmatch(query.key):
            return GetAnswer(None)  # nothing can lie there
        content = self._fetch(query.key)
        return GetAnswer(None if content is None else proved(query.key, content))


def checked(query: PutQuery) -> tuple[str, bytes]:
    """Return the key of a picture, and its bytes.

    Raises:
        InputError: the kind is no plain word, or the picture came without its bytes.
    """
    picture = query.picture
    key = f"{query.kind}/{picture.digest}"
    if not KEY.fullmatch(key):
        raise InputError(f"object {key!r}", "is no key", "write KIND/DIGEST in small letters")
    content = picture.content
    if Picture.read(content).digest != picture.digest:
        raise InputError(f"object {key!r}", "its bytes are not at hand", "read the picture again")
    return key, content


def proved(key: str, content: bytes) -> Picture:
    """Return the picture in what was read, if it is the one that the key names.

    Raises:
        Unreadable: it is not.
    """
    try:
        picture = Picture.read(content)
    except InputError:
        raise Unreadable(GET, f"what lies under {key} is no picture") from None
    if picture.digest != key.partition("/")[2]:
        raise Unreadable(GET, f"what lies under {key} has another digest")
    return picture
