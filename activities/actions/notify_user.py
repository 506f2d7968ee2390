"""Puts a notification into the inbox of users, once per visit and user.

Inside: the notifications and the visit are one transaction. Without anybody to tell (no owner, no manager, a team of
nobody) the step is skipped. Who is not there any more is passed over and counted; only when nobody else is left the
step fails with ``broken_reference``.
"""

from __future__ import annotations

from activities import noticing
from activities.action import Action, InsideContext, Outputs
from activities.noticing import NoticeConfig
from domain.base import Json
from domain.errors import StepFailed
from services.running.addressees import addressees_of
from services.running.summing import MOST_TOLD, SENT
from store.notifications import insert_notifications


class NotifyUserConfig(NoticeConfig):
    """What is said, and to whom."""


async def run(context: InsideContext, config: NotifyUserConfig) -> Outputs:
    """Write one notification per person, also when somebody is named twice.

    Raises:
        StepSkipped: ``no_owner`` or ``no_user``.
        StepFailed: ``broken_reference``, nobody who is named is there any more.
    """
    passed = context.passed
    values: dict[str, Json] = {
        "title": context.text(config.title),
        "body": context.text(config.body),
        "record_id": passed.record.id,
        "enrollment_id": passed.enrollment.id,
        "workflow_id": passed.enrollment.workflow_id,
        "step": passed.call.step,
    }
    people = await addressees_of(context.tx, passed.record, config.addressed)
    there = [each.user.id for each in people if each.user is not None]
    missing = [each.problem for each in people if each.user is None]
    if not there:
        raise StepFailed("broken_reference", "; ".join(missing))
    made = await insert_notifications(context.tx, there, values, now=passed.call.now)
    outputs: Outputs = {"notifications": [*made], "sent": len(made), "skipped": 0, "failed": len(missing)}
    if len(people) > MOST_TOLD:
        return outputs
    became: dict[str, Json] = {each.name: SENT if each.user is not None else "broken_reference" for each in people}
    return {**outputs, "outcomes": became}


ACTION = Action(
    name="notify_user",
    title="Notify in the product",
    description="Puts a notification into the inbox of users, teams, the record's owner or the owner's manager.",
    effect="inside",
    config=NotifyUserConfig,
    run=run,
    outcomes=(
        "done: notifications, their ids, how many were sent and failed, and outcomes, what became of each by user",
        "skipped: no_owner, no_user, no_record",
        "failed: broken_reference, bad_template",
    ),
    check=noticing.check,
    reads=noticing.reads,
)
