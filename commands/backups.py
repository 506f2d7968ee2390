"""`followthrough backup` and `followthrough restore`: all of an installation of `up`, taken while it runs.

Temporal's database is copied first and the product's second, so that the ledger is the newer of the two: a run that is
older than it asks again what it asked before, and is answered the same. What runs were told in between they are told
anew when the backup is restored (``services.relaying.repairing``).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.installation import read_settings
from commands.output import AsJson, ExitCode, Failed, show, speaking
from commands.verifying import Results, Scope, verified
from gateways.outbox import PARTIAL
from settings import Settings

SAYS = "backup.json"
"""What a backup says of itself; written last, so that a folder without it is none."""

DATABASES = ("temporal.db", "followthrough.db")
"""In this order; see above."""

FORMAT = 1

Folder = Annotated[Path, typer.Argument(help="The folder of the backup.", metavar="FOLDER")]


def backup(folder: Folder, as_json: AsJson = False) -> None:
    """Copy everything the installation of the data folder keeps into a new folder; it may run meanwhile."""
    with speaking(as_json):
        settings = read_settings()
        _hold_embedded(settings)
        if not (settings.data_dir / DATABASES[1]).is_file():
            raise Failed(ExitCode.NOT_FOUND, f"there is no installation in {settings.data_dir}")
        _hold_new(folder)
        made = take_backup(settings, folder)
        show(made, f"{folder}: everything of {settings.data_dir}\n{WARNING}", as_json=as_json)


WARNING = "It holds records, keys and secrets as they are: keep it as safe as the installation."


def take_backup(settings: Settings, folder: Path) -> dict[str, Any]:
    """Make the backup; what it says of itself.

    Raises:
        Failed: a database or the outbox cannot be copied.
    """
    with _becoming(folder) as aside:
        return _fill(settings, aside)


@contextmanager
def _becoming(folder: Path) -> Iterator[Path]:
    """A folder of our own beside it, readable by nobody else, that takes its name at the end and is gone on failure."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=".unfinished", dir=folder.parent))
    try:
        yield aside
        if folder.is_dir():
            folder.rmdir()
        aside.rename(folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _fill(settings: Settings, aside: Path) -> dict[str, Any]:
    from gateways.clock import SystemClock
    from store.sqlite_files import NotCopied, copy_database

    says: dict[str, Any] = {
        "format": FORMAT,
        "release": version("followthrough"),
        "namespace": settings.temporal_namespace,
        "taken": {},
    }
    for name in DATABASES:
        says["taken"][name] = SystemClock().now().isoformat()
        try:
            copy_database(settings.data_dir / name, aside / name)
        except NotCopied as error:
            raise Failed(ExitCode.REFUSED, str(error)) from None
    # A file is written before the ledger says so: copied behind it none is missing.
    if (settings.data_dir / "outbox").is_dir():
        _copy_outbox(settings.data_dir / "outbox", aside / "outbox")
    if settings.local_key_file.is_file():
        shutil.copy2(settings.local_key_file, aside / settings.local_key_file.name)
    (aside / SAYS).write_text(json.dumps(says, indent=2))
    return says


def _copy_outbox(source: Path, to: Path) -> None:
    """Copy the messages that left; one that is being written this moment has no name of its own yet.

    Raises:
        Failed: naming what cannot be copied.
    """
    try:
        shutil.copytree(source, to, ignore=shutil.ignore_patterns(f"{PARTIAL}*"))
    except (OSError, shutil.Error) as error:
        raise Failed(ExitCode.REFUSED, f"{source} cannot be copied: {error}") from None


def restore(folder: Folder, as_json: AsJson = False) -> None:
    """Make an installation of a backup in the data folder, which must be new; `up` then goes on with it.

    Whoever waited in a workflow waits on. Runs that are missing or older than the database are put right before.
    """
    with speaking(as_json):
        settings = read_settings()
        _hold_embedded(settings)
        says = _read(folder)
        if says["namespace"] != settings.temporal_namespace:
            wanted = f"FOLLOWTHROUGH_TEMPORAL_NAMESPACE={says['namespace']}"
            raise Failed(ExitCode.REFUSED, f"the runs of {folder} are in another namespace: set {wanted}")
        _hold_new(settings.data_dir)
        results = restored(settings, folder)
        text = f"{results.text()}\n\n{settings.data_dir}: restored from {folder}; `followthrough up` goes on with it"
        show({"data_dir": str(settings.data_dir), **results.document()}, text, as_json=as_json)
        if results.left:
            raise typer.Exit(ExitCode.DISAGREES)


def restored(settings: Settings, folder: Path) -> Results:
    """Copy the backup, put right what does not fit together, and give it the name of the data folder at last.

    Raises:
        Failed: the Temporal server does not start, or the database cannot be brought to this release.
    """
    from embedded import TemporalNotReady
    from keeper import CannotStart

    with _becoming(settings.data_dir) as aside:
        shutil.copytree(folder, aside, dirs_exist_ok=True)
        (aside / SAYS).unlink()
        try:
            return _put_right_in(settings, aside)
        except (CannotStart, TemporalNotReady) as error:
            raise Failed(ExitCode.NOT_REACHABLE, str(error)) from None


def _put_right_in(settings: Settings, aside: Path) -> Results:
    from supervisor import put_to_rest

    there = settings.model_copy(
        update={"data_dir": aside, "database_url": f"sqlite+aiosqlite:///{aside / DATABASES[1]}"}
    )

    def say(line: str) -> None:
        typer.echo(line, err=True)

    async def put_right() -> Results:
        results = await _put_right(there, say)
        await put_to_rest(there, say)
        return results

    return asyncio.run(put_right())


async def _put_right(settings: Settings, say: Any) -> Results:
    """Bring the database to this release and its runs to where it says they stand; no worker is at work."""
    from embedded import TemporalOperator, find_temporal, server
    from keeper import Supervisor
    from supervisor import START_WITHIN_S, check_port, part

    check_port("127.0.0.1", settings.temporal_port, "FOLLOWTHROUGH_TEMPORAL_PORT")
    check_port("127.0.0.1", settings.temporal_ui_port, "FOLLOWTHROUGH_TEMPORAL_UI_PORT")
    temporal = find_temporal()
    async with Supervisor(settings.data_dir, say) as supervisor:
        await supervisor.start(server(settings, temporal))
        await TemporalOperator(temporal, settings.temporal_address).wait_until_serving(START_WITHIN_S)
        await supervisor.once(part("migrate", ["migrate"], settings, stop_within_s=60.0))
        return await verified(settings, Scope(newest=0, repair=True, restored=True, all_missing=True))


def _read(folder: Path) -> dict[str, Any]:
    """What a backup says of itself.

    Raises:
        Failed: it is none, or of a later release.
    """
    missing = [name for name in (SAYS, *DATABASES) if not (folder / name).is_file()]
    if missing:
        raise Failed(ExitCode.NOT_FOUND, f"{folder} is no backup: there is no {', '.join(missing)}")
    says: dict[str, Any] = json.loads((folder / SAYS).read_text())
    if says["format"] != FORMAT:
        raise Failed(ExitCode.REFUSED, f"{folder} was made by release {says['release']}: restore it with that one")
    return says


def _hold_embedded(settings: Settings) -> None:
    """Refuse what is not all in the data folder.

    Raises:
        Failed: a database or Temporal is elsewhere.
    """
    from store.sqlite_files import file_of

    if settings.embeds_temporal and file_of(settings.database_url) == settings.data_dir / DATABASES[1]:
        return
    raise Failed(
        ExitCode.USAGE,
        "this is for an installation of `followthrough up`, with both databases in its data folder; docs/backup.md says"
        " how others are backed up and restored",
    )


def _hold_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Failed(ExitCode.REFUSED, f"{folder} is there already, and not empty")
