"""What `followthrough outbox` shows of the folder it reads."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from typer.testing import CliRunner, Result

from cli import app
from domain.base import Frozen
from gateways.outbox import OutboxFolder

NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)


class Kept(Frozen):
    """The fields the command shows."""

    key: str
    to: str
    text: str
    at: datetime


def keep(data: Path, channel: str, minute: int) -> None:
    text = f"{channel} at minute {minute}"
    message = Kept(key=text, to="ana@example.com", text=text, at=NOON + timedelta(minutes=minute))
    asyncio.run(OutboxFolder(data / "outbox" / channel).put(text, message))


def outbox(data: Path, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["outbox", *arguments], env={"FOLLOWTHROUGH_DATA_DIR": str(data)})
    assert result.exit_code == code, result.output
    return result


def test_the_folder_is_named_and_the_newest_of_both_channels_come_first(tmp_path: Path) -> None:
    for channel, minute in (("email", 0), ("sms", 1), ("email", 2)):
        keep(tmp_path, channel, minute)
    lines = outbox(tmp_path).stdout.splitlines()
    assert lines[0] == f"outbox {tmp_path / 'outbox'}"
    assert [line.rpartition("minute ")[2] for line in lines[2:]] == ["2", "1", "0"]


def test_a_limit_leaves_out_the_oldest_and_says_how_many(tmp_path: Path) -> None:
    for minute in range(60):
        keep(tmp_path, "email", minute)
    assert outbox(tmp_path).stdout.splitlines()[-1] == "… and 10 older; --limit 60 shows all"
    assert "older" not in outbox(tmp_path, "--limit", "60").stdout
    cut = outbox(tmp_path, "--limit", "2", "--json")
    assert [message["text"] for message in json.loads(cut.stdout)] == ["email at minute 59", "email at minute 58"]
    assert "… and 58 older" in cut.stderr
    outbox(tmp_path, "--limit", "0", code=2)


def test_an_empty_outbox_says_where_it_looked(tmp_path: Path) -> None:
    shown = outbox(tmp_path).stdout
    assert f"no messages in {tmp_path / 'outbox'}" in shown
    assert "FOLLOWTHROUGH_DATA_DIR" in shown
    empty = outbox(tmp_path, "--json")
    assert json.loads(empty.stdout) == []
    assert str(tmp_path) in empty.stderr


def test_where_there_is_no_data_folder_it_says_so(tmp_path: Path) -> None:
    told = outbox(tmp_path / "nowhere", code=3).stderr
    assert f"there is no data folder {tmp_path / 'nowhere'}" in told
    assert "FOLLOWTHROUGH_DATA_DIR" in told
