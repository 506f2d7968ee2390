"""set_date: a date plus an amount, over zones and between dates and times."""

from __future__ import annotations

import pytest

from activities.actions.set_date import ACTION
from domain.base import Json
from services.installation import Installation
from tests.activities.calls import act
from tests.activities.properties import mistakes, properties_of
from tests.builders import make_record, stand_at_action


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"property": "birthday"}, []),
        ({"property": "birthday", "source": {"property": "created_at"}, "plus": {"days": -1}}, []),
        ({"property": "city"}, [("/property", "wrong_type")]),
        ({"property": "birthday", "source": {"property": "city"}}, [("/source", "wrong_type")]),
        ({"property": "birthday", "source": {"property": "x"}}, [("/source/property", "unknown_property")]),
        ({"property": "birthday", "plus": {"days": 10**9}}, [("/plus", "wrong_value")]),
    ],
)
def test_a_mistake_is_found_when_it_is_saved(config: dict[str, Json], found: list[tuple[str, str]]) -> None:
    assert mistakes(ACTION, config) == found


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"property": "last_touched_at"}, "2027-03-01T09:00:00.000000Z"),
        ({"property": "birthday", "plus": {"weeks": 1}}, "2027-03-08"),
        ({"property": "birthday", "source": {"property": "last_touched_at"}, "plus": {"days": 1}}, "2027-03-29"),
        # The clock goes forward in between: a day keeps the time of the clock, hours do not.
        ({"property": "last_touched_at", "source": {"property": "last_touched_at"}, "plus": {"days": 1}},
         "2027-03-28T22:00:00.000000Z"),
        ({"property": "last_touched_at", "source": {"property": "last_touched_at"}, "plus": {"hours": 24}},
         "2027-03-28T23:00:00.000000Z"),
        ({"property": "last_touched_at", "source": {"property": "birthday"}}, "2000-02-28T23:00:00.000000Z"),
        ({"property": "birthday", "source": {"property": "close_date", "of": {"object": "opportunity"}}}, None),
    ],
)  # fmt: skip
async def test_the_date_becomes(installation: Installation, config: dict[str, Json], expected: Json) -> None:
    values: dict[str, Json] = {"birthday": "2000-02-29", "last_touched_at": "2027-03-27T23:00:00Z"}
    contact = await make_record(installation, "contact", values)
    settings: dict[str, Json] = {"timezone": "Europe/Oslo"}
    standing = await stand_at_action(installation, contact, "set_date", config, settings=settings)

    assert (await act(standing, "set_date")).outcome == "done"

    assert (await properties_of(installation, contact.id)).get(str(config["property"])) == expected
