"""Turns the HTML of an email into the text that goes beside it, for readers without HTML.

Only what a reader sees: paragraphs, lists, links with their address. An author who wants more writes the text.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from gateways.nesting import VOID

_UNSEEN = frozenset({"script", "style", "template", "title", "noscript", "object", "svg"})
_HIDDEN = re.compile(r"(?i)display\s*:\s*none|visibility\s*:\s*hidden")
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "blockquote", "pre", "hr"})
_LISTS = frozenset({"ul", "ol"})
_LINES = frozenset({"div", "tr", "li", "section", "article", "header", "footer", "dt", "dd", "center", "address"})
_CELLS = frozenset({"td", "th"})
_FOLLOWABLE = ("http://", "https://", "mailto:", "tel:")
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")
# What authors and editors hide between letters: soft hyphens, joiners that fill preview texts, byte order marks.
_INVISIBLE = re.compile("[\u00ad\u034f\u200b\u200c\ufeff]")


def text_of(html: str) -> str:
    """The text of ``html``: ``<p>See <a href="https://a.example">this</a></p>`` gives ``See this (https://a.example)``.

    Ends without a line break; empty when there is nothing to read.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Collects words; the line ends between them are kept waiting until the next word, so that they never add up."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._breaks = 0
        self._unseen: list[str] = []
        self._lists: list[int | None] = []
        self._link: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._separate(tag)
        given = dict(attrs)
        if tag in _UNSEEN or (tag not in VOID and (self._unseen or _HIDDEN.search(given.get("style") or ""))):
            self._unseen.append(tag)
        elif tag == "br":
            self._breaks += 1
        elif tag == "img":
            self._say(given.get("alt") or "")
        elif tag == "a":
            self._end_link()
            self._link = ((given.get("href") or "").strip(), len(self._pieces))
        elif tag in _LISTS:
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._say(self._bullet())

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            # What was left open inside is closed with it, as a browser does.
            del self._unseen[len(self._unseen) - 1 - self._unseen[::-1].index(tag) :]
        elif tag == "a":
            self._end_link()
        elif tag in _LISTS and self._lists:
            self._lists.pop()
        self._separate(tag)

    def handle_data(self, data: str) -> None:
        self._say(data)

    def text(self) -> str:
        """All that was read so far."""
        self._end_link()
        lines = [_SPACES.sub(" ", line).strip() for line in "".join(self._pieces).split("\n")]
        return "\n".join(lines).strip("\n")

    def _say(self, words: str) -> None:
        if self._unseen:
            return
        visible = _SPACES.sub(" ", _INVISIBLE.sub("", words))
        if visible.strip() and self._breaks:
            self._pieces.append("\n" * min(self._breaks, 2))
            self._breaks = 0
        if not self._breaks:
            self._pieces.append(visible)

    def _separate(self, tag: str) -> None:
        """Keep apart what stands before and after a tag."""
        if tag in _PARAGRAPHS or (tag in _LISTS and not self._lists):
            self._breaks = max(self._breaks, 2)
        elif tag in _LINES or tag in _LISTS:
            self._breaks = max(self._breaks, 1)
        elif tag in _CELLS:
            self._say(" ")

    def _bullet(self) -> str:
        if not self._lists or (number := self._lists[-1]) is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number}. "

    def _end_link(self) -> None:
        if self._link is None:
            return
        address, begin = self._link
        self._link = None
        words = _SPACES.sub(" ", "".join(self._pieces[begin:])).strip()
        if address.lower().startswith(_FOLLOWABLE) and address.partition(":")[2].lstrip("/") not in words:
            self._say(f" ({address})" if words else address)
