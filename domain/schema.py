"""Object types and their properties: what a record may hold and how conditions read it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from domain.base import Frozen


class PropertyType(StrEnum):
    """The closed list of property types."""

    STRING = "string"
    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"
    ENUM = "enum"
    MULTI_ENUM = "multi_enum"
    PHONE = "phone"
    EMAIL = "email"
    USER = "user"


class Option(Frozen):
    """One allowed value of an enum; ``order`` ranks them, ``closed`` marks a pipeline stage that ends the matter."""

    value: str
    label: str
    order: int = 0
    closed: bool = False


class StatusRule(Frozen):
    """A switch, and the stage that records go to while it is on."""

    on: bool = False
    stage: str | None = None


class StatusFromEmail(Frozen):
    """Where a ticket goes when a colleague mailed its contact (``sent``), or the contact answered (``replied``)."""

    sent: StatusRule = StatusRule()
    replied: StatusRule = StatusRule()


class Pipeline(Frozen):
    """An order of stages, by their values as options of the property ``stage``; ``order`` ranks the pipelines.

    ``sets_close_date``: a record that comes into a closed stage gets its close date. ``status_from_email`` concerns
    tickets.
    """

    value: str
    label: str
    order: int = 0
    stages: tuple[str, ...] = ()
    sets_close_date: bool = True
    status_from_email: StatusFromEmail = StatusFromEmail()


class PropertyDefinition(Frozen):
    """One property of an object type."""

    name: str
    type: PropertyType
    label: str
    options: tuple[Option, ...] = ()
    unique: bool = False
    read_only: bool = False
    builtin: bool = False

    def option(self, value: str) -> Option | None:
        """The option with this value, compared exactly."""
        return next((option for option in self.options if option.value == value), None)


class ObjectType(Frozen):
    """An object type with its properties; ``created_at`` and ``updated_at`` (read-only datetimes) are among them.

    ``pipelines``: in their order; the first is that of records which name none. Empty: its records have no stages.
    """

    name: str
    label: str
    builtin: bool
    properties: dict[str, PropertyDefinition]
    pipelines: tuple[Pipeline, ...] = ()

    def property(self, name: str) -> PropertyDefinition | None:
        """The property of this name, or None."""
        return self.properties.get(name)


class Schema(Frozen):
    """All object types of an installation, by name."""

    objects: dict[str, ObjectType]

    def object(self, name: str) -> ObjectType | None:
        """The object type of this name, or None."""
        return self.objects.get(name)

    def property(self, object: str, name: str) -> PropertyDefinition | None:
        """The property ``name`` of ``object``, or None when either is unknown."""
        found = self.objects.get(object)
        return found.properties.get(name) if found else None

    def types(self, object: str) -> Mapping[str, PropertyType]:
        """The property types of one object; empty when unknown."""
        found = self.objects.get(object)
        return {name: p.type for name, p in found.properties.items()} if found else {}
