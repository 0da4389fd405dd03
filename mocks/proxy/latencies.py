"""The latencies of a recording, in the form that a scenario's ``csv`` takes.

``latency.csv`` has all that was answered, ``latency/`` one file an operation. An operation is the
vendor's action, ours to a provider where we serve it (``carrier.CheckPhoneAndName``), else method
and path with what is somebody's left out (``GET /accounts/*``).
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from mocks.proxy.exchange import ANSWERED, header_in
from mocks.proxy.words import is_word
from mocks.tencent import PRODUCTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mocks.proxy.exchange import Exchange, Request

LATENCY, FOLDER = "latency.csv", "latency"
COLUMNS = ("exchange", "operation", "latency_ms")
PROVIDERS = {
    name: action.provider
    for product in PRODUCTS.values()
    for name, action in product.actions.items()
}
_VERSION = re.compile(r"v[0-9]+")


def operation_of(request: Request) -> str:
    """Return the operation that a recorded request asks for."""
    action = request.header("x-tc-action") or header_in(request.query, "Action")
    if action in PROVIDERS:
        return f"{PROVIDERS[action]}.{action}"
    named = action or request.header("soapaction") or request.header("x-amz-target")
    path = "/".join(each if _is_fixed(each) else "*" for each in request.path)
    return named.strip('"') or f"{request.method} /{path}"


def _is_fixed(segment: str) -> bool:
    """Whether a segment of a path is the operation's; what ends in a digit may be a number."""
    if segment[-1:].isdigit():
        return bool(_VERSION.fullmatch(segment))
    return not segment or is_word(segment)


def write_latencies(exchanges: Iterable[Exchange], folder: Path) -> dict[str, list[float]]:
    """Write the files; return the latencies in ms by operation, each list in ascending order.

    Raises:
        OSError: they cannot be written.
    """
    rows = [
        (each.number, operation_of(each.request), f"{each.latency_ms:.3f}")
        for each in exchanges
        if each.outcome == ANSWERED
    ]
    if not rows:
        return {}
    by_file: dict[str, list[tuple[int, str, str]]] = {}
    for row in rows:
        by_file.setdefault(re.sub(r"[^A-Za-z0-9._]+", "-", row[1]).strip("-."), []).append(row)
    (folder / FOLDER).mkdir(exist_ok=True)
    _write(folder / LATENCY, rows)
    for name, some in by_file.items():
        _write(folder / FOLDER / f"{name[:120] or 'root'}.csv", some)
    told: dict[str, list[float]] = {}
    for _, operation, latency_ms in rows:
        told.setdefault(operation, []).append(float(latency_ms))
    return {operation: sorted(told[operation]) for operation in sorted(told)}


def _write(path: Path, rows: list[tuple[int, str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
