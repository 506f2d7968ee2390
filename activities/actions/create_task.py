"""Creates a task for a person, once per visit.

Inside: the task and the visit are one transaction, and so is the turn of whoever gets it of a team. A record without an
owner gets a task nobody is assigned to; a user who does not exist (any more) fails the step with ``broken_reference``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import Field

from activities import writing
from activities.action import Action, InsideContext, Outputs
from domain.base import utc_text
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import Of
from domain.delays import due
from domain.due_rules import due_at_findings, due_in_findings
from domain.errors import StepFailed, StepSkipped
from domain.events import TASK_COMPLETED
from domain.fields import LiquidText, UserId
from domain.names import association_key, property_key
from domain.rotating import next_turn
from domain.steps import Timeout, UntilProperty
from domain.tasks import DueAt, DueIn, Priority, TaskType, ToTeam
from services.records.people import owner_of, present_among, present_user, weights_of_team
from services.running.clocks import clock_since
from services.running.targets import meant_records
from store.locks import lock_rotation
from store.rotations import keep_rotation
from store.tasks import insert_task

OWNER = "owner"

MOST_LINKED = 200
"""So many associated records a task is about, the youngest associations first."""

Linked: TypeAlias = Literal["record", "bound"] | Of


class CreateTaskConfig(ActionConfig):
    """What is to be done, by whom and until when."""

    title: LiquidText = Field(title="Title", description="What is to be done, as a template.", min_length=1)
    body: LiquidText = Field(default="", title="Notes", description="Everything else worth knowing, as a template.")
    type: TaskType = Field(default="to_do", title="Type", description="What kind of work it is.")
    due_in: DueIn | None = Field(
        default=None,
        title="Due in",
        description="How long after the step the task is due, such as {days: 2, business_days: true}.",
    )
    due_at: DueAt | None = Field(
        default=None,
        title="Due at",
        description="When it is due: {date, time}, {property: name, of, offset, time} of a date, or the next {time}, "
        "on {weekdays} if named; never if this and due_in are empty.",
    )
    if_missing: Literal["no_due_date", "skip"] = Field(
        default="no_due_date",
        title="Without a date",
        description="Where the property of due_at has no value: a task that is never due, or no task.",
    )
    assignee: Literal["owner"] | UserId | ToTeam = Field(
        default=OWNER,
        title="Assignee",
        description="The owner of the record, a user by id, or {team: slug}: its members in turn, without who is away.",
    )
    priority: Priority | None = Field(default=None, title="Priority", description="How urgent it is.")
    associate: list[Linked] = Field(
        default=["record", "bound"],
        title="Linked records",
        description="The enrolled record, the one the enrollment is bound to, if there is one, and associated ones, "
        "{object, label, match: all or latest}.",
    )


def check(config: CreateTaskConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a task that is due before it exists, at no time or at two, or about records that cannot be meant."""
    if config.due_in is not None:
        yield from due_in_findings(config.due_in, "/due_in")
    if config.due_at is not None:
        yield from due_at_findings(config.due_at, scope, "/due_at")
    if config.due_in is not None and config.due_at is not None:
        yield Finding(path="/due_at", code="wrong_value", message="a task has either due_in or due_at, not both")
    if config.if_missing == "skip" and not isinstance(config.due_at, UntilProperty):
        words = "only the property of due_at can be without a date; leave if_missing out"
        yield Finding(path="/if_missing", code="wrong_value", message=words)
    for n, linked in enumerate(config.associate):
        if isinstance(linked, Of):
            yield from writing.of_findings(linked, scope, at=f"/associate/{n}")


def reads(config: CreateTaskConfig, scope: ConfigScope) -> Iterable[str]:
    """The date it is due at."""
    if isinstance(config.due_at, UntilProperty):
        object = config.due_at.of.object if config.due_at.of is not None else scope.object
        yield property_key(object, config.due_at.property)
        if object != scope.object:
            yield association_key(scope.object, object)


def objects(config: CreateTaskConfig) -> Collection[str]:
    """Associated objects it is about, or that say when it is due."""
    until = config.due_at.of if isinstance(config.due_at, UntilProperty) else None
    return writing.objects_of(until, *(linked for linked in config.associate if isinstance(linked, Of)))


async def run(context: InsideContext, config: CreateTaskConfig) -> Outputs:
    """Write the task.

    Raises:
        StepSkipped: ``no_date``, where nothing is to be done without one.
        StepFailed: ``broken_reference``, nobody is there to do it.
    """
    passed = context.passed
    due_at = _due_at(context, config)
    assignee, why = await _assignee(context, config)
    values = {
        "type": config.type,
        "title": context.text(config.title),
        "body": context.text(config.body),
        "priority": config.priority,
        "due_at": due_at,
        "assignee": assignee,
        "record_id": passed.record.id,
        "enrollment_id": passed.enrollment.id,
        "workflow_id": passed.enrollment.workflow_id,
        "step": passed.call.step,
    }
    task = await insert_task(context.tx, values, _linked(context, config), now=passed.call.now)
    outputs: Outputs = {"task": task, "assignee": assignee, "due_at": utc_text(due_at) if due_at is not None else None}
    return outputs if why is None else {**outputs, "why": why}


def _due_at(context: InsideContext, config: CreateTaskConfig) -> datetime | None:
    passed = context.passed
    if config.due_in is not None:
        wanted = Timeout(**config.due_in.model_dump())
    elif config.due_at is not None:
        wanted = Timeout(until=config.due_at)
    else:
        return None
    clock = clock_since(context.inst, passed, passed.call.now, now=passed.call.now)
    found = due(wanted, clock, passed.facts)
    if found.missing and config.if_missing == "skip":
        raise StepSkipped("no_date", "the property that says when it is due has no value")
    return found.at


def _linked(context: InsideContext, config: CreateTaskConfig) -> list[str]:
    passed, ids = context.passed, list[str]()
    for linked in config.associate:
        match linked:
            case "record":
                ids.append(passed.record.id)
            case "bound":
                ids += [passed.enrollment.bound_id] if passed.enrollment.bound_id is not None else []
            case _:
                ids += [record.id for record in meant_records(passed.facts, linked)[:MOST_LINKED]]
    return ids


async def _assignee(context: InsideContext, config: CreateTaskConfig) -> tuple[str | None, str | None]:
    """Who shall do it, and why it was their turn; None where nobody owns the record."""
    if isinstance(config.assignee, ToTeam):
        return await _by_turn(context, config.assignee.team)
    if config.assignee != OWNER:
        return (await present_user(context.tx, config.assignee)).id, None
    owner = await owner_of(context.tx, context.passed.record)
    return (owner.id if owner is not None else None), None


async def _by_turn(context: InsideContext, team: str) -> tuple[str, str]:
    """Whose turn it is; where all are away, among all: a task waits for whoever comes back."""
    call, tx = context.passed.call, context.tx
    rotation = await lock_rotation(tx, call.workflow_id, call.step, now=call.now)
    zone = context.passed.account.timezone
    found = await present_among(tx, await weights_of_team(tx, team), account_zone=zone, now=call.now)
    if not found.active:
        raise StepFailed("broken_reference", f"nobody of the team {team} is active")
    turn = next_turn(found.there or found.active, rotation, away=len(found.active) - len(found.there))
    await keep_rotation(tx, call.workflow_id, call.step, turn.after, now=call.now)
    return turn.user, turn.why


ACTION = Action(
    name="create_task",
    title="Create a task",
    description="Creates a task for the record's owner, a user or a member of a team; completing it is an event.",
    effect="inside",
    config=CreateTaskConfig,
    run=run,
    outcomes=(
        "done: task, the id of the task; assignee (without an owner nobody) and due_at; of a team also why, the reason "
        "it was this user's turn",
        "skipped: no_record, no_date",
        "failed: broken_reference, bad_template",
    ),
    check=check,
    reads=reads,
    objects=objects,
    events=(TASK_COMPLETED,),
)
