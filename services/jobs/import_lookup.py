"""Finds what the rows of a page name: the record of their key, the records to associate, the users who own them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.base import Json
from domain.importing import OWNER, Associate, ImportOptions, OwnerColumn, RowRead
from domain.problems import FieldError
from domain.records import StoredRecord
from domain.schema import Schema
from domain.values import is_held, unique_form
from services.records.associating import Link
from store.bulk import holders, users_by
from store.database import Tx
from store.ids import new_id
from store.locks import lock_records
from store.people import insert_user
from store.records import get_records

NOBODY = "users.invalid"
"""Where users without a known address have theirs: a name that is never registered (RFC 2606)."""

LOOKS = 3
"""How often a page looks for records anew when somebody moves a value to another record at the same time."""


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
    known, linked, locked = await _held(tx, options, rows, schema)
    owners = await _owners(tx, options, rows, now)
    found = []
    for row in rows:
        known_id = known.get((options.object, options.key, row.key))
        links, errors, left_out = _links(row, linked, schema)
        patch = dict(row.read.properties)
        owner = owners.get(_asked(row.read.owner)) if row.read.owner else None
        if isinstance(owner, str):
            patch[OWNER] = owner
        elif isinstance(owner, FieldError) and row.read.owner:
            (left_out if row.read.owner[0].if_missing == "leave_out" else errors).append(owner)
        found.append(Found(known_id, patch, tuple(links), tuple(errors), tuple(left_out)))
    return PageFound(tuple(found), locked)


_Holders = dict[tuple[str, str, str], str]
"""Record ids by object, unique property and unique form."""


async def _held(
    tx: Tx, options: ImportOptions, rows: Sequence[Named], schema: Schema
) -> tuple[_Holders, _Holders, dict[str, StoredRecord]]:
    """The records of the keys, those to associate, and all of them locked; looks again for one that moved meanwhile."""
    for _ in range(LOOKS):
        held = await holders(tx, options.object, {options.key: {row.key for row in rows}})
        known = {(options.object, property, form): id for (property, form), id in held.items()}
        linked = await _linked(tx, rows, schema)
        ids = {*known.values(), *linked.values()}
        found = await get_records(tx, ids) if options.dry_run else (await lock_records(tx, ids, write=True)).values()
        locked = {one.id: one for one in found if one.deleted_at is None}
        still = [_still(each, locked, schema) for each in (known, linked)]
        if still == [known, linked]:
            break
    return still[0], still[1], locked


def _still(found: _Holders, locked: Mapping[str, StoredRecord], schema: Schema) -> _Holders:
    """Those whose record holds the value now that nobody else can write it."""
    return {
        (object, property, form): id
        for (object, property, form), id in found.items()
        if id in locked
        and is_held(schema.objects[object].properties[property].type, locked[id].properties.get(property), form)
    }


async def _linked(tx: Tx, rows: Sequence[Named], schema: Schema) -> _Holders:
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


def _links(row: Named, linked: _Holders, schema: Schema) -> tuple[list[Link], list[FieldError], list[FieldError]]:
    links: list[Link] = []
    errors: list[FieldError] = []
    left_out: list[FieldError] = []
    for associate, text in row.read.named:
        id = linked.get((associate.object, associate.by, _form(associate, text, schema)))
        if id is not None:
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
                    found[key] = _several(text, several)
    return found


def _owner_problem(code: str, message: str) -> FieldError:
    return FieldError(path=f"/properties/{OWNER}", code=code, message=message)


async def _created(tx: Tx, asked: _Asked, now: datetime) -> str | FieldError:
    by, text = asked
    for name, email in _candidates(asked, now):
        user = await insert_user(tx, name=name, email=email, now=now)
        if user is not None:
            return user.id
        # Somebody has the address: another import that read the same text, or a name that only looks alike.
        match (await users_by(tx, by, {text})).get(text, []):
            case [id]:
                return id
            case [_, *_] as several:
                return _several(text, several)
    raise AssertionError("ids are unique, so is an address made of one")


def _candidates(asked: _Asked, now: datetime) -> Iterator[tuple[str, str]]:
    """Names and addresses for a new user, one of which is free; equal names meet at equal addresses."""
    by, text = asked
    if by == "email":
        yield text.partition("@")[0], text
        return
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    local = re.sub(r"[^a-z0-9]+", ".", plain).strip(".")
    for each in (local, hashlib.sha256(text.encode()).hexdigest()[:16], new_id(now)):
        if each:
            yield text, f"{each}@{NOBODY}"


def _several(text: str, ids: Sequence[str]) -> FieldError:
    return _owner_problem("ambiguous_user", f"{len(ids)} users are called {text!r}")
