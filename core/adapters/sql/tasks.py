"""Work that is handed to another thread, in batches, and the answers that come back.

Whoever asks from a coroutine waits for a future of their own event loop; whoever asks where no
loop runs (the instant and the virtual host) has the work done on the spot.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH_MAX = 256


class Task:
    """Something asked, and how it went: ``value``, or ``error``."""

    __slots__ = ("error", "future", "value")

    def __init__(self) -> None:
        self.value: Any = None
        self.error: BaseException | None = None
        self.future: asyncio.Future[Any] | None = None

    def outcome(self) -> Any:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value

    def tell(self) -> None:
        """Tell whoever waits, in their own loop's thread."""
        assert self.future is not None
        if self.future.done():
            return  # whoever asked was cancelled meanwhile
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.value)


T = TypeVar("T", bound=Task)


class Worker(Generic[T]):
    """A thread that does what has gathered since it last looked, all at once.

    While it is at one batch the next one gathers: the busier, the larger the batches.
    """

    def __init__(self, name: str, work: Callable[[list[T]], None]) -> None:
        self._name = name
        self._work = work
        self._asked: SimpleQueue[T | None] = SimpleQueue()
        self._thread: Thread | None = None

    async def ask(self, task: T) -> Any:
        """Have a task done; return its value, or raise its error."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        task.future = asyncio.get_running_loop().create_future()
        self._asked.put(task)
        return await task.future

    def close(self) -> None:
        """Finish what was asked, and end the thread."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            batch, goes_on = self._gather()
            try:
                self._work(batch)
            except BaseException as bug:  # noqa: BLE001  it belongs to those who asked
                for task in batch:
                    task.error = bug
            answer(batch)

    def _gather(self) -> tuple[list[T], bool]:
        """Return what waits, at least one task, and whether the thread goes on after it."""
        task, batch = self._asked.get(), []
        while task is not None:
            batch.append(task)
            if len(batch) == BATCH_MAX:
                return batch, True
            try:
                task = self._asked.get_nowait()
            except Empty:
                return batch, True
        return batch, False


def answer(batch: list[T]) -> None:
    """Wake everybody who waits, with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[T]] = {}
    for task in batch:
        assert task.future is not None
        by_loop.setdefault(task.future.get_loop(), []).append(task)
    for loop, tasks in by_loop.items():
        with suppress(RuntimeError):  # a loop that was closed has nobody left who waits
            loop.call_soon_threadsafe(_tell, tasks)


def _tell(tasks: list[T]) -> None:
    for task in tasks:
        task.tell()
