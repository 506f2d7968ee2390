"""The command line against a listening API, as a person types it."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from api.app import create_app
from cli import app
from domain.access import ROLES, SCOPES
from domain.jobs import EnrollmentCall
from domain.messages import StepCall
from domain.occurrences import OccurrenceCall
from domain.records import Cause
from services.installation import Installation
from services.jobs.bulk_enrollment import enroll_page
from services.jobs.import_pages import work_page
from services.records.subscriptions import create_type
from services.recurring.occurrences import open_occurrence
from services.running.steps import plan_delay
from settings import Settings
from store.changes import Stamp
from store.database import Database
from store.enrollments import get_enrollment
from store.people import insert_key, insert_user, replace_user
from tests.api.definitions import follow_up
from tests.fixtures.clock import START, FixedClock
from tests.fixtures.installations import assemble
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand

ROOT = Path(__file__).parents[1]


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Line:
    """A command line with its installation."""

    inst: Installation
    environment: dict[str, str | None]
    folder: Path

    async def run(self, *arguments: str, code: int = 0, **environment: str) -> Ran:
        """Type a command; it must end with ``code``."""
        runner = CliRunner()
        merged = {**self.environment, **environment}
        result = await asyncio.to_thread(runner.invoke, app, list(arguments), env=merged)
        assert result.exit_code == code, f"{result.exit_code}: {result.output} {result.exception!r}"
        return Ran(result.exit_code, result.stdout, result.stderr)

    def file(self, name: str, content: Any) -> str:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)


@pytest.fixture
async def line(sqlite_url: str, clock: FixedClock, runs: RecordingRuns, tmp_path: Path) -> AsyncIterator[Line]:
    """An API on a free port, and a terminal that knows it."""
    db = Database.open(sqlite_url)
    inst = assemble(db, clock, runs, tmp_path)
    async with db.transaction() as tx:
        _, secret = await insert_key(tx, name="test", scopes=SCOPES, now=clock.now())
    config = uvicorn.Config(create_app(inst), port=0, lifespan="off", log_config=None, ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    yield Line(inst, {"FOLLOWTHROUGH_URL": url, "FOLLOWTHROUGH_API_KEY": secret, "COLUMNS": "200"}, tmp_path)
    server.should_exit = True
    await serving
    await db.close()


async def contact(line: Line) -> str:
    """A contact made by an import; its reference."""
    from services.records.records import create_record
    from tests.fixtures.records import writing

    async with line.inst.db.transaction() as tx:
        await create_record(tx, await writing(tx), "contact", {"email": "ana@example.com", "score": 3})
    return "contact/email/ana@example.com"


async def test_explain_tells_whether_a_record_would_enter_and_why(line: Line) -> None:
    reference = await contact(line)
    definition = follow_up(entry={**follow_up()["entry"], "suppress": {"property": "score", "op": "gt", "value": 2}})
    await line.run("workflow", "publish", line.file("follow-up.yaml", definition))
    told = (await line.run("explain", "follow-up", reference)).out
    assert "and follow-up v1, which is on" in told
    assert "by hand: would not enter: the suppression condition holds (Score is greater than 2)" in told
    assert "    Score is greater than 2: yes, it is 3" in told
    assert "trigger t1 (Lifecycle stage is Lead): it does not hold now" in told
    assert "    Lifecycle stage is Lead: no, it is nothing" in told
    assert "  it never entered" in told
    assert "not known before it happens:" not in told
    found = (await line.run("explain", "follow-up", reference, "--json")).json
    assert found["by_hand"]["decision"] == "suppressed"
    seats = {"slug": "seats", "entry": {"triggers": []}, "parameters": [{"name": "seats", "required": True}]}
    await line.run("workflow", "publish", line.file("seats.yaml", follow_up(**seats)))
    told = (await line.run("explain", "seats", reference)).out
    assert "not known before it happens:\n  an entry by hand is refused unless it gives the parameter seats" in told
    await line.run("explain", "nope", reference, code=3)
    await line.run("explain", "follow-up", "contact/nobody", code=3)


async def test_a_definition_is_validated_pushed_published_and_pulled_back(line: Line) -> None:
    file = line.file("follow-up.yaml", follow_up())
    assert "no problems" in (await line.run("workflow", "validate", file)).out
    assert "draft saved" in (await line.run("workflow", "push", file)).out
    assert "version 1" in (await line.run("workflow", "publish", file)).out
    pulled = line.folder / "pulled.yaml"
    await line.run("workflow", "pull", "follow-up", "--out", str(pulled))
    first = pulled.read_bytes()
    await line.run("workflow", "push", str(pulled))
    await line.run("workflow", "pull", "follow-up", "--out", str(pulled), "--force")
    assert pulled.read_bytes() == first
    assert (await line.run("workflow", "turn-off", "follow-up", "--json")).json["is_on"] is False
    assert (await line.run("workflow", "turn-on", "follow-up", "--json")).json["is_on"] is True
    assert "follow-up" in (await line.run("workflow", "list")).out


async def test_a_definition_with_mistakes_is_refused_with_each_of_them(line: Line) -> None:
    wrong = follow_up(steps=[{"id": "gap", "kind": "delay", "for": {"days": 0}}])
    file = line.file("wrong.yaml", wrong)
    found = await line.run("workflow", "validate", file, code=1)
    assert "/steps/0" in found.out
    await line.run("workflow", "push", file)
    assert "/steps/0" in (await line.run("workflow", "publish", "follow-up", code=1)).err
    broken = line.file("broken.yaml", "slug: [")
    assert "broken.yaml" in (await line.run("workflow", "push", broken, code=1)).err


async def test_pulling_overwrites_nothing_unasked_and_says_what_it_cannot_write(line: Line) -> None:
    await line.run("workflow", "push", line.file("follow-up.yaml", follow_up()))
    mine = line.folder / "mine.yaml"
    line.file(mine.name, "mine")
    kept = await line.run("workflow", "pull", "follow-up", "--out", str(mine), code=1)
    assert "mine.yaml exists; --force overwrites it" in kept.err
    assert mine.read_text() == "mine"
    await line.run("workflow", "pull", "follow-up", "--out", str(mine), "--force")
    assert "slug: follow-up" in mine.read_text()
    away = await line.run("workflow", "pull", "follow-up", "--out", str(line.folder / "no" / "a.yaml"), code=1)
    assert f"there is no folder {line.folder / 'no'}" in away.err
    folder = await line.run("workflow", "pull", "follow-up", "--out", str(line.folder), "--force", code=1)
    assert "cannot be written: is a directory" in folder.err


async def test_publishing_says_what_was_given(line: Line) -> None:
    assert "there is no file nofile.yaml" in (await line.run("workflow", "publish", "nofile.yaml", code=2)).err
    await line.run("workflow", "publish", "no-workflow", code=3)
    steps = [{"id": "gap", "kind": "delay", "for": {"days": 0}}]
    for slug in ("Follow Up!", "x" * 64, "a/b", 7):
        wrong = line.file("wrong.yaml", follow_up(slug, steps=steps))
        for command in ("push", "publish"):
            refused = (await line.run("workflow", command, wrong, code=1)).err
            assert "/slug: a workflow needs a slug" in refused
            assert "/steps/0" in refused
        assert "/slug" in (await line.run("workflow", "validate", wrong, code=1)).out
    assert "is a mapping" in (await line.run("workflow", "push", line.file("list.yaml", "[1]"), code=1)).err


async def test_a_record_is_shown_changed_and_enrolled(line: Line) -> None:
    reference = await contact(line)
    assert "ana@example.com" in (await line.run("record", "get", reference)).out
    made = await line.run("record", "set", reference, "city=Oslo", "score=7", "--json")
    assert made.json["properties"] == {"email": "ana@example.com", "city": "Oslo", "score": 7}
    made = await line.run("record", "set", reference, "city=", "--json")
    assert "city" not in made.json["properties"]
    assert "/properties/score" in (await line.run("record", "set", reference, "score=many", code=1)).err

    goal = {"id": "won", "where": {"property": "city", "op": "is", "value": "Bergen"}}
    await line.run("workflow", "publish", line.file("follow-up.yaml", {**follow_up(), "exit": {"goals": [goal]}}))
    entered = await line.run("enroll", "follow-up", reference, "--json")
    assert entered.json["decision"] == "enrolled"
    shown = await line.run("enrollment", "show", entered.json["enrollment_id"])
    assert "follow-up" in shown.out
    listed = (await line.run("enrollment", "list")).out
    assert entered.json["enrollment_id"] in listed
    assert "ana@example.com" in listed
    told = (await line.run("report", "follow-up")).out
    assert "1 enrolled" in told
    assert "0 of 1 records reached one after an email, 0.0%" in told
    by_week = (await line.run("report", "follow-up", "--by", "week")).out.splitlines()
    assert by_week[0] == "follow-up by week, days of UTC"
    assert by_week[-1].split()[1:4] == ["1", "0", "0"]
    await line.run("report", "follow-up", "--from", "2026-01-01", code=2)
    assert (await line.run("messages", "--json")).json == []
    await line.run("enrollment", "unenroll", entered.json["enrollment_id"])
    again = await line.run("enroll", "follow-up", reference, code=1)
    assert "re_entry_off" in again.out


async def test_a_recipe_is_shown_and_installed(line: Line) -> None:
    assert "welcome-message" in (await line.run("recipe", "list")).out
    told = (await line.run("recipe", "show", "welcome-message")).out
    assert "form" in told
    assert "needs the subscription type newsletter" in told
    told = (await line.run("recipe", "show", "one-off-occasion")).out
    assert re.search(r"late +skip_sends or continue +skip_sends +What .* later: skip_sends sends them nothing", told)
    done = await line.run("recipe", "install", "welcome-message", "--set", "form=footer", "--publish")
    assert "added the email welcome" in done.out
    assert "welcome-message: published as version 1" in done.out
    await line.run("recipe", "install", "welcome-message", code=1)
    await line.run("recipe", "install", "none", code=3)
    await line.run("recipe", "install", "welcome-message", "--set", "form", code=2)


async def test_a_passage_of_a_yearly_workflow_tells_its_round(line: Line) -> None:
    reference = await contact(line)
    await line.run("record", "set", reference, "birthday=1996-02-29")
    steps = [{"id": "on", "kind": "delay", "until": {"anchor": {}, "time": "09:00"}}]
    anchor = {"property": "birthday", "yearly": True}
    yearly = follow_up("birthdays", type="date_property", anchor=anchor, steps=steps, entry={}, exit={})
    await line.run("workflow", "publish", line.file("birthdays.yaml", yearly))
    entered = await line.run("enroll", "birthdays", reference, "--json")
    assert ", round 1\n" in (await line.run("enrollment", "show", entered.json["enrollment_id"])).out


async def test_publishing_takes_in_who_matches_already_and_warns_of_dates_that_passed(
    line: Line, runs: RecordingRuns
) -> None:
    file = line.file("follow-up.yaml", follow_up())
    told = (await line.run("workflow", "publish", file, "--existing-records")).out
    assert f"job {runs.jobs[-1]} takes in whoever matches already" in told
    steps = [{"id": "pre", "kind": "delay", "until": {"anchor": {"days": -1}, "time": "09:00"}}]
    anchor = {"date": "2020-03-01", "time": "18:00"}
    past = {**follow_up(), "slug": "webinar", "type": "specific_date", "anchor": anchor, "steps": steps}
    told = (await line.run("workflow", "publish", line.file("webinar.yaml", past))).out
    assert "warning: /anchor/date: " in told
    told = (
        await line.run("workflow", "settings", "webinar", line.file("past.yaml", {"anchor": {"date": "2020-04-01"}}))
    ).out
    assert "warning: /anchor/date: " in told


async def test_many_are_enrolled_by_condition_list_or_ids(line: Line, runs: RecordingRuns, tmp_path: Path) -> None:
    contact_id = (await line.run("record", "get", await contact(line), "--json")).json["id"]
    await line.run("workflow", "publish", line.file("follow-up.yaml", follow_up()))
    where = '{"property": "email", "op": "is", "value": "ana@example.com"}'

    async def enrolled(*arguments: str, code: int = 0) -> Ran:
        before = len(runs.jobs)

        async def work() -> None:
            while len(runs.jobs) == before:
                await asyncio.sleep(0.01)
            call = EnrollmentCall(job_id=runs.jobs[-1])
            while (await enroll_page(line.inst, call)).status in ("queued", "running"):
                pass

        command = arguments if arguments[0] in ("unenroll", "workflow") else ("enroll", "follow-up", *arguments)
        _, ran = await asyncio.gather(work(), line.run(*command, code=code))
        return ran

    made = await enrolled("--where", where, "--json")
    assert made.json["counts"] == {"enrolled": 1}
    ids = tmp_path / "ids.txt"
    ids.write_text(f"{contact_id}\nnobody\n")
    told = await enrolled("--ids", str(ids), "--rate", "600")
    assert "2 of 2 records: 1 absorbed_update, 1 no_record" in told.out
    assert "entry-decisions?cause=" in told.out

    shorter = line.file("follow-up.yaml", follow_up(steps=follow_up()["steps"][:1]))
    told = (await line.run("workflow", "publish", shorter, "--move", "--dry-run")).out
    assert "follow-up: nothing was published; it would be version 2" in told
    assert "goes to" in told
    told = (await enrolled("workflow", "publish", shorter, "--move")).out
    assert "follow-up: version 2 is published and on\n1 of 1 inside were moved: 1 go on in it" in told

    told = await enrolled("unenroll", "follow-up", "--ids", str(ids))
    assert "1 of 2 records were taken out of follow-up; 1 were not in it" in told.out

    before = len(runs.jobs)
    assert "say who" in (await line.run("unenroll", "follow-up", code=2)).err
    for wrong, words in (
        ((), "say who"),
        (("contact/x", "--where", where), "say who"),
        (("--where", where, "--list", "vips"), "give one of"),
        (("--where", "country=NO"), "not valid JSON"),
        (("--where", where, "--opportunity", "x"), "--opportunity is about one record"),
    ):
        assert words in (await line.run("enroll", "follow-up", *wrong, code=2)).err
    assert (
        "/where/property"
        in (await line.run("enroll", "follow-up", "--where", '{"property": "x", "op": "is", "value": 1}', code=1)).err
    )
    assert "there is no list vips" in (await line.run("enroll", "follow-up", "--list", "vips", code=3)).err
    assert len(runs.jobs) == before


async def test_occurrences_are_listed_and_a_missed_one_is_run(
    line: Line, runs: RecordingRuns, clock: FixedClock
) -> None:
    await contact(line)
    trigger = {"id": "t1", "on": "filter", "where": {"property": "email", "op": "is", "value": "ana@example.com"}}
    schedule = {"every": "week", "weekdays": ["thu"], "at": "09:00", "timezone": "Europe/Oslo"}
    steps = [{"id": "gap", "kind": "delay", "for": {"days": 1}}]
    weekly = by_hand("weekly", steps, type="scheduled", schedule=schedule, entry={"triggers": [trigger]})
    await line.run("workflow", "publish", line.file("weekly.yaml", weekly))
    told = await line.run("workflow", "occurrences", "weekly")
    assert told.out.strip() == "next: 2027-03-04T09:00 (Every Thursday 09:00 · Europe/Oslo)"

    shown = (await line.run("workflow", "occurrences", "weekly", "--json")).json["next"]
    clock.set(datetime.fromisoformat(shown["at"]) + timedelta(hours=2))
    workflow_id = (await line.run("workflow", "list", "--json")).json[0]["id"]
    call = OccurrenceCall(workflow_id=workflow_id, local=shown["local"], at=shown["at"])
    await open_occurrence(line.inst, call)
    told = await line.run("workflow", "occurrences", "weekly")
    assert "next: 2027-03-11T09:00" in told.out
    assert "missed: it could not be opened for more than an hour" in told.out

    async def work() -> None:
        while not runs.jobs:
            await asyncio.sleep(0.01)
        await enroll_page(line.inst, EnrollmentCall(job_id=runs.jobs[-1]))

    _, ran = await asyncio.gather(work(), line.run("workflow", "run-missed", "weekly", "2027-03-04T09:00"))
    assert "1 entered of 1" in ran.out
    assert "opened" in (await line.run("workflow", "occurrences", "weekly")).out
    assert "has no occurrence" in (await line.run("workflow", "run-missed", "weekly", "tomorrow", code=3)).err


async def stand(line: Line, id: str, step: str) -> None:
    """Let an enrollment begin a delay, as its run does when it comes there."""
    async with line.inst.db.transaction() as tx:
        seen = await get_enrollment(tx, id)
        assert seen is not None
        call = StepCall(
            enrollment_id=id, workflow_id=seen.workflow_id, version=seen.version, step=step, n=1,
            now=line.inst.clock.now(), epoch=seen.epoch,
        )  # fmt: skip
        assert (await plan_delay(tx, line.inst, call)).kind == "wait"


async def test_an_enrollment_and_a_workflow_are_held_and_moved(line: Line) -> None:
    steps = [{"id": id, "kind": "delay", "for": {"days": 2}} for id in ("gap", "late", "last")]
    await line.run("workflow", "publish", line.file("follow-up.yaml", follow_up(steps=steps)))
    entered = await line.run("enroll", "follow-up", await contact(line), "--json")
    id = entered.json["enrollment_id"]
    assert "is paused" in (await line.run("enrollment", "pause", id)).out
    assert "is paused" not in (await line.run("enrollment", "resume", id)).out
    assert "at the step late" in (await line.run("enrollment", "move-to", id, "late")).out
    assert "no step 'none'" in (await line.run("enrollment", "move-to", id, "none", code=1)).err
    assert "no wait to skip" in (await line.run("enrollment", "skip-wait", id, code=1)).err
    await stand(line, id, "late")
    told = await line.run("enrollment", "skip-wait", id)
    assert f"{id} is active, at the step last" in told.out
    assert "no wait to skip" in (await line.run("enrollment", "skip-wait", id, code=1)).err
    assert (await line.run("workflow", "pause", "follow-up", "--json")).json["is_paused"] is True
    assert (await line.run("workflow", "resume", "follow-up", "--json")).json["is_paused"] is False
    assert "was taken out" in (await line.run("enrollment", "unenroll", id)).out
    assert "has ended" in (await line.run("enrollment", "pause", id, code=1)).err


async def test_what_a_contact_agrees_to_is_shown_and_set(line: Line) -> None:
    reference = await contact(line)
    async with line.inst.db.transaction() as tx:
        stamp = Stamp(now=line.inst.clock.now(), cause=Cause(kind="api"))
        for slug in ("newsletter", "offers"):
            await create_type(tx, slug, stamp, name=slug.title(), description="Monthly.")
    assert "newsletter    Newsletter" in (await line.run("subscriptions", "types")).out
    given = ("newsletter=subscribed", "offers=unsubscribed", "--source", "checkout", "--legal-basis", "consent")
    told = (await line.run("subscriptions", "set", reference, *given)).out
    assert re.search("newsletter +subscribed +checkout +consent", told)
    await line.run("subscriptions", "set", reference, "offers=not_specified")
    found = (await line.run("subscriptions", "show", reference, "--json")).json
    assert [(each["subscription"], each["state"]) for each in found["items"]] == [
        ("newsletter", "subscribed"), ("offers", "not_specified"),
    ]  # fmt: skip
    assert "write type=state" in (await line.run("subscriptions", "set", reference, "newsletter", code=2)).err
    unknown = await line.run("subscriptions", "set", reference, "news=subscribed", code=1)
    assert "there is no subscription type 'news'" in unknown.err
    await line.run("subscriptions", "show", "contact/email/nobody@example.com", code=3)
    await line.run("subscriptions", "show", "company/name/x", code=3)


async def test_addresses_and_numbers_are_kept_from_messages_and_let_go(line: Line) -> None:
    reference = await contact(line)
    given = ("Ana@example.com", "bo@example.com", "--reason", "bounced", "--source", "our old system")
    told = (await line.run("suppression", "add", *given)).out
    assert told.splitlines() == [f"nothing is sent to {each}@example.com (bounced)" for each in ("ana", "bo")]
    assert "known since 20" in (await line.run("suppression", "add", "ana@example.com", "--reason", "bounced")).out
    await line.run("suppression", "add", "+47 22 12 34 56", "--reason", "opted_out")
    shown = (await line.run("record", "get", reference, "--json")).json
    assert shown["properties"]["email_status"] == "bounced"

    listed = (await line.run("suppression", "list")).out
    assert re.search(r"^\+4722123456 +opted_out +- ", listed, re.MULTILINE)
    assert re.search(r"^ana@example.com +bounced +our old system +20", listed, re.MULTILINE)
    found = (await line.run("suppression", "list", "--reason", "bounced", "--json")).json
    assert [each["address"] for each in found] == ["ana@example.com", "bo@example.com"]
    assert len((await line.run("suppression", "list", "--reason", "bounced", "--limit", "1", "--json")).json) == 1
    (number,) = (await line.run("suppression", "list", "+47 22 12 34 56", "--json")).json
    assert (number["address"], number["reason"]) == ("+4722123456", "opted_out")
    assert (await line.run("suppression", "list", "bo@example.com", "--reason", "complained", "--json")).json == []

    lifted = (await line.run("suppression", "lift", "ana@example.com", "+47 22 12 34 56")).out
    assert lifted.splitlines() == ["messages go to ana@example.com again", "messages go to +47 22 12 34 56 again"]
    await line.run("suppression", "lift", "bo@example.com", "--reason", "complained", code=3)
    assert [each["address"] for each in (await line.run("suppression", "list", "--json")).json] == ["bo@example.com"]
    await line.run("suppression", "lift", "bo@example.com", "--reason", "bounced")
    shown = (await line.run("record", "get", reference, "--json")).json
    assert shown["properties"]["email_status"] == "ok"
    wrong = await line.run("suppression", "add", "cy@example.com", "ana at home", "--reason", "bounced", code=1)
    assert "ana at home: an email address must have an @-sign (the 1 before it is done)" in wrong.err


async def test_a_value_says_how_it_was_understood_and_how_the_other_is_written(line: Line) -> None:
    reference = await contact(line)
    refused = await line.run("record", "set", reference, "first_name=123", "sms_opted_out=maybe", code=1)
    assert """first_name: understood as the number 123; for the text write 'first_name="123"'""" in refused.err
    assert 'sms_opted_out: understood as the text "maybe"' in refused.err
    values = ('first_name="123"', "last_name=O'Neil", "score=4.5", "city=NaN")
    made = await line.run("record", "set", reference, *values, "--json")
    expected = {"first_name": "123", "last_name": "O'Neil", "score": 4.5, "city": "NaN", "email": "ana@example.com"}
    assert made.json["properties"] == expected


async def test_an_event_is_sent_once_and_listed(line: Line) -> None:
    who = "contact/email/ana@example.com"
    sent = ("event", "send", "form.submitted", who, "form=webinar", "seats=2", "--id", "f-1")
    assert "add --create to make it" in (await line.run(*sent, code=3)).err
    assert "--create" not in (await line.run("event", "send", "form.submitted", "contact/nobody", code=3)).err
    assert "--create" not in (await line.run("event", "send", "form.submitted", "planet/name/x", code=3)).err
    made = await line.run(*sent, "--create", "--json")
    assert made.json["properties"] == {"form": "webinar", "seats": 2}
    assert "duplicate: it was recorded before" in (await line.run(*sent)).out
    async with line.inst.db.transaction() as tx:
        _, tracker = await insert_key(tx, name="t", scopes=("events:write",), now=line.inst.clock.now())
    told = await line.run(*sent, FOLLOWTHROUGH_API_KEY=tracker)
    assert f"duplicate: it was recorded before, nothing was done\nform.submitted {made.json['id']}\n" == told.out
    found = await line.run("event", "list", "--record", who, "--json")
    assert [event["id"] for event in found.json] == [made.json["id"]]
    assert "form=webinar, seats=2" in (await line.run("event", "list")).out
    await line.run("event", "send", "form.submitted", "contact/some-id", "--create", code=2)
    assert "custom.<name>" in (await line.run("event", "send", "submitted", who, code=1)).err


async def test_a_list_is_made_filled_and_shown(line: Line) -> None:
    reference = await contact(line)
    made = await line.run("list", "create", "guests", "--name", "Guests")
    assert made.out == "guests: static list of contact\n"
    assert (await line.run("list", "add", "guests", reference)).out == "1 added to guests\n"
    shown = (await line.run("list", "show", "guests")).out
    assert "Guests: static list of contact, 1 member\n" in shown
    assert "ana@example.com" in shown
    await line.run("list", "remove", "guests", reference)
    assert (await line.run("list", "show", "guests", "--json")).json["records"] == []
    where = json.dumps({"property": "city", "op": "is", "value": "Oslo"})
    made = await line.run("list", "create", "oslo", "--where", where)
    assert made.out == "oslo: dynamic list of contact; its members are being found\n"
    assert "follow" in (await line.run("list", "add", "oslo", reference, code=1)).err
    await line.run("list", "create", "odd", "--where", "city is Oslo", code=2)
    assert "/where/op" in (await line.run("list", "create", "odd", "--where", '{"property": "city"}', code=1)).err
    assert [row.split()[:3] for row in (await line.run("list", "ls")).out.splitlines()[1:]] == [
        ["guests", "contact", "static"], ["oslo", "contact", "dynamic"],
    ]  # fmt: skip


async def test_an_email_is_pushed_shown_and_tried(line: Line) -> None:
    reference = await contact(line)
    said = {"slug": "hello", "name": "Hello", "subject": "Hello {{ contact.email }}", "html": "<p>Good day</p>"}
    file = line.file("hello.yaml", said)
    assert (await line.run("email", "push", file)).out == "hello: version 1\n"
    assert (await line.run("email", "push", file)).out == "hello: version 1\n"
    line.file("hello.yaml", {**said, "html": "<p>Good evening</p>"})
    assert (await line.run("email", "push", file)).out == "hello: version 2\n"
    line.file("hello.yaml", {**said, "html": "{{ contact.nick }}"})
    assert "/html: 'contact' has no 'nick'" in (await line.run("email", "push", file, code=1)).err
    assert "a slug" in (await line.run("email", "push", line.file("odd.yaml", {"subject": "x"}), code=1)).err
    assert (await line.run("email", "list")).out.splitlines()[1].split() == ["hello", "2", "Hello"]
    assert "Good evening" in (await line.run("email", "show", "hello")).out
    seen = (await line.run("email", "show", "hello", "--record", reference)).out
    assert seen == "Hello ana@example.com\n\nGood evening\n"
    sent = await line.run("email", "test", "hello", "--to", "kim@example.com", "--record", reference, "--json")
    assert [each["outcome"] for each in sent.json["items"]] == ["sent"]
    assert "/to/0" in (await line.run("email", "test", "hello", "--to", "kim", code=1)).err
    await line.run("email", "show", "nothing", code=3)
    line.file("hello.yaml", {**said, "html": "{{ company.name }}"})
    await line.run("email", "push", file)
    assert "no_record" in (await line.run("email", "show", "hello", "--record", reference, code=1)).out


async def test_the_hooks_of_a_workflow_are_shown_with_their_secrets(line: Line) -> None:
    trigger = {"id": "t1", "on": "webhook", "find": {"email": "/email"}}
    await line.run("workflow", "publish", line.file("hooked.yaml", follow_up(entry={"triggers": [trigger]})))
    (hook,) = (await line.run("workflow", "hooks", "follow-up", "--json")).json
    shown = (await line.run("workflow", "hooks", "follow-up")).out
    assert hook["path"].startswith("/api/v1/hooks/")
    assert hook["path"] in shown
    assert hook["secret"] in shown


async def test_a_record_is_found_by_a_text_of_digits_and_by_a_number(line: Line) -> None:
    reference = await contact(line)
    await line.run("record", "set", reference, 'external_id="0123"')
    assert "ana@example.com" in (await line.run("record", "get", "contact/external_id/0123")).out
    await line.run("record", "set", reference, 'external_id="123"')
    assert "ana@example.com" in (await line.run("record", "get", "contact/external_id/123")).out
    assert "ana@example.com" in (await line.run("record", "get", "contact/score/3")).out
    many = await line.run("record", "get", "contact/score/many", code=1)
    assert "number" in many.err


async def test_what_is_missing_wrong_or_away_has_its_own_exit_code(line: Line) -> None:
    assert "nobody" in (await line.run("enrollment", "show", "nobody", code=3)).err
    await line.run("record", "get", "contact/email/nobody@example.com", code=3)
    for command in (
        ["enrollment", "list", "--workflow", "nope"],
        ["messages", "--workflow", "nope"],
        ["report", "nope"],
    ):
        assert "there is no workflow nope" in (await line.run(*command, code=3)).err
    await line.run("record", "get", "contact", code=2)
    await line.run("workflow", "push", "missing.yaml", code=2)
    await line.run("explode", code=2)
    away = await line.run("report", "follow-up", code=4, FOLLOWTHROUGH_URL="http://127.0.0.1:9")
    assert "does not answer" in away.err
    refused = await line.run("report", "x", "--json", code=1, FOLLOWTHROUGH_API_KEY="ft_unknown")
    assert json.loads(refused.err)["status"] == 401


async def imported(line: Line, runs: RecordingRuns, *arguments: str, code: int) -> Ran:
    """Type an import and work its rows through, as its run does."""
    before = len(runs.jobs)

    async def work() -> None:
        while len(runs.jobs) == before:
            await asyncio.sleep(0.01)
        while (await work_page(line.inst, runs.jobs[-1])).status in ("queued", "running"):
            pass

    working = asyncio.create_task(work())
    found = await line.run("import", "contact", *arguments, "--key", "email", "--no-wake", code=code)
    await working
    return found


async def test_an_import_follows_its_job_and_tells_what_was_rejected(line: Line, runs: RecordingRuns) -> None:
    mapping = line.file("mapping.yaml", "columns:\n  Mail: {property: email}\n")
    file = line.file("people.csv", "Mail\nana@example.com\nno address\n")
    found = await imported(line, runs, file, "--mapping", mapping, "--json", code=5)
    assert found.json["counts"] == {"created": 1, "rejected": 1}
    assert [row["line"] for row in found.json["rejected"]] == [3]
    refused = await line.run("import", "contact", file, "--mapping", mapping, "--key", "colour", code=1)
    assert "--key: contact has no property colour" in refused.err
    wrong = line.file(
        "wrong.yaml", "columns:\n  Mail: {property: email, format: x}\n  Town: {property: city}\nmore: 1\n"
    )
    refused = await line.run("import", "contact", file, "--mapping", wrong, "--key", "email", code=1)
    assert f"{wrong}: /columns/Town: " in refused.err
    assert f"{wrong}: /columns/Mail/format: " in refused.err
    assert f"{wrong}: /more: " in refused.err
    twice = line.file("twice.csv", "Mail,Mail\na,b\n")
    refused = await line.run("import", "contact", twice, "--mapping", mapping, "--key", "email", code=1)
    assert f"{twice}: /header/1: " in refused.err


async def test_no_rejected_row_of_an_import_is_lost(line: Line, runs: RecordingRuns) -> None:
    columns = {"Mail": {"property": "email"}, "Points": {"property": "score"}, "Born": {"property": "birthday"}}
    mapping = line.file("mapping.yaml", {"columns": columns})
    wrong = "".join(f"nobody {n},{n},\n" for n in range(29))
    last = "bo@example.com,many,soon\nana@example.com,2,\n"
    file = line.file("people.csv", f"Mail,Points,Born\nana@example.com,1,\n{wrong}{last}")
    arguments = (file, "--mapping", mapping)
    found = await imported(line, runs, *arguments, "--json", code=5)
    assert [row["line"] for row in found.json["rejected"]] == list(range(3, 34))
    told = await imported(line, runs, *arguments, code=5)
    assert "… and 11 more: --json" in told.out

    out = line.folder / "rejected.csv"
    await imported(line, runs, *arguments, "--rejected", str(out), code=5)
    head, *lines = csv.reader(out.read_text().splitlines())
    assert head == ["line", "field", "reason", "value"]
    assert lines[0][:2] == ["3", "email"]
    assert lines[0][3] == "nobody 0"
    assert [(n, field, value) for n, field, _, value in lines[29:]] == [
        ("32", "score", "many"), ("32", "birthday", "soon"), ("33", "email", "ana@example.com"),
    ]  # fmt: skip
    assert sorted({int(n) for n, *_ in lines}) == list(range(3, 34))
    before = len(runs.jobs)
    kept = await line.run("import", "contact", *arguments, "--key", "email", "--rejected", str(out), code=1)
    assert "--force" in kept.err
    assert len(runs.jobs) == before, "refused before anything was sent"
    await imported(line, runs, *arguments, "--rejected", str(out), "--force", code=5)


async def test_users_are_given_roles_and_keys_are_ended_by_hand(line: Line) -> None:
    made = json.loads((await line.run("user", "add", "Kim", "kim@example.com", "--role", "editor", "--json")).out)
    assert (made["role"], made["sees_personal_data"]) == ("editor", True)
    async with line.inst.db.transaction() as tx:
        key, _ = await insert_key(tx, name="Kim's", scopes=(), user_id=made["id"], now=line.inst.clock.now())
    told = await line.run("user", "change", "kim@example.com", "--role", "viewer", "--no-personal-data", "--inactive")
    assert "Kim: viewer, left, without personal data" in told.out
    assert "viewer, left, without personal data" in (await line.run("user", "list")).out
    assert "no role" in (await line.run("user", "change", made["id"], "--role", "none", "--active")).out
    await line.run("user", "change", made["id"], code=2)
    shown = await line.run("key", "list")
    assert re.search(rf"{key.id} +Kim's +\S+ +{made['id']} +in use", shown.out)
    await line.run("key", "revoke", key.id)
    await line.run("key", "revoke", key.id, code=3)
    assert not re.search(rf"{key.id}.*in use", (await line.run("key", "list")).out)


async def test_the_audit_log_is_shown_and_written_to_a_file(line: Line) -> None:
    await line.run("workflow", "push", line.file("follow.json", follow_up()))
    shown = await line.run("audit", "--kind", "workflow")
    assert re.search(r"test +workflow.created +follow-up", shown.out)
    (entry,) = json.loads((await line.run("audit", "--subject", "follow-up", "--json")).out)
    assert entry["what"] == "workflow.created"
    assert json.loads((await line.run("audit", "--until", entry["at"], "--json")).out) == []
    out = line.folder / "audit.csv"
    await line.run("audit", "--csv", str(out))
    head, row = csv.reader(out.read_text().splitlines())
    assert dict(zip(head, row, strict=True))["what"] == "workflow.created"
    assert "--force" in (await line.run("audit", "--csv", str(out), code=1)).err
    assert "nobody@example.com" in (await line.run("audit", "--user", "nobody@example.com", code=3)).err


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOLLOWTHROUGH_")}
    environment = {**kept, "FOLLOWTHROUGH_DATA_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_fresh_folder_is_migrated_again_and_again_and_given_a_key(tmp_path: Path) -> None:
    for _ in range(2):
        migrated = command(tmp_path, "migrate")
        assert migrated.returncode == 0, migrated.stderr
        assert {json.loads(line)["logger"] for line in migrated.stderr.splitlines()} == {"alembic.runtime.migration"}
    made = command(tmp_path, "key", "create", "--scope", "records:read", "--json")
    assert json.loads(made.stdout)["key"].startswith("ft_")
    assert command(tmp_path, "key", "create", "--scope", "everything").returncode == 2
    assert command(tmp_path, "key", "create", "--scope", "admin", "--user", "kim@example.com").returncode == 2
    assert command(tmp_path, "key", "create", "--user", "kim@example.com").returncode == 3
    assert command(tmp_path, "outbox", "--json").stdout.strip() == "[]"


def test_a_key_for_encryption_is_one_that_the_settings_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = command(tmp_path, "key", "encryption", "2026").stdout.strip()
    monkeypatch.setenv("FOLLOWTHROUGH_ENCRYPTION_KEYS", made)
    ((name, secret),) = Settings.read().payload_keys
    assert (name, len(secret)) == ("2026", 32)
    assert command(tmp_path, "key", "encryption", "a b").returncode == 2


async def test_a_user_gets_a_key_that_follows_their_role(tmp_path: Path) -> None:
    await asyncio.to_thread(command, tmp_path, "migrate")
    db = Database.open(Settings(data_dir=tmp_path).database_url)
    ask = ("key", "create", "--name", "Kim's", "--user", "kim@example.com", "--json")
    async with db.transaction() as tx:
        kim = await insert_user(tx, name="Kim", email="kim@example.com", now=START)
        assert kim is not None
    refused = await asyncio.to_thread(command, tmp_path, *ask)
    assert (refused.returncode, "has no role" in refused.stderr) == (1, True)
    async with db.transaction() as tx:
        await replace_user(tx, kim.model_copy(update={"role": "viewer"}))
    made = json.loads((await asyncio.to_thread(command, tmp_path, *ask)).stdout)
    assert (made["user_id"], made["scopes"]) == (kim.id, [scope for scope in SCOPES if scope in ROLES["viewer"]])
    await db.close()


def test_the_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys, cli; print(sorted({'fastapi', 'sqlalchemy', 'temporalio', 'liquid'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    assert "enrollment" in command(tmp_path, "--help").stdout
