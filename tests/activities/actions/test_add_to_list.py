"""add_to_list: who joins, once; and which lists take nobody in."""

from __future__ import annotations

from domain.base import Json
from domain.records import Cause
from domain.validation import examine
from services.catalogue import load_catalogue
from services.installation import Installation
from services.lists.lists import create_list, delete_list
from store import tables
from store.changes import Stamp
from tests.activities.calls import act
from tests.builders import make_record, stand_at_action


async def _list(inst: Installation, slug: str, object: str = "contact", where: Json = None) -> None:
    stamp = Stamp(now=inst.clock.now(), cause=Cause(kind="api"))
    async with inst.db.transaction() as tx:
        await create_list(tx, inst, slug, object, stamp, where=where)


async def test_only_a_static_list_of_such_records_can_be_named(installation: Installation) -> None:
    await _list(installation, "static")
    await _list(installation, "companies", "company")
    await _list(installation, "dynamic", where={"property": "city", "op": "is", "value": "Oslo"})
    names = ["static", "companies", "dynamic", "nowhere"]
    steps = [
        {"id": f"s{n}", "kind": "action", "action": action, "config": {"list": name}}
        for n, (action, name) in enumerate((a, b) for a in ("add_to_list", "remove_from_list") for b in names)
    ]
    async with installation.db.read() as read:
        catalogue = await load_catalogue(read, installation)

    problems = examine({"slug": "w", "name": "W", "object": "contact", "steps": steps}, catalogue).problems

    codes = [None, "unknown_list", "wrong_value", "unknown_list"] * 2
    expected = [(f"/steps/{n}/config/list", code) for n, code in enumerate(codes) if code]
    assert [(each.path, each.code) for each in problems] == expected


async def test_a_record_joins_once_and_the_change_names_the_enrollment(installation: Installation) -> None:
    await _list(installation, "customers")
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    standing = await stand_at_action(installation, contact, "add_to_list", {"list": "customers"})

    assert await act(standing, "add_to_list") == await act(standing, "add_to_list")
    again = await stand_at_action(installation, contact, "add_to_list", {"list": "customers"}, slug="again")
    assert (await act(again, "add_to_list")).outcome == "done"

    joined = [row for row in await standing.rows(tables.changes) if row["kind"] == "list_joined"]
    assert [(row["cause_id"], row["depth"]) for row in joined] == [(standing.enrollment.id, 1)]
    assert (await standing.visit())["result"] == {"records": 1, "moved": 1}
    assert (await again.visit())["result"] == {"records": 1, "moved": 0}


async def test_associated_records_join(installation: Installation) -> None:
    await _list(installation, "deals", "opportunity")
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    for name in ("One", "Two"):
        await make_record(installation, "opportunity", {"name": name}, contact)
    config: dict[str, Json] = {"list": "deals", "of": {"object": "opportunity", "match": "all"}}
    standing = await stand_at_action(installation, contact, "add_to_list", config)

    await act(standing, "add_to_list")

    assert (await standing.visit())["result"] == {"records": 2, "moved": 2}


async def test_a_list_that_is_gone_fails_the_step(installation: Installation) -> None:
    await _list(installation, "customers")
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    standing = await stand_at_action(installation, contact, "add_to_list", {"list": "customers"})
    async with installation.db.transaction() as tx:
        await delete_list(tx, "customers")

    answer = await act(standing, "add_to_list")

    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")
