"""``doctor``: what is installed, what is missing, and what to do about it."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import core
from core.banks import load_banks
from core.products import load_products
from scenarios.commands.door import FINE, WRONG_MACHINE
from scenarios.output import dumps

if TYPE_CHECKING:
    from scenarios.commands.door import Terminal

PACKAGES = ("simpy", "faker", "cryptography", "pydantic", "numpy", "matplotlib", "fastapi", "httpx")
FOR_TESTS = ("pytest", "hypothesis", "respx", "locust", "ruff", "mypy", "import-linter")
TOOLS = {"git": "version control", "make": "make demo, make test"}
PYTHONS = ((3, 11), (3, 14))
REMEDY = "run make setup"


class Finding(NamedTuple):
    """One thing looked at. ``needed`` says that nothing works without it."""

    name: str
    found: str
    needed: bool
    remedy: str = ""


def run(terminal: Terminal, seed: int | None, out: Path) -> int:
    """Look at the machine; status 3 where something needed is missing."""
    del seed, out
    found = look()
    missing = [each for each in found if not each.found]
    if terminal.as_json:
        terminal.document(dumps({"version": core.__version__, "findings": _rows(found)}))
    for each in found:
        mark = "[green]ok[/]     " if each.found else "[red]missing[/]"
        told = each.found or each.remedy
        terminal.say(f"{mark} {each.name:<14} {told}")
    broken = [each.name for each in missing if each.needed]
    terminal.say(f"\n{'missing: ' + ', '.join(broken) if broken else 'ready: try make demo'}")
    return WRONG_MACHINE if broken else FINE


def look() -> list[Finding]:
    """Return every finding."""
    low, high = PYTHONS
    here = sys.version_info[:2]
    python = sys.version.split()[0] if low <= here <= high else ""
    found = [Finding("python", python, True, "use Python 3.11 to 3.14")]
    found += [Finding(name, _package(name), True, REMEDY) for name in PACKAGES]
    found += [Finding(name, _package(name), False, f"{REMEDY}, for tests") for name in FOR_TESTS]
    found += [
        Finding(name, shutil.which(name) or "", False, f"install it, for {what}")
        for name, what in TOOLS.items()
    ]
    return [*found, _font(), _data()]


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _font() -> Finding:
    from scenarios.population.pictures.fonts import REMEDY as INSTALL
    from scenarios.population.pictures.fonts import find

    font = find()
    return Finding("Chinese font", font.path if font else "", False, f"{INSTALL}, for pictures")


def _data() -> Finding:
    banks = load_banks()
    products = load_products(banks)
    return Finding("data", f"{len(banks)} banks, {len(products)} products", True)


def _rows(found: list[Finding]) -> list[dict[str, Any]]:
    return [each._asdict() for each in found]
