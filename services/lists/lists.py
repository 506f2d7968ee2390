"""Lists of records: static ones whose members are put in and taken out, dynamic ones whose members follow a condition.

A join and a leave are changes of the record, so workflows see them. The members of a dynamic list are written by the
relay (``services.lists.list_keeping``): behind a new or changed condition page by page, from then on with each change.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from pydantic import ValidationError

from domain.base import Json
from domain.conditions import Condition, load_condition
from domain.definition import SLUG
from domain.errors import Conflict, Invalid, NotFound
from domain.lists import RecordList, circle, lists_named
from domain.names import list_key, object_key, time_key
from domain.problems import FieldError
from domain.reading import keys_read
from domain.records import Cause, StoredRecord
from domain.timing import reads_time
from services.catalogue import load_catalogue
from services.conditions import as_clause, not_askable, read_condition
from services.installation import Installation
from store import lists as rows
from store.changes import Stamp, append_change, append_list_changed
from store.database import Read, Tx
from store.ids import new_id
from store.locks import lock_lists, lock_records, lock_schema
from store.schema import load_account, load_schema

STATIC, DYNAMIC = "static_list", "dynamic_list"
"""Codes of what a list of the other kind cannot do."""


async def list_or_404(read: Read, slug: str) -> RecordList:
    """The list of this slug.

    Raises:
        NotFound: there is none.
    """
    found = await rows.find_list(read, slug)
    if found is None:
        raise NotFound(f"there is no list {slug}")
    return found


async def create_list(
    tx: Tx, inst: Installation, slug: str, object: str, stamp: Stamp, *, name: str | None = None, where: Json = None
) -> RecordList:
    """Add a list; ``where`` None: a static one, without members. A dynamic one is filled behind this transaction.

    The filling triggers nobody unless the ``stamp`` wakes: who satisfied the condition all along did not join just now.

    Raises:
        Invalid: the slug, the object or the condition is wrong; every mistake is listed.
        Conflict: the slug is taken.
    """
    # One definition of a list at a time, so that two at once cannot close a circle.
    await lock_schema(tx)
    mistakes = []
    if not re.fullmatch(SLUG, slug):
        message = "a list needs a slug: 1 to 63 lower case letters, digits and hyphens"
        mistakes.append(FieldError(path="/slug", code="wrong_value", message=message))
    if (await load_schema(tx)).object(object) is None:
        mistakes.append(FieldError(path="/object", code="unknown_object", message=f"there is no object type {object}"))
    if mistakes:
        raise Invalid("the list cannot be added like this", errors=mistakes)
    now = stamp.now
    made = RecordList(
        id=new_id(now), slug=slug, name=name or slug, object=object, condition=None, revision=1, created_at=now,
        updated_at=now,
    )  # fmt: skip
    if where is not None:
        made = await _with_condition(tx, inst, made, where, now=now)
    if not await rows.insert_list(tx, made):
        raise Conflict(f"there is a list {slug} already", code="slug_taken")
    await _keep_current(tx, made, stamp)
    return made


async def change_list(
    tx: Tx, inst: Installation, slug: str, stamp: Stamp, *, name: str | None = None, where: Json = None
) -> RecordList:
    """Give a list another name or a dynamic one another condition; None keeps what it is.

    Who joins or leaves because of another condition triggers like anybody else, unless the ``stamp`` does not wake.

    Raises:
        NotFound: there is no such list.
        Conflict: a condition for a static list.
        Invalid: the condition is wrong; every mistake is listed.
    """
    await lock_schema(tx)
    known = await _locked(tx, slug, write=True)
    changed = known.model_copy(update={"name": name or known.name, "updated_at": stamp.now})
    if where is not None:
        if not known.is_dynamic:
            raise Conflict(f"list {slug} is static: its members follow no condition", code=STATIC)
        changed = await _with_condition(tx, inst, changed, where, now=stamp.now)
        if changed.condition != known.condition:
            changed = changed.model_copy(update={"revision": known.revision + 1})
    if changed == known.model_copy(update={"updated_at": stamp.now}):
        return known
    await rows.replace_list(tx, changed)
    if changed.revision != known.revision:
        await _keep_current(tx, changed, stamp)
    return changed


async def delete_list(tx: Tx, slug: str) -> None:
    """Remove a list and its memberships; no record leaves it by that, as nobody asks for it any more.

    Raises:
        NotFound: there is no such list.
        Conflict: a workflow that is on, or has somebody inside, or another list uses it; the message names them.
    """
    await lock_schema(tx)
    known = await _locked(tx, slug, write=True)
    users = [f"workflow {each}" for each in await rows.workflows_using(tx, list_key(slug))]
    users += [f"list {each.slug}" for each in await rows.lists_reading(tx, [list_key(slug)])]
    if users:
        raise Conflict(f"list {slug} is used by {', '.join(users)}; change them first", code="list_in_use")
    await rows.delete_list(tx, known.id)


async def add_member(tx: Tx, slug: str, record_id: str, stamp: Stamp) -> bool:
    """Put a record into a static list; False when it is a member already.

    Raises:
        NotFound: there is no such list, or no such record of its object type.
        Conflict: the list is dynamic.
    """
    known, record = await _static(tx, slug, record_id)
    if not await rows.insert_members(tx, [(known.id, record.id)], now=stamp.now):
        return False
    await append_change(tx, record, "list_joined", stamp, detail={"list": slug})
    return True


async def remove_member(tx: Tx, slug: str, record_id: str, stamp: Stamp) -> bool:
    """Take a record out of a static list; False when it is no member.

    Raises:
        NotFound, Conflict: as for ``add_member``.
    """
    known, record = await _static(tx, slug, record_id)
    if not await rows.delete_members(tx, known.id, [record.id]):
        return False
    await append_change(tx, record, "list_left", stamp, detail={"list": slug})
    return True


async def inherit_memberships(tx: Tx, source: StoredRecord, target: StoredRecord, stamp: Stamp) -> None:
    """Put a record on the static lists of another one that is merged into it, which is on no list any more.

    Both are locked. Dynamic lists judge the record that remains by what it has become.
    """
    for known in await rows.static_lists_of(tx, source.id):
        if await lock_lists(tx, [known.id], write=False) and await rows.insert_members(
            tx, [(known.id, target.id)], now=stamp.now
        ):
            await append_change(tx, target, "list_joined", stamp, detail={"list": known.slug})
    await rows.forget_member(tx, source.id)


async def refresh_list(tx: Tx, known: RecordList, *, now: datetime) -> bool:
    """Have a dynamic list filled anew because time passed; False when that is under way or it is static.

    Who joins or leaves by it triggers. The relay does it set-based, in pages.
    """
    if not known.is_dynamic or await rows.being_filled(tx, [known.id]):
        return False
    await append_list_changed(tx, known, Stamp(now=now, cause=Cause(kind="schedule")))
    return True


async def lists_with_time(read: Read) -> list[RecordList]:
    """Dynamic lists whose members change only because time passes."""
    return await rows.lists_reading(read, [time_key()])


async def _locked(tx: Tx, slug: str, *, write: bool) -> RecordList:
    locked = await lock_lists(tx, [(await list_or_404(tx, slug)).id], write=write)
    if not locked:
        raise NotFound(f"there is no list {slug}")
    return locked[0]


async def _static(tx: Tx, slug: str, record_id: str) -> tuple[RecordList, StoredRecord]:
    """The static list and the record of its type, both locked, records first as everywhere."""
    known = await list_or_404(tx, slug)
    if known.is_dynamic:
        raise Conflict(f"list {slug} is dynamic: its members follow its condition", code=DYNAMIC)
    record = (await lock_records(tx, [record_id], write=True)).get(record_id)
    if record is None or record.deleted_at is not None or record.object != known.object:
        raise NotFound(f"there is no {known.object} {record_id}")
    return await _locked(tx, slug, write=False), record


async def _with_condition(tx: Tx, inst: Installation, kept: RecordList, where: Json, *, now: datetime) -> RecordList:
    """The list with a condition that was examined.

    Raises:
        Invalid: it has mistakes, cannot be asked of the database, or leads back to the list itself.
    """
    catalogue = await load_catalogue(tx, inst)
    # A list that names itself is known, as that is the mistake; to any other name it is no suggestion.
    known = {slug: about for slug, about in catalogue.lists.items() if slug != kept.slug}
    if _names(where, kept.slug):
        known[kept.slug] = kept.object
    condition = read_condition(where, kept.object, replace(catalogue, lists=known))
    zone = (await load_account(tx)).timezone
    as_clause(condition, object=kept.object, schema=catalogue.schema, zone=zone, now=now)
    await _check_circle(tx, kept.slug, condition)
    assert isinstance(where, dict), "what could be read as a condition is an object"
    return kept.model_copy(update={"condition": where})


def _names(where: Json, slug: str) -> bool:
    """Whether what was written names this list anywhere; False when it cannot be read as a condition."""
    try:
        return slug in {named for _, named in lists_named(load_condition(where))}
    except ValidationError:
        return False


async def _check_circle(read: Read, slug: str, condition: Condition) -> None:
    named = {
        each.slug: frozenset(other for _, other in lists_named(load_condition(each.condition)))
        for each in await rows.dynamic_lists(read)
        if each.condition is not None
    }
    mistakes = []
    for path, other in lists_named(condition):
        if (way := circle(slug, other, named)) is not None:
            message = f"a list cannot depend on itself: {' → '.join(way)}"
            mistakes.append(FieldError(path=f"/where{path}", code="endless_loop", message=message))
    if mistakes:
        raise not_askable(mistakes)


async def _keep_current(tx: Tx, kept: RecordList, stamp: Stamp) -> None:
    """Index what the condition reads, and have it filled."""
    if kept.condition is None:
        return
    condition = load_condition(kept.condition)
    keys = {object_key(kept.object), *keys_read(condition, kept.object)}
    if reads_time(condition):
        keys.add(time_key())
    await rows.replace_list_interests(tx, kept.id, keys)
    await append_list_changed(tx, kept, stamp)
