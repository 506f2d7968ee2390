"""Answers that are odd, or break off: what is known of a call stands, and nobody is called twice for it."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError

from services.installation import Installation
from tests.activities.actions.test_send_webhook import effect, inst, standing_at
from tests.activities.calls import act
from tests.fixtures.http_sink import HttpSink, http_sink

__all__ = ["http_sink", "inst"]

CUT = b"HTTP/1.1 %d Told\r\nContent-Length: 100\r\n\r\n{"
CHUNKS = b"HTTP/1.1 %d Told\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
async def test_what_no_database_takes_is_no_output(inst: Installation, http_sink: HttpSink, text: str) -> None:
    http_sink.answer(200, {"id": text, "name": "fine"})
    outputs = [{"name": "id", "at": "/id"}, {"name": "name", "at": "/name"}]
    standing = await standing_at(inst, http_sink, outputs=outputs)
    assert (await act(standing, "send_webhook")).outcome == "done"
    assert (await effect(standing))["outputs"] == {"status": 200, "id": None, "name": "fine"}
    assert len(http_sink.requests) == 1


@pytest.mark.parametrize("on_unknown", ["resend", "leave", "ask"])
@pytest.mark.parametrize("form", [CUT, CHUNKS])
@pytest.mark.parametrize(("status", "state"), [(200, "accepted"), (422, "refused")])
async def test_an_answer_whose_end_is_missing_is_an_answer(
    inst: Installation, http_sink: HttpSink, form: bytes, status: int, state: str, on_unknown: str
) -> None:
    http_sink.raw = form % status
    standing = await standing_at(inst, http_sink, on_unknown=on_unknown)
    await act(standing, "send_webhook")
    assert (await effect(standing))["state"] == state
    assert len(http_sink.requests) == 1


async def test_a_place_that_is_no_address_is_a_no(inst: Installation, http_sink: HttpSink) -> None:
    http_sink.answer(302, None, Location="http://[nowhere/")
    standing = await standing_at(inst, http_sink, follow_redirects=True, on_unknown="leave")
    assert (await act(standing, "send_webhook")).reason == "rejected"


async def test_a_call_that_was_taken_and_led_on_to_who_is_away_may_have_been_done(
    inst: Installation, http_sink: HttpSink
) -> None:
    http_sink.answer(303, None, Location="http://127.0.0.1:1/result")
    standing = await standing_at(inst, http_sink, follow_redirects=True, on_unknown="leave")
    assert (await act(standing, "send_webhook")).reason == "unknown"
    assert len(http_sink.requests) == 1


@pytest.mark.parametrize("after", ["259200", "Thu, 31 Dec 2099 23:59:59 GMT"])
async def test_who_asks_for_days_is_asked_again_within_hours(
    inst: Installation, http_sink: HttpSink, after: str
) -> None:
    http_sink.answer(503, None, Retry_After=after)
    standing = await standing_at(inst, http_sink)
    with pytest.raises(ApplicationError) as later:
        await act(standing, "send_webhook")
    delay = later.value.next_retry_delay
    assert delay is not None
    assert delay.total_seconds() == 8 * 3600
