"""The loan book's own entries: non-accrual, memo books, allowance, write-off, suspense."""

from __future__ import annotations

import pytest

from core.ports.corebank import Adjustment, CoreCode
from mocks.corebank.chart import CHART, LOAN_CODES, MEMO, TEMPLATES
from tests.mocks.test_corebank_behaviour import DONE, Clerk, codes, rejected

A = Adjustment


@pytest.fixture
def desk(make_person, make_card, make_town, trace):
    desk = Clerk.of(make_person, make_card, make_town, trace)
    desk.pay_out("L1", fen=50_000)
    return desk


def pots(desk, loan="L1"):
    """What stands on a loan's sub-accounts, by code."""
    balances = desk.core.balances("b01")
    split = {name: name.partition(":") for name in balances}
    return {split[n][0]: fen for n, fen in balances.items() if split[n][2] == loan and fen}


def totals(desk, *codes_):
    known = desk.core.totals("b01")
    return [known[code] for code in codes_]


def adjust(desk, *steps):
    """Book adjustments one after another; each must be taken."""
    for adjustment, fen in steps:
        assert codes(desk.adjust(adjustment, fen)) == [DONE], adjustment


# The pots of principal.


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ([(A.NORMAL_TO_NON_ACCRUAL, 50_000)], {"1303.03": 50_000}),
        (
            [(A.TO_OVERDUE, 9_000), (A.OVERDUE_TO_NON_ACCRUAL, 9_000)],
            {"1303.01": 41_000, "1303.03": 9_000},
        ),
        (
            [(A.NORMAL_TO_NON_ACCRUAL, 50_000), (A.NON_ACCRUAL_TO_NORMAL, 20_000)],
            {"1303.01": 20_000, "1303.03": 30_000},
        ),
        (
            [(A.NORMAL_TO_NON_ACCRUAL, 50_000), (A.NON_ACCRUAL_TO_OVERDUE, 1)],
            {"1303.02": 1, "1303.03": 49_999},
        ),
    ],
)
def test_principal_is_moved_from_pot_to_pot(desk, steps, left):
    adjust(desk, *steps)

    assert pots(desk) == left
    assert codes(desk.adjust(A.NON_ACCRUAL_TO_NORMAL, 50_001)) == [rejected(CoreCode.OVER_LOAN)]


# Interest that leaves the balance sheet, and comes back.


@pytest.mark.parametrize(
    ("what", "asset", "income", "memo"),
    [("INTEREST", "1132.01", "6011.01", "M9001.01"), ("PENALTY", "1132.02", "6011.02", "M9001.02")],
)
def test_unpaid_interest_leaves_income_for_the_memo_books_and_comes_back(
    desk, what, asset, income, memo
):
    adjust(desk, (A[f"ACCRUE_{what}"], 900), (A[f"REVERSE_{what}"], 900), (A[f"MEMO_{what}"], 50))

    assert pots(desk) == {"1303.01": 50_000, memo: 950}
    assert totals(desk, income, "M9999") == [0, -950]
    assert (
        codes(
            desk.adjust(A[f"REVERSE_{what}"], 1),
            desk.adjust(A[f"RESTORE_{what}"], 951),
        )
        == [rejected(CoreCode.OVER_LOAN)] * 2
    )

    adjust(desk, (A[f"RESTORE_{what}"], 950))
    assert pots(desk) == {"1303.01": 50_000, asset: 950}
    assert totals(desk, income, memo, "M9999") == [-950, 0, 0]


def test_memo_interest_and_penalty_are_told_apart_loan_by_loan(desk):
    desk.pay_out("L2", fen=1_000)
    adjust(desk, (A.MEMO_INTEREST, 10), (A.MEMO_PENALTY, 3))
    desk.adjust(A.MEMO_INTEREST, 7, "L2")

    assert pots(desk) == {"1303.01": 50_000, "M9001.01": 10, "M9001.02": 3}
    assert pots(desk, "L2") == {"1303.01": 1_000, "M9001.01": 7}


# Collections on such loans.


def test_what_is_paid_of_memo_interest_becomes_income_when_it_comes_in(desk):
    adjust(desk, (A.NORMAL_TO_NON_ACCRUAL, 50_000), (A.MEMO_INTEREST, 900), (A.MEMO_PENALTY, 30))

    paid = desk.collect(
        parts=(0, 0, 0, 0),
        non_accrual_principal_fen=20_000,
        memo_interest_fen=800,
        memo_penalty_fen=30,
    )

    assert codes(paid) == [DONE]
    assert pots(desk) == {"1303.03": 30_000, "M9001.01": 100}
    assert totals(desk, "6011.01", "6011.02", "M9999") == [-800, -30, -100]
    assert desk.balance(desk.card).balance_fen == 150_000 - 20_830
    assert (
        codes(desk.collect(memo_interest_fen=101), desk.collect(memo_penalty_fen=1))
        == [rejected(CoreCode.OVER_LOAN)] * 2
    )


def test_a_loan_is_written_off_against_what_was_provided_for_it_and_may_be_recovered(desk):
    adjust(desk, (A.NORMAL_TO_NON_ACCRUAL, 50_000), (A.PROVIDE, 40_000))
    assert codes(desk.adjust(A.WRITE_OFF, 40_001)) == [rejected(CoreCode.NO_ALLOWANCE)]
    adjust(desk, (A.PROVIDE, 10_000), (A.WRITE_OFF, 50_000))
    assert pots(desk) == {"M9002": 50_000}
    assert totals(desk, "6702", "1304", "M9999") == [50_000, 0, -50_000]

    assert codes(desk.collect(recovered_fen=20_000)) == [DONE]

    assert pots(desk) == {"M9002": 30_000}
    assert totals(desk, "6702", "M9999") == [30_000, -30_000]
    assert codes(desk.collect(recovered_fen=30_001)) == [rejected(CoreCode.OVER_LOAN)]
    assert desk.core.verify_chain("b01")


def test_no_more_is_released_or_written_off_than_stands_there(desk):
    adjust(desk, (A.PROVIDE, 600), (A.RELEASE, 100))

    assert pots(desk) == {"1303.01": 50_000, "1304": -500}
    assert codes(desk.adjust(A.RELEASE, 501), desk.adjust(A.WRITE_OFF, 1)) == [
        rejected(CoreCode.NO_ALLOWANCE),
        rejected(CoreCode.OVER_LOAN),
    ]


def test_one_loans_allowance_is_no_other_loans(desk):
    desk.pay_out("L2", fen=1_000)
    desk.adjust(A.PROVIDE, 1_000, "L2")
    adjust(desk, (A.NORMAL_TO_NON_ACCRUAL, 50_000))

    assert codes(desk.adjust(A.WRITE_OFF, 1_000)) == [rejected(CoreCode.NO_ALLOWANCE)]


# Suspense.


def test_an_unknown_payout_waits_in_suspense_until_somebody_claims_it(desk):
    adjust(desk, (A.SUSPEND_OUT, 50_000))
    assert pots(desk) == {"1221.09": 50_000}

    adjust(desk, (A.CLEAR_OUT, 50_000))
    assert pots(desk) == {"1303.01": 50_000}
    assert codes(desk.adjust(A.CLEAR_OUT, 1)) == [rejected(CoreCode.OVER_LOAN)]


def test_an_unknown_collection_waits_in_suspense_until_somebody_claims_it(desk):
    desk.collect(parts=(20_000, 0, 0, 0))
    adjust(desk, (A.SUSPEND_IN, 20_000))
    assert pots(desk) == {"1303.01": 50_000, "2241.09": -20_000}

    adjust(desk, (A.CLEAR_IN, 20_000))
    assert pots(desk) == {"1303.01": 30_000}
    assert codes(desk.adjust(A.CLEAR_IN, 1)) == [rejected(CoreCode.OVER_LOAN)]


# Any of them.


@pytest.mark.parametrize("adjustment", Adjustment)
def test_an_adjustment_may_be_taken_back_on_its_day(desk, adjustment):
    adjust(
        desk,
        (A.ACCRUE_INTEREST, 500),
        (A.ACCRUE_PENALTY, 500),
        (A.TO_OVERDUE, 500),
        (A.NORMAL_TO_NON_ACCRUAL, 500),
        (A.MEMO_INTEREST, 500),
        (A.MEMO_PENALTY, 500),
        (A.PROVIDE, 500),
        (A.SUSPEND_OUT, 500),
        (A.SUSPEND_IN, 500),
    )
    before, key = desk.core.balances("b01"), desk.key()

    assert codes(desk.adjust(adjustment, 400, key=key)) == [DONE]
    assert desk.core.balances("b01") != before
    assert codes(desk.reverse(key)) == [DONE]
    after = desk.core.balances("b01")
    assert {name: fen for name, fen in after.items() if fen} == {
        n: f for n, f in before.items() if f
    }


def test_every_adjustment_has_its_template(desk):
    assert set(Adjustment) <= set(TEMPLATES)
    for adjustment in Adjustment:
        assert codes(desk.adjust(adjustment, 1, "L9")) == [rejected(CoreCode.NO_LOAN)]


def test_the_balance_sheet_and_the_memo_books_balance_each_for_itself():
    for kind, template in TEMPLATES.items():
        if kind in ("collect", "transfer_out", "exempt_out"):
            continue  # of several amounts: the entries are checked one by one
        for memo in (True, False):
            sides = [line.side for line in template if (line.account in MEMO) == memo]
            assert sum(sides) == 0, kind


def test_sub_accounts_of_loans_are_guarded():
    assert all(CHART[code].guard for code in LOAN_CODES)
    assert CHART["6021"].confidence == "L"
