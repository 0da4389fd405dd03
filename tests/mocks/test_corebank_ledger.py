"""The ledger by properties: histories of any requests, sent any number of times, add up."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ports.corebank import (
    AccountClass,
    Adjustment,
    AdjustQuery,
    CollectQuery,
    CoreCode,
    Direction,
    DisburseQuery,
    Key,
    Leg,
    MoveQuery,
    OpenQuery,
    Outcome,
    OutcomeQuery,
    ReverseQuery,
)
from mocks.corebank.accounts import LIMITS, Deposit, Flow
from mocks.corebank.behaviour import CoreBank
from mocks.corebank.chart import CARD, CHART, DEPOSITS, LOAN_CODES, OTHER, TEMPLATES
from mocks.corebank.ledger import GENESIS, Account, Book, link

START, NEXT = date(2020, 7, 1), date(2020, 7, 2)


# The tables.


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_template_names_each_account_once_and_both_sides(kind):
    lines = TEMPLATES[kind]

    assert max(Counter(line.account for line in lines).values()) == 1
    assert {line.side for line in lines} == {1, -1}
    assert all(line.account in CHART or line.account in (CARD, OTHER) for line in lines)


def test_customers_and_loans_are_guarded():
    guarded = {row.code for row in CHART.values() if row.guard}

    assert guarded >= {*DEPOSITS.values(), *LOAN_CODES}


# One book.


def filled():
    book = Book(START)
    for n in range(1, 4):
        moves = [(book.account("1303.01", f"L{n}"), 100 * n), (book.account("1003"), -100 * n)]
        book.post(Key("b", "app", START, f"s{n}"), "disburse", START, moves)
    return book


def test_an_entry_that_does_not_balance_is_our_own_bug_and_changes_nothing():
    book = filled()
    before = book.balances(), list(book.entries), book.head

    with pytest.raises(AssertionError):
        book.post(Key("b", "app", START, "x"), "disburse", START, [(book.account("1003"), 1)])
    assert (book.balances(), book.entries, book.head) == before


def test_a_book_that_was_left_alone_holds():
    assert filled().first_broken() is None
    assert Book(START).first_broken() is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("legs", (Leg("1303.01:L2", 999), Leg("1003", -999))),
        ("legs", (Leg("1303.01:L2", 200), Leg("1003", -199))),
        ("accounting_date", START + timedelta(days=1)),
        ("kind", "collect"),
        ("key", Key("b", "app", START, "other")),
        ("core_serial", "0" * 16),
        ("chain", "0" * 64),
    ],
)
def test_the_chain_names_the_entry_that_was_altered(field, value):
    book = filled()

    setattr(book.entries[1], field, value)

    assert book.first_broken() == 1


def test_a_missing_entry_and_a_changed_balance_are_seen():
    shorter, richer, heavier = filled(), filled(), filled()
    del shorter.entries[0]
    richer.account("1003").balance_fen += 1
    heavier.totals["1303.01"] -= 1

    assert (shorter.first_broken(), richer.first_broken(), heavier.first_broken()) == (0, 3, 3)


def test_the_chain_covers_whom_a_correction_undid():
    book = filled()
    moves = [(book.account("1303.01", "L3"), -300), (book.account("1003"), 300)]
    undone = book.entries[2].core_serial
    book.post(Key("b", "app", START, "u"), "reverse", START, moves, undone)
    assert book.first_broken() is None

    book.links[book.entries[3].core_serial] = book.entries[1].core_serial

    assert book.first_broken() == 3


def forged(book, legs):
    """Replace the last entry's legs, and make chain, balances and totals fit."""
    entry = book.entries[-1]
    for name, fen in entry.legs:
        book.accounts[name].balance_fen -= fen
        book.accounts[name].booked = name != "1303.01:L3"
        book.totals[book.accounts[name].code] -= fen
    entry.legs = legs
    for name, fen in legs:
        account = book.account(*name.split(":", 1))
        account.balance_fen += fen
        account.booked = True
        book.totals[account.code] += fen
    entry.chain = book.head = link(book.entries[-2].chain, entry, "")
    return book


@pytest.mark.parametrize(
    ("legs", "place"),
    [
        ((Leg("1303.01:L1", -100), Leg("1003", 100)), None),  # repaid: that may be
        ((Leg("1303.01:L1", -101), Leg("1003", 101)), 2),  # more than was owed
        ((Leg("1303.01:L1", 100), Leg("M9999", -100)), 2),  # the memo books are a world apart
        ((Leg("1303.01:L1", 100), Leg("1003", -99)), 2),
    ],
)
def test_an_entry_that_could_never_have_been_booked_is_seen_though_all_else_fits(legs, place):
    assert forged(filled(), legs).first_broken() == place


def ended():
    """A book whose first date was sealed over an entry ahead."""
    book = filled()
    moves = [(book.account("1303.01", "L9"), 5), (book.account("1003"), -5)]
    book.post(Key("b", "app", START, "ahead"), "disburse", NEXT, moves)
    return book


def test_an_entry_ahead_joins_the_chain_at_the_seal():
    book = ended()
    before = book.balances()
    assert (book.totals["1303.01"], book.all_totals()["1303.01"]) == (600, 605)
    assert book.ahead[0].chain == link(GENESIS, book.ahead[0], "")
    assert book.first_broken() is None

    seal = book.seal(NEXT)

    assert (seal.on, seal.entries, seal.chain) == (START, 3, book.entries[2].chain)
    assert book.entries[3].chain == link(seal.chain, book.entries[3], "")
    assert (book.ahead, book.totals["1303.01"], book.balances()) == ([], 605, before)
    assert book.first_broken() is None


@pytest.mark.parametrize("field", ["kind", "legs", "key", "accounting_date", "chain"])
def test_what_stands_ahead_is_looked_at_as_well(field):
    book = ended()
    legs = (Leg("1303.01:L9", 6), Leg("1003", -6))
    changed = {
        "kind": "collect",
        "legs": legs,
        "key": Key("b", "app", START, "x"),
        "accounting_date": START,
        "chain": "",
    }
    setattr(book.ahead[0], field, changed[field])

    assert book.first_broken() == 3
    with pytest.raises(AssertionError, match="was altered"):
        book.seal(NEXT)
    assert book.seals == []


@pytest.mark.parametrize(
    "change",
    [
        {"on": NEXT},
        {"on": START - timedelta(days=1)},
        {"entries": 2},
        {"entries": 4},
        {"entries": 99},
        {"chain": "0" * 64},
    ],
)
def test_a_seal_stands_where_its_date_ends(change):
    book = ended()
    book.seal(NEXT)
    assert book.first_broken() is None

    book.seals[0] = book.seals[0]._replace(**change)

    assert book.first_broken() == 4


def test_a_sealed_date_takes_no_entry():
    book = ended()
    book.seal(NEXT)

    with pytest.raises(AssertionError, match="is sealed"):
        book.post(
            Key("b", "app", START, "late"),
            "disburse",
            START,
            [(book.account("1003"), 1), (book.account("6021"), -1)],
        )
    assert book.first_broken() is None


# Histories.

fens = st.integers(1, 60_000)
loans = st.sampled_from(["L1", "L2", "L3"])
accounts = st.sampled_from(["class I", "class II", "nobody"])
parts = st.integers(0, 30_000)
requests = st.one_of(
    st.tuples(st.just("disburse"), loans, accounts, fens),
    st.tuples(st.just("collect"), loans, accounts, parts, parts, parts, parts),
    st.tuples(st.just("adjust"), loans, st.sampled_from(list(Adjustment)), fens),
    st.tuples(st.just("move"), accounts, st.sampled_from(list(Direction)), fens),
    st.tuples(st.just("reverse"), st.integers(0, 30)),
)
deeds = st.lists(
    st.one_of(
        st.tuples(st.just("send"), requests),
        st.tuples(st.just("send"), requests),
        st.tuples(st.just("send"), requests),
        st.tuples(st.just("again"), st.integers(0, 30)),
        st.tuples(st.just("other"), st.integers(0, 30), requests),
        st.tuples(st.just("fence"), st.integers(0, 40)),
        st.tuples(st.just("day"), st.just(1)),
    ),
    max_size=40,
)


class Story:
    """Plays deeds on a core of one bank and remembers what was said of each key."""

    def __init__(self, people, cards, trace):
        self.core = CoreBank(people, {"b01": "629001"}, START)
        self.trace = trace()
        self.cards = dict(cards)
        self.sent: list[tuple] = []
        self.said: dict[str, list] = {}
        self.fenced: set[str] = set()
        wang = people.people[1]
        bound = wang.cards[0].number
        opening = OpenQuery(self.key("open"), wang.name, wang.id_number, wang.phone, bound)
        self.cards["class II"] = self.core.open_account(self.trace, opening, 0.0, None).account

    def key(self, serial):
        return Key("b01", "app", START, serial)

    def query(self, serial, request):
        kind, *rest = request
        key = self.key(serial)
        if kind == "disburse":
            return DisburseQuery(key, rest[0], self.cards[rest[1]], rest[2])
        if kind == "collect":
            return CollectQuery(key, rest[0], self.cards[rest[1]], *rest[2:])
        if kind == "adjust":
            return AdjustQuery(key, *rest)
        if kind == "move":
            return MoveQuery(key, self.cards[rest[0]], *rest[1:])
        return ReverseQuery(key, self.key(f"s{rest[0]}"))

    def send(self, serial, request):
        before = self.core.entries("b01"), self.core.balances("b01")
        answer = getattr(self.core, request[0])(self.trace, self.query(serial, request), 0.0, None)
        if answer.outcome is not Outcome.DONE or answer.replayed:
            assert self.core.entries("b01") == before[0]
            assert self.core.balances("b01") == before[1]
        return answer

    def play(self, deed, *arguments):
        if deed == "send":
            serial = f"s{len(self.sent)}"
            self.sent.append(arguments[0])
            self.said[serial] = [self.send(serial, arguments[0])]
        elif deed == "again" and arguments[0] < len(self.sent):
            serial = f"s{arguments[0]}"
            self.said[serial].append(self.send(serial, self.sent[arguments[0]]))
        elif deed == "other" and arguments[0] < len(self.sent):
            if self.sent[arguments[0]] != arguments[1]:
                answer = self.send(f"s{arguments[0]}", arguments[1])
                assert answer.outcome is Outcome.REJECTED
        elif deed == "fence":
            key = self.key(f"s{arguments[0]}")
            answer = self.core.outcome(self.trace, OutcomeQuery(key, fence=True), 0.0, None)
            if answer.outcome is Outcome.NOT_FOUND:
                self.fenced.add(key.serial)
        elif deed == "day":
            today = self.core.accounting_date("b01")
            self.core.close_day("b01", today + timedelta(days=1))


@pytest.fixture(scope="module")
def story(make_person, make_card, make_town, trace):
    li = make_person("li", cards=(make_card(1, balance_fen=100_000),))
    wang = make_person("wang", birth=date(1990, 2, 3), cards=(make_card(7, "out", bin_="629900"),))
    cards = {"class I": li.cards[0].number, "nobody": make_card(9).number}
    return lambda: Story(make_town(li, wang), cards, trace)


def played(story, history):
    played = story()
    for deed in history:
        played.play(*deed)
    return played


@given(deeds)
def test_balances_are_the_history_and_every_entry_balances(story, history):
    core = played(story, history).core
    sums: Counter = Counter()
    for entry in core.entries("b01"):
        assert sum(leg.amount_fen for leg in entry.legs) == 0
        for account, amount_fen in entry.legs:
            sums[account] += amount_fen
            if account.startswith("2011"):
                assert sums[account] <= 0  # no customer's account is ever overdrawn
            if account.startswith(("1303", "1132")):
                assert sums[account] >= 0  # nobody repays more than is owed

    assert core.balances("b01") == sums
    by_code: Counter = Counter()
    for name, fen in sums.items():
        by_code[name.partition(":")[0]] += fen
    assert core.totals("b01") == dict.fromkeys(CHART, 0) | dict(by_code)
    assert core.verify_chain("b01")


@given(deeds)
def test_a_key_is_answered_the_same_for_ever_and_posts_at_most_once(story, history):
    told = played(story, history)
    posted = Counter(entry.key.serial for entry in told.core.entries("b01"))

    for serial, answers in told.said.items():
        first = answers[0]
        assert {(a.outcome, a.code, a.core_serial) for a in answers} == {
            (first.outcome, first.code, first.core_serial)
        }
        assert first.code is CoreCode.FENCED or all(answer.replayed for answer in answers[1:])
        assert posted[serial] == (first.outcome is Outcome.DONE)


@given(deeds)
def test_a_fenced_key_never_posts(story, history):
    told = played(story, history)
    posted = {entry.key.serial for entry in told.core.entries("b01")}

    assert not posted & told.fenced
    for serial in told.fenced & told.said.keys():
        assert told.said[serial][0].outcome is Outcome.REJECTED


@given(deeds)
def test_dates_and_serials_only_go_forward_and_nothing_is_reversed_twice(story, history):
    core = played(story, history).core
    entries = core.entries("b01")

    days = [entry.accounting_date for entry in entries]
    assert days == sorted(days)
    assert len({entry.core_serial for entry in entries}) == len(entries)
    originals = Counter(
        core.original_of("b01", entry.core_serial) for entry in entries if entry.kind == "reverse"
    )
    by_serial = {entry.core_serial: entry for entry in entries}
    for serial, times in originals.items():
        assert times == 1
        assert by_serial[serial].kind != "reverse"


@given(st.lists(st.tuples(loans, fens), min_size=1, max_size=20))
def test_two_customers_serials_do_not_depend_on_their_order(story, payouts):
    requests = [
        ("disburse", f"{loan}-{n}", "class I", fen) for n, (loan, fen) in enumerate(payouts)
    ]

    def serials(order):
        told = story()
        for n in order:
            told.send(f"s{n}", requests[n])
        return {
            entry.key.serial: (entry.core_serial, entry.legs) for entry in told.core.entries("b01")
        }

    forward = range(len(requests))
    assert serials(forward) == serials(reversed(forward))


# The counters of class II.


def test_class_two_counts_a_day_and_a_year_in_two_directions(make_card):
    day, later = date(2020, 7, 1), date(2020, 7, 2)
    card = make_card(1).number
    deposit = Deposit(card, AccountClass.II, "", Account("2011.02", card.text))
    limit = LIMITS[AccountClass.II, Flow.OUT]

    deposit.count(Flow.OUT, day, 900_000)

    assert deposit.room_fen(Flow.OUT, day) == limit.day_fen - 900_000
    assert deposit.room_fen(Flow.OUT, later) == limit.day_fen
    assert deposit.room_fen(Flow.IN, day) == limit.day_fen
    deposit.count(Flow.OUT, later, limit.year_fen - 900_000 - 5)
    assert deposit.room_fen(Flow.OUT, date(2020, 12, 31)) == 5
    assert deposit.room_fen(Flow.OUT, date(2021, 1, 1)) == limit.day_fen


def test_class_one_has_no_limit(make_card):
    card = make_card(1).number
    deposit = Deposit(card, AccountClass.I, "", Account("2011.01", card.text))

    assert deposit.room_fen(Flow.OUT, START) is None
