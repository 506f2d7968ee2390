"""The workflow behind the steps that are attached to a stage: an ordinary one, let in by whatever reaches the stage."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from domain.base import Json
from domain.builtin import PIPELINE, STAGE
from domain.conversations import TICKET

MANAGED = "pipeline"
FOLDER = "Pipelines"
CHATS = ["chat", "messenger"]
"""Sources of tickets whose conversations people are in the middle of: left out unless asked for."""
SOURCE = "source"
_SLUG_LENGTH = 55
"""Room is left for a number behind it."""


def automation_slug(object: str, pipeline: str, stage: str) -> str:
    """What the workflow is called by first: ``ticket-default-waiting-on-us``."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{object} {pipeline} {stage}".lower()).strip("-")
    return words[:_SLUG_LENGTH].strip("-")


def new_document(object: str, pipeline: str, stage: str, *, slug: str, label: str) -> dict[str, Json]:
    """A workflow of its own for a stage, without triggers and steps."""
    return {
        "slug": slug,
        "name": f"{object.capitalize()} reaches {label}",
        "description": f"Runs for each {object} that comes into the stage {label} of the pipeline {pipeline}.",
        "folder": FOLDER,
        "managed_by": MANAGED,
        "object": object,
    }


def with_automation(
    document: Mapping[str, Json],
    *,
    object: str,
    pipeline: str,
    stage: str,
    steps: Sequence[Json],
    include_chat: bool,
) -> dict[str, Json]:
    """The document with the triggers of its stage and these steps; whatever else somebody wrote into it stays.

    A record reaches a stage when it is created there, moves there, or moves there from a pipeline that has a stage of
    this name too.
    """
    inside = _is(PIPELINE, pipeline)
    heard = [] if include_chat or object != TICKET else [_without_chats()]
    triggers: list[Json] = [
        {"id": "created", "on": "created", "where": {"all": [inside, _is(STAGE, stage), *heard]}},
        {"id": "moved", "on": "changed", "property": STAGE, "to": [stage], "where": {"all": [inside, *heard]}},
        {
            "id": "other_pipeline",
            "on": "changed",
            "property": PIPELINE,
            "to": [pipeline],
            "where": {"all": [_is(STAGE, stage), *heard]},
        },
    ]
    entry = document.get("entry")
    kept: dict[str, Json] = dict(entry) if isinstance(entry, dict) else {}
    again: Json = {"allowed": True, "triggers": ["created", "moved", "other_pipeline"]}
    return {**document, "entry": {**kept, "triggers": triggers, "re_entry": again}, "steps": list(steps)}


def includes_chat(document: Mapping[str, Json]) -> bool:
    """Whether the workflow of a stage also runs for tickets of chats."""
    triggers = _dicts(_dict(document.get("entry")).get("triggers"))
    parts = [part for trigger in triggers for part in _dicts(_dict(trigger.get("where")).get("all"))]
    return not any(part.get("property") == SOURCE for part in parts)


def is_managed(document: Json) -> bool:
    """Whether a stage still says what the workflow does; one that was detached is anybody's."""
    return isinstance(document, dict) and document.get("managed_by") == MANAGED


def _is(property: str, value: str) -> dict[str, Json]:
    return {"property": property, "op": "is", "value": value}


def _without_chats() -> dict[str, Json]:
    chats: list[Json] = [*CHATS]
    return {"property": SOURCE, "op": "not_in", "value": chats, "include_blank": True}


def _dict(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
