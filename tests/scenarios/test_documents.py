"""The printed tables: page and code cannot drift apart."""

from __future__ import annotations

from core.application import Reason
from core.flow.calls import CALLS
from scenarios.documents import PAGE, page


def test_the_page_is_what_the_tables_print():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m scenarios.documents"


def test_every_call_and_every_reason_is_on_the_page():
    text = page()

    assert all(f"| {call.number} |" in text for call in CALLS)
    assert all(f"| {reason.code} | {reason.name} |" in text for reason in Reason)
