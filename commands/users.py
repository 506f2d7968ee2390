"""`followthrough user …`: colleagues, who owns records and gets tasks, and what their keys may do."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from commands.client import connect
from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from commands.tasks import User, user_of

user = typer.Typer(help="Colleagues, and what their keys may do.", no_args_is_help=True)


class UserRole(StrEnum):
    """What the keys of a user may do."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"
    NONE = "none"


Role = Annotated[UserRole | None, typer.Option(help="What their keys may do; none takes it away.")]
Sees = Annotated[
    bool | None,
    typer.Option("--personal-data/--no-personal-data", help="Whether their keys show records and messages."),
]


@user.command("list")
def list_users(
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 1000,
    as_json: AsJson = False,
) -> None:
    """List users, those who left included."""
    with speaking(as_json), connect() as api:
        found = list(api.items("/users", at_most=limit))
        rows = [(each["id"], each["name"], each["email"], _standing(each)) for each in found]
        show(found, table(rows, ("user", "name", "address", "may")), as_json=as_json)


@user.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    address: Annotated[str, typer.Argument(metavar="ADDRESS")],
    role: Role = None,
    sees_personal_data: Sees = None,
    as_json: AsJson = False,
) -> None:
    """Add a user; `followthrough key create --user ADDRESS` then makes their key."""
    with speaking(as_json), connect() as api:
        made = api.post("/users", {"name": name, "email": address, **_asked(role, sees_personal_data)})
        show(made, f"{made['name']} is user {made['id']}", as_json=as_json)


@user.command("change")
def change(
    who: User,
    role: Role = None,
    sees_personal_data: Sees = None,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Who left is inactive, and their keys open nothing.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change what a user may do; their keys follow from the next call on."""
    asked = _asked(role, sees_personal_data) | ({} if active is None else {"active": active})
    with speaking(as_json):
        if not asked:
            raise Failed(ExitCode.USAGE, "say what to change: --role, --[no-]personal-data, --active or --inactive")
        with connect() as api:
            changed = api.patch(f"/users/{user_of(api, who)['id']}", asked)
            show(changed, f"{changed['name']}: {_standing(changed)}", as_json=as_json)


def _asked(role: UserRole | None, sees_personal_data: bool | None) -> dict[str, Any]:
    asked: dict[str, Any] = {} if role is None else {"role": None if role is UserRole.NONE else role.value}
    return asked if sees_personal_data is None else {**asked, "sees_personal_data": sees_personal_data}


def _standing(user: Any) -> str:
    words = [user["role"] or "no role", *([] if user["active"] else ["left"])]
    return ", ".join([*words, *([] if user["sees_personal_data"] else ["without personal data"])])
