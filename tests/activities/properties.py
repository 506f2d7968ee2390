"""What tests of actions that write properties share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.action import Action
from domain.base import Json
from domain.builtin import BUILTIN
from domain.catalogue import ConfigScope
from domain.schema import PropertyType, Schema
from services.installation import Installation
from services.records.schema import NewOption, NewProperty, add_property
from store.records import get_record

SCOPE = ConfigScope(schema_=Schema(objects=BUILTIN), object="contact", bound_objects=("opportunity",))


def mistakes(action: Action[Any], config: Mapping[str, Json], scope: ConfigScope = SCOPE) -> list[tuple[str, str]]:
    """Paths and codes of what an action finds wrong when it is saved."""
    return [(f.path, f.code) for f in action.check(action.config.model_validate(config), scope)]


async def properties_of(inst: Installation, record_id: str) -> Mapping[str, Json]:
    """What a record holds now."""
    async with inst.db.read() as read:
        record = await get_record(read, record_id)
    assert record is not None
    return record.properties


async def give_options(inst: Installation, object: str, name: str, *options: str) -> None:
    """Add a property of several options to an object type."""
    made = tuple(NewOption(value=each) for each in options)
    new = NewProperty(name=name, type=PropertyType.MULTI_ENUM, options=made)
    async with inst.db.transaction() as tx:
        await add_property(tx, object, new, now=inst.clock.now())
