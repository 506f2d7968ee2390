"""Writes many records at a time by the rules of ``services.records.records``, with one statement for all of them.

First a plan is made, which only reads, then it is stored; a dry run stops in between.

The caller has locked every record that is known or linked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from domain.base import Json
from domain.patching import Patched, not_unique, unknown_users
from domain.problems import FieldError
from domain.records import StoredRecord
from domain.schema import ObjectType
from services.records.associating import Link, check_links, link_all
from services.records.records import Write
from services.records.stages import keep_stays, stage_moves, tell_moves
from store.bulk import holders, insert_pairs, insert_records, insert_unique_values, labels_between, replace_records
from store.changes import Documents, NewChange, append_changes
from store.database import Read, Tx
from store.ids import new_id
from store.people import known_user_ids
from store.records import free_unique_values

Fate: TypeAlias = Literal["created", "updated", "unchanged", "refused"]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A record as it should be. ``known_id`` None creates it; ``patch`` and ``links`` as for ``update_record``."""

    known_id: str | None
    patch: Mapping[str, Json]
    links: Sequence[Link] = ()


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What becomes of a draft. ``left_out`` are the mistakes that cost a property and not the record."""

    fate: Fate
    record: StoredRecord | None = None
    before: StoredRecord | None = None
    patched: Patched | None = None
    links: tuple[Link, ...] = ()
    errors: tuple[FieldError, ...] = ()
    left_out: tuple[FieldError, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """Drafts of one object type. ``locked`` has every record a draft knows or links; ``leave_out`` drops bad values."""

    object_type: ObjectType
    drafts: Sequence[Draft]
    locked: Mapping[str, StoredRecord]
    leave_out: bool = False


@dataclass
class _Facts:
    """What is stored already, and what earlier drafts of the same bulk take."""

    users: frozenset[str]
    holders: dict[tuple[str, str], str]
    labels: dict[tuple[str, str], str | None]


async def plan_records(read: Read, write: Write, bulk: Bulk) -> list[Planned]:
    """Decide about each draft, in order; a unique value goes to the first draft that wants it. Writes nothing."""
    patches = [_patch(write, bulk, draft) for draft in bulk.drafts]
    taken: dict[str, set[str]] = {}
    for patched, _ in patches:
        for property, form in patched.taken.items():
            taken.setdefault(property, set()).add(form)
    users = {id for patched, _ in patches for id in patched.users}
    facts = _Facts(
        users=await known_user_ids(read, users) if users else frozenset(),
        holders=await holders(read, bulk.object_type.name, taken),
        labels=await labels_between(read, {d.known_id for d in bulk.drafts if d.known_id and d.links}),
    )
    return [
        _decide(write, bulk, facts, draft, patched, left_out)
        for draft, (patched, left_out) in zip(bulk.drafts, patches, strict=True)
    ]


async def store_records(tx: Tx, write: Write, plan: Sequence[Planned], locked: Mapping[str, StoredRecord]) -> None:
    """Write what was planned, in the same transaction, with a change for each record and each end of an association."""
    changed = [one for one in plan if one.fate in ("created", "updated")]
    for one in changed:
        if one.record and one.patched and one.patched.freed:
            await free_unique_values(tx, one.record, one.patched.freed)
    await insert_records(tx, [one.record for one in changed if one.record and one.fate == "created"])
    await replace_records(tx, [one.record for one in changed if one.record and _is_rewritten(one)])
    befores = [one.before.properties if one.before else {} for one in changed]
    moves = stage_moves(write.schema, [(b, one.record) for b, one in zip(befores, changed, strict=True) if one.record])
    await keep_stays(tx, moves, write.stamp)
    await insert_unique_values(tx, [(one.record, one.patched.taken) for one in changed if one.record and one.patched])
    await append_changes(tx, [change for one in changed if (change := _change(one)) is not None], write.stamp)
    await tell_moves(tx, moves, write.stamp)
    current = {**locked, **{one.record.id: one.record for one in changed if one.record}}
    await _store_links(tx, write, changed, current)


def _patch(write: Write, bulk: Bulk, draft: Draft) -> tuple[Patched, tuple[FieldError, ...]]:
    known = bulk.locked.get(draft.known_id) if draft.known_id else None
    before = known.properties if known else {}
    patched = write.patched(bulk.object_type, before, draft.patch)
    if not patched.errors or not bulk.leave_out:
        return patched, ()
    bad = {error.path for error in patched.errors}
    good = {name: value for name, value in draft.patch.items() if f"/properties/{name}" not in bad}
    return write.patched(bulk.object_type, before, good), patched.errors


def _decide(
    write: Write, bulk: Bulk, facts: _Facts, draft: Draft, patched: Patched, left_out: tuple[FieldError, ...]
) -> Planned:
    known = bulk.locked.get(draft.known_id) if draft.known_id else None
    errors = [*patched.errors, *unknown_users(patched, facts.users)]
    id = known.id if known else new_id(write.now)
    for property, form in patched.taken.items():
        if facts.holders.get((property, form), id) != id:
            errors.append(not_unique(bulk.object_type.name, property))
    errors += check_links(bulk.object_type.name, draft.links, bulk.locked, own_id=known.id if known else None)
    if errors:
        return Planned(fate="refused", errors=tuple(errors))
    facts.holders |= dict.fromkeys(patched.taken.items(), id)
    record, fate = _record(write, bulk, id, known, patched)
    links = tuple(link for link in draft.links if _is_news(facts, id, link))
    return Planned(
        fate="updated" if links and fate == "unchanged" else fate,
        record=record,
        before=known,
        patched=patched,
        links=links,
        left_out=left_out,
    )


def _record(
    write: Write, bulk: Bulk, id: str, known: StoredRecord | None, patched: Patched
) -> tuple[StoredRecord, Literal["created", "updated", "unchanged"]]:
    now, properties = write.now, patched.properties
    if known is None:
        name = bulk.object_type.name
        made = StoredRecord(id=id, object=name, properties=properties, version=1, created_at=now, updated_at=now)
        return made, "created"
    if properties == known.properties:
        return known, "unchanged"
    values = {"properties": properties, "version": known.version + 1, "updated_at": now}
    return known.model_copy(update=values), "updated"


def _is_news(facts: _Facts, id: str, link: Link) -> bool:
    # No label asks for an association of whatever label, so that importing again does not take labels away.
    if (id, link.id) not in facts.labels:
        return True
    return link.label is not None and facts.labels[id, link.id] != link.label


def _is_rewritten(one: Planned) -> bool:
    return one.before is not None and one.record is not None and one.record.version != one.before.version


def _change(one: Planned) -> NewChange | None:
    if one.record is None:
        return None
    if one.before is None:
        return NewChange(one.record, "created", documents=Documents(before=None, after=one.record.properties))
    if not _is_rewritten(one):
        return None
    documents = Documents(before=one.before.properties, after=one.record.properties)
    return NewChange(one.record, "updated", documents=documents)


async def _store_links(tx: Tx, write: Write, changed: Sequence[Planned], current: Mapping[str, StoredRecord]) -> None:
    linked = [one for one in changed if one.record and one.links]
    existing = await labels_between(tx, {one.record.id for one in linked if one.record and one.before})
    pairs: list[tuple[StoredRecord, StoredRecord, str | None]] = []
    for one in linked:
        assert one.record is not None
        renamed = [link for link in one.links if (one.record.id, link.id) in existing]
        await link_all(tx, write.stamp, one.record, renamed, current)
        new = [link for link in one.links if (one.record.id, link.id) not in existing]
        pairs += [(one.record, current[link.id], link.label) for link in new]
    await insert_pairs(tx, pairs, now=write.now)
    created = {one.record.id for one in linked if one.record and one.before is None}
    told = [
        NewChange(a, "associated", detail=_link_detail(b, label, one.id if one.id in created else None))
        for one, other, label in pairs
        for a, b in sorted(((one, other), (other, one)), key=lambda sides: sides[0].id)
    ]
    await append_changes(tx, told, write.stamp)


def _link_detail(other: StoredRecord, label: str | None, created_id: str | None) -> dict[str, Json]:
    """What a new association says; ``created_id``: it came with the creation of that record."""
    detail: dict[str, Json] = {"other_id": other.id, "other_object": other.object, "label": label}
    return detail if created_id is None else {**detail, "created_id": created_id}
