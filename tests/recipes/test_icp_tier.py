"""Ideal customer tier: kept, not set once; its contacts have it too, and a new first tier is told once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.recipes.installing import about, colleagues, installed, no_step_taken, notices, tasks

SLUG = "icp-tier"
FIRST = {"industry": "retail", "country": "NO", "employees": 1000}


async def tier(ft: Running, object: str, id: str) -> Any:
    await ft.settled()
    for slug in (SLUG, "icp-tier-of-contacts"):
        for each in await ft.enrollments(slug):
            await ft.ended(each["id"])
    return (await ft.call("GET", f"/records/{object}/{id}"))["properties"].get("tier")


async def linked(ft: Running, company: str, email: str) -> str:
    contact = await ft.create("contact", email=email)
    await ft.call("PUT", f"/records/contact/{contact}/associations/company/{company}", {})
    return contact


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        (FIRST, "tier_1"),
        ({**FIRST, "country": "SE"}, "tier_2"),
        ({**FIRST, "employees": 200}, "tier_2"),
        ({**FIRST, "employees": 199}, "tier_3"),
        ({**FIRST, "employees": 3, "annual_revenue": 50_000_000}, "tier_1"),
        ({"industry": "retail", "annual_revenue": 10_000_000}, "tier_2"),
        ({"industry": "retail", "annual_revenue": 9_999_999}, "tier_3"),
        ({"industry": "retail"}, "tier_3"),
        ({**FIRST, "industry": "steel"}, None),
        ({}, None),
    ],
)
async def test_a_new_company_gets_the_strictest_tier_it_fits(
    ft: Running, known: dict[str, Any], wanted: str | None
) -> None:
    await installed(ft, SLUG, industry="retail", country="NO")
    company = await ft.create("company", name="Shop", **known)
    assert await tier(ft, "company", company) == wanted


async def test_the_tier_follows_what_decides_with_the_contacts_and_is_told_when_it_becomes_the_first(
    ft: Running,
) -> None:
    ids = await colleagues(ft, "Ann")
    await installed(ft, SLUG, industry="retail", country="NO")
    company = await ft.create("company", name="Shop", owner=ids["Ann"], **{**FIRST, "employees": 300})
    ana = await linked(ft, company, "ana@example.com")
    assert [await tier(ft, "company", company), await tier(ft, "contact", ana)] == ["tier_2", "tier_2"]
    for employees, wanted in ((1500, "tier_1"), (1600, "tier_1"), (10, "tier_3"), (1500, "tier_1")):
        await ft.patch("company", company, employees=employees)
        assert [await tier(ft, "company", company), await tier(ft, "contact", ana)] == [wanted, wanted]
    assert await notices(ft, [ids["Ann"]]) == [["Shop is a first-tier company"] * 2]
    assert [each["title"] for each in await tasks(ft, SLUG)] == ["Research Shop"] * 2
    late = await linked(ft, company, "late@example.com")
    assert await tier(ft, "contact", late) == "tier_1"
    await ft.patch("company", company, industry="steel")
    assert [await tier(ft, "company", company), await tier(ft, "contact", ana)] == [None, None]


async def test_each_of_what_decides_counts_anew(ft: Running) -> None:
    await installed(ft, SLUG, industry="retail", country="NO")
    company = await ft.create("company", name="Shop", tier="tier_1")
    found = [await tier(ft, "company", company)]
    for change in ({"industry": "retail"}, {"annual_revenue": 50_000_000}, {"country": "NO"}, {"annual_revenue": None}):
        await ft.patch("company", company, **change)
        found.append(await tier(ft, "company", company))
    assert found == [None, "tier_3", "tier_2", "tier_1", "tier_3"]


async def test_companies_that_are_there_already_get_their_tier(ft: Running) -> None:
    shop = await ft.create("company", name="Shop", **FIRST)
    steel = await ft.create("company", name="Steel", tier="tier_1")
    ana = await linked(ft, shop, "ana@example.com")
    asked = {"parameters": {"industry": "retail", "country": "NO"}}
    await ft.call("POST", f"/recipes/{SLUG}/install", asked, expect=201)
    await ft.call("POST", f"/workflows/{SLUG}/publish", {"existing_records": True})
    for company in (shop, steel):
        await ft.ended(await about(ft, SLUG, company))
    assert [await tier(ft, "company", shop), await tier(ft, "contact", ana)] == ["tier_1", "tier_1"]
    assert await tier(ft, "company", steel) is None


async def test_a_change_that_comes_while_another_one_is_worked_off_is_not_lost(ft: Running) -> None:
    await installed(ft, SLUG, industry="retail", country="NO")
    async with no_step_taken(ft):
        company = await ft.create("company", name="Shop", **FIRST)
        await about(ft, SLUG, company)
        await ft.patch("company", company, employees=10)
        await ft.settled()

    async def twice() -> bool:
        return len(await ft.enrollments(SLUG)) == 2

    await ft.until(twice, "the company is looked at again")
    assert await tier(ft, "company", company) == "tier_3"
