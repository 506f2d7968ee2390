"""Merging a record into another of its type: what both knew is in one, and whoever runs goes on under it.

The survivor's values win, what it lacked comes from the other one. Enrollments of the merged record, those that are
over as well, become the survivor's with all they did; where both are in one workflow under what is now one key, the
older goes on and the newer ends. The merged record is gone like a deleted one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.base import Json
from domain.consent import ADDRESS, EMAIL_STATUS
from domain.enrollments import Enrollment
from domain.errors import Conflict, Invalid, NotFound
from domain.names import event_key, workflow_key
from domain.problems import FieldError
from domain.records import StoredRecord
from domain.schema import Schema
from domain.values import unique_form
from services.leaving.leaving import end_enrollment
from services.lists.lists import inherit_memberships
from services.records.associating import link_all
from services.records.records import Link, Write
from services.records.subscriptions import inherit_subscriptions
from store.associations import Association, list_associations
from store.candidates import triggered_keys
from store.changes import Documents, NewChange, append_change, append_changes
from store.database import Read, Tx
from store.happenings import event_names, load_events, load_memberships, load_statuses, workflows_of
from store.locks import lock_passages, lock_records
from store.merging import drop_links, move_enrollments, move_entry_keys, move_events, move_sent
from store.records import claim_unique_values, free_unique_values, replace_record
from store.subscriptions import load_states
from store.threads import move_conversations


@dataclass(frozen=True)
class Merge:
    """Two records of one type: ``gone`` is merged into ``stays``."""

    gone: StoredRecord
    stays: StoredRecord

    def moved(self, id: str) -> str:
        """The id something is known by after the merge; a key of an entry has up to two of them."""
        return ":".join(self.stays.id if part == self.gone.id else part for part in id.split(":"))


async def merge_records(tx: Tx, write: Write, object: str, record_id: str, into: str) -> StoredRecord:
    """Merge the record ``record_id`` into ``into``; answers the survivor as it is then.

    Raises:
        NotFound: one of them is missing, deleted or of another object.
        Invalid: both are the same record.
        Conflict: the record was being associated at the same time.
    """
    near = (await list_associations(tx, [record_id]))[record_id]
    locked = await lock_records(tx, [record_id, into, *(link.other_id for link in near)], write=True)
    for id in (record_id, into):
        if id not in locked or locked[id].deleted_at is not None or locked[id].object != object:
            raise NotFound(f"there is no {object} {id}")
    if record_id == into:
        words = "a record is merged into another one"
        raise Invalid(words, errors=[FieldError(path="/into", code="wrong_value", message=words)])
    links = (await list_associations(tx, [record_id]))[record_id]
    if not {link.other_id for link in links} <= set(locked):
        raise Conflict("the record is being associated by others at the same time: try again")
    merge = Merge(gone=locked[record_id], stays=locked[into])
    survivor = await _unite(tx, write, merge)
    kept = [Link(object=a.other_object, id=a.other_id, label=a.label) for a in links if a.other_id != into]
    brings = await _brings(tx, merge, links)
    await _unlink(tx, write, merge, links, locked)
    await _link(tx, write, survivor, kept, locked)
    await move_events(tx, record_id, into)
    await move_conversations(tx, record_id, into)
    await _move_entries(tx, write, merge, (link.id for link in kept))
    await inherit_memberships(tx, merge.gone, survivor, write.stamp)
    await inherit_subscriptions(tx, merge.gone, survivor, write.stamp)
    await _tell(tx, write, merge, survivor, brings)
    return survivor


async def _unite(tx: Tx, write: Write, merge: Merge) -> StoredRecord:
    """Write both records: one is gone, the other has what it lacked; its change is an update like any other."""
    gone, stays = merge.gone, merge.stays
    now = write.now
    await free_unique_values(tx, gone)
    await replace_record(
        tx, gone.model_copy(update={"version": gone.version + 1, "updated_at": now, "deleted_at": now})
    )
    # What is known of the address of the one says nothing about that of the other.
    own = {EMAIL_STATUS} if ADDRESS in stays.properties else set[str]()
    brought = {name: value for name, value in gone.properties.items() if name not in own}
    properties = {**brought, **stays.properties}
    if properties == stays.properties:
        return stays
    after = stays.model_copy(update={"properties": properties, "version": stays.version + 1, "updated_at": now})
    held = await claim_unique_values(tx, after, _taken(write.schema, stays, after))
    assert held is None, "what the merged record held was just freed"
    await replace_record(tx, after)
    documents = Documents(before=stays.properties, after=properties)
    await append_change(tx, after, "updated", write.stamp, documents=documents)
    return after


def _taken(schema: Schema, before: StoredRecord, after: StoredRecord) -> dict[str, str]:
    """The unique values the survivor takes over, in unique form."""
    known = schema.objects[after.object].properties
    gained = after.properties.keys() - before.properties.keys()
    return {name: unique_form(known[name].type, after.properties[name]) for name in gained if known[name].unique}


async def _unlink(
    tx: Tx, write: Write, merge: Merge, links: Iterable[Association], locked: Mapping[str, StoredRecord]
) -> None:
    """Drop the associations of the merged record; whoever had one has it no more, so each has a change of that."""
    await drop_links(tx, merge.gone.id)
    lost = [
        NewChange(
            locked[link.other_id],
            "dissociated",
            detail={
                "other_id": merge.gone.id,
                "other_object": merge.gone.object,
                "label": link.label,
                "merged_into": merge.stays.id,
            },
        )
        for link in sorted(links, key=lambda link: link.other_id)
    ]
    if lost:
        await append_changes(tx, lost, write.stamp)


async def _link(
    tx: Tx, write: Write, survivor: StoredRecord, links: Iterable[Link], locked: Mapping[str, StoredRecord]
) -> None:
    """Associate the survivor with what it was not associated with yet; its own labels stay."""
    own = {link.other_id for link in (await list_associations(tx, [survivor.id]))[survivor.id]}
    await link_all(tx, write.stamp, survivor, [link for link in links if link.id not in own], locked)


async def _move_entries(tx: Tx, write: Write, merge: Merge, near: Iterable[str]) -> None:
    """Let passages and what counts as entered follow; of two inside under one key the older goes on."""
    await move_entry_keys(tx, merge.gone.id, near=list(near), moved=merge.moved)
    standing: dict[tuple[str, str], Enrollment] = {}
    for enrollment in await lock_passages(tx, merge.gone.id, merge.stays.id):
        place = (enrollment.workflow_id, merge.moved(enrollment.key))
        older = standing.setdefault(place, enrollment)
        if older is not enrollment:
            detail = f"enrollment {older.id} goes on"
            await end_enrollment(tx, enrollment, "record_merged", detail=detail, now=write.now)
    await move_enrollments(tx, merge.gone.id, merge.stays.id)
    await move_sent(tx, merge.gone.id, merge.stays.id)


async def _brings(read: Read, merge: Merge, links: Iterable[Association]) -> dict[str, Json]:
    """What a condition may read that is different after the merge, for whoever runs with either record.

    Of what has no change of its own a trigger must know how it was before: which events come over, ``event_ids``, and
    what the survivor did in workflows, ``statuses``.
    """
    both = (merge.gone.id, merge.stays.id)
    lists = await load_memberships(read, both)
    states = await load_states(read, both)
    names, slugs = await event_names(read, merge.gone.id), await workflows_of(read, both)
    fired_by = await triggered_keys(read, {*map(event_key, names), *map(workflow_key, slugs)})
    events = await load_events(read, [merge.gone.id], [name for name in names if event_key(name) in fired_by])
    statuses = await load_statuses(read, merge.stays.id, [slug for slug in slugs if workflow_key(slug) in fired_by])
    return {
        "events": [*names],
        "event_ids": [event.id for group in events.values() for event in group],
        "lists": [*sorted(frozenset().union(*lists.values()))],
        "subscriptions": [*sorted(frozenset().union(*states.values()))],
        "workflows": [*slugs],
        "statuses": {slug: [*sorted(now)] for slug, now in statuses.items()},
        "other_objects": [*sorted({link.other_object for link in links})],
    }


async def _tell(tx: Tx, write: Write, merge: Merge, survivor: StoredRecord, brings: Mapping[str, Json]) -> None:
    """One change each: on the survivor, of what is different for whoever ran with the other record until now."""
    gone = merge.gone
    into: dict[str, Json] = {"into": survivor.id}
    after_gone = gone.model_copy(update={"version": gone.version + 1})
    await append_change(
        tx, after_gone, "merged", write.stamp, documents=Documents(before=gone.properties, after=None), detail=into
    )
    documents = Documents(before=gone.properties, after=survivor.properties)
    await append_change(tx, survivor, "merged", write.stamp, documents=documents, detail={"from": gone.id, **brings})
