"""Bulk enrollment as a customer asks for it; the work itself is tests/services and tests/runs."""

from __future__ import annotations

from typing import Any

from domain.jobs import EnrollmentCall
from services.jobs.bulk_enrollment import enroll_page
from tests.api.conftest import Caller
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, gap

NORWAY = {"property": "country", "op": "is", "value": "NO"}
BULK = "/workflows/journey/enrollments/bulk"


async def journey(api: Caller, people: int = 2, **parts: Any) -> list[str]:
    await api.publish(by_hand("journey", [gap(days=1)], **parts))
    return [(await api.create("contact", email=f"c{n}@example.com", country="NO"))["id"] for n in range(people)]


async def test_a_bulk_enrollment_is_a_job_whose_decisions_are_listed(api: Caller, runs: RecordingRuns) -> None:
    await journey(api)
    answer = await api.call("POST", BULK, {"where": NORWAY, "rate_per_minute": 600})
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["kind"], job["status"], job["total"], job["done"]) == ("enrollment", "queued", 2, 0)
    assert job["input"]["where"] == NORWAY
    assert runs.jobs == [job["id"]]

    await enroll_page(api.inst, EnrollmentCall(job_id=job["id"]))
    job = await api.ok("GET", f"/jobs/{job['id']}")
    assert (job["status"], job["done"], job["counts"]) == ("done", 2, {"enrolled": 2})
    listed = await api.ok("GET", job["decisions"].removeprefix("/api/v1"))
    assert [item["decision"] for item in listed["items"]] == ["enrolled", "enrolled"]
    assert (await api.ok("GET", "/entry-decisions?cause=another"))["items"] == []


async def test_ids_are_rows_of_the_job(lite: Caller) -> None:
    contact, _ = await journey(lite)
    job = await lite.ok("POST", BULK, {"ids": [contact, "nobody"]}, status=202)
    assert job["input"]["ids"] == 2
    await enroll_page(lite.inst, EnrollmentCall(job_id=job["id"]))
    rows = (await lite.ok("GET", f"/jobs/{job['id']}/rows?outcome=no_record"))["items"]
    assert [row["cells"] for row in rows] == [["nobody"]]


async def test_the_same_key_makes_one_job(lite: Caller, runs: RecordingRuns) -> None:
    await journey(lite)
    first = await lite.ok("POST", BULK, {"where": NORWAY}, status=202, Idempotency_Key="once")
    again = await lite.ok("POST", BULK, {"where": NORWAY}, status=202, Idempotency_Key="once")
    assert first["id"] == again["id"]
    assert runs.jobs == [first["id"]]


async def test_exactly_one_way_to_say_who(lite: Caller) -> None:
    await journey(lite, 0)
    for body in ({}, {"where": NORWAY, "ids": ["a"]}, {"list": "vips", "where": NORWAY}):
        problem = await lite.problem("POST", BULK, body, status=422)
        assert "exactly one of where, list and ids" in str(problem)
    wrong = await lite.problem("POST", BULK, {"where": {"property": "none", "op": "is", "value": 1}}, status=422)
    assert [error["path"] for error in wrong["errors"]] == ["/where/property"]
    await lite.problem("POST", BULK, {"list": "vips"}, status=404)
    await lite.problem("POST", "/workflows/none/enrollments/bulk", {"where": NORWAY}, status=404)
    for rate in (0, "10"):
        await lite.problem("POST", BULK, {"where": NORWAY, "rate_per_minute": rate}, status=422)


async def test_a_key_that_may_not_enroll_may_not_enroll_in_bulk(lite: Caller) -> None:
    await journey(lite, 0)
    other = await lite.with_scopes("workflows:publish", "workflows:read", "enrollments:read")
    await other.problem("POST", BULK, {"where": NORWAY}, status=403)
    await other.problem("POST", "/workflows/journey/publish", {"existing_records": True}, status=403)


async def test_publishing_with_existing_records_answers_the_job(api: Caller, runs: RecordingRuns) -> None:
    trigger = {"id": "t1", "on": "filter", "where": NORWAY}
    await journey(api, entry={"triggers": [trigger]})
    published = await api.ok("POST", "/workflows/journey/publish", {"existing_records": True})
    assert runs.jobs == [published["job_id"]]
    await enroll_page(api.inst, EnrollmentCall(job_id=published["job_id"]))
    job = await api.ok("GET", f"/jobs/{published['job_id']}")
    assert (job["input"]["version"], job["counts"]) == (1, {"enrolled": 2})
    assert (await api.ok("POST", "/workflows/journey/publish", {}))["job_id"] is None


async def test_publishing_is_undone_when_existing_records_cannot_be_asked(lite: Caller) -> None:
    await lite.ok("POST", "/workflows", by_hand("journey", [gap(days=1)]), status=201)
    wrong = await lite.problem("POST", "/workflows/journey/publish", {"existing_records": True}, status=422)
    assert [error["path"] for error in wrong["errors"]] == ["/existing_records"]
    assert (await lite.ok("GET", "/workflows/journey"))["version"] is None


async def test_taking_many_out_is_a_job_too(api: Caller, runs: RecordingRuns) -> None:
    contact, other = await journey(api)
    await api.ok("POST", "/workflows/journey/enrollments", {"record": {"object": "contact", "id": contact}}, status=202)
    job = await api.ok("POST", "/workflows/journey/unenroll", {"ids": [contact, other]}, status=202)
    assert (job["kind"], job["total"], job["decisions"]) == ("unenrollment", 2, None)
    assert runs.jobs == [job["id"]]
    await enroll_page(api.inst, EnrollmentCall(job_id=job["id"]))
    rows = (await api.ok("GET", f"/jobs/{job['id']}/rows?outcome=unenrolled"))["items"]
    assert [row["record_id"] for row in rows] == [contact]
    reader = await api.with_scopes("workflows:publish", "workflows:read", "enrollments:read", "records:read")
    await reader.problem("POST", "/workflows/journey/unenroll", {"where": NORWAY}, status=403)
    await api.problem("POST", "/workflows/none/unenroll", {"where": NORWAY}, status=404)
    await api.problem("POST", "/workflows/journey/unenroll", {}, status=422)
