"""Rows of object types, properties and the account; every alteration raises the schema's revision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import delete, insert, select, update

from domain.base import Frozen, Json
from domain.builtin import BUILTIN, PIPELINE, STAGE, first_pipeline
from domain.schema import ObjectType, Option, Pipeline, PropertyDefinition, Schema
from store.database import Read, Tx
from store.ids import new_token
from store.tables import account, object_types, pipelines, property_definitions

ACCOUNT_ID = 1

DEFAULT_ACCOUNT = {
    "id": ACCOUNT_ID,
    "name": "Followthrough",
    "timezone": "UTC",
    "default_region": "US",
    "mail_from": "hello@example.com",
    "mail_from_name": "Followthrough",
    "sms_from": "+15550100100",
    "schema_revision": 0,
    "sample_loaded_at": None,
}


class Account(Frozen):
    """What holds for the whole installation: its zone (IANA), region (ISO 3166 alpha-2), senders and
    defaults for time. ``link_key`` signs the addresses in messages; nobody is shown it.

    ``live_revision`` names the state of all live values: it is raised whenever one of them changes.
    """

    name: str
    timezone: str
    default_region: str
    mail_from: str
    mail_from_name: str
    sms_from: str
    schema_revision: int
    sample_loaded_at: datetime | None = None
    live_revision: int = 0
    window: Json = None
    pause_dates: Json = None
    holidays: Json = None
    frequency_caps: Json = None
    send_to_not_specified: bool = False
    track_opens: bool = True
    track_clicks: bool = True
    link_key: str | None = Field(default=None, repr=False)


_PIPELINES = select(pipelines).order_by(pipelines.c.object, pipelines.c.order, pipelines.c.created_at)
GET_ACCOUNT = select(account).where(account.c.id == ACCOUNT_ID)


async def load_account(read: Read) -> Account:
    """The account, read once in a transaction.

    Raises:
        LookupError: when the database was migrated but never seeded.
    """
    known = read.account
    if known is None:
        row = await read.one(GET_ACCOUNT)
        if row is None:
            raise LookupError("the database is empty: seed it once after migrating")
        known = read.account = Account(**{name: value for name, value in row.items() if name != "id"})
    assert isinstance(known, Account)
    return known


async def update_account(tx: Tx, **values: Any) -> None:
    """Set columns of the account; values are validated by the caller."""
    tx.account = None
    await tx.run(update(account).where(account.c.id == ACCOUNT_ID).values(**values))


async def load_schema(read: Read, known: Account | None = None) -> Schema:
    """All object types, remembered per revision: one small query, or none with the account just read, until altered."""
    if known is not None:
        revision = known.schema_revision
    else:
        revision = await read.scalar(select(account.c.schema_revision).where(account.c.id == ACCOUNT_ID))
    memory = read.memory
    if memory.schema is not None and memory.revision == revision and not read.schema_altered:
        return memory.schema
    schema = await _read_schema(read)
    if not read.schema_altered:
        memory.revision, memory.schema = revision, schema
    return schema


async def insert_object_type(tx: Tx, object_type: ObjectType, now: datetime) -> None:
    """Write an object type with all its properties; the name is free."""
    row = {"name": object_type.name, "label": object_type.label, "builtin": object_type.builtin, "created_at": now}
    await tx.run(insert(object_types).values(**row))
    await insert_properties(tx, object_type.name, object_type.properties.values(), now)


async def insert_properties(tx: Tx, object: str, properties: Iterable[PropertyDefinition], now: datetime) -> None:
    """Write new properties of an object type; their names are free."""
    await tx.run(insert(property_definitions), [_row(object, each, now) for each in properties])
    await raise_revision(tx)


async def replace_property(tx: Tx, object: str, property: PropertyDefinition) -> None:
    """Write label and options of a property over the stored ones; nothing else of a property can change."""
    mine = (property_definitions.c.object == object, property_definitions.c.name == property.name)
    options = [option.model_dump() for option in property.options]
    await tx.run(update(property_definitions).where(*mine).values(label=property.label, options=options))
    await raise_revision(tx)


async def delete_property(tx: Tx, object: str, name: str) -> None:
    """Forget a property that no record has a value of."""
    mine = (property_definitions.c.object == object, property_definitions.c.name == name)
    await tx.run(delete(property_definitions).where(*mine))
    await raise_revision(tx)


async def relabel_object_type(tx: Tx, object: str, label: str) -> None:
    """Give an object type another label."""
    await tx.run(update(object_types).where(object_types.c.name == object).values(label=label))
    await raise_revision(tx)


async def seed_builtin(tx: Tx, now: datetime) -> None:
    """Write the account and the built-in object types where they are missing; what is there stays as it is."""
    await tx.insert_ignore(account, [DEFAULT_ACCOUNT])
    await tx.run(update(account).where(account.c.link_key.is_(None)).values(link_key=new_token()))
    objects = [
        {"name": each.name, "label": each.label, "builtin": True, "created_at": now} for each in BUILTIN.values()
    ]
    rows = [_row(each.name, property, now) for each in BUILTIN.values() for property in each.properties.values()]
    added = await tx.insert_ignore(object_types, objects) + await tx.insert_ignore(property_definitions, rows)
    added += await _seed_pipelines(tx, now)
    if added:
        await raise_revision(tx)


async def _seed_pipelines(tx: Tx, now: datetime) -> int:
    """A pipeline of all stages for each option of the property, where an object type has none yet; how many."""
    known = {row["object"] for row in await tx.all(select(pipelines.c.object).distinct())}
    options: dict[tuple[str, str], list[dict[str, Any]]] = {
        (row["object"], row["name"]): row["options"]
        for row in await tx.all(select(property_definitions).where(property_definitions.c.name.in_((PIPELINE, STAGE))))
    }
    rows = []
    for object in BUILTIN.keys() - known:
        stages = [Option(**each) for each in options.get((object, STAGE), ())]
        for order, named in enumerate(options.get((object, PIPELINE), ()) if stages else ()):
            made = first_pipeline(stages).model_copy(update={"value": named["value"], "label": named["label"]})
            rows.append({"object": object, **made.model_dump(), "order": order, "created_at": now})
    return await tx.insert_ignore(pipelines, rows) if rows else 0


def _row(object: str, property: PropertyDefinition, now: datetime) -> dict[str, Any]:
    return {
        "object": object,
        "name": property.name,
        "type": property.type.value,
        "label": property.label,
        "options": [option.model_dump() for option in property.options],
        "unique": property.unique,
        "read_only": property.read_only,
        "builtin": property.builtin,
        "created_at": now,
    }


async def raise_revision(tx: Tx) -> None:
    """Have everybody read the schema anew, this transaction at once and the others when it commits."""
    tx.schema_altered = True
    tx.account = None
    await tx.run(update(account).values(schema_revision=account.c.schema_revision + 1))


async def _read_schema(read: Read) -> Schema:
    columns = [column for column in property_definitions.c if column.name != "created_at"]
    properties: dict[str, dict[str, PropertyDefinition]] = {}
    ordered = (property_definitions.c.object, property_definitions.c.created_at, property_definitions.c.name)
    for row in await read.all(select(*columns).order_by(*ordered)):
        definition = PropertyDefinition(**{name: value for name, value in row.items() if name != "object"})
        properties.setdefault(row["object"], {})[definition.name] = definition
    ordered_pipelines: dict[str, list[Pipeline]] = {}
    for row in await read.all(_PIPELINES):
        values = {name: row[name] for name in Pipeline.model_fields}
        ordered_pipelines.setdefault(row["object"], []).append(Pipeline(**values))
    objects = await read.all(select(object_types).order_by(object_types.c.created_at, object_types.c.name))
    return Schema(
        objects={
            row["name"]: ObjectType(
                name=row["name"],
                label=row["label"],
                builtin=row["builtin"],
                properties=properties[row["name"]],
                pipelines=tuple(ordered_pipelines.get(row["name"], ())),
            )
            for row in objects
        }
    )
