"""Pages for who verifies the installation: rows beside the rows that have to be there with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, and_, exists, select, tuple_

from store.database import Read
from store.tables import effects, enrollments, messages, visits, workflows

_ITS_VISIT = and_(
    visits.c.enrollment_id == effects.c.enrollment_id,
    visits.c.step == effects.c.step,
    visits.c.n == effects.c.n,
    visits.c.turn == 0,
)

_LEDGER = (
    select(
        *(
            effects.c[name]
            for name in ("key", "enrollment_id", "step", "n", "channel", "state", "attempt", "updated_at")
        ),
        enrollments.c.ended_at,
        messages.c.id.label("message_id"),
        messages.c.status.label("message_status"),
        visits.c.entered_at.label("visited_at"),
        visits.c.outcome,
        visits.c.reason,
    )
    .join(enrollments, enrollments.c.id == effects.c.enrollment_id)
    .outerjoin(messages, messages.c.effect_key == effects.c.key)
    .outerjoin(visits, _ITS_VISIT)
)
_MESSAGES = (
    select(
        *(messages.c[name] for name in ("id", "enrollment_id", "step", "status", "effect_key")),
        enrollments.c.ended_at,
        effects.c.key,
    )
    .join(enrollments, enrollments.c.id == messages.c.enrollment_id)
    .outerjoin(effects, effects.c.key == messages.c.effect_key)
)
_PLACE = (visits.c.enrollment_id, visits.c.step, visits.c.n)
_HAS_EFFECT = exists().where(
    effects.c.enrollment_id == visits.c.enrollment_id, effects.c.step == visits.c.step, effects.c.n == visits.c.n
)
# What is not over by the ledger is told of the effect itself.
_BEARS_IT_OUT = _HAS_EFFECT.where(effects.c.state.in_(("accepted", "retry", "handed_over")))
_DONE = (
    select(*_PLACE, visits.c.workflow_id, visits.c.version, enrollments.c.ended_at, _HAS_EFFECT.label("has_effect"))
    .join(enrollments, enrollments.c.id == visits.c.enrollment_id)
    .where(visits.c.turn == 0, visits.c.kind == "action", visits.c.outcome == "done", ~_BEARS_IT_OUT)
)


async def ledger_page(read: Read, *, after: str, limit: int) -> list[RowMapping]:
    """Effects by key, each with its message, its visit and the end of its enrollment, where there are such."""
    return await read.all(_LEDGER.where(effects.c.key > after).order_by(effects.c.key).limit(limit))


async def ledger_rows(read: Read, keys: Collection[str]) -> list[RowMapping]:
    """The same for these keys."""
    return await read.all(_LEDGER.where(effects.c.key.in_(sorted(keys))))


async def messages_page(read: Read, *, after: str, limit: int) -> list[RowMapping]:
    """Messages by id, each with the ``key`` of its effect and the end of its enrollment, where there are such."""
    return await read.all(_MESSAGES.where(messages.c.id > after).order_by(messages.c.id).limit(limit))


async def message_rows(read: Read, ids: Collection[str]) -> list[RowMapping]:
    """The same for these ids."""
    return await read.all(_MESSAGES.where(messages.c.id.in_(sorted(ids))))


async def messages_of(read: Read, effect_keys: Collection[str]) -> set[str]:
    """Which of these effects have a message, whether or not they are in the ledger."""
    named = select(messages.c.effect_key).where(messages.c.effect_key.in_(sorted(effect_keys)))
    return {row["effect_key"] for row in await read.all(named)}


async def lonely_page(read: Read, *, after: tuple[str, str, int], limit: int) -> list[RowMapping]:
    """Visits of actions that are done and of which the ledger has nothing accepted, by enrollment, step and number.

    ``has_effect``: it has something of them all the same.
    """
    return await read.all(_DONE.where(tuple_(*_PLACE) > after).order_by(*_PLACE).limit(limit))


async def lonely_rows(read: Read, places: Collection[tuple[str, str, int]]) -> list[RowMapping]:
    """The same for these places."""
    return await read.all(_DONE.where(tuple_(*_PLACE).in_(sorted(places))))


async def enrollments_of_runs(read: Read, run_ids: Sequence[str]) -> dict[str, RowMapping]:
    """``id``, ``status`` and ``ended_at`` of the enrollments of these runs, by run."""
    columns = (enrollments.c.id, enrollments.c.run_id, enrollments.c.status, enrollments.c.ended_at)
    rows = await read.all(select(*columns).where(enrollments.c.run_id.in_(run_ids)))
    return {row["run_id"]: row for row in rows}


async def newest_enrollments(
    read: Read, *, before: str | None, workflow: str | None, since: datetime | None, limit: int
) -> list[RowMapping]:
    """``id``, ``run_id`` and ``ended_at`` of enrollments, the newest first, from before an id on."""
    page: Select[Any] = select(enrollments.c.id, enrollments.c.run_id, enrollments.c.ended_at)
    if before is not None:
        page = page.where(enrollments.c.id < before)
    if workflow is not None:
        page = page.join(workflows, workflows.c.id == enrollments.c.workflow_id).where(workflows.c.slug == workflow)
    if since is not None:
        page = page.where(enrollments.c.started_at >= since)
    return await read.all(page.order_by(enrollments.c.id.desc()).limit(limit))


async def settled_visits(read: Read, enrollment_id: str) -> set[tuple[str, int]]:
    """Step and number of the visits of an enrollment that came to an end."""
    over = (visits.c.enrollment_id == enrollment_id, visits.c.turn == 0, visits.c.outcome.is_not(None))
    return {(row["step"], row["n"]) for row in await read.all(select(visits.c.step, visits.c.n).where(*over))}


async def accepted_effects(read: Read, enrollment_id: str, *, since: datetime | None) -> list[RowMapping]:
    """``key``, ``step`` and ``n`` of the effects of an enrollment that were accepted, since an instant if given."""
    taken = (effects.c.enrollment_id == enrollment_id, effects.c.state == "accepted")
    found = select(effects.c.key, effects.c.step, effects.c.n).where(*taken)
    if since is not None:
        found = found.where(effects.c.updated_at > since)
    return await read.all(found.order_by(effects.c.key))
