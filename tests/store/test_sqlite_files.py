"""A database at rest is one file, or somebody is told that it is not."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from store.sqlite_files import NotCheckpointed, checkpoint, file_of, log_of

WRITE_AND_VANISH = (
    "import os, sqlite3, sys\n"
    "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    "database.execute('PRAGMA journal_mode = WAL')\n"
    "database.execute('CREATE TABLE IF NOT EXISTS seen (n)')\n"
    "database.execute('INSERT INTO seen VALUES (1)')\n"
    "os._exit(0)\n"
)


@pytest.fixture
def left_open(tmp_path: Path) -> Path:
    """A database whose program ended without closing it, in a folder with a difficult name."""
    file = tmp_path / "50% of #1?" / "left.db"
    file.parent.mkdir()
    subprocess.run([sys.executable, "-S", "-c", WRITE_AND_VANISH, str(file)], check=True)
    assert log_of(file).stat().st_size > 0
    return file


def rows_in_a_copy(file: Path) -> int:
    """What a backup of the one file would hold."""
    copy = file.with_name("copy.db")
    copy.write_bytes(file.read_bytes())
    with closing(sqlite3.connect(copy)) as database:
        return int(database.execute("SELECT count(*) FROM seen").fetchone()[0])


def test_after_a_checkpoint_the_file_alone_holds_everything(left_open: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        rows_in_a_copy(left_open)
    checkpoint(left_open)
    assert rows_in_a_copy(left_open) == 1
    assert not log_of(left_open).exists()


def test_a_database_in_use_is_told_with_what_it_means_for_a_copy(left_open: Path) -> None:
    with closing(sqlite3.connect(left_open, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM seen").fetchall()
        subprocess.run([sys.executable, "-S", "-c", WRITE_AND_VANISH, str(left_open)], check=True)
        with pytest.raises(NotCheckpointed, match=r"another program has it open.*left\.db-wal"):
            checkpoint(left_open, patience_s=0)
    assert log_of(left_open).exists() is False
    assert rows_in_a_copy(left_open) == 2


def test_what_is_no_database_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "no.db"
    log_of(file).write_bytes(b"x")
    with pytest.raises(NotCheckpointed, match="unable to open"):
        checkpoint(file)
    assert not file.exists()
    file.write_text(
        "this is no database, and long enough for SQLite to see it as it looks at the first hundred bytes\n"
    )
    with pytest.raises(NotCheckpointed, match="not a database"):
        checkpoint(file)


def test_without_a_log_nothing_is_done(tmp_path: Path) -> None:
    checkpoint(tmp_path / "nobody.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite+aiosqlite:////srv/data/followthrough.db", "/srv/data/followthrough.db"),
        ("sqlite:///here.db?timeout=5", "here.db"),
        ("postgresql+asyncpg://user:password@host/database", None),
    ],
)
def test_the_file_of_an_address_is_the_one_the_driver_opens(url: str, file: str | None) -> None:
    assert file_of(url) == (None if file is None else Path(file))
