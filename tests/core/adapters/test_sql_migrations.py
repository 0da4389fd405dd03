"""An older database is brought up to date, at once or not at all; a newer one is left alone."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from core.adapters.sql import SqlStore, migrations
from core.adapters.sql.engines import ENGINES
from core.adapters.sql.migrations import MIGRATIONS, migrate
from core.adapters.sql.schema import METADATA
from core.errors import MachineError
from core.store.records import Drawdown, Grant, Line
from tests.core.adapters.samples import drawdown, line

VERSION_1 = Path(__file__).parents[2] / "data" / "store_v1.sql"
ROWS = re.compile(r"^INSERT INTO (?!\"schema_version\").*;$", re.MULTILINE)


def run(coroutine):
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


def engine_of(address):
    driver = address.replace("postgresql:", "postgresql+psycopg:")
    return create_engine(driver, connect_args={"isolation_level": None} if "lite" in driver else {})


@pytest.fixture
def old(address):
    """A database as version 1 has left it: in SQLite the very file, in PostgreSQL its rows."""
    engine = engine_of(address)
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.connection.driver_connection.executescript(VERSION_1.read_text())
        else:
            migrate(connection, address, upto=1)
            rows = ROWS.findall(VERSION_1.read_text())
            for row in sorted(
                rows, key=lambda row: 'INTO "customer"' not in row
            ):  # others follow it
                # SQLite knows no truth values, PostgreSQL no others.
                told = row.replace("'P1',0,NULL", "'P1',false,NULL")
                connection.exec_driver_sql(told.replace("%", "%%"))
    engine.dispose()
    return address


def versions(address):
    engine = engine_of(address)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version FROM schema_version")).scalars().all()
    engine.dispose()
    return found


def test_what_version_1_kept_is_found_by_what_version_2_asks(old):
    store = SqlStore(old)

    assert [draw.id for draw in run(store.lapsed("b01", 99.4))] == []
    assert [draw.id for draw in run(store.lapsed("b01", 100.0))] == ["D4"]
    assert [draw.id for draw in run(store.lapsed("b01", 1_800.0))] == ["D1", "D4"]
    assert [order.id for order in run(store.unsettled("b01"))] == ["P1"]
    assert run(store.get(Line, "A1-b01")) == line(version=1)
    assert run(store.get(Drawdown, "D1")) == drawdown(version=1)
    store.close()
    assert versions(old) == [len(MIGRATIONS)]


def test_the_card_pictures_of_version_1_are_granted_and_grants_can_be_read(old):
    store = SqlStore(old)
    grants = run(store.all(Grant, "b01"))
    store.close()
    assert {(grant.purpose, grant.object) for grant in grants} == {
        ("id_card_front", "front"),
        ("id_card_back", "back"),
    }
    for grant in grants:
        assert (grant.holder, grant.customer, grant.on) == ("C1-b01", "C1-b01", None)
        assert grant.id == Grant.id_of("b01", "C1-b01", grant.purpose, grant.object)


def test_the_first_version_is_never_edited(tmp_path):
    made, stored = sqlite3.connect(tmp_path / "made.db"), sqlite3.connect(":memory:")
    engine = engine_of(f"sqlite:///{tmp_path}/made.db")
    with engine.connect() as connection:
        migrate(connection, "made", upto=1)
        connection.commit()
    engine.dispose()
    stored.executescript(VERSION_1.read_text())

    asked = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    assert made.execute(asked).fetchall() == stored.execute(asked).fetchall()
    made.close()
    stored.close()


def test_a_change_that_breaks_off_has_not_begun(old, monkeypatch):
    def breaks(connection):
        connection.execute(text("CREATE TABLE half_done (id INTEGER)"))
        raise MachineError("the machine broke")

    *before, _ = MIGRATIONS
    monkeypatch.setattr(migrations, "MIGRATIONS", (*before, breaks))
    with pytest.raises(MachineError, match="the machine broke"):
        SqlStore(old)

    engine = engine_of(old)
    with engine.connect() as connection:
        assert "half_done" not in inspect(connection).get_table_names()
    engine.dispose()
    assert versions(old) == [1]

    monkeypatch.undo()
    SqlStore(old).close()
    assert versions(old) == [len(MIGRATIONS)]


def test_a_database_that_is_newer_than_the_program_is_left_alone(address):
    SqlStore(address).close()
    engine = engine_of(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE schema_version SET version = 99"))
    engine.dispose()

    told = rf"has version 99, this program knows {len(MIGRATIONS)}; run the newer program"
    with pytest.raises(MachineError, match=told):
        SqlStore(address)
    assert versions(address) == [99]


def test_a_database_that_does_not_say_its_version_is_left_alone(address):
    SqlStore(address).close()
    engine = engine_of(address)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM schema_version"))
    engine.dispose()
    with pytest.raises(MachineError, match="does not say which version it has"):
        SqlStore(address)


def test_opening_twice_changes_nothing(address):
    first, second = SqlStore(address), SqlStore(address)
    assert versions(address) == [len(MIGRATIONS)]
    first.close()
    second.close()


def shape(inspector):
    """Return what tables are made of: columns, keys, rules, indexes."""
    schema = inspector.default_schema_name
    return {
        name: {
            "columns": {
                column["name"]: (kind(column), column["nullable"])
                for column in inspector.get_columns(name)
            },
            "key": inspector.get_pk_constraint(name)["constrained_columns"],
            "rules": {
                check["name"]: plain(check) for check in inspector.get_check_constraints(name)
            },
            "unique": {
                each["name"]: each["column_names"]
                for each in inspector.get_unique_constraints(name)
            },
            "follows": {
                each["name"]: (each["constrained_columns"], each["referred_table"])
                for each in inspector.get_foreign_keys(name)
            },
            "indexes": {
                index["name"]: (index["column_names"], part(index))
                for index in inspector.get_indexes(name)
                if not index.get("duplicates_constraint")
            },
        }
        for name in inspector.get_table_names(schema)
    }


def kind(column):
    name = type(column["type"]).__name__
    return {"REAL": "DOUBLE", "DOUBLE_PRECISION": "DOUBLE"}.get(name, name)


def plain(check):
    return re.sub(r"[\s()]", "", check["sqltext"])


def part(index):
    """Return which rows an index knows."""
    options = index.get("dialect_options", {})
    where = options.get("postgresql_where", options.get("sqlite_where", ""))
    return re.sub(r"[\s()]|\w+\.", "", str(where)).replace("settled=0", "NOTsettled")


def test_the_tables_are_as_the_schema_says(address, tmp_path, request):
    """Migrated or made at once from the schema: the same."""
    SqlStore(address).close()
    is_file = address.startswith("sqlite")
    other = f"sqlite:///{tmp_path}/o.db" if is_file else request.getfixturevalue("server").address()
    migrated, made = engine_of(address), engine_of(other)
    with made.begin() as connection:
        METADATA.create_all(connection)

    assert shape(inspect(migrated)) == shape(inspect(made))
    for engine in (migrated, made):
        engine.dispose()


def test_there_is_an_engine_for_each_kind_of_address():
    assert set(ENGINES) == {"sqlite", "postgresql"}
