"""Finds what the rows of a page name: the record of their key, the records to associate, the users who own them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.base import Json
from domain.importing import OWNER, Associate, ImportOptions, OwnerColumn, RowRead
from domain.problems import FieldError
from domain.records import StoredRecord
from domain.schema import Schema
from domain.values import unique_form
from services.associating import Link
from store.bulk import holders, users_by
from store.database import Tx
from store.ids import new_id
from store.locks import lock_records
from store.people import insert_user
from store.records import get_records

NOBODY = "users.invalid"
"""Where users without a known address have theirs: a name that is never registered (RFC 2606)."""


@dataclass(frozen=True)
class Named:
    """A row by its key's unique form and what it says."""

    key: str
    read: RowRead


@dataclass(frozen=True)
class Found:
    """A row with ids instead of texts. ``errors`` refuse it; ``left_out`` names what was not found and not needed."""

    known_id: str | None
    patch: Mapping[str, Json]
    links: tuple[Link, ...]
    errors: tuple[FieldError, ...]
    left_out: tuple[FieldError, ...]


@dataclass(frozen=True)
class PageFound:
    """All rows in order, and every record they know or link, locked unless it is a dry run."""

    rows: tuple[Found, ...]
    locked: Mapping[str, StoredRecord]


async def look_up(tx: Tx, options: ImportOptions, rows: Sequence[Named], *, schema: Schema, now: datetime) -> PageFound:
    """Look everything up for a page, each kind with one statement, and lock it in the order of ids."""
    known = await holders(tx, options.object, {options.key: {row.key for row in rows}})
    linked = await _linked(tx, rows, schema)
    ids = {*known.values(), *linked.values()}
    if options.dry_run:
        locked = {record.id: record for record in await get_records(tx, ids)}
    else:
        locked = {id: one for id, one in (await lock_records(tx, ids, write=True)).items() if one.deleted_at is None}
    owners = await _owners(tx, options, rows, now)
    found = []
    for row in rows:
        known_id = known.get((options.key, row.key))
        links, errors, left_out = _links(row, linked, locked, schema)
        patch = dict(row.read.properties)
        owner = owners.get(_asked(row.read.owner)) if row.read.owner else None
        if isinstance(owner, str):
            patch[OWNER] = owner
        elif isinstance(owner, FieldError) and row.read.owner:
            (left_out if row.read.owner[0].if_missing == "leave_out" else errors).append(owner)
        known_id = known_id if known_id in locked else None
        found.append(Found(known_id, patch, tuple(links), tuple(errors), tuple(left_out)))
    return PageFound(tuple(found), locked)


async def _linked(tx: Tx, rows: Sequence[Named], schema: Schema) -> dict[tuple[str, str, str], str]:
    wanted: dict[str, dict[str, set[str]]] = {}
    for row in rows:
        for associate, text in row.read.named:
            forms = wanted.setdefault(associate.object, {}).setdefault(associate.by, set())
            forms.add(_form(associate, text, schema))
    return {
        (object, property, form): id
        for object, values in wanted.items()
        for (property, form), id in (await holders(tx, object, values)).items()
    }


def _form(associate: Associate, text: str, schema: Schema) -> str:
    return unique_form(schema.objects[associate.object].properties[associate.by].type, text)


def _links(
    row: Named, linked: Mapping[tuple[str, str, str], str], locked: Mapping[str, StoredRecord], schema: Schema
) -> tuple[list[Link], list[FieldError], list[FieldError]]:
    links: list[Link] = []
    errors: list[FieldError] = []
    left_out: list[FieldError] = []
    for associate, text in row.read.named:
        id = linked.get((associate.object, associate.by, _form(associate, text, schema)))
        if id is not None and id in locked:
            links.append(Link(object=associate.object, id=id, label=associate.label))
            continue
        words = f"there is no {associate.object} whose {associate.by} is {text!r}"
        missing = FieldError(path=f"/associations/{associate.object}", code="unknown_record", message=words)
        (errors if associate.if_missing == "reject" else left_out).append(missing)
    return links, errors, left_out


_Asked = tuple[Literal["name", "email"], str]


def _asked(owner: tuple[OwnerColumn, str]) -> _Asked:
    rule, text = owner
    return rule.owner_by, text.lower() if rule.owner_by == "email" else text


async def _owners(
    tx: Tx, options: ImportOptions, rows: Sequence[Named], now: datetime
) -> dict[_Asked, str | FieldError | None]:
    """The user of each text: an id, what is wrong with it, or None for one a dry run would create."""
    asked = {_asked(row.read.owner): row.read.owner[0] for row in rows if row.read.owner}
    found: dict[_Asked, str | FieldError | None] = {}
    for property in ("name", "email"):
        texts = {text for by, text in asked if by == property}
        ids = await users_by(tx, property, texts)
        for text in sorted(texts):
            key: _Asked = (property, text)
            match ids.get(text, []):
                case [id]:
                    found[key] = id
                case []:
                    if asked[key].if_missing == "create":
                        found[key] = None if options.dry_run else await _created(tx, key, now)
                    else:
                        found[key] = _owner_problem("unknown_user", f"there is no user whose {property} is {text!r}")
                case several:
                    found[key] = _owner_problem("ambiguous_user", f"{len(several)} users are called {text!r}")
    return found


def _owner_problem(code: str, message: str) -> FieldError:
    return FieldError(path=f"/properties/{OWNER}", code=code, message=message)


async def _created(tx: Tx, asked: _Asked, now: datetime) -> str | FieldError:
    by, text = asked
    if by == "email":
        user = await insert_user(tx, name=text.partition("@")[0], email=text, now=now)
        return user.id if user else _owner_problem("unknown_user", f"{text!r} was taken by somebody at the same time")
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    local = re.sub(r"[^a-z0-9]+", ".", plain).strip(".")
    user = await insert_user(tx, name=text, email=f"{local}@{NOBODY}", now=now) if local else None
    user = user or await insert_user(tx, name=text, email=f"{new_id(now)}@{NOBODY}", now=now)
    assert user is not None, "ids are unique, so is an address made of one"
    return user.id
