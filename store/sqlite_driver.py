"""SQLite for one event loop: what may wait runs in a thread, what cannot runs at once.

A statement on a row found by its key takes about 5 µs; handing it to a thread and back takes a hundred times that
(docs/decisions/0007). So inside a write transaction, whose statements are short, only those hop that may wait: to take
the lock and to reach the disk. A reader may ask for anything, so each of its statements hops, rows included.

SQLAlchemy takes a connection of this shape from ``async_creator`` and speaks the aiosqlite dialect with it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

T = TypeVar("T")

TAKES_LOCK = "BEGIN IMMEDIATE"
"""The statement that waits for the writers of other processes."""
TAKES_NOTHING = "BEGIN"
"""The statement that only notes that a view begins."""
ASK_AGAIN_S = 0.001
"""How long to wait before asking again for the lock of another process."""


async def connect(path: str, *, busy_s: float, pragmas: Sequence[str], at_once: bool) -> Connection:
    """Open the file and set it up.

    ``busy_s``: seconds to wait for a writer of another process. ``at_once``: short statements do not hop.
    """

    def opened() -> sqlite3.Connection:
        # Transactions are opened and closed by whoever uses the connection, never by the driver's guess.
        raw = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
        for pragma in pragmas:
            raw.execute(f"PRAGMA {pragma}")
        return raw

    return Connection(await asyncio.to_thread(opened), busy_s=busy_s, at_once=at_once)


class Connection:
    """One SQLite connection; its operations take effect in the order they were asked for, cancelled or not."""

    def __init__(self, raw: sqlite3.Connection, *, busy_s: float, at_once: bool) -> None:
        self._connection: sqlite3.Connection | None = raw
        self._conn = raw
        self._busy_s = busy_s
        self.hops = not at_once
        # A writer does not queue behind long reads: while its commit waits for a thread it holds everybody's lock.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer") if at_once else None
        self._running: asyncio.Future[Any] | None = None

    async def do(self, work: Callable[[], T], *, waits: bool) -> T:
        """Run ``work`` on the connection once all earlier work is over, in a thread where it ``waits``."""
        while self._running is not None and not self._running.done():
            # Whoever asked for it may be cancelled; the thread is not, and two must not use one connection.
            await asyncio.wait([self._running])
        if not waits:
            return work()
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        # Read what it raised even when nobody waits for it any more.
        running.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._running = running
        return await asyncio.shield(running)

    async def take_lock(self, begin: Callable[[], None]) -> None:
        """Begin a write transaction as soon as no other process is in one.

        SQLite itself asks again after 1, 2, 5, 10, 15, 20, 25, 50 and 100 ms; a transaction of ours takes about 2.
        """

        def patiently() -> None:
            deadline = time.monotonic() + self._busy_s
            self._conn.execute("PRAGMA busy_timeout = 0")
            try:
                while not taken(begin, last=time.monotonic() > deadline):
                    time.sleep(ASK_AGAIN_S)
            finally:
                self._conn.execute(f"PRAGMA busy_timeout = {int(1000 * self._busy_s)}")

        await self.do(patiently, waits=True)

    def cursor(self) -> Cursor:
        """A new cursor."""
        return Cursor(self, self._conn.cursor())

    async def commit(self) -> None:
        """Commit; waits for the disk."""
        await self.do(self._conn.commit, waits=True)

    async def rollback(self) -> None:
        """Undo what is open."""
        await self.do(self._conn.rollback, waits=False)

    async def create_function(self, *args: Any, **options: Any) -> None:
        """Offer a function to SQL."""
        await self.do(lambda: self._conn.create_function(*args, **options), waits=False)

    async def close(self) -> None:
        """Close; what is open is undone."""
        if self._connection is not None:
            self._connection = None
            await self.do(self._conn.close, waits=True)
            self._end_thread()

    def stop(self) -> None:
        """Close without waiting, for a connection nobody holds any more; what still runs on it ends first."""
        self._connection = None
        if self._running is not None and not self._running.done():
            self._running.add_done_callback(lambda _: self._conn.close())
        else:
            self._conn.close()
        self._end_thread()

    def _end_thread(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=False)


def taken(begin: Callable[[], None], *, last: bool) -> bool:
    """Try to take the lock; False while another process holds it, an error when this was the ``last`` try."""
    try:
        begin()
    except sqlite3.OperationalError as error:
        # The low byte is the code; what is above it says why it is busy, such as somebody mending after a crash.
        if last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


class Cursor:
    """One statement and the rows it found, all of them read when it ran."""

    arraysize = 1

    def __init__(self, connection: Connection, raw: sqlite3.Cursor) -> None:
        self._connection = connection
        self._raw = raw
        self._rows: Sequence[Any] = ()

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:
        """The columns of the rows; None for a statement without rows."""
        return self._raw.description

    @property
    def rowcount(self) -> int:
        """Rows written."""
        return self._raw.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The key SQLite gave the last row."""
        return self._raw.lastrowid

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Self:
        """Run a statement."""

        def work() -> None:
            self._raw.execute(statement, parameters)
            self._rows = self._raw.fetchall() if self._raw.description else ()

        if statement == TAKES_LOCK:
            await self._connection.take_lock(work)
        else:
            await self._connection.do(work, waits=self._connection.hops and statement != TAKES_NOTHING)
        return self

    async def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> Self:
        """Run a statement for each of the rows."""
        await self._connection.do(lambda: self._raw.executemany(statement, rows), waits=False)
        return self

    async def fetchall(self) -> Sequence[Any]:
        """The rows."""
        rows, self._rows = self._rows, ()
        return rows

    async def close(self) -> None:
        """Give the statement back."""
        await self._connection.do(self._raw.close, waits=False)
