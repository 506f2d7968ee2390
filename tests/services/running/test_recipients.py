"""send_email to others than the record: associated contacts, the owner, fixed addresses; each gets it once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.actions.send_email import ACTION
from domain.base import Json
from domain.builtin import BUILTIN
from domain.catalogue import ConfigScope
from domain.messages import FailureCall
from domain.names import association_key, property_key
from domain.records import Cause, StoredRecord
from domain.schema import Schema
from gateways.mail import open_mail
from gateways.mail_outbox import read_outbox
from services.installation import Installation
from services.records.associating import associate
from services.records.subscriptions import create_type
from services.records.suppressing import suppress_address
from store import tables
from store.changes import Stamp
from tests.activities.calls import act, give_up
from tests.builders import make_record, make_user, stand_at_action
from tests.fixtures.records import writing
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink

__all__ = ["smtp_sink"]

HELLO: dict[str, Json] = {
    "subject": "About {{ opportunity.product }}", "html": "<p>Hi {{ contact.first_name }}</p>", "transactional": True,
}  # fmt: skip
TO_ALL: dict[str, Json] = {"associated": {"object": "contact", "match": "all"}}


@pytest.fixture
async def deal(installation: Installation) -> StoredRecord:
    return await make_record(installation, "opportunity", {"product": "GTX Pro"})


async def person(inst: Installation, deal: StoredRecord, name: str, label: str | None = None, **more: Json) -> str:
    """A contact of the deal."""
    properties: dict[str, Json] = {"email": f"{name.lower()}@example.com", "first_name": name, **more}
    contact = await make_record(inst, "contact", properties)
    async with inst.db.transaction() as tx:
        await associate(tx, await writing(tx), deal.id, contact.id, label)
    return contact.id


def texts(folder: Path) -> dict[Any, Any]:
    return {mail["to"]: mail["text"] for mail in read_outbox(folder / "outbox" / "email")}


async def test_every_associated_contact_gets_one_of_its_own(
    installation: Installation, deal: StoredRecord, tmp_path: Path
) -> None:
    ids = {name: await person(installation, deal, name) for name in ("Ana", "Bea", "Cy")}
    standing = await stand_at_action(installation, deal, "send_email", {**HELLO, "to": TO_ALL})

    answer = await act(standing, "send_email")
    assert await act(standing, "send_email") == answer

    assert answer.outcome == "done"
    assert texts(tmp_path) == {f"{name.lower()}@example.com": f"Hi {name}" for name in ids}
    messages, effects = await standing.rows(tables.messages), await standing.rows(tables.effects)
    assert {row["contact_id"] for row in messages} == set(ids.values())
    assert len({row["key"] for row in effects}) == len({row["message_id"] for row in messages}) == 3
    visit = await standing.visit()
    told = {"messages": visit["result"]["messages"], "outcomes": dict.fromkeys(ids.values(), "sent")}
    assert visit["result"] == {**told, "sent": 3, "skipped": 0, "failed": 0}
    assert set(visit["result"]["messages"]) == {row["id"] for row in messages}
    assert visit["detail"] == "3 sent"


@pytest.mark.parametrize(
    ("associated", "expected"),
    [
        ({"label": "buyer"}, {"ana@example.com", "cy@example.com"}),
        ({"label": "buyer", "match": "latest"}, {"cy@example.com"}),
        ({"match": "latest"}, {"di@example.com"}),
    ],
)
async def test_a_label_and_the_latest_narrow_it(
    installation: Installation, deal: StoredRecord, tmp_path: Path, associated: dict[str, Json], expected: set[str]
) -> None:
    for name, label in (("Ana", "buyer"), ("Bea", "user"), ("Cy", "buyer"), ("Di", None)):
        await person(installation, deal, name, label)
    standing = await stand_at_action(installation, deal, "send_email", {**HELLO, "to": {"associated": associated}})
    assert (await act(standing, "send_email")).outcome == "done"
    assert set(texts(tmp_path)) == expected


@pytest.mark.parametrize("match", ["all", "latest"])
async def test_a_company_without_contacts_writes_to_nobody(
    installation: Installation, tmp_path: Path, match: str
) -> None:
    company = await make_record(installation, "company", {"name": "Fjord"})
    to: Json = {"associated": {"match": match}}
    config: dict[str, Json] = {"subject": "s", "html": "h", "transactional": True, "to": to}
    standing = await stand_at_action(installation, company, "send_email", config)
    answer = await act(standing, "send_email")
    assert (answer.outcome, answer.reason) == ("skipped", "no_record")
    assert texts(tmp_path) == {}


async def test_consent_is_judged_for_each(installation: Installation, deal: StoredRecord, tmp_path: Path) -> None:
    await person(installation, deal, "Ana", marketing_status="marketing")
    await person(installation, deal, "Bea")
    await person(installation, deal, "Cy", marketing_status="marketing", email_status="bounced")
    await person(installation, deal, "Di", marketing_status="marketing", email=None)
    config: dict[str, Json] = {"subject": "s", "html": "<p>h</p>", "subscription": "newsletter", "to": TO_ALL}
    async with installation.db.transaction() as tx:
        stamp = Stamp(now=installation.clock.now(), cause=Cause(kind="api"))
        await create_type(tx, "newsletter", stamp, name=None, description="")
        await tx.run(tables.account.update().values(send_to_not_specified=True))
    standing = await stand_at_action(installation, deal, "send_email", config)

    assert (await act(standing, "send_email")).outcome == "done"

    assert set(texts(tmp_path)) == {"ana@example.com"}
    visit = await standing.visit()
    assert (visit["result"]["sent"], visit["result"]["skipped"]) == (1, 3)
    for words in ("1 sent", "1 skipped (not_marketing_contact)", "1 skipped (bounced)", "1 skipped (no_address)"):
        assert words in visit["detail"]


@pytest.fixture
def posting(installation: Installation, smtp_sink: SmtpSink, tmp_path: Path) -> Installation:
    """The same, sending through a real mail server."""
    return replace(installation, mail=open_mail(smtp_sink.url, tmp_path))


async def test_who_is_refused_for_now_is_tried_again_and_nobody_gets_it_twice(
    posting: Installation, deal: StoredRecord, smtp_sink: SmtpSink
) -> None:
    for name in ("Ana", "Bea", "Cy"):
        await person(posting, deal, name)
    smtp_sink.refusals["bea@example.com"] = "451 4.3.0 later"
    standing = await stand_at_action(posting, deal, "send_email", {**HELLO, "to": TO_ALL})

    for _ in range(2):
        with pytest.raises(ApplicationError, match="451"):
            await act(standing, "send_email")
    assert (await standing.visit())["outcome"] is None
    smtp_sink.refusals.clear()
    assert (await act(standing, "send_email")).outcome == "done"

    assert sorted(mail.recipients[0] for mail in smtp_sink.received) == [
        "ana@example.com", "bea@example.com", "cy@example.com",
    ]  # fmt: skip
    assert (await standing.visit())["detail"] == "3 sent"


async def test_who_is_refused_for_good_fails_alone(
    posting: Installation, deal: StoredRecord, smtp_sink: SmtpSink
) -> None:
    for name in ("Ana", "Bea"):
        await person(posting, deal, name)
    smtp_sink.refusals["ana@example.com"] = "550 5.1.1 no such mailbox"
    standing = await stand_at_action(posting, deal, "send_email", {**HELLO, "to": TO_ALL})
    assert (await act(standing, "send_email")).outcome == "done"
    visit = await standing.visit()
    assert (visit["result"]["sent"], visit["result"]["failed"]) == (1, 1)
    assert "1 failed (rejected)" in visit["detail"]


async def test_when_the_server_gives_up_what_was_sent_counts(
    posting: Installation, deal: StoredRecord, smtp_sink: SmtpSink
) -> None:
    for name in ("Ana", "Bea"):
        await person(posting, deal, name)
    smtp_sink.refusals["bea@example.com"] = "451 4.3.0 later"
    standing = await stand_at_action(posting, deal, "send_email", {**HELLO, "to": TO_ALL})
    with pytest.raises(ApplicationError):
        await act(standing, "send_email")

    answer = await give_up(standing, FailureCall(call=standing.call(), failure="gave_up"))

    assert answer.outcome == "done"
    states = sorted(row["state"] for row in await standing.rows(tables.effects))
    assert states == ["accepted", "failed"]
    assert (await standing.visit())["result"]["failed"] == 1


async def test_who_is_no_recipient_any_more_is_given_up(
    posting: Installation, deal: StoredRecord, smtp_sink: SmtpSink
) -> None:
    ana, bea = [await person(posting, deal, name) for name in ("Ana", "Bea")]
    smtp_sink.refusals["bea@example.com"] = "451 4.3.0 later"
    standing = await stand_at_action(posting, deal, "send_email", {**HELLO, "to": TO_ALL})
    with pytest.raises(ApplicationError):
        await act(standing, "send_email")
    async with posting.db.transaction() as tx:
        gone = (tables.associations.c.record_id == bea) | (tables.associations.c.other_id == bea)
        await tx.run(tables.associations.delete().where(gone))
    smtp_sink.refusals.clear()

    assert (await act(standing, "send_email")).outcome == "done"

    assert [mail.recipients for mail in smtp_sink.received] == [["ana@example.com"]]
    rows = {row["contact_id"]: row["status"] for row in await standing.rows(tables.messages)}
    assert rows == {ana: "sent", bea: "failed"}


@pytest.mark.parametrize("to", ["owner", {"addresses": ["olav@example.com"]}])
async def test_the_owner_and_fixed_addresses_need_no_consent_and_wait_for_no_hours(
    installation: Installation, tmp_path: Path, to: Json
) -> None:
    owner = await make_user(installation, "Olav")
    deal = await make_record(installation, "opportunity", {"product": "GTX Pro", "owner": owner.id})
    hours: dict[str, Json] = {"window": {"days": ["sun"], "from": "03:00", "to": "03:01"}}
    config: dict[str, Json] = {"subject": "New: {{ opportunity.product }}", "html": "<p>x</p>", "to": to}
    standing = await stand_at_action(installation, deal, "send_email", config, settings=hours)
    assert (await act(standing, "send_email")).outcome == "done"
    (mail,) = read_outbox(tmp_path / "outbox" / "email")
    assert (mail["to"], [*mail["headers"]]) == ("olav@example.com", ["Auto-Submitted", "X-Auto-Response-Suppress"])


async def test_associated_contacts_wait_for_the_hours(
    installation: Installation, deal: StoredRecord, tmp_path: Path
) -> None:
    await person(installation, deal, "Ana")
    hours: dict[str, Json] = {"window": {"days": ["sun"], "from": "03:00", "to": "03:01"}}
    standing = await stand_at_action(installation, deal, "send_email", {**HELLO, "to": TO_ALL}, settings=hours)
    assert (await act(standing, "send_email")).kind == "wait"
    assert texts(tmp_path) == {}


async def test_fixed_addresses_get_one_each_unless_they_bounced(
    installation: Installation, deal: StoredRecord, tmp_path: Path
) -> None:
    async with installation.db.transaction() as tx:
        await suppress_address(tx, await writing(tx), "gone@example.com", "bounced", source="test")
    to: Json = {"addresses": ["desk@example.com", "DESK@example.com", "boss@example.com", "gone@example.com"]}
    config: dict[str, Json] = {"subject": "New: {{ opportunity.product }}", "html": "<p>x</p>", "to": to}
    standing = await stand_at_action(installation, deal, "send_email", config)
    answer = await act(standing, "send_email")
    assert await act(standing, "send_email") == answer
    assert {str(address).lower() for address in texts(tmp_path)} == {"desk@example.com", "boss@example.com"}
    assert "1 skipped (bounced)" in (await standing.visit())["detail"]


async def test_nobody_owns_it_or_somebody_who_left(installation: Installation, tmp_path: Path) -> None:
    config: dict[str, Json] = {"subject": "s", "html": "h", "to": "owner"}
    nobodys = await make_record(installation, "opportunity", {"product": "a"})
    standing = await stand_at_action(installation, nobodys, "send_email", config)
    answer = await act(standing, "send_email")
    assert (answer.outcome, answer.reason) == ("skipped", "no_owner")
    assert texts(tmp_path) == {}


async def test_an_owner_who_left_is_a_broken_reference(installation: Installation, tmp_path: Path) -> None:
    owner = await make_user(installation, "Olav")
    deal = await make_record(installation, "opportunity", {"product": "a", "owner": owner.id})
    async with installation.db.transaction() as tx:
        await tx.run(tables.users.update().values(active=False))
    config: dict[str, Json] = {"subject": "s", "html": "h", "to": "owner"}
    standing = await stand_at_action(installation, deal, "send_email", config)
    answer = await act(standing, "send_email")
    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")
    assert texts(tmp_path) == {}


def test_what_decides_who_gets_it_is_read() -> None:
    scope = ConfigScope(schema_=Schema(objects=BUILTIN), object="opportunity")
    content = {"subject": "s", "html": "h"}
    owner = ACTION.config.model_validate({**content, "to": "owner"})
    everybody = ACTION.config.model_validate({**content, "to": TO_ALL})
    assert [*ACTION.reads(owner, scope)] == [property_key("opportunity", "owner")]
    assert [*ACTION.reads(everybody, scope)] == [association_key("opportunity", "contact")]


@pytest.mark.parametrize(
    ("to", "said", "told"),
    [
        ("owner", {}, []),
        ({"addresses": ["desk@example.com"]}, {}, []),
        (TO_ALL, {}, [("/subscription", "missing_field")]),
        ("owner", {"subscription": "newsletter"}, [("/subscription", "wrong_value")]),
        (TO_ALL, {"subscription": "newsletter"}, []),
    ],
)
def test_who_need_not_agree_needs_no_subscription_type(
    to: Json, said: dict[str, Json], told: list[tuple[str, str]]
) -> None:
    scope = ConfigScope(schema_=Schema(objects=BUILTIN), object="opportunity")
    config = ACTION.config.model_validate({"subject": "s", "html": "h", "to": to, **said})
    assert [(finding.path, finding.code) for finding in ACTION.check(config, scope)] == told
