"""Requests and answers about folders of workflows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictStr

from api.answers import Shown
from api.schemas.records import Body, examples
from services.authoring.folders import Folder

Name = Annotated[StrictStr, Field(max_length=200, examples=["Marketing/Webinars"])]


class FolderBody(Body):
    """The folder a workflow is to lie in; empty: none."""

    model_config = examples({"folder": "Marketing/Webinars"})

    folder: Name


class RenameBody(Body):
    """A folder, and what it is to be called; those below it go along."""

    model_config = examples({"folder": "Marketing", "to": "Growth"})

    folder: Annotated[StrictStr, Field(min_length=1, max_length=200)]
    to: Name


class FolderView(Shown):
    """A folder. ``below`` counts the workflows in it and below it, ``on`` those of them that let records in."""

    folder: str
    workflows: int
    below: int
    on: int


class Folders(Shown):
    """Folders by name."""

    items: list[FolderView]


class Renamed(Shown):
    """The workflows that lie elsewhere now, by slug."""

    workflows: list[str]


def folder_view(folder: Folder) -> FolderView:
    """A folder as it is shown."""
    return FolderView(**folder.model_dump())
