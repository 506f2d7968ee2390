"""What `followthrough backup` and `restore` refuse, before anything is written; and a copy of what is being written."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli import app
from commands.backups import DATABASES, SAYS
from domain.base import Frozen
from gateways.outbox import OutboxFolder
from store.sqlite_files import NotCopied, copy_database


class Left(Frozen):
    """A message."""

    text: str


def said(folder: Path, *command: str, **more: str) -> Result:
    """What a command says to the installation of a data folder."""
    env: Mapping[str, str] = {
        "FOLLOWTHROUGH_DATA_DIR": str(folder),
        **{f"FOLLOWTHROUGH_{k}": v for k, v in more.items()},
    }
    return CliRunner().invoke(app, [*command], env=env)


def installation(folder: Path) -> Path:
    """A data folder as far as a backup looks at it."""
    (folder / "outbox" / "email").mkdir(parents=True)
    (folder / "outbox" / "email" / "one.json").write_text("{}")
    (folder / "local.key").write_text("ft_0123456789abcdefghij")
    (folder / "logs").mkdir()
    for name in DATABASES:
        with closing(sqlite3.connect(folder / name)) as database:
            database.execute("CREATE TABLE kept (n INTEGER)")
    return folder


def test_a_backup_has_both_databases_the_outbox_and_the_key_and_says_when_each_was_copied(tmp_path: Path) -> None:
    data, to = installation(tmp_path / "data"), tmp_path / "backup"
    done = said(data, "backup", str(to))
    assert done.exit_code == 0, done.output
    assert {str(each.relative_to(to)) for each in to.rglob("*") if each.is_file()} == {
        SAYS, *DATABASES, "local.key", "outbox/email/one.json",
    }  # fmt: skip
    taken = json.loads((to / SAYS).read_text())["taken"]
    # The ledger has to be the newer one.
    assert taken["temporal.db"] < taken["followthrough.db"]
    assert to.stat().st_mode & 0o077 == 0, "nobody else reads it"
    assert [each.name for each in tmp_path.iterdir() if each not in (data, to)] == []


def test_a_backup_is_taken_while_messages_leave_into_the_outbox(tmp_path: Path) -> None:
    data, stop = installation(tmp_path / "data"), threading.Event()
    outbox = OutboxFolder(data / "outbox" / "email")
    for number in range(1000):
        (outbox.folder / f"{number}.json").write_text("{}")

    def leave() -> None:
        number = 0
        while not stop.is_set():
            asyncio.run(outbox.put(f"left-{number}", Left(text="x" * 2000)))
            number += 1

    leaving = threading.Thread(target=leave)
    leaving.start()
    try:
        for number in range(8):
            to = tmp_path / f"backup-{number}"
            done = said(data, "backup", str(to))
            assert done.exit_code == 0, done.output
            assert [each.name for each in (to / "outbox" / "email").iterdir() if each.suffix != ".json"] == []
    finally:
        stop.set()
        leaving.join()


def test_a_folder_of_somebody_else_that_is_called_alike_stays(tmp_path: Path) -> None:
    data, to = installation(tmp_path / "data"), tmp_path / "backup"
    for name in ("backup.unfinished", "data.restoring"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").write_text("kept")
    assert said(data, "backup", str(to)).exit_code == 0
    assert (tmp_path / "backup.unfinished" / "mine").read_text() == "kept"
    assert (tmp_path / "data.restoring" / "mine").read_text() == "kept"


def test_nothing_is_overwritten_and_nothing_else_taken_for_a_backup(tmp_path: Path) -> None:
    data, to = installation(tmp_path / "data"), tmp_path / "backup"
    assert said(data, "backup", str(to)).exit_code == 0
    again = said(data, "backup", str(to))
    assert (again.exit_code, "not empty" in again.output) == (1, True)
    over = said(data, "restore", str(to))
    assert (over.exit_code, "not empty" in over.output) == (1, True)
    (to / DATABASES[0]).unlink()
    halved = said(tmp_path / "new", "restore", str(to))
    assert (halved.exit_code, "there is no temporal.db" in halved.output) == (3, True)
    assert said(tmp_path / "new", "backup", str(tmp_path / "other")).exit_code == 3
    assert not (tmp_path / "new").exists()


def test_runs_of_another_namespace_and_of_a_later_release_are_not_restored(tmp_path: Path) -> None:
    data, to = installation(tmp_path / "data"), tmp_path / "backup"
    assert said(data, "backup", str(to)).exit_code == 0
    other = said(tmp_path / "new", "restore", str(to), TEMPORAL_NAMESPACE="elsewhere")
    assert (other.exit_code, "FOLLOWTHROUGH_TEMPORAL_NAMESPACE=followthrough" in other.output) == (1, True)
    says = json.loads((to / SAYS).read_text())
    (to / SAYS).write_text(json.dumps({**says, "format": 2, "release": "9.0"}))
    later = said(tmp_path / "new", "restore", str(to))
    assert (later.exit_code, "9.0" in later.output) == (1, True)


@pytest.mark.parametrize(
    "elsewhere", [{"TEMPORAL_ADDRESS": "temporal:7233"}, {"DATABASE_URL": "postgresql://u:p@db/followthrough"}]
)
@pytest.mark.parametrize("command", ["backup", "restore"])
def test_what_is_not_all_in_the_data_folder_is_backed_up_in_another_way(
    tmp_path: Path, command: str, elsewhere: dict[str, str]
) -> None:
    data = installation(tmp_path / "data")
    done = said(data, command, str(tmp_path / "backup"), **elsewhere)
    assert (done.exit_code, "docs/backup.md" in done.output) == (2, True)
    assert not (tmp_path / "backup").exists()


def test_a_copy_of_a_database_that_is_being_written_has_whole_transactions_only(tmp_path: Path) -> None:
    file, stop = tmp_path / "busy.db", threading.Event()
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE pairs (n INTEGER, half TEXT)")

    def write() -> None:
        with closing(sqlite3.connect(file, timeout=30)) as database:
            n = 0
            while not stop.is_set():
                with database:
                    database.executemany("INSERT INTO pairs VALUES (?, ?)", [(n, "a"), (n, "b" * 3000)])
                n += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(20):
            copy_database(file, tmp_path / f"copy-{n}.db")
    finally:
        stop.set()
        writer.join()
    for n in range(20):
        assert not (tmp_path / f"copy-{n}.db-wal").exists()
        with closing(sqlite3.connect(tmp_path / f"copy-{n}.db")) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            halves = copy.execute("SELECT n FROM pairs GROUP BY n HAVING count(*) != 2").fetchall()
        assert halves == []


def test_a_database_that_is_not_there_is_not_made_by_copying_it(tmp_path: Path) -> None:
    with pytest.raises(NotCopied):
        copy_database(tmp_path / "none.db", tmp_path / "copy.db")
    assert not (tmp_path / "none.db").exists()
