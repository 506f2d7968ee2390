"""Puts what tells of opens and clicks into the HTML of a message, changing nothing else of it.

Only what readers see as a link is led through us: addresses of ``http`` and ``https`` in ``a`` and ``area``. Text that
merely looks like one, in a comment or a stylesheet, stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape, unescape
from html.parser import HTMLParser

_ATTRIBUTE = re.compile(r"""([^\s=/>"']+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s>"']+)""")
_LINKING = ("a", "area")
MOST_LINKS = 1000
"""Links of one message that are led through us; a message with more has the rest as they are."""

PIXEL = '<img src="{address}" width="1" height="1" alt="" style="display:block;border:0;width:1px;height:1px">'


def with_tracked_links(
    html: str, address_of: Callable[[int], str], is_ours: Callable[[str], bool]
) -> tuple[str, tuple[str, ...]]:
    """The HTML with every link led through ``address_of(index)``, and what the links led to, by index.

    The same address twice is one link. ``is_ours``: addresses that are left alone.
    """
    links: dict[str, int] = {}
    parts, done = [], 0
    for start, end in _targets(html):
        target = unescape(html[start:end]).strip()
        if not target.lower().startswith(("http://", "https://")) or is_ours(target):
            continue
        if target not in links and len(links) == MOST_LINKS:
            continue
        index = links.setdefault(target, len(links))
        parts += [html[done:start], escape(address_of(index))]
        done = end
    return "".join([*parts, html[done:]]), tuple(links)


def before_end(html: str, addition: str) -> str:
    """``html`` with something more at the end of what is seen."""
    lower = html.lower()
    for end in ("</body>", "</html>"):
        at = lower.rfind(end)
        # Letters whose lower case is longer would shift the place; then the end of the text is as good.
        if at >= 0 and html[at : at + len(end)].lower() == end:
            return html[:at] + addition + html[at:]
    return html + addition


def _targets(html: str) -> Iterator[tuple[int, int]]:
    """Where the values of ``href`` stand in the text, without their quotes."""
    reader = _Tags()
    reader.feed(html)
    reader.close()
    lines = [0, *(found.end() for found in re.finditer("\n", html))]
    for line, column, tag in reader.found:
        start = lines[line - 1] + column
        for found in _ATTRIBUTE.finditer(tag, re.match(r"<\s*\w+", tag).end()):  # type: ignore[union-attr]
            if found[1].lower() == "href":
                quoted = found[3][:1] in "\"'"
                yield start + found.start(3) + quoted, start + found.end(3) - quoted
                break


class _Tags(HTMLParser):
    """Collects the places and texts of tags that link."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag if it links."""
        text = self.get_starttag_text()
        if tag in _LINKING and text:
            self.found.append((*self.getpos(), text))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """The same for a tag that closes itself."""
        self.handle_starttag(tag, attrs)
