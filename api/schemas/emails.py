"""Requests and answers about reusable emails."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictInt, StrictStr, model_validator

from api.answers import Shown
from api.schemas.enrollments import BoundReference, CausePointer, RecordReference, cause_pointer
from api.schemas.records import EXAMPLE_ID, Body, Id, examples
from domain.base import Instant, Json
from domain.emails import EmailContent, EmailVersion

Name = Annotated[StrictStr, Field(min_length=1, max_length=200)]
Template = Annotated[StrictStr, Field(description="A template.")]
Preheader = Annotated[StrictStr, Field(description="A template of what stands beside the subject.")]
Sender = Annotated[StrictStr | None, Field(max_length=400)]


class EmailBody(Body):
    """A new email, of templates; with ``html`` or ``mjml``, and a ``text`` that is made from the HTML if left out."""

    model_config = examples(
        {
            "slug": "welcome",
            "name": "Welcome",
            "subject": "Welcome, {{ contact.first_name | default: 'friend' }}",
            "html": "<p>Good to have you, {{ contact.first_name | default: 'friend' }}.</p>",
        },
        {
            "slug": "bye",
            "subject": "Goodbye",
            "html": "<p>Goodbye</p>",
            "from_name": "Kim",
            "reply_to": "kim@example.com",
        },
    )

    slug: Annotated[StrictStr, Field(max_length=200, examples=["welcome"])]
    name: Name | None = None
    subject: Annotated[Template, Field(min_length=1)]
    preheader: Preheader = ""
    html: Annotated[Template, Field(min_length=1)] = ""
    mjml: Annotated[Template | None, Field(min_length=1)] = None
    text: Template = ""
    from_name: Sender = None
    from_address: Sender = None
    reply_to: Sender = None

    @model_validator(mode="after")
    def _one_body(self) -> EmailBody:
        if bool(self.html) == (self.mjml is not None):
            raise ValueError("an email is written in exactly one of html and mjml")
        return self

    @property
    def content(self) -> EmailContent:
        """What it says."""
        return EmailContent(**{name: getattr(self, name) for name in EmailContent.model_fields})


class EmailPatch(Body):
    """What to change; fields not sent stay, null takes a sender away. ``archived``: no step may send it any more."""

    model_config = examples({"subject": "Welcome back"}, {"archived": True}, {"reply_to": None})

    name: Name | None = None
    archived: StrictBool | None = None
    subject: Annotated[Template, Field(min_length=1)] = ""
    preheader: Preheader = ""
    html: Annotated[Template, Field(min_length=1)] = ""
    mjml: Annotated[Template, Field(min_length=1)] = ""
    text: Template = ""
    from_name: Sender = None
    from_address: Sender = None
    reply_to: Sender = None

    @model_validator(mode="after")
    def _one_body(self) -> EmailPatch:
        if self.html and self.mjml:
            raise ValueError("an email is written in exactly one of html and mjml")
        return self

    @property
    def content(self) -> dict[str, Any]:
        """The parts of the content that were sent."""
        return {name: getattr(self, name) for name in EmailContent.model_fields if name in self.model_fields_set}


class EmailView(Shown):
    """An email, without what it says."""

    slug: str
    name: str
    archived: bool
    version: int
    created_at: Instant
    updated_at: Instant


class EmailContentView(Shown):
    """What a version says; ``html`` is what ``mjml`` became where there is any, an empty ``text`` is made from it."""

    subject: str
    preheader: str
    html: str
    mjml: str | None
    text: str
    from_name: str | None
    from_address: str | None
    reply_to: str | None


class FullEmailView(EmailView, EmailContentView):
    """An email with what its current version says, and the workflows that send it."""

    used_by: list[str]


class EmailVersionView(Shown):
    """A version of an email, and who wrote it."""

    version: int
    subject: str
    cause: CausePointer
    created_at: Instant


class FullEmailVersionView(EmailVersionView, EmailContentView):
    """A version with everything it says."""


class EmailAudience(Body):
    """For which record, about which opportunity or other bound record, and with which parameters of the workflow."""

    record: RecordReference | None = None
    opportunity_id: Id | None = None
    bound: BoundReference | None = None
    parameters: dict[str, Json] = {}
    version: Annotated[StrictInt | None, Field(ge=1, le=2**31 - 1, description="The current one, if left out.")] = None

    @model_validator(mode="after")
    def _bound_to_a_record(self) -> EmailAudience:
        if self.opportunity_id is not None and self.bound is not None:
            raise ValueError("opportunity_id and bound say the same; send one")
        if self.record is None and (self.opportunity_id is not None or self.bound is not None):
            raise ValueError("what is bound belongs to a record; send one")
        return self


class EmailPreviewBody(EmailAudience):
    """For whom; without a record every value is empty."""

    model_config = examples(
        {"record": {"object": "contact", "by": {"email": "ana@example.com"}}},
        {"record": {"object": "contact", "id": EXAMPLE_ID}, "opportunity_id": EXAMPLE_ID, "version": 2},
    )


class EmailTestBody(EmailAudience):
    """Where the test goes, and for whom it is written; without a record every value is empty."""

    model_config = examples(
        {"to": ["kim@example.com"]},
        {"to": ["kim@example.com"], "record": {"object": "contact", "id": EXAMPLE_ID}},
    )

    to: Annotated[list[Annotated[StrictStr, Field(max_length=400)]], Field(min_length=1, max_length=10)]


def email_version_view(found: EmailVersion) -> EmailVersionView:
    """A version as lists show it."""
    cause = cause_pointer(found.cause.kind, found.cause.id)
    return EmailVersionView(
        version=found.version, subject=found.content.subject, cause=cause, created_at=found.created_at
    )


def full_version_view(found: EmailVersion) -> FullEmailVersionView:
    """A version with everything it says."""
    listed = email_version_view(found)
    return FullEmailVersionView(**{**dict(found.content), **dict(listed)})
