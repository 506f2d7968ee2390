"""The bytes of an email."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from domain.errors import Rejected
from gateways.mime import build_message, envelope_address
from tests.gateways.builders import a_mail


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.parametrize(
    "text", ["", "x", "Grüße 👋", "long " * 2_000, "x" * 5_000, "a\r\nb\nc", ".\n..\nFrom here\n", "tab\tend \n"]
)
def test_text_and_html_are_alternatives_in_that_order_and_survive(text: str) -> None:
    content = build_message(a_mail(text=text, html=f"<p>{text}</p>"))
    plain, html = read(content).iter_parts()
    assert plain.get_content_type() == "text/plain"
    assert html.get_content_type() == "text/html"
    assert plain.get_content().split("\r\n")[:-1] == text.splitlines() or text == ""
    assert html.get_content().split("\r\n")[:-1] == f"<p>{text}</p>".splitlines()


def test_every_byte_is_ascii_every_line_short_and_ended_by_crlf() -> None:
    content = build_message(
        a_mail(subject="Grüße " * 40, sender_name="Søren", text="ü" * 4_000, html="<p>" + "ü" * 4_000)
    )
    assert content.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    assert max(map(len, content.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "words", ["Überraschung für dich", "plain, then für", "a ü b", "👋🏽 山田 太郎", "x" * 90 + "ü", "ü" * 90]
)
@pytest.mark.parametrize("times", [1, 2, 3, 12])
def test_a_long_text_beyond_ascii_is_folded_without_losing_a_space(words: str, times: int) -> None:
    text = " ".join([words] * times)
    content = build_message(a_mail(subject=text, sender_name=text))
    # The reader of the default policy puts spaces between the encoded words of a name; this one follows RFC 2047.
    message = message_from_bytes(content)
    name, _, address = message["From"].rpartition(" <")
    assert str(make_header(decode_header(message["Subject"]))) == text
    assert str(make_header(decode_header(name))) == text
    assert address == "sales@example.com>"
    head = content.partition(b"\r\n\r\n")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 78


def test_an_encoded_word_is_as_short_as_standards_ask() -> None:
    content = build_message(a_mail(subject="Überraschung für dich " * 12 + "."))
    words = re.findall(rb"=\?utf-8\?[^ \r\n]*\?=", content)
    assert words
    assert max(map(len, words)) <= 75


@pytest.mark.parametrize("name", ["Ana", 'Ana "The" O\'Neil', "Søren, Sales", "A <b@example.com>", "", "山田太郎"])
def test_any_name_of_a_sender_survives(name: str) -> None:
    message = read(build_message(a_mail(sender_name=name)))
    (address,) = message["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "sales@example.com")


def test_unsubscribe_headers_stay_on_one_line_whatever_their_length() -> None:
    address = "<https://crm.example.com/u/" + "a" * 400 + ">"
    content = build_message(a_mail(headers={"List-Unsubscribe": address, "X-Entity": "e1"}))
    assert b"\r\nList-Unsubscribe: " + address.encode() + b"\r\n" in content
    assert read(content)["X-Entity"] == "e1"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Hi\nBcc: all@example.com"},
        {"subject": "Hi\r\n\r\n<script>"},
        {"subject": "Hi\rBcc: all@example.com"},
        {"subject": "\ud800"},
        {"sender_name": "Ana\r\nBcc: all@example.com"},
        {"sender": "ana@example.com\r\nBcc: all@example.com"},
        {"sender": "nobody"},
        {"to": "bob@example.com, all@example.com"},
        {"to": "bob@example.com>\r\nRCPT TO:<all@example.com"},
        {"to": ""},
        {"reply_to": "x\n@example.com"},
        {"message_id": "a\r\nBcc: all@example.com"},
        {"headers": {"X-A": "b\r\nBcc: all@example.com"}},
        {"headers": {"X-A: b\r\nBcc": "all@example.com"}},
        {"headers": {"X A": "b"}},
        {"headers": {"": "b"}},
        {"headers": {"Subject": "second"}},
        {"headers": {"Content-Type": "text/html"}},
        {"headers": {"List-Unsubscribe": "<https://a.example>\r\nBcc: all@example.com"}},
        {"headers": {"List-Unsubscribe": "<https://ü.example>"}},
        {"headers": {"X-A": "b" * 2_000}},
        {"text": "\ud800"},
    ],
)
def test_nothing_in_a_field_becomes_another_header(changes: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as refused:
        build_message(a_mail(**changes))
    assert "example.com" not in str(refused.value)


def test_a_domain_beyond_ascii_travels_in_its_ascii_form() -> None:
    assert envelope_address("ana@bücher.example.com") == "ana@xn--bcher-kva.example.com"
    assert "ana@xn--bcher-kva.example.com" in str(read(build_message(a_mail(to="ana@bücher.example.com")))["To"])


def test_the_ids_of_other_messages_stay_readable_whatever_their_length() -> None:
    ids = [f"<{n}{'a' * 120}.1@crm.example.com>" for n in range(5)]
    content = build_message(a_mail(headers={"In-Reply-To": ids[-1], "References": " ".join(ids)}))
    assert b"\r\nIn-Reply-To: " + ids[-1].encode() + b"\r\n" in content
    assert b"\r\nReferences: " + b"\r\n ".join(each.encode() for each in ids) + b"\r\n" in content
    assert read(content)["References"].split() == ids
