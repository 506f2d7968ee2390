"""Workflows that set off each other in a circle (rule E9): when it is one, and how the chain reads for people."""

from __future__ import annotations

from domain.entry import Verdict
from domain.entry_words import cause_words
from domain.loops import chain_words
from domain.records import MAX_DEPTH, Cause
from store.database import Read
from store.enrollments import get_enrollment, slug_of_enrollment


async def stop_loop(read: Read, cause: Cause, workflow_id: str, slug: str, *, created: bool) -> Verdict | None:
    """The verdict that stops an entry, or None: too deep a chain, or a workflow fed by what it created itself.

    ``created``: the record, or the one that would be bound, has just been created by the cause.
    """
    if cause.depth > MAX_DEPTH:
        return Verdict(decision="loop_stopped", detail=await _chain(read, cause, slug))
    if not created or cause.kind != "enrollment" or cause.id is None:
        return None
    maker = await get_enrollment(read, cause.id)
    if maker is None or maker.workflow_id != workflow_id:
        return None
    return Verdict(decision="loop_stopped", detail=f"{slug} created the record itself, in enrollment {maker.id}")


async def _chain(read: Read, cause: Cause, slug: str) -> str:
    """The workflows from the first cause to the one that is kept from going on."""
    slugs = [slug]
    first, at = cause_words(cause.kind, cause.id), cause.id if cause.kind == "enrollment" else None
    while at is not None and len(slugs) <= cause.depth:
        found = await slug_of_enrollment(read, at)
        if found is None:
            break
        slugs.append(found["slug"])
        first = cause_words(found["cause_kind"], found["cause_id"])
        at = found["cause_id"] if found["cause_kind"] == "enrollment" else None
    return chain_words(slugs[::-1], first=first)
