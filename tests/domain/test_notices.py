"""Plain text as colleagues read it in an email."""

from __future__ import annotations

import pytest

from domain.notices import html_of


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Hello", "<p>Hello</p>"),
        ("One\nTwo\n\n\nThree\n", "<p>One<br>Two</p><p>Three</p>"),
        ("A & B <b>bold</b>", "<p>A &amp; B &lt;b&gt;bold&lt;/b&gt;</p>"),
        (
            "See https://crm.example.com/?a=1&b=2, or http://x.example.com.",
            '<p>See <a href="https://crm.example.com/?a=1&amp;b=2">https://crm.example.com/?a=1&amp;b=2</a>, or '
            '<a href="http://x.example.com">http://x.example.com</a>.</p>',
        ),
        ('javascript:alert(1) https://"onclick', "<p>javascript:alert(1) https://&quot;onclick</p>"),
        ("", ""),
    ],
)
def test_text_becomes_paragraphs_lines_and_links(text: str, html: str) -> None:
    assert html_of(text) == html
