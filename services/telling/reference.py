"""The reference of actions as a page, made from the catalogue, so that it says what the code does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from domain.catalogue import ActionSpec

HEAD = """# Actions

An action is a step that has an effect: `{kind: action, action: <name>, config: {…}}`. This page is made from
`activities/actions/`, one file per action; `make docs` writes it anew.

*Inside* actions happen in one transaction of the run. *Outside* actions leave the house: each is an activity on a queue
of its own with a row in the ledger, so that a record gets the message once however often it is tried.
"""

KINDS: Mapping[str, str] = {
    "liquid": "template",
    "liquid-html": "HTML template",
    "liquid-mjml": "MJML template",
    "user": "user id",
    "team": "slug of a team",
    "workflow": "slug of a workflow",
    "subscription": "subscription type",
    "step": "step id",
    "email": "slug of an email",
    "address": "email address",
    "secret": "name of a secret",
    "liquid-json": "JSON, its texts templates",
}
"""What a field of a config holds, by its marker."""


def render_actions(specs: Mapping[str, ActionSpec]) -> str:
    """The page as Markdown, actions in alphabetical order; the same catalogue gives the same text."""
    parts = [HEAD, *(_action(specs[name]) for name in sorted(specs))]
    return "\n".join(parts)


def _action(spec: ActionSpec) -> str:
    lines = [f"## {spec.name}", "", f"{spec.title}. {spec.description}", "", _how(spec), ""]
    lines += ["| field | type | default | meaning |", "|---|---|---|---|", *_rows(spec), ""]
    lines += ["Outcomes:", "", *(f"- {outcome}" for outcome in spec.outcomes), ""]
    return "\n".join(lines)


def _how(spec: ActionSpec) -> str:
    if spec.policy is None:
        return "*Inside*, in the run's own transaction."
    given_up = _length(spec.policy.schedule_to_close_s)
    pauses = f"{_length(spec.policy.first_retry_s)}, doubling up to {_length(spec.policy.max_retry_s)}"
    return f"*Outside*, queue `{spec.queue}`. Tried again after {pauses}; given up after {given_up}."


def _length(seconds: float) -> str:
    whole = timedelta(seconds=seconds)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count, rest = divmod(whole.total_seconds(), length)
        if count and not rest:
            return f"{count:.0f} {unit}{'s' if count > 1 else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"


def _rows(spec: ActionSpec) -> Iterable[str]:
    schema: dict[str, Any] = spec.json_schema()
    required = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        label = f"**{name}**" if name in required else name
        default = "required" if name in required else f"`{json.dumps(field.get('default'))}`"
        yield f"| {label} | {_type(field)} | {default} | {field['title']}: {field['description']} |"


def _type(field: Mapping[str, Any]) -> str:
    """A JSON Schema type in words: ``string, a template``."""
    if "x-kind" in field:
        return KINDS[field["x-kind"]]
    if members := field.get("anyOf") or field.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(part) for part in members))
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "$ref" in field:
        return f"{field['$ref'].rpartition('/')[2]}"
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return str(field.get("type", "any"))
