"""What a host counts of one provider: calls, faults, waits, latencies as the client sees them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np

PERCENTILES = (50, 95, 99)


@dataclass(slots=True)
class Meter:
    """One provider's figures over one run; ``merge`` adds another run's."""

    calls: int = 0
    errors: int = 0
    timeouts: int = 0
    retries: int = 0
    billed: int = 0
    busy_s: float = 0.0
    stations: int = 1  # how many places with servers of their own
    waits_s: array[float] = field(default_factory=lambda: array("d"))
    latencies_s: array[float] = field(default_factory=lambda: array("d"))

    def merge(self, other: Meter) -> None:
        """Add another run's figures to these."""
        for name in ("calls", "errors", "timeouts", "retries", "billed", "busy_s"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.stations = other.stations
        self.waits_s.extend(other.waits_s)
        self.latencies_s.extend(other.latencies_s)

    def summary(self, servers: int | None, open_s: float) -> dict[str, Any]:
        """Return the provider's part of ``summary.json``."""
        utilisation = None
        if servers is not None and open_s > 0:
            utilisation = round(self.busy_s / (servers * self.stations * open_s), 6)
        return {
            "calls": self.calls,
            "errors": self.errors,
            "timeouts": self.timeouts,
            "retries": self.retries,
            "utilisation": utilisation,
            "wait_ms": percentiles_ms(self.waits_s),
            "latency_ms": percentiles_ms(self.latencies_s),
            "billed_calls": self.billed,
        }


def percentiles_ms(seconds: array[float]) -> dict[str, float | None]:
    """Return p50, p95 and p99 in milliseconds; None for each where nothing was measured."""
    if not seconds:
        return {f"p{p}": None for p in PERCENTILES}
    values = np.percentile(np.frombuffer(seconds), PERCENTILES) * 1000
    return {f"p{p}": round(float(v), 3) + 0.0 for p, v in zip(PERCENTILES, values, strict=True)}
