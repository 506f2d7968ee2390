"""A call of a hook: verified, counted once, turned into a record, and the record into an enrollment."""

from __future__ import annotations

from datetime import datetime

from domain.base import Frozen, Instant, Json
from domain.conditions import Condition
from domain.definition import Definition, WebhookTrigger
from domain.errors import Conflict, Invalid, NoSuchAddress, NotAuthenticated, NotFound
from domain.facts import Seen
from domain.hooks import EVENT, TOLERANCE, Call, delivery_ids, mapped, signed_at
from domain.judging import judge_event
from domain.problems import FieldError
from domain.reader import join
from domain.reading import needs_of
from domain.records import Cause, StoredRecord
from domain.zones import zone_of
from services.entering.enrolling import Decided, EnrollRequest, enroll
from services.intake.events import Happened, KnownAlready, check_event, record_event
from services.records.places import placed
from services.records.records import Write, hold_record, update_record, upsert_record
from services.versions import load_live
from services.workflow_views import find
from store.database import Read, Row, Tx
from store.events import EventRow, find_by_external_id
from store.facts import load_facts
from store.happenings import load_event
from store.hooks import Hook, ensure_hooks, find_hook, list_hooks, renew_hook
from store.schema import load_account
from store.workflows import GONE, get_workflow


class HookView(Frozen):
    """The hook of a webhook trigger: where to call, and what to sign with."""

    trigger: str
    path: str
    secret: str
    created_at: Instant


class Delivered(Frozen):
    """What came of a call. ``is_new`` False: it was delivered before, and nothing was done.

    ``decided`` is None for such a call, and where the trigger's ``where`` does not hold.
    """

    event: EventRow
    is_new: bool
    decided: Decided | None


async def receive(tx: Tx, write: Write, token: str, call: Call, body: Json, *, starter: str | None) -> Delivered:
    """Let whoever a call is about into the workflow of its hook. ``body``: the JSON of ``call.body``.

    ``write`` says what changes of records need; its cause gives way to the event of the call.

    Raises:
        NotFound: there is no such hook (any more), or no record and the trigger makes none.
        NotAuthenticated: the call is not signed with the hook's secret, or too long ago.
        Conflict: the workflow is off.
        Invalid: the body is no object, or what it says cannot be stored; every mistake is listed.
    """
    hook = await find_hook(tx, token)
    workflow = await get_workflow(tx, hook.workflow_id) if hook else None
    if hook is None or workflow is None or workflow["slug"].startswith(GONE) or workflow["version"] is None:
        raise NoSuchAddress("there is no such hook")
    at = _verified(call, hook, now=write.now)
    definition = (await load_live(tx, workflow["id"], workflow["version"])).definition
    trigger = next((t for t in definition.entry.triggers if t.id == hook.trigger), None)
    if not isinstance(trigger, WebhookTrigger):
        raise NotFound("the workflow no longer has this hook")
    ids = delivery_ids(call, f"{workflow['id']}:{hook.trigger}", at)
    if (known := await _known(tx, ids, at)) is not None:
        return Delivered(event=known, is_new=False, decided=None)
    if not workflow["is_on"]:
        raise Conflict(f"workflow {workflow['slug']} is off; call again once it is on", code="workflow_off")
    happened = _happened(call, body, ids[0], at, now=write.now)
    try:
        # What a call did to a record is undone when it turns out to be delivered already.
        async with tx.savepoint():
            record = await _record(tx, write, definition.object, trigger, body)
            event = await record_event(tx, write, record.id, happened)
            # Now that the record is locked: the same body may have come in another stretch in the meantime.
            if await _known_beside(tx, ids, at) is not None:
                raise KnownAlready
    except KnownAlready:
        known = await _known(tx, ids, at)
        assert known is not None, "whoever used the id first has committed"
        return Delivered(event=known, is_new=False, decided=None)
    decided = await _enter(tx, write, definition, trigger, workflow, event, starter=starter)
    return Delivered(event=event, is_new=True, decided=decided)


async def make_hooks(tx: Tx, workflow_id: str, definition: Definition, *, now: datetime) -> None:
    """Give every webhook trigger of a definition that is published its hook."""
    wanted = [trigger.id for trigger in definition.entry.triggers if isinstance(trigger, WebhookTrigger)]
    await ensure_hooks(tx, workflow_id, wanted, now=now)


async def show_hooks(read: Read, slug: str) -> list[HookView]:
    """The hooks of the current version of a workflow, by trigger.

    Raises:
        NotFound: there is no such workflow.
    """
    workflow = await find(read, slug)
    if workflow["version"] is None:
        return []
    definition = (await load_live(read, workflow["id"], workflow["version"])).definition
    current = {trigger.id for trigger in definition.entry.triggers if isinstance(trigger, WebhookTrigger)}
    return [_view(hook) for hook in await list_hooks(read, workflow["id"]) if hook.trigger in current]


async def renew(tx: Tx, slug: str, trigger: str, *, now: datetime) -> HookView:
    """Give a webhook trigger another address and secret; calls of the old one are refused from then on.

    Raises:
        NotFound: there is no such workflow, or the trigger has no hook.
    """
    workflow = await find(tx, slug)
    if not await renew_hook(tx, workflow["id"], trigger, now=now):
        raise NotFound(f"trigger {trigger} of workflow {slug} has no hook")
    return next(_view(hook) for hook in await list_hooks(tx, workflow["id"]) if hook.trigger == trigger)


def _view(hook: Hook) -> HookView:
    path = f"/api/v1/hooks/{hook.token}"
    return HookView(trigger=hook.trigger, path=path, secret=hook.secret, created_at=hook.created_at)


def _verified(call: Call, hook: Hook, *, now: datetime) -> datetime:
    at = signed_at(call, hook.secret, now=now)
    if at is None:
        minutes = int(TOLERANCE.total_seconds() // 60)
        raise NotAuthenticated(f"sign the call with the hook's secret, at most {minutes} minutes ago by our clock")
    return at


async def _known(tx: Tx, ids: tuple[str, ...], at: datetime) -> EventRow | None:
    return await find_by_external_id(tx, ids[0]) or await _known_beside(tx, ids, at)


async def _known_beside(tx: Tx, ids: tuple[str, ...], at: datetime) -> EventRow | None:
    """The same delivery under another id than its own."""
    for external_id in ids[1:]:
        event = await find_by_external_id(tx, external_id)
        if event is not None and abs(event.occurred_at - at) < TOLERANCE:
            return event
    return None


def _happened(call: Call, body: Json, external_id: str, at: datetime, *, now: datetime) -> Happened:
    if call.unreadable is not None:
        message = f"the body is not valid JSON: {call.unreadable}"
        raise Invalid(message, errors=[FieldError(path="", code="not_json", message=message)])
    if not isinstance(body, dict):
        message = "the body of a hook's call is a JSON object"
        raise Invalid(message, errors=[FieldError(path="", code="wrong_type", message=message)])
    happened = Happened(name=EVENT, properties=body, occurred_at=at, external_id=external_id)
    with placed({"/properties": ""}):
        check_event(happened.model_copy(update={"name": "form.submitted", "external_id": None}), now=now)
    return happened


async def _record(tx: Tx, write: Write, object: str, trigger: WebhookTrigger, body: Json) -> StoredRecord:
    """The record the call is about, with what the call says about it."""
    ((property, pointer),) = trigger.find.items()
    value = mapped(body, {property: pointer}).get(property)
    if value is None:
        message = f"there is nothing at {pointer} to find the {object} by"
        raise Invalid(message, errors=[FieldError(path=pointer, code="missing_field", message=message)])
    properties = mapped(body, trigger.set)
    wanted = {"/value": pointer, join("/properties", property): pointer}
    with placed({**wanted, **{join("/properties", name): place for name, place in trigger.set.items()}}):
        if trigger.create:
            record, _ = await upsert_record(tx, write, object, property, value, properties)
            return record
        found = await hold_record(tx, write, object, property, value)
        if found is None:
            raise NotFound(f"there is no {object} with this {property}, and the hook makes none")
        return await update_record(tx, write, found.id, properties) if properties else found


async def _enter(
    tx: Tx,
    write: Write,
    definition: Definition,
    trigger: WebhookTrigger,
    workflow: Row,
    event: EventRow,
    *,
    starter: str | None,
) -> Decided | None:
    seen: tuple[Seen, ...] = ()
    if trigger.where is not None:
        found = await _refined(tx, write, definition, trigger.where, event)
        if found is None:
            return None
        seen = found
    request = EnrollRequest(
        workflow_id=workflow["id"],
        record_id=event.record_id,
        trigger=trigger.id,
        cause=Cause(kind="event", id=event.id),
        change_seq=event.seq,
        event_id=event.id,
        seen=seen,
        starter=starter,
    )
    return await enroll(tx, request, now=write.now)


async def _refined(
    tx: Tx, write: Write, definition: Definition, where: Condition, event: EventRow
) -> tuple[Seen, ...] | None:
    """What was seen when the trigger's ``where`` holds on the call and the record; None when it does not."""
    zone = zone_of(definition, (await load_account(tx)).timezone)
    needs = needs_of(where, event.object)
    facts = await load_facts(tx, write.schema, event.record_id, needs=needs, now=write.now, zone=zone)
    happened = await load_event(tx, event.id)
    if facts is None or happened is None:
        return None
    verdict = judge_event(where, happened, facts)
    return verdict.seen if verdict.holds else None
