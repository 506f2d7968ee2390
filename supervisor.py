"""`followthrough up`: one whole installation on one machine, kept alive until somebody stops it.

Order of the day: take the folder, end leftovers, check the ports, Temporal, database, API, worker, sample; then watch.
Stopping goes the other way round, so nobody asks a part that is gone already; then the databases are put to rest.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import socket
import sys
from collections.abc import Coroutine, Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from embedded import TemporalNotReady, TemporalOperator, database_file, find_temporal, server
from keeper import CannotStart, PartKeepsDying, Say, Supervisor, obey_signals
from processes import AlreadyRunning, Child, Program
from settings import Settings
from store.ids import new_secret
from store.sqlite_files import NotCheckpointed, checkpoint, file_of

WORKER_DRAIN_S = 10.0
START_WITHIN_S = 60.0


class PortTaken(CannotStart):
    """Another program listens where we want to."""

    def __init__(self, port: int, setting: str) -> None:
        super().__init__(f"Port {port} is taken by another program. Free it, or choose another with {setting}=<port>.")


def check_port(host: str, port: int, setting: str) -> None:
    """Make sure that we could listen there.

    Raises:
        PortTaken: naming the setting that moves it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError:
            raise PortTaken(port, setting) from None


def local_key(settings: Settings) -> str:
    """The API key of this installation's own user: the bootstrap key, or one made once and kept in the data folder."""
    if settings.bootstrap_key is not None:
        return settings.bootstrap_key.get_secret_value()
    file = settings.local_key_file
    if not file.exists():
        # Written aside and moved, so a crash in between leaves no empty key; only we write here: we hold the folder.
        aside = file.with_suffix(".new")
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(f"{new_secret()}\n")
        aside.replace(file)
    return file.read_text().strip()


def part(name: str, arguments: Sequence[str], settings: Settings, *, stop_within_s: float = 5.0) -> Program:
    """A part of the product as a program of its own, run by this interpreter with the same settings."""
    key = local_key(settings)
    environment = {
        **os.environ,
        **settings.as_environment(),
        "FOLLOWTHROUGH_BOOTSTRAP_KEY": key,
        "FOLLOWTHROUGH_URL": settings.local_url,
        "FOLLOWTHROUGH_API_KEY": key,
        "PYTHONUNBUFFERED": "1",
    }
    if "worker" not in arguments:
        # An address serves one process, and the worker is where most of it happens.
        environment |= {"FOLLOWTHROUGH_METRICS_ADDRESS": "", "FOLLOWTHROUGH_SDK_METRICS_ADDRESS": ""}
    command = (sys.executable, "-P", "-m", "cli", *arguments)
    return Program(name, command, stop_within_s=stop_within_s, environment=environment)


async def answers(url: str, *, within_s: float, child: Child) -> None:
    """Wait until ``url`` (plain http, this machine) answers 200.

    Raises:
        CannotStart: with the child's last lines, when it does not in time.
    """
    try:
        async with asyncio.timeout(within_s):
            while await asyncio.to_thread(_body, url) is None:
                await asyncio.sleep(0.1)
    except TimeoutError:
        lines = [f"{child.program.name} did not answer within {within_s:.0f} s ({child.log}):", *child.last_lines()]
        raise CannotStart("\n".join(lines)) from None


def _body(url: str, **headers: str) -> bytes | None:
    """What a GET is answered with 200; None for any other answer or none."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path, headers=headers)
        answer = connection.getresponse()
        return answer.read() if answer.status == HTTPStatus.OK else None
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


async def bring_up(supervisor: Supervisor, settings: Settings, say: Say) -> None:
    """Start every part in its order and say where to look.

    Raises:
        CannotStart: naming what failed.
        TemporalNotReady: the Temporal server does not answer.
    """
    check_port(settings.api_host, settings.api_port, "FOLLOWTHROUGH_API_PORT")
    if settings.inbound_smtp:
        mail = urlsplit(settings.inbound_smtp)
        check_port(mail.hostname or "", mail.port or 0, "FOLLOWTHROUGH_INBOUND_SMTP")
    temporal = find_temporal()
    if settings.embeds_temporal:
        check_port("127.0.0.1", settings.temporal_port, "FOLLOWTHROUGH_TEMPORAL_PORT")
        check_port("127.0.0.1", settings.temporal_ui_port, "FOLLOWTHROUGH_TEMPORAL_UI_PORT")
        say("Starting Temporal …")
        await supervisor.start(server(settings, temporal))
    operator = TemporalOperator(temporal, settings.temporal_address)
    await operator.wait_until_serving(START_WITHIN_S)
    if settings.embeds_temporal:
        await operator.keep_history_for(
            settings.temporal_retention_days, namespace=settings.temporal_namespace, within_s=START_WITHIN_S
        )
    say("Preparing the database …")
    await supervisor.once(part("migrate", ["migrate"], settings, stop_within_s=60.0))
    say("Starting worker and API …")
    worker = part("worker", ["worker"], settings, stop_within_s=WORKER_DRAIN_S + 5.0)
    await supervisor.start(worker)
    api = await supervisor.start(part("api", ["api"], settings))
    await answers(f"{settings.local_url}/healthz", within_s=START_WITHIN_S, child=api)
    if settings.load_sample:
        say("Looking after the sample (the first time this takes some seconds) …")
        await _load_sample(supervisor, settings, say)
    say(where_to_look(settings, has_sample=await asyncio.to_thread(_has_sample, settings)))


async def _load_sample(supervisor: Supervisor, settings: Settings, say: Say) -> None:
    """Without its sample an installation is whole, so a failure is shown and the start goes on."""
    try:
        await supervisor.once(part("sample", ["sample", "load", "--if-fresh"], settings))
    except CannotStart as error:
        say(f"{error}\nEverything else runs. `followthrough sample load` tries again.")


def _has_sample(settings: Settings) -> bool:
    """Whether the sample was loaded here, now or at any earlier start."""
    account = _body(f"{settings.local_url}/api/v1/account", Authorization=f"Bearer {local_key(settings)}")
    return account is not None and json.loads(account)["sample_loaded_at"] is not None


def where_to_look(settings: Settings, *, has_sample: bool) -> str:
    """What a newcomer sees when everything runs; every command it names can be carried out as it stands."""
    api, key = settings.public_url, local_key(settings)
    # A command in another terminal stands in this folder but does not have our environment.
    known = {"FOLLOWTHROUGH_URL": api, "FOLLOWTHROUGH_API_KEY": key}
    if settings.data_dir != Path("data").resolve():
        known["FOLLOWTHROUGH_DATA_DIR"] = str(settings.data_dir)
    lines = [
        "",
        "Followthrough is running.",
        "",
        f"  API documentation   {api}/docs",
        f"  Temporal UI         {settings.temporal_ui_url}/namespaces/{settings.temporal_namespace}/workflows",
        f"  API key             {key}",
        f"  Data and logs       {settings.data_dir}",
        "",
        "Three commands to try in another terminal:",
        "",
        f"  export {' '.join(f'{name}={shlex.quote(value)}' for name, value in known.items())}",
        *(f"  {_program()} {arguments}" for arguments in commands_to_try(settings, has_sample=has_sample)),
        "",
        *([] if has_sample else [f"The sample is not loaded; `{_program()} sample load` does it.", ""]),
        "Ctrl-C stops everything; the next start goes on where this one stopped.",
        "",
    ]
    return "\n".join(lines)


def commands_to_try(settings: Settings, *, has_sample: bool) -> tuple[str, str, str]:
    """Three commands that show something, or say clearly that there is nothing yet."""
    gateways = (settings.mail_url, settings.sms_url)
    sent = "outbox" if any(url.get_secret_value().startswith("outbox:") for url in gateways) else "messages"
    if has_sample:
        return "record set contact/email/olga.farouk@example.com lifecycle_stage=lead", "report quick-tour", sent
    return "workflow list", "enrollment list", sent


def _program() -> str:
    """How this installation's command is written from where its user stands."""
    program = Path(sys.executable).with_name("followthrough")
    here = Path.cwd()
    return str(program.relative_to(here) if program.is_relative_to(here) else program)


async def run(settings: Settings, say: Say) -> int:
    """Bring the installation up and keep it up until SIGINT, SIGTERM or SIGHUP.

    Returns:
        The exit code: 0 after a stop somebody asked for, 1 when it could not start or a part kept dying.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    stop = asyncio.Event()
    try:
        async with Supervisor(settings.data_dir, say) as supervisor:
            obey_signals(stop, supervisor.kill_all, say)
            try:
                await _first_of(
                    stop.wait(),
                    supervisor.until_beyond_help(),
                    _up_and_wait(supervisor, settings, say),
                )
            finally:
                await supervisor.stop()
                await put_to_rest(settings, say)
    except (CannotStart, AlreadyRunning, PartKeepsDying, TemporalNotReady) as error:
        say(str(error))
        return 1
    say("Stopped.")
    return 0


async def put_to_rest(settings: Settings, say: Say) -> None:
    """Leave each database as one file, so that a copy of the folder is whole. Nothing may be running any more.

    What could not be done is shown: the next start reads the log of the database and loses nothing, a copy might.
    """
    files = [file_of(settings.database_url), database_file(settings) if settings.embeds_temporal else None]
    for file in files:
        if file is not None:
            try:
                await asyncio.to_thread(checkpoint, file)
            except NotCheckpointed as error:
                say(str(error))


async def _up_and_wait(supervisor: Supervisor, settings: Settings, say: Say) -> None:
    await bring_up(supervisor, settings, say)
    await asyncio.Event().wait()


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait for the first to end, with its error if it has one; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def up(settings: Settings) -> int:
    """Run `followthrough up`; the exit code."""

    def say(line: str) -> None:
        try:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        except OSError:
            # The terminal was closed, or whatever read us has ended: nobody is left to tell, and the rest must be done.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)

    return asyncio.run(run(settings, say))
