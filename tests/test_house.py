"""The house rules that no linter knows: style that is not checked is a wish."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOOR = ROOT / "sim.py"
LINES_OF_A_FUNCTION_MAX = 70
COLUMNS_MAX = 100

# Where time and chance are handed in, nobody fetches them. Measuring (perf_counter) is no clock.
BANNED = {
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "uuid.uuid1",
    "uuid.uuid4",
    "random.SystemRandom",
}
TOUCHES_THE_WORLD = ("core/adapters", "core/gateway", "mocks/clock", "scenarios/hosts/wall")


def name_of(path: Path) -> str:
    """Return a path as people write it, from the project's root."""
    return path.relative_to(ROOT).as_posix()


def files_of(*rooms: str) -> list[Path]:
    """Return the Python files of some rooms; a room that is not built yet has none."""
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted module) for every import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "."


def names_used(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, full name) for what is used through an import, by whatever alias."""
    full = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                full[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            head, *tail = ast.unparse(node).split(".")
            if head in full:
                yield node.lineno, ".".join([full[head], *tail])


def is_banned(name: str) -> bool:
    """Say whether a full name fetches time or chance (random's functions share a generator)."""
    return name in BANNED or bool(re.fullmatch(r"(random|numpy\.random)\.[a-z_]+", name))


def clocks_and_dice(tree: ast.Module) -> list[tuple[int, str]]:
    """Return every banned name with its line; also ``Random()``, which seeds itself."""
    found = [(line, name) for line, name in names_used(tree) if is_banned(name)]
    unseeded = [
        (node.lineno, "random.Random() without a seed")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"Random", "random.Random"}
        and not node.args
    ]
    return sorted({*found, *unseeded})


@pytest.mark.parametrize("path", files_of("core", "mocks", "scenarios"), ids=name_of)
def test_a_function_is_no_longer_than_a_screen(path):
    too_long = [
        f"{name_of(path)}:{node.lineno}: {node.name} has {length} lines"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := node.end_lineno - node.lineno + 1) > LINES_OF_A_FUNCTION_MAX
    ]
    assert not too_long, "\n".join(too_long)


@pytest.mark.parametrize("path", files_of("core", "mocks", "scenarios"), ids=name_of)
def test_a_line_fits_the_page(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    too_wide = [
        f"{name_of(path)}:{number}: {len(line)} columns"
        for number, line in enumerate(lines, start=1)
        if len(line) > COLUMNS_MAX
    ]
    assert not too_wide, "\n".join(too_wide)


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in files_of("core", "mocks", "scenarios")
        if not name_of(path).startswith(TOUCHES_THE_WORLD)
    ],
    ids=name_of,
)
def test_time_and_chance_are_handed_in(path):
    fetched = [f"{name_of(path)}:{line}: {name}" for line, name in clocks_and_dice(tree_of(path))]
    assert not fetched, "\n".join(fetched)


@pytest.mark.parametrize(
    "path",
    [*files_of("core", "mocks", "scenarios", "loadtests", "tests"), *ROOT.glob("sim.py")],
    ids=name_of,
)
def test_the_first_line_of_a_file_says_what_it_is_for(path):
    docstring = ast.get_docstring(tree_of(path), clean=False)
    assert docstring, f"{name_of(path)}:1: no docstring"
    first = docstring.split("\n", 1)[0]
    assert len(first.split()) > 2, f"{name_of(path)}:1: {first!r} says too little"


@pytest.mark.parametrize("path", [path for path in [DOOR] if path.exists()], ids=name_of)
def test_the_door_knows_only_the_questions(path):
    allowed = {"click", "scenarios", *sys.stdlib_module_names}
    strangers = [
        f"sim.py:{line}: imports {module}"
        for line, module in imports_of(tree_of(path))
        if module.split(".")[0] not in allowed
    ]
    assert not strangers, "\n".join(strangers)


@pytest.mark.parametrize("path", [path for path in [DOOR] if path.exists()], ids=name_of)
def test_the_door_has_no_logic_of_its_own(path):
    logic = [
        f"sim.py:{node.lineno}: {type(node).__name__}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.For | ast.While | ast.ClassDef | ast.Match)
    ]
    assert not logic, "\n".join(logic)


def test_no_test_imports_locust():
    # Its mere import patches the sockets of the whole process: tests start it as a subprocess.
    strangers = [
        f"{name_of(path)}:{line}: imports {module}"
        for path in files_of("tests")
        for line, module in imports_of(tree_of(path))
        if module.split(".")[0] in {"locust", "gevent", "loadtests"}
    ]
    assert not strangers, "\n".join(strangers)


def test_no_package_under_tests_shadows_a_room():
    own = ROOT / "tests" / "example_plugin" / "acme_providers"  # somebody else's, built from there
    found = [path for path in (ROOT / "tests").rglob("__init__.py") if path.parent != own]
    assert [name_of(path) for path in found] == []


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.lock")), ids=name_of)
def test_a_lock_names_hashes_and_no_address(lock):
    lines = lock.read_text(encoding="utf-8").splitlines()
    addresses = [
        f"{name_of(lock)}:{number}: {line}"
        for number, line in enumerate(lines, start=1)
        if re.search(r"://|--(extra-)?index-url|--find-links|^\s*#.*\s/", line)
    ]
    assert not addresses, "\n".join(addresses)

    # Every pin ends in a backslash: its hashes follow.
    assert [line for line in lines if "==" in line and not line.startswith((" ", "#"))]
    assert not [line for line in lines if re.match(r"\S+==\S", line) and not line.endswith("\\")]


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("base-test", ["test", "load"]), ("ray", ["ray"]), ("ocr", ["ocr"])],
)
def test_what_is_declared_is_locked(lock, extras):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *(project["optional-dependencies"][name] for name in extras)]
    declared = {re.match(r"[\w.-]+", row)[0] for group in groups for row in group}

    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    assert declared - set(re.findall(r"^([\w.-]+)==", text, flags=re.MULTILINE)) == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time\ntime.time()", ["time.time"]),
        ("from time import time as now\nnow()", ["time.time"]),
        ("from datetime import datetime\ndatetime.now()", ["datetime.datetime.now"]),
        ("import datetime as dt\ndt.date.today()", ["datetime.date.today"]),
        ("from uuid import uuid4\nfield(default_factory=uuid4)", ["uuid.uuid4"]),
        ("import random\nrandom.choice([1])", ["random.choice"]),
        ("import random\nrandom.seed(1)", ["random.seed"]),
        ("import numpy as np\nnp.random.shuffle(x)", ["numpy.random.shuffle"]),
        ("from random import Random\nRandom()", ["random.Random() without a seed"]),
        ("from random import Random\nRandom(7)", []),
        ("import numpy as np\nnp.random.Generator(bits)", []),
        ("import time\ntime.perf_counter()", []),
        ("def f(clock, random):\n    return clock.time.time() + random.choice()", []),
    ],
)
def test_a_clock_is_found_under_any_name(source, found):
    assert [name for _, name in clocks_and_dice(ast.parse(source))] == found
