"""Answers handed over by SMTP and LMTP to the worker that listens, as mail servers do it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiosmtplib import SMTP, SMTPResponseException
from temporalio.testing import WorkflowEnvironment

from gateways.mail_listener import ListenAt, listening
from store.database import Database
from tests.faults.site import free_ports
from tests.fixtures.incoming import absence_of, answer_to
from tests.fixtures.running import Running
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink
from tests.fixtures.worker_process import WorkerProcess
from tests.runs.definitions import email, gap
from tests.runs.mailing import events_of, mailing, welcomed
from worker import NotReady, keeping_mail, taking_mail_for

__all__ = ["smtp_sink"]

STOPS = {"stop_on_reply": True}
STEPS = [email("hello", "Hello"), gap(days=9)]


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    async with mailing(dev_server, database_url, tmp_path, smtp_sink) as found:
        yield found


async def hand_over(port: int, mail: bytes, sender: str = "ana@example.com") -> int:
    """Hand a mail over by SMTP to the address it is written to; the code of the answer."""
    to = next(line for line in mail.splitlines() if line.startswith(b"To: "))[4:].decode()
    async with SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        try:
            await client.sendmail(sender, [to], mail)
            return 250
        except SMTPResponseException as refused:
            return refused.code


async def is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_an_answer_by_smtp_ends_its_run(
    ft: Running, dev_server: WorkflowEnvironment, database_url: str, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    taken, received = await welcomed(ft, smtp_sink, STEPS, exit=STOPS)
    (port,) = free_ports(1)
    own = {"FOLLOWTHROUGH_INBOUND_SMTP": f"127.0.0.1:{port}", "FOLLOWTHROUGH_REPLY_ADDRESS": "reply@in.example.com"}
    with WorkerProcess(dev_server, database_url, tmp_path / "other", "inbound", **own):
        await ft.until(lambda: is_open(port), "the worker listens")
        assert await hand_over(port, absence_of(received), sender="") == 250
        answers = [hand_over(port, answer_to(received, ("Received", str(n)))) for n in range(4)]
        assert await asyncio.gather(*answers) == [250] * 4
    assert (await ft.ended(taken))["end_reason"] == "replied"
    assert len(await events_of(ft, "message.replied")) == 1
    assert [mail["kind"] for mail in (await ft.call("GET", "/inbound/emails"))["items"]] == ["reply", "automatic"]


async def test_a_mail_that_comes_while_the_database_is_away_is_kept_when_it_comes_again(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    taken, received = await welcomed(ft, smtp_sink, STEPS, exit=STOPS)
    away = Database.open("postgresql://nobody@127.0.0.1:1/nothing")
    at, mail = ListenAt("127.0.0.1", 0), answer_to(received)
    async with listening(
        at, ft.inst.reply_address, keeping_mail(lost := replace(ft.inst, db=away)), taking_mail_for(lost)
    ) as port:
        assert await hand_over(port, mail) == 451
    await away.close()
    async with listening(at, ft.inst.reply_address, keeping_mail(ft.inst), taking_mail_for(ft.inst)) as port:
        assert await hand_over(port, mail) == 250
    assert (await ft.ended(taken))["end_reason"] == "replied"


async def test_a_worker_of_every_role_listens_and_says_when_it_cannot(ft: Running, smtp_sink: SmtpSink) -> None:
    _, received = await welcomed(ft, smtp_sink, STEPS)
    await ft.stop_worker()
    (port,) = free_ports(1)
    at = ListenAt("127.0.0.1", port)
    await ft.start_worker(listen_at=at)
    await ft.until(lambda: is_open(port), "the worker listens")
    with pytest.raises(NotReady, match=f"cannot be listened for at 127.0.0.1:{port}"):
        await replace_worker(ft, at)
    assert await hand_over(port, answer_to(received)) == 250
    await ft.stop_worker()
    assert not await is_open(port)


async def replace_worker(ft: Running, at: ListenAt) -> None:
    """A second worker at the same place."""
    second = Running(ft.inst, ft.temporal, ft.http, ft.folder)
    await second.start_worker("inbound", listen_at=at)
    assert second._work is not None
    await second._work
