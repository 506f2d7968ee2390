"""The plain text that goes with an HTML message: words, line breaks and the addresses of links, nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

BLOCKS = frozenset({"address", "article", "blockquote", "br", "div", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
                    "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul"})  # fmt: skip
"""Elements that begin a new line."""

UNSEEN = frozenset({"head", "script", "style", "title"})
"""Elements whose content nobody reads."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0
        self._links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self._unseen += 1
        elif tag in BLOCKS:
            self.parts.append("\n")
        elif tag == "a":
            self._links.append(dict(attrs).get("href"))

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in BLOCKS:
            self.parts.append("\n")
        elif tag == "a" and self._links and (target := self._links.pop()):
            self.parts.append(f" ({target})")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(re.sub(r"\s+", " ", data))


def plain_text(html: str) -> str:
    """The text of an HTML document, one line per block, at most one blank line between two."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r" +", " ", line).strip() for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
