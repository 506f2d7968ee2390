"""Mails as they really come in: answers, automatic ones and reports are told apart, and nothing breaks on bad bytes."""

from __future__ import annotations

import random

import pytest

from domain.incoming_mail import TEXT_LENGTH, read_mail
from domain.mail_html import words_of
from domain.mail_parts import read_message
from domain.mail_reports import is_hard

OURS = "01a.hello.1@example.com"


def mail(*lines: str, body: str = "Yes, please.") -> bytes:
    return "\r\n".join(["From: Ana <ANA@Example.com>", "To: crm@example.com", *lines, "", body]).encode()


def dsn(*groups: str, returned: str = f"Message-ID: <{OURS}>", kind: str = "text/rfc822-headers") -> bytes:
    status = "\r\n\r\n".join(["Reporting-MTA: dns; mx.example.net", *groups])
    return (
        "From: MAILER-DAEMON@example.net\r\nTo: crm@example.com\r\nAuto-Submitted: auto-replied\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt did not work.\r\n"
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n\r\n"
        f"--b\r\nContent-Type: {kind}\r\n\r\n{returned}\r\nSubject: Hello\r\n\r\n--b--\r\n"
    ).encode()


def group(status: str, action: str = "failed", to: str = "rfc822; Ana@Example.com", **more: str) -> str:
    fields = {"Final-Recipient": to, "Action": action, "Status": status, **more}
    return "\r\n".join(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())


def test_an_answer_names_what_it_answers_the_nearest_first() -> None:
    found = read_mail(
        mail("Message-ID: <r1@mail.example>", f"In-Reply-To: <{OURS}>", f"References: <first@x>\r\n <mid@x> <{OURS}>")
    )
    assert (found.kind, found.message_id, found.sender) == ("reply", "r1@mail.example", "ana@example.com")
    assert found.answers == (OURS, "mid@x", "first@x")
    assert (found.text, found.tokens) == ("Yes, please.", ())


@pytest.mark.parametrize("name", ["To", "Cc", "Delivered-To", "X-Original-To"])
def test_the_token_of_the_address_it_went_to_is_found_whatever_its_case(name: str) -> None:
    assert read_mail(mail(f"{name}: Us <Replies+ABCDEFGHIJ2345672345@in.example.com>")).tokens == (
        "abcdefghij2345672345",
    )


def test_the_token_may_stand_in_the_envelope_alone() -> None:
    found = read_mail(mail(), sent_to=("replies+abcdefghij2345672345@in.example.com",))
    assert found.tokens == ("abcdefghij2345672345",)


@pytest.mark.parametrize(
    "line",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: AUTO-GENERATED; owner=x",
        "X-Autoreply: yes",
        "X-Autorespond: Away",
        "Precedence: auto_reply",
        "Precedence: Bulk",
        "Return-Path: <>",
    ],
)
def test_what_a_program_wrote_is_no_answer(line: str) -> None:
    assert read_mail(mail(line, f"In-Reply-To: <{OURS}>")).kind == "automatic"


@pytest.mark.parametrize("line", ["Auto-Submitted: no", "Precedence: normal", "X-Auto-Response-Suppress: All"])
def test_what_a_person_wrote_is_an_answer(line: str) -> None:
    assert read_mail(mail(line)).kind == "reply"


def test_a_mail_from_nobody_was_written_by_nobody() -> None:
    assert read_mail(mail(), sent_by="").kind == "automatic"
    assert read_mail(mail(), sent_by="ana@example.com").kind == "reply"


@pytest.mark.parametrize("kind", ["text/rfc822-headers", "message/rfc822"])
def test_a_bounce_says_which_message_which_address_and_why(kind: str) -> None:
    why = "smtp; 550 5.1.1 no such user"
    report = read_mail(dsn(group("5.1.1", Diagnostic_Code=why), kind=kind)).report
    assert report is not None
    assert (report.kind, report.hard, report.status) == ("bounced", True, "5.1.1")
    assert (report.recipient, report.diagnosis) == ("ana@example.com", "550 5.1.1 no such user")
    assert report.originals == (OURS,)


@pytest.mark.parametrize(
    ("status", "hard"),
    [("5.1.1", True), ("5.1.10", True), ("5.0.0", True), ("5.2.1", True), ("5.4.4", True), ("5.2.2", False),
     ("5.3.0", False), ("5.3.4", False), ("5.4.0", False), ("5.5.2", False), ("5.7.1", False), ("5.6.0", False),
     ("4.1.1", False), ("4.2.2", False), ("4.4.7", False),
     ("nonsense", False)],
)  # fmt: skip
def test_only_a_status_about_the_address_is_hard(status: str, hard: bool) -> None:
    assert is_hard(status) is hard
    report = read_mail(dsn(group(status))).report
    assert report is not None
    assert (report.kind, report.hard) == ("bounced", hard)


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [("delayed", "4.4.7", "delayed"), ("delivered", "2.1.5", "delivered"), ("relayed", "2.0.0", "delivered")],
)
def test_not_every_report_is_a_bounce(action: str, status: str, kind: str) -> None:
    report = read_mail(dsn(group(status, action))).report
    assert report is not None
    assert (report.kind, report.hard) == (kind, False)


def test_the_worst_of_several_recipients_counts_and_the_address_we_wrote_to_goes_first() -> None:
    forwarded = group("5.1.1", to="rfc822; other@example.org", Original_Recipient="rfc822; ana@example.com")
    report = read_mail(dsn(group("2.0.0", "delivered"), forwarded)).report
    assert report is not None
    assert (report.hard, report.recipient) == (True, "ana@example.com")


def test_a_status_that_is_missing_is_taken_from_the_words_of_the_server() -> None:
    report = read_mail(
        dsn("Final-Recipient: rfc822; a@b.c\r\nAction: failed\r\nDiagnostic-Code: smtp; 550 5.1.1 no")
    ).report
    assert report is not None
    assert (report.status, report.hard) == ("5.1.1", True)


def test_a_report_without_recipients_is_no_bounce_but_written_by_a_program() -> None:
    found = read_mail(dsn())
    assert (found.report, found.kind) == (None, "automatic")


def complaint(kind: str) -> bytes:
    return (
        "From: fbl@example.net\r\nTo: crm@example.com\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {kind}\r\nUser-Agent: x/1\r\nVersion: 1\r\nOriginal-Rcpt-To: <ana@example.com>\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{OURS}>\r\n\r\nHello\r\n--b--\r\n"
    ).encode()


def test_a_complaint_names_the_message_its_reader_complained_of() -> None:
    report = read_mail(complaint("abuse")).report
    assert report is not None
    assert (report.kind, report.recipient, report.originals) == ("complained", "ana@example.com", (OURS,))


def test_to_say_that_it_is_no_spam_is_no_complaint() -> None:
    assert read_mail(complaint("not-spam")).report is None


def test_a_mail_that_forwards_a_bounce_is_an_answer() -> None:
    inner = dsn(group("5.1.1")).decode()
    body = f"--o\r\nContent-Type: text/plain\r\n\r\nLook\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--o--"
    found = read_mail(mail('Content-Type: multipart/mixed; boundary="o"', body=body))
    assert (found.kind, found.report, found.text.strip()) == ("reply", None, "Look")
    alone = read_mail(
        mail(
            'Content-Type: multipart/mixed; boundary="o"',
            body=body.replace("text/plain\r\n\r\nLook", "image/png\r\n\r\nLook", 1),
        )
    )
    assert (alone.kind, alone.text) == ("reply", "")


def test_a_wrong_charset_loses_no_text() -> None:
    head = b"From: a@b.c\r\nContent-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    assert read_mail(head % b"utf-8" + "Grüße".encode("latin-1")).text == "Grüße"
    assert read_mail(head % b"no-such-thing" + "Grüße".encode()).text == "Grüße"
    assert read_mail(b"Subject: Gr\xfc\xdfe \xff\r\n\r\n\x00x").text == "\N{REPLACEMENT CHARACTER}x"
    assert read_mail(b"Subject: Gr\xfc\xdfe\r\n\r\n").subject == "Grüße"
    assert read_mail(b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?nonsense?q?x?=\r\n\r\n").subject[:5] == "Grüße"


def test_html_is_read_only_where_there_is_no_text_and_attachments_never() -> None:
    html = "--b\r\nContent-Type: text/html\r\n\r\n<p>No</p>\r\n"
    plain = "--b\r\nContent-Type: text/plain\r\n\r\nYes\r\n"
    file = "--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nfile\r\n"
    head = 'Content-Type: multipart/mixed; boundary="b"'
    both, alone = read_mail(mail(head, body=file + plain + html)), read_mail(mail(head, body=file + html))
    assert (both.text, alone.text) == ("Yes", "No")


def test_long_text_is_cut() -> None:
    assert len(read_mail(mail(body="x" * (TEXT_LENGTH + 1))).text) == TEXT_LENGTH


def test_parts_nested_without_end_leave_the_headers() -> None:
    deep = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(5000))
    found = read_mail(b"From: ana@example.com\r\nIn-Reply-To: <" + OURS.encode() + b">\r\n" + deep)
    assert (found.sender, found.answers) == ("ana@example.com", (OURS,))


def test_no_bytes_at_all_and_no_nonsense_breaks_it() -> None:
    assert read_mail(b"").sender is None
    chance = random.Random(7)
    whole = [mail(f"In-Reply-To: <{OURS}>"), dsn(group("5.1.1")), complaint("abuse")]
    for _ in range(2000):
        raw = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(1, 12)):
            raw[chance.randrange(len(raw))] = chance.choice(b'\x00\xff\r\n<>;=?"@:-aB')
        read_mail(bytes(raw[: chance.randrange(len(raw))] if chance.random() < 0.2 else raw)).model_dump_json()


@pytest.mark.parametrize(
    "header", ["From: " + "(" * 5000, "To: " + "a:" * 5000, "Subject: " + "=?utf-8?q?" * 5000, "To: " + "a@b," * 90_000]
)
def test_headers_that_never_end_are_read_as_far_as_it_goes(header: str) -> None:
    assert read_mail(f"In-Reply-To: <{OURS}>\r\n{header}\r\n\r\nYes".encode()).answers == (OURS,)


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<head><title>T</title><style>p {}</style></head><p>Yes,<br>please\n  do</p><p>Ana", "Yes,\nplease do\n\nAna"),
        ("<table><tr><td>1 &lt; 2<tr>3 < 4 &amp; &nbsp;5</table>", "1 < 2\n3 < 4 & 5"),
        ("a<!-- <p>b</p> -->c<!doctype x>d<script>e</script>f", "acdf"),
        ("a<!-- b", "a"), ("a<b c='", "a"), ("a<style>b", "a"), ("a &#99999999999; b", "a \N{REPLACEMENT CHARACTER} b"),
        ("&#" + "1" * 5000, "\N{REPLACEMENT CHARACTER}"),
    ],
)  # fmt: skip
def test_html_gives_the_words_a_reader_sees(html: str, words: str) -> None:
    assert words_of(html) == words


@pytest.mark.parametrize("kind", ["many", "nested"])
def test_a_mail_made_to_be_read_for_minutes_is_read_by_its_headers(kind: str) -> None:
    head = b"From: ana@example.com\r\nTo: reply@in.example.com\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n"
    if kind == "many":
        raw = head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\n\n\n" * 6_000
    else:
        inner = (b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(60))
        raw = head + b"".join(inner) + b"Content-Type: text/plain\r\n\r\nhello\r\n"
    message = read_message(raw)
    assert not message.is_multipart()
    assert read_mail(raw).subject == "Hello"


def test_what_is_attached_does_not_keep_the_text_from_being_read() -> None:
    head = b'From: ana@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    text = b"--b\r\nContent-Type: text/plain\r\n\r\nYes, please\r\n"
    attached = (
        b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"QUJD\r\n" * 500_000
    )
    assert read_mail(head + text + attached + b"--b--\r\n").text == "Yes, please"
