"""One life with something of everything, and its books to break something in.

``lived`` lives it once a process; every ``Life`` is a copy of its records and of the core's own
books, so that what a test breaks is audited by the core bank's real audit. ``breaks`` keeps a list
of all the ways to break a rule: no invariant may be without one.
"""

from __future__ import annotations

import gc
import pickle
from collections import defaultdict
from copy import deepcopy
from datetime import date, timedelta
from functools import cache
from types import SimpleNamespace
from typing import NamedTuple

from core.application import Application, Step
from core.banks import load_banks
from core.clock import DAY_S
from core.contract.canonical import digests
from core.errors import Refused
from core.flow import after_loan, calls, draw_down
from core.flow.errand import Errand
from core.flow.funding import set_quota
from core.flow.take_back import take_back
from core.flow.write_off import write_off
from core.identity import CardNumber
from core.invariants import Books, check
from core.invariants.evidence import _receipt
from core.lending.book import Loan, payoff_quote
from core.ports.corebank import (
    AccountAct,
    AccountQuery,
    Direction,
    Entry,
    Key,
    Leg,
    Outcome,
    Posted,
    ReserveQuery,
    ResolveQuery,
    ReverseQuery,
    Seal,
    TransferQuery,
)
from core.products import load_products
from core.store.records import Instruction, Line
from mocks.corebank.behaviour import CoreBank
from mocks.corebank.files import file_of
from mocks.corebank.keys import Fate
from mocks.corebank.ledger import GENESIS, core_serial, link
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.world import World
from scenarios.stories.run import START
from scenarios.stories.stage import BANK, Stage

BANKS = load_banks()
PRODUCTS = load_products(BANKS)
ROWS = "daopu-workshop"  # equal instalments: principal can fall overdue, too
CAREFUL, FISHERY = "gaowu", "gaowu-fishery"  # a bank whose product follows the prudent policy
AN_OTHER = "another bank"
A_DAY = timedelta(days=1)
TRANSIT = "3001.01"
COUNTER = "counter"  # a channel that is not ours


def a_world(**said):
    """Return a world of the whole union, whose store copies as a database does."""
    return World(7, START, banks=BANKS, products=PRODUCTS, copying=True, **said)


class Till:
    """Somebody at the bank's counter: what customers do beside the loan."""

    def __init__(self, stage, card, bank=BANK):
        self.stage, self.card, self.bank, self.number = stage, CardNumber(card), bank, 0

    def key(self):
        self.number += 1
        serial = f"{self.card.text[-4:]}-{self.number}"
        return Key(self.bank, COUNTER, self.stage.today, serial)

    async def ask(self, method, query):
        """Have the core do something, and require that it is done."""
        errand = Errand(self.stage.host.clock, self.bank, query.key.serial, Step.REPAY)
        posted = await method(errand.trace(calls.FUND), query)
        assert posted.outcome is Outcome.DONE, posted
        return query.key

    async def transfer(self, amount_fen, direction=Direction.OUT, **said):
        core = self.stage.platform.ports.corebank
        query = TransferQuery(self.key(), self.card, direction, amount_fen, **said)
        return await self.ask(core.transfer, query)

    async def confirm(self):
        """Have staff see the customer, so that unbound money may come in."""
        query = AccountQuery(self.key(), self.card, AccountAct.CONFIRM)
        return await self.ask(self.stage.platform.ports.corebank.account, query)

    async def pay_in_two_phases(self, amount_fen):
        core = self.stage.platform.ports.corebank
        aside = await self.ask(core.reserve, ReserveQuery(self.key(), self.card, amount_fen))
        await self.ask(core.resolve, ResolveQuery(self.key(), aside, amount_fen))

    async def undo(self, original):
        await self.ask(
            self.stage.platform.ports.corebank.reverse, ReverseQuery(self.key(), original)
        )


BOTH = (BANK, CAREFUL)


async def pass_days(stage, count):
    """Let days pass: one by one around the turn of a month, when rows are due, else many at once.

    Whoever catches up has fewer entries to show for it, and every copy of the books is smaller.
    """
    end = stage.today + timedelta(days=count)
    while (left := (end - stage.today).days) > 0:
        quiet = min(left, 28 - stage.today.day)
        if stage.today.day <= 5 or quiet < 2:
            await stage.days(1, BOTH)
            continue
        for bank in BOTH:
            stage.world.corebank.close_day(bank, stage.today + timedelta(days=quiet - 1))
        await stage.host.clock.sleep((quiet - 1) * DAY_S)
        await stage.days(1, BOTH)


async def live(stage):
    """Live it; return the loans by what became of them, and the applications of the others."""
    await set_quota(stage.platform, BANK, 10**9)
    loans, apps = await arrive(stage)

    async def until(name, late=0):
        loan = await stage.platform.store.get(Loan, loans[name])
        await pass_days(stage, (loan.rows[0].due - stage.today).days + late)
        return await stage.platform.store.get(Loan, loan.id)

    early = await until("early")
    await stage.repay(early, "more than is due", early.rows[0].total_fen + 300_000)
    late = await until("late", 20)
    await stage.repay(late, "some of the arrears", 30_000)
    await stage.days(3, BOTH)
    stage.list_person(stage.person(BANK))  # a stranger is listed: a new version, and all pass it
    for bank in BOTH:
        await after_loan.rescreen(stage.platform, bank)
    await stage.days(2, BOTH)
    told = await stage.draw_again(
        stage.person_of["careful"], apps["careful"], "2", CAREFUL, amount_fen=400_000
    )
    stage.expect(told, "done")
    bad = await until("bad", 100)
    await stage.repay(bad, "a little", 25_000)
    await stage.repay(late, "all of the arrears")  # out of non-accrual again
    lost = await until("lost", 182)
    await write_off(stage.platform, lost.id)
    await stage.repay(lost, "from the court", 50_000)
    await stage.days(3, BOTH)
    paid_off = await stage.platform.store.get(Loan, loans["paid off"])
    quote = payoff_quote(paid_off, stage.today)
    await stage.repay(paid_off, "all of it", quote.total_fen)
    await at_last(stage, loans, apps)
    return loans, apps


async def arrive(stage):
    """Have everybody come, and draw; return the loans and the applications by name."""
    loans, apps, stage.person_of = {}, {}, {}

    async def borrow(name, bank=BANK, product="", holds_card=False, **wish):
        stage.person_of[name] = person = stage.person(bank, holds_card=holds_card)
        ending = stage.expect(await stage.visit(person, bank, product, **wish), "done")
        apps[name] = ending.application
        loans[name] = (await stage.loan(ending)).id
        return ending

    early = await borrow("early", share_ppm=300_000)
    await borrow("late", product=ROWS, share_ppm=400_000)
    await borrow("holder", holds_card=True, share_ppm=500_000)
    await borrow("automatic", product=ROWS, amount_fen=600_000)
    await borrow("paid off", amount_fen=700_000)
    await borrow("bad", product=ROWS, amount_fen=800_000)
    await borrow("lost", product=ROWS, amount_fen=900_000)
    await borrow("careful", CAREFUL, FISHERY, amount_fen=500_000)
    again = await stage.draw_again(
        stage.person_of["early"], early.application, "2", amount_fen=500_000
    )
    stage.expect(again, "done")
    loans["second"] = (await stage.loan(early, 1)).id
    for name in ("late", "bad", "lost"):
        await stage.spend(await stage.platform.store.get(Loan, loans[name]))
    back = await borrow("taken back", amount_fen=550_000)
    app = await stage.application(back.application)
    await take_back(stage.platform, app.drawdowns[0])
    waits = await stage.signed(stage.person(holds_card=False))
    apps["waits"] = waits.application
    await stage.reserve(waits, "forgotten", 450_000)
    return loans, apps


async def at_last(stage, loans, apps):
    """The last day stays open: money at the counter, a drawdown cancelled and one reserved."""
    early = await stage.platform.store.get(Loan, loans["early"])
    await stage.bring_in(early, "for the counter", 2_000_000)
    till = Till(stage, early.account)
    await till.transfer(300_000, fee_fen=200)
    await till.confirm()
    undone = await till.transfer(120_000, Direction.IN)
    await till.undo(undone)
    await till.pay_in_two_phases(40_000)
    await stage.days(1, BOTH)
    await till.transfer(50_000)
    waits = SimpleNamespace(application=apps["waits"])
    await stage.reserve(waits, "mind changed", 460_000)
    app = await stage.application(apps["waits"])
    await draw_down.cancel(stage.platform, app, "mind changed")
    await stage.reserve(waits, "at last", 470_000)
    try:
        await stage.ask_for(waits, "too much", 10**10)
    except Refused:
        return
    raise AssertionError("more than the line was drawn")


class Lived(NamedTuple):
    """The life as it was left: pickled records and books, and the names of its loans."""

    blob: bytes
    now_s: float
    loans: dict[str, str]
    apps: dict[str, str]


@cache
def lived():
    """Return the life; it is lived once a process."""
    world = a_world()
    stage = Stage(InstantHost(world))
    loans, apps = stage.host.run(live(stage))
    banks = {name: bank for name, bank in world.corebank._union.banks.items() if bank.book.entries}
    return Lived(
        pickle.dumps((dict(world.store.tables), banks)), stage.host.clock.now_s, loans, apps
    )


class Judged:
    """Records and books, to be judged."""

    def __init__(self, tables, ledger, now_s):
        self.tables, self.ledger, self.now_s = defaultdict(dict, tables), ledger, now_s
        self.products = dict(PRODUCTS)

    @classmethod
    def of(cls, stage):
        """Return the books of a stage as they stand, not copied."""
        return cls(stage.world.store.tables, stage.world.corebank, stage.host.clock.now_s)

    def all(self, table):
        return list(self.tables[table].values())

    def first(self, table):
        """The first record of a type, in the order in which the life brought them."""
        return self.all(table)[0]

    def check(self, *names, **said):
        said = {"now_s": self.now_s, "start": START} | said
        return check(Books(self.tables, self.ledger, self.products, **said), *names)

    def names(self, **said):
        """The invariants that do not hold, each once, in their precedence."""
        return list(dict.fromkeys(violation.invariant for violation in self.check(**said)))


class Life(Judged):
    """A copy of the books after the life, to break something in."""

    def __init__(self):
        blob, now_s, self.loans, self.apps = lived()
        gc.disable()  # nothing of it is garbage, and looking for some takes as long as the rest
        tables, self.banks = pickle.loads(blob)
        gc.enable()
        core = object.__new__(CoreBank)
        core._union = SimpleNamespace(banks=self.banks)
        super().__init__(tables, core, now_s)

    # The records by their names in the life

    def loan(self, name):
        return self.tables[Loan][self.loans[name]]

    def of(self, table, name):
        """The first record of a type that belongs to a loan's application."""
        app = self.apps[name]
        return next(one for one in self.all(table) if getattr(one, "application", one.id) == app)

    def order(self, query, subject=""):
        """The first instruction of a kind, of one subject where it is given."""
        return next(
            order
            for order in self.all(Instruction)
            if isinstance(order.query, query) and subject in ("", order.subject)
        )

    # The core's books

    def book(self, bank=BANK):
        return self.banks[bank].book

    def entry(self, kind, bank=BANK, last=False):
        """The first entry of a kind, or the last."""
        found = [entry for entry in self.book(bank).all_entries() if entry.kind == kind]
        return found[-1 if last else 0]

    def entry_of(self, order):
        return next(e for e in self.book(order.bank).all_entries() if e.key == order.key)

    def post(self, kind, *legs, bank=BANK, serial="made up", channel=COUNTER, day=None, **said):
        """Post what no bank would; the book is as it were, had the core's own rules let it pass."""
        book = self.book(bank)
        key = said.get("key") or Key(bank, channel, book.on, serial)
        on = day or book.on
        entry = Entry(core_serial(key), on, key, kind, tuple(map(Leg._make, legs)), "")
        if "original" in said:
            book.links[entry.core_serial] = said["original"]
        book.entries.append(entry)
        posted = Posted(Outcome.DONE, core_serial=entry.core_serial, accounting_date=on)
        self.banks[bank].fates[key] = Fate(posted, entry, b"made up")
        self.rewrite(bank)
        return entry

    def rewrite(self, bank=BANK):
        """Work everything out anew from the entries: a core that books wrongly seals that, too."""
        owner, book = self.banks[bank], self.book(bank)
        for account in book.accounts.values():
            account.balance_fen, account.booked = 0, False
        head, done, seals = GENESIS, 0, []
        book.totals = dict.fromkeys(book.totals, 0)
        for on, end, _ in book.seals:
            head = self._book(book, done, end, head)
            seals.append(Seal(on, end, head))
            owner.ledgers[on] = dict(book.totals)
            owner.files[on] = file_of(owner, on, book.entries[done:end])
            done = end
        book.seals[:] = seals
        book.head = self._book(book, done, len(book.entries), head)

    @staticmethod
    def _book(book, begin, end, head):
        for entry in book.entries[begin:end]:
            entry.chain = head = link(head, entry, book.original_of(entry.core_serial))
            for name, amount_fen in entry.legs:
                account = book.account(*name.split(":", 1))
                account.balance_fen += amount_fen
                account.booked = True
                book.totals[account.code] += amount_fen
        return head

    def relegged(self, entry, *legs, bank=BANK):
        """Give an entry other legs, and have the book follow from them."""
        entry.legs = tuple(map(Leg._make, legs))
        self.rewrite(bank)


class Broken(NamedTuple):
    """What is done to the books, the invariant that must report first, and what breaks with it.

    ``causes`` may come before it: they are as true, and nearer to what was done.
    """

    name: str
    how: object
    also: tuple[str, ...]
    causes: tuple[str, ...]


BREAKS = {}


def breaks(name, *also, causes=()):
    """Put a way to break a rule on the list; ``also`` cannot but break with it."""

    def put(how):
        assert how.__name__ not in BREAKS or BREAKS[how.__name__].how.__module__ == how.__module__
        BREAKS[how.__name__] = Broken(name, how, also, causes)
        return how

    return put


def ways_of(module):
    """Return the ways to break a rule that a test module lists."""
    return [name for name, broken in BREAKS.items() if broken.how.__module__ == module]


def judge(how):
    """Break a rule in a fresh copy, and require that it is reported, first, and nothing else is."""
    broken, life = BREAKS[how], Life()
    broken.how(life)
    names = life.names()
    assert set(names) == {broken.name, *broken.also, *broken.causes}, life.check()
    assert set(names[: names.index(broken.name)]) == set(broken.causes), names
    assert life.check(broken.name)


def copied(record, **said):
    """Return a copy of a record with some fields changed."""
    other = deepcopy(record)
    for name, value in said.items():
        setattr(other, name, value)
    return other


def price_day():
    """A day on which the LPR was another than in the summer of 2020, when it stood still."""
    return date(2020, 4, 19)


def unpaid(life):
    """An application under whose contract nobody was paid, its day and its product.

    Nobody verifies that contract's signature, which a test cannot forge.
    """
    app = life.tables[Application][life.apps["waits"]]
    return app, life.tables[Line][app.id].granted_on, life.products[app.product]


def rewrite(contract, old, new):
    """Change a contract's text, and all that is made of it but the signature."""
    assert old in contract.text
    contract.text = contract.text.replace(old, new)
    contract.digest, contract.sm3 = digests(contract.text.encode())
    contract.receipt = _receipt(contract)
