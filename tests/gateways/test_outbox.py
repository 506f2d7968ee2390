"""The local outbox: a key is a message, whole or absent."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import Rejected, Unavailable
from domain.ports import Receipt
from gateways.mail_outbox import OutboxMail, read_outbox
from gateways.outbox import OutboxFolder
from gateways.sms_outbox import OutboxSms
from tests.gateways.builders import AT, a_mail, an_sms


async def hand_over_mail(folder: Path, **changes: object) -> Receipt:
    async with OutboxMail(folder).prepare(a_mail(**changes)) as hand_over:
        return await hand_over()


async def test_a_message_can_be_read_as_it_was_given(tmp_path: Path) -> None:
    receipt = await hand_over_mail(tmp_path / "email", subject="Grüße")
    (message,) = read_outbox(tmp_path / "email")
    assert message["subject"] == "Grüße"
    assert message["to"] == "bob@example.com"
    assert message["at"] == "2027-01-31T09:00:00Z"
    assert receipt.reference is not None
    assert (tmp_path / "email" / receipt.reference).exists()


async def test_the_same_key_twice_is_one_file_and_both_succeed(tmp_path: Path) -> None:
    first = await hand_over_mail(tmp_path, subject="first")
    second = await hand_over_mail(tmp_path, subject="second")
    assert first == second
    assert [message["subject"] for message in read_outbox(tmp_path)] == ["first"]


async def test_many_at_once_with_one_key_make_one_file_and_leave_nothing_behind(tmp_path: Path) -> None:
    receipts = await asyncio.gather(*(hand_over_mail(tmp_path, subject=f"{i}") for i in range(20)))
    assert len(set(receipts)) == 1
    assert len(os.listdir(tmp_path)) == 1


def _put_in_a_process(folder: str) -> None:
    asyncio.run(hand_over_mail(Path(folder)))


def test_two_processes_with_one_key_make_one_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_put_in_a_process, args=(str(tmp_path),)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(list(tmp_path.iterdir())) == 1


async def test_preparing_alone_writes_nothing(tmp_path: Path) -> None:
    async with OutboxMail(tmp_path).prepare(a_mail()):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "a/b", ".hidden", "nul\0", "ü" * 300, "k" * 2000, "a:b@c d", "\ud800"]
)
def test_any_key_is_a_file_name_inside_the_folder(key: str, tmp_path: Path) -> None:
    path = OutboxFolder(tmp_path).path(key)
    path.write_text("{}")
    assert path.resolve().parent == tmp_path.resolve()
    assert len(path.name.encode()) <= 255


def test_keys_that_differ_late_or_only_in_case_have_their_own_files(tmp_path: Path) -> None:
    outbox = OutboxFolder(tmp_path)
    keys = ["k" * 200 + "1", "k" * 200 + "2", "A", "a", "a:b", "a%3Ab"]
    assert len({outbox.path(key).name.lower() for key in keys}) == len(keys)


async def test_messages_are_read_in_the_order_of_their_instants(tmp_path: Path) -> None:
    await hand_over_mail(tmp_path, key="a", at=AT + timedelta(hours=1))
    await hand_over_mail(tmp_path, key="b", at=AT)
    assert [message["key"] for message in read_outbox(tmp_path)] == ["b", "a"]


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert list(read_outbox(tmp_path / "none")) == []


async def test_a_half_written_file_of_a_crash_is_no_message(tmp_path: Path) -> None:
    (tmp_path / ".partial-crashed").write_text('{"key":')
    await hand_over_mail(tmp_path)
    assert len(list(read_outbox(tmp_path))) == 1


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "email").write_text("a file where the folder should be")
    with pytest.raises(Unavailable, match="outbox folder") as refused:
        await hand_over_mail(tmp_path / "email")
    assert not refused.value.handed_over


async def test_what_no_mail_server_would_take_the_outbox_refuses_too(tmp_path: Path) -> None:
    with pytest.raises(Rejected):
        await hand_over_mail(tmp_path, subject="Hi\r\nBcc: all@example.com")
    assert list(read_outbox(tmp_path)) == []


async def test_text_messages_are_kept_the_same_way(tmp_path: Path) -> None:
    gateway = OutboxSms(tmp_path / "sms")
    for _ in range(2):
        async with gateway.prepare(an_sms()) as hand_over:
            await hand_over()
    (message,) = read_outbox(tmp_path / "sms")
    assert message["text"] == "Any questions about GTX Pro?"
    assert gateway.repeatable
