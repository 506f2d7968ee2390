"""Markers on action config fields; validation, schema and the editor's form read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import Field

from domain.base import Json

# Plain dataclasses: a pydantic model among annotations would be taken for a schema of the field.


@dataclass(frozen=True)
class Liquid:
    """The field is a Liquid template. ``html``: values are escaped; ``line``: it becomes a header.

    ``mjml``: it is MJML, and the HTML that it becomes is the template.
    """

    html: bool = False
    line: bool = False
    mjml: bool = False


@dataclass(frozen=True)
class UserReference:
    """The field names a user by id."""


@dataclass(frozen=True)
class TeamReference:
    """The field names a team by slug."""


@dataclass(frozen=True)
class SubscriptionReference:
    """The field names a subscription type of marketing by its slug."""


@dataclass(frozen=True)
class EmailReference:
    """The field names a reusable email by slug."""


@dataclass(frozen=True)
class WorkflowReference:
    """The field names a workflow by slug; a clone that named itself names itself again."""


@dataclass(frozen=True)
class StepReference:
    """The field names another step, one that runs ``action``."""

    action: str


@dataclass(frozen=True)
class SenderName:
    """The field is the name a message comes from."""


@dataclass(frozen=True)
class EmailAddress:
    """The field is an email address."""


@dataclass(frozen=True)
class SecretReference:
    """The field names a secret of the installation."""


Marker: TypeAlias = (
    Liquid
    | UserReference
    | TeamReference
    | SubscriptionReference
    | EmailReference
    | WorkflowReference
    | StepReference
    | SenderName
    | EmailAddress
    | SecretReference
)

LiquidText: TypeAlias = Annotated[str, Liquid(), Field(json_schema_extra={"x-kind": "liquid"})]
LiquidLine: TypeAlias = Annotated[str, Liquid(line=True), Field(json_schema_extra={"x-kind": "liquid"})]
LiquidHtml: TypeAlias = Annotated[str, Liquid(html=True), Field(json_schema_extra={"x-kind": "liquid-html"})]
LiquidMjml: TypeAlias = Annotated[str, Liquid(html=True, mjml=True), Field(json_schema_extra={"x-kind": "liquid-mjml"})]
UserId: TypeAlias = Annotated[str, UserReference(), Field(json_schema_extra={"x-kind": "user"})]
TeamSlug: TypeAlias = Annotated[str, TeamReference(), Field(json_schema_extra={"x-kind": "team"})]
SubscriptionSlug: TypeAlias = Annotated[
    str, SubscriptionReference(), Field(json_schema_extra={"x-kind": "subscription"})
]
EmailSlug: TypeAlias = Annotated[str, EmailReference(), Field(json_schema_extra={"x-kind": "email"})]
WorkflowSlug: TypeAlias = Annotated[str, WorkflowReference(), Field(json_schema_extra={"x-kind": "workflow"})]
FromName: TypeAlias = Annotated[str, SenderName()]
Address: TypeAlias = Annotated[str, EmailAddress(), Field(json_schema_extra={"x-kind": "address"})]
SecretName: TypeAlias = Annotated[
    str, SecretReference(), Field(pattern=r"^[a-z][a-z0-9_]{0,62}$", json_schema_extra={"x-kind": "secret"})
]
LiquidJson: TypeAlias = Annotated[Json, Liquid(), Field(json_schema_extra={"x-kind": "liquid-json"})]
"""JSON, every text in which is a template."""
