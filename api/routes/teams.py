"""Users and teams: who owns records and gets tasks."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Admin, Inst, Reading, RecordsRead, SetUpRead
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.schemas.people import TeamBody, TeamPatch, TeamView, UserBody, UserPatch, UserView
from api.schemas.usages import EvenIfUsed
from domain.errors import NotFound
from domain.teams import Team
from domain.usages import Thing
from services.auditing import audited, note_made
from services.authoring.usages import hold_unused
from services.records import teams as services
from store import people
from store.database import Tx
from store.people import User
from store.teams import page_teams

router = APIRouter(route_class=StorableRoute)

UserId = Annotated[str, Path(max_length=36)]
Slug = Annotated[str, Path(max_length=63, examples=["sales"])]

MAY_BE_NULL = frozenset({"manager_id", "phone", "timezone", "role"})


@router.get("/users", response_model=Page[UserView], tags=["users"])
async def list_users(read: Reading, _: RecordsRead, paging: Paged) -> Page[UserView]:
    """Users, those who left included, in order of creation."""
    found = await people.list_users(read, after=paging.after, limit=paging.fetch)
    return page(found, paging, _user_view, key=lambda user: user.id)


@router.post("/users", status_code=201, response_model=UserView, tags=["users"], responses=refusals(409))
async def create_user(body: UserBody, inst: Inst, caller: Admin, once: OnlyOnce) -> Response:
    """Add a user who can own records and get tasks."""

    async def work(tx: Tx) -> Answer:
        new = User(id="", active=True, created_at=inst.clock.now(), **_values(body))
        made = await services.add_user(tx, inst.addresses, new)
        await note_made(tx, caller.author, "user.created", made.id, now=new.created_at)
        return answer(_user_view(made), 201, headers={"Location": f"/api/v1/users/{made.id}"})

    return await once.run(work)


@router.get("/users/{user_id}", response_model=UserView, tags=["users"])
async def show_user(user_id: UserId, read: Reading, _: RecordsRead) -> UserView:
    """One user."""
    found = await people.get_user(read, user_id)
    if found is None:
        raise NotFound(f"there is no user {user_id}")
    return _user_view(found)


@router.patch("/users/{user_id}", response_model=UserView, tags=["users"], responses=refusals(409))
async def change_user(
    user_id: UserId, body: UserPatch, inst: Inst, caller: Admin, even_if_used: EvenIfUsed = False
) -> Response:
    """Change a user, or say when they are away; ``active: false`` for who left.

    One whom workflows name stays, unless `even_if_used` says so: what their steps ask of the user comes to nothing.
    """
    values = {name: value for name, value in _values(body).items() if value is not None or name in MAY_BE_NULL}
    async with (
        inst.db.transaction() as tx,
        audited(tx, caller.author, "user.changed", user_id, now=inst.clock.now()),
    ):
        if body.active is False and not even_if_used and await people.get_user(tx, user_id) is not None:
            await hold_unused(tx, inst, Thing(kind="user", name=user_id), what="deactivated")
        changed = await services.change_user(tx, inst.addresses, user_id, values)
    return answer(_user_view(changed)).response()


@router.get("/teams", response_model=Page[TeamView], tags=["users"])
async def list_teams(read: Reading, _: SetUpRead, paging: Paged) -> Page[TeamView]:
    """Teams, archived ones included, in order of creation."""
    found = await page_teams(read, after=paging.after, limit=paging.fetch)
    return page(found, paging, _team_view, key=lambda team: team.id)


@router.post("/teams", status_code=201, response_model=TeamView, tags=["users"], responses=refusals(409))
async def create_team(body: TeamBody, inst: Inst, caller: Admin, once: OnlyOnce) -> Response:
    """Add a team of users."""

    async def work(tx: Tx) -> Answer:
        now = inst.clock.now()
        async with audited(tx, caller.author, "team.created", body.slug, now=now):
            made = await services.add_team(tx, body.slug, body.members, name=body.name, now=now)
        return answer(_team_view(made), 201, headers={"Location": f"/api/v1/teams/{made.slug}"})

    return await once.run(work)


@router.get("/teams/{slug}", response_model=TeamView, tags=["users"])
async def show_team(slug: Slug, read: Reading, _: SetUpRead) -> TeamView:
    """One team."""
    return _team_view(await services.team_or_404(read, slug))


@router.patch("/teams/{slug}", response_model=TeamView, tags=["users"])
async def change_team(slug: Slug, body: TeamPatch, inst: Inst, caller: Admin) -> Response:
    """Rename a team, give it other members, or archive it: then no new version may name it."""
    async with inst.db.transaction() as tx:
        now = inst.clock.now()
        async with audited(tx, caller.author, "team.changed", slug, now=now):
            changed = await services.change_team(
                tx, slug, name=body.name, members=body.members, archived=body.archived, now=now
            )
    return answer(_team_view(changed)).response()


def _values(body: UserBody | UserPatch) -> dict[str, Any]:
    """What was sent, each as the model holds it."""
    wanted = body.model_fields_set if isinstance(body, UserPatch) else type(body).model_fields
    return {name: getattr(body, name) for name in wanted}


def _user_view(user: User) -> UserView:
    return UserView(**{**user.model_dump(), "away": [span.model_dump(by_alias=True) for span in user.away]})


def _team_view(team: Team) -> TeamView:
    return TeamView(**{**team.model_dump(), "members": list(team.members)})
