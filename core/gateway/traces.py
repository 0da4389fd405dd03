"""Traces: a span for each request and each provider call, under the application's own id.

The trace id is the application's: an id is a letter and 24 hexadecimal digits (96 bits), a trace id
is 32 of them, so ``lr-`` and the letter, as their bytes are written, stand before the 24. Either is
read from the other, on every host. Span ids are hashes of what a span is about, never random: the
same story has the same spans.

What is about somebody is no part of a span: names, routes, codes, counts, and the ids of records.
``traces_export.py`` writes spans as OpenTelemetry has them.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import blake2b
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple, Protocol

from core.clock import moment_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Attributes = Mapping[str, str | int | bool]

MARK = b"lr-"
ID = re.compile(r"[A-Z][0-9a-f]{24}")
OF_NAME = "~"  # the letter of what has no id, as the day of a bank: its hash stands for it
SEEN_MAX = 100_000  # names of spans that are remembered, to tell repetitions apart
CHINA = timezone(timedelta(hours=8))  # business time (core/clock.py)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Traced(Protocol):
    """A request that is being served, as a provider's call looks for it."""

    subject: str  # the id of the application, or the loan, that its path names; empty: none
    ended: bool

    def context_in(self, trace_id: str) -> Context | None:
        """Return its span's context, where its span is in that trace, or in none yet."""
        ...


CURRENT: ContextVar[Traced | None] = ContextVar("request", default=None)


class Context(NamedTuple):
    """Which span of which trace: 32 and 16 hexadecimal digits."""

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        """The header by which whoever is asked goes on with this trace (W3C Trace Context)."""
        return f"00-{self.trace_id}-{self.span_id}-01"


class Span(NamedTuple):
    """A span that has ended; moments in nanoseconds of Unix time."""

    name: str
    context: Context
    parent: Context | None
    is_server: bool
    began_ns: int
    ended_ns: int
    failed: bool
    attributes: Attributes


def trace_id_of(subject: str) -> str:
    """Return the trace id of an application, a visit, or another record, by its id.

    What has no id has the trace of its name's hash.
    """
    letter, digits = subject[:1], subject[1:]
    if not ID.fullmatch(subject):
        letter, digits = OF_NAME, blake2b(subject.encode(), digest_size=12).hexdigest()
    return (MARK + letter.encode()).hex() + digits


def application_of(trace_id: str) -> str:
    """Return the id of the application, or of the visit or other record, that a trace is about.

    Empty where it is none of ours, or is about what has no id.
    """
    head, digits = trace_id[:8], trace_id[8:]
    if not head.startswith(MARK.hex()) or len(digits) != 24:
        return ""
    found = bytes.fromhex(head)[-1:].decode("latin-1") + digits
    return found if ID.fullmatch(found) else ""


def machine_ns() -> int:
    """Return the machine's Unix time in nanoseconds."""
    return time_ns()


def business_ns(start: date, now_s: float) -> int:
    """Return a moment of business time in nanoseconds of Unix time, to the microsecond."""
    moment = moment_at(start, now_s).replace(tzinfo=CHINA)
    return (moment - EPOCH) // timedelta(microseconds=1) * 1_000


class Tracer:
    """Names spans, and hands them on when they end.

    ``place`` is what tells equal spans of two runs apart: a story's name, or chance where chance
    is real.
    """

    def __init__(self, put: Callable[[Span], None], place: str = "") -> None:
        self._put = put
        self._place = place
        self._often: OrderedDict[tuple[str, ...], int] = OrderedDict()
        self._open: dict[str, Traced] = {}  # requests being served, by the application's trace

    def context(self, trace_id: str, name: str, *about: str | int) -> Context:
        """Return the context of a span that begins; one that begins once more is another."""
        key = (trace_id, name, *map(str, about))
        times = self._often.pop(key, 0)
        self._often[key] = times + 1
        if len(self._often) > SEEN_MAX:
            self._often.popitem(last=False)
        told = "\x1f".join((self._place, *key, str(times)))
        return Context(trace_id, blake2b(told.encode(), digest_size=8).hexdigest())

    def end(self, span: Span) -> None:
        """Hand on a span that has ended."""
        self._put(span)

    def opens(self, request: Traced) -> None:
        """Remember a request, for the calls of a step that an earlier request began."""
        if request.subject:
            self._open[trace_id_of(request.subject)] = request

    def closes(self, request: Traced) -> None:
        """Forget a request that has ended."""
        trace_id = trace_id_of(request.subject)
        if self._open.get(trace_id) is request:
            del self._open[trace_id]

    def parent_in(self, trace_id: str) -> Context | None:
        """Return the request under which a call of a trace is made, where there is one.

        A step outlives the request that began it: the one that goes on with it is looked for by
        its application.
        """
        for request in (CURRENT.get(), self._open.get(trace_id)):
            if request is not None and not request.ended:
                found = request.context_in(trace_id)
                if found is not None:
                    return found
        return None


def subject_now() -> str:
    """Return the id of what the request being served is about; empty: of nothing."""
    request = CURRENT.get()
    return "" if request is None else request.subject
