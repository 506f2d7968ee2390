"""`followthrough task …` and `followthrough inbox`: what workflows ask people to do, and what they tell them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from commands.client import Client, connect
from commands.output import AsJson, ExitCode, Failed, show, speaking, table
from commands.records import find

task = typer.Typer(help="Tasks: find them, complete them, give them to somebody else.", no_args_is_help=True)

TaskId = Annotated[str, typer.Argument(metavar="TASK", help="The id of the task.")]
User = Annotated[str, typer.Argument(metavar="USER", help="A user, by id or address.")]


class Status(StrEnum):
    """How far a task is."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


@task.command("list")
def list_tasks(
    status: Annotated[Status, typer.Option(help="open, done or cancelled.")] = Status.OPEN,
    assignee: Annotated[
        str | None, typer.Option(metavar="USER", help="Only those of this user, by id or address.")
    ] = None,
    record: Annotated[str | None, typer.Option(help="Only those about object/id or object/property/value.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only of this workflow.")] = None,
    due_before: Annotated[str | None, typer.Option(metavar="INSTANT", help="Only those due before it.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List tasks, newest first."""
    with speaking(as_json), connect() as api:
        whose = user_of(api, assignee)["id"] if assignee is not None else None
        about = find(api, record)["id"] if record is not None else None
        narrow = {"assignee": whose, "record": about, "workflow": workflow, "due_before": due_before}
        found = list(api.items("/tasks", at_most=limit, status=status.value, **narrow))
        names = {each: _name(api, each) for each in {one["assignee"] for one in found} if each is not None}
        rows = [
            (one["id"], one["type"], one["priority"], one["due_at"], names.get(one["assignee"]), one["title"])
            for one in found
        ]
        show(found, table(rows, ("task", "type", "priority", "due", "assignee", "title")), as_json=as_json)


@task.command("done")
def complete(task_id: TaskId, as_json: AsJson = False) -> None:
    """Complete a task; who waits for it goes on."""
    _change(task_id, {"status": "done"}, as_json=as_json)


@task.command("cancel")
def cancel(task_id: TaskId, as_json: AsJson = False) -> None:
    """Cancel a task: nobody needs to do it, and nobody goes on by it."""
    _change(task_id, {"status": "cancelled"}, as_json=as_json)


@task.command("reopen")
def reopen(task_id: TaskId, as_json: AsJson = False) -> None:
    """Open a task again."""
    _change(task_id, {"status": "open"}, as_json=as_json)


@task.command("give")
def give(task_id: TaskId, user: User, as_json: AsJson = False) -> None:
    """Give a task to a user."""
    with speaking(as_json), connect() as api:
        whose = user_of(api, user)
        made = api.patch(f"/tasks/{quote(task_id, safe='')}", {"assignee": whose["id"]})
        show(made, f"{made['title']}: given to {whose['name']}", as_json=as_json)


def inbox(
    user: User,
    read: Annotated[bool, typer.Option("--read", help="Mark what is shown, and all before it, as read.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what a user was told and has not read, newest first, and how many tasks wait."""
    with speaking(as_json), connect() as api:
        whose = user_of(api, user)["id"]
        found = list(api.items("/notifications", at_most=limit, user=whose, unread="true"))
        counts = api.get(f"/users/{whose}/inbox")
        if read and found:
            counts = api.post(f"/users/{whose}/inbox/read", {"up_to": found[0]["id"]})
        rows = [(one["created_at"], one["title"], one["workflow"]) for one in found]
        waits = f"{counts['unread']} unread, {counts['open_tasks']} open tasks, {counts['overdue_tasks']} overdue"
        show(
            {"notifications": found, **counts}, f"{table(rows, ('at', 'title', 'workflow'))}\n{waits}", as_json=as_json
        )


def _change(task_id: str, values: dict[str, Any], *, as_json: bool) -> None:
    with speaking(as_json), connect() as api:
        made = api.patch(f"/tasks/{quote(task_id, safe='')}", values)
        show(made, f"{made['title']}: {made['status']}", as_json=as_json)


def user_of(api: Client, named: str) -> Any:
    """The user of this id or address."""
    if "@" not in named:
        return api.get(f"/users/{quote(named, safe='')}")
    for user in api.items("/users", at_most=100_000):
        if user["email"] == named.lower():
            return user
    raise Failed(ExitCode.NOT_FOUND, f"there is no user with the address {named}")


def _name(api: Client, user_id: str) -> str:
    return str(api.get(f"/users/{quote(user_id, safe='')}")["name"])
