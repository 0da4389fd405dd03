"""Spans of provider calls, on every host: a tap where a world's ports are made.

On the hosts whose time is business time alone, a span's moments are of that time, and the same seed
gives the same spans; on the wall host they are the machine's, as those of the gateway are. Which
application a call is about is read from its name: a drawdown, a loan and an instruction are looked
up, where the records are in memory or the request says so.
"""

from __future__ import annotations

from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.adapters.http import TRACEPARENT
from core.clock import moment_at
from core.errors import ProviderError
from core.gateway.traces import (
    CHINA,
    ID,
    Span,
    Tracer,
    business_ns,
    machine_ns,
    subject_now,
    trace_id_of,
)
from core.identity import CardNumber
from core.lending.book import Loan
from core.ports import Ports
from core.store.records import Drawdown, Instruction, Repayment
from mocks.journal import WORD_MAX, word_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.gateway.traces import Context
    from core.ports.trace import Trace
    from scenarios.hosts.world import Host

    Tables = Mapping[type, Mapping[str, Any]]

BROKEN_OFF = "broken off"  # the client did not stay for the end: a crash, or a cancelled step
DIRECT = ("A", "V")  # applications, and the visits before there is one
LINKS_MAX = 8  # from a record to its application
KNOWN_MAX = 100_000
NOTHING: dict[str, Any] = {}

# Whose spans the worlds that are made from now on tell; None: nobody's.
SPANS: ContextVar[Spans | None] = ContextVar("spans", default=None)


@dataclass(slots=True)
class TracedPorts(Ports):
    """Ports whose calls are traced; ``tracer`` is for whoever serves the platform on them."""

    tracer: Tracer = field(kw_only=True)


class Spans:
    """Puts a span around every provider call of a world."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer

    def around(
        self, operation: Callable[[str, str], Callable[..., Any]], tables: Tables
    ) -> Callable[[str, str], Callable[..., Any]]:
        """Return what makes a host's port methods, each with a span around it.

        ``operation`` is the host's own, ``tables`` are the world's records.
        """
        host: Host = operation.__self__  # type: ignore[attr-defined]
        subjects = Subjects(tables)

        def spanned(provider: str, name: str) -> Callable[..., Any]:
            return _Spanned(self.tracer, host, subjects, f"{provider}.{name}").wrap(
                operation(provider, name)
            )

        return spanned


class Subjects:
    """Knows which application, or visit, a call is about."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._known: OrderedDict[str, str] = OrderedDict()

    def of(self, name: str, query: Any) -> str:
        """Return the id of the application behind the name of a call; else what is nearest."""
        record = name.partition("/")[0].partition("-")[0]
        if record.startswith(DIRECT):
            return record
        known = self._known.get(record)
        if known is not None:
            return known
        for record_or_other in (record, getattr(query, "loan", None) or "", subject_now()):
            found = self._linked(record_or_other)
            if found:
                break
        else:
            found = self._holder(query)
        if not found:
            return record if ID.fullmatch(record) else name
        self._known[record] = found
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return found

    def _holder(self, query: Any) -> str:
        """Return the application that has the account which a query is about; empty: none."""
        account = getattr(query, "account", None)
        if not isinstance(account, CardNumber):
            return ""
        for loan in self._tables.get(Loan, NOTHING).values():
            if loan.account == account.text:
                return str(loan.application)
        return ""

    def _linked(self, record: str) -> str:
        """Follow a record to its application; empty where that is not known."""
        tables = self._tables
        for _ in range(LINKS_MAX):
            if record.startswith(DIRECT):
                return record
            drawdown = tables.get(Drawdown, NOTHING).get("D" + record[1:])
            if record[:1] in ("D", "L") and drawdown is not None:
                return str(drawdown.application)
            repayment = tables.get(Repayment, NOTHING).get(record)
            order = tables.get(Instruction, NOTHING).get(record)
            if repayment is not None:
                record = repayment.loan
            elif order is not None:
                record = order.subject
            else:
                break
        return ""


class _Spanned:
    """One operation of one host, with a span around each call."""

    def __init__(self, tracer: Tracer, host: Host, subjects: Subjects, name: str) -> None:
        self._tracer, self._host, self._subjects, self._name = tracer, host, subjects, name
        self._on_a_wall = host.name == "wall"

    def wrap(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the port method with its spans."""
        tracer, name, on_a_wall = self._tracer, self._name, self._on_a_wall

        async def call(trace: Trace, query: Any) -> Any:
            trace_id = trace_id_of(self._subjects.of(trace.application, query))
            parent = tracer.parent_in(trace_id)
            context = tracer.context(trace_id, name, trace.application, trace.call, trace.attempt)
            # Tasks of an event loop each have a context; processes of SimPy share one.
            token = TRACEPARENT.set(context.traceparent) if on_a_wall else None
            began_s, began_ns, seen, failed = self._now_s, self._now_ns, BROKEN_OFF, True
            try:
                answer = await method(trace, query)
                seen, failed = word_of(answer)[:WORD_MAX], False
            except ProviderError as error:
                seen = type(error).__name__
                raise
            finally:
                if token is not None:
                    TRACEPARENT.reset(token)
                told = self._told(trace, seen, began_s)
                self._end(context, parent, began_ns, told, failed=failed)
            return answer

        return call

    @property
    def _now_s(self) -> float:
        return self._host.clock.now_s

    @property
    def _now_ns(self) -> int:
        return machine_ns() if self._on_a_wall else business_ns(self._host.clock.start, self._now_s)

    def _told(self, trace: Trace, seen: str, began_s: float) -> dict[str, str | int | bool]:
        told: dict[str, str | int | bool] = {
            "loanrange.bank": trace.bank,
            "loanrange.record": trace.application,
            "loanrange.call": trace.call,
            "loanrange.attempt": trace.attempt,
            "loanrange.outcome": seen,
        }
        if self._on_a_wall:
            moment = moment_at(self._host.clock.start, began_s).replace(tzinfo=CHINA)
            told["loanrange.business_time"] = moment.isoformat(timespec="milliseconds")
        return told

    def _end(
        self,
        context: Context,
        parent: Context | None,
        began_ns: int,
        told: dict[str, str | int | bool],
        *,
        failed: bool,
    ) -> None:
        ended_ns = max(self._now_ns, began_ns)
        self._tracer.end(Span(self._name, context, parent, False, began_ns, ended_ns, failed, told))
