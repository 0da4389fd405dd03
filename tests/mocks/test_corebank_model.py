"""A model of the core that knows no ledger, a play of both side by side, and the core broken.

The model keeps amounts by name and applies what each request says it does, once its answer is
DONE. A request must be taken exactly when that leaves every amount where it belongs; what holds of
the books (corebank.md 6.6: 1 to 20, 37, 42, 43) is looked at after every deed. Here the core is
broken in one place after another, and each break must be seen; test_corebank_machine.py plays
random deeds on a sound one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.ports.corebank import (
    AccountAct,
    AccountClass,
    AccountQuery,
    Adjustment,
    AdjustQuery,
    BalanceQuery,
    BankQuery,
    CollectQuery,
    CoreCode,
    Direction,
    DisburseQuery,
    Key,
    MoveQuery,
    OpenQuery,
    Outcome,
    OutcomeQuery,
    ReserveQuery,
    ResolveQuery,
    ReverseQuery,
    Stage,
    TransferQuery,
)
from mocks.corebank import corrections, day, files, transfers, writes
from mocks.corebank.accounts import Count, Deposit
from mocks.corebank.bank import Bank
from mocks.corebank.behaviour import CoreBank
from mocks.corebank.ledger import Book
from mocks.corebank.reservations import Reservation
from mocks.corebank.writes import ACTS

START = date(2020, 12, 30)  # the year turns on the way
BINS = {"b01": "629001", "b02": "629002"}
IN, OUT = Direction.IN, Direction.OUT
A = Adjustment

# What each adjustment does to a loan's figures.
POTS = {
    A.ACCRUE_INTEREST: {"interest": 1},
    A.ACCRUE_PENALTY: {"penalty": 1},
    A.TO_OVERDUE: {"normal": -1, "overdue": 1},
    A.TO_NORMAL: {"overdue": -1, "normal": 1},
    A.NORMAL_TO_NON_ACCRUAL: {"normal": -1, "stopped": 1},
    A.OVERDUE_TO_NON_ACCRUAL: {"overdue": -1, "stopped": 1},
    A.NON_ACCRUAL_TO_NORMAL: {"stopped": -1, "normal": 1},
    A.NON_ACCRUAL_TO_OVERDUE: {"stopped": -1, "overdue": 1},
    A.REVERSE_INTEREST: {"interest": -1, "memo_interest": 1},
    A.REVERSE_PENALTY: {"penalty": -1, "memo_penalty": 1},
    A.RESTORE_INTEREST: {"memo_interest": -1, "interest": 1},
    A.RESTORE_PENALTY: {"memo_penalty": -1, "penalty": 1},
    A.MEMO_INTEREST: {"memo_interest": 1},
    A.MEMO_PENALTY: {"memo_penalty": 1},
    A.PROVIDE: {"allowance": 1},
    A.RELEASE: {"allowance": -1},
    A.WRITE_OFF: {"allowance": -1, "stopped": -1, "written_off": 1},
    A.SUSPEND_OUT: {"normal": -1, "out": 1},
    A.CLEAR_OUT: {"out": -1, "normal": 1},
    A.SUSPEND_IN: {"normal": 1, "in": 1},
    A.CLEAR_IN: {"in": -1, "normal": -1},
}
# Where the ledger keeps them; the sign turns a credit into an amount.
WHERE = {
    "normal": ("1303.01", 1),
    "overdue": ("1303.02", 1),
    "stopped": ("1303.03", 1),
    "interest": ("1132.01", 1),
    "penalty": ("1132.02", 1),
    "memo_interest": ("M9001.01", 1),
    "memo_penalty": ("M9001.02", 1),
    "written_off": ("M9002", 1),
    "allowance": ("1304", -1),
    "out": ("1221.09", 1),
    "in": ("2241.09", -1),
}
PARTS = {
    "principal_fen": "normal",
    "overdue_principal_fen": "overdue",
    "interest_fen": "interest",
    "penalty_fen": "penalty",
    "non_accrual_principal_fen": "stopped",
    "memo_interest_fen": "memo_interest",
    "memo_penalty_fen": "memo_penalty",
    "recovered_fen": "written_off",
}
LIMIT_FEN = {"II": (1_000_000, 20_000_000), "III": (200_000, 5_000_000)}  # a day, a year
CAP_FEN = 200_000  # of class III


class Holding:
    """What the model knows of an account. ``house`` is its bound card, kept by the same bank."""

    def __init__(self, bank, kind, bound=None, house=None):
        self.bank, self.kind, self.bound, self.house = bank, kind, bound, house
        self.confirmed, self.frozen = kind == "I", False


class Model:
    """Amounts by name, and what every key has come to.

    The names are ("money", card), ("pot", loan, name) and ("count", card, way, date or year).
    """

    def __init__(self):
        self.holdings = {}
        self.fen = Counter()
        self.loans = set()
        self.aside = {}  # a reservation's key: card, fen, when it is over, the date it counts on
        self.ended = set()
        self.did = {}  # a key: the changes its posting has made
        self.undone = set()

    def aside_fen(self, card):
        return sum(fen for name, fen, _, _ in self.aside.values() if name == card)

    def fits(self, changes):
        """Whether everything stays where it belongs after some changes."""
        return all(
            self._fits(name, change, self.fen[name] + change) for name, change in changes.items()
        )

    def _fits(self, name, change, fen):
        if name[0] == "money":
            capped = self.holdings[name[1]].kind == "III" and change > 0
            return fen >= self.aside_fen(name[1]) and not (capped and fen > CAP_FEN)
        if name[0] == "count":
            return change <= 0 or fen <= self.limit(name)
        return fen >= 0

    def limit(self, name):
        return LIMIT_FEN[self.holdings[name[1]].kind][isinstance(name[3], int)]

    def counts(self, card, way, on, fen):
        """The changes of an account's counters."""
        kind = self.holdings[card].kind
        if kind == "I" or (kind == "III" and way == "in"):
            return {}
        return {("count", card, way, on): fen, ("count", card, way, on.year): fen}

    # What a request does, and whether it may: (may, changes).

    def disburse(self, query, dates):
        card, fen = query.account.text, query.amount_fen
        may = query.loan not in self.loans and not self.holdings[card].frozen
        return may, {("money", card): fen, ("pot", query.loan, "normal"): fen}

    def collect(self, query, dates):
        card = query.account.text
        paid = {pot: getattr(query, part) for part, pot in PARTS.items()}
        changes = {("pot", query.loan, pot): -fen for pot, fen in paid.items() if fen}
        changes["money", card] = -sum(paid.values())
        return query.loan in self.loans and not self.holdings[card].frozen, changes

    def adjust(self, query, dates):
        signs = POTS[query.adjustment].items()
        changes = {("pot", query.loan, pot): sign * query.amount_fen for pot, sign in signs}
        return query.loan in self.loans, changes

    def move(self, query, dates):
        card, sign = query.account.text, 1 if query.direction is IN else -1
        holding, changes = self.holdings[card], {("money", card): sign * query.amount_fen}
        payer = card
        if query.direction is IN:
            payer = holding.house
        if holding.house:
            changes["money", holding.house] = -sign * query.amount_fen
        frozen = payer is not None and self.holdings[payer].frozen
        return holding.bound is not None and not frozen, changes

    def transfer(self, query, dates):
        sign = -1 if query.direction is OUT else 1
        ends = [query.account.text, *([query.other.text] if query.other else [])]
        may, changes = len(set(ends)) == len(ends), Counter()
        for place, card in enumerate(ends):
            pays, holding = (sign < 0) == (place == 0), self.holdings[card]
            fee_fen = query.fee_fen if pays and place == 0 else 0
            changes["money", card] += -query.amount_fen - fee_fen if pays else query.amount_fen
            bound = len(ends) == 2 and holding.bound == ends[1 - place]
            counted = query.purpose != "investment" and not bound
            may = may and not (pays and holding.frozen)
            may = may and (pays or not counted or holding.confirmed)
            if counted:
                way = "out" if pays else "in"
                changes.update(self.counts(card, way, dates[place], query.amount_fen))
        return may and not (sign > 0 and query.fee_fen), changes

    def reserve(self, query, dates):
        card = query.account.text
        free_fen = self.fen["money", card] - self.aside_fen(card)
        may = free_fen >= query.amount_fen and not self.holdings[card].frozen
        return may, self.counts(card, "out", dates[0], query.amount_fen)

    def resolve(self, query, dates):
        found = self.aside.get(query.reservation)
        return found is not None and query.amount_fen <= found[1], {}

    def reverse(self, query, dates):
        made = self.did.get(query.original)
        may = made is not None and query.original not in self.undone
        return may, {name: -fen for name, fen in (made or {}).items()}

    def done(self, query, on, changes):
        """Apply what a request has done."""
        if isinstance(query, DisburseQuery):
            self.loans.add(query.loan)
        if isinstance(query, ReserveQuery):
            self.aside[query.key] = (query.account.text, query.amount_fen, query.expires_s, on)
        elif isinstance(query, ResolveQuery):
            card, _, _, counted_on = self.aside[query.reservation]
            self.end(query.reservation)
            if query.amount_fen:
                changes = self.counts(card, "out", counted_on, query.amount_fen)
                changes["money", card] = -query.amount_fen
                self.did[query.key] = changes
        elif isinstance(query, ReverseQuery):
            self.undone.add(query.original)
        else:
            self.did[query.key] = changes
        self.fen.update(changes)

    def end(self, key):
        """End a reservation: all of its count goes back."""
        assert key not in self.ended, "a reservation ended twice"
        self.ended.add(key)
        card, fen, _, counted_on = self.aside.pop(key)
        self.fen.subtract(self.counts(card, "out", counted_on, fen))

    def expire(self, until_s, bank=None):
        """End the reservations whose time is over."""
        for key, (_, _, expires_s, _) in list(self.aside.items()):
            if expires_s is not None and expires_s <= until_s and bank in (None, key.bank):
                self.end(key)


class Play:
    """A core of two banks, the model beside it, and everything that was ever said."""

    def __init__(self, town, trace):
        self.town, self.trace, self.now_s = town, trace, 0.0
        self.core, self.model = CoreBank(town, BINS, START), Model()
        self.cards, self.log = {}, []
        self.sent, self.said, self.running = {}, {}, {}
        self.fenced = set()
        self.seen, self.dates = {bank: {} for bank in BINS}, dict.fromkeys(BINS, START)
        for person, bank in zip(town.people, BINS, strict=True):
            card = person.cards[0]
            self.cards[card.number.text] = card.number
            self.model.holdings[card.number.text] = Holding(bank, "I")
            self.model.fen["money", card.number.text] = card.balance_fen

    @classmethod
    def of(cls, make_person, make_card, make_town, trace):
        """A play of Li, who has 1,000 yuan at b01, and Wang, who has 700 at b02."""
        li = make_person("li", cards=(make_card(1, balance_fen=100_000),))
        card = make_card(2, "b02", bin_="629002", balance_fen=70_000)
        wang = make_person("wang", name="王芳", birth=date(1990, 2, 3), cards=(card,))
        return cls(make_town(li, wang), trace)

    # How the core is told something.

    def card(self, number):
        """One of the accounts, and its bank."""
        texts = list(self.cards)
        text = texts[number % len(texts)]
        return self.cards[text], self.model.holdings[text].bank

    def key(self, bank="b01", channel="app"):
        return Key(bank, channel, START, f"s{len(self.sent)}")

    def ask(self, name, query, bank):
        self.log.append(("ask", name, query, bank, self.now_s))
        return getattr(self.core, name)(self.trace(bank=bank), query, self.now_s, None)

    def tell(self, name, *given):
        self.log.append(("tell", name, *given))
        return getattr(self.core, name)(*given)

    def tick(self, bank="b01"):
        """Let the core and the model do what has fallen due; return the bank's day."""
        found = self.ask("day", BankQuery(bank), bank)
        self.model.expire(self.now_s)
        self.settle()
        self.model.expire(self.now_s)
        return found

    def settle(self):
        """Take over what has become of accepted writes meanwhile, in the order of posting."""
        places = {e.key: n for bank in BINS for n, e in enumerate(self.core.entries(bank))}
        for key in sorted(self.running, key=lambda key: places.get(key, -1)):
            fate = self.core.fate(key)
            if fate.outcome is not Outcome.IN_PROGRESS:
                self.said[key] = fate
                self.believe(self.running.pop(key), fate, plain=False)

    # Deeds.

    def write(self, query, fault=None):
        """Send a new request, and hold its answer against what the model expects."""
        key = query.key
        self.sent[key] = query
        days = [self.tick(bank) for bank in BINS]
        plain = fault is None and all(d.stage is Stage.OPEN and not d.held for d in days)
        self.plan(fault)
        answer = self.ask(ACTS[type(query)][0], query, key.bank)
        self.plan(None)
        self.settle()
        if answer.retryable:
            assert not plain
            del self.sent[key]
            return answer
        self.said[key] = answer
        if fault is None and answer.outcome is Outcome.DONE:
            assert answer.accounting_date == self.date_of(query, days[list(BINS).index(key.bank)])
        if answer.outcome is Outcome.IN_PROGRESS:
            self.running[key] = query
        else:
            self.believe(query, answer, plain)
        return answer

    def date_of(self, query, found):
        """The date a write is booked on: from the cut-off on the next one, but for our batch's."""
        on, customers = found.accounting_date, not isinstance(query, AdjustQuery)
        batch = query.key.channel == "loan-batch" and not isinstance(query, ResolveQuery)
        late = found.stage is not Stage.OPEN and customers and not batch
        return on + timedelta(days=1) if late else on

    def plan(self, fault):
        """Plan a fault for the next request, or none."""
        self.log.append(("plan", fault))
        self.core.faults = [replace(fault)] if fault else []

    def believe(self, query, answer, plain):
        """Apply a final answer to the model; where nothing else goes on, it must expect it."""
        name = ACTS[type(query)][0]
        if query.key in self.fenced:
            assert answer.code is CoreCode.FENCED, "a fenced key was taken"
            return
        original = getattr(query, "original", None)
        if original is not None and self.core.fate(original).code is CoreCode.FENCED:
            self.fenced.add(original)
        if name in ("account", "open_account"):
            return
        may, changes = getattr(self.model, name)(query, self.dates_of(query, answer))
        good = may and self.model.fits(changes)
        if answer.outcome is Outcome.DONE:
            assert good, f"{query} was done and should not be"
            self.model.done(query, answer.accounting_date, changes)
        elif plain and name != "reverse":  # which knows dates and other ends, too
            assert not good, f"{query} was refused ({answer.code}) and should not be"

    def dates_of(self, query, answer):
        """The accounting dates of a transfer's two ends."""
        other = getattr(query, "other", None)
        dates = [answer.accounting_date] * 2
        there = self.model.holdings[other.text].bank if other else query.key.bank
        if there != query.key.bank:
            serial = f"{query.key.bank}/{query.key.channel}/{query.key.serial}"
            found = [e for e in self.core.entries(there) if e.key.serial == serial]
            dates[1] = found[0].accounting_date if found else self.core.accounting_date(there)
        return dates

    def open(self, number, account_class):
        """Have Li or Wang open an account at b01."""
        person = self.town.people[number % 2]
        bound = person.cards[0].number
        answer = self.write(
            OpenQuery(
                self.key(),
                person.name,
                person.id_number,
                person.phone,
                bound,
                account_class=account_class,
            )
        )
        if answer.outcome is Outcome.DONE:
            house = bound.text if self.model.holdings[bound.text].bank == "b01" else None
            holding = Holding("b01", account_class.value, bound.text, house)
            self.cards[answer.account.text] = answer.account
            self.model.holdings[answer.account.text] = holding
        return answer.account

    def act(self, number, act):
        """Freeze, unfreeze or confirm an account."""
        card, bank = self.card(number)
        answer = self.write(AccountQuery(self.key(bank), card, act))
        holding = self.model.holdings[card.text]
        if answer.outcome is Outcome.DONE and act is AccountAct.CONFIRM:
            holding.confirmed = True
        elif answer.outcome is Outcome.DONE:
            holding.frozen = act is AccountAct.FREEZE

    def disburse(self, number, loan, fen, channel="app", fault=None):
        card, bank = self.card(number)
        query = DisburseQuery(self.key(bank, channel), f"{bank}-{loan}", card, fen)
        return self.write(query, fault)

    def collect(self, number, loan, parts, channel="app", fault=None):
        card, bank = self.card(number)
        query = CollectQuery(self.key(bank, channel), f"{bank}-{loan}", card, *parts)
        return self.write(query, fault)

    def adjust(self, bank, loan, adjustment, fen, fault=None):
        return self.write(AdjustQuery(self.key(bank), f"{bank}-{loan}", adjustment, fen), fault)

    def move(self, number, direction, fen, fault=None):
        card, bank = self.card(number)
        return self.write(MoveQuery(self.key(bank), card, direction, fen), fault)

    def transfer(self, number, direction, fen, other=None, fault=None, **more):
        card, bank = self.card(number)
        other = None if other is None else self.card(other)[0]
        return self.write(
            TransferQuery(self.key(bank), card, direction, fen, other=other, **more), fault
        )

    def reserve(self, number, fen, for_s=None):
        card, bank = self.card(number)
        expires_s = None if for_s is None else self.now_s + for_s
        return self.write(ReserveQuery(self.key(bank), card, fen, expires_s))

    def resolve(self, reservation, fen):
        return self.write(ResolveQuery(self.key(reservation.bank), reservation, fen))

    def reverse(self, original, channel="app", fault=None):
        return self.write(ReverseQuery(self.key(original.bank, channel), original), fault)

    def again(self, key, other=False):
        """Send something under a known key once more, or something else: nothing happens."""
        self.tick()
        query, before = self.sent[key], self.books()
        if other:
            query = AdjustQuery(key, "b01-L9", A.MEMO_PENALTY, 7)
        answer = self.ask(ACTS[type(query)][0], query, key.bank)
        said = self.said[key]
        if key in self.fenced:
            assert answer.code is CoreCode.FENCED
        elif other:
            assert answer.code is CoreCode.KEY_CONFLICT
        else:
            assert (answer.outcome, answer.code, answer.core_serial, answer.account) == (
                *(said.outcome, said.code, said.core_serial),
                said.account,
            )
        assert self.books() == before, "a repeat had an effect"

    def fence(self, key):
        self.tick()
        before = self.books()
        answer = self.ask("outcome", OutcomeQuery(key, fence=True), key.bank)
        assert self.books() == before, "a question moved money"
        if key in self.said and key not in self.fenced:
            assert answer.outcome is self.said[key].outcome
        else:
            assert answer.outcome is Outcome.NOT_FOUND
            self.fenced.add(key)

    def next_stage(self, bank):
        """Go on with a bank's day."""
        found = self.tick(bank)
        if found.stage is Stage.OPEN:
            self.tell("cutoff", bank)
        elif found.stage is Stage.CUTOFF:
            self.tell("begin_batch", bank)
        else:
            ended_s = ((found.accounting_date - START).days + 1) * 86_400.0
            self.core.after_step = lambda bank, step: self.settle() if step == "settle" else None
            self.tell("end_day", bank, found.accounting_date + timedelta(days=1))
            self.model.expire(ended_s, bank)
        self.settle()

    def hold(self, bank, held):
        self.tell("hold_writes", bank, held)

    # What must hold.

    def books(self):
        return [(self.core.entries(bank), self.core.balances(bank)) for bank in BINS]

    def check(self):
        for bank in BINS:
            self.tick(bank)
            entries = self.core.entries(bank)
            self.check_entries(bank, entries)
            self.check_dates(bank, entries)
            self.check_reservations(bank)
        self.check_money()
        self.check_counts()
        self.check_keys()

    def check_entries(self, bank, entries):
        """(1) to (5), (8), (9), and that nothing is undone twice (20)."""
        sums, by_code = Counter(), Counter()
        for entry in entries:
            assert entry.key.bank == bank, "an entry crosses two banks"
            assert sum(leg.amount_fen for leg in entry.legs) == 0, "an entry does not balance"
            for account, fen in entry.legs:
                code, _, sub = account.partition(":")
                sums[account] += fen
                by_code[code] += fen
                if code.startswith("2011"):
                    assert sums[account] <= 0, "a customer's account is overdrawn"
                    assert self.model.holdings[sub].bank == bank
        assert self.core.balances(bank) == sums
        totals = self.core.totals(bank)
        assert {code: fen for code, fen in totals.items() if fen} == {
            code: fen for code, fen in by_code.items() if fen
        }
        now = {e.core_serial: (e.accounting_date, e.key, e.kind, e.legs) for e in entries}
        assert self.seen[bank].items() <= now.items(), "an entry was changed or removed"
        self.seen[bank] = now
        undone = Counter(self.core.original_of(bank, e.core_serial) for e in entries)
        assert {times for serial, times in undone.items() if serial} <= {1}, "undone twice"

    def check_dates(self, bank, entries):
        """(8) as to clearing, (42) and (43)."""
        assert entries == sorted(entries, key=lambda each: each.accounting_date)
        assert self.core.accounting_date(bank) >= self.dates[bank], "the date went back"
        self.dates[bank] = self.core.accounting_date(bank)
        begin, sealed = 0, {seal.on for seal in self.core.seals(bank)}
        for seal in self.core.seals(bank):
            date_s = entries[begin : seal.entries]
            begin = seal.entries
            assert {entry.accounting_date for entry in date_s} <= {seal.on}
            assert seal.chain == (entries[begin - 1].chain if begin else seal.chain)
            asked = BankQuery(bank, seal.on)
            told = self.core.general_ledger(self.trace(bank=bank), asked, self.now_s, None)
            assert told.totals["3001.01"] == told.totals["3001.02"] == 0, "still in transit"
            content = self.core.reconciliation(self.trace(bank=bank), asked, self.now_s, None)
            head, *lines, _ = [line.split("|") for line in content.content.splitlines()]
            ours = [entry for entry in date_s if entry.key.channel != "core"]
            assert [line[4] for line in lines] == [entry.core_serial for entry in ours]
            assert [int(fen) for fen in head[4:]] == [
                len(ours),
                sum(int(line[7]) for line in lines),
            ], "the file's totals are wrong"
        assert not any(entry.accounting_date in sealed for entry in entries[begin:])

    def check_reservations(self, bank):
        """(2) as to what is pending, (17) to (19)."""
        assert sum(self.core.pending(bank).values()) == 0
        for found in self.core.reservations(bank):
            assert 0 <= found.committed_fen <= found.amount_fen
            assert (found.state == "live") == (found.key in self.model.aside)

    def check_money(self):
        """That accounts and loans stand as the model says."""
        for text, card in self.cards.items():
            bank = self.model.holdings[text].bank
            told = self.core.balance(self.trace(bank=bank), BalanceQuery(card), self.now_s, None)
            assert told.balance_fen == self.model.fen["money", text]
            assert told.reserved_fen == self.model.aside_fen(text)
            assert told.balance_fen >= told.reserved_fen, "more is set aside than there is"
        for name, fen in self.model.fen.items():
            if name[0] == "pot":
                code, sign = WHERE[name[2]]
                balances = self.core.balances(name[1].partition("-")[0])
                assert balances.get(f"{code}:{name[1]}", 0) == sign * fen, name

    def check_counts(self):
        """(37)."""
        counted = {
            ("count", deposit.card.text, way.value, period): fen
            for bank in BINS
            for deposit in self.core.deposits(bank)
            for (way, period), fen in deposit.counted_fen.items()
            if fen
        }
        for name, fen in counted.items():
            assert 0 < fen <= self.model.limit(name), "a limit was exceeded"
        wanted = {name: fen for name, fen in self.model.fen.items() if name[0] == "count" and fen}
        assert counted == wanted

    def check_keys(self):
        """(10) to (13), (15), (16)."""
        posted = Counter(entry.key for bank in BINS for entry in self.core.entries(bank))
        assert set(posted.values()) <= {1}, "a key posted twice"
        for key, said in self.said.items():
            fate = self.core.fate(key)
            assert fate.outcome is said.outcome or key in self.fenced, "an answer was taken back"
            if said.outcome is not Outcome.DONE:
                assert key not in posted, "what was not done was posted"
            elif isinstance(self.sent[key], DisburseQuery | CollectQuery | AdjustQuery | MoveQuery):
                assert key in posted, "what was done was not posted"
        assert not posted.keys() & self.fenced, "a fenced key posted"
        for bank in BINS:
            told = self.core.open_keys(self.trace(bank=bank), BankQuery(bank), self.now_s, None)
            assert set(told) == {key for key in self.running if key.bank == bank}

    def check_whole(self):
        """(6) and (7): the chain holds, and the same deeds make the same books."""
        assert all(self.core.verify_chain(bank) for bank in BINS)
        other = CoreBank(self.town, BINS, START)
        for kind, *told in self.log:
            if kind == "plan":
                other.faults = [replace(told[0])] if told[0] else []
            elif kind == "tell":
                getattr(other, told[0])(*told[1:])
            else:
                name, query, bank, now_s = told
                getattr(other, name)(self.trace(bank=bank), query, now_s, None)
        for bank in BINS:
            assert other.entries(bank) == self.core.entries(bank)
            assert other.balances(bank) == self.core.balances(bank)
            assert other.seals(bank) == self.core.seals(bank)


@pytest.fixture
def play(make_person, make_card, make_town, trace):
    return Play.of(make_person, make_card, make_town, trace)


def known(play, serial, bank="b01"):
    return Key(bank, "app", START, serial)


# Plays that a sound core passes; each goes where one check looks.


def overdraw(play):
    play.transfer(0, OUT, 100_001)


def overpay(play):
    play.disburse(0, "L1", 500)
    play.collect(0, "L1", (501, 0, 0, 0))


def spend_what_is_aside(play):
    play.reserve(0, 60_000)
    play.transfer(0, OUT, 50_000)


def pass_the_limit(play):
    play.open(1, AccountClass.II)
    play.disburse(2, "L1", 5_000_000)
    play.transfer(2, OUT, 600_000)
    play.check()
    play.transfer(2, OUT, 600_000)


def count_a_bound_move(play):
    play.open(1, AccountClass.II)
    play.disburse(2, "L1", 5_000_000)
    play.move(2, OUT, 2_000_000)


def take_unbound(play):
    play.open(1, AccountClass.II)
    play.transfer(2, IN, 500)


def fill_a_purse(play):
    play.open(1, AccountClass.III)
    play.disburse(2, "L1", 200_001)


def fill_a_purse_from_the_bound_card(play):
    play.open(1, AccountClass.III)
    play.move(2, IN, 200_001)


def pay_from_a_frozen_account(play):
    play.act(0, AccountAct.FREEZE)
    play.transfer(0, OUT, 5)


def send_twice(play):
    play.transfer(0, OUT, 5)
    play.again(known(play, "s0"))


def send_another_content(play):
    play.disburse(0, "L1", 5)
    play.again(known(play, "s0"), other=True)


def fence_then_send(play):
    play.fence(known(play, "s0"))
    play.transfer(0, OUT, 5)


def reverse_first(play):
    play.reverse(known(play, "s1"))
    play.transfer(0, OUT, 5)


def reverse_twice(play):
    play.transfer(0, OUT, 5)
    play.reverse(known(play, "s0"))
    play.reverse(known(play, "s0"))


def reverse_a_count(play):
    pass_the_limit(play)
    play.reverse(known(play, "s2"))


def resolve_twice(play):
    play.reserve(0, 500)
    play.resolve(known(play, "s0"), 300)
    play.resolve(known(play, "s0"), 200)


def release_a_count(play):
    play.open(1, AccountClass.II)
    play.disburse(2, "L1", 5_000_000)
    play.reserve(2, 600_000)
    play.resolve(known(play, "s2"), 0)


def outlive_a_reservation(play):
    play.reserve(0, 500, for_s=10.0)
    play.now_s = 20.0


def close_with_transit(play):
    play.transfer(0, OUT, 5)
    play.transfer(0, OUT, 5, other=1)
    for _ in range(3):
        play.next_stage("b01")


def close_over_a_late_write(play):
    play.disburse(0, "L1", 5)
    play.next_stage("b01")
    play.disburse(0, "L2", 7)
    play.next_stage("b01")
    play.adjust("b01", "L1", A.ACCRUE_INTEREST, 3)
    play.next_stage("b01")


def spend_tomorrow_what_today_collects(play):
    play.disburse(0, "L1", 50)
    play.next_stage("b01")
    play.transfer(0, OUT, 100_050)
    play.transfer(0, IN, 100_000)
    play.collect(0, "L1", (50, 0, 0, 0), channel="loan-batch")


def pay_into_the_other_bank(play):
    play.transfer(0, OUT, 500, other=1)


PLAYS = [
    overdraw,
    overpay,
    spend_what_is_aside,
    pass_the_limit,
    count_a_bound_move,
    take_unbound,
    fill_a_purse,
    fill_a_purse_from_the_bound_card,
    pay_from_a_frozen_account,
    send_twice,
    send_another_content,
    fence_then_send,
    reverse_first,
    reverse_twice,
    reverse_a_count,
    resolve_twice,
    release_a_count,
    outlive_a_reservation,
    close_with_transit,
    close_over_a_late_write,
    spend_tomorrow_what_today_collects,
    pay_into_the_other_bank,
]


@pytest.mark.parametrize("deeds", PLAYS, ids=lambda deeds: deeds.__name__)
def test_a_sound_core_passes(play, deeds):
    whole(play, deeds)


def whole(play, deeds):
    deeds(play)
    play.check()
    play.check_whole()


# The same plays on a core that is broken in one place: (where, what, by what, who sees it).


def keeps_its_count(self, state, committed_fen=0):
    self.deposit.ledger.held_fen -= self.amount_fen
    self.state, self.committed_fen = state, committed_fen


def ends_again(self, state, committed_fen=0):
    keeps_its_count(self, state, committed_fen)
    self.state = type(state)("live")


def forgets_payouts(bank, entry, line=files.line_of):
    return "" if entry.kind == "disburse" else line(bank, entry)


def without_effect(fate, digest, on):
    return replace(fate.posted, core_serial="another")


def without_digest(fate, digest, on):
    return replace(fate.posted, replayed=True)


BREAKS = [
    (Book, "refusal", lambda *given: None, overdraw),
    (Book, "refusal", lambda *given: None, overpay),
    (Book, "refusal", lambda *given: None, spend_what_is_aside),
    (Book, "_room", lambda *given: None, spend_tomorrow_what_today_collects),
    (Deposit, "room_fen", lambda *given: None, pass_the_limit),
    (Deposit, "count", lambda *given: None, pass_the_limit),
    (Count, "book", lambda *given: None, reverse_a_count),
    (transfers, "_counts", lambda *given: False, take_unbound),
    (transfers, "_refusal", lambda *given: None, fill_a_purse_from_the_bound_card),
    (Deposit, "pays", lambda *given, counted: None, pay_from_a_frozen_account),
    (Deposit, "takes", lambda *given, counted: None, take_unbound),
    (Deposit, "takes", lambda *given, counted: None, fill_a_purse),
    (writes, "answer_again", without_effect, send_twice),
    (writes, "answer_again", without_digest, send_another_content),
    (CoreBank, "outcome", lambda self, trace, query, *rest: self.fate(query.key), fence_then_send),
    (corrections, "_is_reversible", lambda original, on: True, reverse_twice),
    (Reservation, "end", keeps_its_count, release_a_count),
    (Reservation, "end", ends_again, resolve_twice),
    (Reservation, "is_over", lambda *given: False, outlive_a_reservation),
    (day, "STEPS", {**day.STEPS, "settle": lambda *given: None}, close_with_transit),
    (files, "line_of", forgets_payouts, close_over_a_late_write),
    (Bank, "date_for", lambda self, *given: self.day.on, close_over_a_late_write),
    (transfers, "_book_halves", transfers._book_one, pay_into_the_other_bank),
]


@pytest.mark.parametrize(
    ("where", "what", "by", "deeds"), BREAKS, ids=lambda given: getattr(given, "__name__", None)
)
def test_a_core_that_is_broken_is_seen(play, monkeypatch, where, what, by, deeds):
    monkeypatch.setattr(where, what, by)

    with pytest.raises(AssertionError):
        whole(play, deeds)
