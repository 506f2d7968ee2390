"""Puts what tells of opens and clicks into the HTML of a message, changing nothing else of it.

Only what readers see as a link is led through us: addresses of ``http`` and ``https`` in ``a`` and ``area``. Text that
merely looks like one, in a comment or a stylesheet, stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from domain.html_tags import Tag, tokens, unescaped

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
        target = unescaped(html[start:end]).strip()
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
    for token in tokens(html):
        if isinstance(token, Tag) and token.name in _LINKING and not token.is_end:
            href = next((each for each in token.attributes if each.name == "href"), None)
            if href is not None and href.value is not None:
                yield href.start, href.end
