"""A server as a user starts it: a process of its own on loopback, and a client of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import httpx

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 30.0  # what a start or an end may take on a busy machine


def sim(*words, limit_s=LIMIT_S):
    """Run the command line to its end."""
    command = [sys.executable, str(ROOT / "sim.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)


class Server:
    """A running server: what it said, and a client of its control plane."""

    def __init__(self, process, said, client, complaints):
        self.process, self.said, self.client = process, said, client
        self._complaints = complaints

    def get(self, path, **query):
        return self.client.get(f"/_control/{path}", params=query).raise_for_status().json()

    def post(self, path, **body):
        return self.client.post(f"/_control/{path}", json=body).raise_for_status().json()

    def end(self, by=signal.SIGTERM):
        """Send a signal; return the status and what was said on stderr."""
        self.process.send_signal(by)
        self.process.communicate(timeout=LIMIT_S)
        self._complaints.seek(0)
        return self.process.returncode, self._complaints.read()


@contextmanager
def serving(*words):
    """Serve until the block ends. What it complains of goes to a file: a pipe would fill up."""
    command = [sys.executable, str(ROOT / "sim.py"), "serve", "--port", "0", "--json"]
    with TemporaryFile("w+", encoding="utf-8") as complaints:
        process = subprocess.Popen(
            [*command, *map(str, words)], stdout=subprocess.PIPE, stderr=complaints, text=True
        )
        try:
            lines = []
            while not lines or lines[-1] != "}\n":
                lines.append(process.stdout.readline())
                if not lines[-1]:
                    complaints.seek(0)
                    raise AssertionError(complaints.read())
            said = json.loads("".join(lines))
            with httpx.Client(base_url=said["address"], timeout=5.0, trust_env=False) as client:
                yield Server(process, said, client, complaints)
        finally:
            process.kill()
            process.communicate()
