"""Makes of an email's content and a record's variables what its reader sees; the same for a step, a preview, a test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from domain.base import Frozen, Json
from domain.emails import EmailContent
from domain.errors import StepFailed
from domain.headers import LONGEST_SUBJECT
from services.installation import Installation
from services.running.variables import Sender
from store.schema import Account

BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)

HIDDEN = (
    '<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;'
    'mso-hide:all">{}</div>'
)
"""What mail programs read and nobody sees."""

FILLER, FILLERS = "&#847;&zwnj;&nbsp;", 60
"""Nothing that is seen, so that the line beside the subject ends where the preheader does."""


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
    if len(subject) > LONGEST_SUBJECT:
        raise StepFailed("bad_template", f"the subject rendered to more than {LONGEST_SUBJECT} characters")
    html = templates.render(content.html, variables, html=True)
    text = templates.render(content.text, variables, html=False) if content.text.strip() else inst.markup.text(html)
    if content.mjml is None:
        # Behind the rendering: a reader of HTML moves the tags of a template out of tables. MJML has no need of it.
        html = inst.markup.inlined(html)
    preheader = " ".join(templates.render(content.preheader, variables, html=False).split())
    return Composed(subject=subject, html=with_preheader(html, preheader), text=text)


def with_preheader(html: str, preheader: str) -> str:
    """``html`` with what stands beside the subject in front of what is seen, hidden in the message itself."""
    if not preheader:
        return html
    body = BODY.search(html)
    at = body.end() if body else 0
    return html[:at] + HIDDEN.format(escape(preheader) + FILLER * FILLERS) + html[at:]


def sender_of(content: EmailContent, account: Account) -> Sender:
    """Who an email comes from: what it says itself, else the account's sender."""
    return Sender(name=content.from_name or account.mail_from_name, address=content.from_address or account.mail_from)
