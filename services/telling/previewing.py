"""When each step would happen for a record that entered a workflow at an instant; nothing is written (rule of preview).

The way is that of the published version with its live settings, or before the first publishing of the draft. Branches
are followed as values stand now.
"""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from itertools import islice
from operator import or_

from domain.anchors import is_yearly
from domain.base import Frozen, Instant
from domain.definition import Definition
from domain.errors import Invalid, NotFound
from domain.foresight import MOST, Foreseen, Foresight
from domain.instants import local_date
from domain.preview_words import foreseen_words
from domain.problems import FieldError
from domain.reading import NOTHING
from domain.steps import SplitStep
from domain.value_words import instant_words
from domain.zones import clock_zone
from services.authoring.drafts import prepare
from services.entering.by_hand import Ask
from services.facts import read_facts
from services.installation import Installation
from services.running.clocks import free_days
from services.running.holding import quiet_for
from services.running.steps import step_needs
from services.running.waits import wait_needs
from services.versions import Content, content_of, load_live
from store.associations import are_associated
from store.database import Read, Row
from store.records import get_record
from store.schema import load_account
from store.visits import earlier_edge


class StepForeseen(Foreseen):
    """One step on the way, with its name and kind, and told in words; ``leaves`` is ``leaves_at`` as clocks show it."""

    name: str
    kind: str
    leaves: str | None
    words: str


class Preview(Frozen):
    """The way of a record. ``version`` None: of the draft, as nothing is published. ``zone``: whose clocks are meant.

    ``is_cut``: there are more steps than are told; ``comes_round``: the end is that of a year, and the next begins.
    """

    version: int | None
    at: Instant
    zone: str
    steps: list[StepForeseen]
    is_cut: bool
    comes_round: bool


async def preview(read: Read, inst: Installation, workflow: Row, ask: Ask, *, at: datetime | None) -> Preview:
    """Foresee the way of a record that entered at ``at`` (None: now).

    Raises:
        NotFound: the record is missing or deleted.
        Invalid: it is of another object, the bound record is not associated with it, or the draft has problems.
    """
    now = inst.clock.now()
    content, version = await _content(read, inst, workflow)
    definition, account = content.definition, await load_account(read)
    record = await get_record(read, ask.record_id)
    if record is None or record.object != ask.object:
        raise NotFound(f"there is no {ask.object} {ask.record_id}")
    await _check(read, workflow, definition, ask)
    steps = content.steps.values()
    needs = reduce(or_, (step_needs(s, definition) | wait_needs(s, definition) for s in steps), NOTHING)
    facts = await read_facts(
        read, account, definition, record.id, needs=needs, bound_id=ask.bound_id, parameters=ask.parameters, now=now
    )
    if facts is None:
        raise NotFound(f"there is no {ask.object} {ask.record_id}")
    enters_at, zone = at or now, clock_zone(definition, account.timezone, facts.record)
    foresight = Foresight(
        definition=definition,
        plan=content.plan,
        facts=facts,
        zone=zone,
        quiet=quiet_for(definition, account),
        since=local_date(enters_at, zone),
        is_free=free_days(inst, definition, account),
        arms_taken=await _arms_taken(read, workflow["id"], record.id, content),
    )
    found = list(islice(foresight.way(enters_at), MOST + 1))
    return Preview(
        version=version,
        at=enters_at,
        zone=zone,
        steps=[_told(each, content, zone) for each in found[:MOST]],
        is_cut=len(found) > MOST,
        comes_round=is_yearly(definition) and len(found) <= MOST and (not found or found[-1].leaves_at is not None),
    )


async def _content(read: Read, inst: Installation, workflow: Row) -> tuple[Content, int | None]:
    if workflow["version"] is not None:
        return await load_live(read, workflow["id"], workflow["version"]), workflow["version"]
    draft = await prepare(read, inst, workflow)
    return content_of(draft.definition, draft.plan), None


async def _arms_taken(read: Read, workflow_id: str, record_id: str, content: Content) -> dict[str, str]:
    """By split the arm that the record took before, in any version (rule R7)."""
    taken: dict[str, str] = {}
    for step in content.steps.values():
        if isinstance(step, SplitStep):
            arms = {arm.id for arm in step.arms}
            arm = await earlier_edge(read, workflow_id, record_id, step.id, arms)
            taken |= {step.id: arm} if arm is not None else {}
    return taken


async def _check(read: Read, workflow: Row, definition: Definition, ask: Ask) -> None:
    if ask.object != definition.object:
        words = f"{workflow['slug']} is about {definition.object} records, not about a {ask.object}"
        raise Invalid(words, errors=[FieldError(path="/record/object", code="wrong_value", message=words)])
    if ask.bound_id is not None and not await are_associated(read, ask.record_id, ask.bound_id):
        words = f"the {ask.object} is not associated with {ask.bound_object} {ask.bound_id}"
        raise Invalid(words, errors=[FieldError(path="/bound/id", code="wrong_value", message=words)])


def _told(found: Foreseen, content: Content, zone: str) -> StepForeseen:
    planned = content.plan.steps[found.step]
    return StepForeseen(
        **dict(found),
        name=planned.name,
        kind=planned.kind,
        leaves=instant_words(found.leaves_at, zone) if found.leaves_at is not None else None,
        words=foreseen_words(found, planned, content.steps[found.step], zone),
    )
