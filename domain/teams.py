"""Teams: several users whom a step names together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt, StrictStr

from domain.base import Authored, Frozen, Instant

MOST_MEMBERS = 200

Weight = Annotated[StrictInt, Field(ge=1, le=100)]


class Member(Authored):
    """A user of a team, and how much they get in proportion to the others."""

    user: Annotated[StrictStr, Field(max_length=36)]
    weight: Weight = 1


class Team(Frozen):
    """A team. ``members`` in their order; an archived one is named by no new version."""

    id: str
    slug: str
    name: str
    members: tuple[Member, ...]
    archived: bool = False
    created_at: Instant
    updated_at: Instant
