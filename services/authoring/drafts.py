"""What is examined before records enter: a draft that is published or previewed, a version that is turned on."""

from __future__ import annotations

from dataclasses import dataclass

from domain.anchor_rules import past_date
from domain.base import Json
from domain.catalogue import Catalogue
from domain.compiling import compile_plan, size_warning
from domain.definition import Definition
from domain.documents import to_document
from domain.errors import Invalid
from domain.instants import local_date
from domain.plan import Plan
from domain.problems import FieldError, Problem
from domain.validation import Examined, examine
from domain.zones import zone_of
from services.catalogue import load_catalogue
from services.installation import Installation
from store import workflows as rows
from store.database import Read, Row
from store.schema import load_account


@dataclass(frozen=True)
class Prepared:
    """A draft without problems. ``version``: the number it has, or would have; ``is_current``: it has it already."""

    definition: Definition
    document: Json
    catalogue: Catalogue
    plan: Plan
    version: int
    is_current: bool
    warnings: tuple[Problem, ...]


async def prepare(read: Read, inst: Installation, workflow: Row) -> Prepared:
    """Examine the stored draft of a workflow and compile it.

    Raises:
        Invalid: the draft has problems; ``errors`` lists them all.
    """
    catalogue = await load_catalogue(read, inst)
    definition = _flawless(examine(workflow["draft"], catalogue), workflow["slug"], "published")
    number = (workflow["version"] or 0) + 1
    plan = compile_plan(definition, catalogue, workflow_id=workflow["id"], version=number)
    document = to_document(definition, inst.actions)
    is_current = await _is_current(read, workflow, document, plan)
    version = workflow["version"] if is_current else number
    return Prepared(
        definition=definition,
        document=document,
        catalogue=catalogue,
        plan=plan.model_copy(update={"version": version}),
        version=version,
        is_current=is_current,
        warnings=await warnings_of(read, inst, definition, size_warning(plan)),
    )


async def warnings_of(
    read: Read, inst: Installation, definition: Definition, *others: Problem | None
) -> tuple[Problem, ...]:
    """What keeps nobody from anything, but is seldom meant."""
    zone = zone_of(definition, (await load_account(read)).timezone)
    found = [*others, past_date(definition, local_date(inst.clock.now(), zone))]
    return tuple(each for each in found if each is not None)


async def examine_current(read: Read, inst: Installation, workflow: Row) -> None:
    """Examine the current version of a workflow again, before it is turned on.

    Raises:
        Invalid: what it names was removed since it was published; ``errors`` lists every problem.
    """
    document = await current_document(read, workflow)
    _flawless(examine(document, await load_catalogue(read, inst)), workflow["slug"], "turned on")


async def current_document(read: Read, workflow: Row) -> Json:
    """The definition of the current version; None before the first."""
    if workflow["version"] is None:
        return None
    row = await rows.get_version(read, workflow["id"], workflow["version"])
    return row["definition"] if row is not None else None


def as_errors(problems: tuple[Problem, ...] | list[Problem]) -> list[FieldError]:
    """Problems as an error lists them."""
    return [FieldError(path=p.path, code=p.code, message=p.message) for p in problems]


def _flawless(examined: Examined, slug: str, to_be: str) -> Definition:
    if examined.problems or examined.definition is None:
        count = len(examined.problems)
        message = f"workflow {slug} cannot be {to_be}: {count} problem{'s' if count != 1 else ''}"
        raise Invalid(message, errors=as_errors(examined.problems))
    return examined.definition


async def _is_current(read: Read, workflow: Row, document: Json, plan: Plan) -> bool:
    """Whether publishing would only repeat the current version."""
    if workflow["version"] is None:
        return False
    row = await rows.get_version(read, workflow["id"], workflow["version"])
    if row is None or row["definition"] != document:
        return False
    return Plan.model_validate(row["plan"]) == plan.model_copy(update={"version": workflow["version"]})
