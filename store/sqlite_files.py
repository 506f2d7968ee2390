"""SQLite files: whether all that a database knows lies in its one file, and copies of one that is at work."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

PATIENCE_S = 5.0
"""How long a reader of another process is waited for."""


class NotCheckpointed(Exception):
    """Part of a database is still in its write-ahead log; the message says what that means for a copy."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(f"{file}: {why}. What was written last is only in {log_of(file).name}: copy both or neither.")


def file_of(url: str) -> Path | None:
    """The file of a SQLite database address; None for a database that is a server."""
    kind, _, rest = url.partition(":///")
    return Path(rest.partition("?")[0]) if kind.partition("+")[0] == "sqlite" else None


def log_of(file: Path) -> Path:
    """The write-ahead log beside a database file. SQLite removes it when the last program closes the database."""
    return file.with_name(f"{file.name}-wal")


def checkpoint(file: Path, *, patience_s: float = PATIENCE_S) -> None:
    """Move what the write-ahead log holds into the database file; without a log there is nothing to do.

    A program that was killed, or that ends without closing its database, leaves the log behind.

    Raises:
        NotCheckpointed: another program has the database open, or it cannot be read or written.
    """
    if not log_of(file).exists():
        return
    try:
        # Only an existing file: by default SQLite would make one.
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=patience_s)) as database:
            busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise NotCheckpointed(file, str(error)) from None
    if busy:
        raise NotCheckpointed(file, "another program has it open")


class NotCopied(Exception):
    """A database could not be copied; the message says which and why."""


def copy_database(file: Path, to: Path) -> None:
    """Copy a database as of one instant, whoever works on it meanwhile; ``to`` is one file that needs no log.

    Raises:
        NotCopied: there is none, it cannot be read, or the copy cannot be written.
    """
    try:
        # Only an existing file: by default SQLite would make one.
        with (
            closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=PATIENCE_S)) as database,
            closing(sqlite3.connect(to)) as copy,
        ):
            # All pages in one read transaction.
            database.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")
        with to.open("rb") as written:
            os.fsync(written.fileno())
    except (sqlite3.Error, OSError) as error:
        raise NotCopied(f"{file} cannot be copied to {to}: {error}") from None
