"""What a conversation does to the status of its ticket."""

from __future__ import annotations

from domain.base import Json
from domain.builtin import PIPELINE, STAGE
from domain.conversations import (
    TICKET,
    Author,
    Standing,
    Thread,
    stage_after_answer,
    stage_after_sent,
)
from domain.records import StoredRecord
from domain.schema import Pipeline
from services.records.records import Write, update_record
from store.database import Read, Tx
from store.pipelines import list_stays


async def move_answered(
    tx: Tx, write: Write, ticket: StoredRecord, thread: Thread, *, author: Author, by_mail: bool
) -> str | None:
    """Move a ticket, which is locked, as what was written in a thread of it says; that in words, None: it stays."""
    pipeline = pipeline_named(write, ticket.properties.get(PIPELINE))
    stage = stage_after_answer(
        pipeline,
        await _standing(tx, write, ticket),
        author=author,
        by_mail=by_mail,
        in_first_thread=thread.opened_ticket,
    )
    return await _move(tx, write, ticket, stage)


async def move_sent(tx: Tx, write: Write, ticket: StoredRecord, *, from_ticket: bool) -> str | None:
    """Move a ticket, which is locked, as a mail to its contact says; that in words, None: it stays."""
    pipeline = pipeline_named(write, ticket.properties.get(PIPELINE))
    return await _move(tx, write, ticket, stage_after_sent(pipeline, from_ticket=from_ticket))


def closed_stages(write: Write) -> frozenset[str]:
    """The closed stages of tickets, whatever the pipeline."""
    return frozenset(each.value for each in write.schema.objects[TICKET].properties[STAGE].options if each.closed)


def pipeline_named(write: Write, value: Json) -> Pipeline:
    """The ticket pipeline of this value, else the first one."""
    pipelines = write.schema.objects[TICKET].pipelines
    return next((each for each in pipelines if each.value == value), pipelines[0])


async def _standing(read: Read, write: Write, ticket: StoredRecord) -> Standing:
    closed, stage = closed_stages(write), ticket.properties.get(STAGE)
    left = (each for each in await list_stays(read, ticket.id) if each.left_at is not None)
    return Standing(
        stage=str(stage) if stage is not None else None,
        closed=closed,
        was_reopened=any(each.stage in closed for each in left),
    )


async def _move(tx: Tx, write: Write, ticket: StoredRecord, stage: str | None) -> str | None:
    was = ticket.properties.get(STAGE)
    if stage is None or stage == was:
        return None
    await update_record(tx, write, ticket.id, {STAGE: stage})
    return f"{was} → {stage}" if was is not None else f"→ {stage}"
