"""The text beside the HTML of an email."""

from __future__ import annotations

import pytest

from gateways.text import text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<p>one</p>\n\n\n  <p>two</p>\n", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div><div><div>one</div></div></div>two", "one\ntwo"),
        ("one<br>two<br/><br />three", "one\ntwo\n\nthree"),
        ("<p>one\n   two</p>", "one two"),
        ("<p>a <b>b</b><i>c</i></p>", "a bc"),
        ("caf&eacute; &amp; &lt;tea&gt;&nbsp;!", "café & <tea> !"),
        ('<a href="https://a.example/x?a=1&amp;b=2">this page</a>', "this page (https://a.example/x?a=1&b=2)"),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="mailto:ana@example.com">ana@example.com</a>', "ana@example.com"),
        ('<a href="https://a.example"><img src="l.png" alt="Logo"></a>', "Logo (https://a.example)"),
        ('<a href="https://a.example"><img src="l.png"></a>', "https://a.example"),
        ('<a href="javascript:alert(1)">x</a> <a href="#top">y</a> <a>z</a>', "x y z"),
        (
            "<a href='https://a.example'>one <a href='https://b.example'>two</a>",
            "one (https://a.example)two (https://b.example)",
        ),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<p>so:</p><ol><li>one<li>two</ol><p>end</p>", "so:\n\n1. one\n2. two\n\nend"),
        ("<ul><li>one<ol><li>a</li><li>b</li></ol></li><li>two</li></ul>", "- one\n1. a\n2. b\n- two"),
        ("<table><tr><td>A</td><td>B</td></tr><tr><th>C</th></tr></table>", "A B\nC"),
        ("a<script>if (1 < 2) { x() }</script><style>p { }</style>b", "ab"),
        ("<head><title>t</title><style>p{}</style><body>seen", "seen"),
        ("<!-- hidden --><!--[if mso]>no<![endif]-->seen", "seen"),
        ("pre&shy;view&zwnj;&#8203;", "preview"),
        ("</a></ul></p>odd</div>", "odd"),
    ],
)
def test_what_a_reader_sees_becomes_text(html: str, text: str) -> None:
    assert text_of(html) == text


@pytest.mark.parametrize(
    "piece",
    ["<", "<p>", "<ul><li>", "<a href=x>y", "<!--", "&", "<b>", "</p ", "<svg>", "<svg><object>", "<svg></object>"],
)
def test_html_without_end_takes_no_time(piece: str) -> None:
    # The suite's own limit per test is what would end this.
    assert "\n\n\n" not in text_of(piece * (600_000 // len(piece)) + ">")


def test_elements_that_are_not_seen_and_never_closed_take_no_time() -> None:
    assert text_of("a" + "<svg>" * 100_000 + "</object>" * 100_000 + "b" + "</svg>" * 100_000 + "c") == "ac"


def test_what_is_hidden_is_not_read() -> None:
    hidden = "<div style='color:red; display : none'><div>a</div><p>b<img alt='c'></div>"
    assert text_of(f"{hidden}<p>d</p><span style='visibility:hidden'>e<br>f</span>g") == "d\n\ng"
