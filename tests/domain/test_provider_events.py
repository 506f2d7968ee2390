"""What SendGrid, Mailgun and others tell of a message, in the words of their documentation."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.base import Json
from domain.errors import Invalid
from domain.provider_events import LONGEST_DETAIL, ProviderReport, read_reports
from domain.provider_signing import PROVIDERS, Provider

ID = "14c5d75ce93.dfd.64b469@example.com"


def by_sendgrid(event: str, **more: Json) -> dict[str, Json]:
    return {
        "email": "Example@Test.com", "timestamp": 1513299569, "smtp-id": f"<{ID}>", "event": event,
        "category": "cat facts", "sg_event_id": "ZHJvcC0x", "sg_message_id": "14c5d75ce93.dfd.64b469", **more,
    }  # fmt: skip


def by_mailgun(event: str, **more: Json) -> dict[str, Json]:
    return {
        "signature": {}, "event-data": {
            "id": "G9Bn5sl1TC6nu79C8C0bwg", "timestamp": 1521233195.375624, "log-level": "error", "event": event,
            "message": {"headers": {"to": "Alice <alice@example.com>", "message-id": ID}, "size": 111},
            "recipient": "alice@example.com", "tags": [], "user-variables": {}, **more,
        },
    }  # fmt: skip


def failed(reason: str, severity: str = "permanent", **status: Json) -> dict[str, Json]:
    written: dict[str, Json] = {name.replace("_", "-"): value for name, value in status.items()}
    return by_mailgun("failed", severity=severity, reason=reason, **{"delivery-status": written})


def read(provider: Provider, document: Json) -> ProviderReport | None:
    found, ignored = read_reports(provider, document)
    assert len(found) + ignored == 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("event", "told", "detail"),
    [
        (by_sendgrid("delivered", response="250 OK"), "delivered", "delivered: 250 OK"),
        (
            by_sendgrid("bounce", reason="500 unknown recipient", status="5.0.0", type="bounce"),
            "bounced",
            "bounce: 5.0.0 500 unknown recipient",
        ),
        (by_sendgrid("bounce", reason="552 5.2.2 full", status="5.2.2", type="blocked"), "noted", None),
        (
            by_sendgrid("deferred", response="400 try again later", attempt="5"),
            "noted",
            "deferred: 400 try again later",
        ),
        (by_sendgrid("dropped", reason="Bounced Address"), "bounced", "dropped: Bounced Address"),
        (by_sendgrid("dropped", reason="Invalid"), "bounced", None),
        (by_sendgrid("dropped", reason="Spam Reporting Address"), "complained", None),
        (by_sendgrid("dropped", reason="Unsubscribed Address"), "noted", None),
        (by_sendgrid("dropped", reason="Recipient List over Package Quota"), "noted", None),
        (by_sendgrid("spamreport"), "complained", "spamreport"),
        (by_sendgrid("unsubscribe"), "unsubscribed", "unsubscribe"),
        (by_sendgrid("group_unsubscribe", asm_group_id=10), "unsubscribed", None),
    ],
)
def test_what_sendgrid_tells(event: dict[str, Json], told: str, detail: str | None) -> None:
    report = read("sendgrid", [event])
    assert report is not None
    assert (report.told, report.message_id, report.recipient, report.id) == (told, ID, "example@test.com", "ZHJvcC0x")
    assert report.at == datetime(2017, 12, 15, 0, 59, 29, tzinfo=UTC)
    assert detail in (None, report.detail)


@pytest.mark.parametrize(
    ("event", "told", "detail"),
    [
        (by_mailgun("delivered", **{"delivery-status": {"code": 250, "message": "OK"}}), "delivered", None),
        (
            failed("suppress-bounce", code=605, message="", description="Not delivering to previously bounced address"),
            "bounced",
            "failed: suppress-bounce 605 Not delivering to previously bounced address",
        ),
        (failed("suppress-complaint", code=607), "complained", "failed: suppress-complaint 607"),
        (
            failed("bounce", code=550, enhanced_code="5.5.0", bounce_type="hard", message="5.5.0 No"),
            "bounced",
            "failed: bounce 550 5.5.0 No",
        ),
        (failed("bounce"), "bounced", None),
        (failed("bounce", bounce_type="soft"), "noted", None),
        (failed("generic", enhanced_code="5.1.1"), "bounced", None),
        (failed("generic", enhanced_code="5.7.1"), "noted", None),
        (failed("old", code=421), "noted", None),
        (failed("suppress-unsubscribe"), "noted", None),
        (failed("generic", "temporary", enhanced_code="5.1.1"), "noted", "failed: generic"),
        (by_mailgun("rejected", reject={"reason": "x"}), "noted", "rejected"),
        (by_mailgun("complained"), "complained", "complained"),
        (by_mailgun("unsubscribed"), "unsubscribed", "unsubscribed"),
    ],
)
def test_what_mailgun_tells(event: dict[str, Json], told: str, detail: str | None) -> None:
    report = read("mailgun", event)
    assert report is not None
    assert (report.told, report.message_id, report.recipient) == (told, ID, "alice@example.com")
    assert (report.id, report.at) == ("G9Bn5sl1TC6nu79C8C0bwg", datetime(2018, 3, 16, 20, 46, 35, 375624, tzinfo=UTC))
    assert detail in (None, report.detail)


@pytest.mark.parametrize(
    ("type", "data", "told", "detail"),
    [
        ("email.delivered", {}, "delivered", "delivered"),
        ("email.bounced", {"reason": "550 no\n such\0 user"}, "bounced", "bounced: 550 no such� user"),
        ("email.bounced", {"permanent": False, "reason": "full"}, "noted", "bounced: full"),
        ("email.delayed", {}, "noted", "delayed"),
        ("email.complained", {"recipient": "Ana@example.com"}, "complained", "complained"),
        ("email.unsubscribed", {}, "unsubscribed", "unsubscribed"),
    ],
)
def test_what_others_tell(type: str, data: dict[str, Json], told: str, detail: str) -> None:
    report = read("standard", {"type": type, "data": {"message_id": f"<{ID}>", **data}})
    assert report is not None
    assert (report.told, report.message_id, report.detail, report.id) == (told, ID, detail, None)
    assert report.recipient == ("ana@example.com" if "recipient" in data else None)


@pytest.mark.parametrize(
    ("provider", "document"),
    [
        *(("sendgrid", [by_sendgrid(name)]) for name in ("processed", "open", "click", "x", "")),
        ("sendgrid", [{}]), ("sendgrid", [{"event": {}}]), ("sendgrid", [{**by_sendgrid("delivered"), "smtp-id": 5}]),
        ("sendgrid", [{**by_sendgrid("delivered"), "smtp-id": "x" * 401}]),
        *(("mailgun", by_mailgun(name)) for name in ("accepted", "opened", "clicked", "stored")),
        ("mailgun", {"event-data": {"event": "delivered", "message": []}}),
        ("standard", {"type": "order.paid", "data": {}}),
    ],
)  # fmt: skip
def test_what_is_nothing_to_us_is_ignored(provider: Provider, document: Json) -> None:
    assert read(provider, document) is None


@pytest.mark.parametrize(
    ("provider", "document"),
    [
        ("sendgrid", {}), ("sendgrid", None), ("sendgrid", [1]), ("sendgrid", "x"), ("mailgun", []), ("mailgun", {}),
        ("mailgun", {"event-data": []}), ("standard", []), ("standard", {"type": "email.bounced"}),
        ("standard", {"type": 1, "data": {}}), ("standard", {"type": "email.bounced", "data": {}}),
    ],
)  # fmt: skip
def test_what_no_service_sends_is_refused(provider: Provider, document: Json) -> None:
    with pytest.raises(Invalid):
        read_reports(provider, document)


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["bounce", "failed", ID])
NAMES = st.sampled_from(
    ["event", "event-data", "smtp-id", "email", "reason", "type", "data", "message", "headers", "message-id",
     "message_id", "severity", "delivery-status", "code", "bounce-type", "recipient", "permanent", "id"]
)  # fmt: skip
ANYTHING = st.recursive(LEAVES, lambda each: st.lists(each, max_size=3) | st.dictionaries(NAMES, each, max_size=6))


@given(provider=st.sampled_from(PROVIDERS), document=ANYTHING | st.lists(st.dictionaries(NAMES, ANYTHING), max_size=2))
def test_whatever_is_sent_is_read_or_refused(provider: Provider, document: Json) -> None:
    with contextlib.suppress(Invalid):
        reports, ignored = read_reports(provider, document)
        assert ignored >= 0
        assert all(report.message_id for report in reports)


def test_our_own_name_for_a_message_goes_before_theirs() -> None:
    event: dict[str, Any] = by_sendgrid("spamreport", followthrough_message="ours@example.com")
    report = read("sendgrid", [event])
    assert report is not None
    assert report.message_id == "ours@example.com"


@pytest.mark.parametrize("stamp", [None, "1513299569", True, 0, -5, 1513299569000, 1e300, [1]])
def test_a_time_that_is_none_is_left_out(stamp: Json) -> None:
    report = read("sendgrid", [by_sendgrid("delivered", timestamp=stamp)])
    assert report is not None
    assert report.at is None


def test_long_words_are_cut() -> None:
    report = read("sendgrid", [by_sendgrid("bounce", reason="x" * 9999)])
    assert report is not None
    assert len(report.detail or "") == LONGEST_DETAIL
