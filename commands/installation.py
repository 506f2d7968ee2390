"""The commands that work on the installation itself: `up api worker migrate key outbox missing-runs`."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from settings import Settings, SettingsError

if TYPE_CHECKING:
    from domain.access import Scope
    from store.people import ApiKey

T = TypeVar("T")

log = logging.getLogger(__name__)

OTHER_FOLDER = "another one is chosen with FOLLOWTHROUGH_DATA_DIR"

key = typer.Typer(help="API keys of this installation.", no_args_is_help=True)


class Role(StrEnum):
    """Which part of the work a worker takes."""

    ALL = "all"
    RUNS = "runs"
    EMAIL = "email"
    SMS = "sms"
    WEBHOOK = "webhook"
    RELAY = "relay"
    BULK = "bulk"
    INBOUND = "inbound"


def up() -> None:
    """Run a whole installation on this machine: Temporal, worker and API."""
    with speaking(as_json=False):
        settings = read_settings()
    from supervisor import up as bring_up

    raise typer.Exit(bring_up(settings))


def api() -> None:
    """Run the API."""
    with speaking(as_json=False):
        settings = read_settings()
    from api.__main__ import serve
    from commands.logs import log_as_json

    log_as_json(settings.log_level)
    leave_cleanly(lambda: serve(settings))


def worker(role: Annotated[Role, typer.Option(help="What this worker does.")] = Role.ALL) -> None:
    """Run a worker."""
    with speaking(as_json=False):
        settings = read_settings()
    import worker as work
    from commands.logs import log_as_json

    async def until_stopped() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await work.run(settings, role.value, stop)

    log_as_json(settings.log_level)
    leave_cleanly(lambda: run_fast(until_stopped()))


def run_fast(main: Coroutine[None, None, T]) -> T:
    """Run on the faster event loop where there is one, as the API's server does."""
    # What the imports made stays for good: the collector need not walk it again and again.
    gc.collect()
    gc.freeze()
    try:
        import uvloop
    except ImportError:  # Windows
        return asyncio.run(main)
    return uvloop.run(main)


def migrate() -> None:
    """Bring the database to this release; again changes nothing."""
    with speaking(as_json=False):
        settings = read_settings()
    from commands.logs import log_as_json
    from gateways.clock import SystemClock
    from store.database import Database
    from store.migrate import upgrade
    from store.schema import seed_builtin

    async def seed() -> None:
        db = Database.open(settings.database_url)
        try:
            async with db.transaction() as tx:
                await seed_builtin(tx, SystemClock().now())
        finally:
            await db.close()

    log_as_json(settings.log_level)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.database_url)
    asyncio.run(seed())
    typer.echo("the database is current")


@key.command("create")
def create_key(
    name: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
    scope: Annotated[list[str] | None, typer.Option(help="May be repeated; without it: every scope.")] = None,
    user: Annotated[
        str | None, typer.Option(help="The address of the user it is for; their role says the rest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key, for a program or for a user; its secret is shown once."""
    with speaking(as_json):
        settings = read_settings()
        from domain.access import SCOPES

        unknown = set(scope or ()) - set(SCOPES)
        if unknown:
            raise Failed(ExitCode.USAGE, f"no such scope: {', '.join(sorted(unknown))}; there are {', '.join(SCOPES)}")
        if user is not None and scope:
            raise Failed(ExitCode.USAGE, "what the key of a user may do follows from the role of the user")
        chosen = [each for each in SCOPES if not scope or each in scope]
        made, secret = asyncio.run(_add_key(settings, name, chosen, user))
        shown = {"name": name, "user_id": made.user_id, "scopes": list(made.scopes), "key": secret}
        show(shown, secret, as_json=as_json)


@key.command("encryption")
def make_encryption_key(
    name: Annotated[str, typer.Argument(help="What the key is called: letters, digits, dot, dash.")],
    as_json: AsJson = False,
) -> None:
    """Make a key for ENCRYPTION_KEYS; it is shown once and kept nowhere."""
    import re

    from settings import PAYLOAD_KEY_NAME
    from store.ids import new_encryption_key

    with speaking(as_json):
        if not re.fullmatch(PAYLOAD_KEY_NAME, name):
            raise Failed(ExitCode.USAGE, f"{name!r} is no name of a key: up to 40 letters, digits, dots and dashes")
        made = f"{name}:{new_encryption_key()}"
        show({"name": name, "key": made}, made, as_json=as_json)


@key.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List keys with what they may do now, revoked ones included. Asks the API."""
    from commands.client import connect

    with speaking(as_json), connect() as api:
        found = list(api.items("/api-keys", at_most=10_000))
        rows = [
            (each["id"], each["name"], each["prefix"], each["user_id"] or "a program", each["revoked_at"] or "in use")
            for each in found
        ]
        show(found, table(rows, ("key", "name", "begins", "of", "revoked")), as_json=as_json)


@key.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="The id of the key, as `key list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """End a key for good; it is refused from the next call on. Asks the API."""
    from urllib.parse import quote

    from commands.client import connect

    with speaking(as_json), connect() as api:
        api.send("DELETE", f"/api-keys/{quote(key_id, safe='')}")
        show({"id": key_id}, f"key {key_id} is revoked", as_json=as_json)


async def _add_key(settings: Settings, name: str, scopes: list[Scope], email: str | None) -> tuple[ApiKey, str]:
    from domain.audit import INSTALLATION
    from domain.errors import Invalid
    from gateways.clock import SystemClock
    from services.records.keys import add_key
    from store.database import Database
    from store.people import find_user

    db = Database.open(settings.database_url)
    try:
        async with db.transaction() as tx:
            now = SystemClock().now()
            if email is None:
                return await add_key(tx, INSTALLATION, name, scopes=scopes, now=now)
            user = await find_user(tx, email)
            if user is None:
                raise Failed(ExitCode.NOT_FOUND, f"there is no active user with the address {email}")
            return await add_key(tx, INSTALLATION, name, user_id=user.id, now=now)
    except Invalid as refused:
        raise Failed(ExitCode.REFUSED, str(refused)) from None
    finally:
        await db.close()


def outbox(
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many to show.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the newest messages in the local outbox: emails and text messages that real gateways would have sent."""
    from gateways.outbox import read_outbox

    with speaking(as_json):
        folder = read_settings().data_dir / "outbox"
        if not folder.parent.is_dir():
            raise Failed(ExitCode.NOT_FOUND, f"there is no data folder {folder.parent}: {OTHER_FOLDER}")
        found = [{"channel": channel, **mail} for channel in ("email", "sms") for mail in read_outbox(folder / channel)]
        found.sort(key=lambda mail: str(mail["at"]), reverse=True)
        shown, more = found[:limit], len(found) - limit
        # A script reads the list from stdout; what is said about it goes beside it.
        typer.echo(f"outbox {folder}" if found else f"no messages in {folder}; {OTHER_FOLDER}", err=as_json)
        if found or as_json:
            rows = [(m["at"], m["channel"], m["to"], m.get("subject") or m["text"]) for m in shown]
            show(shown, table(rows, ("when", "channel", "to", "subject or text")), as_json=as_json)
        if more > 0:
            typer.echo(f"… and {more} older; --limit {len(found)} shows all", err=as_json)


def missing_runs(as_json: AsJson = False) -> None:
    """List the active enrollments whose run Temporal does not know; changes nothing."""
    with speaking(as_json):
        settings = read_settings()
        from assemble import assembled
        from domain.errors import Unavailable
        from services.running import lost_runs

        async def look() -> list[dict[str, str]]:
            async with assembled(settings, "missing-runs") as (inst, _):
                return [
                    {"enrollment": e.id, "object": e.object, "record": e.record_id, "since": e.started_at.isoformat()}
                    async for e in lost_runs.missing_runs(inst)
                ]

        place = f"{settings.temporal_address}, namespace {settings.temporal_namespace}"
        try:
            found = asyncio.run(look())
        except Unavailable as error:
            raise Failed(ExitCode.NOT_REACHABLE, f"{error}: {place}") from None
        text = f"Temporal at {place} has the run of every active enrollment"
        if found:
            said = f"Temporal at {place} does not know the runs of {len(found)} active enrollments"
            text = f"{said}\n{table([tuple(e.values()) for e in found], tuple(found[0]))}"
        show(found, text, as_json=as_json)


def read_settings() -> Settings:
    """The settings of the environment, or the command's end with every mistake named."""
    try:
        return Settings.read()
    except SettingsError as error:
        raise Failed(ExitCode.USAGE, str(error)) from None


def leave_cleanly(work: Callable[[], None]) -> None:
    """Do ``work`` and end the process without the interpreter's teardown.

    Python may abort while it finalizes with the Temporal SDK loaded (sdk-python 300), which would turn a clean stop
    into a crash with an exit code to match.
    """
    code = 0
    try:
        work()
    except BaseException as error:
        # Whatever ended it, the exit code must say so.
        if not isinstance(error, KeyboardInterrupt):
            log.critical("process_failed", exc_info=error)
            code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
