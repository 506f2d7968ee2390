"""Markers on action config fields; validation, schema and the editor's form read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import Field

# Plain dataclasses: a pydantic model among annotations would be taken for a schema of the field.


@dataclass(frozen=True)
class Liquid:
    """The field is a Liquid template; ``html`` says whether values are escaped."""

    html: bool = False


@dataclass(frozen=True)
class UserReference:
    """The field names a user by id."""


@dataclass(frozen=True)
class SubscriptionReference:
    """The field names a subscription type of marketing by its slug."""


LiquidText: TypeAlias = Annotated[str, Liquid(), Field(json_schema_extra={"x-kind": "liquid"})]
LiquidHtml: TypeAlias = Annotated[str, Liquid(html=True), Field(json_schema_extra={"x-kind": "liquid-html"})]
UserId: TypeAlias = Annotated[str, UserReference(), Field(json_schema_extra={"x-kind": "user"})]
SubscriptionSlug: TypeAlias = Annotated[
    str, SubscriptionReference(), Field(json_schema_extra={"x-kind": "subscription"})
]
