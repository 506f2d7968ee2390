"""Workflows that lead into each other and out again, by the real path."""

from __future__ import annotations

from typing import Any

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, gap, task
from tests.runs.walking import entered, steps, visit, walked

AGAIN: dict[str, Any] = {"entry": {"triggers": [], "re_entry": {"allowed": True, "triggers": []}}}


def enrolling(step: str, workflow: str, **config: Any) -> dict[str, Any]:
    return {"id": step, "kind": "action", "action": "enroll_in_workflow", "config": {"workflow": workflow, **config}}


def removing(step: str, workflow: str | None = None, **config: Any) -> dict[str, Any]:
    named = {"workflow": workflow} if workflow is not None else {}
    return {"id": step, "kind": "action", "action": "remove_from_workflow", "config": {**named, **config}}


async def test_a_contact_goes_on_in_another_workflow_with_what_it_is_given(ft: Running) -> None:
    parameters = [{"name": "offer", "required": True}, {"name": "score", "type": "number"}]
    offer = task("offer", "Offer {{ parameters.offer }} at {{ parameters.score }}")
    await ft.publish(by_hand("second", [offer], parameters=parameters))
    given = {"offer": "to {{ contact.first_name }}", "score": {"property": "score"}}
    noting = task("note", "It {{ steps.on.decision }}")
    await ft.publish(by_hand("first", [enrolling("on", "second", parameters=given), noting]))
    ana = await ft.create("contact", email="ana@example.com", first_name="Ana", score=7)

    over = await walked(ft, "first", "contact", ana)
    (second,) = await entered(ft, "second")
    await ft.ended(second["id"])

    titles = {each["title"] for each in (await ft.call("GET", "/tasks"))["items"]}
    assert titles == {"It enrolled", "Offer to Ana at 7"}
    assert (await visit(ft, over, "on"))["result"]["enrollment"] == second["id"]
    story = await ft.timeline(second["id"])
    assert (story["entry"]["cause"], story["entry"]["cause_id"]) == ("enrollment", over["id"])


async def test_a_step_ends_what_runs_elsewhere_and_then_its_own_run(ft: Running) -> None:
    await ft.publish(by_hand("long", [gap(days=30), task("late", "Late")]))
    await ft.publish(by_hand("stop", [removing("out", "long"), removing("over"), task("never", "Never")]))
    ana = await ft.create("contact", email="ana@example.com")
    bo = await ft.create("contact", email="bo@example.com")
    inside = [await ft.enroll("long", "contact", each) for each in (ana, bo)]
    for each in inside:
        await ft.sleeps_at(each["enrollment_id"], "gap")

    over = await walked(ft, "stop", "contact", ana)
    gone = await ft.ended(inside[0]["enrollment_id"])

    assert (over["end_reason"], await steps(ft, over)) == ("removed_by_workflow", ["out", "over"])
    assert gone["end_reason"] == "removed_by_workflow"
    assert (await ft.timeline(gone["id"]))["end"] == "was taken out by a workflow (stop)"
    assert (await ft.call("GET", f"/enrollments/{inside[1]['enrollment_id']}"))["status"] == "active"
    assert (await ft.call("GET", "/tasks"))["items"] == []


async def test_workflows_that_enroll_each_other_in_a_circle_are_stopped(ft: Running) -> None:
    # Each may only name a workflow that is there.
    await ft.publish(by_hand("red", [gap(seconds=1)]))
    await ft.publish(by_hand("blue", [enrolling("on", "red")], **AGAIN))
    await ft.publish(by_hand("red", [enrolling("on", "blue")], **AGAIN))
    ana = await ft.create("contact", email="ana@example.com")
    await ft.enroll("red", "contact", ana)

    async def is_broken() -> bool:
        return "loop_stopped" in [*await ft.decisions("red"), *await ft.decisions("blue")]

    await ft.until(is_broken, "the circle is broken")
    decisions = [*await ft.decisions("red"), *await ft.decisions("blue")]
    assert sorted(decisions) == ["enrolled"] * 21 + ["loop_stopped"]
