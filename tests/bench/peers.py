"""One provider call beside what else could answer it: a plain FastAPI endpoint, and WireMock.

Ours is the whole thing: the signature is checked, the tenant found, a magic input resolved, chance
drawn by name, the quota taken, the call journalled and billed. The FastAPI endpoint parses the same
body with pydantic and answers the same bytes; WireMock 3.13 (from the npm package that carries its
jar) matches one stub, or the last of two hundred on the same path. Each server has one core, the
client the other; all figures are of one run.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import shutil
import subprocess
import tempfile
import time
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import faces
import httpx
from fastapi import FastAPI
from pydantic import BaseModel

from core.errors import MachineError
from mocks.spec import Operation
from scenarios.hosts.world import BEHAVIOURS
from scenarios.stack import listen, served

WARM_UP = 20_000  # requests until Java has compiled what it runs
READY_S = 60.0
PATH = "/"
OWNER: Operation = BEHAVIOURS["carrier"].OPERATIONS["owner_matches"]
MAGIC = next(value for value, case in OWNER.inputs.items() if case.name == "same_mobile")
BODY = {"IdCard": "820000199001010014", "Name": "样本甲", "Phone": MAGIC, "VerifyMode": "1"}
ANSWER = {
    "Response": {
        "Result": "0",
        "Description": "认证通过",
        "Isp": "移动",
        "ResultDetail": "",
        "RequestId": "0" * 36,
        "Padding": "x" * 400,
    }
}


def _signed(orders: Any, port: int) -> list[bytes]:
    """Return requests that are signed for our server."""
    orders.send("magic")
    made = orders.recv()
    if isinstance(made, Exception):
        raise made
    requests: list[bytes] = made
    return requests


def _plain(port: int, path: str = PATH) -> list[bytes]:
    """Return the same requests for somebody who checks nothing."""
    body = json.dumps(BODY, ensure_ascii=False).encode()
    told = {"content-type": "application/json"}
    request = faces.HttpRequest("POST", path, told, body)
    return [faces.sent(request, f"127.0.0.1:{port}")] * faces.REQUESTS


# Plain FastAPI.


class Asked(BaseModel):
    """The body that all of them are sent."""

    IdCard: str
    Name: str
    Phone: str
    VerifyMode: str


class Told(BaseModel):
    """The answer."""

    Response: dict[str, str]


async def answer(asked: Asked) -> Told:
    """Answer the same whoever asks."""
    del asked
    return Told(**ANSWER)


def _serve_fastapi(orders: Any) -> None:
    app = FastAPI()
    app.add_api_route(PATH, answer, methods=["POST"])

    async def serving() -> None:
        async with served(app) as port:  # type: ignore[arg-type]
            orders.send(port)
            await asyncio.Event().wait()

    faces.pin(faces.SERVER_CPU)
    asyncio.run(serving())


@cache
def fastapi() -> int:
    """Return the port of a plain endpoint that lasts as long as this process."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve_fastapi, args=(theirs,), daemon=True)
    process.start()
    atexit.register(process.terminate)
    return int(ours.recv())


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
    with listen(0) as free:
        port = int(free.getsockname()[1])
    words = ["--port", str(port), "--bind-address", "127.0.0.1", "--disable-banner"]
    words += ["--use-chunked-encoding", "never", "--no-request-journal"]
    with faces.pinned(faces.SERVER_CPU):  # which a child inherits
        process = subprocess.Popen(
            ["java", "-jar", str(jar()), *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    atexit.register(process.kill)
    admin = f"http://127.0.0.1:{port}/__admin"
    with httpx.Client(trust_env=False, timeout=30.0) as client:
        until_s = time.monotonic() + READY_S
        while True:
            try:
                client.get(f"{admin}/mappings").raise_for_status()
                break
            except httpx.HTTPError:
                if time.monotonic() > until_s or process.poll() is not None:
                    raise MachineError("WireMock did not start", "see java -jar") from None
                time.sleep(0.2)
        # The last one added is looked at first: the one that fits is the oldest.
        for number in range(stubs):
            phone = MAGIC if number == 0 else f"139{number:08d}"
            client.post(f"{admin}/mappings", json=_stub(phone)).raise_for_status()
    warm = faces.Work("warm-up", port, _plain(port) * (WARM_UP // faces.REQUESTS), b"Result")
    warm()
    return port


def _stub(phone: str) -> dict[str, Any]:
    return {
        "request": {
            "method": "POST",
            "urlPath": PATH,
            "bodyPatterns": [{"matchesJsonPath": {"expression": "$.Phone", "equalTo": phone}}],
        },
        "response": {
            "status": 200,
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(ANSWER, ensure_ascii=False),
        },
    }


def ours() -> tuple[faces.Work, str, str]:
    """Return one round against our own face, everything included."""
    orders, port = faces.server()
    return faces.Work("ours", port, _signed(orders, port), b'"Result":"0"'), "requests/s", ""


def against(port: Any, goal: str) -> tuple[faces.Work, str, str]:
    """Return one round against somebody else."""
    at = port()
    return faces.Work("peer", at, _plain(at), b"Result"), "requests/s", goal


BENCHES = {
    "peers.ours": ours,
    "peers.fastapi": partial(against, fastapi, "ours reaches 2.5 times this, aims at 4"),
    "peers.wiremock.1": partial(against, partial(wiremock, 1), "ours reaches 4 times, aims at 7"),
    "peers.wiremock.200": partial(against, partial(wiremock, 200), "ours reaches 40, aims at 80"),
}
