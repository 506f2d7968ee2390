"""Requests and answers about object types and their properties."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StrictStr

from api.answers import Shown
from api.schemas.records import Body, examples
from domain.schema import ObjectType, PropertyDefinition, PropertyType

PropertyName = Annotated[StrictStr, Field(max_length=200, examples=["renewal_date"])]
Label = Annotated[StrictStr, Field(min_length=1, max_length=200)]


class OptionBody(Body):
    """One allowed value of an enum; ``closed`` marks a stage that ends the matter."""

    value: Annotated[StrictStr, Field(min_length=1, max_length=200)]
    label: Annotated[StrictStr | None, Field(min_length=1, max_length=200)] = None
    order: StrictInt | None = None
    closed: StrictBool = False


class PropertyBody(Body):
    """A new property."""

    model_config = examples({"name": "renewal_date", "type": "date", "label": "Renewal date"})

    name: PropertyName
    type: Annotated[PropertyType, Field(examples=["date"])]
    label: Label | None = None
    options: Annotated[list[OptionBody], Field(max_length=2000)] = []
    unique: StrictBool = False


class PropertyPatch(Body):
    """A new label, or options to add or rename; options not named stay."""

    model_config = examples({"label": "Tier", "options": [{"value": "tier_4", "label": "Tier 4"}]})

    label: Label | None = None
    options: Annotated[list[OptionBody], Field(max_length=2000)] | None = None


class ObjectBody(Body):
    """A new object type; at least one property must be unique."""

    model_config = examples(
        {"name": "subscription", "properties": [{"name": "number", "type": "string", "unique": True}]}
    )

    name: Annotated[StrictStr, Field(max_length=200, examples=["subscription"])]
    label: Label | None = None
    properties: Annotated[list[PropertyBody], Field(max_length=500)]


class ObjectPatch(Body):
    """A new label."""

    model_config = examples({"label": "Customer"})

    label: Label


class OptionView(Shown):
    """One allowed value."""

    value: str
    label: str
    order: int
    closed: bool


class PropertyView(Shown):
    """A property of an object type."""

    name: str
    type: PropertyType
    label: str
    options: list[OptionView]
    unique: bool
    read_only: bool
    builtin: bool


class ObjectView(Shown):
    """An object type with its properties."""

    name: str
    label: str
    builtin: bool
    properties: list[PropertyView]


class Objects(Shown):
    """All object types."""

    items: list[ObjectView]


class PropertyList(Shown):
    """All properties of an object type."""

    items: list[PropertyView]


def property_view(definition: PropertyDefinition) -> PropertyView:
    """A property as answered."""
    return PropertyView.model_validate(definition.model_dump())


def object_view(object_type: ObjectType) -> ObjectView:
    """An object type as answered."""
    return ObjectView(
        name=object_type.name,
        label=object_type.label,
        builtin=object_type.builtin,
        properties=[property_view(each) for each in object_type.properties.values()],
    )
