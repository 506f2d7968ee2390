"""What a template may read: the record, what is around it, and nothing else (definition.md, Templates).

Every known property is present, empty when unset, so that only an unknown name is a mistake. Instants and dates are
text, as stored.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from functools import lru_cache
from typing import cast

from domain.base import Frozen, Json, Properties, utc_text
from domain.conditions import Of
from domain.delays import subject_of
from domain.errors import StepSkipped
from domain.facts import Facts, RecordFacts
from domain.messages import StepCall
from domain.ports import Templates
from domain.reading import needs_objects
from domain.schema import Schema
from services.facts import read_facts
from services.installation import Installation
from services.running.inside import Inside
from services.versions import load_live
from store.database import Read
from store.enrollments import get_enrollment
from store.events import get_event
from store.people import get_user
from store.records import get_records
from store.schema import load_account
from store.visits import outputs

OTHER_ROOTS = frozenset(
    {"record", "owner", "sender", "message", "workflow", "enrollment", "event", "parameters", "steps"}
)
"""First words of variables that are no object type."""

NOBODY: dict[str, Json] = {"id": None, "name": None, "email": None}


class _Carried(dict[str, Json]):
    """What an event carries; whatever it does not carry is empty, as nobody can know what its sender will say."""

    def __missing__(self, name: str) -> Json:
        return None


class _Unpassed(dict[str, Json]):
    """Steps nobody has passed yet, whatever they are called."""

    def __missing__(self, name: str) -> Json:
        return _Carried()


class Sender(Frozen):
    """Who a message leaves from: ``{{ sender.name }}`` and ``{{ sender.address }}`` (an address or a number)."""

    name: str
    address: str


async def look_inside(
    read: Read, inst: Installation, call: StepCall, *, objects: Collection[str], through: Collection[str] = ()
) -> Inside | None:
    """What the gate would show, without locks: good enough to write a message with, never to decide with.

    ``through``: object types of which the associated records count, whatever is enrolled or bound.

    None when the enrollment ended or one of its records is gone; the gate then says which.
    """
    enrollment = await get_enrollment(read, call.enrollment_id)
    if enrollment is None or enrollment.status == "ended":
        return None
    wanted = {record_id for record_id in (enrollment.record_id, enrollment.bound_id) if record_id}
    records = {record.id: record for record in await get_records(read, wanted)}
    if len(records) < len(wanted):
        return None
    account = await load_account(read)
    content = await load_live(read, enrollment.workflow_id, enrollment.version)
    facts = await read_facts(
        read,
        account,
        content.definition,
        enrollment.record_id,
        # These two are loaded anyway, and stand for their object.
        needs=needs_objects(
            {*(set(objects) - OTHER_ROOTS - {enrollment.object, enrollment.bound_object or ""}), *through}
        ),
        enrollment=enrollment,
        now=call.now,
        known=records,
    )
    if facts is None:
        return None
    return Inside(
        enrollment=enrollment,
        content=content,
        facts=facts,
        record=records[enrollment.record_id],
        bound=records[enrollment.bound_id] if enrollment.bound_id else None,
        account=account,
    )


def record_of(inside: Inside, object: str) -> RecordFacts | None:
    """The record an object type's name means: the enrolled one, the bound one, else the latest associated one."""
    return subject_of(Of(object=object), inside.facts)


def roots_of(templates: Templates, *sources: str) -> frozenset[str]:
    """The first words of every variable some templates read: ``contact`` of ``{{ contact.first_name }}``."""
    return frozenset(root for source in sources for root in _roots(cast("Hashable", templates), source))


# Reading a template costs as much as rendering it, and the same few are asked about for every record.
@lru_cache(maxsize=2048)
def _roots(templates: Hashable, source: str) -> frozenset[str]:
    return frozenset(path[0] for path in cast("Templates", templates).check(source).variables if path)


async def load_variables(
    read: Read,
    inside: Inside,
    roots: Collection[str],
    *,
    sender: Sender | None = None,
    unsubscribe_url: str = "",
    contact: RecordFacts | None = None,
) -> dict[str, Json]:
    """The variables of templates that mention ``roots`` (``{"contact", "owner"}``); what is not mentioned is not read.

    ``sender`` is the account's mail sender when the step sends nothing itself; ``unsubscribe_url`` is empty where
    nobody can unsubscribe. ``contact``: whom a message goes to, which is who ``contact`` means in a workflow about
    records of another type.

    Raises:
        StepSkipped: ``no_record``, when a template mentions an object type there is no record of.
    """
    facts = inside.facts
    variables = {**_records(facts, roots, contact), **_about(inside)}
    sender = sender or Sender(name=inside.account.mail_from_name, address=inside.account.mail_from)
    variables["message"] = {"unsubscribe_url": unsubscribe_url}
    variables["sender"] = {"name": sender.name, "address": sender.address}
    variables["event"] = await _event(read, inside) if "event" in roots else _Carried()
    if "owner" in roots:
        variables["owner"] = await _owner(read, facts.record.properties)
    if "steps" in roots:
        variables["steps"] = await _outputs(read, inside)
    return variables


async def foresee_variables(read: Read, facts: Facts, roots: Collection[str], *, sender: Sender) -> dict[str, Json]:
    """As ``load_variables`` for a record that is in no workflow: what only a workflow knows is empty.

    Raises:
        StepSkipped: ``no_record``, when a template mentions an object type there is no record of.
    """
    variables = {**_outside(sender), **_records(facts, roots), "parameters": _Carried(facts.parameters)}
    if "owner" in roots:
        variables["owner"] = await _owner(read, facts.record.properties)
    return variables


def empty_variables(schema: Schema, sender: Sender) -> dict[str, Json]:
    """Variables about nobody: every one that may exist does, and is empty."""
    about: dict[str, Json] = {name: {"id": None, **dict.fromkeys(o.properties)} for name, o in schema.objects.items()}
    return {**_outside(sender), **about, "record": _Carried(), "owner": dict(NOBODY)}


def _outside(sender: Sender) -> dict[str, Json]:
    """What only a workflow knows, where there is none."""
    return {
        "workflow": dict.fromkeys(("name", "slug", "version")),
        "enrollment": dict.fromkeys(("id", "n", "started_at")),
        "sender": {"name": sender.name, "address": sender.address},
        "message": {"unsubscribe_url": ""},
        "event": _Carried(),
        "parameters": _Carried(),
        "steps": _Unpassed(),
    }


def _records(facts: Facts, roots: Collection[str], contact: RecordFacts | None = None) -> dict[str, Json]:
    found: dict[str, Json] = {"record": _document(facts.record, facts.schema_)}
    for object in sorted(set(roots) & set(facts.schema_.objects)):
        meant = contact if object == "contact" != facts.record.object else None
        if (record := meant or subject_of(Of(object=object), facts)) is None:
            raise StepSkipped("no_record", f"there is no {object} to write about")
        found[object] = _document(record, facts.schema_)
    return found


def _document(record: RecordFacts, schema: Schema) -> dict[str, Json]:
    known = schema.objects[record.object].properties
    return {"id": record.id, **dict.fromkeys(known), **record.properties}


def _about(inside: Inside) -> dict[str, Json]:
    enrollment, plan = inside.enrollment, inside.content.plan
    return {
        "workflow": {"name": inside.definition.name, "slug": plan.slug, "version": plan.version},
        "enrollment": {"id": enrollment.id, "n": enrollment.n, "started_at": utc_text(enrollment.started_at)},
        "parameters": {**dict.fromkeys(p.name for p in inside.definition.parameters), **enrollment.parameters},
    }


async def _owner(read: Read, properties: Properties) -> Json:
    owner_id = properties.get("owner")
    user = await get_user(read, owner_id) if isinstance(owner_id, str) else None
    return dict(NOBODY) if user is None else {"id": user.id, "name": user.name, "email": user.email}


async def _event(read: Read, inside: Inside) -> Json:
    """The event that caused entry: what it carries, and ``id``, ``name`` and ``occurred_at`` unless it carries them."""
    event_id = inside.enrollment.entry_event_id
    event = await get_event(read, event_id) if event_id is not None else None
    if event is None:
        return _Carried()
    own: dict[str, Json] = {"id": event.id, "name": event.name, "occurred_at": utc_text(event.occurred_at)}
    return _Carried(own | event.properties)


async def _outputs(read: Read, inside: Inside) -> Json:
    """Every step has an entry; a field that nothing produced yet is undefined, so that ``default:`` speaks for it."""
    produced: Mapping[str, Json] = await outputs(read, inside.enrollment)
    return {step: produced.get(step) or {} for step in inside.content.steps}
