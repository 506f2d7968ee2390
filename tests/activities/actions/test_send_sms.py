"""send_sms: what leaves, to which number, and every reason why nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.actions.send_sms import SendSmsConfig
from domain.base import Json
from gateways.outbox import read_outbox
from services.installation import Installation
from store import tables
from tests.activities.calls import act
from tests.builders import make_record, stand_at_action

HELLO: dict[str, Json] = {"text": "Hi {{ contact.first_name }}, any questions?"}
ANA: dict[str, Json] = {"phone": "(212) 555-0142", "first_name": "Ana"}


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox" / "sms"


@pytest.mark.parametrize("config", [HELLO, {"text": "t", "from_number": "+15550100100", "to": "record"}])
def test_every_published_shape_still_parses(config: dict[str, Json]) -> None:
    assert SendSmsConfig.model_validate(config)


async def test_the_contact_gets_one_message_at_the_international_number(
    installation: Installation, outbox: Path
) -> None:
    contact = await make_record(installation, "contact", ANA)
    standing = await stand_at_action(installation, contact, "send_sms", HELLO)

    answer = await act(standing, "send_sms")
    assert await act(standing, "send_sms") == answer

    (sms,) = read_outbox(outbox)
    (message,) = await standing.rows(tables.messages)
    assert answer.outcome == "done"
    assert (sms["to"], sms["text"]) == ("+12125550142", "Hi Ana, any questions?")
    assert (message["status"], message["channel"], message["subject"]) == ("sent", "sms", None)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"first_name": "Ana"}, "no_address"),
        ({**ANA, "phone": "call me"}, "invalid_address"),
        ({**ANA, "sms_opted_out": True}, "sms_opted_out"),
    ],
)
async def test_a_contact_who_cannot_be_reached_is_skipped(
    installation: Installation, properties: dict[str, Json], reason: str
) -> None:
    contact = await make_record(installation, "contact", properties)
    standing = await stand_at_action(installation, contact, "send_sms", HELLO)

    answer = await act(standing, "send_sms")

    assert (answer.outcome, answer.reason) == ("skipped", reason)
    assert await standing.rows(tables.effects) == []


async def test_a_company_without_a_contact_is_skipped(installation: Installation) -> None:
    company = await make_record(installation, "company", {"name": "Acme"})
    standing = await stand_at_action(installation, company, "send_sms", {"text": "Hi"})

    answer = await act(standing, "send_sms")

    assert (answer.outcome, answer.reason) == ("skipped", "no_record")


async def test_a_template_that_cannot_be_rendered_fails_the_step(installation: Installation) -> None:
    contact = await make_record(installation, "contact", ANA)
    standing = await stand_at_action(installation, contact, "send_sms", {"text": "{{ contact.nonsense }}"})

    answer = await act(standing, "send_sms")

    assert (answer.outcome, answer.reason) == ("failed", "bad_template")


async def test_a_text_that_renders_to_nothing_is_not_sent(installation: Installation, outbox: Path) -> None:
    contact = await make_record(installation, "contact", ANA)
    standing = await stand_at_action(installation, contact, "send_sms", {"text": "{{ contact.last_name }} "})

    answer = await act(standing, "send_sms")

    (visit,) = await standing.rows(tables.visits)
    assert (answer.outcome, visit["reason"]) == ("failed", "bad_template")
    assert visit["detail"] == "the text rendered to nothing"
    assert list(read_outbox(outbox)) == []
