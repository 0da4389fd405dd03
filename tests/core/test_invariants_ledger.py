"""Invariants of the core bank's ledger: each rule broken on purpose, in the books of one life."""

from __future__ import annotations

from itertools import pairwise

import pytest

from core.ports.corebank import CollectQuery, CoreCode, DisburseQuery, Seal
from core.store.records import Account, Instruction
from tests.core.invariants_life import (
    A_DAY,
    BANK,
    CAREFUL,
    TRANSIT,
    Life,
    breaks,
    judge,
    ways_of,
)

DAY_FEN, YEAR_FEN = 1_000_000, 20_000_000


@pytest.fixture
def life():
    return Life()


# Entries


@breaks("INV-DOUBLE-ENTRY", "INV-CHAIN", "INV-TRIAL-BALANCE", "INV-GENERAL-LEDGER")
def an_entry_with_one_leg(life):
    life.post("move_in", (TRANSIT, 5))
    life.book().totals[TRANSIT] -= 5


@breaks("INV-DOUBLE-ENTRY", "INV-CHAIN", "INV-TRIAL-BALANCE")
def a_transfer_whose_fee_was_lost(life):
    entry = life.entry("transfer_out")
    life.relegged(entry, *[leg for leg in entry.legs if leg.account != "6021"])


@breaks("INV-DOUBLE-ENTRY", "INV-CHAIN")
def an_entry_that_carries_money_off_the_balance_sheet(life):
    life.post("adjust", ("1003", 5), ("M9999", -5))


@breaks("INV-CHAIN")
def an_entry_that_was_renamed_after_it_was_written(life):
    life.entry("transfer_in").kind = "exempt_in"


@breaks("INV-CHAIN")
def a_file_that_was_altered_after_it_was_written(life):
    on, content = next(iter(life.banks[BANK].files.items()))
    life.banks[BANK].files[on] = content.replace("disburse", "repaid", 1)


@breaks("INV-CHAIN")
def a_reservation_that_was_committed_twice(life):
    (found,) = life.banks[BANK].reservations.values()
    found.committed_fen *= 2


@breaks("INV-CHAIN")
def money_held_aside_for_no_reservation(life):
    account = next(a for a in life.book().accounts.values() if a.code == "2011.02")
    account.held_fen += 1


@breaks("INV-HISTORY", "INV-TRIAL-BALANCE", "INV-GENERAL-LEDGER", causes=("INV-CHAIN",))
def a_balance_with_a_fen_too_much(life):
    life.book().account("1003").balance_fen += 1


@breaks("INV-HISTORY", "INV-GENERAL-LEDGER", causes=("INV-CHAIN",))
def a_fen_that_changed_accounts_without_an_entry(life):
    life.book().account("1003").balance_fen += 1
    life.book().account("6021").balance_fen -= 1


@breaks("INV-HISTORY", "INV-TRIAL-BALANCE", "INV-GENERAL-LEDGER", causes=("INV-CHAIN",))
def an_account_that_only_entries_know(life):
    del life.book().accounts["6021"]


@breaks(
    "INV-TRIAL-BALANCE",
    "INV-GENERAL-LEDGER",
    "INV-BOOKS-AGREE",
    causes=("INV-CHAIN", "INV-HISTORY"),
)
def a_trial_balance_that_is_a_fen_out(life):
    life.book().accounts[f"1303.01:{life.loans['early']}"].balance_fen += 1


@breaks("INV-GENERAL-LEDGER", causes=("INV-CHAIN",))
def a_total_that_its_sub_accounts_do_not_make(life):
    life.book().totals["1303.01"] += 100
    life.book().totals["1303.02"] -= 100


@breaks("INV-BANKS-APART")
def a_transaction_of_another_bank(life):
    key = life.order(DisburseQuery).key._replace(bank=CAREFUL, channel="counter", serial="astray")
    life.post("move_in", ("1003", 7), (TRANSIT, -7), key=key)
    life.post("settle", (TRANSIT, 7), ("1003", -7), serial="settled")


@breaks("INV-BANKS-APART")
def money_in_transit_over_the_end_of_a_day(life):
    book = life.book()
    first, settle = book.seals[0], next(e for e in book.entries if e.kind == "settle")
    at = book.entries.index(settle)
    assert at < first.entries
    moved = book.entries.pop(at)
    moved.accounting_date = book.seals[1].on
    book.entries.insert(first.entries - 1, moved)
    book.seals[0] = first._replace(entries=first.entries - 1)
    life.rewrite()


@breaks("INV-DAYS-IN-ORDER", causes=("INV-CHAIN",))
def an_entry_on_a_date_that_was_sealed(life):
    life.post("move_in", ("1003", 7), (TRANSIT, -7), day=life.book().seals[-1].on)


@breaks("INV-DAYS-IN-ORDER", causes=("INV-CHAIN",))
def two_dates_sealed_in_the_wrong_order(life):
    seals = life.book().seals
    empty = next(two for two in pairwise(seals) if two[0].entries == two[1].entries)
    one, two = seals.index(empty[0]), seals.index(empty[1])
    seals[one], seals[two] = seals[two], seals[one]


@breaks("INV-ONE-EFFECT")
def a_key_that_posted_twice(life):
    for _ in range(2):
        life.post("move_in", ("1003", 7), (TRANSIT, -7), serial="once")


# Reversals


def mirror(entry):
    return [(account, -amount_fen) for account, amount_fen in entry.legs]


@breaks("INV-REVERSAL-ONCE")
def a_transfer_reversed_twice(life):
    again = life.entry("reverse", last=True)
    book = life.book()
    original = book.original_of(again.core_serial)
    # On the open day, where the original is moved, too: only that it is the second is wrong.
    first = next(e for e in book.entries if e.core_serial == original)
    for entry in (first, again):
        book.entries.remove(entry)
        book.entries.append(entry)
        entry.accounting_date = book.on
    _lower_seals(life, again, first)
    life.post("reverse", *again.legs, original=original)


def _lower_seals(life, *moved):
    """Have the last seals lie lower by the entries that were moved up from under them."""
    book = life.book()
    book.seals[-1] = book.seals[-1]._replace(entries=book.seals[-1].entries - len(moved))


@breaks("INV-REVERSAL-ONCE")
def a_reversal_of_nothing(life):
    life.post("reverse", ("1003", 7), (TRANSIT, -7), original="no such serial")


@breaks("INV-REVERSAL-ONCE")
def a_reversal_of_another_amount(life):
    original = life.post("move_in", ("1003", 7), (TRANSIT, -7), serial="seven")
    life.post("reverse", ("1003", -6), (TRANSIT, 6), original=original.core_serial)


@breaks("INV-REVERSAL-ONCE")
def a_reversal_on_a_later_day(life):
    original = life.entry("transfer_out", last=True)
    old = life.entry("settle", last=True)
    assert old.accounting_date < original.accounting_date
    life.post("reverse", *mirror(old), original=old.core_serial)


# Customers' accounts


def account_of(life, name):
    app_account = life.loan(name).account
    return f"2011.02:{app_account}"


@breaks("INV-NO-OVERDRAFT", causes=("INV-CHAIN",))
def an_overdrawn_account(life):
    account = account_of(life, "careful")
    left_fen = -life.book(CAREFUL).balances()[account]
    life.post("exempt_out", (account, left_fen + 1), ("1003", -left_fen - 1), bank=CAREFUL)


@breaks("INV-NO-OVERDRAFT", causes=("INV-CHAIN",))
def an_account_overdrawn_for_a_moment(life):
    account = account_of(life, "careful")
    left_fen = -life.book(CAREFUL).balances()[account]
    for number, sign in enumerate((1, -1)):
        amount_fen = sign * (left_fen + 1)
        legs = (account, amount_fen), ("1003", -amount_fen)
        life.post("exempt_out", *legs, bank=CAREFUL, serial=f"moment {number}")


def rich(life):
    """Bring much money in from the bound account, which counts on no limit; name the account."""
    account = account_of(life, "automatic")
    life.post("move_in", ("1003", 10 * YEAR_FEN), (account, -10 * YEAR_FEN), serial="rich")
    return account


@breaks("INV-CLASS2-CAPS")
def a_fen_more_than_may_leave_a_class_two_account_in_a_day(life):
    account = rich(life)
    for number, amount_fen in enumerate((DAY_FEN, 1)):
        legs = (account, amount_fen), ("1003", -amount_fen)
        life.post("transfer_out", *legs, serial=f"out {number}")


@breaks("INV-CLASS2-CAPS")
def a_fen_more_than_may_come_in_on_a_day(life):
    account = rich(life)
    for number, amount_fen in enumerate((DAY_FEN, 1)):
        legs = (account, -amount_fen), ("1003", amount_fen)
        life.post("transfer_in", *legs, serial=f"in {number}")


@breaks("INV-CLASS2-CAPS", "INV-EOD-ISOLATION")  # and none of ours closed the days
def a_fen_more_than_may_leave_in_a_year(life):
    account, book = rich(life), life.book()
    waiting_fen = book.totals[TRANSIT]
    life.post("settle", (TRANSIT, -waiting_fen), ("1003", waiting_fen), serial="settled")
    for amount_fen in (*[DAY_FEN] * (YEAR_FEN // DAY_FEN), 1):
        life.post("transfer_out", (account, amount_fen), ("1003", -amount_fen), serial="out")
        book.seals.append(Seal(book.on, len(book.entries), ""))
        book.on += A_DAY
    life.rewrite()


@breaks("INV-CLASS2-CAPS", causes=("INV-CHAIN",))
def a_commit_above_the_limit_of_the_year(life):
    account = rich(life)
    life.post("commit", (account, YEAR_FEN + 1), ("1003", -YEAR_FEN - 1))


@breaks("INV-CLASS2-CAPS")
def a_payout_refused_for_a_limit_that_is_not_its_own(life):
    order = life.order(DisburseQuery)
    order.answer.code = CoreCode.OVER_LIMIT


@pytest.mark.parametrize(
    "kind", ["exempt_in", "exempt_out", "move_in", "move_out"], ids=lambda kind: kind
)
def test_what_is_outside_the_limits_breaks_none(life, kind):
    account = rich(life)
    sign = -1 if kind.endswith("in") else 1
    life.post(kind, (account, sign * 2 * YEAR_FEN), ("1003", -sign * 2 * YEAR_FEN))

    assert life.names() == []


def test_a_fee_and_a_reversed_transfer_do_not_count(life):
    account = rich(life)
    fee = (account, DAY_FEN + 300), ("1003", -DAY_FEN), ("6021", -300)
    undone = life.post("transfer_out", *fee, serial="with a fee")
    life.post("reverse", *mirror(undone), original=undone.core_serial, serial="undone")
    life.post("transfer_out", *fee, serial="again")

    assert life.names() == []


def test_the_loans_own_money_is_far_above_the_limits_and_breaks_none(life):
    paid = [order.query.amount_fen for order in life.all(Instruction) if of(order, DisburseQuery)]
    taken = [order.query.total_fen for order in life.all(Instruction) if of(order, CollectQuery)]

    assert max(paid) > DAY_FEN
    assert max(taken) > 300_000
    assert {account.opened for account in life.all(Account)} == {True, False}
    assert life.names() == []


def of(order, query):
    return isinstance(order.query, query)


@pytest.mark.parametrize("how", ways_of(__name__))
def test_what_is_broken_is_reported_first_and_nothing_else(how):
    judge(how)
