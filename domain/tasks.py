"""Tasks: what people are asked to do, and until when, as the author of a step writes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, StrictBool, Tag

from domain.base import Authored
from domain.conditions import Offset
from domain.fields import TeamSlug
from domain.steps import UntilClock, UntilDate, UntilProperty, until_kind

TaskType: TypeAlias = Literal["to_do", "call", "email", "meeting"]
Priority: TypeAlias = Literal["low", "normal", "high", "urgent"]
TaskStatus: TypeAlias = Literal["open", "done", "cancelled"]


class DueIn(Offset):
    """How long there is; ``business_days``: its days are those on which people work."""

    business_days: StrictBool = False

    @property
    def length(self) -> Offset:
        """The length alone."""
        return Offset(**{name: getattr(self, name) for name in Offset.model_fields})


def _kind(written: Any) -> str:
    kind = until_kind(written)
    return f"as {kind}" if kind in ("date", "property") else "as clock"


DueAt: TypeAlias = Annotated[
    Annotated[UntilClock, Tag("as clock")]
    | Annotated[UntilDate, Tag("as date")]
    | Annotated[UntilProperty, Tag("as property")],
    Discriminator(_kind),
]
"""The next time of day, on certain weekdays if they are named; a fixed date; a date of a record, moved."""


class ToTeam(Authored):
    """Whose turn it is among the members of a team."""

    team: TeamSlug
