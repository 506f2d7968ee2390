"""Edits of a draft as it was written: one step in it, or all of it under another name.

A draft may hold any mistake, so nothing is expected of it but that a step is an object with an ``id`` in a list of
steps. The order in which things were written stays.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from domain.base import Json
from domain.catalogue import ActionSpec
from domain.configs import workflow_fields
from domain.errors import Conflict, NotFound

Draft: TypeAlias = Mapping[str, Json]

LISTS = ("steps", "otherwise", "matched", "timed_out")
"""Where steps stand, in a definition or in a part of it."""
WAYS = ("branches", "cases", "arms")
"""Parts of a step that have steps of their own."""


def with_step(draft: Draft, step_id: str, values: Mapping[str, Json]) -> dict[str, Json]:
    """The draft with these fields of a step; None takes one away, so that what holds without it holds.

    Raises:
        NotFound: there is no such step.
        Conflict: several steps have the id.
    """
    edited = copy.deepcopy(dict(draft))
    steps, at = _find(edited, step_id)
    step = steps[at]
    assert isinstance(step, dict), "it has an id"
    for name, value in values.items():
        if value is None:
            step.pop(name, None)
        else:
            step[name] = value
    return edited


def without_step(draft: Draft, step_id: str, *, and_after: bool) -> dict[str, Json]:
    """The draft without a step and the steps inside it; ``and_after``: nor those below it in the same list.

    What comes where branches join again is reached by other ways too, so it stays.

    Raises:
        NotFound: there is no such step.
        Conflict: several steps have the id.
    """
    edited = copy.deepcopy(dict(draft))
    steps, at = _find(edited, step_id)
    del steps[at : None if and_after else at + 1]
    return edited


def cloned(draft: Draft, slug: str, name: str, actions: Mapping[str, ActionSpec]) -> dict[str, Json]:
    """The draft as one of another workflow; where it speaks of itself, it speaks of that one. ``actions`` by name.

    Nobody else manages it, and the time to turn the old one off says nothing about it.
    """
    own, made = draft.get("slug"), copy.deepcopy(dict(draft)) | {"slug": slug, "name": name}
    made.pop("managed_by", None)
    settings, entry = made.get("settings"), made.get("entry")
    if isinstance(settings, dict):
        settings.pop("turn_off_at", None)
    removing = entry.get("remove_from") if isinstance(entry, dict) else None
    if isinstance(entry, dict) and isinstance(removing, list):
        entry["remove_from"] = [slug if each == own else each for each in removing]
    for condition in _conditions(made):
        if condition["workflow"] == own:
            condition["workflow"] = slug
    for config, field in _named_workflows(made, actions):
        if config[field] == own:
            config[field] = slug
    return made


def _find(draft: dict[str, Json], step_id: str) -> tuple[list[Json], int]:
    found = [
        (steps, at)
        for steps in _lists(draft)
        for at, step in enumerate(steps)
        if isinstance(step, dict) and step.get("id") == step_id
    ]
    if not found:
        raise NotFound(f"the draft has no step {step_id}", code="unknown_step")
    if len(found) > 1:
        raise Conflict(f"{len(found)} steps of the draft are called {step_id}: give them ids of their own first")
    return found[0]


def _lists(part: Mapping[str, Json]) -> Iterator[list[Json]]:
    """Every list of steps in a definition or a part of it, however deep."""
    for name in LISTS:
        steps = part.get(name)
        if isinstance(steps, list):
            yield steps
            for step in steps:
                if isinstance(step, dict):
                    yield from _lists(step)
    for name in WAYS:
        ways = part.get(name)
        for way in ways if isinstance(ways, list) else ():
            if isinstance(way, dict):
                yield from _lists(way)


def _named_workflows(
    draft: Mapping[str, Json], actions: Mapping[str, ActionSpec]
) -> Iterator[tuple[dict[str, Json], str]]:
    """The configs in which a step names a workflow, each with the field that does."""
    for steps in _lists(draft):
        for step in steps:
            action, config = (step.get("action"), step.get("config")) if isinstance(step, dict) else (None, None)
            if isinstance(action, str) and action in actions and isinstance(config, dict):
                for field in workflow_fields(actions[action], config):
                    yield config, field


def _conditions(part: Json) -> Iterator[dict[str, Json]]:
    """Every condition on a workflow; what actions are told is not looked into."""
    if isinstance(part, dict):
        if "workflow" in part and "status" in part:
            yield part
        for name, each in part.items():
            if name != "config":
                yield from _conditions(each)
    elif isinstance(part, list):
        for each in part:
            yield from _conditions(each)
