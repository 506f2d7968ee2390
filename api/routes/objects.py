"""Object types and their properties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Admin, Inst, Reading, SetUpRead
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.loading import object_or_404
from api.routes.records import Object
from api.schemas.objects import (
    ObjectBody,
    ObjectPatch,
    Objects,
    ObjectView,
    OptionBody,
    PropertyBody,
    PropertyList,
    PropertyPatch,
    PropertyView,
    object_view,
    property_view,
)
from domain.usages import Thing
from services.auditing import audited
from services.authoring.usages import hold_unused
from services.records.schema import (
    NewOption,
    NewProperty,
    add_property,
    change_property,
    create_object_type,
    relabel_object,
    remove_property,
)
from store.database import Tx
from store.schema import load_schema

router = APIRouter(prefix="/objects", tags=["objects"], route_class=StorableRoute)

PropertyName = Annotated[str, Path(max_length=40)]


@router.get("", response_model=Objects)
async def list_objects(read: Reading, _: SetUpRead) -> Objects:
    """Every object type with its properties."""
    schema = await load_schema(read)
    return Objects(items=[object_view(each) for each in schema.objects.values()])


@router.post("", status_code=201, response_model=ObjectView)
async def create_object(body: ObjectBody, inst: Inst, caller: Admin, once: OnlyOnce) -> Response:
    """Add an object type with at least one unique property."""

    async def work(tx: Tx) -> Answer:
        properties = [_new(each) for each in body.properties]
        now = inst.clock.now()
        async with audited(tx, caller.author, "object.created", body.name, now=now):
            made = await create_object_type(tx, body.name, properties, label=body.label, now=now)
        return answer(object_view(made), 201, headers={"Location": f"/api/v1/objects/{made.name}"})

    return await once.run(work)


@router.get("/{object}", response_model=ObjectView)
async def show_object(object: Object, read: Reading, _: SetUpRead) -> ObjectView:
    """One object type."""
    return object_view(object_or_404(await load_schema(read), object))


@router.patch("/{object}", response_model=ObjectView)
async def change_object(object: Object, body: ObjectPatch, inst: Inst, caller: Admin) -> Response:
    """Give an object type another label."""
    async with (
        inst.db.transaction() as tx,
        audited(tx, caller.author, "object.changed", object, now=inst.clock.now()),
    ):
        made = await relabel_object(tx, object, body.label)
    return answer(object_view(made)).response()


@router.get("/{object}/properties", response_model=PropertyList)
async def list_properties(object: Object, read: Reading, _: SetUpRead) -> PropertyList:
    """The properties of an object type."""
    found = object_or_404(await load_schema(read), object)
    return PropertyList(items=[property_view(each) for each in found.properties.values()])


@router.post("/{object}/properties", status_code=201, response_model=PropertyView)
async def create_property(object: Object, body: PropertyBody, inst: Inst, caller: Admin, once: OnlyOnce) -> Response:
    """Add a property to an object type, built-in ones included."""

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        async with audited(tx, caller.author, "property.created", f"{object}/{body.name}", now=now):
            made = await add_property(tx, object, _new(body), now=now)
        return answer(property_view(made), 201, headers={"Location": f"/api/v1/objects/{object}/properties"})

    return await once.run(work)


@router.patch("/{object}/properties/{name}", response_model=PropertyView)
async def patch_property(
    object: Object, name: PropertyName, body: PropertyPatch, inst: Inst, caller: Admin
) -> Response:
    """Give a property another label, add options, rename or reorder known ones; options not named stay."""
    async with inst.db.transaction() as tx:
        options = _options(body.options or [])
        async with audited(tx, caller.author, "property.changed", f"{object}/{name}", now=inst.clock.now()):
            made = await change_property(tx, object, name, label=body.label, options=options)
    return answer(property_view(made)).response()


@router.delete("/{object}/properties/{name}", status_code=204, responses=refusals(404, 409))
async def delete_property(object: Object, name: PropertyName, inst: Inst, caller: Admin) -> Response:
    """Remove a property of your own that nothing uses and no record has a value of."""
    async with (
        inst.db.transaction() as tx,
        audited(tx, caller.author, "property.deleted", f"{object}/{name}", now=inst.clock.now()),
    ):
        await hold_unused(tx, inst, Thing(kind="property", object=object, name=name), what="removed")
        await remove_property(tx, object, name)
    return Response(status_code=204)


def _new(body: PropertyBody) -> NewProperty:
    return NewProperty(
        name=body.name, type=body.type, label=body.label, options=_options(body.options), unique=body.unique
    )


def _options(bodies: Sequence[OptionBody]) -> tuple[NewOption, ...]:
    return tuple(NewOption(**body.model_dump()) for body in bodies)
