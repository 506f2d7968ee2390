"""Puts a notification into the inbox of one or more users, once per visit.

Inside: the notifications and the visit are one transaction. Without anybody to tell (no owner, no manager) the step is
skipped; a user who does not exist (any more) fails it with ``broken_reference``.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from activities.action import Action, InsideContext, Outputs
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.errors import StepSkipped
from domain.fields import LiquidText, UserId
from services.records.people import owner_of, present_user
from store.effects import insert_notifications


class NotifyUserConfig(ActionConfig):
    """What is said, and to whom."""

    title: LiquidText = Field(title="Title", description="The notification in one line, as a template.", min_length=1)
    body: LiquidText = Field(default="", title="Text", description="Everything else, as a template.")
    users: list[UserId] = Field(default=[], title="Users", description="Users by id.")
    owner: bool = Field(default=False, title="Owner", description="Also the owner of the record.")
    owner_manager: bool = Field(default=False, title="Owner's manager", description="Also the manager of the owner.")


def check(config: NotifyUserConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Refuse a notification to nobody."""
    if not (config.users or config.owner or config.owner_manager):
        words = "name at least one user, or set owner or owner_manager"
        yield Finding(path="/users", code="missing_field", message=words)


async def run(context: InsideContext, config: NotifyUserConfig) -> Outputs:
    """Write one notification per person, also when somebody is named twice."""
    passed = context.passed
    values = {
        "title": context.text(config.title),
        "body": context.text(config.body),
        "record_id": passed.record.id,
        "enrollment_id": passed.enrollment.id,
        "workflow_id": passed.enrollment.workflow_id,
        "step": passed.call.step,
    }
    people = await _people(context, config)
    return {"notifications": [*await insert_notifications(context.tx, people, values, now=passed.call.now)]}


async def _people(context: InsideContext, config: NotifyUserConfig) -> list[str]:
    found = [(await present_user(context.tx, user_id)).id for user_id in config.users]
    if config.owner or config.owner_manager:
        owner = await owner_of(context.tx, context.passed.record)
        if owner is not None and config.owner:
            found.append(owner.id)
        if owner is not None and config.owner_manager and owner.manager_id is not None:
            found.append((await present_user(context.tx, owner.manager_id)).id)
    if not found:
        raise StepSkipped("no_owner", "the record has no owner, or its owner no manager")
    return list(dict.fromkeys(found))


ACTION = Action(
    name="notify_user",
    title="Notify a user",
    description="Tells users, the record's owner or the owner's manager inside the product.",
    effect="inside",
    config=NotifyUserConfig,
    run=run,
    outcomes=(
        "done: notifications, the ids of the notifications",
        "skipped: no_owner, no_record",
        "failed: broken_reference, bad_template",
    ),
    check=check,
)
