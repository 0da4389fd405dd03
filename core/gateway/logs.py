"""The log: one line a request, as JSON or as text, with nothing in it that is about somebody.

What is written is chosen field by field: a route's template and no path, the name of a problem and
no detail, the ids of records, a few digits of a session's hash. The :class:`Mask` is the second
line of defence: whatever gets into a record all the same, and looks like an ID number, a phone, a
card, a token or an openid, is starred. A name looks like nothing; none is ever handed in.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.identity import CardNumber, IdNumber

if TYPE_CHECKING:
    from typing import TextIO

LOG = logging.getLogger("loanrange.gateway")
WATCHED = "watched"  # the attribute of a record that holds the fields of a request
LOGGERS = (LOG.name, "core", "scenarios", "opentelemetry")
STYLES = ("json", "text")
STARS = "***"

# In this order. An id or a trace id is kept, so that its digits are taken for nothing else.
_KEPT = r"(?P<kept>(?<![0-9A-Za-z])(?:[A-Z][0-9a-f]{24}|[0-9a-f]{32})(?![0-9A-Za-z]))"
_SAID = r"(?P<said>\b(?i:bearer)\s+)[^\s\"',;]+"
_HEXED = r"(?P<token>(?<![0-9A-Za-z])[0-9a-fA-F]{64}(?![0-9A-Za-z]))"
_SIGNED = r"(?P<signed>(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*)"  # a JWT: staff come with one
_OPENID = r"(?P<openid>(?<![\w-])o(?=[\w-]{0,26}[0-9A-Z])[A-Za-z0-9_-]{27}(?![\w-]))"
_DIGITS = r"(?P<digits>(?<!\d)\d{11,19}[Xx]?(?!\d))"
_APART = (
    r"(?P<apart>(?<!\d)(?:1[3-9]\d[ -]\d{4}[ -]\d{4}|\d{6}[ -]\d{8}[ -]\d{3}[\dXx]"
    r"|\d{4}(?:[ -]\d{4}){3}(?:[ -]?\d{1,3})?)(?!\d))"
)
_FOUND = re.compile(f"{_KEPT}|{_SAID}|{_HEXED}|{_SIGNED}|{_OPENID}|{_APART}|{_DIGITS}")
_PHONE = re.compile(r"(?:86|0086)?1[3-9]\d{9}")
# An ID number with a wrong check digit is still somebody's, mistyped: a birth date is enough.
_ID = re.compile(r"[1-8]\d{5}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]")


def masked(text: str) -> str:
    """Return a text with whatever in it looks like somebody's number or key starred."""
    return _FOUND.sub(_starred, text)


def _starred(found: re.Match[str]) -> str:
    if found["kept"]:
        return found[0]
    if found["said"]:
        return found["said"] + STARS
    if found["digits"] or found["apart"]:
        plain = found[0].replace(" ", "").replace("-", "")
        return STARS if _is_somebodys(plain) else found[0]
    return STARS


def _is_somebodys(digits: str) -> bool:
    """Whether a run of digits may be a phone, an ID number or a card number."""
    if _PHONE.fullmatch(digits) or _ID.fullmatch(digits):
        return True
    return _is_one(CardNumber, digits) or _is_one(IdNumber.from_15, digits)


def _is_one(kind: Any, digits: str) -> bool:
    try:
        kind(digits)
    except InputError:
        return False
    return True


class Mask(logging.Filter):
    """Stars whatever looks like somebody's in a record: message, arguments, fields, traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask a record; let it pass."""
        record.msg, record.args = masked(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = masked(record.exc_text)
        fields = getattr(record, WATCHED, None)
        if isinstance(fields, dict):
            told = {name: masked(v) if isinstance(v, str) else v for name, v in fields.items()}
            setattr(record, WATCHED, told)
        return True


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, WATCHED, {}),
        }
        if record.exc_text:
            told["traceback"] = record.exc_text
        return json.dumps(told, ensure_ascii=False)


class TextLines(logging.Formatter):
    """A record as one line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback follows on lines of its own."""
        fields = getattr(record, WATCHED, {})
        told = " ".join(f"{name}={value}" for name, value in fields.items() if value != "")
        line = f"{_time(record)} {record.levelname:<7} {record.getMessage()} {told}".rstrip()
        return f"{line}\n{record.exc_text}" if record.exc_text else line


def _time(record: logging.LogRecord) -> str:
    """Return the machine's time of a record, to the millisecond."""
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_to(stream: TextIO, style: str = "") -> logging.Handler:
    """Have the log of all that serves written; return the handler, for :func:`stop`.

    ``style`` is one of ``STYLES``: every request; empty: warnings only, as text.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    handler.addFilter(MASK)  # of the other loggers' records, too
    handler.setLevel(logging.INFO if style else logging.WARNING)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(handler.level)
        logger.propagate = False
        logger.addHandler(handler)
    return handler


def stop(handler: logging.Handler) -> None:
    """End what :func:`write_to` began."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


MASK = Mask()
LOG.addFilter(MASK)
LOG.addHandler(logging.NullHandler())  # nobody is told who did not ask
