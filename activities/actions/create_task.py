"""Creates a task for a person, once per visit.

Inside: the task and the visit are one transaction. A record without an owner gets a task nobody is assigned to; a user
who does not exist (any more) fails the step with ``broken_reference``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from activities.action import Action, InsideContext, Outputs
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.comparison_rules import TOO_LONG, is_too_long
from domain.conditions import Offset
from domain.fields import LiquidText, UserId
from domain.instants import shifted
from services.records.people import owner_of, present_user
from store.effects import insert_task

OWNER = "owner"


class CreateTaskConfig(ActionConfig):
    """What is to be done, by whom and until when."""

    title: LiquidText = Field(title="Title", description="What is to be done, as a template.", min_length=1)
    body: LiquidText = Field(default="", title="Notes", description="Everything else worth knowing, as a template.")
    due_in: Offset | None = Field(
        default=None, title="Due in", description="How long after the step the task is due; never if empty."
    )
    assignee: Literal["owner"] | UserId = Field(
        default=OWNER, title="Assignee", description="The owner of the record, or a user by id."
    )
    priority: Literal["low", "normal", "high", "urgent"] | None = Field(
        default=None, title="Priority", description="How urgent it is."
    )
    associate: list[Literal["record", "bound"]] = Field(
        default=["record", "bound"],
        title="Linked records",
        description="The enrolled record, and the one the enrollment is bound to, if there is one.",
    )


def check(config: CreateTaskConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Refuse a task that is due before it exists, or when nobody lives to do it."""
    due = config.due_in
    if due is None:
        return
    if min(due.weeks, due.days, due.hours, due.minutes, due.seconds) < 0:
        yield Finding(path="/due_in", code="wrong_value", message="a task is due after it is created: use no minus")
    elif is_too_long(due):
        yield Finding(path="/due_in", code="wrong_value", message=TOO_LONG)


async def run(context: InsideContext, config: CreateTaskConfig) -> Outputs:
    """Write the task."""
    passed = context.passed
    now = passed.call.now
    linked = {"record": passed.record.id, "bound": passed.enrollment.bound_id}
    values = {
        "title": context.text(config.title),
        "body": context.text(config.body),
        "priority": config.priority,
        "due_at": shifted(now, config.due_in, passed.facts.zone) if config.due_in is not None else None,
        "assignee": await _assignee(context, config),
        "record_ids": [linked[name] for name in dict.fromkeys(config.associate) if linked[name] is not None],
        "record_id": passed.record.id,
        "enrollment_id": passed.enrollment.id,
        "workflow_id": passed.enrollment.workflow_id,
        "step": passed.call.step,
    }
    return {"task": await insert_task(context.tx, values, now=now)}


async def _assignee(context: InsideContext, config: CreateTaskConfig) -> str | None:
    if config.assignee != OWNER:
        return (await present_user(context.tx, config.assignee)).id
    owner = await owner_of(context.tx, context.passed.record)
    return owner.id if owner is not None else None


ACTION = Action(
    name="create_task",
    title="Create a task",
    description="Creates a task for the record's owner or for a user.",
    effect="inside",
    config=CreateTaskConfig,
    run=run,
    outcomes=(
        "done: task, the id of the task; without an owner nobody is assigned",
        "skipped: no_record",
        "failed: broken_reference, bad_template",
    ),
    check=check,
)
