"""Tasks that a run waits for: made, completed through the API, and the run goes on."""

from __future__ import annotations

from typing import Any

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, email, task
from tests.runs.walking import steps


def awaiting(step: str, of: str, **length: int) -> dict[str, Any]:
    """A wait for the completion of the task of a step, with a task of its own on either way."""
    return {
        "id": step, "kind": "wait", "for_event": {"event": "task.completed", "step": of}, "timeout": length,
        "matched": [email(f"{step}_yes", "Thank you")], "timed_out": [task(f"{step}_no", "Too late")],
    }  # fmt: skip


async def made(ft: Running, step: str) -> Any:
    """The task of a step, once it is there."""

    async def is_there() -> bool:
        return bool((await ft.call("GET", f"/tasks?step={step}"))["items"])

    await ft.until(is_there, f"the task of {step}")
    (found,) = (await ft.call("GET", f"/tasks?step={step}"))["items"]
    return found


async def test_a_run_waits_for_its_task_and_goes_on_once_it_is_completed(ft_both: Running) -> None:
    ft = ft_both
    first, other = task("first", "Call", type="call", due_in={"days": 1}), task("other", "Write")
    await ft.publish(by_hand("calls", [first, other, awaiting("called", "first", days=2)]))
    contact = await ft.create("contact", email="ana@example.com", first_name="Ana")
    taken = await ft.enroll("calls", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "called")
    # The task of another step is none of this wait.
    await ft.call("PATCH", f"/tasks/{(await made(ft, 'other'))['id']}", {"status": "done"})
    await ft.settled()
    assert (await ft.call("GET", f"/enrollments/{taken['enrollment_id']}"))["step"] == "called"

    await ft.call("PATCH", f"/tasks/{(await made(ft, 'first'))['id']}", {"status": "done"})

    over = await ft.ended(taken["enrollment_id"])
    assert await steps(ft, over) == ["first", "other", "called", "called_yes"]
    assert [mail["subject"] for mail in ft.outbox()] == ["Thank you"]


async def test_a_task_that_is_cancelled_lets_nobody_go_on_before_the_time_is_over(ft: Running) -> None:
    await ft.publish(by_hand("late", [task("first", "Call"), awaiting("called", "first", seconds=2)]))
    contact = await ft.create("contact", email="ana@example.com", first_name="Ana")
    taken = await ft.enroll("late", "contact", contact)
    await ft.call("PATCH", f"/tasks/{(await made(ft, 'first'))['id']}", {"status": "cancelled"})

    assert await steps(ft, await ft.ended(taken["enrollment_id"])) == ["first", "called", "called_no"]


async def test_a_completed_task_starts_another_workflow(ft: Running) -> None:
    where = {"event_property": "type", "op": "is", "value": "call"}
    trigger = {"id": "t1", "on": "event", "event": "task.completed", "where": where}
    await ft.publish(by_hand("calls", [task("first", "Call", type="call"), task("second", "Write")]))
    await ft.publish(by_hand("thanks", [email("hello", "Thank you")], entry={"triggers": [trigger]}))
    contact = await ft.create("contact", email="ana@example.com", first_name="Ana")
    await ft.ended((await ft.enroll("calls", "contact", contact))["enrollment_id"])

    for step in ("second", "first"):
        await ft.call("PATCH", f"/tasks/{(await made(ft, step))['id']}", {"status": "done"})

    await ft.settled()
    (entered,) = await ft.enrollments("thanks")
    await ft.ended(entered["id"])
    assert [mail["subject"] for mail in ft.outbox()] == ["Thank you"]
