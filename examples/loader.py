"""Loads the sample through the API, as anybody outside could: users, records, two workflows, then something happens.

The workflows are published before anything moves, and what is imported wakes nobody, so exactly the moved records
enter. Running it again doubles nothing: what is there stays, what is missing is made.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ruamel.yaml import YAML

from examples.selection import Selection, as_csv, select, shift_years

HERE = Path(__file__).parent
FOLLOW_UP = "new-opportunity-follow-up"
QUICK_TOUR = "quick-tour"

LOOK_AGAIN_S = 0.3
PATIENCE = 200
"""Looks before giving up, about a minute: what is waited for takes seconds where a worker runs."""

Say = Callable[[str], None]


class Api(Protocol):
    """Decoded calls to the API under ``/api/v1``; a refusal is raised."""

    def get(self, path: str, **query: str | int | None) -> Any:
        """The answer of a GET."""
        ...

    def post(self, path: str, body: Any = None) -> Any:
        """The answer of a POST."""
        ...

    def patch(self, path: str, body: Any) -> Any:
        """The answer of a PATCH."""
        ...

    def upload(self, path: str, fields: Mapping[str, str], file: tuple[str, BinaryIO]) -> Any:
        """The answer of a multipart POST with one file."""
        ...

    def items(self, path: str, *, at_most: int, **query: str | int | None) -> Iterator[Any]:
        """The items of a list, page by page."""
        ...


class SampleIncomplete(Exception):
    """Part of the sample could not be loaded; loading again goes on where this ended."""


def load(api: Api, say: Say, *, now: datetime, if_fresh: bool = False) -> bool:
    """Load the sample; with ``if_fresh`` only where it never was. False when there was nothing to do.

    Raises:
        SampleIncomplete: rows were rejected, or no worker carries out what was asked for.
    """
    if if_fresh and api.get("/account")["sample_loaded_at"] is not None:
        return False
    selection = select()
    published = {each["slug"] for each in api.items("/workflows", at_most=1000) if each["version"] is not None}
    if not {FOLLOW_UP, QUICK_TOUR} & published:
        _load_users(api, selection, say)
        _load_records(api, selection, shift_years(now.date()), say)
    for slug in (FOLLOW_UP, QUICK_TOUR):
        if slug not in published:
            _publish(api, slug, say)
    _move(api, selection, now, say)
    api.patch("/account", {"sample_loaded_at": now.astimezone(UTC).isoformat()})
    return True


def _load_users(api: Api, selection: Selection, say: Say) -> None:
    """The agents of the accounts with their managers; everybody is at example.com."""
    known = {user["name"]: user["id"] for user in api.items("/users", at_most=10_000)}

    def user(name: str, manager: str | None) -> None:
        if name not in known:
            body = {"name": name, "email": f"{name.lower().replace(' ', '.')}@example.com"}
            known[name] = api.post("/users", {**body, "manager_id": known[manager] if manager else None})["id"]

    for row in selection.teams:
        user(row["manager"], None)
        user(row["sales_agent"], row["manager"])
    say(f"{len(known)} users")


def _load_records(api: Api, selection: Selection, years: int, say: Say) -> None:
    """Accounts, contacts and opportunities by the mappings that import the complete files."""
    accounts, contacts, pipeline = (mapping(name) for name in ("accounts", "contacts", "pipeline"))
    columns = pipeline["columns"]
    columns["name"] = {"property": "name"}
    columns["contact"] = {"associate": {"object": "contact", "by": "external_id"}}
    for column in ("engage_date", "close_date"):
        columns[column]["shift_years"] = years
    _import(api, "company", as_csv(list(selection.accounts)), accounts, say)
    _import(api, "contact", as_csv(list(selection.contacts)), contacts, say)
    _import(api, "opportunity", as_csv(list(selection.opportunities)), pipeline, say)


def mapping(name: str) -> dict[str, Any]:
    """The import mapping ``examples/mappings/<name>.yaml``."""
    return _yaml(HERE / "mappings" / f"{name}.yaml")


def definition(slug: str) -> dict[str, Any]:
    """The workflow definition ``examples/workflows/<slug>.yaml``."""
    return _yaml(HERE / "workflows" / f"{slug}.yaml")


def _yaml(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return read


def _import(api: Api, object: str, content: bytes, columns: dict[str, Any], say: Say) -> None:
    fields = {"mapping": json.dumps(columns), "key": "external_id", "wake": "false"}
    job = api.upload(f"/records/{object}/import", fields, ("sample.csv", io.BytesIO(content)))
    done = _until(lambda: _ended(api.get(f"/jobs/{job['id']}")), f"the import of the {object} records did not end")
    counts = done["counts"]
    if done["status"] != "done" or counts.get("rejected"):
        raise SampleIncomplete(
            f"job {job['id']} ended as {done['status']} with {counts.get('rejected', 0)} rejected rows"
        )
    say(f"{done['total']} {object} records: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items()) if n))


def _ended(job: Any) -> Any:
    return job if job["status"] in ("done", "failed", "cancelled") else None


def _publish(api: Api, slug: str, say: Say) -> None:
    drafts = {each["slug"] for each in api.items("/workflows", at_most=1000)}
    if slug not in drafts:
        api.post("/workflows", definition(slug))
    version = api.post(f"/workflows/{slug}/publish", {})["version"]
    say(f"workflow {slug}: version {version} is published and on")


def _move(api: Api, selection: Selection, now: datetime, say: Say) -> None:
    """Ten opportunities are talked about, eight contacts become leads, and one of the ten is won."""
    records = [_find(api, "opportunity", move.opportunity) for move in selection.moves]
    moved = leads = 0
    for record, move in zip(records, selection.moves, strict=True):
        if record["properties"].get("stage") == "Prospecting":
            values = {"stage": "Engaging", "close_value": move.value, "engage_date": now.date().isoformat()}
            api.patch(f"/records/opportunity/{record['id']}", {"properties": values})
            moved += 1
    imported = {row["contact_id"]: row["lifecycle_stage"] for row in selection.contacts}
    for external_id in selection.leads:
        contact = _find(api, "contact", external_id)
        if contact["properties"].get("lifecycle_stage") == imported[external_id]:
            api.patch(f"/records/contact/{contact['id']}", {"properties": {"lifecycle_stage": "lead"}})
            leads += 1
    say(f"{moved} opportunities moved to Engaging, {leads} contacts became leads")
    _win(api, records[0]["id"], now, say)


def _win(api: Api, opportunity_id: str, now: datetime, say: Say) -> None:
    """Win the first once its contact has its email and waits, so that its passage ends by the goal."""
    if api.get(f"/records/opportunity/{opportunity_id}")["properties"].get("stage") != "Engaging":
        return

    def waiting() -> Any:
        found = api.items("/enrollments", at_most=1000, workflow=FOLLOW_UP)
        mine = next((each for each in found if each["bound"] and each["bound"]["id"] == opportunity_id), None)
        return mine if mine and (mine["step"] == "gap" or mine["status"] == "ended") else None

    _until(waiting, "nobody has come to the delay of the workflow yet")
    values = {"stage": "Won", "close_date": now.date().isoformat()}
    api.patch(f"/records/opportunity/{opportunity_id}", {"properties": values})
    say("one opportunity was won, so its contact leaves by the goal")


def _find(api: Api, object: str, external_id: str) -> Any:
    where = {"property": "external_id", "op": "is", "value": external_id}
    found = api.post(f"/records/{object}/search", {"where": where, "limit": 1})["items"]
    if not found:
        raise SampleIncomplete(f"there is no {object} {external_id}: it was deleted, or the workflows were there first")
    return found[0]


def _until(look: Callable[[], Any], otherwise: str) -> Any:
    for _ in range(PATIENCE):
        found = look()
        if found is not None:
            return found
        time.sleep(LOOK_AGAIN_S)
    raise SampleIncomplete(f"{otherwise}: is a worker running? Load the sample again later")
