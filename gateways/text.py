"""Turns the HTML of an email into the text that goes beside it, for readers without HTML.

Only what a reader sees: paragraphs, lists, links with their address. An author who wants more writes the text.
"""

from __future__ import annotations

import re
from collections import Counter

from domain.html_tags import Tag, tokens
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
    for token in tokens(html):
        if isinstance(token, str):
            reader.say(token)
        elif token.is_end:
            reader.end(token.name)
        else:
            reader.begin(token)
            if token.is_empty:
                reader.end(token.name)
    return reader.text()


class _Reader:
    """Collects words; the line ends between them are kept waiting until the next word, so that they never add up."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._breaks = 0
        # The open elements from the first that is not seen, and how many of each name they are.
        self._unseen: list[str] = []
        self._names: Counter[str] = Counter()
        self._lists: list[int | None] = []
        self._link: tuple[str, int] | None = None

    def begin(self, tag: Tag) -> None:
        """An element begins."""
        name = tag.name
        self._separate(name)
        if name in _UNSEEN or (name not in VOID and (self._unseen or _HIDDEN.search(tag.value("style") or ""))):
            self._unseen.append(name)
            self._names[name] += 1
        elif name == "br":
            self._breaks += 1
        elif name == "img":
            self.say(tag.value("alt") or "")
        elif name == "a":
            self._end_link()
            self._link = ((tag.value("href") or "").strip(), len(self._pieces))
        elif name in _LISTS:
            self._lists.append(1 if name == "ol" else None)
        elif name == "li":
            self.say(self._bullet())

    def end(self, name: str) -> None:
        """An element ends."""
        if self._names[name]:
            # What was left open inside is closed with it, as a browser does.
            last = None
            while last != name:
                last = self._unseen.pop()
                self._names[last] -= 1
        elif name == "a":
            self._end_link()
        elif name in _LISTS and self._lists:
            self._lists.pop()
        self._separate(name)

    def text(self) -> str:
        """All that was read so far."""
        self._end_link()
        lines = [_SPACES.sub(" ", line).strip() for line in "".join(self._pieces).split("\n")]
        return "\n".join(lines).strip("\n")

    def say(self, words: str) -> None:
        """Words stand here, and are read unless they stand in what is not seen."""
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
            self.say(" ")

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
            self.say(f" ({address})" if words else address)
