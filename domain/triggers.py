"""The models of entry and exit: what lets a record into a workflow, keeps it out, and makes it leave.

Field names are the contract with everybody who writes definition files: add, never rename.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StrictBool, StrictStr

from domain.base import Authored, JsonScalar
from domain.conditions import Condition, Of

PART_ID = r"^[a-z][a-z0-9_]{0,39}$"

PartId: TypeAlias = Annotated[str, Field(pattern=PART_ID)]
"""The id of a trigger, goal, branch, case or arm; given when saved where it was left out."""


class FilterTrigger(Authored):
    """Fires when a change makes ``where`` hold that did not hold without it (rule E3).

    ``object``: in a contact workflow, the associated object whose records ``where`` is about; it is then bound.
    """

    id: PartId = ""
    on: Literal["filter"]
    object: StrictStr | None = None
    where: Condition


class EventTrigger(Authored):
    """Fires on an event of the record, or of associated records (``of``)."""

    id: PartId = ""
    on: Literal["event"]
    event: StrictStr
    where: Condition | None = None
    of: Of | None = None


class CreatedTrigger(Authored):
    """Fires on a committed creation."""

    id: PartId = ""
    on: Literal["created"]
    object: StrictStr | None = None
    where: Condition | None = None


class ChangedTrigger(Authored):
    """Fires on a committed change of a property; ``from`` and ``to`` list the values wanted, None takes any."""

    id: PartId = ""
    on: Literal["changed"]
    property: StrictStr
    from_: list[JsonScalar] | None = Field(default=None, alias="from")
    to: list[JsonScalar] | None = None
    object: StrictStr | None = None
    where: Condition | None = None


class WebhookTrigger(Authored):
    """Fires on a call of the workflow's hook; ``find`` and ``set`` map properties to JSON Pointers into the body."""

    id: PartId = ""
    on: Literal["webhook"]
    find: dict[str, StrictStr]
    create: StrictBool = False
    set: dict[str, StrictStr] = {}
    where: Condition | None = None


Trigger: TypeAlias = Annotated[
    FilterTrigger | EventTrigger | CreatedTrigger | ChangedTrigger | WebhookTrigger, Field(discriminator="on")
]


class ReEntry(Authored):
    """Whether somebody who left may enter again, and by which triggers; none listed: by hand only (rule E6)."""

    allowed: StrictBool = False
    triggers: list[StrictStr] = []


class Entry(Authored):
    """How records get in; manual and API entry are always possible."""

    triggers: list[Trigger] = []
    re_entry: ReEntry = ReEntry()
    while_active: Literal["ignore", "again"] = "ignore"
    suppress: Condition | None = None
    remove_from: Literal["none", "all"] | list[StrictStr] = "none"


class Goal(Authored):
    """What the workflow is for; reaching it ends the enrollment, or jumps to ``go_to``."""

    id: PartId = ""
    name: StrictStr = ""
    where: Condition
    go_to: StrictStr | None = None


class Exit(Authored):
    """What makes a record leave before the end (rule L1)."""

    goals: list[Goal] = []
    when: Condition | None = None
    when_entry_no_longer_holds: StrictBool = False
    stop_on_reply: StrictBool = False
