"""The durable store: SQLite by default, PostgreSQL by its address.

codec       records to JSON documents and back
schema      the tables as they are; migrations: how they came to be
shelves     which record stands in which table
database    what an engine must know (sqlite, postgresql), and a connection kept alive
saving      one save as it was asked for; writer: many of them in one transaction
reader      records by their ids, and lists
tasks       work handed to another thread in batches
store       all of it as the platform's store
"""

from __future__ import annotations

from core.adapters.sql.store import SqlStore

__all__ = ["SqlStore"]
