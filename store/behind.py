"""The visits behind each number of a step.

A page is found among visits or messages alone, by an index that holds all it is found and ordered by; only its rows are
then looked up. Joining first would look up all of them to show fifty.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, RowMapping, Select, and_, literal, or_, select

from domain.base import Frozen
from store.database import Read
from store.report import NO_REASON
from store.tables import effects, enrollments, messages, visits, workflows


class Behind(Frozen):
    """Which visits a figure counts: by outcome and reason, or by the state of their message.

    ``reaction``: those whose message a person did something with, by the column that says when.
    """

    step: str
    outcome: str | None = None
    waiting: bool = False
    reason: str | None = None
    message: tuple[str, ...] = ()
    reaction: str | None = None


async def list_behind(
    read: Read, workflow_id: str, behind: Behind, *, after: Sequence[str], limit: int
) -> list[RowMapping]:
    """The visits a figure counts, each with its enrollment (prefix ``visit_`` for the visit's columns).

    Of a figure that counts messages a visit is there once for each (``message_id``, else empty). ``after``: enrollment
    id, n and message id of the last row of the page before; empty: from the newest enrollment on.
    """
    counts_messages = behind.message or behind.reaction is not None
    choose = _of_messages if counts_messages else _of_visits
    page = choose(workflow_id, behind, after, limit).subquery()
    its_visit = and_(
        visits.c.enrollment_id == page.c.enrollment_id,
        visits.c.step == behind.step,
        visits.c.n == page.c.n,
        visits.c.turn == 0,
    )
    source = (
        page.join(visits, its_visit)
        .join(enrollments, enrollments.c.id == page.c.enrollment_id)
        .join(workflows, workflows.c.id == enrollments.c.workflow_id)
    )
    shown = [visits.c[name].label(f"visit_{name}") for name in ("n", "entered_at", "left_at", "outcome", "reason")]
    return await read.all(
        select(enrollments, workflows.c.slug, page.c.message_id, *shown)
        .select_from(source)
        .order_by(page.c.enrollment_id.desc(), page.c.message_id, page.c.n)
    )


def _of_visits(workflow_id: str, behind: Behind, after: Sequence[str], limit: int) -> Select[str, int, str]:
    of = visits.c.enrollment_id
    wanted: list[ColumnElement[bool]] = [
        visits.c.workflow_id == workflow_id, visits.c.step == behind.step, visits.c.turn == 0
    ]  # fmt: skip
    if behind.waiting:
        wanted.append(visits.c.outcome.is_(None))
    elif behind.outcome is not None:
        wanted.append(visits.c.outcome == behind.outcome)
    if behind.reason is not None:
        named = visits.c.reason == behind.reason
        wanted.append(or_(named, visits.c.reason.is_(None)) if behind.reason == NO_REASON else named)
    if after:
        enrollment_id, n, _ = after
        wanted.append(or_(of < enrollment_id, and_(of == enrollment_id, visits.c.n > int(n))))
    page = select(of, visits.c.n, literal("").label("message_id")).where(*wanted)
    return page.order_by(of.desc(), visits.c.n).limit(limit)


def _of_messages(workflow_id: str, behind: Behind, after: Sequence[str], limit: int) -> Select[str, int, str]:
    """Ids of messages grow, so of one enrollment they are in the order of its visits."""
    of, id = messages.c.enrollment_id, messages.c.id
    wanted: list[ColumnElement[bool]] = [messages.c.workflow_id == workflow_id, messages.c.step == behind.step]
    if behind.message:
        wanted.append(messages.c.status.in_(behind.message))
    if behind.reaction is not None:
        wanted.append(messages.c[behind.reaction].is_not(None))
    if after:
        enrollment_id, _, message_id = after
        wanted.append(or_(of < enrollment_id, and_(of == enrollment_id, id > message_id)))
    named = select(of, id, messages.c.effect_key).where(*wanted)
    page = named.order_by(of.desc(), id).limit(limit).subquery()
    its_effect = page.join(effects, effects.c.key == page.c.effect_key)
    return select(page.c.enrollment_id, effects.c.n, page.c.id.label("message_id")).select_from(its_effect)
