"""clear_property: what is emptied, and where."""

from __future__ import annotations

import pytest

from activities.actions.clear_property import ACTION
from domain.base import Json
from services.installation import Installation
from tests.activities.calls import act
from tests.activities.properties import mistakes, properties_of
from tests.builders import make_record, stand_at_action


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"property": "city"}, []),
        ({"property": "created_at"}, [("/property", "wrong_value")]),
        ({"property": "nonsense"}, [("/property", "unknown_property")]),
        ({"property": "city", "of": {"object": "house"}}, [("/of/object", "unknown_object")]),
    ],
)
def test_a_mistake_is_found_when_it_is_saved(config: dict[str, Json], found: list[tuple[str, str]]) -> None:
    assert mistakes(ACTION, config) == found


async def test_the_value_is_gone_and_the_visit_says_what_it_was(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Bergen", "country": "NO"})
    standing = await stand_at_action(installation, contact, "clear_property", {"property": "city"})

    assert await act(standing, "clear_property") == await act(standing, "clear_property")

    assert await properties_of(installation, contact.id) == {"country": "NO"}
    assert (await standing.visit())["result"] == {"before": "Bergen", "after": None, "records": 1}


async def test_only_those_with_the_label_are_emptied(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {})
    deal = await make_record(installation, "opportunity", {"product": "X"}, contact)
    config: dict[str, Json] = {"property": "product", "of": {"object": "opportunity", "label": "main"}}
    standing = await stand_at_action(installation, contact, "clear_property", config)

    answer = await act(standing, "clear_property")

    assert (answer.outcome, answer.reason) == ("skipped", "no_record")
    assert (await properties_of(installation, deal.id))["product"] == "X"
