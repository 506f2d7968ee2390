"""What a published version contains, parsed once per process: versions never change."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import reduce
from operator import or_

from domain.conditions import Condition
from domain.definition import Definition, Step, load_definition
from domain.errors import NotFound
from domain.leaving import leaving_conditions, staying_triggers
from domain.plan import Plan
from domain.reading import NOTHING, Needs, needs_of
from store.database import Read
from store.workflows import get_version

KEPT = 256
"""Versions kept in memory; the least recently used goes first."""


@dataclass(frozen=True)
class Content:
    """A version ready for judging. ``leaving_needs``: what reasons to leave read."""

    definition: Definition
    plan: Plan
    steps: dict[str, Step]
    leaving_needs: Needs


_cache: OrderedDict[tuple[str, int], Content] = OrderedDict()


async def load_content(read: Read, workflow_id: str, version: int) -> Content:
    """The content of a version.

    Raises:
        NotFound: there is no such version.
    """
    key = (workflow_id, version)
    if (known := _cache.get(key)) is not None:
        _cache.move_to_end(key)
        return known
    row = await get_version(read, workflow_id, version)
    if row is None:
        raise NotFound(f"workflow {workflow_id} has no version {version}")
    definition = load_definition(row["definition"])
    content = Content(
        definition=definition,
        plan=Plan.model_validate(row["plan"]),
        steps=definition.steps_by_id(),
        leaving_needs=reduce(or_, (needs_of(c, definition.object) for c in _about_the_record(definition)), NOTHING),
    )
    _cache[key] = content
    if len(_cache) > KEPT:
        _cache.popitem(last=False)
    return content


def forget_contents() -> None:
    """Read every version anew; for whoever repaired a stored one."""
    _cache.clear()


def _about_the_record(definition: Definition) -> list[Condition]:
    """Every condition about the enrolled record that can end an enrollment of this version."""
    staying = [t.where for t in staying_triggers(definition) if t.object in (None, definition.object)]
    return leaving_conditions(definition) + staying
