"""What is counted of the requests, in the form of Prometheus: no label of it can grow.

A label is a bank of ours, a route's template, a method, a class of status, a step, or a word of a
table; whatever else comes is ``other``, and what is about no bank has ``none``. A request costs a
few increments; what was counted is put into the form of Prometheus when somebody asks. Seconds are
the machine's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from core.application import Reason, Step
from core.gateway.problems import PROBLEMS, code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client import Metric

    from core.gateway.limits import Limits
    from core.gateway.reception import Reception

    Key = tuple[str, ...]

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
BUCKETS = (*(str(bound) for bound in BOUNDS_S), "+Inf")
BANKS_MAX = 500  # that have a label of their own
OTHER, NONE = "other", "none"
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})
CLASSES = ("gone", "1xx", "2xx", "3xx", "4xx", "5xx")  # by the status's first digit
CODES = frozenset(code_of(reason) for reason in Reason)
OF_LIMITS = ("too-often", "busy")  # the problems by which a limit speaks
# The steps of the loan, by the last word of the route that a POST begins them with.
STEPS = {
    "sessions": Step.ENTER.value,
    "applications": Step.REGISTER.value,
    "consent": Step.AUTHORISE.value,
    "decision": Step.APPLY.value,
    "account": Step.OPEN_ACCOUNT.value,
    "contract": Step.SIGN.value,
    "drawdowns": Step.DRAW_DOWN.value,
    "repayments": Step.REPAY.value,
}
ENDINGS = {200: "done", 201: "done", 202: "asks"}


class Seconds:
    """How long something took, by the bounds above."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * len(BUCKETS)
        self.sum_s = 0.0

    def add(self, took_s: float) -> None:
        """Count one more."""
        self.counts[bisect_left(BOUNDS_S, took_s)] += 1
        self.sum_s += took_s


class Metrics(Collector):
    """The counts of one gateway."""

    def __init__(self) -> None:
        self._requests: Counter[Key] = Counter()
        self._by_route: dict[Key, Seconds] = {}
        self._by_bank: dict[Key, Seconds] = {}
        self._steps: Counter[Key] = Counter()
        self._problems: Counter[Key] = Counter()
        self._banks: set[str] = set()
        # Who is being served just now, where somebody knows: told by whoever puts all together.
        self.receptions: Callable[[], Iterable[Reception]] = tuple

    def bank(self, name: str, known: Mapping[str, object]) -> str:
        """Return the label of a bank, of which anybody may have made up the name."""
        if name in self._banks:
            return name
        if not name:  # the places of what is about no bank
            return NONE
        if name not in known or len(self._banks) >= BANKS_MAX:
            return OTHER
        self._banks.add(name)
        return name

    def count(self, bank: str, route: str, method: str, status: int, took_s: float) -> None:
        """Count a request that has ended; ``status`` 0: its client was gone."""
        method = method if method in METHODS else OTHER
        self._requests[bank, route, method, CLASSES[status // 100]] += 1
        _of(self._by_route, (route, method)).add(took_s)
        _of(self._by_bank, (bank,)).add(took_s)
        if method == "POST" and status in ENDINGS:
            step = STEPS.get(route[route.rfind("/") + 1 :])
            if step is not None:
                self._steps[bank, step, ENDINGS[status], ""] += 1

    def problem(self, bank: str, route: str, method: str, name: str, code: str) -> None:
        """Count a request that was not done, by the name of its problem and the no's code."""
        name = name if name in PROBLEMS else OTHER
        self._problems[bank, name] += 1
        step = STEPS.get(route[route.rfind("/") + 1 :]) if method == "POST" else None
        if step is not None and name in ("refused", "later"):
            told = code if code in CODES else OTHER
            self._steps[bank, step, name, told if name == "refused" else ""] += 1

    def collect(self) -> Iterator[Metric]:
        """Give every metric as it stands."""
        named = ("bank", "route", "method", "status")
        told = "Requests that were answered, by bank, route and class of status."
        yield _counter("loanrange_gateway_requests", told, named, self._requests)
        told = "How long a request took, on the machine's clock, by route."
        yield _seconds(
            "loanrange_gateway_request_seconds", told, ("route", "method"), self._by_route
        )
        told = "How long a request took, on the machine's clock, by bank."
        yield _seconds("loanrange_gateway_bank_request_seconds", told, ("bank",), self._by_bank)
        told = "Steps of the loan that were asked for, by how they stood afterwards."
        yield _counter(
            "loanrange_gateway_steps", told, ("bank", "step", "outcome", "code"), self._steps
        )
        told = "Requests that were not done, by the name of the problem."
        labels = ("bank", "problem")
        yield _counter("loanrange_gateway_problems", told, labels, self._problems)
        limited = {key: count for key, count in self._problems.items() if key[1] in OF_LIMITS}
        told = "Requests that a limit refused: too many of one customer, or no place."
        yield _counter("loanrange_gateway_limited_requests", told, labels, limited)
        yield from self._just_now()

    def _just_now(self) -> Iterator[Metric]:
        """Give what is held, open and in use."""
        open_now = list(self.receptions())
        held: tuple[tuple[str, str, int], ...] = (
            ("sessions", "Customers who are logged in.", sum(len(r.sessions) for r in open_now)),
            ("channels", "Sealed channels that are open.", sum(len(r.channels) for r in open_now)),
            (
                "conversations",
                "Steps that wait for their customer, or are under way.",
                sum(len(r.conversations.held) for r in open_now),
            ),
        )
        for name, told, value in held:
            yield GaugeMetricFamily(f"loanrange_gateway_{name}", told, value=value)
        used: Counter[Key] = Counter()
        waiting: Counter[Key] = Counter()
        for reception in open_now:
            for name, places, line in _places(reception.limits):
                bank = self.bank(name, reception.platform.banks)
                used[(bank,)] += places
                waiting[(bank,)] += line
        told = "Requests that have a place of their bank's bulkhead."
        yield _gauge("loanrange_gateway_places_in_use", told, ("bank",), used)
        told = "Requests that wait for a place of their bank's bulkhead."
        yield _gauge("loanrange_gateway_requests_waiting", told, ("bank",), waiting)


def _places(limits: Limits) -> Iterator[tuple[str, int, int]]:
    """Give (bank, places in use, requests that wait) of one platform."""
    for bank, head in limits._banks.items():  # noqa: SLF001  nobody else asks
        yield bank, limits.rules.places - head.free._value, head.waiting  # noqa: SLF001


def _of(table: dict[Key, Seconds], key: Key) -> Seconds:
    found = table.get(key)
    if found is None:
        found = table[key] = Seconds()
    return found


def _counter(
    name: str, told: str, labels: tuple[str, ...], values: Mapping[Key, float]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, told, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _gauge(
    name: str, told: str, labels: tuple[str, ...], values: Mapping[Key, float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _seconds(
    name: str, told: str, labels: tuple[str, ...], values: Mapping[Key, Seconds]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, told, labels=labels)
    for key, took in sorted(values.items()):
        up_to = zip(BUCKETS, accumulate(took.counts), strict=True)
        family.add_metric(key, list(up_to), took.sum_s)
    return family
