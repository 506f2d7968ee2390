"""send_sms to others than the record: associated contacts, the owner, fixed numbers; each gets it once."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.actions.send_sms import ACTION, SendSmsConfig
from domain.base import Json
from domain.builtin import BUILTIN
from domain.catalogue import ConfigScope
from domain.names import association_key, property_key
from domain.records import StoredRecord
from domain.schema import Schema
from gateways.outbox import read_outbox
from services.installation import Installation
from services.records.associating import associate
from store import tables
from tests.activities.calls import act
from tests.builders import make_record, make_user, stand_at_action
from tests.fixtures.records import writing

HELLO: dict[str, Json] = {"text": "Hi {{ contact.first_name }}, about {{ opportunity.product }}"}
TO_ALL: Json = {"associated": {"object": "contact", "match": "all"}}
SCOPE = ConfigScope(schema_=Schema(objects=BUILTIN), object="opportunity")


@pytest.fixture
async def deal(installation: Installation) -> StoredRecord:
    return await make_record(installation, "opportunity", {"product": "GTX Pro"})


async def person(inst: Installation, deal: StoredRecord, name: str, phone: str | None, label: str | None = None) -> str:
    contact = await make_record(inst, "contact", {"first_name": name, "phone": phone})
    async with inst.db.transaction() as tx:
        await associate(tx, await writing(tx), deal.id, contact.id, label)
    return contact.id


def sent(folder: Path) -> dict[str, str]:
    return {sms["to"]: sms["text"] for sms in read_outbox(folder / "outbox" / "sms")}


async def test_every_associated_contact_gets_one_of_its_own(
    installation: Installation, deal: StoredRecord, tmp_path: Path
) -> None:
    ana = await person(installation, deal, "Ana", "+1 212 555 0142")
    bea = await person(installation, deal, "Bea", "+1 212 555 0143")
    await person(installation, deal, "Cy", None)
    await person(installation, deal, "Di", "+1 000")
    standing = await stand_at_action(installation, deal, "send_sms", {**HELLO, "to": TO_ALL})

    answer = await act(standing, "send_sms")
    assert await act(standing, "send_sms") == answer

    assert answer.outcome == "done"
    assert sent(tmp_path) == {"+12125550142": "Hi Ana, about GTX Pro", "+12125550143": "Hi Bea, about GTX Pro"}
    messages = await standing.rows(tables.messages)
    assert {(row["contact_id"], row["recipient"]) for row in messages} == {(ana, "+12125550142"), (bea, "+12125550143")}
    detail = (await standing.visit())["detail"]
    for words in ("2 sent", "1 skipped (no_address)", "1 skipped (invalid_address)"):
        assert words in detail


@pytest.mark.parametrize(
    ("associated", "expected"),
    [({"label": "buyer"}, {"+12125550142", "+12125550144"}), ({"label": "buyer", "match": "latest"}, {"+12125550144"})],
)
async def test_a_label_and_the_latest_narrow_it(
    installation: Installation, deal: StoredRecord, tmp_path: Path, associated: dict[str, Json], expected: set[str]
) -> None:
    for name, number, label in (("Ana", 142, "buyer"), ("Bea", 143, "user"), ("Cy", 144, "buyer"), ("Di", 145, None)):
        await person(installation, deal, name, f"+12125550{number}", label)
    standing = await stand_at_action(installation, deal, "send_sms", {**HELLO, "to": {"associated": associated}})
    assert (await act(standing, "send_sms")).outcome == "done"
    assert set(sent(tmp_path)) == expected


async def test_fixed_numbers_get_it_whoever_is_associated_and_no_consent_is_asked(
    installation: Installation, deal: StoredRecord, tmp_path: Path
) -> None:
    to: Json = {"numbers": ["+12125550150", "+4722123456", "+12125550150"]}
    standing = await stand_at_action(installation, deal, "send_sms", {"text": "{{ opportunity.product }}", "to": to})
    assert (await act(standing, "send_sms")).outcome == "done"
    assert sent(tmp_path) == dict.fromkeys(("+12125550150", "+4722123456"), "GTX Pro")
    assert {(row["contact_id"], row["marketing"]) for row in await standing.rows(tables.messages)} == {(None, False)}


@pytest.mark.parametrize(
    ("phone", "reason"), [("212 555 0160", None), (None, "no_address"), ("call me", "invalid_address")]
)
async def test_the_owner_gets_it_at_the_number_of_the_user(
    installation: Installation, tmp_path: Path, phone: str | None, reason: str | None
) -> None:
    kim = (await make_user(installation, "Kim")).id
    async with installation.db.transaction() as tx:
        await tx.run(tables.users.update().where(tables.users.c.id == kim).values(phone=phone))
    deal = await make_record(installation, "opportunity", {"owner": kim})
    standing = await stand_at_action(installation, deal, "send_sms", {"text": "Yours", "to": "owner"})
    answer = await act(standing, "send_sms")
    assert answer.reason == reason
    assert sent(tmp_path) == ({"+12125550160": "Yours"} if reason is None else {})


async def test_nobody_owns_it(installation: Installation, deal: StoredRecord) -> None:
    standing = await stand_at_action(installation, deal, "send_sms", {"text": "Yours", "to": "owner"})
    answer = await act(standing, "send_sms")
    assert (answer.outcome, answer.reason) == ("skipped", "no_owner")


def test_a_number_that_is_none_is_told_when_it_is_saved() -> None:
    config = SendSmsConfig.model_validate({"text": "x", "to": {"numbers": ["+4722123456", "22 12 34 56"]}})
    assert [(each.path, each.code) for each in ACTION.check(config, SCOPE)] == [("/to/numbers/1", "wrong_value")]


@pytest.mark.parametrize(
    ("to", "keys"),
    [
        ("record", []),
        ("owner", [property_key("opportunity", "owner")]),
        (TO_ALL, [association_key("opportunity", "contact")]),
    ],
)
def test_a_version_is_found_by_what_decides_who_gets_it(to: Json, keys: list[str]) -> None:
    assert [*ACTION.reads(SendSmsConfig.model_validate({"text": "x", "to": to}), SCOPE)] == keys
