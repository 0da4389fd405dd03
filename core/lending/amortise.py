"""The long way to a schedule: every convention, tranches, rounded rows or exact ones.

One walk over the periods makes both. What it works in is decided by ``settle``: whole fen, each
amount rounded once, for rows that are paid; exact fractions for what calculators show, who round
for display only. The short way, for monthly rows with nothing out of the ordinary, is in
core/lending/schedule.py.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import lcm
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

from core.errors import InputError
from core.lending.convention import Row
from core.lending.spans import factors, level_from, part_of_year, spans
from core.money import divide
from core.products import DayCount, Method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from core.lending.convention import Convention, Terms
    from core.lending.spans import Span

    Amount = int | Fraction  # fen, whole or exact
    Settle = Callable[[Amount, Fraction], Amount]

ONE = Fraction(1)
LEVEL_WITHIN = (Method.EQUAL_INSTALMENT, Method.FLAT)  # the instalment is level, not its principal


class Line(NamedTuple):
    """A row in whatever numbers the walk works in, fen.

    ``factor`` is the interest on one fen over the whole period, ``last_factor`` from the last
    tranche inside it on.
    """

    span: Span
    principal: Amount
    interest: Amount
    balance: Amount
    factor: Fraction
    last_factor: Fraction


def rows_of(terms: Terms) -> list[Row]:
    """Return the rows of a loan, to the fen.

    Raises:
        InputError: a tranche before the first period or not before the last due date, or working
            days that nobody knows.
    """
    return [
        Row(number, line.span.due, int(line.principal), int(line.interest), int(line.balance))
        for number, line in enumerate(lines_of(terms), 1)
    ]


def lines_of(terms: Terms, exact: bool = False) -> list[Line]:
    """Return the rows with their periods: rounded, or (``exact``) with nothing rounded at all."""
    convention = terms.convention
    if exact:
        walk = _Walk(terms, mul, mul)
    else:
        unit_fen = convention.money_multiple_fen
        walk = _Walk(
            terms,
            _settle(convention, unit_fen),
            _settle(convention, lcm(unit_fen, convention.multiple_fen)),
        )
    return _deferred(list(walk.lines()), convention.deferred_rows)


def _settle(convention: Convention, unit_fen: int) -> Settle:
    """Return what multiplies an amount by a factor, rounded once to a multiple of ``unit_fen``."""
    rounding = convention.rounding

    def settle(base: Amount, factor: Fraction) -> Amount:
        numerator = base.numerator * factor.numerator
        denominator = base.denominator * factor.denominator * unit_fen
        return unit_fen * divide(numerator, denominator, rounding)

    return settle


def _deferred(lines: list[Line], count: int) -> list[Line]:
    """Move the interest of the first rows to the row after them; principal stays where it is."""
    if not count:
        return lines
    early = [line._replace(interest=0) for line in lines[:count]]
    due = sum((line.interest for line in lines[: count + 1]), start=0)
    return [*early, lines[count]._replace(interest=due), *lines[count + 1 :]]


class _Walk:
    """One pass over the periods of a loan."""

    def __init__(self, terms: Terms, settle: Settle, settle_level: Settle) -> None:
        self.terms, self.settle, self.settle_level = terms, settle, settle_level
        convention = terms.convention
        if terms.method is Method.DAILY and convention.day_count is DayCount.MONTHLY:
            convention = _with_days(convention)
        self.convention = convention
        self.spans = spans(terms.start, terms.rows, convention)
        self.factors = factors(terms.start, terms.rows, convention, terms.rate)
        self.inside: dict[int, list[tuple[date, int]]] = {}  # tranches after a period has begun
        self.opening = [0] * (terms.rows + 1)  # tranches of the day on which a period begins
        for on, amount_fen in terms.tranches:
            self._put(on, amount_fen)

    def _put(self, on: date, amount_fen: int) -> None:
        for index, span in enumerate(self.spans):
            if span.since == on:
                self.opening[index] += amount_fen
                return
            if span.since < on < span.until:
                self.inside.setdefault(index, []).append((on, amount_fen))
                self.inside[index].sort()
                return
        problem = f"is outside the loan, {self.spans[0].since} to {self.spans[-1].until}"
        raise InputError(f"tranche of {on}", problem, "pay out before the last due date")

    def lines(self) -> Iterator[Line]:
        """Give the rows, one after the other."""
        method, last, grace = self.terms.method, self.terms.rows - 1, self.convention.grace_rows
        balance: Amount = self.opening[0]
        drawn: Amount = balance
        level_now: Amount = 0
        flat = _FlatRest(self)
        for index, span in enumerate(self.spans):
            cost = self.cost(index, drawn if method is Method.FLAT else balance)
            cost = flat.rest(index, drawn, cost)
            added = sum(amount_fen for _, amount_fen in self.inside.get(index, ()))
            balance, drawn = balance + added, drawn + added
            if index == grace or (index > grace and (added or self.opening[index])):
                level_now = self.level(index, balance, drawn, cost)
            part = level_now - cost if method in LEVEL_WITHIN else level_now
            # No row capitalises interest and none repays more than there is: a level that is too
            # small leaves its row without principal, one that is too large ends the loan early.
            part = 0 if index < grace or part < 0 else part
            if index == last or part > balance:
                part = balance
            balance -= part
            balance, drawn = balance + self.opening[index + 1], drawn + self.opening[index + 1]
            factor = since_last = self.factors[index]
            if index in self.inside:
                *_, (_, since_last) = self.pieces(index, balance)
            yield Line(span, part, cost, balance, factor, since_last)

    def cost(self, index: int, base: Amount) -> Amount:
        """Return a row's interest: each balance of the row for its days, each rounded once."""
        if index not in self.inside:
            return self.settle(base, self.factors[index])
        total: Amount = 0
        for piece, factor in self.pieces(index, base):
            total += self.settle(piece, factor)
        return total

    def pieces(self, index: int, base: Amount) -> Iterator[tuple[Amount, Fraction]]:
        """Give the balances of a row with the interest of each on one fen."""
        span, rate = self.spans[index], self.terms.rate
        since = span.since
        for on, amount_fen in self.inside.get(index, ()):
            yield base, rate * part_of_year(span, self.convention, since, on)
            base, since = base + amount_fen, on
        yield base, rate * part_of_year(span, self.convention, since, span.until)

    def level(self, index: int, balance: Amount, drawn: Amount, cost: Amount) -> Amount:
        """Return what is level from a row on, with nothing more paid out.

        A row with a tranche inside it counts as if all of its balance had been there from its
        beginning: so do the published schedules, and the last row takes the difference.
        """
        method, left = self.terms.method, self.terms.rows - index
        if self.terms.fixed_fen:
            return self.terms.fixed_fen
        if method is Method.EQUAL_INSTALMENT:
            terms = self.terms
            each = level_from(terms.start, terms.rows, self.convention, terms.rate, index)
            found = self.settle_level(balance, each)
            return self.levelled(index, found, balance, cost)
        if method is Method.EQUAL_PRINCIPAL:
            return self.settle_level(balance, Fraction(1, left))
        if method is Method.FLAT:
            later = sum((self.settle(drawn, each) for each in self.factors[index + 1 :]), cost)
            return self.settle_level(balance + later, Fraction(1, left))
        return 0

    def levelled(self, index: int, found: Amount, balance: Amount, cost: Amount) -> Amount:
        """Return the instalment after the last row's gap was spread, where that makes it smaller.

        Fineract's rule (ProgressiveEMICalculator): a gap above half a fen a row is divided by the
        number of rows and added to the instalment, and stays there if the new gap is smaller.
        """
        left = self.terms.rows - index
        if not self.convention.levelled or left < 2:
            return found
        gap = self._gap(index, found, balance, cost)
        if abs(gap) <= left // 2:
            return found
        other = self.settle_level(found + self.settle(gap, Fraction(1, left)), ONE)
        return other if abs(self._gap(index, other, balance, cost)) < abs(gap) else found

    def _gap(self, index: int, found: Amount, balance: Amount, cost: Amount) -> Fraction:
        """Return by how much the last row would be above the instalment, in fen."""
        for factor in self.factors[index + 1 :]:
            balance -= found - cost
            cost = self.settle(balance, factor)
        return Fraction(balance + cost - found)


class _FlatRest:
    """The last row of a flat loan takes what rounding left of the loan's whole interest."""

    def __init__(self, walk: _Walk) -> None:
        self.walk = walk
        self.wanted = walk.terms.method is Method.FLAT and walk.convention.flat_rest_last
        self.exact = Fraction(0)
        self.settled: Amount = 0

    def rest(self, index: int, drawn: Amount, cost: Amount) -> Amount:
        """Return a row's interest, having noted it."""
        if not self.wanted:
            return cost
        self.exact += sum(piece * factor for piece, factor in self.walk.pieces(index, drawn))
        if index == self.walk.terms.rows - 1:
            # Of a tiny loan, rows rounded up may already carry more than the whole.
            return max(0, self.walk.settle(self.exact, ONE) - self.settled)
        self.settled += cost
        return cost


def paid_off(terms: Terms, on: date) -> list[Row]:
    """Return the rows of a loan that is paid off on a date, as the schedule shows them afterwards.

    The row into which the date falls bears interest for the days gone and keeps its total; later
    rows keep theirs, as principal alone, until nothing is left (Fineract's early pay-off).

    Raises:
        InputError: the date is not within the loan.
    """
    lines, rows = lines_of(terms), rows_of(terms)
    if not lines[0].span.since < on < lines[-1].span.until:
        raise InputError(f"pay-off on {on}", "is outside the loan", "name a day within it")
    opening_fen = sum(amount_fen for _, amount_fen in terms.tranches)
    settle = _settle(terms.convention, terms.convention.money_multiple_fen)
    for line, row in zip(lines, rows, strict=True):
        total_fen = row.total_fen
        if line.span.until > on:
            gone = max(0, (on - line.span.since).days)
            factor = line.factor * Fraction(gone, (line.span.until - line.span.since).days)
            row.interest_fen = int(settle(opening_fen, factor))
            row.principal_fen = min(opening_fen, total_fen - row.interest_fen)
            if row is rows[-1]:
                row.principal_fen = opening_fen
        opening_fen -= row.principal_fen
        row.balance_fen = opening_fen
    return rows


def _with_days(convention: Convention) -> Convention:
    """Return the convention of the daily method: days over 360, as its accrual counts them."""
    return replace(convention, day_count=DayCount.ACT_360)
