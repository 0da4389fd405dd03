"""One provider call beside what else could answer it: a plain FastAPI endpoint, and WireMock.

Ours is the whole thing: the signature is checked, the tenant found, a magic input resolved, chance
drawn by name, the quota taken, the call journalled and billed. The FastAPI endpoint parses the same
body with pydantic and answers; WireMock 3.13 (from the npm package that carries its jar), as it
comes, matches the body of one stub, or of the last of two hundred on the same path. Each server has
one core, the client the other, and what is told is requests for a second of the server's processor
time. All figures are of one run.
"""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import faces
import httpx

from core.errors import MachineError
from mocks.spec import Operation
from scenarios.hosts.world import BEHAVIOURS
from scenarios.stack import listen

UNIT = "requests/CPU-s"
ROUNDS = 4  # of the faces' three thousand requests each: processor time is told in hundredths
WARM_UP = 20_000  # requests until Java has compiled what it runs
READY_S = 60.0
PATH = "/"
OWNER: Operation = BEHAVIOURS["carrier"].OPERATIONS["owner_matches"]
MAGIC = next(value for value, case in OWNER.inputs.items() if case.name == "same_mobile")
BODY = {"IdCard": "820000199001010010", "Name": "样本甲", "Phone": MAGIC, "VerifyMode": "1"}
ANSWER = {
    "Response": {
        "Result": "0",
        "Description": "认证通过",
        "Isp": "移动",
        "ResultDetail": "",
        "RequestId": "0" * 36,
    }
}
PLAIN = f"""
from fastapi import FastAPI
from pydantic import BaseModel

class Asked(BaseModel):
    IdCard: str
    Name: str
    Phone: str
    VerifyMode: str

class Result(BaseModel):
    Result: str
    Description: str
    Isp: str
    ResultDetail: str
    RequestId: str

class Told(BaseModel):
    Response: Result

app = FastAPI()

@app.post({PATH!r})
async def answer(asked: Asked) -> Told:
    return Told(Response=Result(**{ANSWER["Response"]!r}))
"""


class Work(faces.Work):
    """A round whose rate is by the processor time that the server had meanwhile."""

    def __init__(self, port: int, requests: list[bytes], hoped: bytes) -> None:
        super().__init__("peers", port, requests, hoped)
        self._pid = faces.PIDS[port]
        self.cpu_s = 0.0

    def __call__(self) -> int:
        """Send them all; return how many were answered as hoped."""
        assert self._pid is not None
        before_s = faces.cpu_s_of(self._pid)
        count = super().__call__()
        self.cpu_s = faces.cpu_s_of(self._pid) - before_s
        return count


def _signed(what: str) -> tuple[int, list[bytes]]:
    """Return our server's port, and requests that are signed for it."""
    orders, port = faces.server()
    orders.send(what)
    made = orders.recv()
    if isinstance(made, Exception):
        raise made
    return port, made


def _plain(port: int, count: int) -> list[bytes]:
    """Return the same request for somebody who checks nothing, so many times."""
    body = json.dumps(BODY, ensure_ascii=False).encode()
    told = {"content-type": "application/json"}
    request = faces.HttpRequest("POST", PATH, told, body)
    return [faces.sent(request, f"127.0.0.1:{port}")] * count


def _start(words: list[str], is_ready: Callable[[int], Any], cwd: str | None = None) -> int:
    """Start a server that lasts as long as this process; ``{port}`` in a word is its port."""
    with listen(0) as free:
        port = int(free.getsockname()[1])
    with faces.pinned(faces.SERVER_CPU):  # which a child inherits
        process = subprocess.Popen(
            [word.format(port=port) for word in words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=cwd,
        )
    atexit.register(process.kill)
    faces.PIDS[port] = process.pid
    until_s = time.monotonic() + READY_S
    while True:
        try:
            is_ready(port)
        except httpx.HTTPError:
            if time.monotonic() > until_s or process.poll() is not None:
                raise MachineError(f"{words[0]} did not start", "run it by hand") from None
            time.sleep(0.2)
        else:
            return port


# Plain FastAPI, by uvicorn.


@cache
def fastapi(*words: str) -> int:
    """Return the port of a plain endpoint, served as uvicorn's own documents start it."""
    room = tempfile.mkdtemp(prefix="plain-")
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    (Path(room) / "plain.py").write_text(PLAIN)
    command = [sys.executable, "-m", "uvicorn", "plain:app", "--port", "{port}", *words]

    def is_ready(port: int) -> None:
        httpx.post(f"http://127.0.0.1:{port}{PATH}", json=BODY, trust_env=False).raise_for_status()

    return _start(command, is_ready, room)


# WireMock.


@cache
def jar() -> Path:
    """Return WireMock's jar, fetched for as long as this process lasts.

    Raises:
        MachineError: there is no Java, no npm, or no registry.
    """
    for tool in ("java", "npm"):
        if shutil.which(tool) is None:
            raise MachineError(
                f"{tool} is not there", "install Java 17 and npm to compare WireMock"
            )
    room = tempfile.mkdtemp(prefix="wiremock-")
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    packed = subprocess.run(
        ["npm", "pack", "wiremock@3.13", "--silent"],
        cwd=room,
        capture_output=True,
        text=True,
        check=False,
    )
    if packed.returncode:
        raise MachineError("npm could not fetch wiremock", "let the registry be reached")
    names = packed.stdout.split()
    shutil.unpack_archive(Path(room) / names[-1], room, "gztar")
    return next(Path(room).rglob("wiremock-standalone-*.jar"))


@cache
def wiremock(stubs: int) -> int:
    """Return the port of a WireMock with so many stubs on the path; it lasts as long as this."""
    room = tempfile.mkdtemp(prefix="stubs-")
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    words = ["--port", "{port}", "--bind-address", "127.0.0.1", "--disable-banner"]
    words += ["--use-chunked-encoding", "never"]  # the client here reads lengths only

    def is_ready(port: int) -> None:
        admin = f"http://127.0.0.1:{port}/__admin/mappings"
        httpx.get(admin, trust_env=False, timeout=30.0).raise_for_status()

    port = _start(["java", "-jar", str(jar()), *words], is_ready, room)
    with httpx.Client(trust_env=False, timeout=30.0) as client:
        # The last one added is looked at first: the one that fits is the oldest.
        for number in range(stubs):
            body = BODY if number == 0 else {**BODY, "Phone": f"139{number:08d}"}
            client.post(
                f"http://127.0.0.1:{port}/__admin/mappings", json=_stub(body)
            ).raise_for_status()
    warm = faces.Work("warm-up", port, _plain(port, WARM_UP // stubs + 2_000), b"Result")
    warm()
    return port


def _stub(body: dict[str, str]) -> dict[str, Any]:
    return {
        "request": {
            "method": "POST",
            "urlPath": PATH,
            "bodyPatterns": [{"equalToJson": json.dumps(body, ensure_ascii=False)}],
        },
        "response": {
            "status": 200,
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(ANSWER, ensure_ascii=False),
        },
    }


def ours(what: str, goal: str = "") -> tuple[Work, str, str]:
    """Return one round against our own face, everything included."""
    port, requests = _signed(what)
    return Work(port, requests * ROUNDS, b'"Result":"0"'), UNIT, goal


def against(start: Callable[[], int], rounds: int, goal: str) -> tuple[Work, str, str]:
    """Return one round against somebody else."""
    port = start()
    return Work(port, _plain(port, faces.REQUESTS * rounds), b"Result"), UNIT, goal


BENCHES = {
    "peers.ours": partial(ours, "magic"),
    "peers.ours.1_bank": partial(ours, "magic.1_bank", "attempts that bear names"),
    "peers.ours.58_banks": partial(ours, "magic.58_banks", "at most 1.1 times the cost of one"),
    "peers.fastapi": partial(
        against,
        partial(fastapi, "--no-access-log"),
        ROUNDS,
        "parses and answers: ours reaches 2.5 times, aims at 4",
    ),
    "peers.fastapi.access_log": partial(
        against, fastapi, ROUNDS, "the same with a line a request, as uvicorn starts it"
    ),
    "peers.wiremock.1": partial(
        against, partial(wiremock, 1), ROUNDS, "ours reaches 4 times, aims at 7"
    ),
    "peers.wiremock.200": partial(
        against, partial(wiremock, 200), 1, "ours reaches 40 times, aims at 80"
    ),
}
