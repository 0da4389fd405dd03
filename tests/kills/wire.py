"""How the processes of a kill test speak: pickled frames over a Unix socket, answered by number.

The vendor's own wire is another room's business; what matters here is that a process can die
between any two bytes.
"""

from __future__ import annotations

import asyncio
import pickle
import struct

from core.errors import ConnectionLost, ProviderError, TimedOut, Unreachable

PATIENCE_S = 1.0  # of the machine's time


async def read_frame(reader):
    """Return the next message."""
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    return pickle.loads(await reader.readexactly(length))


def frame(message):
    """Return a message's bytes."""
    body = pickle.dumps(message)
    return struct.pack("!I", len(body)) + body


class RemoteCore:
    """The core bank's port, spoken to a process that may die at any time."""

    def __init__(self, path):
        self.path, self.waiting, self.number = path, {}, 0
        self.writer, self.listener, self.connecting = None, None, asyncio.Lock()

    def __getattr__(self, operation):
        async def call(trace, query):
            return await self.ask(operation, trace, query)

        return call

    async def ask(self, operation, trace, query):
        name = f"corebank.{operation}"
        await self.connect(name)
        self.number += 1
        answer = self.waiting[self.number] = asyncio.get_running_loop().create_future()
        try:
            self.writer.write(frame((self.number, operation, trace, query)))
            found = await asyncio.wait_for(answer, PATIENCE_S)
        except TimeoutError:
            raise TimedOut(name) from None
        except OSError as error:
            raise ConnectionLost(name, str(error)) from None
        if isinstance(found, ProviderError):
            raise found
        return found

    async def connect(self, name):
        async with self.connecting:
            if self.writer is not None:
                return
            try:
                reader, self.writer = await asyncio.open_unix_connection(self.path)
            except OSError as error:
                raise Unreachable(name, str(error)) from None
            self.listener = asyncio.create_task(self.listen(reader))

    async def listen(self, reader):
        try:
            while True:
                number, found = await read_frame(reader)
                waiting = self.waiting.pop(number, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(found)
        except (asyncio.IncompleteReadError, OSError):
            self.writer = None
            for waiting in self.waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError("the core is gone"))
            self.waiting.clear()
