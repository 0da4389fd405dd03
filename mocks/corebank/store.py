"""The core bank on disk: a log of commands, written before their answers leave, and replayed.

The core is a deterministic machine: what it is told, when, and with which draws makes all that it
is. So the log is the whole of it. A command is carried out in memory and its row is written in the
next commit; only then may the answer go out, so whoever was answered finds it again after a
``kill -9``, and whoever was not may ask. Many commands share one commit. When the log is opened it
is replayed, and each row's chain value must come out as it was: a log that another version has
written, or somebody has changed, is refused and not guessed at.

SQLAlchemy writes it: SQLite by default, PostgreSQL by its address.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any, get_type_hints

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.exc import DBAPIError

from core.documents import converter, decode, encode
from core.errors import MachineError, ServerFailed
from core.ports.corebank import CoreBank as Port
from core.ports.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Engine

    from core.seed import Draws
    from mocks.corebank.behaviour import CoreBank

FORM = 1  # of the log; another one is refused
# What only the host tells the core: the stages of its day, and an operator's hold.
STAGES = ("cutoff", "begin_batch", "end_day", "hold_writes")

METADATA = MetaData()
ABOUT = Table("corebank_about", METADATA, Column("form", Integer, nullable=False))
LOG = Table(
    "corebank_log",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("operation", Text, nullable=False),
    Column("bank", Text, nullable=False),
    Column("told", Text, nullable=False),  # trace and query, or the arguments of a stage
    Column("at_s", Float(53), nullable=False),
    Column("chain", Text, nullable=False),  # of the bank's book, after the command
)

_CONVERTER = converter()
_QUERIES = {
    name: get_type_hints(method, localns={"Trace": Trace, "date": date})["query"]
    for name, method in vars(Port).items()
    if not name.startswith("_")
}


class DurableCore:
    """A core bank whose every command outlives its process."""

    def __init__(self, core: CoreBank, address: str, draws: Callable[[str, Trace], Draws]) -> None:
        """Open the log at ``address`` and replay it into ``core``, which must be fresh.

        ``draws`` gives the named draws of an operation's attempt, as the host's do.

        Raises:
            MachineError: the log cannot be opened, is of another form, or does not replay.
        """
        self.core, self._draws = core, draws
        self._place = f"core bank's log {address!r}"
        self._pending: list[dict[str, Any]] = []
        self._number = 0
        try:
            self._engine = _engine(address)
            self._check_form()
            self._replay()
        except DBAPIError as wrong:
            problem = f"{self._place} cannot be read: {wrong.orig}"
            raise MachineError(problem, "give a file or database that is its own") from wrong

    def ask(self, operation: str, trace: Trace, query: Any, now_s: float) -> Any:
        """Have the core answer; what it did is kept by the next :meth:`commit`."""
        reads = not self.core.OPERATIONS[operation].writes or getattr(query, "fence", True) is False
        changes = not reads or self.core.due(now_s)
        try:
            return self._act(operation, trace, query, now_s)
        finally:  # what a planned fault raises has done its part, too
            if changes:
                told = encode([_CONVERTER.unstructure(trace), _CONVERTER.unstructure(query)])
                self._note(operation, _bank_of(trace, query), told, now_s)

    def stage(self, name: str, bank: str, *given: Any) -> Any:
        """Tell the core a stage of its day; kept by the next :meth:`commit`."""
        assert name in STAGES, name
        done = getattr(self.core, name)(bank, *given)
        self._note(name, bank, encode(_CONVERTER.unstructure(given)), 0.0)
        return done

    def commit(self) -> None:
        """Write what was done since the last commit; answers may go out when this returns.

        Raises:
            MachineError: the log cannot be written. Nothing that was asked since may be answered:
                the core in memory is ahead of its log, so it must be opened anew.
        """
        if not self._pending:
            return
        rows, self._pending = self._pending, []
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(LOG), rows)
        except DBAPIError as wrong:
            problem = f"{self._place} cannot be written: {wrong.orig}"
            raise MachineError(problem, "mend it and start the core again") from wrong

    def close(self) -> None:
        """Commit what is pending and let the database go."""
        self.commit()
        self._engine.dispose()

    def _act(self, operation: str, trace: Trace, query: Any, now_s: float) -> Any:
        method = getattr(self.core, operation)
        return method(trace, query, now_s, self._draws(operation, trace))

    def _note(self, operation: str, bank: str, told: str, at_s: float) -> None:
        self._number += 1
        self._pending.append(
            {
                "number": self._number,
                "operation": operation,
                "bank": bank,
                "told": told,
                "at_s": at_s,
                "chain": self.core.head(bank),
            }
        )

    def _check_form(self) -> None:
        METADATA.create_all(self._engine)
        with self._engine.begin() as connection:
            form = connection.execute(select(ABOUT.c.form)).scalar()
            if form is None:
                connection.execute(insert(ABOUT).values(form=FORM))
            elif form != FORM:
                problem = f"{self._place} has form {form}, and this is form {FORM}"
                raise MachineError(problem, "open it with the version that wrote it")

    def _replay(self) -> None:
        with self._engine.connect() as connection:
            for row in connection.execute(select(LOG).order_by(LOG.c.number)):
                self._again(row.operation, row.bank, decode(row.told), row.at_s)
                self._number = row.number
                if self.core.head(row.bank) != row.chain:
                    problem = f"{self._place} does not replay: command {row.number} ended otherwise"
                    raise MachineError(problem, "open it with the version and seed that wrote it")

    def _again(self, operation: str, bank: str, told: Any, at_s: float) -> None:
        """Carry a logged command out again."""
        if operation in STAGES:
            given = [date.fromisoformat(each) if isinstance(each, str) else each for each in told]
            getattr(self.core, operation)(bank, *given)
            return
        trace = _CONVERTER.structure(told[0], Trace)
        query = _CONVERTER.structure(told[1], _QUERIES[operation])
        with suppress(ServerFailed):  # a planned fault of the core: it was seen then, too
            self._act(operation, trace, query, at_s)


def _bank_of(trace: Trace, query: Any) -> str:
    """Return whose book a command is for."""
    key = getattr(query, "key", None)
    return str(key.bank if key is not None else getattr(query, "bank", trace.bank))


def _engine(address: str) -> Engine:
    """Return the engine of the log, with SQLite told to keep its word."""
    engine = create_engine(address)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def keep_its_word(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    return engine
