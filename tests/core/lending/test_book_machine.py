"""A loan's whole life, told to a second witness: no fen is made, lost, or counted twice.

``Ledger`` knows only the bookings and the collections that a core bank would be sent, and books
both sides of each. The machine lives a loan at random, days passing, payments of every kind,
write-off, day ends repeated and skipped, and holds both against each other after every step: the
figures of corebank.md 6.6, (21) to (36).
"""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.calendar import Calendar
from core.lending import accrual, allocation, book, collection, provision
from core.lending.book import (
    NOT_EARLY,
    Conditions,
    LoanState,
    Order,
    Part,
    Prepay,
    allocate,
    day_end,
    due_fen,
    lend,
    order_of,
    owed,
    pay,
    payoff_quote,
    prepay_quote,
    to_collect_fen,
    turn,
    write_off,
)
from core.lending.classification import Category
from core.lending.schedule import Convention
from core.money import Rounding, divide
from core.ports.corebank import Adjustment
from core.products import DayCount, Method, Roll

A_DAY = timedelta(days=1)


def loan_of(method, principal_fen, rate_ppm, months, conditions, drawn, convention):
    pricing = SimpleNamespace(overdue_surcharge_pct=50)
    product = SimpleNamespace(id="p", bank="qingluo", method=method, months=months, pricing=pricing)
    terms = (principal_fen, rate_ppm, drawn, convention, conditions)
    return lend("L1", product, "A1", "6291", *terms)


# Kind: what is debited, what is credited. A memo account (m.) has the counter as its other side.
TEMPLATES = {
    Adjustment.ACCRUE_INTEREST: [("interest", "income")],
    Adjustment.ACCRUE_PENALTY: [("penalty", "penalty income")],
    Adjustment.TO_OVERDUE: [("overdue", "normal")],
    Adjustment.NORMAL_TO_NON_ACCRUAL: [("non-accrual", "normal")],
    Adjustment.OVERDUE_TO_NON_ACCRUAL: [("non-accrual", "overdue")],
    Adjustment.NON_ACCRUAL_TO_NORMAL: [("normal", "non-accrual")],
    Adjustment.REVERSE_INTEREST: [("income", "interest"), ("m.interest", "m.counter")],
    Adjustment.REVERSE_PENALTY: [("penalty income", "penalty"), ("m.penalty", "m.counter")],
    Adjustment.RESTORE_INTEREST: [("interest", "income"), ("m.counter", "m.interest")],
    Adjustment.MEMO_INTEREST: [("m.interest", "m.counter")],
    Adjustment.MEMO_PENALTY: [("m.penalty", "m.counter")],
    Adjustment.PROVIDE: [("loss", "allowance")],
    Adjustment.RELEASE: [("allowance", "loss")],
    Adjustment.WRITE_OFF: [("allowance", "non-accrual"), ("m.written off", "m.counter")],
}
COLLECTED = {
    "principal_fen": [("cash", "normal")],
    "overdue_principal_fen": [("cash", "overdue")],
    "non_accrual_principal_fen": [("cash", "non-accrual")],
    "interest_fen": [("cash", "interest")],
    "penalty_fen": [("cash", "penalty")],
    "memo_interest_fen": [("cash", "income"), ("m.counter", "m.interest")],
    "memo_penalty_fen": [("cash", "penalty income"), ("m.counter", "m.penalty")],
    "recovered_fen": [("cash", "loss"), ("m.counter", "m.written off")],
}
STAYS_DEBIT = ("normal", "overdue", "non-accrual", "interest", "penalty")
STAYS_DEBIT += ("m.interest", "m.penalty", "m.written off")


class Ledger:
    """What the core bank holds of one loan, debit positive."""

    def __init__(self, loan):
        self.balance = Counter({"normal": loan.principal_fen, "cash": -loan.principal_fen})
        self.booked = Counter()  # by kind
        self.collected = Counter()  # by the collection's field

    def _enter(self, pairs, amount_fen):
        for debit, credit in pairs:
            self.balance[debit] += amount_fen
            self.balance[credit] -= amount_fen
        for account in STAYS_DEBIT:  # the core refuses what would cross to the wrong side
            assert self.balance[account] >= 0, f"{account} overdrawn"
        assert self.balance["allowance"] <= 0

    def post(self, bookings):
        kinds = [kind for kind, _ in bookings]
        assert len(kinds) == len(set(kinds)), "a kind comes at most once a call"
        for kind, amount_fen in bookings:
            assert amount_fen > 0
            self.booked[kind] += amount_fen
            self._enter(TEMPLATES[kind], amount_fen)

    def collect(self, paid):
        total_fen = 0
        for field, pairs in COLLECTED.items():
            amount_fen = getattr(paid, field)
            total_fen += amount_fen
            self.collected[field] += amount_fen
            self._enter(pairs, amount_fen)
        assert total_fen == paid.total_fen, "the parts of the core are the parts of the contract"

    def told(self):
        names = (*STAYS_DEBIT, "allowance")
        return [
            self.balance[name] if name != "allowance" else -self.balance[name] for name in names
        ]


def ours(loan):
    return [
        loan.normal_fen,
        loan.overdue_fen,
        loan.non_accrual_fen,
        loan.interest_fen,
        loan.penalty_fen,
        loan.memo_interest_fen,
        loan.memo_penalty_fen,
        loan.written_off_fen,
        loan.allowance_fen,
    ]


def unpaid_rows(loan):
    """The rows whose due date is before the loan's date, with what is unpaid of each."""
    found = []
    paid = zip(loan.rows, loan.paid_principal_fen, loan.paid_interest_fen, strict=True)
    for row, principal_fen, interest_fen in paid:
        left_fen = row.total_fen - principal_fen - interest_fen
        if row.due < loan.accrued_through and left_fen:
            found.append((row.due, left_fen))
    return found


def penalty_units(loan, since, until):
    """What penalty is reckoned on from one date to another, day by day and row by row."""
    units, grace = 0, loan.conditions.grace_days
    paid = zip(loan.rows, loan.paid_principal_fen, loan.paid_interest_fen, strict=True)
    unpaid = [(row.due, row.total_fen - p_fen - i_fen) for row, p_fen, i_fen in paid]
    day = since
    while day < until:
        day += A_DAY
        for due, left_fen in unpaid:
            if (day - due).days == grace + 1:
                units += left_fen * (grace + 1)
            elif (day - due).days > grace:
                units += left_fen
    return units * loan.penalty_rate_ppm


conditions = st.builds(
    Conditions,
    st.sampled_from([Order.BY_KIND, Order.ROW_BY_ROW]),
    st.sampled_from([Order.BY_KIND, Order.PRINCIPAL_FIRST]),
    st.sampled_from([0, 0, 3, 15]),
    st.sampled_from(Prepay),
    st.booleans(),
)


WEEKENDS = Calendar.with_assumed({year: {} for year in range(2022, 2027)})
CONVENTIONS = [
    Convention(),
    Convention(),
    Convention(due_day=20),
    Convention(due_day=5, roll=Roll.FOLLOWING, calendar=WEEKENDS),
    Convention(roll=Roll.PRECEDING, multiple_fen=100, calendar=WEEKENDS),
    Convention(grace_rows=2, rounding=Rounding.HALF_EVEN),
    Convention(day_count=DayCount.ACT_365, first_due=date(2020, 3, 31)),
]
SHARE_PCT = {1: 1, 2: 2, 3: 25, 4: 50, 5: 100}


HOWS = st.sampled_from(["each day", "when due", "at once", "never"])


class Life(RuleBasedStateMachine):
    """One loan and its ledger."""

    @initialize(
        method=st.sampled_from(Method),
        principal_fen=st.integers(100_000, 30_000_000),
        rate_ppm=st.integers(0, 150_000),
        months=st.sampled_from([1, 2, 6, 12, 18]),
        conditions=conditions,
        drawn=st.dates(date(2020, 1, 1), date(2023, 6, 30)),
        convention=st.sampled_from(CONVENTIONS),
    )
    def lend(self, method, principal_fen, rate_ppm, months, conditions, drawn, convention):
        if convention.first_due and convention.first_due <= drawn + 20 * A_DAY:
            convention = replace(convention, first_due=drawn + 40 * A_DAY)
        if convention.grace_rows >= months or method in (Method.BULLET, Method.DAILY):
            convention = replace(convention, grace_rows=0, day_count=DayCount.MONTHLY)
        terms = (method, principal_fen, rate_ppm, months, conditions, drawn, convention)
        self.loan = loan_of(*terms)
        self.ledger, self.today, self.units = Ledger(self.loan), drawn, 0
        self.first_rows = deepcopy(self.loan.rows)

    # What happens

    @rule(days=st.integers(1, 40), how=HOWS)
    def pass_days(self, days, how):
        """Close the days up to yesterday, all, when asked for, one or none; open today."""
        loan, yesterday = self.loan, self.today + (days - 1) * A_DAY
        category = loan.category
        if how == "each day":
            for day in range(days):
                self.close(self.today + day * A_DAY)
        elif how == "when due":
            while (on := loan.next_day_end()) is not None and on <= yesterday:
                self.close(on)
        elif how == "at once":
            self.close(yesterday)
        self.open(yesterday + A_DAY)
        assert loan.category >= category, "(35) a class improved by itself"

    def close(self, on):
        loan = self.loan
        self.note_penalty(on)
        self.ledger.post(day_end(loan, on))
        if (on + A_DAY).day == 1:
            assert loan.allowance_fen == divide(
                loan.outstanding_fen * SHARE_PCT[loan.category], 100
            )
        if loan.state is LoanState.SETTLED:
            assert loan.next_day_end() is None
            assert not loan.allowance_fen

    def open(self, on):
        self.note_penalty(on)
        self.ledger.post(turn(self.loan, on))
        self.today = on

    def note_penalty(self, on):
        if self.loan.state in (LoanState.LIVE, LoanState.OVERDUE):
            self.units += penalty_units(self.loan, self.loan.accrued_through, on)

    @rule(days=st.integers(60, 250), how=HOWS)
    def sleep(self, days, how):
        self.pass_days(days, how)

    @rule(permille=st.sampled_from([1, 5, 20, 100, 400, 1001]))
    def pay_some(self, permille):
        self.pay_fen(max(1, self.loan.debt_fen * permille // 1000))

    @rule(amount_fen=st.integers(1, 5000))
    def pay_little(self, amount_fen):
        self.pay_fen(amount_fen)

    @rule()
    def pay_what_is_due(self):
        if due_fen(self.loan):
            self.pay_fen(due_fen(self.loan))
            assert due_fen(self.loan) == 0

    @rule(permille=st.integers(0, 200))
    def collect(self, permille):
        held_fen = self.loan.debt_fen * permille // 1000
        wanted_fen = to_collect_fen(self.loan, self.today, held_fen)
        assert 0 <= wanted_fen <= min(held_fen, due_fen(self.loan))
        whole = self.loan.conditions.collect_whole
        enough = held_fen >= due_fen(self.loan)
        assert wanted_fen == (due_fen(self.loan) if enough else 0 if whole else held_fen)
        if wanted_fen:
            self.pay_fen(wanted_fen)
            assert to_collect_fen(self.loan, self.today, held_fen - wanted_fen) in (
                0,
                due_fen(self.loan),
            )

    @rule(really=st.integers(0, 9))
    @precondition(lambda self: self.loan.debt_fen)
    def pay_off(self, really):
        if really < 9:
            return  # a settled loan has little left to tell
        quote = payoff_quote(self.loan, self.today)
        assert quote.total_fen == self.loan.debt_fen
        self.pay_fen(quote.total_fen)
        assert self.loan.state is LoanState.SETTLED
        assert self.loan.debt_fen == payoff_quote(self.loan, self.today + 99 * A_DAY).total_fen == 0

    @rule(permille=st.integers(1, 500))
    @precondition(lambda self: self.loan.state is LoanState.LIVE)
    def prepay(self, permille):
        loan, debt = self.loan, owed(self.loan)
        early_fen = debt[Part.EARLY_PRINCIPAL] * permille // 1000
        if not early_fen:
            return
        amount_fen = due_fen(loan) + debt[Part.EARLY_INTEREST] + early_fen
        quote = prepay_quote(loan, amount_fen, self.today)
        before = [row.due for row in loan.rows]
        self.pay_fen(amount_fen)
        assert quote.rows == loan.rows[loan.row :], "it came as it was quoted"
        assert [row.due for row in loan.rows] == before[: len(loan.rows)]

    @rule()
    def repeat_the_day_end(self):
        self.close(self.today)
        once = deepcopy(self.loan)
        assert day_end(self.loan, self.today) == turn(self.loan, self.today) == []
        assert day_end(self.loan, self.today - A_DAY) == []
        assert self.loan == once
        self.open(self.today + A_DAY)

    @rule(days=st.integers(0, 200), amount_fen=st.integers(1, 10_000_000))
    def quote(self, days, amount_fen):
        once = deepcopy(self.loan)
        on = self.today + days * A_DAY
        payoff_quote(self.loan, on)
        to_collect_fen(self.loan, on, amount_fen)
        for mode in (None, *Prepay):
            quote = prepay_quote(self.loan, amount_fen, on, mode)
            assert quote.allocation.total_fen + quote.allocation.excess_fen == amount_fen
        assert self.loan == once, "a quote changes nothing"

    @rule()
    @precondition(lambda self: self.loan.category is Category.LOSS)
    def write_off(self):
        if self.loan.state is not LoanState.OVERDUE:
            return
        principal_fen, debt_fen = self.loan.outstanding_fen, self.loan.debt_fen
        self.ledger.post(write_off(self.loan, self.today))
        assert self.ledger.balance["m.written off"] == principal_fen
        assert self.ledger.balance["allowance"] == 0
        assert self.loan.debt_fen == due_fen(self.loan) == debt_fen, "the claim stays"

    def pay_fen(self, amount_fen):
        loan, debt = self.loan, owed(self.loan)
        debt_fen, order = loan.debt_fen, order_of(loan)
        category, late_since = loan.category, loan.late_since
        paid = allocate(loan, amount_fen, self.today)
        assert paid.total_fen + paid.excess_fen == amount_fen  # (31)
        assert paid.excess_fen == max(0, amount_fen - debt_fen)  # (32)
        parts = [part for part in order.parts if debt[part]]
        if order.by_row:
            parts = [p for p in parts if p not in (Part.OVERDUE_INTEREST, Part.OVERDUE_PRINCIPAL)]
        for first, then in pairwise(parts):
            assert not paid.parts[then] or paid.parts[first] == debt[first], "(31) the order"
        if paid.total_fen:
            self.ledger.collect(paid)
            pay(loan, paid)
        assert loan.debt_fen == debt_fen - paid.total_fen
        if loan.late_since is not None and loan.late_since == late_since:
            assert loan.category == category, "what leaves the arrears as old mends no class"

    # What must hold

    @invariant()
    def both_books_agree(self):
        assert self.ledger.told() == ours(self.loan)
        assert min(ours(self.loan)) >= 0

    @invariant()
    def what_is_owed_is_what_the_parts_say(self):
        debt = owed(self.loan)
        assert min(debt.values()) >= 0
        assert sum(debt.values()) == self.loan.debt_fen
        assert due_fen(self.loan) == sum(debt[part] for part in NOT_EARLY)

    @invariant()
    def the_principal_is_all_accounted_for(self):
        loan, collected = self.loan, self.ledger.collected
        fields = ("principal_fen", "overdue_principal_fen", "non_accrual_principal_fen")
        repaid_fen = sum(collected[field] for field in fields)
        assert collected["recovered_fen"] == loan.recovered_fen
        gone_fen = repaid_fen + loan.recovered_fen
        assert loan.principal_fen == loan.outstanding_fen + loan.written_off_fen + gone_fen

    @invariant()
    def interest_paid_and_owed_is_what_accrued(self):
        loan, booked, collected = self.loan, self.ledger.booked, self.ledger.collected
        accrued_fen = booked[Adjustment.ACCRUE_INTEREST] + booked[Adjustment.MEMO_INTEREST]
        paid_fen = collected["interest_fen"] + collected["memo_interest_fen"]
        assert accrued_fen == loan.accrued_fen == paid_fen + loan.owed_interest_fen
        past_fen = sum(row.interest_fen for row in loan.rows[: loan.row])
        assert loan.accrued_fen == past_fen + loan.row_accrued_fen  # (30)
        at_end = loan.row < len(loan.rows) and loan.rows[loan.row].due == loan.accrued_through
        if at_end and loan.state in (LoanState.LIVE, LoanState.OVERDUE):
            assert loan.row_accrued_fen == loan.rows[loan.row].interest_fen  # (30)

    @invariant()
    def penalty_is_on_what_was_late_and_on_nothing_else(self):
        loan, booked, collected = self.loan, self.ledger.booked, self.ledger.collected
        accrued_fen = booked[Adjustment.ACCRUE_PENALTY] + booked[Adjustment.MEMO_PENALTY]
        paid_fen = collected["penalty_fen"] + collected["memo_penalty_fen"]
        assert accrued_fen == paid_fen + loan.owed_penalty_fen
        assert accrued_fen == divide(self.units, 360_000_000)  # (34)

    @invariant()
    def the_rows_hold_together(self):
        loan = self.loan
        assert sum(row.principal_fen for row in loan.rows) + loan.prepaid_fen == loan.principal_fen
        assert loan.rows[-1].balance_fen == 0
        assert [row.number for row in loan.rows] == list(range(1, len(loan.rows) + 1))
        dues = [loan.drawn_on, *(row.due for row in loan.rows)]
        assert dues == sorted(set(dues))
        assert min(min(row.principal_fen, row.interest_fen) for row in loan.rows) >= 0
        assert len(loan.rows) <= len(self.first_rows)

    @invariant()
    def what_is_late_is_what_the_rows_say(self):
        loan, late = self.loan, unpaid_rows(self.loan)
        if loan.state is LoanState.WRITTEN_OFF:
            return
        if loan.state is LoanState.SETTLED:
            assert not loan.debt_fen
            return
        assert loan.late_principal_fen + loan.late_interest_fen == sum(left for _, left in late)
        assert (loan.state is LoanState.OVERDUE) == bool(late or loan.owed_penalty_fen)
        if late:
            assert loan.late_since == late[0][0]
        if loan.state is LoanState.LIVE:
            assert loan.category is Category.NORMAL

    @invariant()
    def interest_unpaid_for_more_than_90_days_is_no_income(self):
        late, balance = unpaid_rows(self.loan), self.ledger.balance
        if self.loan.state is LoanState.WRITTEN_OFF or (
            late and (self.loan.accrued_through - late[0][0]).days > 90
        ):
            assert balance["interest"] == balance["penalty"] == 0  # (36)
            assert balance["normal"] == balance["overdue"] == 0
            received = self.ledger.collected
            assert -balance["income"] == received["interest_fen"] + received["memo_interest_fen"]
            assert -balance["penalty income"] == (
                received["penalty_fen"] + received["memo_penalty_fen"]
            )


Life.TestCase.settings = settings(stateful_step_count=40, max_examples=200)
test_in_any_life_both_books_agree_and_every_rule_holds = Life.TestCase


@pytest.mark.soak
def test_in_very_many_lives_both_books_agree():
    run_state_machine_as_test(Life, settings=settings(stateful_step_count=60, max_examples=5_000))


# Each rule broken once: the machine must see it.


def penalty_from_the_due_date_on(loan, through):
    late_fen = loan.late_principal_fen + loan.late_interest_fen
    return late_fen * ((through - loan.accrued_through).days + 1)


def interest_day_by_day(loan, through):
    days = (loan.rows[loan.row].due - loan.since).days
    a_day_fen = divide(loan.rows[loan.row].interest_fen, days)
    return loan.row_accrued_fen + a_day_fen * (through - loan.accrued_through).days


def keep_the_income(loan, amounts_fen):
    loan.non_accrual = True
    loan.non_accrual_fen, loan.normal_fen, loan.overdue_fen = loan.outstanding_fen, 0, 0


def nothing(*_):
    return None


BREAKAGES = {
    "penalty from the due date on": (accrual, "_late_fen_days", penalty_from_the_due_date_on),
    "interest rounded day by day": (accrual, "_row_accrued_fen", interest_day_by_day),
    "interest that is income after 90 days": (accrual, "leave_accrual", keep_the_income),
    "an allowance that forgets the category": (
        provision,
        "wanted_fen",
        lambda loan, _: divide(loan.outstanding_fen, 100),
    ),
    "a class that mends itself": (
        accrual,
        "max",
        lambda _, found: found - 1 if found > 1 else found,
    ),
    "a payment that leaves late rows unpaid": (book, "_pay_past_rows", nothing),
    "a payment that empties no pot": (book, "_take_from_the_pots", nothing),
    "interest paid twice": (book, "_pay_what_it_cost", nothing),
    "an early repayment without new rows": (book, "reschedule", nothing),
    "an order of nobody's": (
        allocation,
        "order_of",
        lambda _: allocation.OrderRule(tuple(reversed(Part)), "", ""),
    ),
    "whatever the account holds": (
        collection,
        "due_fen",
        lambda loan: loan.debt_fen,
    ),
}


@pytest.mark.parametrize("rule_broken", BREAKAGES)
def test_the_machine_sees(rule_broken, monkeypatch):
    module, function, broken = BREAKAGES[rule_broken]
    monkeypatch.setattr(module, function, broken, raising=function != "max")
    quick = settings(
        stateful_step_count=40,
        max_examples=1_000,  # it ends with the first that breaks the rule
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Life, settings=quick)
