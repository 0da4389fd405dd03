"""Invariants of money between the two books: each rule broken on purpose, in one life's books."""

from __future__ import annotations

import pytest

from core.lending.book import Loan, LoanState
from core.ports.corebank import (
    Adjustment,
    AdjustQuery,
    CollectQuery,
    CoreCode,
    DisburseQuery,
    MoveQuery,
    Outcome,
    Posted,
    ReverseQuery,
)
from core.store.records import (
    AuditEvent,
    DayClose,
    Drawdown,
    DrawState,
    Instruction,
    Repayment,
)
from mocks.corebank.keys import Fate
from mocks.corebank.ledger import core_serial
from tests.core.invariants_life import (
    A_DAY,
    BANK,
    COUNTER,
    TRANSIT,
    Life,
    breaks,
    copied,
    judge,
    ways_of,
)

NEVER = Posted(Outcome.NOT_FOUND, CoreCode.FENCED)
REJECTED = Posted(Outcome.REJECTED, CoreCode.NO_FUNDS)


@pytest.fixture
def life():
    return Life()


def paid_out(life, name="early"):
    """The instruction that paid a loan out."""
    return life.order(DisburseQuery, "D" + life.loans[name][1:])


def fated(life, order, posted):
    """Have the core tell something else of an instruction's key."""
    fates = life.banks[order.bank].fates
    fates[order.key] = Fate(posted, None, b"made up", fates[order.key].subject)


# What the core did


@breaks("INV-REJECTED-NEVER-POSTS", "INV-SAID-AS-DONE")
def a_rejected_key_that_posted(life):
    fated(life, paid_out(life), REJECTED)


@breaks("INV-REJECTED-NEVER-POSTS", "INV-SAID-AS-DONE")
def a_fenced_key_that_posted(life):
    fated(life, life.order(CollectQuery), NEVER)


@breaks("INV-FENCED-NEVER-POSTS")
def a_key_that_posted_after_the_next_was_sent(life):
    order = paid_out(life)
    old = order.key
    order.round, order.key = 2, old._replace(serial=f"{order.id}-2")
    entry = life.entry_of(copied(order, key=old))
    entry.key = order.key
    fates = life.banks[BANK].fates
    fates[order.key] = Fate(fates[old].posted, entry, b"made up", fates[old].subject)
    fates[old] = Fate(fates[old].posted, None, b"made up", fates[old].subject)
    entry.core_serial = core_serial(entry.key)
    life.rewrite()


@breaks("INV-ONE-PAYOUT", "INV-CASH-EQ-LOANS", "INV-BOOKS-AGREE")
def a_loan_paid_out_twice(life):
    loan = life.loan("early")
    legs = (f"1303.01:{loan.id}", loan.principal_fen), (TRANSIT, -loan.principal_fen)
    life.post("disburse", *legs)


@breaks("INV-ONE-PAYOUT")
def a_loan_paid_out_a_second_time_with_nothing(life):
    life.post("disburse", (f"1303.01:{life.loans['early']}", 0), (TRANSIT, 0))


@breaks("INV-AS-INSTRUCTED")
def a_payout_into_another_account(life):
    order = paid_out(life)
    entry = life.entry_of(order)
    (loan, amount_fen), (account, _) = entry.legs
    other = f"2011.02:{life.loan('late').account}"
    life.relegged(entry, (loan, amount_fen), (other, -amount_fen))
    # Somebody at the counter mends what the customers' accounts then lack.
    legs = (other, amount_fen), (account, -amount_fen)
    life.post("exempt_out", *legs, serial="mended")
    for each in (entry, life.book().entries[-1]):
        assert sum(fen for _, fen in each.legs) == 0


@breaks("INV-AS-INSTRUCTED")
def a_collection_of_other_parts_than_were_asked_for(life):
    order = life.order(CollectQuery)
    order.query.principal_fen += 1
    order.query.interest_fen -= 1


@breaks("INV-AS-INSTRUCTED")
def an_adjustment_of_another_kind(life):
    life.order(AdjustQuery).query.adjustment = Adjustment.CLEAR_OUT


@breaks("INV-AS-INSTRUCTED")
def money_brought_in_that_was_asked_to_go_out(life):
    query = life.order(MoveQuery).query
    query.direction = "out" if query.direction == "in" else "in"


@breaks("INV-AS-INSTRUCTED")
def a_reversal_of_another_payout(life):
    life.order(ReverseQuery).query.original = paid_out(life).key


@breaks("INV-AS-INSTRUCTED")
def a_transaction_that_is_done_and_has_no_entry(life):
    order = life.order(MoveQuery)
    order.key = order.key._replace(serial=f"{order.id}-2", channel=COUNTER)
    fates = life.banks[BANK].fates
    fates[order.key] = Fate(order.answer, None, b"made up")
    life.tables[AuditEvent]["told"] = AuditEvent(
        "told", BANK, "theirs_only", order.id, order.key.channel_date, "its old key"
    )


# Payouts and loans


@breaks(
    "INV-CASH-EQ-LOANS",
    *("INV-RESERVED-EQ-LOANS", "INV-LOAN-AS-DRAWN", "INV-ACCRUE-ONCE", "INV-BOOKS-AGREE"),
    "INV-DUE-ONCE",
)
def a_loan_that_was_never_paid_out(life):
    ghost = copied(life.loan("early"), id="Lghost")
    life.tables[Loan][ghost.id] = ghost


@breaks("INV-CASH-EQ-LOANS", "INV-RESERVED-EQ-LOANS", "INV-BOOKS-AGREE")
def a_payout_that_became_no_loan(life):
    del life.tables[Loan][life.loans["early"]]


@breaks("INV-CASH-EQ-LOANS", "INV-BOOKS-AGREE")
def a_payout_to_nobody_known(life):
    life.post("disburse", ("1303.01:Lghost", 100), (TRANSIT, -100))


@breaks("INV-CASH-EQ-LOANS", "INV-LOAN-AS-DRAWN", "INV-SCHEDULE-SUM", "INV-DUE-ONCE")
def a_loan_of_a_fen_more_than_was_paid_out(life):
    life.loan("early").principal_fen += 1


@breaks("INV-CASH-EQ-LOANS", "INV-LOAN-AS-DRAWN", "INV-EOD-ISOLATION", "INV-ENDED")
def a_payout_taken_back_whose_loan_stands(life):
    loan = life.loan("automatic")
    loan.state = LoanState.REVERSED


# What was told


@breaks("INV-SAID-AS-DONE", "INV-LOAN-AS-DRAWN")
def a_drawdown_told_as_rejected_that_was_paid(life):
    life.first(Drawdown).state = DrawState.REJECTED


@breaks("INV-SAID-AS-DONE", causes=("INV-REJECTED-NEVER-POSTS",))
def a_repayment_told_as_done_that_the_core_rejected(life):
    fated(life, life.order(CollectQuery), REJECTED)


@breaks("INV-SAID-AS-DONE", "INV-DUE-ONCE")
def a_repayment_told_as_rejected_that_was_collected(life):
    next(
        paid for paid in life.all(Repayment) if "early_principal" in paid.parts
    ).state = DrawState.REJECTED


@breaks("INV-SAID-AS-DONE")
def a_drawdown_told_as_done_without_an_instruction(life):
    life.first(Drawdown).instruction = "none"


@breaks("INV-SAID-AS-DONE", "INV-RECON-COMPLETE")
def a_booking_told_as_rejected_that_was_posted(life):
    life.order(AdjustQuery).answer.outcome = Outcome.REJECTED


# What stays open


def latest(life):
    """The last transfer to the bound account: its day's file was not compared yet."""
    return [order for order in life.all(Instruction) if isinstance(order.query, MoveQuery)][-1]


@breaks("INV-LIVENESS-BOOKED")
def an_instruction_left_open_for_days(life):
    latest(life).answer = None
    life.now_s += 24 * 3600


def test_an_instruction_is_waited_for_to_the_next_day_end_and_no_longer(life):
    order = latest(life)
    order.answer, sent_s = None, order.sent_at_s

    assert life.names(now_s=sent_s + 24 * 3600) == []
    assert life.names(now_s=sent_s + 26 * 3600) == ["INV-LIVENESS-BOOKED"]


def test_what_was_never_sent_is_not_waited_for(life):
    order = latest(life)
    order.answer = order.sent_at_s = None

    assert life.names() == []


# Reconciliation


@breaks("INV-RECON-COMPLETE")
def a_transaction_of_another_date_on_each_side(life):
    life.order(MoveQuery).answer.accounting_date += A_DAY


@breaks("INV-RECON-COMPLETE")
def a_transaction_of_the_core_that_we_do_not_know(life):
    old = life.order(MoveQuery)
    del life.tables[Instruction][old.id]


@breaks("INV-RECON-COMPLETE", causes=("INV-AS-INSTRUCTED", "INV-SAID-AS-DONE"))
def a_transaction_of_ours_that_the_core_does_not_know(life):
    old = life.order(MoveQuery)
    ghost = copied(old, id="Tghost", key=old.key._replace(serial="Tghost"))
    life.tables[Instruction][ghost.id] = ghost


def test_what_the_file_found_and_told_is_complete(life):
    a_transaction_of_the_core_that_we_do_not_know(life)
    entry = life.entry("move_out")
    told = AuditEvent("told", BANK, "theirs_only", entry.key.serial, entry.accounting_date, "")
    life.tables[AuditEvent][told.id] = told

    assert life.names() == []


def test_what_no_file_was_compared_of_is_not_complete_yet(life):
    a_transaction_of_the_core_that_we_do_not_know(life)
    close = life.tables[DayClose][BANK]
    close.unreconciled = (life.entry("move_out").accounting_date,)

    assert life.names() == []


@pytest.mark.parametrize("how", ways_of(__name__))
def test_what_is_broken_is_reported_first_and_nothing_else(how):
    judge(how)
