"""Makes of an email's content and a record's variables what its reader sees; the same for a step, a preview, a test."""

from __future__ import annotations

from collections.abc import Mapping

from domain.base import Frozen, Json
from domain.emails import EmailContent
from domain.errors import StepFailed
from services.installation import Installation
from services.running.variables import Sender
from store.schema import Account


class Composed(Frozen):
    """An email for one record."""

    subject: str
    html: str
    text: str


def compose(inst: Installation, content: EmailContent, variables: Mapping[str, Json]) -> Composed:
    """Render everything an email says.

    Raises:
        StepFailed: ``bad_template``, also when nothing is left of the subject.
    """
    templates = inst.templates
    # A line break in a value must not become a header.
    subject = " ".join(templates.render(content.subject, variables, html=False).split())
    if not subject:
        raise StepFailed("bad_template", "the subject rendered to nothing")
    html = templates.render(content.html, variables, html=True)
    text = templates.render(content.text, variables, html=False) if content.text else inst.markup.text(html)
    return Composed(subject=subject, html=html, text=text)


def sender_of(content: EmailContent, account: Account) -> Sender:
    """Who an email comes from: what it says itself, else the account's sender."""
    return Sender(name=content.from_name or account.mail_from_name, address=content.from_address or account.mail_from)
