"""Requests and answers about records and their associations."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictStr

from api.answers import Shown
from domain.base import Instant, Json
from domain.records import StoredRecord

EXAMPLE_ID = "01a0c6d2-7c1e-7b5a-9a55-0d1f5ad1c001"

ObjectName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$", examples=["contact"])]
Id = Annotated[StrictStr, Field(min_length=1, max_length=36, examples=[EXAMPLE_ID])]

PROPERTIES: dict[str, Json] = {"email": "ana@example.com", "first_name": "Ana", "score": 12}


class Body(BaseModel):
    """Base of every request body: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def examples(*bodies: dict[str, Json]) -> ConfigDict:
    """The configuration of a body whose documentation shows these; the first can be sent as it is."""
    shown: list[JsonValue] = [*bodies]
    return ConfigDict(json_schema_extra={"examples": shown})


class LinkBody(Body):
    """Another record to associate with."""

    object: Annotated[StrictStr, Field(examples=["opportunity"])]
    id: Id
    label: Annotated[StrictStr | None, Field(max_length=60)] = None


class CreateRecord(Body):
    """A new record; null properties are as good as absent."""

    model_config = examples(
        {"properties": PROPERTIES},
        {"properties": PROPERTIES, "associations": [{"object": "company", "id": EXAMPLE_ID, "label": "primary"}]},
    )

    properties: Annotated[dict[str, Json], Field(max_length=500, examples=[PROPERTIES])]
    associations: Annotated[list[LinkBody], Field(max_length=100)] = []


class UpsertRecord(CreateRecord):
    """Properties to set on the record that has the unique value, or on a new one."""

    model_config = examples({"properties": {"first_name": "Ana", "lifecycle_stage": "lead"}})


class PatchRecord(Body):
    """Properties to set; null clears."""

    model_config = examples({"properties": {"stage": "Won", "lost_reason": None}})

    properties: Annotated[dict[str, Json], Field(max_length=500, examples=[{"stage": "Won", "lost_reason": None}])]


class Search(Body):
    """A condition of the definition language; absent or null: every record."""

    model_config = examples({"where": {"property": "country", "op": "is", "value": "NO"}, "limit": 50})

    where: Annotated[
        dict[str, Json] | None,
        Field(examples=[{"all": [{"property": "country", "op": "is", "value": "NO"}]}]),
    ] = None
    limit: Annotated[int, Field(strict=True, ge=1, le=200)] = 50
    cursor: Annotated[StrictStr | None, Field(max_length=400)] = None


class MergeBody(Body):
    """The record that stays."""

    model_config = examples({"into": EXAMPLE_ID})

    into: Id


class AssociateBody(Body):
    """What the association is called; optional."""

    model_config = examples({"label": "primary"})

    label: Annotated[StrictStr | None, Field(max_length=60)] = None


class LinkView(Shown):
    """An associated record."""

    object: str
    id: str
    label: str | None
    since: Instant


class RecordView(Shown):
    """A record as lists and changes answer it."""

    id: str
    object: str
    properties: dict[str, Json]
    version: int
    created_at: Instant
    updated_at: Instant


class RecordDetail(RecordView):
    """A record with what it is associated with."""

    associations: list[LinkView]


def record_view(record: StoredRecord) -> RecordView:
    """A stored record as answered."""
    return RecordView(**_fields(record))


def record_detail(record: StoredRecord, links: list[LinkView]) -> RecordDetail:
    """A stored record and its associations as answered."""
    return RecordDetail(**_fields(record), associations=links)


def _fields(record: StoredRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in RecordView.model_fields}
