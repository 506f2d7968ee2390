"""Requests and answers about users, API keys and the account."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StrictStr

from api.answers import Shown
from api.schemas.records import Body, Id, examples
from domain.access import Role, Scope
from domain.base import Instant, Json
from domain.consent import FrequencyCaps
from domain.definition import HolidayCalendar, PauseDate, Window
from domain.people import MOST_SPANS, Away
from domain.teams import MOST_MEMBERS, Member

Name = Annotated[StrictStr, Field(min_length=1, max_length=200, pattern=r"\S")]
Email = Annotated[StrictStr, Field(max_length=320, examples=["kim@example.com"])]
Phone = Annotated[
    StrictStr,
    Field(min_length=1, max_length=40, description="Where texts go; kept as written.", examples=["+1 212 555 0142"]),
]
Zone = Annotated[StrictStr, Field(max_length=64, description="IANA name; the account's where there is none.")]
AwaySpans = Annotated[
    tuple[Away, ...],
    Field(
        max_length=MOST_SPANS,
        description="Days of the user's zone, both included, or instants, the last not included.",
        examples=[[{"from": "2026-12-21", "to": "2027-01-03"}]],
    ),
]
UserRole = Annotated[
    Role, Field(description="What the keys of this user may do; without a role: nothing.", examples=["editor"])
]
SeesPersonalData = Annotated[
    StrictBool, Field(description="Whether the keys of this user show records and messages. An admin sees them anyway.")
]
Members = Annotated[tuple[Member, ...], Field(max_length=MOST_MEMBERS)]


class UserBody(Body):
    """A new user; records and tasks name users by id."""

    model_config = examples({"name": "Kim Lund", "email": "kim@example.com"})

    name: Name
    email: Email
    phone: Phone | None = None
    manager_id: Id | None = None
    available: StrictBool = True
    away: AwaySpans = ()
    timezone: Zone | None = None
    role: UserRole | None = None
    sees_personal_data: SeesPersonalData = True


class UserPatch(Body):
    """What to change; fields not sent stay. Who is not ``active`` gets nothing more and stays in all histories."""

    model_config = examples({"away": [{"from": "2026-12-21", "to": "2027-01-03"}]})

    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    manager_id: Id | None = None
    active: StrictBool | None = None
    available: StrictBool | None = None
    away: AwaySpans | None = None
    timezone: Zone | None = None
    role: UserRole | None = None
    sees_personal_data: SeesPersonalData | None = None


class TeamBody(Body):
    """A new team; steps name it by its slug. Members get work by their weights."""

    model_config = examples({"slug": "sales", "name": "Sales", "members": []})

    slug: Annotated[StrictStr, Field(max_length=63)]
    name: Name | None = None
    members: Members = ()


class TeamPatch(Body):
    """What to change; ``members`` is the whole list, in its order."""

    model_config = examples({"name": "Sales Europe"})

    name: Name | None = None
    members: Members | None = None
    archived: StrictBool | None = None


class TeamView(Shown):
    """A team with its members in their order."""

    id: str
    slug: str
    name: str
    members: list[Member]
    archived: bool
    created_at: Instant
    updated_at: Instant


class UserView(Shown):
    """A user. Who is not ``available``, or ``away`` now, is passed over where work is shared out."""

    id: str
    name: str
    email: str
    phone: str | None
    manager_id: str | None
    active: bool
    available: bool
    away: Annotated[list[dict[str, str]], Field(examples=[[{"from": "2026-12-21", "to": "2027-01-03"}]])]
    timezone: str | None
    role: Role | None
    sees_personal_data: bool
    created_at: Instant


class KeyBody(Body):
    """A new API key: of a program, with what it may do (``scopes``), or of a user, whose role says it (``user_id``)."""

    model_config = examples({"name": "Web shop", "scopes": ["records:read", "records:write"]})

    name: Name
    scopes: Annotated[list[Scope] | None, Field(min_length=1, examples=[["records:read", "records:write"]])] = None
    user_id: Id | None = None


class KeyView(Shown):
    """An API key as far as it may be shown; ``prefix`` is how it begins, ``scopes`` what it may do now.

    ``user_id``: the user it belongs to; null: a program.
    """

    id: str
    name: str
    prefix: str
    scopes: list[str]
    user_id: str | None
    created_at: Instant
    revoked_at: Instant | None


class NewKeyView(KeyView):
    """The one answer that holds the key itself: only its hash is stored.

    ``key`` is null when the call is repeated under its Idempotency-Key.
    """

    key: str | None


class AccountView(Shown):
    """What holds for the whole installation; ``sample_loaded_at`` is null where the sample never was."""

    name: str
    timezone: Annotated[str, Field(examples=["Europe/Oslo"])]
    default_region: Annotated[str, Field(examples=["NO"])]
    mail_from: str
    mail_from_name: str
    sms_from: str
    window: Json
    pause_dates: Json
    holidays: Json
    frequency_caps: Json
    send_to_not_specified: bool
    track_opens: bool
    track_clicks: bool
    sample_loaded_at: Instant | None


class AccountPatch(Body):
    """What to change; fields not sent stay.

    ``window``, ``pause_dates`` and ``holidays`` hold for workflows without their own.
    """

    model_config = examples({"timezone": "Europe/Oslo", "default_region": "NO"})

    name: Name | None = None
    timezone: Annotated[StrictStr, Field(max_length=64)] | None = None
    default_region: Annotated[StrictStr, Field(pattern=r"^[A-Z]{2}$")] | None = None
    mail_from: Annotated[StrictStr, Field(max_length=320)] | None = None
    mail_from_name: Annotated[StrictStr, Field(max_length=200)] | None = None
    sms_from: Annotated[StrictStr, Field(max_length=32)] | None = None
    window: Annotated[
        Window | list[Window] | None, Field(description="When messages may leave; null: at any time.")
    ] = None
    holidays: Annotated[
        HolidayCalendar | None, Field(description="The calendar that business days are counted by.")
    ] = None
    pause_dates: Annotated[list[PauseDate] | None, Field(description="Days without messages.")] = None
    frequency_caps: Annotated[
        FrequencyCaps | None,
        Field(
            description="The most marketing messages a contact gets a day and a week of its own clock, by channel.",
            examples=[{"email": {"day": 1, "week": 3}}],
        ),
    ] = None
    track_opens: Annotated[StrictBool | None, Field(description="Whether emails tell that they are opened.")] = None
    track_clicks: Annotated[
        StrictBool | None, Field(description="Whether links of emails tell that they are followed.")
    ] = None
    send_to_not_specified: Annotated[
        StrictBool | None, Field(description="Whether marketing goes to contacts who never said yes or no to its type.")
    ] = None
    sample_loaded_at: Instant | None = None
