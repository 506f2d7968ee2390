"""remove_from_list: who leaves; that nobody is there is no failure."""

from __future__ import annotations

from domain.records import Cause
from services.installation import Installation
from services.lists.lists import add_member, create_list
from store import tables
from store.changes import Stamp
from tests.activities.calls import act
from tests.builders import make_record, stand_at_action


async def test_a_member_leaves_once(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    stamp = Stamp(now=installation.clock.now(), cause=Cause(kind="api"))
    async with installation.db.transaction() as tx:
        await create_list(tx, installation, "customers", "contact", stamp)
        await add_member(tx, "customers", contact.id, stamp)
    standing = await stand_at_action(installation, contact, "remove_from_list", {"list": "customers"})

    assert await act(standing, "remove_from_list") == await act(standing, "remove_from_list")

    left = [row for row in await standing.rows(tables.changes) if row["kind"] == "list_left"]
    assert [row["cause_id"] for row in left] == [standing.enrollment.id]
    assert (await standing.visit())["result"] == {"records": 1, "moved": 1}


async def test_who_is_no_member_is_no_failure_and_an_unknown_list_is(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    stamp = Stamp(now=installation.clock.now(), cause=Cause(kind="api"))
    async with installation.db.transaction() as tx:
        await create_list(tx, installation, "customers", "contact", stamp)
    standing = await stand_at_action(installation, contact, "remove_from_list", {"list": "customers"})
    lost = await stand_at_action(installation, contact, "remove_from_list", {"list": "gone"}, slug="lost")

    assert (await act(standing, "remove_from_list")).outcome == "done"
    assert (await standing.visit())["result"] == {"records": 1, "moved": 0}
    answer = await act(lost, "remove_from_list")
    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")
