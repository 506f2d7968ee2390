"""associate_records: who gets to know whom, once, and under which label."""

from __future__ import annotations

import pytest

from activities.actions.associate_records import ACTION
from domain.base import Json
from services.installation import Installation
from store.associations import find_association
from tests.activities.calls import act
from tests.activities.properties import mistakes
from tests.builders import make_record, stand_at_action


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"other": {"object": "company"}, "label": "buyer"}, []),
        ({"of": {"object": "company"}, "other": {"object": "opportunity"}}, []),
        ({"other": {"object": "contact"}}, [("/other", "wrong_value")]),
        ({"other": {"object": "house"}}, [("/other/object", "unknown_object")]),
        ({"of": {"object": "ticket"}, "other": {"object": "opportunity"}}, [("/other/object", "wrong_value")]),
    ],
)
def test_a_mistake_is_found_when_it_is_saved(config: dict[str, Json], found: list[tuple[str, str]]) -> None:
    assert mistakes(ACTION, config) == found


async def test_associated_records_are_associated_with_each_other_once(installation: Installation) -> None:
    company = await make_record(installation, "company", {"name": "Acme"})
    deal = await make_record(installation, "opportunity", {"name": "Deal"})
    contact = await make_record(installation, "contact", {"city": "Oslo"}, company, deal)
    config: dict[str, Json] = {"of": {"object": "company"}, "other": {"object": "opportunity"}, "label": "buyer"}
    standing = await stand_at_action(installation, contact, "associate_records", config)

    assert await act(standing, "associate_records") == await act(standing, "associate_records")

    async with installation.db.read() as read:
        found = await find_association(read, company.id, deal.id)
    assert found is not None
    assert found.label == "buyer"
    assert (await standing.visit())["result"] == {"pairs": 1, "changed": 1}


async def test_an_association_that_is_there_gets_another_label(installation: Installation) -> None:
    company = await make_record(installation, "company", {"name": "Acme"})
    contact = await make_record(installation, "contact", {"city": "Oslo"}, company)
    config: dict[str, Json] = {"other": {"object": "company"}, "label": "former"}
    standing = await stand_at_action(installation, contact, "associate_records", config)

    await act(standing, "associate_records")

    async with installation.db.read() as read:
        found = await find_association(read, contact.id, company.id)
    assert found is not None
    assert found.label == "former"


async def test_without_the_other_side_the_step_is_skipped(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    standing = await stand_at_action(installation, contact, "associate_records", {"other": {"object": "company"}})

    answer = await act(standing, "associate_records")

    assert (answer.outcome, answer.reason) == ("skipped", "no_record")
