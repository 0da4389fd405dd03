"""What a Prometheus server reads of the mocks: ``GET /metrics``, beside the control plane.

Every tenant counts for itself (:class:`mocks.journal.Tally`); what it counted is put into the form
of Prometheus when somebody asks, so that a call costs an increment and no lock. A tenant that
begins anew, or goes back to a snapshot, counts from what it then has: to Prometheus, a reset.

Labels are bounded, and none is about a person: tenants beyond ``TENANTS_MAX`` are added up under
one name, and so are words that no provider says. Which tenants those are can change when one is
opened or reset; the default one is never among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sized
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from mocks.control.door import doorkeeper, problem
from mocks.journal import BOUNDS_S, Latency
from mocks.tenant import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client import Metric
    from starlette.requests import Request

    from mocks.tenant import Tenant, Tenants

    Seats = list[tuple[str, Tenant]]
    Values = Mapping[tuple[str, ...], float]

TENANTS_MAX = 100  # who have a label of their own, in the order in which they were opened
NAME_MAX = 64  # characters
OTHERS = "(others)"  # no tenant's name has brackets
CORE = "corebank"
TENANT, PROVIDER, OPERATION = "tenant", "provider", "operation"
BUCKETS = (*(str(bound) for bound in BOUNDS_S), "+Inf")


def metrics_app(
    tenants: Tenants, token: str = "", version: str = "0", more: Iterable[Collector] = ()
) -> Starlette:
    """Return what answers ``GET /metrics``, to whom the control plane would answer too.

    ``more`` is what else is served on the same port, and counts for itself.
    """
    whole, let_in = Whole([TenantsCollector(tenants, version), *more]), doorkeeper(token)

    async def scrape(request: Request) -> Response:
        let_in(request)
        return Response(generate_latest(whole), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return Starlette(
        routes=[Route("/metrics", scrape)], exception_handlers={HTTPException: _refused}
    )


async def _refused(request: Request, no: Exception) -> Response:
    del request
    assert isinstance(no, HTTPException)
    told = problem(no.status_code, str(no.detail), str(no.detail))
    told.headers.update(no.headers or {})
    return told


class Whole(Collector):
    """Several collectors as one."""

    def __init__(self, parts: Iterable[Collector]) -> None:
        self._parts = list(parts)

    def collect(self) -> Iterator[Metric]:
        """Give every metric of every part."""
        for part in self._parts:
            yield from part.collect()


class TenantsCollector(Collector):
    """Collects what the tenants of one server counted."""

    def __init__(self, tenants: Tenants, version: str) -> None:
        self._tenants = tenants
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """Give every metric as it stands."""
        build = InfoMetricFamily("loanrange_build", "The program that answers.")
        build.add_metric([], {"version": self._version})
        yield build
        seats = list(_seats(self._tenants))
        calls, billed, faults = _calls(seats), _billed(seats), _faults(seats)
        journalled, people = _summed(seats, _journalled), _summed(seats, _people)
        each = (TENANT, PROVIDER, OPERATION)
        told = "Calls that came to their end, by what the client saw."
        yield _counter("loanrange_calls", told, (*each, "outcome"), calls)
        yield _counter("loanrange_billed_calls", "Calls that a provider bills.", each, billed)
        yield _latencies(seats)
        yield _gauge("loanrange_journal_calls", "Calls in the journal.", each[:1], journalled)
        yield _gauge("loanrange_people", "People in memory.", each[:1], people)
        told = "Faults that are planned, spent ones too."
        yield _gauge("loanrange_planned_faults", told, each[:2], faults)


def _seats(tenants: Iterable[Tenant]) -> Iterator[tuple[str, Tenant]]:
    """Give each tenant with its label, the default one first."""
    for number, tenant in enumerate(sorted(tenants, key=lambda each: each.name != DEFAULT)):
        named = number < TENANTS_MAX and len(tenant.name) <= NAME_MAX
        yield tenant.name if named else OTHERS, tenant


def _counter(name: str, told: str, labels: tuple[str, ...], values: Values) -> Metric:
    family = CounterMetricFamily(name, told, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _gauge(name: str, told: str, labels: tuple[str, ...], values: Values) -> Metric:
    family = GaugeMetricFamily(name, told, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _calls(seats: Seats) -> Values:
    values: Counter[tuple[str, ...]] = Counter()
    for label, tenant in seats:
        for (operation, word), count in tenant.tally.calls.items():
            provider, _, name = operation.partition(".")
            values[label, provider, name, word] += count
    return values


def _billed(seats: Seats) -> Values:
    values: Counter[tuple[str, ...]] = Counter()
    for label, tenant in seats:
        for operation, count in tenant.billed.items():
            provider, _, name = operation.partition(".")
            values[label, provider, name] += count
    return values


def _summed(seats: Seats, how_many: Callable[[Tenant], int]) -> Values:
    values: Counter[tuple[str, ...]] = Counter()
    for label, tenant in seats:
        values[(label,)] += how_many(tenant)
    return values


def _journalled(tenant: Tenant) -> int:
    journal = tenant.house.journal
    return 0 if journal is None else len(journal.calls)


def _people(tenant: Tenant) -> int:
    people: object = tenant.house.people
    return len(people) if isinstance(people, Sized) else 0


def _faults(seats: Seats) -> Values:
    """Count the planned faults of every provider: of its line, and the core bank's own."""
    values: Counter[tuple[str, ...]] = Counter()
    for label, tenant in seats:
        for provider, line in tenant.house.lines.items():
            values[label, provider] += len(line.faults)
        values[label, CORE] += len(tenant.behaviours[CORE].faults)
    return values


def _latencies(seats: Seats) -> Metric:
    family = HistogramMetricFamily(
        "loanrange_call_business_seconds",
        "How long a call took its client, in the tenant's business time.",
        labels=(TENANT, PROVIDER),
    )
    found: dict[tuple[str, str], Latency] = {}
    for label, tenant in seats:
        for provider, latency in tenant.tally.latencies.items():
            whole = found.setdefault((label, provider), Latency())
            whole.counts = [sum(pair) for pair in zip(whole.counts, latency.counts, strict=True)]
            whole.sum_s += latency.sum_s
    for key, whole in sorted(found.items()):
        up_to = zip(BUCKETS, accumulate(whole.counts), strict=True)
        family.add_metric(key, list(up_to), whole.sum_s)
    return family
