"""notify_by_email: one email for each user, each with an outcome of their own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from activities.actions.notify_by_email import ACTION, NotifyByEmailConfig
from domain.base import Json
from domain.records import Cause
from domain.teams import Member
from gateways.mail import open_mail
from gateways.mail_outbox import read_outbox
from services.installation import Installation
from services.records.records import begin_write
from services.records.suppressing import suppress_address
from services.records.teams import add_team, change_user
from store import tables
from tests.activities.calls import act
from tests.activities.properties import mistakes
from tests.builders import make_record, make_user, stand_at_action
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink

__all__ = ["smtp_sink"]

LOOK: dict[str, Json] = {
    "title": "Look at {{ contact.first_name }}",
    "body": "Score: 70\n\nhttps://crm.example.com/ana",
}
ANA: dict[str, Json] = {"first_name": "Ana & Co", "email": "ana@example.com"}


def sent(folder: Path) -> dict[str, Any]:
    return {mail["to"]: mail for mail in read_outbox(folder / "outbox" / "email")}


@pytest.mark.parametrize(
    "config",
    [
        {"title": "t", "owner": True},
        {"title": "t", "body": "b", "teams": ["sales"], "users": ["u"], "on_unknown": "ask"},
    ],
)
def test_every_published_shape_still_parses(config: dict[str, Json]) -> None:
    assert NotifyByEmailConfig.model_validate(config)


def test_an_email_to_nobody_is_a_mistake() -> None:
    assert mistakes(ACTION, {"title": "t"}) == [("/users", "missing_field")]


async def test_everybody_gets_one_email_of_the_house(installation: Installation, tmp_path: Path) -> None:
    boss = await make_user(installation, "Berit")
    owner = await make_user(installation, "Olav", manager=boss)
    other = await make_user(installation, "Kim")
    async with installation.db.transaction() as tx:
        await add_team(tx, "sales", [Member(user=owner.id), Member(user=other.id)], now=installation.clock.now())
    contact = await make_record(installation, "contact", {**ANA, "owner": owner.id})
    config: dict[str, Json] = {**LOOK, "users": [other.id], "teams": ["sales"], "owner": True, "owner_manager": True}
    standing = await stand_at_action(installation, contact, "notify_by_email", config)

    answer = await act(standing, "notify_by_email")
    assert await act(standing, "notify_by_email") == answer

    mails = sent(tmp_path)
    assert answer.outcome == "done"
    assert set(mails) == {"berit@example.com", "olav@example.com", "kim@example.com"}
    mail = mails["kim@example.com"]
    assert (mail["subject"], mail["text"]) == ("Look at Ana & Co", "Score: 70\n\nhttps://crm.example.com/ana")
    assert mail["html"] == (
        '<p>Score: 70</p><p><a href="https://crm.example.com/ana">https://crm.example.com/ana</a></p>'
    )
    assert mail["headers"] == {"Auto-Submitted": "auto-generated"}
    effects = await standing.rows(tables.effects)
    assert {row["key"].split(":")[3] for row in effects} == {boss.id, owner.id, other.id}
    assert {(row["state"], row["attempt"]) for row in effects} == {("accepted", 1)}
    messages = await standing.rows(tables.messages)
    assert {(row["status"], row["contact_id"], row["marketing"]) for row in messages} == {("sent", None, False)}
    result = (await standing.visit())["result"]
    assert (result["sent"], result["skipped"], result["failed"]) == (3, 0, 0)
    assert set(result["messages"]) == {row["id"] for row in messages}


async def test_each_has_an_outcome_of_their_own(installation: Installation, tmp_path: Path) -> None:
    here, broken, bounced, gone = [await make_user(installation, name) for name in ("Here", "Broken", "Bo", "Gone")]
    async with installation.db.transaction() as tx:
        await tx.run(tables.users.update().where(tables.users.c.id == broken.id).values(email="broken at example"))
        write = await begin_write(tx, installation, Cause(kind="api"))
        await suppress_address(tx, write, bounced.email, "bounced", source="test")
        await change_user(tx, installation.addresses, gone.id, {"active": False})
    contact = await make_record(installation, "contact", ANA)
    config: dict[str, Json] = {**LOOK, "users": [gone.id, broken.id, bounced.id, here.id], "teams": ["nowhere"]}
    standing = await stand_at_action(installation, contact, "notify_by_email", config)

    assert (await act(standing, "notify_by_email")).outcome == "done"

    assert set(sent(tmp_path)) == {"here@example.com"}
    assert (await standing.visit())["result"]["outcomes"] == {
        here.id: "sent", broken.id: "invalid_address", bounced.id: "bounced", gone.id: "broken_reference",
        "team-nowhere": "broken_reference",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("config", "outcome", "reason"),
    [
        ({"owner": True}, "skipped", "no_owner"),
        ({"owner_manager": True}, "skipped", "no_owner"),
        ({"teams": ["sales"]}, "skipped", "no_user"),
        ({"users": ["nobody"]}, "failed", "broken_reference"),
    ],
)
async def test_with_nobody_to_tell_nothing_is_sent(
    installation: Installation, tmp_path: Path, config: dict[str, Json], outcome: str, reason: str
) -> None:
    async with installation.db.transaction() as tx:
        await add_team(tx, "sales", [], now=installation.clock.now())
    contact = await make_record(installation, "contact", ANA)
    standing = await stand_at_action(installation, contact, "notify_by_email", {**LOOK, **config})

    answer = await act(standing, "notify_by_email")

    assert (answer.outcome, answer.reason) == (outcome, reason)
    assert sent(tmp_path) == {}


@pytest.mark.parametrize("title", ["{{ contact.nonsense }}", "{{ contact.last_name }}"])
async def test_what_cannot_be_written_fails(installation: Installation, tmp_path: Path, title: str) -> None:
    kim = await make_user(installation, "Kim")
    contact = await make_record(installation, "contact", ANA)
    standing = await stand_at_action(installation, contact, "notify_by_email", {"title": title, "users": [kim.id]})

    answer = await act(standing, "notify_by_email")

    assert (answer.outcome, answer.reason) == ("failed", "bad_template")
    assert sent(tmp_path) == {}


async def test_attempts_at_the_same_moment_tell_each_user_once(
    installation: Installation, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    inst = replace(installation, mail=open_mail(smtp_sink.url, tmp_path))
    users = [await make_user(inst, name) for name in ("Ann", "Bo", "Cy")]
    contact = await make_record(inst, "contact", ANA)
    named: list[Json] = [user.id for user in users]
    standing = await stand_at_action(inst, contact, "notify_by_email", {**LOOK, "users": named})

    await asyncio.gather(*(act(standing, "notify_by_email") for _ in range(4)), return_exceptions=True)

    went = [mail.recipients for mail in smtp_sink.received]
    assert sorted(went) == [[user.email] for user in users]
    async with inst.db.read() as read:
        states = {row["state"] for row in await read.all(select(tables.effects.c.state))}
    assert states <= {"accepted", "unknown"}
    await inst.mail.close()


async def test_consent_of_the_contact_has_nothing_to_do_with_it(installation: Installation, tmp_path: Path) -> None:
    kim = await make_user(installation, "Kim")
    contact = await make_record(installation, "contact", {**ANA, "email_status": "bounced"})
    standing = await stand_at_action(installation, contact, "notify_by_email", {**LOOK, "users": [kim.id]})

    assert (await act(standing, "notify_by_email")).outcome == "done"

    assert set(sent(tmp_path)) == {"kim@example.com"}
