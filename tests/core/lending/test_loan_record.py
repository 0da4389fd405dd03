"""The loan as a record: every field is plain, and what was written is what is read."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields
from datetime import date
from types import SimpleNamespace
from typing import get_type_hints

from core.lending.book import Conditions, Loan, LoanState, Order, allocate, day_end, lend, pay, turn
from core.lending.schedule import Convention
from core.products import Method


def loan_of():
    pricing = SimpleNamespace(overdue_surcharge_pct=50)
    product = SimpleNamespace(id="p", bank="b", method=Method.DAILY, months=12, pricing=pricing)
    conditions = Conditions(late_order=Order.PRINCIPAL_FIRST, grace_days=3)
    drawn = date(2020, 7, 15)
    return lend("L1", product, "A1", "62", 1_200_000, 72_000, drawn, Convention(), conditions)


def rebuilt(loan):
    return Loan(**{field.name: getattr(loan, field.name) for field in fields(loan)})


def test_a_loan_made_of_its_own_fields_is_the_same_loan():
    loan = loan_of()
    assert rebuilt(loan) == loan
    day_end(loan, date(2020, 12, 1))
    turn(loan, date(2020, 12, 5))
    pay(loan, allocate(loan, 300_000, date(2020, 12, 5)))
    loan.version = 7
    again = rebuilt(deepcopy(loan))
    assert again == loan
    assert day_end(again, date(2021, 3, 1)) == day_end(loan, date(2021, 3, 1))
    assert again == loan


def test_every_field_has_a_type_that_is_known_at_run_time_and_the_version_is_last():
    hints = get_type_hints(Loan)
    names = [field.name for field in fields(Loan)]
    assert set(names) <= set(hints)
    assert names[-1] == "version"
    assert all(field.init for field in fields(Loan))


def test_a_loan_whose_payout_was_taken_back_is_owed_by_nobody():
    loan = loan_of()
    loan.state, loan.normal_fen = LoanState.REVERSED, 0
    assert loan.next_day_end() is None
    due = loan.rows[0].due
    assert day_end(loan, due) == []
    assert allocate(loan, 5, due).excess_fen == 5
