"""Who may do what: the scopes a key can have, the roles of people, and which role holds which scope.

Nothing else in the product knows roles: whatever asks for a right asks for a scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

Scope: TypeAlias = Literal[
    "records:read", "records:write", "events:write",
    "workflows:read", "workflows:write", "workflows:publish",
    "enrollments:read", "enrollments:write", "messages:read", "messages:send", "export", "admin",
]  # fmt: skip
SCOPES: tuple[Scope, ...] = get_args(Scope)

Role: TypeAlias = Literal["admin", "editor", "viewer"]

PERSONAL: frozenset[Scope] = frozenset({"records:read", "records:write", "messages:read"})
"""The scopes that show values of records and what was written to people; writing a record answers with all of it."""

VIEWER: frozenset[Scope] = frozenset({"records:read", "workflows:read", "enrollments:read", "messages:read"})
EDITOR: frozenset[Scope] = VIEWER | {
    "records:write", "events:write", "workflows:write", "workflows:publish", "enrollments:write", "messages:send",
    "export",
}  # fmt: skip

ROLES: Mapping[Role, frozenset[Scope]] = {"admin": frozenset(SCOPES), "editor": EDITOR, "viewer": VIEWER}
"""What the keys of a person may do, by their role."""


def scopes_of(role: Role | None, *, sees_personal_data: bool) -> tuple[Scope, ...]:
    """The scopes that a user's keys have, in the order of ``SCOPES``; without a role none."""
    held = ROLES[role] if role is not None else frozenset[Scope]()
    return tuple(scope for scope in SCOPES if scope in held and (sees_personal_data or scope not in PERSONAL))
