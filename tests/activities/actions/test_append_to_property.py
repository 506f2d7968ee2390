"""append_to_property: options once each, texts part by part."""

from __future__ import annotations

import pytest

from activities.actions.append_to_property import ACTION
from domain.base import Json
from services.installation import Installation
from tests.activities.calls import act
from tests.activities.properties import give_options, mistakes, properties_of
from tests.builders import make_record, stand_at_action


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"property": "source", "value": "webinar"}, []),
        ({"property": "score", "value": "1"}, [("/property", "wrong_type")]),
        ({"property": "lifecycle_stage", "value": "lead"}, [("/property", "wrong_type")]),
        ({"property": "nonsense", "value": "x"}, [("/property", "unknown_property")]),
    ],
)
def test_a_mistake_is_found_when_it_is_saved(config: dict[str, Json], found: list[tuple[str, str]]) -> None:
    assert mistakes(ACTION, config) == found


async def test_an_option_is_added_once(installation: Installation) -> None:
    await give_options(installation, "contact", "interests", "red", "green", "blue")
    contact = await make_record(installation, "contact", {"interests": ["red"]})
    config: dict[str, Json] = {"property": "interests", "value": ["blue", "red"]}
    standing = await stand_at_action(installation, contact, "append_to_property", config)

    assert (await act(standing, "append_to_property")).outcome == "done"

    assert (await properties_of(installation, contact.id))["interests"] == ["red", "blue"]
    assert (await standing.visit())["result"] == {"before": ["red"], "after": ["red", "blue"], "records": 1}


async def test_an_option_that_is_gone_since_fails_the_step(installation: Installation) -> None:
    await give_options(installation, "contact", "interests", "red")
    contact = await make_record(installation, "contact", {"interests": ["red"]})
    config: dict[str, Json] = {"property": "interests", "value": "purple"}
    standing = await stand_at_action(installation, contact, "append_to_property", config)

    answer = await act(standing, "append_to_property")

    assert (answer.outcome, answer.reason) == ("failed", "wrong_value")


@pytest.mark.parametrize(("separator", "expected"), [(None, "fair\nof Oslo"), (", ", "fair, of Oslo")])
async def test_a_text_grows_by_what_a_template_says(
    installation: Installation, separator: str | None, expected: str
) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo", "source": "fair"})
    config: dict[str, Json] = {"property": "source", "value": "of {{ contact.city }}"}
    if separator is not None:
        config["separator"] = separator
    standing = await stand_at_action(installation, contact, "append_to_property", config)

    assert await act(standing, "append_to_property") == await act(standing, "append_to_property")

    assert (await properties_of(installation, contact.id))["source"] == expected


async def test_the_first_part_of_a_text_has_no_separator(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    config: dict[str, Json] = {"property": "source", "value": ["a", "", "b"]}
    standing = await stand_at_action(installation, contact, "append_to_property", config)

    await act(standing, "append_to_property")

    assert (await properties_of(installation, contact.id))["source"] == "a\nb"
