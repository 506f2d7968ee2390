"""HTML is read as browsers read it, in one pass."""

from __future__ import annotations

import pytest

from domain.html_tags import Tag, tokens
from domain.mail_html import words_of
from domain.tracked_html import with_tracked_links


def seen(html: str) -> list[str]:
    """The tokens, tags as they could be written."""
    return [each if isinstance(each, str) else written(each) for each in tokens(html)]


def written(tag: Tag) -> str:
    attributes = "".join(f" {each.name}={tag.value(each.name)!r}" for each in tag.attributes)
    return f"<{'/' * tag.is_end}{tag.name}{attributes}{'/' * tag.is_empty}>"


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("", []),
        ("a &amp; b", ["a & b"]),
        ("<P Class=x>a</P\n>", ["<p class='x'>", "a", "</p>"]),
        ("<a href='1>2' title=\"'\" b c=d/>x", ["<a href='1>2' title=\"'\" b=None c='d/'>", "x"]),
        ("<br/><br / >", ["<br/>", "<br>"]),
        ("<a =b c = 'd'e=f>", ["<a =b=None c='d' e='f'>"]),
        ("<a href='&#38;&lt;'>", ["<a href='&<'>"]),
        ("1 < 2 <3", ["1 ", "<", " 2 ", "<", "3"]),
        ("a<!-- <b> -->b<!-->c<!doctype html><?xml?></ x>d</>e", ["a", "b", "c", "d", "e"]),
        ("<script>if (a<b) '</p>'</SCRIPT >x", ["<script>", "if (a<b) '</p>'", "</script>", "x"]),
        ("<title>a<b></titles></title>c", ["<title>", "a<b></titles>", "</title>", "c"]),
        ("<style>p{", ["<style>", "p{"]),
        ("a<b", ["a"]),
        ("a<b c='", ["a"]),
        ("a<!-- b", ["a"]),
        ("&#99999999999;&#" + "9" * 5_000 + ";", ["\N{REPLACEMENT CHARACTER}" * 2]),
    ],
)
def test_tags_and_texts_are_those_of_a_browser(html: str, found: list[str]) -> None:
    assert seen(html) == found


def test_a_value_is_found_where_it_stands() -> None:
    html = "ü<a href = 'https://a.example' title=x>"
    _, tag = tokens(html)
    assert isinstance(tag, Tag)
    assert [html[each.start : each.end] for each in tag.attributes] == ["https://a.example", "x"]


ENDLESS = [
    "<",
    "<!--",
    "<!-- x",
    "</p ",
    "<a ",
    "<a x='",
    "<a x=\"'",
    "<a/",
    "<script>",
    "<script></scrip",
    "<?",
    "&#9",
]


@pytest.mark.parametrize("piece", ENDLESS)
def test_what_is_never_ended_takes_no_time(piece: str) -> None:
    # The suite's own limit per test is what would end this: reading it again for each piece takes many minutes.
    html = piece * (1_000_000 // len(piece))
    assert len(seen(html)) <= len(html)
    assert with_tracked_links(html, lambda index: "", lambda url: False) == (html, ())
    assert len(words_of(html)) <= len(html)
