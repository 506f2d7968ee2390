"""Takes the record, or associated ones, off a static list; its changes are those of any other leaving."""

from __future__ import annotations

from activities import listing
from activities.action import Action, InsideContext, Outputs
from services.lists.lists import remove_member


class RemoveFromListConfig(listing.OnListConfig):
    """Which list, and who."""


async def run(context: InsideContext, config: RemoveFromListConfig) -> Outputs:
    """Take them off; who is no member is no failure."""
    return await listing.move_all(context, config, remove_member)


ACTION = Action(
    name="remove_from_list",
    title="Remove from a list",
    description="Takes the record, or associated records, off a static list.",
    effect="inside",
    config=RemoveFromListConfig,
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
