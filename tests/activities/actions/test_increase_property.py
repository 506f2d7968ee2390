"""increase_property: sums, what is no number, and that many at once lose nothing."""

from __future__ import annotations

import asyncio

import pytest

from activities.actions.increase_property import ACTION
from domain.base import Json
from services.installation import Installation
from tests.activities.calls import act
from tests.activities.properties import mistakes, properties_of
from tests.builders import make_record, stand_at_action


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"property": "score"}, []),
        ({"property": "score", "by": -2.5}, []),
        ({"property": "score", "by": {"property": "close_value", "of": {"object": "opportunity"}}}, []),
        ({"property": "city", "by": 1}, [("/property", "wrong_type")]),
        ({"property": "score", "by": 0}, [("/by", "wrong_value")]),
        ({"property": "score", "by": {"property": "city"}}, [("/by", "wrong_type")]),
        ({"property": "score", "by": {"property": "nonsense"}}, [("/by/property", "unknown_property")]),
    ],
)
def test_a_mistake_is_found_when_it_is_saved(config: dict[str, Json], found: list[tuple[str, str]]) -> None:
    assert mistakes(ACTION, config) == found


@pytest.mark.parametrize(
    ("stands_at", "config", "expected"),
    [
        (7, {"by": 3}, 10),
        (7, {"by": -10}, -3),
        (7, {"by": 3, "decrease": True}, 4),
        (None, {}, 1),
        (0.1, {"by": 0.2}, 0.3),
        (1.5, {"by": 0.5}, 2),
        (7, {"by": {"property": "close_value", "of": {"object": "opportunity"}}}, 47),
        (7, {"by": {"property": "expected_value", "of": {"object": "opportunity"}}}, 7),
    ],
)
async def test_the_number_becomes(
    installation: Installation, stands_at: float | None, config: dict[str, Json], expected: Json
) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo", "score": stands_at})
    await make_record(installation, "opportunity", {"close_value": 40}, contact)
    standing = await stand_at_action(installation, contact, "increase_property", {"property": "score", **config})

    assert await act(standing, "increase_property") == await act(standing, "increase_property")

    assert (await properties_of(installation, contact.id))["score"] == expected


async def test_many_enrollments_at_once_lose_nothing(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"score": 0})
    config: dict[str, Json] = {"property": "score", "by": 1}
    standing = [
        await stand_at_action(installation, contact, "increase_property", config, slug=f"count-{n}") for n in range(12)
    ]

    answers = await asyncio.gather(*(act(each, "increase_property") for each in standing))

    assert {answer.outcome for answer in answers} == {"done"}
    assert (await properties_of(installation, contact.id))["score"] == 12


async def test_more_than_a_number_can_be_fails(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"score": 2**53})
    standing = await stand_at_action(installation, contact, "increase_property", {"property": "score", "by": 1})

    answer = await act(standing, "increase_property")

    assert (answer.outcome, answer.reason) == ("failed", "wrong_value")
