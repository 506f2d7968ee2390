"""What actions that tell people of the house something have in common: what is said, and to whom."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field, StrictBool

from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.fields import LiquidText, TeamSlug, UserId
from domain.names import property_key
from services.running.addressees import Addressed

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
    """Refuse a notification to nobody."""
    if not (config.users or config.teams or config.owner or config.owner_manager):
        words = "name at least one user or team, or set owner or owner_manager"
        yield Finding(path="/users", code="missing_field", message=words)


def reads(config: NoticeConfig, scope: ConfigScope) -> Iterable[str]:
    """Who owns the record, where that decides who is told."""
    if config.owner or config.owner_manager:
        yield property_key(scope.object, "owner")
