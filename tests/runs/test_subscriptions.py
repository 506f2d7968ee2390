"""A consent through the API, on its way to a run: it lets in, lets a wait go on, decides a branch and ends."""

from __future__ import annotations

from typing import Any

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, gap, task
from tests.runs.walking import entered, steps

SUBSCRIBED: dict[str, Any] = {"subscription": "newsletter", "op": "is", "value": "subscribed"}


async def says(ft: Running, contact: str, **states: str) -> None:
    """A contact tells what it wants."""
    await ft.call("PUT", f"/records/contact/{contact}/subscriptions", {"subscriptions": states})


async def test_consents_steer_a_run_from_entry_to_exit(ft_both: Running) -> None:
    ft = ft_both
    for slug in ("newsletter", "offers"):
        await ft.call("POST", "/subscription-types", {"slug": slug})
    wait = {"id": "asked", "kind": "wait", "until_true": {**SUBSCRIBED, "subscription": "offers"},
            "timeout": {"days": 2}, "matched": [task("thanks", "Thanks")]}  # fmt: skip
    unset = {"id": "unset", "name": "Unset", "where": {**SUBSCRIBED, "value": "not_specified"}}
    branch = {"id": "which", "kind": "branch", "branches": [{**unset, "steps": [task("unset_task", "No")]}],
              "otherwise": [task("reader", "Reader")]}  # fmt: skip
    trigger = {"id": "t1", "on": "filter", "where": SUBSCRIBED}
    leaves = {"when": {**SUBSCRIBED, "value": "unsubscribed"}}
    await ft.publish(by_hand("news", [wait, branch, gap(days=9)], entry={"triggers": [trigger]}, exit=leaves))
    contact = await ft.create("contact", email="ana@example.com")
    await says(ft, contact, newsletter="subscribed")
    (inside,) = await entered(ft, "news")
    await ft.sleeps_at(inside["id"], "asked")
    await says(ft, contact, offers="subscribed")
    await ft.sleeps_at(inside["id"], "gap")
    assert await steps(ft, inside) == ["asked", "thanks", "which", "reader", "gap"]
    await says(ft, contact, newsletter="unsubscribed")
    assert (await ft.ended(inside["id"]))["end_reason"] == "exit_condition"
