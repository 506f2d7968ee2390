"""Owner assignment: by language, by country, by turns; never over an owner, never a competitor."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.recipes.installing import about, colleagues, installed, tasks, way

SLUG = "owner-assignment"
TEAMS = {"team": "team", "language_team": "german", "country_team": "norway"}


async def with_teams(ft: Running) -> dict[str, str]:
    ids = await colleagues(ft, "Ann")
    for team, name in (("german", "Gerd"), ("norway", "Nils")):
        body = {"name": name, "email": f"{name.lower()}@house.example.com"}
        ids[name] = (await ft.call("POST", "/users", body))["id"]
        await ft.call("POST", "/teams", {"slug": team, "members": [{"user": ids[name]}]})
    await installed(ft, SLUG, **TEAMS)
    return ids


@pytest.mark.parametrize(
    ("known", "owner", "steps"),
    [
        ({"language": "de", "country": "NO"}, "Gerd", ["by_language", "speaker"]),
        ({"country": "NO"}, "Nils", ["by_language", "by_country", "local"]),
        ({"language": "fr", "country": "FR"}, "Ann", ["by_language", "by_country", "anybody"]),
        ({}, "Ann", ["by_language", "by_country", "anybody"]),
    ],
)
async def test_every_new_contact_gets_an_owner_and_the_owner_a_task(
    ft: Running, known: dict[str, Any], owner: str, steps: list[str]
) -> None:
    ids = await with_teams(ft)
    ana = await ft.create("contact", email="ana@example.com", first_name="Ana", **known)
    over = await ft.ended(await about(ft, SLUG, ana))
    assert [step for step, _, _ in await way(ft, over)] == [*steps, "first_call"]
    assert (await ft.call("GET", f"/records/contact/{ana}"))["properties"]["owner"] == ids[owner]
    (task,) = await tasks(ft, SLUG)
    assert (task["title"], task["type"], task["assignee"]) == ("First call: Ana", "call", ids[owner])


async def test_who_has_an_owner_or_is_a_competitor_stays_as_it_is(ft: Running) -> None:
    ids = await with_teams(ft)
    await ft.create("contact", email="bo@example.com", owner=ids["Mo"])
    await ft.create("contact", email="eve@example.com", is_competitor=True)
    await ft.settled()
    assert await ft.decisions(SLUG) == ["suppressed"]
    assert await tasks(ft, SLUG) == []
