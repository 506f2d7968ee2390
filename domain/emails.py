"""Emails that many steps share: what one says, in versions that never change."""

from __future__ import annotations

from domain.base import Frozen, Instant
from domain.records import Cause

Variables = tuple[tuple[str, ...], ...]
"""Variables of templates as paths: ``(("contact", "first_name"),)``."""


class EmailContent(Frozen):
    """What an email says: templates, except for who it comes from. ``text`` empty: made from the HTML.

    ``preheader`` is what mail programs show beside the subject. ``mjml``: what ``html`` was compiled from, if anything.

    Without ``from_name`` and ``from_address`` it comes from the account; answers go there without ``reply_to``.
    """

    subject: str
    preheader: str = ""
    html: str
    mjml: str | None = None
    text: str = ""
    from_name: str | None = None
    from_address: str | None = None
    reply_to: str | None = None

    @property
    def templates(self) -> tuple[str, ...]:
        """The sources of everything that is rendered."""
        return tuple(source for source in (self.subject, self.preheader, self.html, self.text) if source)


class Email(Frozen):
    """A reusable email. ``version``: the one that is sent from now on, counted from 1."""

    id: str
    slug: str
    name: str
    archived: bool
    version: int
    created_at: Instant
    updated_at: Instant


class EmailVersion(Frozen):
    """One version of an email, who wrote it, and the variables it ``reads``."""

    version: int
    content: EmailContent
    reads: Variables
    cause: Cause
    created_at: Instant


class KnownEmail(Frozen):
    """What a definition that names an email is examined with: its current version's variables."""

    archived: bool
    reads: Variables
