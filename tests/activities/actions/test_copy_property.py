"""copy_property: which types go into which, between which records, and what stays."""

from __future__ import annotations

import pytest

from activities.actions.copy_property import ACTION
from domain.base import Json
from services.installation import Installation
from tests.activities.calls import act
from tests.activities.properties import mistakes, properties_of
from tests.builders import make_record, stand_at_action


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"property": "city", "source": {"property": "country"}}, []),
        ({"property": "city", "source": {"property": "score"}}, []),
        ({"property": "last_touched_at", "source": {"property": "birthday"}}, []),
        ({"property": "birthday", "source": {"property": "created_at"}}, []),
        ({"property": "city", "source": {"property": "close_value", "of": {"object": "opportunity"}}}, []),
        ({"property": "score", "source": {"property": "city"}}, [("/source", "wrong_type")]),
        ({"property": "birthday", "source": {"property": "city"}}, [("/source", "wrong_type")]),
        ({"property": "sms_opted_out", "source": {"property": "score"}}, [("/source", "wrong_type")]),
        ({"property": "created_at", "source": {"property": "birthday"}}, [("/property", "wrong_value")]),
        ({"property": "nonsense", "source": {"property": "city"}}, [("/property", "unknown_property")]),
        ({"property": "city", "source": {"property": "nonsense"}}, [("/source/property", "unknown_property")]),
        (
            {"property": "product", "source": {"property": "stage"}, "of": {"object": "opportunity", "match": "none"}},
            [("/of/match", "wrong_value")],
        ),
    ],
)
def test_what_cannot_be_copied_is_refused_when_it_is_saved(
    config: dict[str, Json], found: list[tuple[str, str]]
) -> None:
    assert mistakes(ACTION, config) == found


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"property": "city", "source": {"property": "score"}}, "7.5"),
        ({"property": "city", "source": {"property": "sms_opted_out"}}, "true"),
        ({"property": "city", "source": {"property": "birthday"}}, "2000-02-29"),
        ({"property": "last_touched_at", "source": {"property": "birthday"}}, "2000-02-28T23:00:00.000000Z"),
        ({"property": "birthday", "source": {"property": "last_touched_at"}}, "2027-02-01"),
        ({"property": "source", "source": {"property": "last_touched_at"}}, "2027-02-01 00:30"),
        ({"property": "city", "source": {"property": "language"}}, None),
        ({"property": "city", "source": {"property": "language"}, "if_blank": "keep"}, "Bergen"),
        ({"property": "city", "source": {"property": "country"}, "overwrite": False}, "Bergen"),
        ({"property": "job_title", "source": {"property": "country"}, "overwrite": False}, "NO"),
    ],
)
async def test_a_value_is_converted(installation: Installation, config: dict[str, Json], expected: Json) -> None:
    values: dict[str, Json] = {
        "city": "Bergen", "country": "NO", "score": 7.5, "sms_opted_out": True, "birthday": "2000-02-29",
        "last_touched_at": "2027-01-31T23:30:00Z",
    }  # fmt: skip
    contact = await make_record(installation, "contact", values)
    settings: dict[str, Json] = {"timezone": "Europe/Oslo"}
    standing = await stand_at_action(installation, contact, "copy_property", config, settings=settings)

    assert (await act(standing, "copy_property")).outcome == "done"

    assert (await properties_of(installation, contact.id)).get(str(config["property"])) == expected


async def test_it_goes_from_the_record_to_every_associated_one_and_back(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Bergen"})
    deals = [await make_record(installation, "opportunity", {"name": name}, contact) for name in ("One", "Two")]
    config: dict[str, Json] = {
        "property": "product",
        "source": {"property": "city", "of": {"object": "contact"}},
        "of": {"object": "opportunity", "match": "all"},
    }
    standing = await stand_at_action(installation, contact, "copy_property", config)

    assert (await act(standing, "copy_property")).outcome == "done"

    assert [(await properties_of(installation, deal.id)).get("product") for deal in deals] == ["Bergen", "Bergen"]

    latest: dict[str, Json] = {
        "property": "city", "source": {"property": "name", "of": {"object": "opportunity", "match": "latest"}},
    }  # fmt: skip
    back = await stand_at_action(installation, contact, "copy_property", latest, slug="back")
    assert (await act(back, "copy_property")).outcome == "done"
    assert (await properties_of(installation, contact.id))["city"] == "Two"


async def test_an_option_the_target_does_not_have_fails_and_writes_nothing(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "king"})
    config: dict[str, Json] = {"property": "lifecycle_stage", "source": {"property": "city"}}
    standing = await stand_at_action(installation, contact, "copy_property", config)

    answer = await act(standing, "copy_property")

    assert (answer.outcome, answer.reason) == ("failed", "wrong_value")
    assert "lifecycle_stage" not in await properties_of(installation, contact.id)
