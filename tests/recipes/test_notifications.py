"""Automatic notifications: a score, a hand-over, a big deal; each told to who has to know, and no oftener than that."""

from __future__ import annotations

from typing import Any

from tests.fixtures.running import Running
from tests.recipes.installing import about, colleagues, installed, no_step_taken, notices, tasks

PAGE = "https://crm.example.com/contacts/"


async def open_for(ft: Running) -> dict[str, str]:
    ids = await colleagues(ft, "Ann", "Bea")
    await installed(ft, "notifications", team="team", contact_page=PAGE)
    return ids


def mailed(ft: Running) -> list[tuple[str, str]]:
    return [(mail["to"].partition("@")[0], mail["subject"]) for mail in ft.outbox()]


async def test_a_score_is_told_to_the_owner_else_to_the_team_each_time_it_is_reached(ft: Running) -> None:
    ids = await open_for(ft)
    ana = await ft.create("contact", email="ana@example.com", first_name="Ana", owner=ids["Ann"])
    bo = await ft.create("contact", email="bo@example.com", first_name="Bo")
    for contact in (ana, bo):
        await ft.patch("contact", contact, score=50)
        await ft.ended(await about(ft, "score-reached", contact))
    told, alone = "Ana has a score of 50", "Bo has a score of 50 and no owner"
    assert await notices(ft, [ids["Ann"], ids["Bea"]]) == [[told, alone], [alone]]
    assert mailed(ft) == [("ann", told), ("ann", alone), ("bea", alone)]
    (mail, *_) = ft.outbox()
    assert f"{PAGE}{ana}" in mail["text"]
    await ft.patch("contact", ana, score=60)
    await ft.patch("contact", ana, score=10)
    await ft.patch("contact", ana, score=50)
    await ft.settled()
    assert len(await ft.enrollments("score-reached")) == 3


async def test_a_hand_over_is_told_to_the_new_owner_every_time(ft: Running) -> None:
    ids = await open_for(ft)
    ana = await ft.create("contact", email="ana@example.com", first_name="Ana", source="fair", owner=ids["Ann"])
    for name in ("Bea", "Ann"):
        await ft.patch("contact", ana, owner=ids[name])
        await ft.settled()
        await ft.ended(await about(ft, "owner-changed", ana))
    await ft.patch("contact", ana, owner=None)
    await ft.settled()
    yours = ["Ana is yours now"]
    assert await notices(ft, [ids["Ann"], ids["Bea"]]) == [yours, yours]
    made = await tasks(ft, "owner-changed")
    assert [(each["title"], each["assignee"]) for each in made] == [
        ("Introduce yourself to Ana", ids["Bea"]), ("Introduce yourself to Ana", ids["Ann"]),
    ]  # fmt: skip
    (shown, *_) = (await ft.call("GET", f"/notifications?user={ids['Bea']}"))["items"]
    assert shown["body"].startswith("Source: fair. Score: none.")


async def test_a_big_deal_is_told_once_though_its_value_swings(ft: Running) -> None:
    ids = await open_for(ft)
    deals: list[Any] = [
        await ft.create("opportunity", name="Ten desks", owner=ids["Ann"], expected_value=9_999),
        await ft.create("opportunity", name="Shop", owner=ids["Ann"], close_value=10_000),
    ]
    await ft.ended(await about(ft, "big-deal", deals[1]))
    for value in (10_000, 500, 20_000):
        await ft.patch("opportunity", deals[0], expected_value=value)
        await ft.settled()
    await ft.ended(await about(ft, "big-deal", deals[0]))
    told = ["Big deal: Shop", "Big deal: Ten desks"]
    assert await notices(ft, [ids["Ann"], ids["Mo"], ids["Bea"]]) == [told, told, []]


async def test_a_hand_over_in_the_middle_of_another_one_is_told_as_well(ft: Running) -> None:
    ids = await open_for(ft)
    ana = await ft.create("contact", email="ana@example.com", first_name="Ana")
    async with no_step_taken(ft):
        for name in ("Bea", "Ann"):
            await ft.patch("contact", ana, owner=ids[name])
            await ft.settled()

    async def told_twice() -> bool:
        return len(await ft.enrollments("owner-changed")) == 2

    await ft.until(told_twice, "both hand-overs are told")
    await ft.ended((await ft.enrollments("owner-changed"))[-1]["id"])
    assert "Ana is yours now" in (await notices(ft, [ids["Ann"]]))[0]


async def test_nobody_is_sent_to_a_competitor(ft: Running) -> None:
    ids = await open_for(ft)
    eve = await ft.create("contact", email="eve@example.com", is_competitor=True)
    await ft.patch("contact", eve, score=90, owner=ids["Ann"])
    await ft.settled()
    assert [await ft.decisions(slug) for slug in ("score-reached", "owner-changed")] == [["suppressed"]] * 2
    assert await notices(ft, [ids["Ann"]]) == [[]]
