"""Requests and answers about lists."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StrictStr

from api.answers import Shown
from api.schemas.records import Body, examples
from domain.base import Instant, Json

Name = Annotated[StrictStr, Field(min_length=1, max_length=200)]
Where = Annotated[
    dict[str, Json] | None, Field(examples=[{"property": "lifecycle_stage", "op": "is", "value": "customer"}])
]


class ListBody(Body):
    """A new list; with ``where`` dynamic, without static. ``wake``: who is on it from the start triggers workflows."""

    model_config = examples(
        {
            "slug": "customers",
            "name": "Customers",
            "object": "contact",
            "where": {"property": "lifecycle_stage", "op": "is", "value": "customer"},
        },
        {"slug": "guests", "object": "contact"},
    )

    slug: Annotated[StrictStr, Field(max_length=200, examples=["customers"])]
    name: Name | None = None
    object: Annotated[StrictStr, Field(max_length=200, examples=["contact"])]
    where: Where = None
    wake: StrictBool = False


class ListPatch(Body):
    """Another name, or for a dynamic list another condition. ``wake``: who joins or leaves by it triggers workflows."""

    model_config = examples({"name": "All customers"})

    name: Name | None = None
    where: Where = None
    wake: StrictBool = True


class ListView(Shown):
    """A list. ``where`` is null for a static one; ``is_filling``: its members are still being brought in line."""

    slug: str
    name: str
    object: str
    where: dict[str, Json] | None
    members: int
    is_filling: bool
    created_at: Instant
    updated_at: Instant
