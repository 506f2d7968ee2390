"""Channels: the places where contacts reach us, adding, changing, switching off and removing them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from domain.base import Json
from domain.builtin import PIPELINE, STAGE
from domain.conversations import ADDRESSED, TICKET, Channel, ChannelKind
from domain.errors import Conflict, Invalid, NotFound
from domain.headers import address_problem
from domain.patching import unknown_users
from domain.problems import FieldError
from services.installation import Installation
from services.records.records import Write
from store import channels as rows
from store.database import Tx
from store.ids import new_id
from store.locks import lock_schema
from store.people import known_user_ids

SLUG = re.compile(r"[a-z0-9-]{1,63}")
OWN = frozenset({PIPELINE, STAGE, "subject", "source"})
"""Properties of a ticket that its channel and the conversation say."""


async def add_channel(
    tx: Tx,
    inst: Installation,
    write: Write,
    slug: str,
    kind: ChannelKind,
    *,
    name: str | None = None,
    address: str | None = None,
    pipeline: str | None = None,
    stage: str | None = None,
    opens_tickets: bool = True,
    properties: Mapping[str, Json] | None = None,
) -> Channel:
    """Connect a channel. ``pipeline`` None: the first one of tickets.

    Raises:
        Invalid: something about it; every mistake is listed.
        Conflict: there is one of this slug, or with this address.
    """
    await lock_schema(tx)
    first = write.schema.objects[TICKET].pipelines[0].value
    channel = Channel(
        id=new_id(write.now),
        slug=slug,
        kind=kind,
        name=name or address or slug,
        address=address.strip().lower() if address and kind == "email" else address,
        pipeline=pipeline or first,
        stage=stage,
        opens_tickets=opens_tickets,
        properties=dict(properties or {}),
        created_at=write.now,
    )
    await _refuse(tx, inst, write, channel)
    if not await rows.insert_channel(tx, channel):
        raise Conflict(f"there is a channel {slug}, or another one with this address, already", code="already_exists")
    return channel


async def change_channel(tx: Tx, inst: Installation, write: Write, slug: str, changes: Mapping[str, Json]) -> Channel:
    """Give a channel another name, pipeline, stage, switch or properties; kind and address stay, as mail goes there.

    Raises:
        NotFound: there is no such channel.
        Invalid: something about it; every mistake is listed.
    """
    await lock_schema(tx)
    known = await find(tx, slug)
    changed = Channel.model_validate({**known.model_dump(), **changes})
    await _refuse(tx, inst, write, changed)
    await rows.replace_channel(tx, changed)
    return changed


async def remove_channel(tx: Tx, slug: str) -> None:
    """Forget a channel that nobody wrote to.

    Raises:
        NotFound: there is no such channel.
        Conflict: there are conversations in it.
    """
    known = await find(tx, slug)
    if not await rows.delete_channel(tx, known.id):
        words = f"there are conversations in {slug}: switch it off with active: false, or opens_tickets: false"
        raise Conflict(words, code="in_use")


async def find(tx: Tx, slug: str) -> Channel:
    """The channel.

    Raises:
        NotFound: there is none of this slug.
    """
    found = await rows.find_channel(tx, slug)
    if found is None:
        raise NotFound(f"there is no channel {slug}", code="unknown_channel")
    return found


async def _refuse(tx: Tx, inst: Installation, write: Write, channel: Channel) -> None:
    mistakes = [*_named(inst, channel), *_placed(write, channel), *await _filled(tx, write, channel)]
    if mistakes:
        raise Invalid("the channel cannot be like this", errors=mistakes)


def _named(inst: Installation, channel: Channel) -> list[FieldError]:
    found = []
    if not SLUG.fullmatch(channel.slug):
        words = "a slug has up to 63 lower case letters, digits and hyphens"
        found.append(FieldError(path="/slug", code="wrong_value", message=words))
    if channel.kind not in ADDRESSED:
        if channel.address is not None:
            words = f"only {' and '.join(sorted(ADDRESSED))} channels have an address"
            found.append(FieldError(path="/address", code="wrong_value", message=words))
    elif not channel.address:
        what = "the address that contacts write to" if channel.kind == "email" else "the name of the form"
        found.append(FieldError(path="/address", code="missing_field", message=f"say {what}"))
    elif channel.kind == "email" and (no := address_problem(channel.address, inst.addresses)) is not None:
        found.append(FieldError(path="/address", code="wrong_value", message=no))
    elif channel.address == inst.reply_address.lower():
        words = "answers to messages come in at this address (REPLY_ADDRESS): use another one"
        found.append(FieldError(path="/address", code="wrong_value", message=words))
    return found


def _placed(write: Write, channel: Channel) -> list[FieldError]:
    pipelines = write.schema.objects[TICKET].pipelines
    pipeline = next((each for each in pipelines if each.value == channel.pipeline), None)
    if pipeline is None:
        words = (
            f"there is no ticket pipeline {channel.pipeline!r}; there are {_listed(each.value for each in pipelines)}"
        )
        return [FieldError(path="/pipeline", code="unknown_option", message=words)]
    if channel.stage is not None and channel.stage not in pipeline.stages:
        words = f"the pipeline {pipeline.value} has no stage {channel.stage!r}; its stages: {_listed(pipeline.stages)}"
        return [FieldError(path="/stage", code="unknown_option", message=words)]
    return []


async def _filled(tx: Tx, write: Write, channel: Channel) -> list[FieldError]:
    """Mistakes in what each ticket is to say."""
    own = [
        FieldError(path=f"/properties/{name}", code="wrong_value", message=f"the channel says the {name} itself")
        for name in sorted(OWN & channel.properties.keys())
    ]
    ticket = write.schema.objects[TICKET]
    unique = [
        FieldError(path=f"/properties/{name}", code="wrong_value", message=f"no two tickets have the same {name}")
        for name in sorted(channel.properties)
        if (known := ticket.property(name)) is not None and known.unique
    ]
    patched = write.patched(ticket, {}, channel.properties)
    users = await known_user_ids(tx, patched.users) if patched.users else frozenset[str]()
    return [*own, *unique, *patched.errors, *unknown_users(patched, users)]


def _listed(values: Iterable[str]) -> str:
    return ", ".join(values)
