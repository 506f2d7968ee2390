"""What a process writes about itself."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Any

import pytest

from commands.logs import JsonLines
from domain.errors import Unavailable
from services.log_fields import add_log_fields, bound_fields, log_fields
from tests.faults.site import Site
from tests.runs.definitions import by_hand, email


def _line(event: str = "heard", error: BaseException | None = None, **fields: Any) -> dict[str, Any]:
    record = logging.makeLogRecord({"msg": event, "name": "tests", "levelname": "INFO", **fields})
    record.exc_info = (type(error), error, error.__traceback__) if error is not None else None
    written = JsonLines().format(record)
    assert "\n" not in written
    return dict(json.loads(written))


def _raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except type(error):
        return sys.exception() or error


def test_a_line_has_its_time_in_utc_to_the_millisecond_and_the_fields_of_its_event() -> None:
    assert _line(created=1_700_000_000.0625, msecs=62.5, role="all") == {
        "at": "2023-11-14T22:13:20.062Z", "level": "info", "logger": "tests", "event": "heard", "role": "all",
    }  # fmt: skip


def test_lines_name_what_they_belong_to() -> None:
    with log_fields(enrollment="e1", step="hello"):
        with log_fields(step="next", visit=2, change=None):
            add_log_fields(key="k")
            assert {"enrollment": "e1", "step": "next", "visit": 2, "key": "k"}.items() <= _line().items()
        assert bound_fields() == {"enrollment": "e1", "step": "hello"}
    assert not bound_fields()


async def test_what_one_task_belongs_to_is_not_said_of_another() -> None:
    async def work(name: str) -> Any:
        with log_fields(enrollment=name):
            await asyncio.sleep(0)
            return _line()["enrollment"]

    assert await asyncio.gather(work("a"), work("b")) == ["a", "b"]


def test_an_error_is_one_field_that_quotes_nobody() -> None:
    line = _line(error=_raised(ValueError("ana@example.com is no number"), RuntimeError("Ana Berg")))
    assert (line["error"]["type"], line["error"]["cause"]["type"]) == ("ValueError", "RuntimeError")
    assert line["error"]["raised_at"][-1].endswith(" _raised")
    assert "ana" not in json.dumps(line).lower()


def test_an_error_speaks_where_its_words_are_a_service_s_or_the_system_s() -> None:
    assert _line(error=_raised(Unavailable("Temporal cannot be connected to")))["error"]["message"]
    assert _line(error=_raised(OSError(28, "/home/ana/x")))["error"]["message"] == "No space left on device"
    assert _line(error=_raised(OSError("ana@example.com")))["error"].get("message") is None


def test_what_asyncio_appends_to_its_sentence_is_left_out() -> None:
    said = "Task exception was never retrieved\nfuture: <Task finished exception=ValueError('ana@example.com')>"
    assert _line(said)["event"] == "Task exception was never retrieved"


@pytest.mark.xdist_group("site")
def test_everything_that_processes_write_is_lines_to_search(tmp_path: Any) -> None:
    def lines(part: str) -> list[dict[str, Any]]:
        written, _, _ = (tmp_path / f"{part}.log").read_text().rpartition("\n")
        return [json.loads(line) for line in written.splitlines()]

    def of(part: str, **fields: Any) -> list[dict[str, Any]]:
        return [line for line in lines(part) if fields.items() <= line.items()]

    with Site(tmp_path, mail_url="smtp://127.0.0.1:1") as site:
        site.publish(by_hand("journey", [email("hello", "Hi {{ contact.first_name }}")]))
        body = {"properties": {"email": "ana@example.com", "first_name": "Quuxley"}}
        contact = site.call("POST", "/records/contact", body)["id"]
        asked = {"record": {"object": "contact", "id": contact}}
        taken = site.call("POST", "/workflows/journey/enrollments", asked)["enrollment_id"]
        # The mail server is away: an attempt fails, and the worker says whose.
        site.until(lambda: bool(of("worker", enrollment=taken, step="hello", visit=1)), "a line about the step")
        site.kill("temporal")
        site.until(lambda: bool(of("worker", logger="temporalio.core")), "a line of the SDK")
        failed = of("worker", enrollment=taken, step="hello")[0]
        assert failed["activity"] == "action.send_email"
        assert failed["error"]["type"] == "ApplicationError"
        assert of("api", event="request", route="/api/v1/workflows/{slug}/enrollments", status=202)
        for part in ("api", "worker"):
            assert all({"at", "level", "logger", "event"} <= line.keys() for line in lines(part))
            assert "quux" not in (tmp_path / f"{part}.log").read_text().lower()
            assert "ana@" not in (tmp_path / f"{part}.log").read_text()
