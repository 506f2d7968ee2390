"""Keeps the members of dynamic lists current: by each change of what their conditions read, never by scanning.

Three callers, one rule: whoever joins or leaves gets a change of its own, written after its record is locked, with the
cause of what made it so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from itertools import groupby
from operator import or_

from domain.conditions import load_condition
from domain.facts import Facts
from domain.judging import judge
from domain.lists import RecordList
from domain.reading import NOTHING, Needs, needs_of
from domain.records import Change, StoredRecord
from domain.touches import keys_touched
from services.conditions import as_clause
from services.leaving.reasons import as_of
from store.associations import associated_ids
from store.changes import NewChange, Stamp, append_changes
from store.database import Tx
from store.facts import load_facts
from store.lists import (
    delete_members,
    get_list,
    ids_joining,
    ids_leaving,
    insert_members,
    lists_reading,
    memberships,
)
from store.locks import lock_lists, lock_records
from store.schema import load_account, load_schema

LEAVING, JOINING = "leaving/", "joining/"


async def keep_lists(tx: Tx, change: Change, *, after: str, limit: int, now: datetime) -> str | None:
    """Judge one page of records for the lists a change concerns, from a place on.

    Answers the place behind it; None when there was nobody left, and nothing was locked then.
    """
    concerned = sorted(await lists_reading(tx, keys_touched(change)), key=lambda each: each.object)
    object_after, _, subject_after = after.partition(":")
    for object, group in groupby(concerned, key=lambda each: each.object):
        if object < object_after:
            continue
        start, lists = subject_after if object == object_after else "", list(group)
        subjects = await _subjects(tx, change, lists, object, after=start, limit=limit)
        if subjects:
            await _judge_again(tx, change, lists, subjects, now=now)
            return f"{object}:{subjects[-1]}"
    return None


async def fill_page(tx: Tx, change: Change, *, after: str, limit: int, now: datetime) -> str | None:
    """Bring one page of members in line with a list's condition, set-based; first who leaves, then who joins.

    Answers the place to go on from, or None when the list is filled, gone, or has another condition by now.
    """
    kept = await get_list(tx, change.record_id)
    if kept is None or kept.revision != change.record_version or kept.condition is None:
        return None
    account = await load_account(tx)
    condition, schema = load_condition(kept.condition), await load_schema(tx, account)
    where = as_clause(condition, object=kept.object, schema=schema, zone=account.timezone, now=now)
    phase, find = (JOINING, ids_joining) if after.startswith(JOINING) else (LEAVING, ids_leaving)
    found = await find(tx, kept, where, after=after.removeprefix(phase), limit=limit)
    records = await lock_records(tx, found, write=True)
    if [kept] != await lock_lists(tx, [kept.id], write=False):
        return None
    # Asked again under the locks: until then anybody may have changed.
    still = [(kept, records[i]) for i in await find(tx, kept, where, among=found, limit=limit)]
    if phase == LEAVING:
        await _write(tx, change, joined=[], left=still, now=now)
    else:
        await _write(tx, change, joined=still, left=[], now=now)
    if len(found) == limit:
        return f"{phase}{found[-1]}"
    return JOINING if phase == LEAVING else None


async def _subjects(
    tx: Tx, change: Change, lists: Sequence[RecordList], object: str, *, after: str, limit: int
) -> list[str]:
    """Ids of records whose membership the change may concern, ascending, behind ``after``."""
    own = object == change.object
    found = [change.record_id] if own and change.kind != "deleted" and change.record_id > after else []
    # Own types may be associated with themselves.
    if not own or any(change.object in _needs(each).objects for each in lists):
        found += await associated_ids(tx, change.record_id, object, after=after, limit=limit)
    return sorted(set(found))[:limit]


async def _judge_again(
    tx: Tx, change: Change, concerned: Sequence[RecordList], subjects: Sequence[str], *, now: datetime
) -> None:
    records = await lock_records(tx, subjects, write=True)
    # Read again under the lock: whoever changes a condition waits for this, or its members are filled after this.
    lists = await lock_lists(tx, [each.id for each in concerned], write=False)
    members = await memberships(tx, [each.id for each in lists], subjects)
    joined: list[tuple[RecordList, StoredRecord]] = []
    left: list[tuple[RecordList, StoredRecord]] = []
    for record in records.values():
        facts = await _facts(tx, change, lists, record, now=now)
        if facts is None:
            continue
        for kept in lists:
            assert kept.condition is not None, "only dynamic lists are found by what they read"
            holds = judge(load_condition(kept.condition), facts).holds
            if holds != ((kept.id, record.id) in members):
                (joined if holds else left).append((kept, record))
    await _write(tx, change, joined=joined, left=left, now=now)


async def _facts(
    tx: Tx, change: Change, lists: Sequence[RecordList], record: StoredRecord, *, now: datetime
) -> Facts | None:
    """The facts as of the change; None for a record that is deleted."""
    account = await load_account(tx)
    facts = await load_facts(
        tx,
        await load_schema(tx, account),
        record.id,
        needs=reduce(or_, (_needs(kept) for kept in lists), NOTHING),
        now=now,
        zone=account.timezone,
        known={record.id: record},
    )
    return as_of(facts, change) if facts is not None else None


def _needs(kept: RecordList) -> Needs:
    assert kept.condition is not None, "only dynamic lists are judged"
    return needs_of(load_condition(kept.condition), kept.object)


async def _write(
    tx: Tx,
    change: Change,
    *,
    joined: Sequence[tuple[RecordList, StoredRecord]],
    left: Sequence[tuple[RecordList, StoredRecord]],
    now: datetime,
) -> None:
    """Write memberships of locked records, and a change of the record for each, caused by what caused ``change``."""
    await insert_members(tx, [(kept.id, record.id) for kept, record in joined], now=now)
    for kept, group in groupby(sorted(left, key=lambda each: each[0].id), key=lambda each: each[0]):
        await delete_members(tx, kept.id, [record.id for _, record in group])
    new = [NewChange(record, "list_joined", detail={"list": kept.slug}) for kept, record in joined]
    new += [NewChange(record, "list_left", detail={"list": kept.slug}) for kept, record in left]
    await append_changes(tx, new, Stamp(now=now, cause=change.cause, wake=change.wake))
