"""Imports and jobs through the API; the rows are worked through as the import's run does it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from services.jobs.import_pages import work_page
from tests.api.conftest import Caller, problem_of
from tests.fixtures.runs import RecordingRuns

CSV = b"Mail,City\nana@example.com,Oslo\nno address,Bergen\nbo@example.com,Molde\n"
MAPPING = {"columns": {"Mail": {"property": "email"}, "City": {"property": "city"}}}


async def upload(api: Caller, content: bytes = CSV, key: str | None = None, **fields: str) -> Any:
    form = {"mapping": json.dumps(MAPPING), "key": "email", **fields}
    headers = {} if key is None else {"Idempotency-Key": key}
    files = {"file": ("people.csv", content)}
    return await api.http.post("/api/v1/records/contact/import", data=form, files=files, headers=headers)


async def finish(api: Caller, job_id: str) -> Any:
    while (await work_page(api.inst, job_id)).status in ("queued", "running"):
        pass
    return await api.ok("GET", f"/jobs/{job_id}")


async def test_a_file_is_taken_in_worked_through_and_accounted_for(api: Caller, runs: RecordingRuns) -> None:
    answer = await upload(api)
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/jobs/{job['id']}"
    assert runs.jobs == [job["id"]]
    assert (job["status"], job["total"], job["done"]) == ("queued", 3, 0)

    done = await finish(api, job["id"])
    assert (done["status"], done["done"]) == ("done", 3)
    assert done["counts"] == {"created": 2, "rejected": 1}
    rejected = (await api.ok("GET", f"/jobs/{job['id']}/rows?outcome=rejected"))["items"]
    assert [row["line"] for row in rejected] == [3]
    assert rejected[0]["reason"]
    first = await api.ok("GET", f"/jobs/{job['id']}/rows?limit=2")
    rest = await api.ok("GET", f"/jobs/{job['id']}/rows?limit=2&cursor={first['next_cursor']}")
    assert [row["line"] for row in (*first["items"], *rest["items"])] == [2, 3, 4]
    assert len((await api.ok("GET", "/records/contact"))["items"]) == 2

    again = await finish(api, (await upload(api)).json()["id"])
    assert again["counts"] == {"unchanged": 2, "rejected": 1}
    assert [job["id"] for job in (await api.ok("GET", "/jobs?status=done"))["items"]] == [again["id"], done["id"]]


async def test_a_dry_run_counts_and_writes_nothing(lite: Caller) -> None:
    done = await finish(lite, (await upload(lite, dry_run="true")).json()["id"])
    assert done["counts"] == {"created": 2, "rejected": 1}
    assert (await lite.ok("GET", "/records/contact"))["items"] == []


async def test_a_wrong_mapping_is_refused_with_every_mistake(lite: Caller) -> None:
    wrong = {"columns": {"Mail": {"property": "colour"}, "Town": {"property": "city"}}}
    answer = await upload(lite, mapping=json.dumps(wrong))
    assert answer.status_code == 422
    assert len(problem_of(answer)["errors"]) >= 3
    assert problem_of(await upload(lite, mapping="{"))["errors"][0]["code"] == "not_json"
    assert problem_of(await upload(lite, on_bad_value="ignore"))["errors"][0]["path"] == "/on_bad_value"
    broken = problem_of(await upload(lite, content=b"Mail,City\n\xff\xfe,Oslo\n"))
    assert broken["status"] == 422
    assert (await lite.ok("GET", "/jobs"))["items"] == []


async def test_an_upload_sent_again_under_its_key_is_one_job(lite: Caller) -> None:
    first = await upload(lite, key="k1")
    again = await upload(lite, key="k1")
    assert again.json() == first.json()
    other = await upload(lite, content=CSV + b"kim@example.com,Oslo\n", key="k1")
    assert other.status_code == 422


async def test_a_job_is_paused_resumed_and_cancelled(lite: Caller) -> None:
    job = (await upload(lite)).json()
    assert (await lite.ok("POST", f"/jobs/{job['id']}/pause"))["status"] == "paused"
    assert (await lite.ok("POST", f"/jobs/{job['id']}/resume"))["status"] == "running"
    assert (await lite.ok("POST", f"/jobs/{job['id']}/cancel"))["status"] == "cancelled"
    await lite.problem("POST", f"/jobs/{job['id']}/resume", status=409)
    await lite.problem("POST", f"/jobs/{job['id']}/explode", status=422)


async def test_a_job_is_shown_to_those_who_may_do_its_work(lite: Caller) -> None:
    job = (await upload(lite)).json()
    stranger = await lite.with_scopes("messages:read")
    await stranger.problem("GET", f"/jobs/{job['id']}", status=403)
    await stranger.problem("GET", f"/jobs/{job['id']}/rows", status=403)
    assert (await stranger.ok("GET", "/jobs"))["items"] == []


async def test_a_mapping_that_holds_nul_is_refused(api: Caller) -> None:
    answer = await upload(api, mapping=json.dumps({**MAPPING, "constants": {"city": "a\0b"}}))
    assert answer.status_code == 422, answer.text
    assert [error["path"] for error in problem_of(answer)["errors"]] == ["/mapping"]


async def test_an_upload_of_somebody_without_the_scope_is_not_read(lite: Caller) -> None:
    read: list[bytes] = []

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nemail\r\n', b"--x--\r\n"):
            read.append(piece)
            yield piece

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    reader = await lite.with_scopes("records:read")
    path = "/api/v1/records/contact/import"
    for http, key, status in ((reader.http, {}, 403), (lite.http, {"Authorization": "Bearer ft_nobody"}, 401)):
        answer = await http.post(path, content=pieces(), headers={**headers, **key})
        assert problem_of(answer)["status"] == status
    assert read == []
    assert (await lite.http.post(path, content=pieces(), headers=headers)).status_code == 422
    assert read
