"""What putting on lists and taking off them have in common: which list, and who."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TypeAlias

from pydantic import Field, StrictStr

from activities import writing
from activities.action import InsideContext, Outputs, Target
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import Of
from domain.errors import Conflict, NotFound, StepFailed
from domain.names import list_key
from domain.reader import similar
from store.changes import Stamp
from store.database import Tx

Move: TypeAlias = Callable[[Tx, str, str, Stamp], Awaitable[bool]]
"""Puts a record on a list, or takes it off: transaction, slug, record, stamp; False when that was so already."""


class OnListConfig(ActionConfig):
    """Which list, and who."""

    list: StrictStr = Field(title="List", description="The slug of a static list.", min_length=1)
    of: Of | None = Field(
        default=None, title="Who", description="Associated records instead of the enrolled one; may be many."
    )


def check(config: OnListConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a list that is not there, is about other records, or follows a condition."""
    yield from writing.of_findings(config.of, scope)
    object = scope.object if config.of is None else config.of.object
    about = scope.lists.get(config.list)
    if about is None:
        near = similar(config.list, [each for each, known in scope.lists.items() if known == object])
        yield Finding(path="/list", code="unknown_list", message=f"there is no list {config.list!r}{near}")
    elif about != object:
        words = f"list {config.list!r} holds records of {about}, not of {object}"
        yield Finding(path="/list", code="unknown_list", message=words)
    elif config.list in scope.dynamic_lists:
        words = f"list {config.list!r} is dynamic: its members follow its condition; name a static one"
        yield Finding(path="/list", code="wrong_value", message=words)


def reads(config: OnListConfig, scope: ConfigScope) -> Iterable[str]:
    """The list, which stays as long as the workflow needs it."""
    yield list_key(config.list)


def objects(config: OnListConfig) -> Collection[str]:
    """Associated objects that are put on it."""
    return writing.objects_of(config.of)


def target(config: OnListConfig) -> Target:
    """Who is put on it or taken off."""
    return Target(of=config.of)


async def move_all(context: InsideContext, config: OnListConfig, move: Move) -> Outputs:
    """Move everybody meant; ``moved`` is how many that changed anything for.

    Raises:
        StepSkipped: ``no_record``.
        StepFailed: ``broken_reference``, the list is gone or became one of another kind.
    """
    records = writing.records_or_skip(context, config.of)
    stamp = writing.write_of(context).stamp
    try:
        moved = [await move(context.tx, config.list, record.id, stamp) for record in records]
    except (NotFound, Conflict) as gone:
        raise StepFailed("broken_reference", str(gone)) from gone
    return {"records": len(records), "moved": sum(moved)}
