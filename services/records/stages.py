"""Where records stand: which write moved them, since when, and the event of each that went from stage to stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from domain.base import Json, Properties
from domain.events import STAGE_CHANGED
from domain.pipelines import StageMove, stage_move
from domain.records import StoredRecord
from domain.schema import Schema
from store.changes import NewChange, Stamp, place_changes
from store.database import Tx
from store.events import EventRow, insert_events
from store.ids import new_id
from store.pipelines import Stand, write_stands

Moves: TypeAlias = Sequence[tuple[StoredRecord, StageMove]]


def stage_moves(schema: Schema, written: Iterable[tuple[Properties, StoredRecord]]) -> Moves:
    """Which records came into a stage or left one; each is given with its properties before."""
    found = []
    for before, after in written:
        move = stage_move(schema.objects[after.object], before, after.properties)
        if move is not None:
            found.append((after, move))
    return found


async def keep_stays(tx: Tx, moves: Moves, stamp: Stamp) -> None:
    """Note where records stand from now on, and stand no more."""
    if moves:
        stands = [Stand(record_id=record.id, pipeline=move.pipeline, stage=move.entered) for record, move in moves]
        await write_stands(tx, stands, stamp.cause, now=stamp.now)


async def tell_moves(tx: Tx, moves: Moves, stamp: Stamp) -> None:
    """Write the event of each that went from one stage to another, behind the change that moved it."""
    events = [_event(record, told, stamp) for record, move in moves if (told := move.told) is not None]
    if not events:
        return
    by_id = {record.id: record for record, _ in moves}
    detail: dict[str, Json] = {"event": STAGE_CHANGED}
    new = [NewChange(by_id[each.record_id], "event", detail=detail, event_id=each.id) for each in events]
    places = await place_changes(tx, new, stamp)
    await insert_events(tx, [each.model_copy(update={"seq": places[each.id]}) for each in events])


def _event(record: StoredRecord, told: dict[str, Json], stamp: Stamp) -> EventRow:
    return EventRow(
        id=new_id(stamp.now),
        name=STAGE_CHANGED,
        record_id=record.id,
        object=record.object,
        properties=told,
        enrollment_id=None,
        step=None,
        occurred_at=stamp.now,
        received_at=stamp.now,
        external_id=None,
        seq=0,
    )
