"""What the tests of results and callbacks share: who listens, and a bank that pays loans out."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from tests.mocks.rest_kit import BANK

LOAN_FEN = 70_000


class Call(NamedTuple):
    """One callback as it came, and the tenant's business time then."""

    headers: dict[str, str]
    body: bytes
    at_s: float

    @property
    def told(self):
        return json.loads(self.body)

    @property
    def serial(self):
        return self.told["data"]["key"]["serial"]

    @property
    def id(self):
        return self.headers["webhook-id"]


class Ear(BaseHTTPRequestHandler):
    """Notes what it is told, and answers as it is scripted to."""

    def do_POST(self):
        server = self.server
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        server.calls.append(Call(headers, body, server.now_s()))
        if server.act is not None:
            server.act(server.calls[-1])
        self.send_response(server.script.pop(0) if server.script else 204)
        self.send_header("content-length", "0")
        if server.elsewhere:
            self.send_header("location", server.elsewhere)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def listening(now_s=lambda: 0.0):
    """Give somebody who listens on loopback: ``calls``, and a ``script`` of statuses to answer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    server.calls, server.script, server.act, server.now_s = [], [], None, now_s
    server.elsewhere = ""  # where whoever comes is sent
    server.url = f"http://127.0.0.1:{server.server_port}/webhooks"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def key(serial):
    return {"bank": BANK, "channel": "loan", "channel_date": "2020-07-15", "serial": serial}


class Desk:
    """One bank's backend at the core, over HTTP."""

    def __init__(self, front):
        self.front = front
        self.person = front.post("people", bank=BANK, traits={"holds_card": True})
        self.card = front.tenant.people.by_key(self.person["key"]).home_card.number

    def ask(self, path, **body):
        answer = self.front.client.post(f"/corebank/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def disburse(self, serial, fen=LOAN_FEN):
        said = {"loan": f"L-{serial}", "account": self.card.text, "amount_fen": str(fen)}
        return self.ask("disburse", key=key(serial), **said)

    def outcome(self, serial, fence=False):
        return self.ask("outcome", key=key(serial), fence=fence)

    def paid(self):
        """Return the serials of the payouts in the core's books, in order."""
        core = self.front.tenant.behaviours["corebank"]
        return [each.key.serial for each in core.entries(BANK) if each.kind == "disburse"]
