"""The watch: what whoever runs the gateway is told of each request, and nothing of who sent it.

The door calls it where a request begins, where its platform and its guest are known, and where it
ends; a sealed request is told of as what was in its envelope. From that come the counts
(``metrics.py``), the line in the log (``logs.py``) and, where its platform is traced, the span
(``traces.py``).
"""

from __future__ import annotations

import json
import logging
import re
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

from core.gateway.logs import LOG, WATCHED
from core.gateway.metrics import METHODS, NONE, OTHER, Metrics
from core.gateway.problems import MEDIA, TYPE, Problem
from core.gateway.traces import CURRENT, Span, machine_ns, trace_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextvars import Token
    from types import TracebackType

    from starlette.types import Scope

    from core.gateway.reception import Reception
    from core.gateway.replies import Answer
    from core.gateway.sessions import Guest
    from core.gateway.traces import Context, Traced, Tracer

KEY = "loanrange.seen"  # in a scope, and in that of a sealed request inside it
PARTS_MAX = 16  # of a path that is looked at
SESSION_DIGITS = 12  # of a session's hash that are told
_SUBJECT = re.compile(r"/(?:applications/(?=A)|loans/(?=L))([AL][0-9a-f]{24})(?:/|$)")
_BANK = re.compile(r"/banks/([^/]+)")
# Whoever is answered so is not known to be the customer of what their path names.
UNPROVEN = frozenset({0, 400, 401, 403, 404, 405, 413, 415, 429})


class Templates:
    """The templates of all routes, to be found by a path."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._tree: dict[str | None, Any] = {}
        for path in paths:
            at = self._tree
            for part in path.split("/"):
                at = at.setdefault("{}" if part.startswith("{") else part, {})
            at[None] = path

    def find(self, path: str) -> str:
        """Return the template that a path is made after; of any other path, ``other``."""
        at = self._tree
        for part in path.split("/", PARTS_MAX):
            found = at.get(part)
            if found is None:
                found = at.get("{}")
                if found is None or not part:
                    return OTHER
            at = found
        told: str = at.get(None, OTHER)
        return told


class Seen:
    """One request while it is served; to be entered where it begins."""

    __slots__ = (
        "_began_ns",
        "_began_s",
        "_code",
        "_context",
        "_guest",
        "_is_sealed",
        "_method",
        "_path",
        "_problem",
        "_reception",
        "_status",
        "_token",
        "_tracer",
        "_watch",
        "ended",
        "subject",
    )

    def __init__(self, watch: Watch, scope: Scope) -> None:
        self._watch = watch
        self._method: str = scope["method"]
        self._path: str = scope["path"]
        self._reception: Reception | None = None
        self._guest: Guest | None = None
        self._status = 0  # 0: nobody was there to be answered
        self._problem = self._code = ""
        self._is_sealed = False
        self._tracer: Tracer | None = None
        self._context: Context | None = None
        self._token: Token[Traced | None] | None = None
        self._began_ns = 0
        self._began_s = perf_counter()
        self.subject = ""
        self.ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell of the request, however it ended."""
        if isinstance(error, Problem):
            self._status, self._problem = error.status, error.name
            self._code = str(error.more.get("code", ""))
        elif isinstance(error, Exception):
            self._status = 500
        self.ended = True
        try:
            self._tell(perf_counter() - self._began_s)
        except Exception:  # noqa: BLE001  a bug of ours, and what was answered was answered
            LOG.exception("a request could not be told of")

    def at(self, reception: Reception) -> None:
        """Note the platform that is asked; where it is traced, so is the request from here on."""
        self._reception = reception
        ports = getattr(reception.platform, "ports", None)  # who only takes callbacks may have none
        self._tracer = getattr(ports, "tracer", None)
        if self._tracer is not None:
            self._began_ns = machine_ns()
            self._token = CURRENT.set(self)

    def knows(self, guest: Guest | None, scope: Scope) -> None:
        """Note who asks, and what: of a sealed request, what was in its envelope."""
        self._guest = guest
        self._method, self._path = scope["method"], scope["path"]
        found = _SUBJECT.search(self._path)
        self.subject = found[1] if found is not None else ""
        if self._tracer is not None:
            self._tracer.opens(self)

    def inside(self, answer: Answer) -> None:
        """Note what is sealed as the answer."""
        self._is_sealed = True
        self._note(answer)

    def answered(self, answer: Answer | None) -> Answer | None:
        """Note the answer, and return it; None where nobody is there to hear it."""
        if answer is not None and not self._is_sealed:
            self._note(answer)
        return answer

    def _note(self, answer: Answer) -> None:
        self._status = answer.status
        if answer.status >= 400 and ("content-type", MEDIA) in answer.headers:
            told = json.loads(answer.body)
            self._problem = told["type"].removeprefix(TYPE)
            self._code = told.get("code", "")

    # As traces.Traced

    def context_in(self, trace_id: str) -> Context | None:
        """Return the span's context, where the span is in that trace, or in none yet."""
        if self._context is None:
            if self._names_application and trace_id_of(self.subject) != trace_id:
                return None
            self._context = self._begun(trace_id)
        return self._context if self._context.trace_id == trace_id else None

    def _begun(self, trace_id: str) -> Context:
        assert self._tracer is not None
        return self._tracer.context(trace_id, self._name)

    @property
    def _name(self) -> str:
        method = self._method if self._method in METHODS else OTHER
        return f"{method} {self._watch.templates.find(self._path)}"

    @property
    def _names_application(self) -> bool:
        return self.subject.startswith("A")

    @property
    def _trace_id(self) -> str:
        """The trace of the application, else of the visit; empty where there is neither."""
        if self._context is not None:
            return self._context.trace_id
        if self._names_application and self._status not in UNPROVEN:
            return trace_id_of(self.subject)
        return trace_id_of(self._guest.record.id) if self._guest is not None else ""

    @property
    def _bank(self) -> str:
        """The bank in the path, where it is one; else the guest's."""
        found = _BANK.search(self._path)
        if self._reception is None:
            return OTHER if found is not None else NONE
        name = found[1] if found is not None else self._guest.bank if self._guest else ""
        return self._watch.metrics.bank(name, self._reception.platform.banks) if name else NONE

    def _tell(self, took_s: float) -> None:
        """Tell of a request that has ended, to all who want to know."""
        watch, route, bank = self._watch, self._watch.templates.find(self._path), self._bank
        watch.metrics.count(bank, route, self._method, self._status, took_s)
        if self._problem:
            watch.metrics.problem(bank, route, self._method, self._problem, self._code)
        level = _level(self._status)
        if level == logging.ERROR and self._reception is not None and self._reception.quiet:
            level = logging.INFO  # its bugs are planned, and told elsewhere
        if LOG.isEnabledFor(level):
            LOG.log(level, "request", extra={WATCHED: self._line(route, bank, took_s)})
        if self._tracer is not None:
            self._trace(self._tracer, route, bank)

    def _line(self, route: str, bank: str, took_s: float) -> dict[str, Any]:
        """Return the fields of the line in the log."""
        guest = self._guest
        return {
            "method": self._method if self._method in METHODS else OTHER,
            "route": route,
            "status": self._status,
            "took_ms": round(took_s * 1000, 3),
            "bank": bank,
            "problem": self._problem,
            "code": self._code,
            "sealed": self._is_sealed,
            "trace_id": self._trace_id,
            "session": guest.id[:SESSION_DIGITS] if guest is not None else "",
        }

    def _trace(self, tracer: Tracer, route: str, bank: str) -> None:
        """End the span; a request that is about nobody's visit has none."""
        if self._token is not None:
            CURRENT.reset(self._token)
        tracer.closes(self)
        trace_id = self._trace_id
        if not trace_id:
            return
        context = self._context or self._begun(trace_id)
        told: dict[str, str | int | bool] = {
            "http.request.method": self._method if self._method in METHODS else OTHER,
            "http.route": route,
            "http.response.status_code": self._status,
            "loanrange.bank": bank,
            "loanrange.sealed": self._is_sealed,
        }
        if self._problem:
            told["loanrange.problem"] = self._problem
        failed = self._status >= 500 or not self._status
        ended_ns = max(machine_ns(), self._began_ns)
        tracer.end(Span(self._name, context, None, True, self._began_ns, ended_ns, failed, told))


class Watch:
    """The watch over one gateway; ``routes`` are the application's."""

    def __init__(self, app: object) -> None:
        routes = getattr(app, "routes", ())
        self.templates = Templates(route.path for route in routes)
        self.metrics = Metrics()

    def request(self, scope: Scope) -> Seen:
        """Return the request that begins with a scope, to be entered."""
        seen: Seen = Seen(self, scope)
        scope[KEY] = seen
        return seen


def _level(status: int) -> int:
    """Return how loudly a request is told of: a bug is an error, a failure outside a warning."""
    if status < 500:
        return logging.INFO
    return logging.ERROR if status == 500 else logging.WARNING
