"""Columns of named draws: the scalar functions of ``core.seed``, bit for bit, by the thousand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.seed import ATTEMPTS, GAMMA, LANES, MASK, MIX_1, MIX_2, UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GAMMA, _MIX_1, _MIX_2 = np.uint64(GAMMA), np.uint64(MIX_1), np.uint64(MIX_2)


def uniforms(
    key: int, calls: NDArray[np.uint64], attempt: int = 0, lane: int = 0
) -> NDArray[np.float64]:
    """Return ``Draws(key, call, attempt).uniform(lane)`` for a column of calls."""
    first = (attempt * LANES + 1 + lane) * GAMMA + key
    with np.errstate(over="ignore"):
        step = np.uint64((ATTEMPTS * LANES * GAMMA) & MASK)
        z = np.uint64(first & MASK) + calls.astype(np.uint64) * step
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        z = (z ^ (z >> np.uint64(31))) >> np.uint64(11)
    return z.astype(np.float64) * UNIT
