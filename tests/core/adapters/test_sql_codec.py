"""Every record comes back as it was: every type of it, every field, and of the same types."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import date
from enum import Enum

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from core.adapters.sql.codec import codec, decode, encode
from core.adapters.sql.shelves import SHELVES
from core.application import Application, Decision, Reason, State, Step
from core.calendar import Calendar
from core.errors import InputError, MachineError
from core.identity import Number
from core.ports.corebank import Posted, Write
from core.store.records import FundingMove, Instruction, Line
from tests.core.adapters.samples import CONVENTIONS, PLAIN, line, order, record_types

KEPT = [kind for kind in record_types() if kind is not FundingMove]

for kind, strategy in PLAIN.items():
    st.register_type_strategy(kind, strategy)


def there_and_back(record):
    """Return what becomes of a record in a row; its version is one on."""
    shelf = SHELVES[type(record)]
    row = shelf.row(record)
    return shelf.read([*(row[name] for name in shelf.columns), row["body"]])


def shape(value):
    """Return a value as plain parts with their types: equal is not enough, `str` is no `State`."""
    kind = type(value).__name__
    if isinstance(value, Calendar):
        return kind, [sorted(getattr(value, name)) for name in Calendar.__slots__]
    if is_dataclass(value):
        return kind, [(each.name, shape(getattr(value, each.name))) for each in fields(value)]
    if isinstance(value, dict):
        return kind, [(shape(key), shape(each)) for key, each in value.items()]
    if isinstance(value, tuple | list | frozenset):
        parts = sorted(value) if isinstance(value, frozenset) else value
        return kind, [shape(each) for each in parts]
    if isinstance(value, Enum):
        return kind, value.name
    return kind, value.text if isinstance(value, Number) else value


def test_no_type_of_record_is_forgotten():
    assert set(KEPT) == set(SHELVES)


@pytest.mark.parametrize("kind", KEPT, ids=lambda kind: kind.__name__)
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_record_comes_back_as_it_was(kind, data):
    try:
        record = data.draw(st.from_type(kind))
    except (AssertionError, InputError):
        reject()  # a part of it says itself that it cannot be
    document_of, record_of = codec(kind)

    again = record_of(decode(encode(document_of(record))))

    assert shape(again) == shape(record)


@pytest.mark.parametrize("query", Write.__args__, ids=lambda kind: kind.__name__)
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_instruction_knows_which_query_it_carries(query, data):
    sent = order(query=data.draw(st.from_type(query)), answer=data.draw(st.from_type(Posted)))
    assert shape(there_and_back(sent)) == shape(replace(sent, version=1))


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_kept_by_its_code(reason):
    decided = Decision("b01-easy", 3, (reason, Reason.OVERDUE_NOW), facts={"score": 5})
    refused = Application("A1", "b01", "b01-easy", "C1", reason=reason, decision=decided)

    assert there_and_back(refused) == replace(refused, version=1)
    assert f'"{reason.code}"' in SHELVES[Application].row(refused)["body"]


def test_a_table_of_steps_is_a_table_of_steps_again():
    app = Application("A1", "b01", "b01-easy", "C1", State.ACTIVE, {Step.SIGN: 2})
    app.history.append((Step.SIGN, State.SIGNED))

    again = there_and_back(app)

    assert again.tries == {Step.SIGN: 2}
    assert type(next(iter(again.tries))) is Step
    assert again.history[0][0] is Step.SIGN


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_calendar_of_a_loans_own_is_kept_by_its_days(convention):
    document_of, record_of = codec(type(convention))
    again = record_of(decode(encode(document_of(convention))))
    assert shape(again) == shape(convention)
    if convention.calendar is not None:
        assert again.calendar.is_working_day(date(2035, 10, 8))


def test_money_that_two_may_reach_for_stands_in_columns_alone():
    row = SHELVES[Line].row(line(used_fen=7))
    assert (row["limit_fen"], row["used_fen"], row["reserved_fen"]) == (100_000, 7, 0)
    assert "fen" not in row["body"]


def test_a_field_that_is_younger_than_a_document_has_its_default():
    shelf = SHELVES[Instruction]
    row = shelf.row(order(suspended_on=date(2020, 7, 2)))
    document = decode(row["body"])
    del document["suspended_on"], document["begins"]

    again = shelf.read([row["id"], row["bank"], 1, document])

    assert (again.suspended_on, again.begins) == (None, 0)


@pytest.mark.parametrize("body", ['{"rating": "A"}', "[]", '"x"', "{", "7"])
def test_a_row_that_cannot_be_read_is_named(body):
    with pytest.raises(MachineError, match=r"line A1 cannot be read.*restore it from a backup"):
        SHELVES[Line].read(["A1", "b01", 1, 1, 0, 0, body])
