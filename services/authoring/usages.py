"""Finds where something is used, and refuses to remove what is: workflows, lists, emails, channels, teams and users."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Literal, TypeAlias

from domain.base import Frozen
from domain.catalogue import Catalogue
from domain.conversations import TICKET
from domain.documents import canonical
from domain.errors import Conflict, Invalid, NotFound
from domain.events import event_name_problem
from domain.problems import FieldError
from domain.usages import Thing, Use, hints, reads_property, uses, without
from services.catalogue import load_catalogue
from services.conditions import read_condition
from services.installation import Installation
from store.channels import list_channels
from store.database import Read, Tx
from store.lists import dynamic_lists
from store.locks import lock_schema
from store.people import find_user, get_user, managed_by
from store.teams import page_teams
from store.usages import Document, documents_in_use

UserKind: TypeAlias = Literal["workflow", "list", "email", "channel", "team", "user"]
MANY = 1_000
"""More channels and teams than anybody has."""


class Usage(Frozen):
    """One place that uses a thing: of what ``kind``, called what, and where in it.

    ``version``: of a workflow; None: of its draft. ``counts``: it would go wrong now, without the thing: records enter
    there or are inside, a channel could open no ticket any more. Who is deactivated stays a member and an owner.
    """

    kind: UserKind
    slug: str
    name: str
    version: int | None = None
    counts: bool = True
    path: str = ""
    step: str | None = None
    where: str = ""


async def find_usages(read: Read, inst: Installation, thing: Thing) -> list[Usage]:
    """Every place that uses a thing, workflows first, each in the order of its document.

    Raises:
        NotFound: there is no such thing.
        Invalid: it is the name of no event.
    """
    catalogue = await load_catalogue(read, inst)
    thing = await _known(read, catalogue, thing)
    documents = await documents_in_use(read)
    found = await asyncio.to_thread(_in_workflows, documents, catalogue, thing)
    return [
        *found,
        *await _in_lists(read, catalogue, thing),
        *_in_emails(catalogue, thing),
        *await _in_channels(read, thing),
        *await _in_people(read, thing),
    ]


async def refuse_used(read: Read, inst: Installation, thing: Thing, *, what: str) -> None:
    """Keep a thing that something would miss; ``what`` is to happen to it: ``archived``.

    Raises:
        Conflict: something would go wrong without it; each is named.
    """
    found = [each for each in await find_usages(read, inst, thing) if each.counts and not _is_itself(each, thing)]
    if found:
        named = list(dict.fromkeys(f"{each.kind} {each.slug}" for each in found))
        words = f"{thing.words} is used by {', '.join(named)}: it cannot be {what} before they are changed; see /usages"
        raise Conflict(words, code="in_use")


async def hold_unused(tx: Tx, inst: Installation, thing: Thing, *, what: str) -> None:
    """The same, and nobody begins to use it before this transaction ends: who publishes waits, or was seen.

    Raises:
        Conflict: as ``refuse_used``.
    """
    await lock_schema(tx)
    await refuse_used(tx, inst, thing, what=what)


def _is_itself(usage: Usage, thing: Thing) -> bool:
    return thing.kind == usage.kind == "workflow" and usage.slug == thing.name


async def _known(read: Read, catalogue: Catalogue, thing: Thing) -> Thing:
    """The thing as definitions name it.

    Raises:
        NotFound: there is none.
        Invalid: it is the name of no event.
    """
    match thing.kind:
        case "event":
            if (words := event_name_problem(thing.name)) is not None:
                raise Invalid(words, errors=[FieldError(path="query:event", code="wrong_value", message=words)])
            return thing
        case "user":
            user = await find_user(read, thing.name) if "@" in thing.name else await get_user(read, thing.name)
            if user is None:
                raise NotFound(f"there is no user {thing.name}")
            return thing.model_copy(update={"name": user.id})
        case "property":
            known = catalogue.schema.property(thing.object, thing.name) is not None
        case "list":
            known = thing.name in catalogue.lists
        case "email":
            known = thing.name in catalogue.emails
        case "team":
            known = thing.name in catalogue.teams
        case "subscription":
            known = thing.name in catalogue.subscription_types
        case "workflow":
            known = thing.name in catalogue.workflows
        case "secret":
            known = thing.name in catalogue.secrets
    if not known:
        raise NotFound(f"there is no {thing.words}")
    return thing


def _in_workflows(documents: Sequence[Document], catalogue: Catalogue, thing: Thing) -> list[Usage]:
    texts = [json.dumps(hint, ensure_ascii=False)[1:-1] for hint in hints(catalogue, thing)]
    found = []
    for each in documents:
        written = json.dumps(each.definition, ensure_ascii=False)
        if any(text in written for text in texts):
            # As people write it: a database may keep its parts in another order.
            raw = canonical(each.definition, catalogue.actions)
            found += [_usage(each, use) for use in uses(raw, catalogue, thing)]
    return found


def _usage(document: Document, use: Use) -> Usage:
    return Usage(
        kind="workflow",
        slug=document.slug,
        name=document.name,
        version=document.version,
        counts=document.counts,
        path=use.path,
        step=use.step,
        where=use.where,
    )


async def _in_lists(read: Read, catalogue: Catalogue, thing: Thing) -> list[Usage]:
    less, found = without(catalogue, thing), []
    for each in await dynamic_lists(read):
        known = {mistake.path for mistake in _mistakes(each.condition, each.object, catalogue)}
        mistakes = [m for m in _mistakes(each.condition, each.object, less) if m.path not in known]
        found += [
            Usage(kind="list", slug=each.slug, name=each.name, path=path, where="its condition")
            for path in dict.fromkeys(mistake.path for mistake in mistakes)
        ]
    return found


def _mistakes(where: object, object: str, catalogue: Catalogue) -> Sequence[FieldError]:
    try:
        read_condition(where, object, catalogue)  # type: ignore[arg-type]
    except Invalid as no:
        return no.errors
    return ()


def _in_emails(catalogue: Catalogue, thing: Thing) -> list[Usage]:
    return [
        Usage(kind="email", slug=slug, name=slug, counts=not email.archived, where="its content")
        for slug, email in sorted(catalogue.emails.items())
        if reads_property(email.reads, thing)
    ]


async def _in_channels(read: Read, thing: Thing) -> list[Usage]:
    if thing.kind not in ("property", "user"):
        return []
    found = []
    for each in await list_channels(read, after=None, limit=MANY):
        is_named = thing.object == TICKET and thing.name in each.properties
        names = [thing.name] if is_named else [n for n, value in each.properties.items() if value == thing.name]
        found += [
            Usage(
                kind="channel",
                slug=each.slug,
                name=each.name,
                counts=thing.kind == "property",
                path=f"/properties/{name}",
                where="what it fills in",
            )
            for name in names
        ]
    return found


async def _in_people(read: Read, thing: Thing) -> list[Usage]:
    if thing.kind != "user":
        return []
    teams = [
        Usage(kind="team", slug=team.slug, name=team.name, counts=False, path=f"/members/{n}", where="its members")
        for team in await page_teams(read, after=None, limit=MANY)
        for n, member in enumerate(team.members)
        if member.user == thing.name
    ]
    managed = [
        Usage(kind="user", slug=user.id, name=user.name, counts=False, path="/manager_id", where="their manager")
        for user in await managed_by(read, thing.name)
    ]
    return [*teams, *managed]
