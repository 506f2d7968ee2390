"""remove_from_property: options and parts of texts that go, and what stays."""

from __future__ import annotations

import pytest

from activities.actions.remove_from_property import ACTION
from domain.base import Json
from services.installation import Installation
from tests.activities.calls import act
from tests.activities.properties import give_options, mistakes, properties_of
from tests.builders import make_record, stand_at_action


def test_a_property_without_parts_is_refused_when_it_is_saved() -> None:
    assert mistakes(ACTION, {"property": "birthday", "value": "x"}) == [("/property", "wrong_type")]
    assert mistakes(ACTION, {"property": "source", "value": "x"}) == []


@pytest.mark.parametrize(("value", "left"), [("red", ["blue"]), (["red", "blue"], None), ("green", ["red", "blue"])])
async def test_options_go(installation: Installation, value: Json, left: Json) -> None:
    await give_options(installation, "contact", "interests", "red", "green", "blue")
    contact = await make_record(installation, "contact", {"interests": ["red", "blue"]})
    config: dict[str, Json] = {"property": "interests", "value": value}
    standing = await stand_at_action(installation, contact, "remove_from_property", config)

    assert (await act(standing, "remove_from_property")).outcome == "done"

    assert (await properties_of(installation, contact.id)).get("interests") == left


@pytest.mark.parametrize(
    ("source", "value", "left"),
    [
        ("fair, Oslo, fairs", "fair", " Oslo, fairs"),
        ("fair", "{{ contact.first_name }}", None),
        ("Oslo,  fair", "mail", "Oslo,  fair"),
    ],
)
async def test_whole_parts_of_a_text_go(installation: Installation, source: str, value: str, left: str | None) -> None:
    contact = await make_record(installation, "contact", {"first_name": "fair", "source": source})
    config: dict[str, Json] = {"property": "source", "value": value, "separator": ","}
    standing = await stand_at_action(installation, contact, "remove_from_property", config)

    assert (await act(standing, "remove_from_property")).outcome == "done"

    assert (await properties_of(installation, contact.id)).get("source") == left
