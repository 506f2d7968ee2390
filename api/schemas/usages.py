"""Answers about where something is used."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from api.answers import Shown
from services.authoring.usages import Usage, UserKind

EvenIfUsed = Annotated[bool, Query(description="Do it although workflows name it.")]


class UsageView(Shown):
    """One place that uses it. ``version`` of a workflow, null: of its draft; ``path`` is a JSON Pointer into it.

    ``counts``: it would go wrong now without the thing, as records enter there, or are inside.
    """

    kind: UserKind
    slug: str
    name: str
    version: int | None
    counts: bool
    path: str
    step: str | None
    where: str


class Usages(Shown):
    """Every place that uses a thing."""

    items: list[UsageView]


def usage_view(usage: Usage) -> UsageView:
    """A place as it is shown."""
    return UsageView(**usage.model_dump())
