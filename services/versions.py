"""What a published version contains, parsed once per process: versions never change."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import TypeVar

from domain.conditions import Condition
from domain.definition import Definition, Step, load_definition
from domain.errors import NotFound
from domain.leaving import leaving_conditions, staying_triggers
from domain.live import with_live
from domain.plan import Plan
from domain.reading import NOTHING, Needs, needs_of
from store.database import Read
from store.live import get_live
from store.schema import load_account, load_schema
from store.workflows import get_version

K = TypeVar("K")

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
_live: OrderedDict[tuple[str, int, int], Content] = OrderedDict()


async def load_live(read: Read, workflow_id: str, version: int) -> Content:
    """The content of a version with the live values of its workflow (rule R12): what whoever is inside goes by.

    Raises:
        NotFound: there is no such version.
    """
    key = (workflow_id, version, (await load_account(read)).live_revision)
    if (known := _live.get(key)) is not None:
        _live.move_to_end(key)
        return known
    content = await load_content(read, workflow_id, version)
    live = await get_live(read, workflow_id)
    if live is not None:
        content = replace(content, definition=with_live(content.definition, live, await load_schema(read)))
    if not read.live_altered:
        _keep(_live, key, content)
    return content


async def load_content(read: Read, workflow_id: str, version: int) -> Content:
    """The content of a version as it was published, which never changes.

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
    content = content_of(load_definition(row["definition"]), Plan.model_validate(row["plan"]))
    _keep(_cache, key, content)
    return content


def content_of(definition: Definition, plan: Plan) -> Content:
    """What a version of this definition contains, be it stored or not."""
    about = _about_the_record(definition)
    return Content(
        definition=definition,
        plan=plan,
        steps=definition.steps_by_id(),
        leaving_needs=reduce(or_, (needs_of(condition, definition.object) for condition in about), NOTHING),
    )


def forget_contents() -> None:
    """Read every version anew; for whoever repaired a stored one."""
    _cache.clear()
    _live.clear()


def _keep(memory: OrderedDict[K, Content], key: K, content: Content) -> None:
    memory[key] = content
    if len(memory) > KEPT:
        memory.popitem(last=False)


def _about_the_record(definition: Definition) -> list[Condition]:
    """Every condition about the enrolled record that can end an enrollment of this version."""
    staying = [t.where for t in staying_triggers(definition) if t.object in (None, definition.object)]
    return leaving_conditions(definition) + staying
