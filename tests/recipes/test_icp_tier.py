"""Ideal customer tier: kept, not set once; its contacts have it too, and a new first tier is told once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.recipes.installing import colleagues, installed, notices, tasks

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
