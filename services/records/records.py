"""The only writers of records: every write locks first, and leaves its change row in the same transaction.

Nothing here commits; the caller's transaction does, so several writes can be one fact.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.base import Json, Properties
from domain.errors import Conflict, Invalid, NotFound, PreconditionFailed
from domain.patching import Patched, apply_patch, not_unique, unknown_users
from domain.ports import Addresses
from domain.problems import FieldError
from domain.records import Cause, StoredRecord
from domain.schema import ObjectType, PropertyDefinition, Schema
from domain.values import ValueProblem, is_held, normalise, unique_form
from services.installation import Installation
from services.leaving.leaving import end_all_of_record
from services.records.associating import Link, associate, check_links, dissociate, link_all
from services.records.stages import keep_stays, stage_moves, tell_moves
from store.associations import list_associations
from store.changes import Documents, Stamp, append_change
from store.database import Tx
from store.enrollments import ids_bound_to
from store.ids import new_id
from store.lists import forget_member
from store.locks import lock_records
from store.people import known_user_ids
from store.records import claim_unique_values, find_by_unique, free_unique_values, insert_record, replace_record
from store.schema import load_account, load_schema
from store.subscriptions import forget_consents

__all__ = [
    "Link", "Write", "associate", "begin_write", "create_record", "delete_record", "dissociate", "hold_record",
    "update_record", "upsert_record",
]  # fmt: skip

UPSERT_TRIES = 3
"""How often an upsert looks again when somebody creates, deletes or renames the same record at the same time."""


@dataclass(frozen=True, kw_only=True)
class Write:
    """What every write of records needs to know; ``wake`` False keeps triggers and waits from looking at it.

    ``zone``: the account's, in which what happens now has a date.
    """

    schema: Schema
    addresses: Addresses
    now: datetime
    zone: str
    cause: Cause
    wake: bool = True

    @property
    def stamp(self) -> Stamp:
        """How the changes of this write are marked."""
        return Stamp(now=self.now, cause=self.cause, wake=self.wake)

    def patched(self, object_type: ObjectType, before: Properties, patch: Mapping[str, Json]) -> Patched:
        """What a patch makes of a record of this type."""
        return apply_patch(object_type, before, patch, addresses=self.addresses, now=self.now, zone=self.zone)


async def begin_write(tx: Tx, inst: Installation, cause: Cause, *, wake: bool = True) -> Write:
    """What every write of this transaction needs to know, as of now."""
    account = await load_account(tx)
    return Write(
        schema=await load_schema(tx, account),
        addresses=inst.addresses,
        now=inst.clock.now(),
        zone=account.timezone,
        cause=cause,
        wake=wake,
    )


async def create_record(
    tx: Tx, write: Write, object: str, properties: Mapping[str, Json], associations: Sequence[Link] = ()
) -> StoredRecord:
    """Write a new record and associate it.

    Raises:
        NotFound: there is no such object type.
        Invalid: a property or an association is wrong; every mistake is listed.
        Conflict: another record has a unique value; the property is named.
    """
    patched = write.patched(_object(write.schema, object), {}, properties)
    others = await lock_records(tx, [link.id for link in associations], write=True)
    await _refuse(tx, patched, check_links(object, associations, others))
    record = StoredRecord(
        id=new_id(write.now),
        object=object,
        properties=patched.properties,
        version=1,
        created_at=write.now,
        updated_at=write.now,
    )
    await insert_record(tx, record)
    await _claim(tx, record, patched)
    await keep_stays(tx, stage_moves(write.schema, [({}, record)]), write.stamp)
    await append_change(tx, record, "created", write.stamp, documents=Documents(before=None, after=record.properties))
    await link_all(tx, write.stamp, record, associations, others, created=True)
    return record


async def update_record(
    tx: Tx, write: Write, record_id: str, patch: Mapping[str, Json], *, if_version: int | None = None
) -> StoredRecord:
    """Set properties, null clears; a patch that changes nothing leaves version and changes as they are.

    Raises:
        NotFound: missing or deleted.
        PreconditionFailed: ``if_version`` is not the version stored.
        Invalid: a property is wrong; every mistake is listed.
        Conflict: another record has a unique value; the property is named.
    """
    before = (await lock_records(tx, [record_id], write=True)).get(record_id)
    if before is None or before.deleted_at is not None:
        raise NotFound(f"there is no record {record_id}")
    if if_version is not None and if_version != before.version:
        raise PreconditionFailed(f"the record is at version {before.version}, not {if_version}: read it again")
    patched = write.patched(_object(write.schema, before.object), before.properties, patch)
    await _refuse(tx, patched)
    if patched.properties == before.properties:
        return before
    after = before.model_copy(
        update={"properties": patched.properties, "version": before.version + 1, "updated_at": write.now}
    )
    if patched.freed:
        await free_unique_values(tx, after, patched.freed)
    await _claim(tx, after, patched)
    await replace_record(tx, after)
    moves = stage_moves(write.schema, [(before.properties, after)])
    await keep_stays(tx, moves, write.stamp)
    documents = Documents(before=before.properties, after=after.properties)
    await append_change(tx, after, "updated", write.stamp, documents=documents)
    await tell_moves(tx, moves, write.stamp)
    return after


async def upsert_record(
    tx: Tx,
    write: Write,
    object: str,
    property: str,
    value: Json,
    properties: Mapping[str, Json],
    associations: Sequence[Link] = (),
) -> tuple[StoredRecord, bool]:
    """Update the record whose unique ``property`` is ``value``, or create it; True when it was created.

    Raises:
        NotFound, Invalid, Conflict: as ``create_record`` and ``update_record``; also Invalid when ``property`` is
            not unique or ``value`` is none of its values.
    """
    wanted = _wanted(write, object, property, value)
    for _ in range(UPSERT_TRIES):
        known = await find_by_unique(tx, object, property, wanted.form)
        if known is not None:
            try:
                return await _update_linked(tx, write, known, wanted, properties, associations), False
            except _Gone:
                continue
        try:
            async with tx.savepoint():
                made = await create_record(tx, write, object, {property: value, **properties}, associations)
            return made, True
        except Conflict:
            if await find_by_unique(tx, object, property, wanted.form) is None:
                raise
    raise Conflict(f"the {object} is being created and deleted by others at the same time: try again")


async def hold_record(
    tx: Tx, write: Write, object: str, property: str, value: Json, *, also: Collection[str] = ()
) -> StoredRecord | None:
    """The record whose unique ``property`` is ``value``, locked for writing, or None.

    Found and then locked, it may have given the value up in between: who has it under the lock is meant. ``also``: ids
    of other records the caller will lock, as all have to be locked at once.

    Raises:
        NotFound: there is no such object type.
        Invalid: ``property`` is not unique or ``value`` is none of its values.
        Conflict: the value goes from record to record at the same time.
    """
    wanted = _wanted(write, object, property, value)
    for _ in range(UPSERT_TRIES):
        known = await find_by_unique(tx, object, property, wanted.form)
        if known is None:
            return None
        held = (await lock_records(tx, [known.id, *also], write=True)).get(known.id)
        if held is not None and held.deleted_at is None and wanted.is_of(held):
            return held
    raise Conflict(f"the {object} is being created and deleted by others at the same time: try again")


@dataclass(frozen=True)
class _Wanted:
    """The unique value a record is looked for by."""

    definition: PropertyDefinition
    form: str

    def is_of(self, record: StoredRecord) -> bool:
        return is_held(self.definition.type, record.properties.get(self.definition.name), self.form)


def _wanted(write: Write, object: str, property: str, value: Json) -> _Wanted:
    definition = _object(write.schema, object).property(property)
    if definition is None or not definition.unique:
        words = f"{object} has no unique property {property}"
        raise Invalid(words, errors=[FieldError(path="/property", code="unknown_property", message=words)])
    try:
        stored = normalise(definition, value, addresses=write.addresses)
        if stored is None:
            raise ValueProblem("missing_field", f"{property} needs a value to be found by")
    except ValueProblem as problem:
        error = FieldError(path="/value", code=problem.code, message=str(problem))
        raise Invalid(error.message, errors=[error]) from None
    return _Wanted(definition, unique_form(definition.type, stored))


async def delete_record(tx: Tx, write: Write, record_id: str) -> None:
    """Delete a record: it is not found any more, its unique values are free, its enrollments end (rule L6).

    Raises:
        NotFound: missing or deleted before.
        Conflict: others keep entering workflows about it at the same time.
    """
    before = await _lock_for_good(tx, record_id)
    if before is None or before.deleted_at is not None:
        raise NotFound(f"there is no record {record_id}")
    gone = before.model_copy(update={"version": before.version + 1, "updated_at": write.now, "deleted_at": write.now})
    await end_all_of_record(tx, record_id, now=write.now)
    await free_unique_values(tx, gone)
    await forget_member(tx, record_id)
    await forget_consents(tx, record_id)
    await replace_record(tx, gone)
    # Whoever asks for the absence of such a record is found by what it was associated with.
    linked = (await list_associations(tx, [record_id]))[record_id]
    others: list[Json] = [*sorted({link.other_object for link in linked})]
    documents = Documents(before=before.properties, after=None)
    await append_change(tx, gone, "deleted", write.stamp, documents=documents, detail={"other_objects": others})


async def _lock_for_good(tx: Tx, record_id: str) -> StoredRecord | None:
    """Lock a record for writing, and everybody whose enrollment is bound to it: that ends too, and they are told."""
    about = await ids_bound_to(tx, record_id)
    for _ in range(UPSERT_TRIES):
        locked = await lock_records(tx, [record_id, *about], write=[record_id])
        about = await ids_bound_to(tx, record_id)
        if locked.keys() >= about:
            return locked.get(record_id)
    raise Conflict("others keep entering workflows about the record at the same time: try again")


class _Gone(Exception):
    """The record was deleted, or got another unique value, between being found and being locked."""


async def _update_linked(
    tx: Tx, write: Write, known: StoredRecord, wanted: _Wanted, patch: Mapping[str, Json], links: Sequence[Link]
) -> StoredRecord:
    # All locks at once, in order: the update alone would take its own before lower ids of the associated.
    locked = await lock_records(tx, [known.id, *(link.id for link in links)], write=True)
    now = locked.get(known.id)
    if now is None or now.deleted_at is not None or not wanted.is_of(now):
        raise _Gone
    mistakes = check_links(known.object, links, locked)
    if mistakes:
        raise Invalid("the record cannot be associated as asked", errors=mistakes)
    record = await update_record(tx, write, known.id, patch)
    await link_all(tx, write.stamp, record, links, locked)
    return record


def _object(schema: Schema, object: str) -> ObjectType:
    found = schema.object(object)
    if found is None:
        raise NotFound(f"there is no object type {object}", code="unknown_object")
    return found


async def _refuse(tx: Tx, patched: Patched, more: Sequence[FieldError] = ()) -> None:
    errors = [*patched.errors, *more]
    if patched.users:
        errors += unknown_users(patched, await known_user_ids(tx, patched.users))
    if errors:
        raise Invalid("the record cannot be stored like this", errors=errors)


async def _claim(tx: Tx, record: StoredRecord, patched: Patched) -> None:
    held = await claim_unique_values(tx, record, patched.taken)
    if held is not None:
        error = not_unique(record.object, held)
        raise Conflict(error.message, code=error.code, errors=[error])
