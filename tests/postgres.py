"""A PostgreSQL of the tests' own: found on this machine, made in a folder, ended with them.

It listens on a socket in its folder and nowhere else. root may not run one, so it is handed to a
user who may. ``no_reason()`` says why there is none, and what to do about it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

USERS = ("postgres", "nobody")  # who runs it where we are root
WAIT_S = 30.0
REMEDY = "make system-deps installs it (Debian: apt-get install postgresql)"


def binaries() -> Path | None:
    """Return the folder of the newest server's programs, or None."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name)
    )
    named = shutil.which("postgres")
    folders = [*installed, *([Path(named).resolve().parent] if named else [])]
    return next((each for each in folders if (each / "initdb").exists()), None)


def somebody() -> str | None:
    """Return the user who runs it: None for ourselves, where we are not root."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    return next((name for name in USERS if name in known), "")


def why_not() -> str:
    """Return why there is no server here, with the remedy; empty where there is one."""
    if binaries() is None:
        return f"PostgreSQL is not on this machine; {REMEDY}"
    if somebody() == "":
        return "root may not run PostgreSQL, and there is no user nobody; run the tests as a user"
    return ""


class Postgres:
    """A server in a folder, that can be stopped, killed and started again."""

    def __init__(self, folder: Path, *, fsync: bool) -> None:
        self.folder = folder
        self._programs = binaries()
        self._user = somebody()
        self._server: subprocess.Popen[bytes] | None = None
        self._schemas = count(1)
        self._options = {
            "unix_socket_directories": str(folder),
            "listen_addresses": "",
            "fsync": "on" if fsync else "off",
            "shared_buffers": "64MB",
            "max_connections": "60",
        }
        if self._user is not None:
            shutil.chown(folder, self._user)
        made = ("--pgdata=data", "--username=us", "--auth=trust", "--encoding=UTF8", "--locale=C")
        subprocess.run(
            [self._programs / "initdb", *made, "--no-sync"],
            cwd=folder,
            user=self._user,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        until = time.monotonic() + WAIT_S
        options = [f"--{name}={value}" for name, value in self._options.items()]
        while True:
            with (self.folder / "log").open("ab") as log:
                self._server = subprocess.Popen(
                    [self._programs / "postgres", "-D", "data", *options],
                    cwd=self.folder,
                    user=self._user,
                    stdout=log,
                    stderr=log,
                )
            while self._server.poll() is None:
                if self._answers():
                    return
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.02)
            # One that was killed may have left children who still hold the folder.
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.plain()).close()
        except psycopg.OperationalError:
            return False
        return True

    def end(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT fast, SIGKILL as if the power were cut."""
        assert self._server is not None
        self._server.send_signal(how)
        self._server.wait(WAIT_S)

    def plain(self) -> str:
        """Return the address of the server's own database."""
        return f"postgresql://us@/postgres?host={self.folder}"

    def address(self) -> str:
        """Return the address of an empty place in it."""
        schema = f"test_{next(self._schemas)}"
        with psycopg.connect(self.plain(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
        return f"{self.plain()}&options=-csearch_path%3D{schema}"


@contextmanager
def postgres(*, fsync: bool = False) -> Iterator[Postgres]:
    """Run a server for as long as the block lasts.

    ``fsync`` is for measuring: what a killed process has written outlives it without.
    """
    folder = Path(tempfile.mkdtemp(prefix="loanrange-pg-"))
    server = Postgres(folder, fsync=fsync)
    server.start()
    try:
        yield server
    finally:
        if server._server.poll() is None:
            server.end()
        shutil.rmtree(folder)
