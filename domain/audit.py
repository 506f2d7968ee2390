"""The audit log: which changes to the set-up are written down, who can make one, and how two states differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from domain.base import Frozen, Json

What: TypeAlias = Literal[
    "workflow.created", "workflow.draft_saved", "workflow.published", "workflow.settings_changed",
    "workflow.turned_on", "workflow.turned_off", "workflow.paused", "workflow.resumed", "workflow.hook_renewed",
    "workflow.deleted",
    "email.created", "email.changed",
    "recipe.installed",
    "pipeline.created", "pipeline.changed", "pipeline.deleted",
    "channel.created", "channel.changed", "channel.deleted",
    "object.created", "object.changed", "property.created", "property.changed", "property.deleted",
    "list.created", "list.changed", "list.deleted",
    "subscription_type.created", "subscription_type.changed",
    "consent.changed", "suppression.added", "suppression.lifted",
    "key.created", "key.revoked",
    "user.created", "user.changed", "team.created", "team.changed",
    "account.changed",
    "secret.set", "secret.deleted",
    "installation.repaired", "installation.caught_up",
]  # fmt: skip
WHATS: tuple[What, ...] = get_args(What)

Kind: TypeAlias = Literal[
    "workflow", "email", "recipe", "pipeline", "channel", "object", "property", "list", "subscription_type", "consent",
    "suppression", "key", "user", "team", "account", "secret", "installation",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

State: TypeAlias = Mapping[str, Json]
"""A thing as far as it may be told: values that are no secret, hashes of what may be one."""


class Author(Frozen):
    """Who changed something: a key, with the user it belongs to; the command line of the installation; the product."""

    by: Literal["key", "installation", "product"]
    key_id: str | None = None
    user_id: str | None = None


INSTALLATION = Author(by="installation")
PRODUCT = Author(by="product")


def kind_of(what: What) -> Kind:
    """What kind of thing was changed."""
    (found,) = [kind for kind in KINDS if kind == what.partition(".")[0]]
    return found


def differing(before: State, after: State) -> tuple[dict[str, Json], dict[str, Json]]:
    """What of two states is not the same, each as it was there; of documents in them only the fields that differ."""
    was: dict[str, Json] = {}
    became: dict[str, Json] = {}
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if name in before and name in after and old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            old, new = differing(old, new)
        if name in before:
            was[name] = old
        if name in after:
            became[name] = new
    return was, became
