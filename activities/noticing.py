"""What actions that tell people of the house something have in common: what is said, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pydantic import Field, StrictBool

from activities.action import OutsideContext
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.errors import StepError, StepFailed
from domain.facts import RecordFacts
from domain.fields import LiquidText, TeamSlug, UserId
from domain.lost_answers import OnUnknown
from domain.messages import StepAnswer
from domain.names import effect_key, property_key
from services.running.addressees import Addressed, Addressee, addressees_of
from services.running.effects import attempt_each, refuse
from services.running.inside import Inside
from services.running.letters import Letter, M
from services.running.variables import Sender, load_variables, look_inside, roots_of
from store.database import Read

MOST_USERS = 200
MOST_TEAMS = 20


class NoticeConfig(ActionConfig):
    """What is said, and to whom."""

    title: LiquidText = Field(title="Title", description="The notification in one line, as a template.", min_length=1)
    body: LiquidText = Field(default="", title="Text", description="Everything else, as a template.")
    users: list[UserId] = Field(default=[], title="Users", description="Users by id.", max_length=MOST_USERS)
    teams: list[TeamSlug] = Field(
        default=[], title="Teams", description="Teams by slug: every active member.", max_length=MOST_TEAMS
    )
    owner: StrictBool = Field(default=False, title="Owner", description="Also the owner of the record.")
    owner_manager: StrictBool = Field(
        default=False, title="Owner's manager", description="Also the manager of the owner."
    )

    @property
    def addressed(self) -> Addressed:
        """Whom it is for."""
        return Addressed(
            users=tuple(self.users), teams=tuple(self.teams), owner=self.owner, owner_manager=self.owner_manager
        )


def check(config: NoticeConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Refuse a notification to nobody, and one to the owner of what nobody can own."""
    if not (config.users or config.teams or config.owner or config.owner_manager):
        words = "name at least one user or team, or set owner or owner_manager"
        yield Finding(path="/users", code="missing_field", message=words)
    if scope.schema_.property(scope.object, "owner") is None:
        for name in ("owner", "owner_manager"):
            if getattr(config, name):
                words = f"{scope.object} has no property 'owner'; name users or teams"
                yield Finding(path=f"/{name}", code="unknown_property", message=words)


def reads(config: NoticeConfig, scope: ConfigScope) -> Iterable[str]:
    """Who owns the record, where that decides who is told."""
    if config.owner or config.owner_manager:
        yield property_key(scope.object, "owner")


class SentNoticeConfig(NoticeConfig):
    """The same for what leaves the product."""

    on_unknown: OnUnknown = Field(
        default="leave",
        title="When the answer is lost",
        description="Nobody knows whether it arrived: `leave` it at that and go on, `resend` it, perhaps twice, or "
        "`ask` somebody and wait.",
    )


OUTCOMES = (
    "done: messages, their ids, how many were sent, skipped and failed, and outcomes, what became of each by user",
    "skipped: no_owner, no_user, no_record, no_address, invalid_address",
    "failed: rejected, gave_up, unknown, bad_template, broken_reference",
)
"""What can become of a step that sends a notice; the caller adds what its channel knows besides."""


async def send_each(
    context: OutsideContext, config: NoticeConfig, letter_to: Callable[[Addressee], Letter[M]]
) -> StepAnswer:
    """Make one attempt at telling everybody who was not told yet, each with an effect of their own."""
    inst, call = context.inst, context.call
    try:
        async with inst.db.glance() as read:
            inside = await look_inside(read, inst, call, objects=())
            people = await addressees_of(read, inside.record, config.addressed) if inside is not None else []
    except StepError as no:
        return await refuse(inst, call, no)
    return await attempt_each(inst, call, [letter_to(each) for each in people])


def key_for(context: OutsideContext, each: Addressee) -> str:
    """The key in the ledger of what goes to one of them."""
    call = context.call
    return effect_key(call.enrollment_id, call.step, call.n, each.name)


async def render(
    context: OutsideContext, config: NoticeConfig, read: Read, inside: Inside, sender: Sender
) -> tuple[str, str]:
    """What is said: the one line, and the rest.

    Raises:
        StepFailed: ``bad_template``, also when nothing is left of the line.
        StepSkipped: ``no_record``.
    """
    templates = context.inst.templates
    variables = await load_variables(read, inside, roots_of(templates, config.title, config.body), sender=sender)
    title = " ".join(templates.render(config.title, variables, html=False).split())
    if not title:
        raise StepFailed("bad_template", "the title rendered to nothing")
    return title, templates.render(config.body, variables, html=False).strip()


def nobodys(inside: Inside) -> RecordFacts | None:
    """The contact a notice goes to: it goes to people of the house."""
    return None
