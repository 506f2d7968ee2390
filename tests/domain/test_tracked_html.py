"""Links of a message lead through us, everything else stays byte by byte."""

from __future__ import annotations

import pytest

from domain.tracked_html import MOST_LINKS, before_end, with_tracked_links


def tracked(html: str) -> tuple[str, tuple[str, ...]]:
    return with_tracked_links(html, lambda index: f"https://t/{index}", lambda url: url.startswith("https://ours/u/"))


@pytest.mark.parametrize(
    ("html", "changed", "links"),
    [
        ('<a href="https://a.example/x">x</a>', '<a href="https://t/0">x</a>', ("https://a.example/x",)),
        ("<A CLASS=b HREF='http://a.example?b=1&amp;c=2'\n>x</A>", "<A CLASS=b HREF='https://t/0'\n>x</A>",
         ("http://a.example?b=1&c=2",)),
        ("<a\n  href=https://a.example>x</a>", "<a\n  href=https://t/0>x</a>", ("https://a.example",)),
        ('<a title=\' href="no"\' href = "https://a.example">', '<a title=\' href="no"\' href = "https://t/0">',
         ("https://a.example",)),
        ('<a data-href="https://no.example" href="https://a.example"/>', '<a data-href="https://no.example" '
         'href="https://t/0"/>', ("https://a.example",)),
        ('é\nü<a href="https://a.example">ü</a>\r\n<area href="https://b.example">',
         'é\nü<a href="https://t/0">ü</a>\r\n<area href="https://t/1">', ("https://a.example", "https://b.example")),
        ('<a href="https://a.example"></a><a href=" https://a.example "></a>',
         '<a href="https://t/0"></a><a href="https://t/0"></a>', ("https://a.example",)),
    ],
)  # fmt: skip
def test_a_link_leads_through_us(html: str, changed: str, links: tuple[str, ...]) -> None:
    assert tracked(html) == (changed, links)


@pytest.mark.parametrize(
    "html",
    [
        "", "plain & simple", "<a>x</a>", '<a name="x">', '<a href="">', "<a href>", '<a href="#top">',
        '<a href="mailto:a@example.com">', '<a href="tel:+4712345">', '<a href="javascript:alert(1)">', '<a href="/x">',
        '<a href="https://ours/u/token">', '<!-- <a href="https://a.example"> -->', '<img src="https://a.example">',
        '<link href="https://a.example/a.css">', '<style>a[href="https://a.example"] {}</style>',
        '<!--[if mso]><a href="https://a.example"><![endif]-->', '<a href="https://a.example',
        "<a href=\"https://a.example'>", "<", "<a", "</a href='https://a.example'>",
    ],
)  # fmt: skip
def test_what_is_no_link_of_the_reader_stays_as_it_is(html: str) -> None:
    assert tracked(html) == (html, ())


def test_of_many_links_the_first_are_tracked() -> None:
    html = "".join(f'<a href="https://a.example/{n}">' for n in range(MOST_LINKS + 1))
    changed, links = tracked(html)
    assert len(links) == MOST_LINKS
    assert changed.endswith(f'<a href="https://t/{MOST_LINKS - 1}"><a href="https://a.example/{MOST_LINKS}">')


@pytest.mark.parametrize(
    ("html", "changed"),
    [("a", "a!"), ("a</BODY></html>\n", "a!</BODY></html>\n"), ("a</html>", "a!</html>"), ("İ</body>", "İ!</body>")],
)
def test_an_addition_stands_at_the_end_of_what_is_seen(html: str, changed: str) -> None:
    assert before_end(html, "!") in (changed, html + "!")
