"""Families of published truths: which file is whose, and what came of every case in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import InputError
from scenarios.conformance import loans
from scenarios.conformance.outcome import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

OWN = Path(__file__).parent / "data"
