"""What a reader does with an email leads its run on: opens and clicks of people, not those of programs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from store.tables import messages
from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, task
from tests.runs.walking import way

FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
PERSON = {"event_property": "machine", "op": "is", "value": False}


def awaited(step: str, event: str, of: str) -> dict[str, Any]:
    return {
        "id": step, "kind": "wait", "for_event": {"event": event, "step": of, "where": PERSON}, "timeout": {"days": 9},
    }  # fmt: skip


async def test_an_open_ends_a_wait_and_a_click_decides_a_branch(ft_both: Running) -> None:
    ft = ft_both
    config = {"subject": "Hi", "html": '<a href="https://shop.example/a">A</a>', "transactional": True}
    hello = {"id": "hello", "kind": "action", "action": "send_email", "config": config}
    clicked = {"event": "email.clicked", "step": "hello", "count": {"at_least": 1}, "where": PERSON}
    branch = {
        "id": "which", "kind": "branch",
        "branches": [{"id": "b1", "name": "Clicked", "where": clicked, "steps": [task("call", "Call")]}],
    }  # fmt: skip
    await ft.publish(by_hand("welcome", [hello, awaited("opened", "email.opened", "hello"), branch]))
    taken = {}
    for name in ("ana", "bo"):
        contact = await ft.create("contact", email=f"{name}@example.com")
        taken[name] = (await ft.enroll("welcome", "contact", contact))["enrollment_id"]
        await ft.stands_at(taken[name], "opened")
    async with ft.inst.db.transaction() as tx:
        # They were sent a while ago: who fetches at once is a program.
        await tx.run(update(messages).values(claimed_at=ft.inst.clock.now() - timedelta(hours=1)))
    found = {mail["to"]: re.findall(r'"http://127.0.0.1:8080(/t/([oc])/[^"]+)"', mail["html"]) for mail in ft.outbox()}
    ana, bo = ({kind: path for path, kind in found[f"{name}@example.com"]} for name in ("ana", "bo"))

    await ft.http.get(bo["o"], headers={"User-Agent": "Mozilla/5.0"})
    await ft.http.get(bo["c"], headers={"User-Agent": "curl/8.9"})
    await ft.http.get(ana["c"], headers=FIREFOX)
    await ft.settled()
    await ft.stands_at(taken["bo"], "opened")
    await ft.stands_at(taken["ana"], "opened")
    await ft.http.get(ana["o"], headers=FIREFOX)
    await ft.http.get(bo["o"], headers=FIREFOX)
    assert await way(ft, await ft.ended(taken["ana"])) == [
        ("hello", "done", None), ("opened", "done", None), ("which", "done", None), ("call", "done", None),
    ]  # fmt: skip
    assert [step for step, *_ in await way(ft, await ft.ended(taken["bo"]))] == ["hello", "opened", "which"]
    report = await ft.call("GET", "/workflows/welcome/report")
    assert (report["steps"][0]["opened"], report["steps"][0]["clicked"]) == (2, 1)
