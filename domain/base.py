"""The model bases of the product: what a person writes is strict, what a machine sends may grow."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

JsonScalar: TypeAlias = str | int | float | bool | None
Json: TypeAlias = JsonValue
"""A JSON value as the standard library reads it."""

Properties: TypeAlias = dict[str, Json]
"""The property document of a record: ``{"email": "ana@example.com", "score": 12}``; a null is never stored."""

Instant: TypeAlias = AwareDatetime
"""An instant; always aware, kept in UTC."""

StepId: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Authored(BaseModel):
    """Base of everything a person writes: unknown fields are errors, values are never coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Frozen(BaseModel):
    """Base of values passed between rooms."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Wire(BaseModel):
    """Base of everything that enters a Temporal history: additive; unknown fields are ignored, so old reads new."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def utc_text(at: datetime) -> str:
    """The stored form of an instant inside JSON: UTC, fixed width, so text order is time order."""
    from datetime import UTC

    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
