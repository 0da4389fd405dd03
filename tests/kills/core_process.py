"""The core bank as a process of its own: it answers when what it did is on disk, and may be killed.

    python core_process.py LOG_ADDRESS SOCKET BEGAN [careless]

A careless one answers first and keeps later: the tests must find it out.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from stand import business_s, durable, the_world
from wire import frame, read_frame

from core.errors import ProviderError


async def main(address, path, began, careless):
    core = durable(the_world(), address)
    asked = asyncio.Queue()

    async def listen(reader, writer):
        try:
            while True:
                await asked.put((await read_frame(reader), writer))
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    server = await asyncio.start_unix_server(listen, path)
    async with server:
        while True:
            batch = [await asked.get()]
            while not asked.empty():
                batch.append(asked.get_nowait())
            answers = []
            for (number, operation, trace, query), writer in batch:
                try:
                    found = core.ask(operation, trace, query, business_s(began))
                except ProviderError as error:
                    found = error
                answers.append((writer, frame((number, found))))
            if not careless:
                core.commit()  # what is answered is on disk
            for writer, answer in answers:
                writer.write(answer)
            if careless:
                await asyncio.sleep(0.3)
                core.commit()


if __name__ == "__main__":
    Path(sys.argv[2]).unlink(missing_ok=True)
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), "careless" in sys.argv))
