"""The one door to the database: a read sees one state, a transaction is the only thing that commits.

SQLite and PostgreSQL behave alike behind it: on SQLite every transaction takes the write lock at once
(the driver's default loses updates between processes), on PostgreSQL rows are locked by ``store.locks``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import lru_cache
from typing import Any, TypeAlias

from pydantic_core import from_json, to_json
from sqlalchemy import CursorResult, Executable, Insert, RowMapping, Table, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from domain.schema import Schema
from store import sqlite_driver, tables
from store.feed import CHANNEL, ChangeFeed
from store.hiding import hide_values
from store.pooled import know_who_is_away, notice_the_gone

BUSY_TIMEOUT_S = 30
"""How long a SQLite writer waits for a writer of another process before it gives up."""

ROWS_PER_STATEMENT = 400
"""Rows of one multi-row insert: both databases stop at about 32,000 parameters, no table has 40 columns."""

IDS_PER_STATEMENT = 1000
"""Ids named by one statement; PostgreSQL takes no more than 32,767."""

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}

# A commit that adds to one of these wakes the relay loops.
WAKING = frozenset({tables.changes.name, tables.deliveries.name})


Row: TypeAlias = RowMapping
"""A row by column name, as rooms above the store name it."""

Values: TypeAlias = Mapping[str, Any]
"""What fills the ``bindparam``s of a statement. One that every step of a run makes is built once, as a constant:
building it costs more than running it."""

NOTHING: Values = {}

Traceparent: TypeAlias = Callable[[], str | None]


def untraced() -> None:
    """Of no trace."""


class SchemaMemory:
    """The last schema read from committed rows and its revision; belongs to one ``Database``."""

    def __init__(self) -> None:
        self.revision: int | None = None
        self.schema: Schema | None = None


class Read:
    """One connection that sees one committed state; every write on it is refused by the database."""

    def __init__(self, connection: AsyncConnection, memory: SchemaMemory) -> None:
        self._connection = connection
        self.memory = memory
        self.dialect: str = connection.dialect.name
        # Set by a transaction that altered object types: what it reads is not committed and must not be remembered.
        self.schema_altered = False
        # The account as this transaction read it; ``store.schema`` keeps and forgets it.
        self.account: object | None = None
        # Set by a transaction that altered live values, for the same reason.
        self.live_altered = False

    async def all(self, statement: Executable, **values: Any) -> list[RowMapping]:
        """All rows, by column name. ``values`` fill the statement's ``bindparam``s, here and in what follows."""
        return list((await self._execute(statement, values)).mappings().all())

    async def one(self, statement: Executable, **values: Any) -> RowMapping | None:
        """The row, or None when there is none.

        Raises:
            sqlalchemy.exc.MultipleResultsFound: when there are several.
        """
        return (await self._execute(statement, values)).mappings().one_or_none()

    async def scalar(self, statement: Executable, **values: Any) -> Any:
        """The first column of the first row; None when there is no row."""
        return (await self._execute(statement, values)).scalar()

    async def _execute(self, statement: Executable, values: Values | Sequence[Values] = NOTHING) -> CursorResult[Any]:
        if isinstance(values, Mapping):
            return await self._connection.execute(statement, dict(values))
        return await self._connection.execute(statement, [dict(row) for row in values])


class Tx(Read):
    """A read that may also write; commits when its block ends without an error, else leaves nothing."""

    def __init__(self, connection: AsyncConnection, memory: SchemaMemory, traceparent: Traceparent) -> None:
        super().__init__(connection, memory)
        self._announced = False
        self._afterwards: list[Callable[[], None]] = []
        # Of the trace this is written in, for what follows from it elsewhere; None when nobody traces.
        self.traceparent = traceparent

    async def run(self, statement: Executable, rows: Sequence[Values] | None = None, **values: Any) -> int:
        """Write; the number of rows it touched. With ``rows`` the statement runs for each and their number is told."""
        if rows is None:
            return (await self._execute(statement, values)).rowcount
        if rows:
            await self._execute(statement, rows)
        return len(rows)

    async def insert_ignore(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert the rows whose keys are free; the number inserted. All rows must name the same columns."""
        if len(rows) == 1:
            return await self.run(_insert_ignore(table, self.dialect), **rows[0])
        insert = sqlite.insert if self.dialect == "sqlite" else postgresql.insert
        inserted = 0
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            page = [dict(row) for row in rows[start : start + ROWS_PER_STATEMENT]]
            inserted += await self.run(insert(table).values(page).on_conflict_do_nothing())
        return inserted

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that can fail alone: an error inside undoes the part and is raised, the transaction stays usable."""
        async with self._connection.begin_nested():
            yield

    def announce(self) -> None:
        """Wake the waiting loops of every process when this commits; a new change or delivery does it by itself."""
        self._announced = True

    def after_commit(self, what: Callable[[], None]) -> None:
        """Do this once it is committed, which what fails never is. It must not fail itself."""
        self._afterwards.append(what)

    async def _execute(self, statement: Executable, values: Values | Sequence[Values] = NOTHING) -> CursorResult[Any]:
        if isinstance(statement, Insert) and statement.table.name in WAKING:
            self.announce()
        return await super()._execute(statement, values)

    async def before_commit(self) -> None:
        """Announce the commit inside the transaction, so that it is heard exactly when the rows can be read."""
        if self._announced and self.dialect == "postgresql":
            await self._connection.execute(text(f"NOTIFY {CHANNEL}"))

    def committed(self) -> None:
        """Do what was left for after the commit."""
        for what in self._afterwards:
            what()


class Database:
    """An open database; made by ``Database.open``, ended by ``close``. Serves one event loop."""

    def __init__(
        self, url: str, writer: AsyncEngine, reader: AsyncEngine, glancer: AsyncEngine, traceparent: Traceparent
    ) -> None:
        self.url = url
        self._traceparent = traceparent
        self.dialect: str = writer.dialect.name
        self._writer = writer
        self._reader = reader
        self._glancer = glancer
        self._memory = SchemaMemory()
        self._feeds: list[ChangeFeed] = []
        # SQLite has one writer. Waiting here costs nothing; waiting in its busy handler sleeps in steps and starves.
        self._turn: AbstractAsyncContextManager[Any] = asyncio.Lock() if self.dialect == "sqlite" else nullcontext()

    @classmethod
    def open(cls, url: str, *, traceparent: Traceparent = untraced) -> Database:
        """Open ``sqlite:///path`` or ``postgresql://…`` (also with their async drivers named). Connects on first use.

        ``traceparent`` says of which trace what is written is.

        Raises:
            ValueError: for another kind of database, or SQLite without a file.
        """
        url = driver_url(url)
        if url.startswith("sqlite"):
            only_reads = ("query_only = ON",)
            reader = _sqlite_engine(url, "BEGIN", pragmas=only_reads)
            glancer = _sqlite_engine(url, "BEGIN", pragmas=only_reads, at_once=True)
            return cls(url, writer_engine(url), reader, glancer, traceparent)
        engine = writer_engine(url)
        reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return cls(url, engine, reader, reader, traceparent)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """The one commit point: all of the block or nothing."""
        async with self._turn, self._writer.begin() as connection:
            tx = Tx(connection, self._memory, self._traceparent)
            yield tx
            await tx.before_commit()
        tx.committed()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Read]:
        """One consistent, read-only view for the length of the block."""
        async with self._reader.connect() as connection:
            yield Read(connection, self._memory)

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[Read]:
        """The same for a few rows found by key or index: on SQLite cheaper, as nothing hops to a thread."""
        async with self._glancer.connect() as connection:
            yield Read(connection, self._memory)

    def changes(self) -> ChangeFeed:
        """A feed of its own for one waiting loop; it is closed with the database."""
        feed = ChangeFeed(listening_engine(self.url))
        self._feeds.append(feed)
        return feed

    async def close(self) -> None:
        """Close every connection; waits for those in use."""
        for feed in self._feeds:
            await feed.close()
        self._feeds.clear()
        await self._glancer.dispose()
        await self._reader.dispose()
        await self._writer.dispose()


def portions(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids in their order, as many at a time as one statement names."""
    left = list(ids)
    return (left[start : start + IDS_PER_STATEMENT] for start in range(0, len(left), IDS_PER_STATEMENT))


@lru_cache(maxsize=64)
def _insert_ignore(table: Table, dialect: str) -> Executable:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing()


def driver_url(url: str) -> str:
    """The address with the asynchronous driver it needs.

    Raises:
        ValueError: for another kind of database, or SQLite without a file (a memory database has one connection).
    """
    parsed = make_url(url)
    kind = parsed.drivername.split("+")[0]
    if kind not in DRIVERS:
        raise ValueError(f"cannot use a {kind!r} database: give sqlite:///… or postgresql://…")
    if kind == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("the SQLite database needs a file: sqlite:///path/to/followthrough.db")
    return parsed.set(drivername=DRIVERS[kind]).render_as_string(hide_password=False)


def writer_engine(url: str, *, foreign_keys: bool = True) -> AsyncEngine:
    """The engine that writes; ``foreign_keys=False`` is for migrations, which rebuild SQLite tables."""
    if not url.startswith("sqlite"):
        engine = _quiet(create_async_engine(url, **_COMMON, pool_size=10, max_overflow=10))
        notice_the_gone(engine.sync_engine)
        know_who_is_away(engine.sync_engine)
        return engine
    keys = "ON" if foreign_keys else "OFF"
    pragmas = ("journal_mode = WAL", "synchronous = FULL", f"foreign_keys = {keys}")
    return _sqlite_engine(url, "BEGIN IMMEDIATE", pragmas=pragmas, at_once=True)


def listening_engine(url: str) -> AsyncEngine:
    """Connections outside any transaction and any pool, for the feed."""
    if url.startswith("sqlite"):
        return _sqlite_engine(url, None, pragmas=("query_only = ON",), at_once=True)
    engine = _quiet(create_async_engine(url, **_COMMON, poolclass=NullPool, isolation_level="AUTOCOMMIT"))
    know_who_is_away(engine.sync_engine)
    return engine


def _to_document(value: Any) -> str:
    return to_json(value).decode()


_COMMON: dict[str, Any] = {
    "json_serializer": _to_document, "json_deserializer": from_json, "hide_parameters": True
}  # fmt: skip


def _quiet(engine: AsyncEngine) -> AsyncEngine:
    hide_values(engine)
    return engine


def _sqlite_engine(url: str, begin: str | None, *, pragmas: Sequence[str], at_once: bool = False) -> AsyncEngine:
    """An engine whose transactions start with ``begin`` instead of whenever the driver thinks fit."""
    pool: dict[str, Any] = {"poolclass": NullPool} if begin is None else {"pool_size": 5, "max_overflow": 10}
    path = make_url(url).database or ""

    async def opened(**_: object) -> sqlite_driver.Connection:
        return await sqlite_driver.connect(path, busy_s=BUSY_TIMEOUT_S, pragmas=pragmas, at_once=at_once)

    engine = _quiet(create_async_engine(url, async_creator=opened, **_COMMON, **pool))
    if begin is not None:
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine
