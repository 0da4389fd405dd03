"""Spans as OpenTelemetry has them: as lines of JSON in a file, or sent to a collector (OTLP)."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

import core
from core.errors import InputError, MachineError
from core.gateway.traces import Tracer

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import TextIOWrapper
    from pathlib import Path

    from core.gateway.traces import Context, Span

LOG = logging.getLogger(__name__)
SCOPE = InstrumentationScope("loanrange", core.__version__)
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
STATUS = {False: Status(StatusCode.UNSET), True: Status(StatusCode.ERROR)}
ANSWER_S = 5.0  # that a collector has to take a batch
PATH = "/v1/traces"  # of a collector, where its address has none


class Export:
    """Where spans go, until it is closed."""

    def __init__(self, put: Callable[[ReadableSpan], Any], close: Callable[[], Any]) -> None:
        self._put_span = put
        self._told = False
        self.close = close

    def tracer(self, place: str = "", story: str = "") -> Tracer:
        """Return a tracer whose spans go here; a story's name goes with its spans."""
        told = {"service.name": "loanrange", "service.version": core.__version__}
        resource = Resource({**told, "loanrange.story": story} if story else told)

        def put(span: Span) -> None:
            try:
                self._put_span(readable(span, resource))
            except (OSError, ValueError) as no:  # a full disk, or what ends after the end
                self._lost(no)

        return Tracer(put, place or story)

    def _lost(self, why: Exception) -> None:
        """Say once that spans are lost; whatever is traced goes on without them."""
        if not self._told:
            self._told = True
            LOG.warning("spans are lost: %s", why)

    def live_tracer(self) -> Tracer:
        """Return the tracer of a process that serves: no other process has the same spans."""
        return self.tracer(secrets.token_hex(8))


def to_file(path: Path) -> Export:
    """Return what writes spans to a file, one a line.

    Raises:
        MachineError: it cannot be written.
    """
    try:
        file: TextIOWrapper = path.open("w", encoding="utf-8")
    except OSError as no:
        raise MachineError(f"{path}: {no.strerror}", "name another file with --trace") from no
    exporter = ConsoleSpanExporter(out=file, formatter=line_of)
    return Export(lambda span: exporter.export((span,)), file.close)


def to_collector(url: str) -> Export:
    """Return what sends spans to a collector, many at once, beside what is served.

    Raises:
        InputError: the address is none.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  it is slow
        OTLPSpanExporter,
    )

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"--trace {url!r}", "is no address", "use http://HOST:4318, or a file")
    whole = parts._replace(path=PATH).geturl() if parts.path in ("", "/") else url
    batches = BatchSpanProcessor(OTLPSpanExporter(endpoint=whole, timeout=ANSWER_S))
    return Export(batches.on_end, batches.shutdown)


def readable(span: Span, resource: Resource) -> ReadableSpan:
    """Return a span as the SDK's exporters read it."""
    return ReadableSpan(
        span.name,
        context=_context(span.context),
        parent=_context(span.parent) if span.parent is not None else None,
        resource=resource,
        attributes=dict(span.attributes),
        kind=SpanKind.SERVER if span.is_server else SpanKind.CLIENT,
        status=STATUS[span.failed],
        start_time=span.began_ns,
        end_time=span.ended_ns,
        instrumentation_scope=SCOPE,
    )


def line_of(span: ReadableSpan) -> str:
    """Return a span as one line of JSON."""
    return f"{span.to_json(indent=None)}\n"


def _context(context: Context) -> SpanContext:
    trace_id, span_id = int(context.trace_id, 16), int(context.span_id, 16)
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=SAMPLED)
