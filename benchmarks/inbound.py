"""Mails taken in per second through the SMTP listener, each kept with its ticket, beside a listener that keeps nothing.

Half of the mails begin a conversation and open a ticket, half answer one in a thread. Both sides get the same mails
from the same clients over SMTP, one connection each; rounds are interleaved, the median counts.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from aiosmtplib import SMTP

from assemble import assembled
from benchmarks.figures import keep
from benchmarks.postgres import postgres
from commands.installation import run_fast
from domain.records import Cause
from gateways.mail_listener import ListenAt, listening
from services.conversations.channels import add_channel
from services.installation import Installation
from services.records.records import begin_write
from settings import Settings
from tests.fixtures.databases import prepare
from worker import keeping_mail, taking_mail_for

MAILS = int(os.environ.get("MAILS", "500"))
"""Of one round."""
CLIENTS = int(os.environ.get("CLIENTS", "8"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SUPPORT = "support@example.com"
TEXT = "Where is my order? It was to be here on Monday.\r\n" * 20


def mails(label: str) -> list[bytes]:
    """A question of everybody, then an answer of everybody in the same conversation."""
    asked = [_mail(f"{label}-{n}", n, None) for n in range(MAILS // 2)]
    return [*asked, *(_mail(f"{label}-{n}-again", n, f"{label}-{n}") for n in range(MAILS // 2))]


def _mail(id: str, n: int, answers: str | None) -> bytes:
    thread = f"In-Reply-To: <{answers}@x>\r\n" if answers else ""
    head = f"From: Contact {n} <c{n}@example.com>\r\nTo: {SUPPORT}\r\nSubject: My order\r\n"
    head += f"Message-ID: <{id}@x>\r\n{thread}"
    return f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{TEXT}".encode()


async def hand_over(port: int, raws: Sequence[bytes]) -> float:
    """Mails a second."""
    waiting = list(reversed(raws))

    async def client() -> None:
        async with SMTP(hostname="127.0.0.1", port=port, start_tls=False) as connection:
            while waiting:
                await connection.sendmail("contact@example.com", [SUPPORT], waiting.pop())

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return len(raws) / (time.perf_counter() - began)


async def nothing(_raw: bytes, _sender: str, _recipients: tuple[str, ...]) -> None:
    """What the other side does with a mail."""


async def measure(inst: Installation) -> tuple[float, float]:
    """The rate with everything kept, and that of the bare listener."""
    async with inst.db.transaction() as tx:
        write = await begin_write(tx, inst, Cause(kind="system"))
        await add_channel(tx, inst, write, "support", "email", address=SUPPORT)
    kept, bare = [], []
    at, accepts = ListenAt("127.0.0.1", 0), taking_mail_for(inst)
    async with (
        listening(at, "reply@example.com", keeping_mail(inst), accepts) as ours,
        listening(at, "reply@example.com", nothing, accepts) as theirs,
    ):
        for n in range(ROUNDS + 1):
            raws = mails(str(n))
            rates = await hand_over(ours, raws), await hand_over(theirs, raws)
            if n > 0:  # The first round warms up.
                kept.append(rates[0])
                bare.append(rates[1])
    return statistics.median(kept), statistics.median(bare)


async def _on(url: str | None, folder: Path) -> tuple[float, float]:
    settings = Settings(data_dir=folder, **({"database_url": url} if url else {}))
    prepare(settings.database_url)
    async with assembled(settings, "bench") as (inst, _):
        return await measure(inst)


def _tell(name: str, rates: tuple[float, float]) -> None:
    kept, bare = rates
    sys.stdout.write(f"  {name:<12} {kept:7.1f}/s   nothing kept {bare:7.1f}/s   ratio {kept / bare:.2f}\n")
    keep(f"mails taken in on {name}", kept, "/s", "a listener that keeps nothing", bare)


def run() -> None:
    """Measure and print."""
    load = os.getloadavg()[0]
    sys.stdout.write(
        f"\nMails taken in by SMTP, {MAILS} a round, {CLIENTS} clients, {ROUNDS} rounds, median; load {load:.1f}\n"
    )
    with tempfile.TemporaryDirectory() as place:
        _tell("SQLite", run_fast(_on(None, Path(place))))
    with postgres() as server, tempfile.TemporaryDirectory() as place:
        _tell("PostgreSQL", run_fast(_on(server.url, Path(place))))


if __name__ == "__main__":
    run()
