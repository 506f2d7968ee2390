"""The audit log: every change to the set-up leaves a row, in its transaction, that says who, when and what."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from api.__main__ import accept_bootstrap_key
from domain.audit import INSTALLATION, differing
from services.authoring.turning_off import turn_off_due
from services.records.keys import add_key
from settings import Settings
from tests.api.conftest import Caller
from tests.api.test_hooks import hooked
from tests.fixtures.auditing import audited
from tests.fixtures.clock import FixedClock

SECRET = "s3cr3t-of-the-crm"


class Step(NamedTuple):
    """One change: the route as it is declared, what its address needs, and what it is a change of."""

    route: str
    subject: str
    body: Any = None
    status: int = 200
    query: str = ""


UNIQUE = {"name": "n", "type": "string", "unique": True}
TASK = {"id": "look", "kind": "action", "action": "create_task", "config": {"title": "Look"}}
STORY = [
    Step("POST /users", "{user}", {"name": "Kim", "email": "kim@example.com"}, 201),
    Step("PATCH /users/{user_id}", "{user}", {"role": "editor"}),
    Step("POST /teams", "sales", {"slug": "sales"}, 201),
    Step("PATCH /teams/{slug}", "sales", {"name": "Sales Europe"}),
    Step("POST /api-keys", "{key}", {"name": "Shop", "scopes": ["records:read"]}, 201),
    Step("DELETE /api-keys/{key_id}", "{key}", None, 204),
    Step("PATCH /account", "account", {"name": "Us", "timezone": "Europe/Oslo"}),
    Step("PUT /secrets/{name}", "crm_key", {"value": SECRET}),
    Step("DELETE /secrets/{name}", "crm_key", None, 204),
    Step("POST /objects", "plan", {"name": "plan", "properties": [UNIQUE]}, 201),
    Step("PATCH /objects/{object}", "plan", {"label": "Plans"}),
    Step("POST /objects/{object}/properties", "plan/level", {"name": "level", "type": "string"}, 201),
    Step("PATCH /objects/{object}/properties/{name}", "plan/level", {"label": "How high"}),
    Step("DELETE /objects/{object}/properties/{name}", "plan/level", None, 204),
    Step(
        "POST /pipelines/{object}",
        "ticket/vip",
        {"value": "vip", "stages": [{"value": "In"}, {"value": "Out", "closed": True}]},
        201,
    ),
    Step("PATCH /pipelines/{object}/{pipeline}", "ticket/vip", {"sets_close_date": False}),
    Step("PUT /pipelines/{object}/{pipeline}/stages/{stage}/automation", "ticket-vip-in", {"steps": [TASK]}, 201),
    Step("DELETE /pipelines/{object}/{pipeline}/stages/{stage}/automation", "ticket-vip-in", None, 204),
    Step("POST /pipelines/{object}/{pipeline}/stages/{stage}/automation/detach", "ticket-vip-in"),
    Step("DELETE /pipelines/{object}/{pipeline}", "ticket/vip", None, 204),
    Step("POST /channels", "chat", {"slug": "chat", "kind": "chat"}, 201),
    Step("PATCH /channels/{slug}", "chat", {"name": "Chat"}),
    Step("DELETE /channels/{slug}", "chat", None, 204),
    Step("POST /lists", "vips", {"slug": "vips", "object": "contact"}, 201),
    Step("PATCH /lists/{slug}", "vips", {"name": "VIPs"}),
    Step("DELETE /lists/{slug}", "vips", None, 204),
    Step("POST /subscription-types", "news", {"slug": "news"}, 201),
    Step("PATCH /subscription-types/{slug}", "news", {"name": "News"}),
    Step(
        "PUT /records/contact/{record_id}/subscriptions", "{contact}", {"subscriptions": {"news": "subscribed"}}
    ),
    Step("POST /suppressions", "bo@example.com", {"address": "Bo@example.com", "reason": "bounced"}, 201),
    Step("DELETE /suppressions/{address}", "bo@example.com", None, 204),
    Step("POST /emails", "hello", {"slug": "hello", "subject": "Hi", "html": "<p>Hi</p>"}, 201),
    Step("PATCH /emails/{slug}", "hello", {"subject": "Hello"}),
    Step("POST /recipes/{slug}/install", "welcome-message", {}, 201),
    Step("POST /workflows", "hooked", hooked(), 201),
    Step("PUT /workflows/{slug}", "hooked", {**hooked(), "name": "Renamed"}),
    Step("PATCH /workflows/{slug}/steps/{step}", "hooked", {"note": "Kim asked for this"}),
    Step("PUT /workflows/{slug}/folder", "hooked", {"folder": "Sales/Leads"}),
    Step("POST /folders/rename", "hooked", {"folder": "Sales", "to": "Growth"}),
    Step("POST /workflows/{slug}/publish", "hooked", {}),
    Step("PATCH /workflows/{slug}/settings", "hooked", {"spread_minutes": 7}),
    Step("POST /workflows/{slug}/hooks/{trigger}/renew", "hooked"),
    Step("POST /workflows/{slug}/pause", "hooked"),
    Step("POST /workflows/{slug}/resume", "hooked"),
    Step("POST /workflows/{slug}/turn-off", "hooked"),
    Step("POST /workflows/{slug}/turn-on", "hooked"),
    Step("POST /workflows/{slug}/clone", "copy", {"slug": "copy"}, 201),
    Step("DELETE /workflows/{slug}/steps/{step}", "hooked"),
    Step("DELETE /workflows/{slug}", "hooked", None, 204),
]  # fmt: skip
"""Every route that is audited, in an order in which each can do its work."""


def _path(step: Step, known: dict[str, str]) -> tuple[str, str]:
    """Method and address of a step; what its address names follows from what it is a change of."""
    method, path = step.route.split()
    object, _, second = step.subject.partition("/")
    values = {
        "user_id": known.get("user"), "key_id": known.get("key"), "record_id": known["contact"], "object": object,
        "pipeline": second, "name": second or step.subject, "slug": "hooked" if "clone" in path else step.subject,
        "address": step.subject, "trigger": "t1", "step": known["step"],
    }  # fmt: skip
    if "/stages/" in path:
        values |= {"object": "ticket", "pipeline": "vip", "stage": "In"}
    return method, re.sub(r"{(\w+)}", lambda found: str(values[found[1]]), path)


async def _do(api: Caller, step: Step, known: dict[str, str]) -> Any:
    method, path = _path(step, known)
    return await api.call(method, path, step.body, If_Match="*")


def _learn(step: Step, answer: Any, known: dict[str, str]) -> None:
    if step.subject in ("{user}", "{key}") and step.status == 201:
        known[step.subject.strip("{}")] = answer.json()["id"]


async def _newest(api: Caller, **query: str) -> list[Any]:
    asked = "&".join(f"{name}={value}" for name, value in {"limit": "200", **query}.items())
    items: list[Any] = (await api.ok("GET", f"/audit?{asked}"))["items"]
    return items


async def _known(api: Caller) -> dict[str, str]:
    contact = await api.create("contact", email="ana@example.com")
    (step,) = [each["id"] for each in hooked()["steps"]]
    return {"contact": contact["id"], "step": step}


def test_the_story_has_every_route_that_is_audited() -> None:
    assert {tuple(step.route.split()) for step in STORY} == set(audited())


async def test_every_change_to_the_set_up_leaves_its_row(api: Caller) -> None:
    """Of whom, what, and how it was before: each row goes on where the one before it ended."""
    known = await _known(api)
    what_of = {" ".join(row): what for row, what in audited().items()}
    ends: dict[tuple[str, str], Any] = {}
    me = (await api.ok("GET", "/api-keys"))["items"][0]
    for step in STORY:
        before = {entry["id"] for entry in await _newest(api)}
        answer = await _do(api, step, known)
        assert answer.status_code == step.status, f"{step.route}: {answer.text}"
        _learn(step, answer, known)
        new = [entry for entry in await _newest(api) if entry["id"] not in before]
        mine = [each for each in new if each["what"] == what_of[step.route]]
        assert len(mine) == 1, f"{step.route} leaves {[each['what'] for each in new]}"
        (entry,) = mine
        subject = step.subject.format(**known)
        assert (entry["subject"], entry["kind"]) == (subject, entry["what"].partition(".")[0]), step.route
        assert entry["by"] == {
            "kind": "key",
            "key_id": me["id"],
            "key_name": "test",
            "user_id": None,
            "user_name": None,
        }
        assert entry["at"] == api.inst.clock.now().isoformat().replace("+00:00", "Z")
        assert entry["before"] != entry["after"], step.route
        assert entry["after"] is not None or step.route.startswith("DELETE"), step.route
        _hold_continuous(ends, entry)
        if not step.route.startswith("POST /recipes"):
            assert len(new) == 1, step.route
    assert SECRET not in (await api.call("GET", "/audit?limit=200")).text


def _hold_continuous(ends: dict[tuple[str, str], Any], entry: Any) -> None:
    """Nothing became of a thing but what its entries say: each begins as the one before it ended."""
    thing = (entry["kind"], entry["subject"])
    was, became = entry["before"] or {}, entry["after"] or {}
    if thing in ends:
        assert differing(ends[thing], _over(ends[thing], {}, was)) == ({}, {}), entry
    ends[thing] = _over(ends.get(thing, {}), was, became)


def _over(known: dict[str, Any], was: dict[str, Any], became: dict[str, Any]) -> dict[str, Any]:
    """A state once a difference was made to it."""
    made = {name: value for name, value in known.items() if name in became or name not in was}
    for name, value in became.items():
        old = known.get(name)
        made[name] = (
            _over(old, was.get(name) or {}, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return made


@asynccontextmanager
async def _log_that_takes_nothing(api: Caller) -> AsyncIterator[None]:
    async with api.inst.db.transaction() as tx:
        await tx.run(
            text("CREATE TRIGGER full BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'the log is full'); END")
        )
    yield
    async with api.inst.db.transaction() as tx:
        await tx.run(text("DROP TRIGGER full"))


async def test_a_change_that_cannot_be_written_down_is_not_made(lite: Caller) -> None:
    """Every one of them: it fails while the log takes nothing, and then does its whole work, as if never tried."""
    known = await _known(lite)
    for step in STORY:
        async with _log_that_takes_nothing(lite):
            refused = await _do(lite, step, known)
            assert refused.status_code == 500, f"{step.route}: {refused.status_code} {refused.text}"
        count = len(await _newest(lite))
        answer = await _do(lite, step, known)
        assert answer.status_code == step.status, f"{step.route}: {answer.text}"
        _learn(step, answer, known)
        assert len(await _newest(lite)) > count, step.route


async def test_what_changes_nothing_leaves_no_row(api: Caller) -> None:
    await api.publish(hooked())
    count = len(await _newest(api))
    await api.ok("POST", "/workflows/hooked/publish", {})
    await api.ok("POST", "/workflows/hooked/turn-on")
    await api.ok("PUT", "/workflows/hooked", (await api.ok("GET", "/workflows/hooked"))["definition"], If_Match="*")
    await api.ok("PATCH", "/account", {"name": (await api.ok("GET", "/account"))["name"]})
    await api.problem("DELETE", "/api-keys/nobody", status=404)
    await api.problem("POST", "/workflows", hooked(), status=409)
    first = await api.ok("POST", "/lists", {"slug": "a", "object": "contact"}, status=201, Idempotency_Key="once")
    again = await api.ok("POST", "/lists", {"slug": "a", "object": "contact"}, status=201, Idempotency_Key="once")
    assert first == again
    assert len(await _newest(api)) == count + 1


async def test_of_changes_at_once_each_begins_where_another_ended(api: Caller) -> None:
    names = [f"N{n}" for n in range(8)]
    await asyncio.gather(*(api.ok("PATCH", "/account", {"name": name}) for name in names))
    entries = await _newest(api)
    became = {entry["before"]["name"]: entry["after"]["name"] for entry in entries}
    assert len(became) == len(entries) == len(names)
    (first,) = set(became) - set(became.values())
    for _ in names:
        first = became[first]
    assert first == (await api.ok("GET", "/account"))["name"]


async def test_of_a_draft_it_is_said_which_parts_changed_and_never_what_they_hold(api: Caller) -> None:
    await api.publish(hooked())
    draft = (await api.ok("GET", "/workflows/hooked"))["definition"]
    (step,) = draft["steps"]
    draft["steps"] = [{**step, "for": {"days": 5}}, {"id": "pause", "kind": "delay", "for": {"days": 9}}]
    await api.ok("PUT", "/workflows/hooked", draft, If_Match="*")
    entry = (await _newest(api))[0]
    assert (set(entry["before"]), set(entry["after"])) == ({"steps"}, {"steps"})
    assert set(entry["before"]["steps"]) == {step["id"]}
    assert set(entry["after"]["steps"]) == {step["id"], "pause"}
    assert all(re.fullmatch("[0-9a-f]{16}", hash) for hash in entry["after"]["steps"].values())


async def test_what_a_recipe_adds_is_written_down_part_by_part(lite: Caller) -> None:
    await lite.ok("POST", "/recipes/welcome-message/install", {"publish": True}, status=201)
    told = {(entry["what"], entry["subject"]) for entry in await _newest(lite)}
    assert told == {
        ("recipe.installed", "welcome-message"),
        ("subscription_type.created", "newsletter"),
        ("email.created", "welcome"),
        ("workflow.created", "welcome-message"),
    }
    (made,) = await _newest(lite, what="recipe.installed")
    assert made["after"]["workflows"] == ["welcome-message"]


async def test_the_user_behind_a_key_is_named_and_found(api: Caller) -> None:
    body = {"name": "Kim", "email": "kim@example.com", "role": "editor"}
    kim = await api.ok("POST", "/users", body, status=201)
    made = await api.ok("POST", "/api-keys", {"name": "laptop", "user_id": kim["id"]}, status=201)
    mine = api.having(made["key"])
    await mine.publish(hooked())
    entries = await _newest(api, user=kim["id"])
    assert [entry["what"] for entry in entries] == ["workflow.published", "workflow.created"]
    names = {"key_id": made["id"], "key_name": "laptop", "user_id": kim["id"], "user_name": "Kim"}
    assert entries[0]["by"] == {"kind": "key", **names}
    assert await _newest(api, key=made["id"]) == entries
    await mine.problem("GET", "/audit", status=403)


async def test_the_log_is_narrowed_paged_and_taken_along(api: Caller, clock: FixedClock) -> None:
    await api.publish(hooked())
    clock.advance(timedelta(hours=1))
    later = clock.now().isoformat().replace("+", "%2B")
    await api.ok("POST", "/workflows/hooked/pause")
    await api.ok("PATCH", "/account", {"name": "=Us"})
    whole = await _newest(api)
    assert [entry["what"] for entry in whole] == [
        "account.changed", "workflow.paused", "workflow.published", "workflow.created",
    ]  # fmt: skip
    assert await _newest(api, kind="workflow", subject="hooked") == whole[1:]
    assert await _newest(api, what="workflow.paused") == whole[1:2]
    assert await _newest(api, since=later) == whole[:2]
    assert await _newest(api, until=later) == whole[2:]
    assert await _newest(api, key="nobody") == []
    first = await api.ok("GET", "/audit?limit=3")
    rest = await api.ok("GET", f"/audit?limit=3&cursor={first['next_cursor']}")
    assert [*first["items"], *rest["items"]] == whole
    assert rest["next_cursor"] is None
    await api.problem("GET", "/audit?kind=unicorn", status=422)

    answer = await api.call("GET", "/audit?format=csv&kind=account")
    head, line = csv.reader(answer.text.splitlines())
    assert head == ["at", "what", "subject", "by", "user", "key", "before", "after"]
    assert line[1:6] == ["account.changed", "account", "key", "", "test"]
    assert line[7] == '{"name": "=Us"}'
    less = await api.with_scopes("admin")
    await less.problem("GET", "/audit?format=csv", status=403)


async def test_what_the_installation_and_the_product_do_is_written_down_as_theirs(
    api: Caller, clock: FixedClock
) -> None:
    settings = Settings(bootstrap_key=SecretStr("ft_given_by_the_settings"))
    for _ in range(2):
        await accept_bootstrap_key(api.inst, settings)
    (made,) = await _newest(api, kind="key")
    assert (made["by"]["kind"], made["what"], made["after"]["name"]) == ("installation", "key.created", "bootstrap")
    assert "ft_given" not in str({**made, "after": {**made["after"], "prefix": ""}})
    async with api.inst.db.transaction() as tx:
        await add_key(tx, INSTALLATION, "by hand", scopes=["admin"], now=clock.now())
    assert [entry["after"]["name"] for entry in await _newest(api, kind="key")] == ["by hand", "bootstrap"]

    until = clock.now() + timedelta(days=1)
    await api.publish({**hooked(), "settings": {"turn_off_at": until.isoformat()}})
    clock.advance(timedelta(days=2))
    assert await turn_off_due(api.inst) == 1
    entry = (await _newest(api))[0]
    assert (entry["what"], entry["subject"], entry["by"]["kind"]) == ("workflow.turned_off", "hooked", "product")
    assert (entry["before"]["is_on"], entry["after"]["is_on"]) == (True, False)


@pytest.mark.parametrize(
    ("before", "after", "was", "became"),
    [
        ({"a": 1}, {"a": 1}, {}, {}),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 2}, {"b": 3}),
        ({"a": 1}, {"b": None}, {"a": 1}, {"b": None}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "z": 3}}, {"a": {"y": 2}}, {"a": {"z": 3}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1, 2]}, {"a": [1]}),
        ({"a": {"x": 1}}, {"a": None}, {"a": {"x": 1}}, {"a": None}),
    ],
)
def test_of_two_states_what_differs_is_told(before: Any, after: Any, was: Any, became: Any) -> None:
    assert differing(before, after) == (was, became)
