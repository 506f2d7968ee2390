"""Puts the record, or associated ones, on a static list; its changes are those of any other joining."""

from __future__ import annotations

from activities import listing
from activities.action import Action, InsideContext, Outputs
from services.lists.lists import add_member


class AddToListConfig(listing.OnListConfig):
    """Which list, and who."""


async def run(context: InsideContext, config: AddToListConfig) -> Outputs:
    """Put them on it; who is a member already stays one."""
    return await listing.move_all(context, config, add_member)


ACTION = Action(
    name="add_to_list",
    title="Add to a list",
    description="Puts the record, or associated records, on a static list.",
    effect="inside",
    config=AddToListConfig,
    run=run,
    outcomes=(
        "done: records, how many were meant, and moved, for how many that changed anything",
        "skipped: no_record",
        "failed: broken_reference",
    ),
    check=listing.check,
    reads=listing.reads,
    objects=listing.objects,
    target=listing.target,
)
