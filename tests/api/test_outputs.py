"""What workflows produced, reports and timelines through the API, over rows as runs leave them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, insert, update

from store.ids import new_id
from store.sweep_failures import keep_failures
from store.tables import changes, effects, enrollments, entry_decisions, messages, visits
from tests.api.conftest import Caller
from tests.api.definitions import follow_up
from tests.fixtures.clock import START, FixedClock

STEPS = [
    {"id": "mail", "kind": "action", "name": "Welcome mail", "action": "send_email",
     "config": {"subject": "Hi", "html": "<p>Hi</p>", "transactional": True}},
    {"id": "ab", "kind": "split", "arms": [
        {"id": "a", "name": "Left", "weight": 50, "steps": []},
        {"id": "b", "name": "Right", "weight": 50, "steps": []}]},
    {"id": "gap", "kind": "delay", "for": {"days": 2}},
]  # fmt: skip


class World:
    """Three enrollments of one workflow and the rows their runs would have written."""

    def __init__(self, api: Caller, workflow_id: str, enrollments: list[Any]) -> None:
        self.api = api
        self.workflow_id = workflow_id
        self.enrollments = enrollments

    async def add(self, table: Table, **values: Any) -> None:
        async with self.api.inst.db.transaction() as tx:
            await tx.run(insert(table).values(**values))

    async def visit(self, k: int, step: str, kind: str, outcome: str | None, *, n: int = 1, **more: Any) -> None:
        enrollment = self.enrollments[k]
        at = START + timedelta(minutes=n)
        await self.add(
            visits, enrollment_id=enrollment["id"], step=step, n=n, turn=0, workflow_id=self.workflow_id, version=1,
            record_id=enrollment["record"]["id"], kind=kind, entered_at=at, left_at=at if outcome else None,
            outcome=outcome, **more,
        )  # fmt: skip

    async def message(self, k: int, status: str, at: datetime = START) -> None:
        enrollment = self.enrollments[k]
        key = f"{enrollment['id']}:mail:1"
        state = "accepted" if status == "sent" else status
        await self.add(
            effects, key=key, enrollment_id=enrollment["id"], workflow_id=self.workflow_id, step="mail", n=1,
            channel="email", state=state, attempt=1, created_at=at, updated_at=at,
        )  # fmt: skip
        await self.add(
            messages, id=new_id(at), effect_key=key, enrollment_id=enrollment["id"], workflow_id=self.workflow_id,
            step="mail", record_id=enrollment["record"]["id"], channel="email", status=status,
            sender="us@example.com", recipient="ana@example.com", subject="Hi", html="<p>Hi</p>", text="Hi",
            created_at=at, sent_at=at if status == "sent" else None,
        )  # fmt: skip


async def world(api: Caller) -> World:
    await api.publish(follow_up(steps=STEPS))
    made = []
    for n in range(3):
        contact = await api.create("contact", external_id=f"c{n}")
        body = {"record": {"object": "contact", "id": contact["id"]}}
        answer = await api.ok("POST", "/workflows/follow-up/enrollments", body, status=202)
        made.append(await api.ok("GET", f"/enrollments/{answer['enrollment_id']}"))
    workflow = await api.ok("GET", "/workflows/follow-up")
    found = World(api, workflow["id"], made)
    await found.visit(0, "mail", "action", "done", result={"message": "m"})
    await found.message(0, "sent")
    await found.visit(0, "ab", "split", "done", n=1, edge="b")
    await found.visit(0, "gap", "delay", None, n=2, detail="until Wednesday")
    await found.visit(1, "mail", "action", "skipped", reason="no_address")
    await found.visit(2, "mail", "action", "failed", reason="unknown")
    await found.message(2, "unknown")
    await api.ok("POST", f"/enrollments/{made[1]['id']}/unenroll")
    return found


async def test_the_report_counts_what_became_of_everybody(api: Caller) -> None:
    await world(api)
    report = await api.ok("GET", "/workflows/follow-up/report")
    assert [step["step"] for step in report["steps"]] == ["mail", "ab", "gap"]
    mail, _, gap = report["steps"]
    assert mail == {
        "step": "mail", "name": "Welcome mail", "kind": "action", "current": True, "entered": 3, "waiting": 0,
        "done": 1, "timed_out": 0, "skipped": {"no_address": 1}, "failed": {"unknown": 1}, "left": {}, "sent": 1,
        "delivered": 0, "bounced": 0, "complained": 0, "unknown": 1, "opened": 0, "opened_by_machine": 0,
        "clicked": 0, "replied": 0, "unsubscribed": 0,
    }  # fmt: skip
    assert (gap["entered"], gap["waiting"]) == (1, 1)
    assert report["totals"]["enrolled"] == 3
    assert report["totals"]["active"] == 2
    assert report["totals"]["by_reason"] == {"unenrolled": 1}
    assert report["totals"]["conversion"] == 0
    assert report["decisions"] == {"enrolled": 3}


async def test_behind_every_number_are_as_many_visits_as_it_says(api: Caller) -> None:
    await world(api)
    report = await api.ok("GET", "/workflows/follow-up/report")
    for step in report["steps"]:
        for figure in ("entered", "waiting", "done", "skipped", "failed", "left", "sent", "unknown"):
            number = step[figure] if isinstance(step[figure], int) else sum(step[figure].values())
            seen, query = [], "limit=1"
            while True:
                page = await api.ok("GET", f"/workflows/follow-up/report/{step['step']}/{figure}?{query}")
                seen += [(item["enrollment"]["id"], item["n"]) for item in page["items"]]
                if page["next_cursor"] is None:
                    break
                query = f"limit=1&cursor={page['next_cursor']}"
            assert len(set(seen)) == number, f"{step['step']} {figure}"
    path = "/workflows/follow-up/report/mail/skipped?reason=no_address"
    assert len((await api.ok("GET", path))["items"]) == 1
    await api.problem("GET", "/workflows/follow-up/report/nothing/done", status=404)
    await api.problem("GET", "/workflows/follow-up/report/mail/happy", status=422)


async def test_conversion_is_the_part_of_all_who_entered_that_reached_a_goal(lite: Caller) -> None:
    found = await world(lite)
    async with lite.inst.db.transaction() as tx:
        won = update(enrollments).where(enrollments.c.id == found.enrollments[0]["id"])
        await tx.run(won.values(status="ended", end_reason="goal", end_detail="won", ended_at=START))
    totals = (await lite.ok("GET", "/workflows/follow-up/report"))["totals"]
    assert (totals["enrolled"], totals["active"], totals["ended"]) == (3, 1, 2)
    assert (totals["goal"], totals["by_goal"], totals["conversion"]) == (1, {"won": 1}, 0.3333)


async def test_a_workflow_never_published_has_an_empty_report(lite: Caller) -> None:
    await lite.ok("POST", "/workflows", follow_up(), status=201)
    report = await lite.ok("GET", "/workflows/follow-up/report")
    assert report["steps"] == []
    assert report["totals"]["conversion"] is None


async def test_the_timeline_of_an_enrollment_tells_its_story(api: Caller) -> None:
    found = await world(api)
    story = await api.ok("GET", f"/enrollments/{found.enrollments[0]['id']}/timeline")
    assert [(visit["name"], visit["words"]) for visit in story["visits"]] == [
        ("Welcome mail", "done"), (story["visits"][1]["name"], "done"),
        (story["visits"][2]["name"], "waiting (until Wednesday)"),
    ]  # fmt: skip
    assert [message["status"] for message in story["visits"][0]["messages"]] == ["sent"]
    assert story["visits"][1]["edge_name"] == "Right"
    assert story["entry"]["why"] == "by hand"
    assert story["entry"]["who"].startswith("by API key ")
    other = await api.ok("GET", f"/enrollments/{found.enrollments[1]['id']}/timeline")
    assert other["visits"][0]["words"] == "skipped: there is no address"
    assert other["end"].startswith("was taken out by hand (by API key ")


async def test_a_delay_that_is_cut_short_says_when_it_was_left(api: Caller, clock: FixedClock) -> None:
    found = await world(api)
    enrollment = found.enrollments[2]
    await found.visit(2, "gap", "delay", None, n=2, wakes_at=START + timedelta(days=2))
    waiting = (await api.ok("GET", f"/enrollments/{enrollment['id']}/timeline"))["visits"][-1]
    assert (waiting["left_at"], waiting["wakes_at"]) == (None, "2027-03-03T09:00:00Z")
    clock.advance(timedelta(hours=1))
    await api.ok("POST", f"/enrollments/{enrollment['id']}/unenroll")
    left = (await api.ok("GET", f"/enrollments/{enrollment['id']}/timeline"))["visits"][-1]
    assert (left["step"], left["left_at"], left["wakes_at"]) == ("gap", "2027-03-01T10:00:00Z", None)
    assert left["words"] == "left here: was taken out by hand"


async def test_the_timeline_of_a_record_gathers_everything_in_order(api: Caller) -> None:
    found = await world(api)
    record = found.enrollments[0]["record"]
    path = f"/records/contact/{record['id']}/timeline"
    whole = (await api.ok("GET", path))["items"]
    assert {item["kind"] for item in whole} == {"change", "decision", "visit", "message"}
    assert [item["at"] for item in whole] == sorted((item["at"] for item in whole), reverse=True)
    seen, query = [], "limit=2"
    while True:
        page = await api.ok("GET", f"{path}?{query}")
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        query = f"limit=2&cursor={page['next_cursor']}"
    assert seen == whole


async def test_messages_are_listed_by_what_is_asked_for(api: Caller) -> None:
    found = await world(api)
    assert len((await api.ok("GET", "/messages"))["items"]) == 2
    sent = (await api.ok("GET", "/messages?status=sent&workflow=follow-up&step=mail&channel=email"))["items"]
    assert [message["enrollment_id"] for message in sent] == [found.enrollments[0]["id"]]
    assert await api.ok("GET", f"/messages/{sent[0]['id']}") == sent[0]
    assert (await api.ok("GET", "/messages?channel=sms"))["items"] == []
    await api.problem("GET", "/messages?channel=fax", status=422)


async def test_a_change_set_aside_is_listed_and_offered_again(api: Caller) -> None:
    change_id = new_id(START)
    async with api.inst.db.transaction() as tx:
        row = {"id": change_id, "object": "contact", "record_id": "r", "record_version": 1, "kind": "updated",
               "wake": True, "cause_kind": "api", "depth": 0, "occurred_at": START, "attempts": 5,
               "failed_at": START, "error": "broken"}  # fmt: skip
        await tx.run(insert(changes).values(**row))
    listed = (await api.ok("GET", "/changes?state=failed"))["items"]
    assert [(item["id"], item["error"]) for item in listed] == [(change_id, "broken")]
    ready = (await api.http.get("/readyz")).json()
    assert ready["failed_changes"] == 1
    assert ready["warnings"]
    await api.ok("POST", f"/changes/{change_id}/retry", status=202)
    assert (await api.ok("GET", "/changes"))["items"] == []
    await api.problem("POST", f"/changes/{change_id}/retry", status=404)


async def test_whom_a_sweep_stepped_past_is_listed_and_warned_of(api: Caller) -> None:
    async with api.inst.db.transaction() as tx:
        for name, errors in (("leaving:a:1", {"e": "gone"}), ("trigger:a:t1", {"r": "broken", "r:o": "broken too"})):
            await keep_failures(tx, name, errors, since=START, now=START)
    first = await api.ok("GET", "/sweeps/failures?limit=2")
    second = await api.ok("GET", f"/sweeps/failures?limit=2&cursor={first['next_cursor']}")
    listed = [(item["item"], item["error"]) for item in first["items"] + second["items"]]
    assert listed == [("e", "gone"), ("r", "broken"), ("r:o", "broken too")]
    warnings = (await api.http.get("/readyz")).json()["warnings"]
    assert any("2 passed over by the sweep trigger:a:t1" in warning for warning in warnings)
    await api.problem("GET", "/sweeps/failures?cursor=azph", status=422)


async def test_a_list_of_a_workflow_that_never_was_is_not_found_and_one_of_a_deleted_is_kept(lite: Caller) -> None:
    made = await world(lite)
    lists = ("enrollments", "entry-decisions", "messages", "tasks", "notifications")
    for name in lists:
        await lite.ok("GET", f"/{name}?workflow=follow-up")
        found = await lite.problem("GET", f"/{name}?workflow=folow-up", status=404)
        assert found["detail"] == "there is no workflow folow-up"
    await lite.problem("GET", "/workflows/folow-up/report", status=404)

    await lite.ok("DELETE", "/workflows/follow-up?inside=leave", status=204, If_Match="*")
    gone = (await lite.ok("GET", f"/enrollments/{made.enrollments[0]['id']}"))["workflow"]
    assert len((await lite.ok("GET", f"/enrollments?workflow={gone}"))["items"]) == 3
    for name in lists:
        await lite.problem("GET", f"/{name}?workflow=follow-up", status=404)
        await lite.problem("GET", f"/{name}?workflow={gone}x", status=404)


async def test_a_record_s_timeline_shows_what_the_key_opens(api: Caller) -> None:
    found = await world(api)
    path = f"/records/contact/{found.enrollments[0]['record']['id']}/timeline"
    for scopes, kinds in (
        ((), {"change"}),
        (("enrollments:read",), {"change", "decision", "visit"}),
        (("messages:read",), {"change", "message"}),
    ):
        reader = await api.with_scopes("records:read", *scopes)
        assert {item["kind"] for item in (await reader.ok("GET", path))["items"]} == kinds


async def test_an_enrollment_s_timeline_shows_what_the_key_opens(api: Caller) -> None:
    found = await world(api)
    seen = [{"what": "city is Oslo", "value": "Oslo", "holds": True}]
    await found.visit(0, "gap", "delay", "done", n=3, seen=seen, result={"set": "Oslo"})
    path = f"/enrollments/{found.enrollments[0]['id']}/timeline"
    whole = (await api.ok("GET", path))["visits"]
    assert any(visit["seen"] for visit in whole)
    assert any(visit["messages"] for visit in whole)

    blind = await (await api.with_scopes("enrollments:read")).ok("GET", path)
    for visit, full in zip(blind["visits"], whole, strict=True):
        assert visit == {**full, "seen": [], "result": None, "messages": [], "tasks": []}
    reader = await api.with_scopes("enrollments:read", "records:read")
    assert [visit["seen"] for visit in (await reader.ok("GET", path))["visits"]] == [v["seen"] for v in whole]
    mailer = await api.with_scopes("enrollments:read", "messages:read")
    assert [visit["messages"] for visit in (await mailer.ok("GET", path))["visits"]] == [v["messages"] for v in whole]


async def test_values_seen_are_shown_to_who_may_read_records(api: Caller) -> None:
    found = await world(api)
    id = found.enrollments[0]["id"]
    seen = [{"what": "city is Oslo", "value": "Oslo", "holds": True}]
    async with api.inst.db.transaction() as tx:
        await tx.run(update(enrollments).where(enrollments.c.id == id).values(end_seen=seen))
        await tx.run(update(entry_decisions).where(entry_decisions.c.enrollment_id == id).values(seen=seen))
    blind = await api.with_scopes("enrollments:read")
    for reader, shown in ((api, seen), (blind, [])):
        assert (await reader.ok("GET", f"/enrollments/{id}"))["end_seen"] == shown
        assert [one["end_seen"] for one in (await reader.ok("GET", "/enrollments"))["items"] if one["id"] == id] == [
            shown
        ]
        [decision] = (await reader.ok("GET", f"/entry-decisions?enrollment={id}"))["items"]
        assert [{name: one[name] for name in ("what", "value", "holds")} for one in decision["seen"]] == shown


async def test_visits_that_left_no_reason_are_counted_and_found_as_unknown(api: Caller) -> None:
    found = await world(api)
    await found.visit(0, "mail", "action", "failed", n=2)
    await found.visit(1, "mail", "action", "failed", n=3)
    step = (await api.ok("GET", "/workflows/follow-up/report"))["steps"][0]
    assert step["failed"] == {"unknown": 3}
    behind = await api.ok("GET", "/workflows/follow-up/report/mail/failed?reason=unknown")
    assert len(behind["items"]) == 3
