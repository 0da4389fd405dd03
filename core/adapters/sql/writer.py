"""The one hand that writes: many saves in one transaction, each of them kept whole or refused.

A batch is first written as if nobody stood in anybody's way: one statement a table for all of it,
with every record's version as its condition, and every bank's quota looked at. Only where a count
is not what it must be is the batch undone and written again, save by save, so that the one that
is refused spoils none of the others. Nobody is answered before the commit is on the disk.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import bindparam, literal_column

from core.adapters.sql.database import FAILED, Link, Step
from core.adapters.sql.saving import Move
from core.adapters.sql.schema import FUNDING
from core.adapters.sql.shelves import SHELVES
from core.application import Reason
from core.errors import MachineError, Refused, Stale

if TYPE_CHECKING:
    from core.adapters.sql.database import Database, Statement
    from core.adapters.sql.saving import Put, Saving
    from core.adapters.sql.shelves import Shelf

# What no database takes: against a rule of the tables, or no value of its column's type.
BUGS = (
    sqlite3.IntegrityError,
    psycopg.IntegrityError,
    psycopg.DataError,
    ArithmeticError,
    ValueError,
)
LENT = FUNDING.c.reserved_fen + FUNDING.c.used_fen
THE_BANK = FUNDING.c.id == bindparam("the_id")
# A bank's sum is added to, wherever it stands; from then on nobody else may touch it until the
# commit. What is too much by then matches OVER, and is undone. A bank without a row has no quota.
ADD = (
    FUNDING.update()
    .where(THE_BANK)
    .values(
        reserved_fen=FUNDING.c.reserved_fen + bindparam("more_reserved_fen"),
        used_fen=FUNDING.c.used_fen + bindparam("more_used_fen"),
        version=FUNDING.c.version + literal_column("1"),
    )
)
OVER = FUNDING.update().where(THE_BANK, FUNDING.c.quota_fen < LENT).values(id=FUNDING.c.id)


class Writer:
    """Writes to one database, over one connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._link = Link(database, reads=False)
        self._lock = Lock()  # a save without an event loop is written by whoever asks for it
        self._commits = 0
        self._add, self._over = database.statement(ADD), database.statement(OVER)
        self._insert: dict[Shelf, Statement] = {}
        self._update: dict[Shelf, Statement] = {}
        self._there: dict[Shelf, Statement] = {}
        for shelf in SHELVES.values():
            table = shelf.table
            columns = table.columns.keys()
            new = database.insert(table).on_conflict_do_nothing()
            self._insert[shelf] = database.statement(new, columns)
            of_version = (
                table.c.id == bindparam("the_id"),
                table.c.version == bindparam("the_version"),
            )
            changing = [name for name in columns if name not in ("id", "bank")]
            changed = table.update().where(*of_version)
            self._update[shelf] = database.statement(changed, changing)
            there = table.update().where(of_version[0]).values(id=table.c.id)
            self._there[shelf] = database.statement(there)

    def write(self, savings: list[Saving]) -> None:
        """Write savings; each learns how it went."""
        with self._lock:
            try:
                self._write(savings, monotonic() + self._database.patience_s)
            except MachineError as no:
                for saving in savings:
                    saving.error = MachineError(*no.args)

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            with suppress(MachineError, *FAILED):
                self._database.sign_off(self._link)
            self._link.drop()

    def _write(self, savings: list[Saving], until_s: float) -> None:
        """Write savings in one transaction, again where the server sends us back or goes away.

        Raises:
            MachineError: the database takes nothing; nothing was saved, unless it says so.
        """
        while True:
            driver = self._link.driver(until_s)
            self._commits += 1
            try:
                self._database.check_place()
                self._fill(driver, savings)
            except FAILED as error:
                self._link.drop()
                if not self._may_go_again(error, until_s):
                    raise self._database.told(error) from error
                continue
            except BaseException:
                self._link.drop()
                raise
            if self._commit(driver, until_s):
                return

    def _may_go_again(self, error: BaseException, until_s: float) -> bool:
        database = self._database
        return (database.lost(error) or database.collided(error)) and monotonic() < until_s

    def _commit(self, driver: Any, until_s: float) -> bool:
        """Commit; return False where that certainly has not happened, and may be tried again."""
        try:
            driver.commit()
        except FAILED as error:
            self._link.drop()
            if self._database.lost(error):
                return self._was_kept()
            if self._may_go_again(error, until_s):
                return False
            raise self._database.told(error) from error
        except BaseException:
            self._link.drop()
            raise
        return True

    def _was_kept(self) -> bool:
        """Find out whether a commit that was not answered has happened."""
        until_s = monotonic() + self._database.patience_s
        while True:
            try:
                return self._database.kept(self._link.driver(until_s), self._commits)
            except (MachineError, *FAILED) as error:
                self._link.drop()
                no_word = isinstance(error, MachineError)
                if not no_word and self._may_go_again(error, until_s):
                    continue
                told = error if isinstance(error, MachineError) else self._database.told(error)
                problem = f"{told.problem}, and whether the last save was kept is not known"
                raise MachineError(problem, "ask again: what was kept will be found") from error

    def _fill(self, driver: Any, savings: list[Saving]) -> None:
        """Begin a transaction and write savings into it: together, or else each on its own."""
        for saving in savings:
            saving.error = None
        self._database.begin(driver)
        with suppress(*BUGS):  # one of them is to blame: it is found below
            if self._together(driver, savings):
                return
        driver.rollback()
        self._database.begin(driver)
        for saving in savings:
            self._alone(driver, saving)

    def _together(self, driver: Any, savings: list[Saving]) -> bool:
        """Write all savings at once; return False where one of them is in another's way."""
        new: defaultdict[Shelf, list[Put]] = defaultdict(list)
        changed: defaultdict[Shelf, list[Put]] = defaultdict(list)
        moves: dict[str, Move] = {}
        for saving in savings:
            for put in saving.puts:
                if put.is_new:
                    new[put.shelf].append(put)
                elif put.shelf.is_fact:
                    return False
                else:
                    changed[put.shelf].append(put)
            for bank, move in saving.moves.items():
                moves[bank] = moves[bank].along(move) if bank in moves else move
        steps = []
        for shelf in sorted(new.keys() | changed.keys(), key=lambda shelf: shelf.rank):
            if shelf in changed:
                steps.append(self._change(shelf, changed[shelf]))
            if shelf in new:
                steps.append(self._make(shelf, new[shelf]))
        steps += self._move(moves)
        return self._database.holds(driver, self._commits, steps)

    def _make(self, shelf: Shelf, puts: list[Put]) -> Step:
        """Return the step that makes rows of one table; a fact that is told may be told again."""
        statement = self._insert[shelf]
        rows = [statement.row(put.values) for put in sorted(puts, key=_by_id)]
        return Step(statement, rows, None if shelf.is_fact else len(rows))

    def _change(self, shelf: Shelf, puts: list[Put]) -> Step:
        """Return the step that changes rows of one table."""
        statement = self._update[shelf]
        rows = [statement.row(put.change) for put in sorted(puts, key=_by_id)]
        return Step(statement, rows, len(rows))

    def _move(self, moves: dict[str, Move]) -> list[Step]:
        """Return the steps that add to the funding of banks, and see whether it fits."""
        steps = []
        for bank, move in sorted(moves.items()):
            steps.append(Step(self._add, [self._add.row(move.added(bank))], None))
            if move.more:
                steps.append(Step(self._over, [self._over.row({"the_id": bank})], 0))
        return steps

    def _alone(self, driver: Any, saving: Saving) -> None:
        """Write one saving inside the transaction, or nothing of it and why not."""
        driver.execute("SAVEPOINT alone")
        try:
            for put in saving.puts:
                self._put(driver, put)
            if not self._database.holds(driver, self._commits, self._move(saving.moves)):
                raise Refused(Reason.FUNDING_FULL, ", ".join(sorted(saving.moves)))
        except (Stale, Refused) as no:
            driver.execute("ROLLBACK TO SAVEPOINT alone")
            saving.error = no
        except BUGS as bug:
            driver.execute("ROLLBACK TO SAVEPOINT alone")
            saving.error = AssertionError(f"the database refuses a save of ours: {bug}")
        driver.execute("RELEASE SAVEPOINT alone")

    def _put(self, driver: Any, put: Put) -> None:
        """Write one row.

        Raises:
            Stale: another version of it is there, or none.
        """
        shelf = put.shelf
        there = Step(self._there[shelf], [(put.id,)], 1)
        if put.is_new:
            step = self._make(shelf, [put])
        elif shelf.is_fact:
            step = there  # it was read before: it must be there, and stays as it is
        else:
            step = self._change(shelf, [put])
        if not self._database.holds(driver, self._commits, [step]):
            if put.is_new and not self._database.holds(driver, self._commits, [there]):
                raise ValueError(f"the key of {shelf.table.name} {put.id} is another one's")
            raise Stale("store.save", f"{shelf.record.__name__} {put.id} was saved meanwhile")


def _by_id(put: Put) -> str:
    return put.id
