"""The one written form of a definition: fields in the order of the models, defaults left out."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from domain.base import Json
from domain.catalogue import ActionSpec
from domain.definition import Definition, load_definition

MAX_BYTES = 1024 * 1024
"""What a definition may weigh as JSON."""


def to_document(definition: Definition, actions: Mapping[str, ActionSpec] | None = None) -> dict[str, Json]:
    """The document of a definition; ``load_definition`` reads it back as the same definition.

    With ``actions`` their configs are put in order too, as a database may have lost it.
    """
    document: dict[str, Json] = definition.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if actions is not None and "steps" in document:
        document["steps"] = _ordered(document["steps"], actions)
    return document


def canonical(draft: Json, actions: Mapping[str, ActionSpec]) -> Json:
    """The written form of a draft, or the draft as it is while it cannot be read."""
    try:
        return to_document(load_definition(draft), actions)
    except ValidationError:
        return draft


def _ordered(node: Json, actions: Mapping[str, ActionSpec]) -> Json:
    """The steps of a document, however deep, with their configs in the order of the config's model."""
    if isinstance(node, list):
        return [_ordered(item, actions) for item in node]
    if not isinstance(node, dict):
        return node
    spec = actions.get(str(node.get("action"))) if node.get("kind") == "action" else None
    config = node.get("config")
    if spec is not None and isinstance(config, dict):
        return {**node, "config": _config(config, spec)}
    return {key: _ordered(value, actions) if isinstance(value, list) else value for key, value in node.items()}


def _config(config: dict[str, Json], spec: ActionSpec) -> dict[str, Json]:
    try:
        read = spec.config.model_validate(config)
    except ValidationError:
        return dict(sorted(config.items()))
    document: dict[str, Json] = read.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return document
