"""Markers on action config fields; validation, schema and the editor's form read them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from domain.base import Frozen


class Liquid(Frozen):
    """The field is a Liquid template; ``html`` says whether values are escaped."""

    html: bool = False


class UserReference(Frozen):
    """The field names a user by id."""


LiquidText: TypeAlias = Annotated[str, Liquid(), Field(json_schema_extra={"x-kind": "liquid"})]
LiquidHtml: TypeAlias = Annotated[str, Liquid(html=True), Field(json_schema_extra={"x-kind": "liquid-html"})]
UserId: TypeAlias = Annotated[str, UserReference(), Field(json_schema_extra={"x-kind": "user"})]
