"""Text messages through a service that speaks like Twilio, against a real HTTP server."""

from __future__ import annotations

import base64
import socket

import httpx2
import pytest

from domain.errors import GatewayError, Rejected, Unavailable
from domain.ports import Receipt
from gateways import sms_twilio
from gateways.sms_twilio import TwilioAccount, TwilioSms
from tests.fixtures.http_sink import AtRequest, HttpSink
from tests.gateways.builders import an_sms


async def send(port: int) -> Receipt:
    gateway = TwilioSms(TwilioAccount(base=f"http://127.0.0.1:{port}", sid="AC42", token="t0ken"))
    assert not gateway.repeatable
    async with gateway.prepare(an_sms(text="Grüße & 50 % = ü")) as hand_over:
        return await hand_over()


async def failure(port: int) -> GatewayError:
    with pytest.raises(GatewayError) as failed:
        await send(port)
    assert "2025550" not in str(failed.value)
    assert "t0ken" not in str(failed.value)
    return failed.value


async def test_a_message_is_one_form_with_the_account_as_login(http_sink: HttpSink) -> None:
    http_sink.answer(201, {"sid": "SM7", "status": "queued"})
    assert await send(http_sink.port) == Receipt(reference="SM7")
    (request,) = http_sink.requests
    assert (request.method, request.target) == ("POST", "/2010-04-01/Accounts/AC42/Messages.json")
    assert request.form == {"From": "+12025550100", "To": "+12025550143", "Body": "Grüße & 50 % = ü"}
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"AC42:t0ken").decode()
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_preparing_alone_sends_nothing(http_sink: HttpSink) -> None:
    gateway = TwilioSms(TwilioAccount(base=f"http://127.0.0.1:{http_sink.port}", sid="AC42", token="t0ken"))
    async with gateway.prepare(an_sms()):
        pass
    assert http_sink.requests == []


@pytest.mark.parametrize("content", [[], None, {"sid": 7}])
async def test_an_acceptance_without_an_id_is_one_all_the_same(content: object, http_sink: HttpSink) -> None:
    http_sink.answer(200, content)
    assert await send(http_sink.port) == Receipt(reference=None)


async def test_a_refused_message_is_rejected_with_the_code_and_without_the_number(http_sink: HttpSink) -> None:
    http_sink.answer(400, {"code": 21211, "message": "The 'To' number +1 (202) 555-0143 is not valid.", "status": 400})
    refused = await failure(http_sink.port)
    assert isinstance(refused, Rejected)
    assert str(refused) == "the SMS service answered 400, code 21211: The 'To' number … is not valid."


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_wrong_account_delays_and_drops_nobody(status: int, http_sink: HttpSink) -> None:
    http_sink.answer(status, {"code": 20003, "message": "Authenticate"})
    refused = await failure(http_sink.port)
    assert isinstance(refused, Unavailable)
    assert not refused.handed_over


@pytest.mark.parametrize("code", [21212, 21606])
async def test_a_number_of_ours_that_is_wrong_delays_and_drops_nobody(code: int, http_sink: HttpSink) -> None:
    http_sink.answer(400, {"code": code, "message": "The 'From' number +12025550100 is not valid."})
    refused = await failure(http_sink.port)
    assert isinstance(refused, Unavailable)
    assert not refused.handed_over


@pytest.mark.parametrize("code", [[21212], {"of": 21606}, "21606"])
async def test_a_code_that_is_no_number_is_none_of_ours(code: object, http_sink: HttpSink) -> None:
    http_sink.answer(400, {"code": code})
    assert isinstance(await failure(http_sink.port), Rejected)


@pytest.mark.parametrize(("content", "header"), [({"code": 20503}, {}), ("oops", {"Retry_After": "9"})])
async def test_a_service_that_says_itself_that_it_is_away_took_nothing(
    content: object, header: dict[str, str], http_sink: HttpSink
) -> None:
    http_sink.answer(503, content, **header)
    refused = await failure(http_sink.port)
    assert isinstance(refused, Unavailable)
    assert not refused.handed_over


@pytest.mark.parametrize("status", [408, 425])
async def test_a_request_that_was_not_heard_out_is_sent_again(status: int, http_sink: HttpSink) -> None:
    http_sink.answer(status, None)
    refused = await failure(http_sink.port)
    assert isinstance(refused, Unavailable)
    assert not refused.handed_over


@pytest.mark.parametrize(
    ("header", "seconds"),
    [({"Retry_After": "17"}, 17.0), ({"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None), ({}, None)],
)
async def test_too_many_requests_says_when_to_come_back(
    header: dict[str, str], seconds: float | None, http_sink: HttpSink
) -> None:
    http_sink.answer(429, {"code": 20429}, **header)
    refused = await failure(http_sink.port)
    assert isinstance(refused, Unavailable)
    assert refused.retry_after_s == seconds
    assert not refused.handed_over


@pytest.mark.parametrize(("status", "handed_over"), [(500, True), (503, True), (502, True), (504, True)])
async def test_a_broken_service_is_unavailable_and_a_lost_answer_unknown(
    status: int, handed_over: bool, http_sink: HttpSink
) -> None:
    http_sink.answer(status, "oops")
    refused = await failure(http_sink.port)
    assert isinstance(refused, Unavailable)
    assert refused.handed_over is handed_over


async def test_a_redirect_is_not_followed(http_sink: HttpSink) -> None:
    http_sink.answer(307, None, Location=f"http://127.0.0.1:{http_sink.port}/elsewhere")
    assert isinstance(await failure(http_sink.port), Unavailable)
    assert len(http_sink.requests) == 1


@pytest.mark.parametrize("at_request", [AtRequest.HANG_UP, AtRequest.NONSENSE])
async def test_no_answer_to_a_request_that_left_is_unknown(at_request: AtRequest, http_sink: HttpSink) -> None:
    http_sink.at_request = at_request
    lost = await failure(http_sink.port)
    assert isinstance(lost, Unavailable)
    assert lost.handed_over


async def test_an_answer_that_never_comes_is_unknown(http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms_twilio, "_TIMEOUT", httpx2.Timeout(10.0, read=0.2))
    http_sink.at_request = AtRequest.STALL
    lost = await failure(http_sink.port)
    assert isinstance(lost, Unavailable)
    assert lost.handed_over


async def test_a_service_that_is_not_there_is_unavailable_and_nothing_left() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        refused = await failure(taken.getsockname()[1])
    assert isinstance(refused, Unavailable)
    assert not refused.handed_over


async def test_proxies_of_the_environment_are_not_asked(http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    http_sink.answer(201, {"sid": "SM7"})
    assert await send(http_sink.port) == Receipt(reference="SM7")
