"""Reads HTML into tags and text the way browsers do, in one pass, whatever stands there.

The parser of the standard library takes minutes for a few tags that are never closed, and fails on a long number. Here
each character is looked at a fixed number of times: what is begun and never ended takes the rest with it, as the
tokenizer of the HTML standard has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

_NAME = re.compile(r"[A-Za-z][^ \t\n\r\f/>]*")
_GAP = re.compile(r"[ \t\n\r\f/]*")
_ATTRIBUTE = re.compile(r"=?[^ \t\n\r\f/>=]*")
_EQUALS = re.compile(r"[ \t\n\r\f]*=[ \t\n\r\f]*")
_UNQUOTED = re.compile(r"[^ \t\n\r\f>]*")
# In these no tag begins but the one that ends them.
_RAW = {
    name: re.compile(rf"</{name}(?=[ \t\n\r\f/>])", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
}
# Python refuses to read such a number; no character has one.
_NO_CHARACTER = re.compile(r"&#[0-9]{8,};?")


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute as it is written; ``value`` stands at ``start`` to ``end``, without quotes, or is None."""

    name: str
    value: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that stands at ``start``; names are in lower case. ``is_end``: ``</p>``, ``is_empty``: ``<br/>``."""

    name: str
    start: int
    is_end: bool
    is_empty: bool
    attributes: tuple[Attribute, ...]

    def value(self, name: str) -> str | None:
        """The value of its first attribute of this name, with its characters as they are read."""
        found = next((each for each in self.attributes if each.name == name), None)
        return None if found is None or found.value is None else unescaped(found.value)


def unescaped(written: str) -> str:
    """``&amp;`` as it is read; a number that is no character is the sign for none."""
    return unescape(_NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", written))


def tokens(html: str) -> Iterator[Tag | str]:
    """The tags of ``html``, and the texts between them as they are read; comments and the like are left out."""
    at = 0
    while (start := html.find("<", at)) >= 0:
        if start > at:
            yield unescaped(html[at:start])
        name = _NAME.match(html, start + 2 if html.startswith("</", start) else start + 1)
        if name is not None:
            found = _tag(html, start, name)
            if found is None:
                return
            tag, at = found
            yield tag
            if tag.name in _RAW and not tag.is_end and not tag.is_empty:
                ended = _RAW[tag.name].search(html, at)
                end = len(html) if ended is None else ended.start()
                yield unescaped(html[at:end])
                at = end
        elif html.startswith(("<!", "<?", "</"), start):
            mark = "-->" if html.startswith("<!--", start) else ">"
            # <!--> is a comment as well.
            end = html.find(mark, start + 2)
            if end < 0:
                return
            at = end + len(mark)
        else:
            yield "<"
            at = start + 1
    if at < len(html):
        yield unescaped(html[at:])


def _tag(html: str, start: int, name: re.Match[str]) -> tuple[Tag, int] | None:
    """The tag at ``start`` and where it ends; None: it never does."""
    attributes: list[Attribute] = []
    at = name.end()
    while True:
        before = at
        at = _GAP.match(html, at).end()  # type: ignore[union-attr]  # it matches anywhere
        if at >= len(html):
            return None
        if html[at] == ">":
            break
        attribute = _attribute(html, at)
        if attribute is None:
            return None
        found, at = attribute
        attributes.append(found)
    # A slash behind a value without quotes belongs to the value.
    is_end, is_empty = html[start + 1] == "/", html[before:at].endswith("/")
    return Tag(name[0].lower(), start, is_end, is_empty, tuple(attributes)), at + 1


def _attribute(html: str, at: int) -> tuple[Attribute, int] | None:
    name = _ATTRIBUTE.match(html, at)
    assert name is not None, "it matches anywhere"
    equals = _EQUALS.match(html, name.end())
    if equals is None:
        return Attribute(name[0].lower(), None, name.end(), name.end()), name.end()
    start = equals.end()
    quote = html[start : start + 1]
    if quote in ("'", '"'):
        end = html.find(quote, start + 1)
        if end < 0:
            return None
        return Attribute(name[0].lower(), html[start + 1 : end], start + 1, end), end + 1
    value = _UNQUOTED.match(html, start)
    assert value is not None, "it matches anywhere"
    return Attribute(name[0].lower(), value[0], start, value.end()), value.end()
