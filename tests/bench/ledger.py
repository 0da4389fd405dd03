"""Postings a second of the core bank in memory, on one core, with guards, hash chain and totals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

from core.identity import CardNumber, IdNumber, PhoneNumber
from core.ports.corebank import CollectQuery, DisburseQuery, Key, OpenQuery
from core.ports.trace import Trace
from mocks.corebank.behaviour import CoreBank
from mocks.corebank.ledger import Account, Book

Work = tuple[Callable[[], int], str, str]

START = date(2020, 7, 1)
COUNT = 50_000
GOAL = "reach 50,000, aim at 150,000"
NOBODY: Any = SimpleNamespace(by_number=lambda number: None, by_card=lambda card: None)
NUMBER, PHONE = IdNumber("329900198701010016"), PhoneNumber("13900001234")
BOUND = CardNumber.make("629900", "000000000001")
DRAWS: Any = None  # the core draws nothing where no fault has a share


def post() -> Work:
    """Balanced entries of two legs, each checked by the guards and booked."""
    book = Book(START)
    pairs = [
        (Account("1303.01", f"L{n}"), Account("2011.02", f"6290010000{n:08d}"))
        for n in range(COUNT)
    ]
    keys = [Key("daopu", "mini-loan", START, f"P{n:012d}") for n in range(COUNT)]

    def work() -> int:
        refusal, booked = book.refusal, book.post
        for number in range(COUNT):
            loan, card = pairs[number]
            moves = [(loan, 500_000), (card, -500_000)]
            if refusal(moves) is None:
                booked(keys[number], "disburse", START, moves)
        return len(book.entries)

    return work, "postings/s", GOAL


def loans() -> Work:
    """Payouts and collections through the core's own operations, keys and digests included."""
    core = CoreBank(NOBODY, {"daopu": "629001"}, START)
    trace = Trace("daopu", "bench", 1, 1, float("inf"), START)
    opening = OpenQuery(Key("daopu", "bench", START, "O"), "李明", NUMBER, PHONE, BOUND)
    card = core.open_account(trace, opening, 0.0, DRAWS).account
    assert card is not None
    requests = [request(n, card) for n in range(COUNT // 2)]

    def work() -> int:
        for paid, back in requests:
            core.disburse(trace, paid, 0.0, DRAWS)
            core.collect(trace, back, 0.0, DRAWS)
        return len(core.entries("daopu"))

    return work, "postings/s", GOAL


def request(n: int, card: CardNumber) -> tuple[DisburseQuery, CollectQuery]:
    """Return a payout, and the collection of it."""
    paid, back = (Key("daopu", "mini-loan", START, f"{side}{n:012d}") for side in "PR")
    loan = f"L{n:012d}"
    return (
        DisburseQuery(paid, loan, card, 500_000),
        CollectQuery(back, loan, card, 500_000, 0, 0, 0),
    )


BENCHES = {"ledger.post": post, "ledger.loans": loans}
