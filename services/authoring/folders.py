"""Folders of workflows: paths such as ``Marketing/Webinars``, which are there as long as a workflow lies in them."""

from __future__ import annotations

from datetime import datetime

from domain.base import Frozen
from domain.errors import Invalid, NotFound, PreconditionFailed
from domain.problems import FieldError
from services.installation import Installation
from services.workflow_views import WorkflowView, find, view_of
from store import workflows as rows
from store.database import Read, Tx

LONGEST = 200
TRIES = 5


class Folder(Frozen):
    """A folder: how many workflows lie in it, how many in it or below it, and how many of those are on."""

    folder: str
    workflows: int
    below: int
    on: int


async def list_folders(read: Read) -> list[Folder]:
    """Every folder, those that only hold others included, by name; workflows without one lie in the empty one."""
    counted = await rows.count_by_folder(read)
    names = {name for name, _, _ in counted} | {parent for name, _, _ in counted for parent in _parents(name)}
    return [
        Folder(
            folder=name,
            workflows=sum(count for each, count, _ in counted if each == name),
            below=sum(count for each, count, _ in counted if _is_in(each, name)),
            on=sum(on for each, _, on in counted if _is_in(each, name)),
        )
        for name in sorted(names)
    ]


async def put_into_folder(tx: Tx, inst: Installation, slug: str, folder: str, *, now: datetime) -> WorkflowView:
    """Let a workflow lie in a folder; what runs is the same.

    Raises:
        NotFound: there is no such workflow.
        Invalid: no folder can be called that.
    """
    folder = _checked(folder)
    for _ in range(TRIES):
        row = await find(tx, slug)
        if row["folder"] == folder:
            return view_of(row, inst)
        draft = {**row["draft"], "folder": folder} if isinstance(row["draft"], dict) else row["draft"]
        values = {"draft": draft, "folder": folder}
        if await rows.replace_draft(tx, row["id"], values, if_revision=row["draft_revision"], now=now):
            return view_of(await find(tx, slug), inst)
    raise PreconditionFailed(f"workflow {slug} is being edited by others at the same time: try again")


async def workflows_of_folder(read: Read, folder: str) -> dict[str, str]:
    """The workflows of a folder and those below it: slug -> the folder each lies in.

    Raises:
        NotFound: there is no such folder.
    """
    found = {slug: str((await find(read, slug))["folder"]) for slug in await rows.slugs_in_folder(read, folder)}
    if not found:
        raise NotFound(f"there is no folder {folder!r}", code="unknown_folder")
    return found


def renamed(at: str, folder: str, to: str) -> str:
    """Where what lies at ``at`` lies once ``folder`` is called ``to``."""
    return f"{_checked(to)}{at[len(folder) :]}"


def _checked(folder: str) -> str:
    parts = [part.strip() for part in folder.split("/")] if folder.strip() else []
    made = "/".join(parts)
    if not all(parts) or len(made) > LONGEST:
        words = f"a folder is a path such as Marketing/Webinars, of at most {LONGEST} characters"
        raise Invalid(words, errors=[FieldError(path="/folder", code="wrong_value", message=words)])
    return made


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def _is_in(each: str, folder: str) -> bool:
    return each == folder or (folder != "" and each.startswith(f"{folder}/"))
