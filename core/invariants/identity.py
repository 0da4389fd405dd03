"""What must hold of faces and name lists before money."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING

from core.application import Application, Step
from core.invariants.conduct import asked_at, policy_at, steps_passed
from core.policies import Check
from core.ports.corebank import DisburseQuery
from core.ports.sanctions import Screened
from core.store.records import Contract, Drawdown, Instruction, Screening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from core.invariants.books import Books

Served = dict[str, tuple[str, Step]]


def face_binding(books: Books) -> Iterator[str]:
    """A face check serves one step of one application, one signature, one drawdown's amount."""
    used: Served = {}
    for app in books.all(Application):
        for step, check, token in app.checks:
            if check == Check.FACE and used.setdefault(token, (app.id, step)) != (app.id, step):
                yield f"face check {token[:8]} served {app.id} and {used[token][0]}"
    yield from _signed_by_face(books, used)
    for draw in books.all(Drawdown):
        owner = books.get(Application, draw.application)
        if not draw.instruction or owner is None:
            continue  # only reserved: nothing was asked of the core
        if Check.FACE not in policy_at(books, owner, Step.DRAW_DOWN):
            continue
        if used.get(draw.face) != (draw.application, Step.DRAW_DOWN):
            yield f"{draw.id} was paid without a face check of its own step"
        order = books.get(Instruction, draw.instruction)
        query = order.query if order else None
        if isinstance(query, DisburseQuery) and query.amount_fen != draw.amount_fen:
            amounts = f"{draw.amount_fen} fen, and {query.amount_fen} were asked of the core"
            yield f"{draw.id}: the face was shown for {amounts}"


def _signed_by_face(books: Books, used: Served) -> Iterator[str]:
    """The will behind a signature is the face check of its own step."""
    for contract in books.all(Contract):
        app = books.get(Application, contract.application)
        if app is None or Check.FACE not in policy_at(books, app, Step.SIGN):
            continue
        if used.get(contract.will) != (app.id, Step.SIGN):
            yield f"{contract.id} was signed without a face check of its own step"


def face_once(books: Books) -> Iterator[str]:
    """No two drawdowns, however close, rest on one face check; nor do two contracts."""
    rests: dict[str, str] = {}
    for draw in books.all(Drawdown):
        if draw.face and rests.setdefault(draw.face, draw.id) != draw.id:
            yield f"{draw.id} used the face check of {rests[draw.face]}"
    for contract in books.all(Contract):
        if contract.will and rests.setdefault(contract.will, contract.id) != contract.id:
            yield f"{contract.id} used the face check of {rests[contract.will]}"


def screened_before_money(books: Books) -> Iterator[str]:
    """Whoever is paid was screened and clear, wherever the product's policy screens.

    Where it screens at the drawdown, that was on the drawdown's own day, and against the newest
    list that had been seen before that day.
    """
    cleared = _Cleared(books)
    for draw in books.all(Drawdown):
        app = books.get(Application, draw.application)
        if app is None or not draw.instruction:
            continue
        points = _points(books, app)
        missing = sorted(point for point in points if (app.id, point) not in cleared.at)
        if missing:
            told = ", ".join(missing)
            yield f"{draw.id} was paid to a customer never screened at {told}"
        elif Step.DRAW_DOWN in points:
            yield from cleared.outdated(draw)
        if cleared.listed.get(app.customer, draw.asked_on) < draw.asked_on:
            yield f"{draw.id} was paid to a customer whom the lists had named by then"


def _points(books: Books, app: Application) -> set[Step]:
    """Return the steps at which the lists were to be asked before this application was paid."""
    steps = {*steps_passed(app), Step.DRAW_DOWN}
    return {step for step in steps if Check.NAME_LIST in asked_at(books, app, step)}


class _Cleared:
    """Who was clear at which step, against which version; and since when the lists name whom."""

    def __init__(self, books: Books) -> None:
        self.at: set[tuple[str, str]] = set()
        self.drawing: defaultdict[tuple[str, date], set[str]] = defaultdict(set)
        self.listed: dict[str, date] = {}
        self.seen: dict[str, date] = {}  # when each version of the lists was seen first
        for one in books.all(Screening):
            self.seen[one.list_version] = min(self.seen.get(one.list_version, one.on), one.on)
            if one.decision != Screened.CLEAR:
                self.listed[one.customer] = min(self.listed.get(one.customer, one.on), one.on)
                continue
            self.at.add((one.application, one.point))
            if one.point == Step.DRAW_DOWN:
                self.drawing[one.application, one.on].add(one.list_version)
        self.days = sorted(self.seen.values())

    def outdated(self, draw: Drawdown) -> Iterator[str]:
        """Yield what is wrong with a drawdown's own screening."""
        own = self.drawing.get((draw.application, draw.asked_on))
        if not own:
            yield f"{draw.id} of {draw.asked_on} rests on a screening of another day"
            return
        newest = max(self.seen[version] for version in own)
        before = bisect_left(self.days, draw.asked_on)
        if before and newest < self.days[before - 1]:
            told = f"{', '.join(sorted(own))}, a newer list was seen on {self.days[before - 1]}"
            yield f"{draw.id} was screened against {told}"


IDENTITY: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-FACE-BINDING": face_binding,
    "INV-FACE-ONCE": face_once,
    "INV-SANCTION-BEFORE-MONEY": screened_before_money,
}
