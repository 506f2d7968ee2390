"""What ``/metrics`` tells of an installation: how much waits, for how long, and what needs somebody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from domain.importing import ImportOptions
from domain.names import job_run_id
from services.authoring.pausing import pause_enrollment, pause_workflow, resume_workflow
from services.conversations.sending import send_mail
from services.installation import Installation
from services.jobs.import_pages import PAGE_ROWS, work_page
from services.jobs.imports import stage
from services.running.lost_runs import fail_lost_jobs
from store import tables
from store.sweep_failures import keep_failures
from store.sweeps import Sweep, begin_sweeps, note_sweep_error
from store.threads import move_sending
from tests.activities.calls import act
from tests.api.conftest import Caller
from tests.api.test_imports import CSV, MAPPING, upload
from tests.builders import Standing, make_record, stand_at_action
from tests.conversations.desk import Desk as HelpDesk
from tests.fixtures.clock import FixedClock
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk
from tests.services.running.test_holding import OFFICE, PLAIN


async def figures(api: Caller) -> dict[str, float]:
    """What is scraped, by name without ``followthrough_`` and the value of its label if it has one."""
    text = (await api.http.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {"/".join((s.name.removeprefix("followthrough_"), *s.labels.values())): s.value for s in samples}


async def test_a_relay_that_stands_still_is_seen_by_the_age_of_what_waits_for_it(
    api: Caller, clock: FixedClock
) -> None:
    assert (await figures(api))["oldest_change_seconds"] == 0
    contact = await api.create("contact", external_id="a")
    clock.advance(timedelta(seconds=40))
    await api.create("contact", external_id="b")
    found = await figures(api)
    assert (found["changes/waiting"], found["oldest_change_seconds"]) == (2, 40)
    await Desk(api.inst).work_off()
    # It happened long ago, and has just come.
    long_ago = clock.now() - timedelta(days=3)
    whose = {"object": "contact", "id": contact["id"]}
    event = {"event": "custom.visited", "record": whose, "occurred_at": long_ago.isoformat()}
    await api.ok("POST", "/events", event, status=202)
    clock.advance(timedelta(seconds=5))
    found = await figures(api)
    assert (found["changes/waiting"], found["oldest_change_seconds"]) == (1, 5)


async def test_what_temporal_does_not_take_is_seen_as_retrying(
    api: Caller, clock: FixedClock, runs: RecordingRuns
) -> None:
    desk = Desk(api.inst)
    journey = await desk.publish(by_hand("journey", [gap(days=1)]))
    await desk.enroll(journey, await desk.create("contact", email="a@example.com"))
    clock.advance(timedelta(seconds=7))
    found = await figures(api)
    assert (found["deliveries/waiting"], found["oldest_delivery_seconds"]) == (1, 7)
    assert (found["deliveries/retrying"], found["deliveries/postponed"]) == (0, 0)
    runs.down = True
    await desk.work_off()
    found = await figures(api)
    assert (found["deliveries/waiting"], found["deliveries/retrying"], found["deliveries/postponed"]) == (0, 1, 0)
    runs.down = False
    clock.advance(timedelta(minutes=1))
    found = await figures(api)
    assert (found["deliveries/waiting"], found["deliveries/retrying"], found["deliveries/postponed"]) == (0, 1, 0)
    await desk.work_off()
    found = await figures(api)
    assert (found["deliveries/retrying"], found["oldest_delivery_seconds"]) == (0, 0)


async def standing(inst: Installation, slug: str, **definition: object) -> Standing:
    contact = await make_record(inst, "contact", {"email": f"{slug}@example.com"})
    return await stand_at_action(inst, contact, "send_email", PLAIN, slug=slug, **definition)  # type: ignore[arg-type]


async def test_who_is_late_is_told_apart_from_who_is_held_and_who_is_paused(api: Caller, clock: FixedClock) -> None:
    an_hour_earlier = {**OFFICE, "window": {**OFFICE["window"], "from": "08:00"}}  # type: ignore[dict-item]
    paused = await standing(api.inst, "paused", settings=an_hour_earlier)
    held = await standing(api.inst, "held", settings=OFFICE)
    clock.advance(timedelta(hours=11))
    for each in (paused, held):
        assert (await act(each, "send_email")).kind == "wait"
    found = await figures(api)
    assert (found["held_messages"], found["held_enrollments"], found["wake_lateness_seconds"]) == (2, 0, 0)
    async with api.inst.db.transaction() as tx:
        await pause_enrollment(tx, paused.enrollment.id, now=clock.now())
    clock.advance(timedelta(hours=13, seconds=90))
    # Its time came, and it was not asked about yet.
    found = await figures(api)
    assert (found["held_messages"], found["held_enrollments"], found["wake_lateness_seconds"]) == (2, 0, 90)
    assert (await act(paused, "send_email")).kind == "held"
    found = await figures(api)
    assert (found["held_messages"], found["held_enrollments"], found["wake_lateness_seconds"]) == (2, 1, 90)
    assert (await act(held, "send_email")).kind == "go"
    found = await figures(api)
    assert (found["held_messages"], found["held_enrollments"]) == (1, 1)


async def test_who_is_resumed_each_at_a_moment_of_their_own_is_not_late_until_then(
    api: Caller, clock: FixedClock
) -> None:
    held = await standing(api.inst, "held", settings={**OFFICE, "spread_minutes": 1440})
    clock.advance(timedelta(hours=11))
    wakes_at = (await act(held, "send_email")).wake_at
    assert wakes_at is not None
    async with api.inst.db.transaction() as tx:
        await pause_workflow(tx, api.inst, "held", now=clock.now())
    clock.advance(wakes_at - clock.now() + timedelta(hours=3))
    assert (await act(held, "send_email")).kind == "held"
    async with api.inst.db.transaction() as tx:
        await resume_workflow(tx, api.inst, "held", now=clock.now())
    found = await figures(api)
    assert (found["deliveries/waiting"], found["deliveries/postponed"], found["held_enrollments"]) == (0, 1, 0)
    assert (found["wake_lateness_seconds"], found["oldest_delivery_seconds"]) == (0, 0)
    assert (await api.ok("GET", "/trouble"))["items"] == []
    clock.advance(timedelta(days=1))
    await Desk(api.inst).work_off()
    # It was told, and does not go on all the same.
    found = await figures(api)
    assert (found["deliveries/postponed"], found["wake_lateness_seconds"]) == (0, timedelta(hours=27).total_seconds())
    (trouble,) = (await api.ok("GET", "/trouble"))["items"]
    assert trouble["class"] == "overdue"


async def test_a_workflow_that_is_paused_makes_nobody_late(api: Caller, clock: FixedClock) -> None:
    held = await standing(api.inst, "held", settings=OFFICE)
    clock.advance(timedelta(hours=11))
    await act(held, "send_email")
    clock.advance(timedelta(days=1))
    assert (await figures(api))["wake_lateness_seconds"] > 0
    async with api.inst.db.transaction() as tx:
        await tx.run(update(tables.workflows).values(is_paused=True))
    assert (await figures(api))["wake_lateness_seconds"] == 0


@pytest.mark.parametrize(("asks", "waiting"), [(True, 1), (False, 0)])
async def test_an_effect_somebody_must_decide_is_told_apart_from_one_nobody_waits_for(
    api: Caller, asks: bool, waiting: int
) -> None:
    sent = await standing(api.inst, "sent")
    await act(sent, "send_email")
    async with api.inst.db.transaction() as tx:
        await tx.run(update(tables.effects).values(state="unknown", asks=asks))
        await tx.run(update(tables.visits).values(outcome=None))
    found = await figures(api)
    assert (found["effects/unknown"], found["undecided_effects"]) == (1, waiting)


async def test_jobs_are_told_by_kind_and_status_and_how_long_the_oldest_was_not_worked_on(
    api: Caller, clock: FixedClock, runs: RecordingRuns
) -> None:
    assert (await figures(api))["jobs/import/queued"] == 0
    rows = "".join(f"c{number}@example.com,Oslo\n" for number in range(PAGE_ROWS + 1))
    job = (await upload(api, f"Mail,City\n{rows}".encode())).json()
    clock.advance(timedelta(seconds=7))
    found = await figures(api)
    assert (found["jobs/import/queued"], found["oldest_job_seconds/import"]) == (1, 7)
    assert (found["jobs/enrollment/queued"], found["oldest_job_seconds/enrollment"]) == (0, 0)
    await work_page(api.inst, job["id"])
    clock.advance(timedelta(seconds=5))
    found = await figures(api)
    assert (found["jobs/import/running"], found["oldest_job_seconds/import"]) == (1, 5)
    await api.ok("POST", f"/jobs/{job['id']}/pause")
    found = await figures(api)
    assert (found["jobs/import/paused"], found["oldest_job_seconds/import"]) == (1, 0)
    await api.ok("POST", f"/jobs/{job['id']}/resume")
    runs.ends[job_run_id("import", job["id"])] = "terminated"
    clock.advance(timedelta(hours=1))
    await fail_lost_jobs(api.inst)
    found = await figures(api)
    assert (found["jobs/import/failed"], found["oldest_job_seconds/import"]) == (1, 0)


async def test_an_upload_that_is_still_arriving_has_not_failed(api: Caller) -> None:
    seen = []

    async def arriving() -> AsyncIterator[bytes]:
        yield CSV
        (job,) = (await api.ok("GET", "/jobs"))["items"]
        found = await figures(api)
        seen.append((job["status"], found["jobs/import/failed"]))

    options = ImportOptions(object="contact", mapping=MAPPING, key="email")
    await stage(api.inst, arriving(), options)
    assert seen == [("failed", 0)]
    assert (await figures(api))["jobs/import/queued"] == 1


async def test_what_colleagues_wrote_and_was_not_sent_is_told_with_its_age(api: Caller, clock: FixedClock) -> None:
    thread = await (desk := await HelpDesk.opened(api)).thread(await desk.mail())
    user = await api.ok("POST", "/users", {"name": "Kim Lund", "email": "kim@example.com"}, status=201)
    answer = {"text": "It is on its way.", "user": user["id"]}
    mail = (await api.ok("POST", f"/threads/{thread['id']}/messages", answer, status=202))["id"]
    clock.advance(timedelta(seconds=30))
    found = await figures(api)
    assert (found["thread_mails/queued"], found["thread_mails/handed_over"]) == (1, 0)
    assert found["oldest_thread_mail_seconds"] == 30
    async with api.inst.db.transaction() as tx:
        assert await move_sending(tx, mail, was="queued", now="handed_over")
    found = await figures(api)
    assert (found["thread_mails/queued"], found["thread_mails/handed_over"]) == (0, 1)
    assert found["oldest_thread_mail_seconds"] == 30
    assert await send_mail(api.inst, mail) == "sent"
    found = await figures(api)
    assert (found["thread_mails/handed_over"], found["oldest_thread_mail_seconds"]) == (0, 0)


async def test_sweeps_that_fail_and_what_they_stepped_past_are_counted(api: Caller) -> None:
    now = api.inst.clock.now()
    async with api.inst.db.transaction() as tx:
        await begin_sweeps(tx, ["trigger:w:t1", "trigger:w:t2"], at=now)
        await note_sweep_error(tx, Sweep(name="trigger:w:t2", swept_at=now), "ValueError: broken", now=now)
        await keep_failures(tx, "trigger:w:t1", {"one": "broken", "two": "broken"}, since=now, now=now)
    found = await figures(api)
    assert (found["failing_sweeps"], found["sweep_failures"]) == (1, 2)
