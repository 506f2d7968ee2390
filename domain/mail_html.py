"""The words of HTML that anybody may have written, for mail that has no plain text.

The parser of the standard library takes minutes for a few tags that are never closed, and fails on a long number; this
goes through the text once, whatever stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from domain.html_tags import unescaped

_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]{0,15})")
_UNSEEN = {name: re.compile(rf"</{name}", re.IGNORECASE) for name in ("head", "script", "style", "template", "title")}
_LINES = frozenset(
    {"address", "article", "blockquote", "br", "center", "div", "dd", "dl", "dt", "footer", "h1", "h2", "h3", "h4",
     "h5", "h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul"}
)  # fmt: skip
_SPACES = re.compile(r"[^\S\n]+")
_AROUND_LINES = re.compile(r" ?\n ?")
_EMPTY_LINES = re.compile(r"\n{3,}")


def words_of(html: str) -> str:
    """What a reader sees of ``html``: a line for each paragraph, row or item, no tags, no styles."""
    text = unescaped("".join(_pieces(html)))
    return _EMPTY_LINES.sub("\n\n", _AROUND_LINES.sub("\n", _SPACES.sub(" ", text))).strip()


def _pieces(html: str) -> Iterator[str]:
    at = 0
    while (start := html.find("<", at)) >= 0:
        yield _in_line(html[at:start])
        tag = _TAG.match(html, start)
        if tag is None and not html.startswith(("<!", "<?"), start):
            yield "<"
            at = start + 1
            continue
        mark = "-->" if html.startswith("<!--", start) else ">"
        end = html.find(mark, start)
        if end < 0:
            return
        at = end + len(mark)
        name = tag[1].lower() if tag is not None else ""
        if name in _LINES:
            yield "\n"
        if name in _UNSEEN and html[start + 1] != "/":
            closed = _UNSEEN[name].search(html, at)
            if closed is None:
                return
            at = closed.start()
    yield _in_line(html[at:])


def _in_line(text: str) -> str:
    return text.replace("\n", " ")
