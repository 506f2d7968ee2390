"""notify_by_sms: one text for each user who has a number, and a reason for everybody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from activities.actions.notify_by_sms import ACTION, NotifyBySmsConfig
from domain.base import Json
from domain.records import Cause
from gateways.outbox import read_outbox
from services.installation import Installation
from services.records.records import begin_write
from services.records.suppressing import suppress_number
from services.records.teams import change_user
from store import tables
from store.people import User
from tests.activities.calls import act
from tests.activities.properties import mistakes
from tests.builders import make_record, make_user, stand_at_action

LOOK: dict[str, Json] = {"title": "Look at {{ contact.first_name }}", "body": "Score: 70"}


def sent(folder: Path) -> dict[str, Any]:
    return {text["to"]: text["text"] for text in read_outbox(folder / "outbox" / "sms")}


async def with_phone(inst: Installation, name: str, phone: str | None) -> User:
    """A colleague with a number."""
    user = await make_user(inst, name)
    async with inst.db.transaction() as tx:
        return await change_user(tx, inst.addresses, user.id, {"phone": phone})


@pytest.mark.parametrize("config", [{"title": "t", "owner": True}, {"title": "t", "body": "b", "teams": ["sales"]}])
def test_every_published_shape_still_parses(config: dict[str, Json]) -> None:
    assert NotifyBySmsConfig.model_validate(config)


def test_a_text_to_nobody_or_without_end_is_a_mistake() -> None:
    assert mistakes(ACTION, {"title": "t"}) == [("/users", "missing_field")]
    assert mistakes(ACTION, {"title": "t", "owner": True, "body": "x" * 2000}) == [("/body", "wrong_value")]


async def test_each_gets_one_text_or_has_a_reason(installation: Installation, tmp_path: Path) -> None:
    kim = await with_phone(installation, "Kim", "(212) 555-0142")
    mute, odd = await with_phone(installation, "Mute", None), await with_phone(installation, "Odd", "call me")
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    config: dict[str, Json] = {**LOOK, "users": [mute.id, odd.id, kim.id, "nobody"]}
    standing = await stand_at_action(installation, contact, "notify_by_sms", config)

    answer = await act(standing, "notify_by_sms")
    assert await act(standing, "notify_by_sms") == answer

    assert answer.outcome == "done"
    assert sent(tmp_path) == {"+12125550142": "Look at Ana\nScore: 70"}
    (message,) = await standing.rows(tables.messages)
    assert (message["channel"], message["status"], message["segments"]) == ("sms", "sent", 1)
    assert (await standing.visit())["result"]["outcomes"] == {
        kim.id: "sent", mute.id: "no_address", odd.id: "invalid_address", "nobody": "broken_reference",
    }  # fmt: skip


async def test_a_number_that_said_stop_gets_nothing(installation: Installation, tmp_path: Path) -> None:
    kim = await with_phone(installation, "Kim", "(212) 555-0142")
    async with installation.db.transaction() as tx:
        await suppress_number(
            tx, await begin_write(tx, installation, Cause(kind="api")), installation.phones, "+12125550142"
        )
    contact = await make_record(installation, "contact", {"first_name": "Ana"})
    standing = await stand_at_action(installation, contact, "notify_by_sms", {**LOOK, "users": [kim.id]})

    answer = await act(standing, "notify_by_sms")

    assert (answer.outcome, answer.reason) == ("skipped", "sms_opted_out")
    assert sent(tmp_path) == {}


async def test_without_any_number_the_step_is_skipped_and_does_not_fail(installation: Installation) -> None:
    mute = await with_phone(installation, "Mute", None)
    contact = await make_record(installation, "contact", {"first_name": "Ana", "owner": mute.id})
    standing = await stand_at_action(installation, contact, "notify_by_sms", {"title": "Look", "owner": True})

    answer = await act(standing, "notify_by_sms")

    assert (answer.outcome, answer.reason) == ("skipped", "no_address")


async def test_a_text_that_becomes_too_long_is_not_sent(installation: Installation, tmp_path: Path) -> None:
    kim = await with_phone(installation, "Kim", "(212) 555-0142")
    contact = await make_record(installation, "contact", {"first_name": "Ana " * 249})
    config: dict[str, Json] = {"title": "Look", "body": "{{ contact.first_name }}" * 3, "users": [kim.id]}
    standing = await stand_at_action(installation, contact, "notify_by_sms", config)

    answer = await act(standing, "notify_by_sms")

    assert (answer.outcome, answer.reason) == ("failed", "wrong_value")
    assert sent(tmp_path) == {}
