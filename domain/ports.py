"""What rules need from third-party knowledge and the outside world, as Protocols; implementations live in gateways/."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from domain.base import Frozen, Instant, Json
from domain.recipes import Recipe
from domain.verification import History


class Clock(Protocol):
    """The only source of the present instant; aware, UTC."""

    def now(self) -> datetime:
        """The present instant."""
        ...


class Phones(Protocol):
    """Knowledge of telephone numbers."""

    def e164(self, written: str, region: str) -> str | None:
        """The international form, or None when ``written`` is no valid number for the region (``NO``, ``US``)."""
        ...


class Addresses(Protocol):
    """Knowledge of email address syntax; never asks the network."""

    def problem(self, written: str) -> str | None:
        """Why ``written`` is not an address, in words; None when it is."""
        ...


class TemplateProblem(Frozen):
    """One mistake in a template. ``unsafe``: it could hang or explode and is refused even in a draft."""

    message: str
    unsafe: bool = False
    variable: str | None = None


class TemplateCheck(Frozen):
    """What a template is: its problems and the variables it reads as paths, e.g. ``("contact", "first_name")``.

    ``work`` is what finding out took; 1,000 are about a millisecond.
    """

    problems: tuple[TemplateProblem, ...] = ()
    variables: tuple[tuple[str, ...], ...] = ()
    work: int = 0


class Templates(Protocol):
    """Liquid, made safe."""

    def check(self, source: str) -> TemplateCheck:
        """Parse and examine ``source``, and try it without data: what explodes by itself is ``unsafe``."""
        ...

    def render(self, source: str, variables: Mapping[str, Json], *, html: bool) -> str:
        """Render; ``html`` escapes values.

        Raises:
            domain.errors.StepFailed: ``bad_template`` with the engine's words, for whatever goes wrong.
        """
        ...


class Compiled(Frozen):
    """The HTML that MJML becomes, or why it becomes none."""

    html: str = ""
    problems: tuple[TemplateProblem, ...] = ()


class Markup(Protocol):
    """Knowledge of the HTML of emails."""

    def text(self, html: str) -> str:
        """What a reader without HTML reads: paragraphs, lists, links with their address."""
        ...

    def mjml(self, source: str) -> Compiled:
        """The HTML of MJML, or every mistake in it."""
        ...

    def inlined(self, html: str) -> str:
        """The same HTML with the rules of its style sheets written into its elements; nothing is fetched.

        Raises:
            domain.errors.StepFailed: ``bad_template``, when that would take too much or cannot be done.
        """
        ...


class Mail(Frozen):
    """One email for one recipient. ``key`` is the effect key, ``message_id`` the RFC 5322 id without brackets.

    ``email`` and ``email_version``: the reusable email it was written from, if any.
    ``links``: where the links lead that go through us, by their index. ``reply_token``: what the address holds at which
    answers, or reports of mail servers, come to us; ``bounce_to``: where those go, if not to the sender. ``thread``:
    the ids of the messages it follows, oldest first.
    """

    key: str
    message_id: str
    sender: str
    sender_name: str = ""
    to: str
    reply_to: str | None = None
    subject: str
    html: str
    text: str
    headers: dict[str, str] = {}
    email: str | None = None
    email_version: int | None = None
    links: tuple[str, ...] = ()
    reply_token: str | None = None
    bounce_to: str | None = None
    thread: tuple[str, ...] = ()
    at: Instant


class Sms(Frozen):
    """One text message. Numbers in E.164; ``segments``: how many it is on its way."""

    key: str
    sender: str
    to: str
    text: str
    segments: int = 1
    at: Instant


class Receipt(Frozen):
    """The other side took it. ``reference`` is its own id for the message, if any."""

    reference: str | None = None


HandOver = Callable[[], Awaitable[Receipt]]
"""Delivers what was prepared. Raises Rejected or Unavailable (``handed_over=True`` when nobody can know)."""


class MailGateway(Protocol):
    """An outgoing mail service. ``repeatable``: handing over the same key again is still one delivery."""

    repeatable: bool

    def prepare(self, mail: Mail) -> AbstractAsyncContextManager[HandOver]:
        """Do everything that cannot deliver (build, connect, MAIL, RCPT) and yield the hand-over.

        Raises:
            Rejected: the other side refuses sender or recipient for good.
            Unavailable: it cannot take it now; nothing was delivered.
        """
        ...


class SmsGateway(Protocol):
    """An outgoing SMS service; the same shape as mail."""

    repeatable: bool

    def is_from_service(self, url: str, form: Sequence[tuple[str, str]], signature: str) -> bool:
        """Whether a call of ours at ``url`` with these fields was made by the service."""
        ...

    def prepare(self, sms: Sms) -> AbstractAsyncContextManager[HandOver]:
        """Build the request and yield the hand-over."""
        ...


@dataclass(frozen=True, kw_only=True)
class WebhookRequest:
    """One call of an address outside. ``key`` is the effect key, which the receiver may go by.

    ``private``: names of headers that stay with the first server when a redirect leads to another one.
    """

    key: str
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    private: frozenset[str] = frozenset()
    body: bytes | None = field(default=None, repr=False)
    follow_redirects: bool = False


@dataclass(frozen=True, kw_only=True)
class WebhookAnswer:
    """What the other side said, whatever that is. ``body`` ends where it gets too long: ``is_cut``."""

    status: int
    body: bytes = field(repr=False)
    is_cut: bool = False
    retry_after: str = ""


class WebhookGateway(Protocol):
    """The way to addresses that workflows name; some are out of bounds."""

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        """Make the call.

        Raises:
            Rejected: the address, or one it redirects to, may not be called; nothing was sent there.
            Unavailable: no connection, or no answer (``handed_over``).
        """
        ...


class RunStart(Frozen):
    """What starting a run takes; texts for Temporal UI hold ids only.

    ``anew``: in place of a run under this id, which is terminated if it goes on.
    """

    run_id: str
    start: dict[str, Json]
    plan: dict[str, Json]
    slug: str
    name: str
    version: int
    object: str
    record_id: str
    bound_id: str | None = None
    bound_object: str | None = None
    anew: bool = False


RunEnd = Literal["completed", "failed", "cancelled", "terminated", "timed out"]
"""How a run ended, in Temporal's words."""

NotFoundRun = Literal["not found"]
"""Temporal knows no run of that id. That is no end: it may be the wrong Temporal, or one that lost its data."""


class Holidays(Protocol):
    """What is known of the public holidays of the world."""

    def problem(self, country: str, subdivision: str | None) -> str | None:
        """Why there is no such calendar, in words; None when there is."""
        ...

    def is_holiday(self, country: str, subdivision: str | None, day: date) -> bool:
        """Whether a day is a public holiday there."""
        ...


class Runs(Protocol):
    """Temporal, as the services see it: names and plain data, no classes."""

    async def start(self, run: RunStart) -> None:
        """Start the run, or find it started already (running or finished): both are done.

        Raises:
            Unavailable: Temporal cannot be reached now.
        """
        ...

    async def signal(self, run_id: str, name: str, payload: Mapping[str, Json]) -> bool:
        """Deliver a signal; False when there is no run to take it: it is over, or not there.

        Raises:
            Unavailable: Temporal cannot be reached now.
        """
        ...

    async def end_of(self, run_id: str) -> RunEnd | NotFoundRun | None:
        """How the run ended, or that there is none; None while it goes on, and for a state this release does not know.

        Raises:
            Unavailable: Temporal cannot be reached now.
        """
        ...

    async def try_again(self, run_id: str) -> bool:
        """Have whatever of the run waits between two attempts be tried at once; False when nothing waits.

        Raises:
            Unavailable: Temporal cannot be reached, or its server is too old to be asked for it.
        """

    async def start_job(self, kind: str, job_id: str) -> None:
        """Start the run that works through a job, or find it started already; one that ended badly starts anew.

        Raises:
            Unavailable: Temporal cannot be reached now.
        """
        ...

    async def start_mail(self, message_id: str) -> None:
        """Start the run that sends what a colleague wrote in a conversation, or find it started already.

        Raises:
            Unavailable: Temporal cannot be reached now.
        """
        ...

    async def start_recurrence(self, workflow_id: str, slug: str, *, changed: bool) -> None:
        """Start the run that opens the occurrences of a workflow, or find it there; ``changed``: it has to look again.

        Raises:
            Unavailable: Temporal cannot be reached now.
        """
        ...

    async def healthy(self) -> bool:
        """Whether Temporal answers."""
        ...

    def link(self, run_id: str) -> str:
        """The address of the run in Temporal UI."""
        ...


class KeptFiles(Protocol):
    """The files that local outboxes made of messages."""

    def has(self, channel: str, key: str) -> bool:
        """Whether there is a file of this effect."""
        ...

    def keys(self, channel: str) -> Iterator[str]:
        """The keys of all files, one after the other; a file that is no message has none."""
        ...


class Histories(Protocol):
    """What Temporal keeps of runs, for who verifies it."""

    def open_runs(self) -> AsyncIterator[Sequence[str]]:
        """The ids of all runs of enrollments that go on, in pages; one that just began or ended may be missing.

        Raises:
            Unavailable: Temporal cannot be reached now.
        """
        ...

    async def read(self, run_id: str) -> History | None:
        """What the run under this id asked for, through all the histories it was continued in; None: it is not there.

        Raises:
            Unavailable: Temporal cannot be reached now.
        """
        ...


class UserSet(Frozen):
    """The ids of users a definition may name."""

    ids: Sequence[str] = ()


class Recipes(Protocol):
    """The ready-made workflows that come with the product."""

    def all(self) -> Mapping[str, Recipe]:
        """Every recipe by its slug, in alphabetical order."""
        ...
