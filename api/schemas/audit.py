"""Answers about the audit log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.answers import Shown
from domain.audit import Kind, What
from domain.base import Instant, Json


class AuthorView(Shown):
    """Who it was: a key, and the user it belongs to; the command line of the installation; the product by itself."""

    kind: Literal["key", "installation", "product"]
    key_id: str | None
    key_name: str | None
    user_id: str | None
    user_name: str | None


class AuditView(Shown):
    """One change. ``before`` and ``after`` hold what differs, ``before`` null: it was not there; ``after``: it is gone.

    What may hold a secret stands there as a hash, which tells two contents apart and nothing else.
    """

    id: str
    at: Instant
    what: What
    kind: Kind
    subject: Annotated[
        str | None,
        Field(
            description="Its slug, name, address or id; null: an address, for a key without `records:read`.",
            examples=["welcome"],
        ),
    ]
    by: AuthorView
    before: dict[str, Json] | None
    after: dict[str, Json] | None
