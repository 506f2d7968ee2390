"""set_marketing_status: whose status becomes what."""

from __future__ import annotations

import pytest

from activities.actions.set_marketing_status import ACTION
from domain.base import Json
from services.installation import Installation
from tests.activities.calls import act
from tests.activities.properties import SCOPE, mistakes, properties_of
from tests.builders import make_record, stand_at_action


def test_only_contacts_have_one() -> None:
    company = SCOPE.model_copy(update={"object": "company"})
    of: dict[str, Json] = {"status": "marketing", "of": {"object": "contact"}}

    assert mistakes(ACTION, {"status": "marketing"}) == []
    assert mistakes(ACTION, of, company) == []
    assert mistakes(ACTION, {"status": "marketing"}, company) == [("/of", "wrong_value")]


@pytest.mark.parametrize("status", ["marketing", "non_marketing"])
async def test_the_status_of_the_contact_becomes(installation: Installation, status: str) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    standing = await stand_at_action(installation, contact, "set_marketing_status", {"status": status})

    assert await act(standing, "set_marketing_status") == await act(standing, "set_marketing_status")

    assert (await properties_of(installation, contact.id))["marketing_status"] == status
    assert (await standing.visit())["result"] == {"before": None, "after": status, "records": 1}


async def test_all_contacts_of_a_company_are_meant(installation: Installation) -> None:
    company = await make_record(installation, "company", {"name": "Acme"})
    people = [await make_record(installation, "contact", {"first_name": name}, company) for name in ("Ann", "Bo")]
    config: dict[str, Json] = {"status": "marketing", "of": {"object": "contact", "match": "all"}}
    standing = await stand_at_action(installation, company, "set_marketing_status", config)

    await act(standing, "set_marketing_status")

    assert [(await properties_of(installation, each.id))["marketing_status"] for each in people] == ["marketing"] * 2
