"""What the audit log says of each kind of thing: its values where they are no secret, a hash where they may be one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel

from domain.audit import Kind
from domain.base import Json
from store import people
from store.channels import find_channel
from store.database import Read
from store.emails import find_current, find_email
from store.hooks import list_hooks
from store.lists import find_list
from store.live import get_live
from store.schema import load_account, load_schema
from store.secrets import show_secret
from store.subscriptions import consents_of, find_types
from store.suppressions import suppressions_of
from store.teams import find_team
from store.workflows import find_workflow

State: TypeAlias = dict[str, Json]

NOT_TOLD = {"id", "created_at", "updated_at"}
ACCOUNT_NOT_TOLD = {"link_key", "schema_revision", "live_revision"}


async def _workflow(read: Read, slug: str) -> State | None:
    """Hashes of the parts and steps of the draft: a definition may hold what webhooks authenticate with."""
    row = await find_workflow(read, slug)
    if row is None:
        return None
    live = await get_live(read, row["id"])
    draft = row["draft"] if isinstance(row["draft"], dict) else {}
    return {
        **{name: row[name] for name in ("name", "folder", "is_on", "is_paused", "version")},
        "draft": {name: _hash(part) for name, part in draft.items() if name != "steps"},
        "steps": {id: _hash(step) for id, step in _steps(draft.get("steps"))},
        "live": live.document() if live is not None else None,
        "hooks": {hook.trigger: _hash([hook.token, hook.secret]) for hook in await list_hooks(read, row["id"])},
    }


async def _email(read: Read, slug: str) -> State | None:
    email = await find_email(read, slug)
    version = await find_current(read, slug)
    if email is None:
        return None
    return {**_told(email), "content": _hash(_told(version.content)) if version is not None else None}


async def _pipeline(read: Read, subject: str) -> State | None:
    object, _, value = subject.partition("/")
    target = (await load_schema(read)).object(object)
    return next((_told(each) for each in target.pipelines if each.value == value), None) if target is not None else None


async def _object(read: Read, name: str) -> State | None:
    found = (await load_schema(read)).object(name)
    return {"label": found.label, "properties": [*sorted(found.properties)]} if found is not None else None


async def _property(read: Read, subject: str) -> State | None:
    object, _, name = subject.partition("/")
    return _told_if((await load_schema(read)).property(object, name))


async def _subscription_type(read: Read, slug: str) -> State | None:
    return _told_if((await find_types(read, [slug])).get(slug))


async def _consent(read: Read, contact_id: str) -> State | None:
    said = await consents_of(read, contact_id)
    return {
        "subscriptions": {slug: _without_cause(consent) for slug, consent in said.items()},
        "suppressed": [each.reason for each in await suppressions_of(read, contact_id)],
    }


async def _suppression(read: Read, address: str) -> State | None:
    found = await suppressions_of(read, address)
    return {each.reason: _without_cause(each) for each in found} or None


async def _key(read: Read, id: str) -> State | None:
    key = await people.get_key(read, id)
    return {**_told(key), "revoked_at": None if key.revoked_at is None else key.revoked_at.isoformat()} if key else None


async def _account(read: Read, _: str) -> State | None:
    return (await load_account(read)).model_dump(mode="json", exclude=ACCOUNT_NOT_TOLD)


async def _secret(read: Read, name: str) -> State | None:
    """That it is there, and when it was written last: of a short one a hash would tell too much."""
    found = await show_secret(read, name)
    return found.model_dump(mode="json", include={"updated_at", "previous_until"}) if found is not None else None


async def _user(read: Read, id: str) -> State | None:
    return _told_if(await people.get_user(read, id))


async def _team(read: Read, slug: str) -> State | None:
    return _told_if(await find_team(read, slug))


async def _list(read: Read, slug: str) -> State | None:
    return _told_if(await find_list(read, slug))


async def _channel(read: Read, slug: str) -> State | None:
    return _told_if(await find_channel(read, slug))


STATES: Mapping[Kind, Callable[[Read, str], Awaitable[State | None]]] = {
    "workflow": _workflow,
    "email": _email,
    "pipeline": _pipeline,
    "channel": _channel,
    "object": _object,
    "property": _property,
    "list": _list,
    "subscription_type": _subscription_type,
    "consent": _consent,
    "suppression": _suppression,
    "key": _key,
    "user": _user,
    "team": _team,
    "account": _account,
    "secret": _secret,
}
"""How each kind of thing is read by what the log calls it; None: it is not there.

A recipe has no state of its own, nor has the installation."""


def _told(model: BaseModel) -> State:
    return model.model_dump(mode="json", by_alias=True, exclude=NOT_TOLD)


def _told_if(model: BaseModel | None) -> State | None:
    return None if model is None else _told(model)


def _without_cause(model: BaseModel) -> State:
    """Who it was stands in the entry itself."""
    return model.model_dump(mode="json", include={"state", "source", "legal_basis"})


def _steps(steps: Any) -> Iterator[tuple[str, Json]]:
    """Every step of a draft with its id, those inside others included."""
    for part in steps.values() if isinstance(steps, dict) else steps if isinstance(steps, list) else ():
        if isinstance(part, dict) and "kind" in part and isinstance(part.get("id"), str):
            yield part["id"], part
        yield from _steps(part)


def _hash(value: Json) -> str:
    """Enough of a hash to tell two contents apart."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
