"""Decides whether the text of a template may be given to the Liquid parser at all.

The parser's own scanner takes time in the square of the text for tags that are not closed, for long runs of white
space and for long tags (64 kB of ``{{`` take minutes while every thread stands still). So the text is looked over
first, in one pass, and what could get that slow is refused before the parser sees it.
"""

from __future__ import annotations

import re

from domain.ports import TemplateProblem

# The largest template: an email of this size is already cut by common readers (Gmail shows the first 102 kB).
LARGEST_SOURCE_BYTES = 64 * 1024
LONGEST_TAG = 2_000
LONGEST_GAP = 100

_OPENING = re.compile(r"\{[{%]")
_TAG_NAME = re.compile(r"\{%-?\s*(#|\w+)")
_LONG_GAP = re.compile(rf"\s{{{LONGEST_GAP + 1}}}")
# Inside these nothing is a tag, so the look continues behind their end.
_VERBATIM = {
    name: (re.compile(rf"\{{%-?\s*{name}\s*-?%\}}"), re.compile(rf"\{{%-?\s{{0,100}}end{name}\s{{0,100}}-?%\}}"))
    for name in ("raw", "doc")
}


def problem_of_source(source: str) -> TemplateProblem | None:
    """Why ``source`` must not be parsed; None when it may be.

    Unsafe is what is too large or too long. A tag that is not closed is only a mistake, as in a draft half written.
    """
    if len(source.encode("utf-8", "surrogatepass")) > LARGEST_SOURCE_BYTES:
        return TemplateProblem(message=f"a template has at most {LARGEST_SOURCE_BYTES // 1024} KiB", unsafe=True)
    position = 0
    while (opening := _OPENING.search(source, position)) is not None:
        start = opening.start()
        end = source.find("}}" if opening.group() == "{{" else "%}", start + 2)
        oversize = _oversize(source, start, end)
        if problem := oversize or _mistake(source, start, end):
            return TemplateProblem(message=f"Line {line_of(source, start)}: {problem}", unsafe=oversize is not None)
        position = _end_of_verbatim(source, start, end + 2)
    return None


def line_of(source: str, index: int) -> int:
    """The line, counted from 1, that holds the character at ``index``."""
    return source.count("\n", 0, index) + 1


def _oversize(source: str, start: int, end: int) -> str | None:
    """What is too long about the tag from ``start`` to its closing braces at ``end`` (-1: there are none)."""
    if end - start > LONGEST_TAG:
        return f"a tag has at most {LONGEST_TAG} characters"
    if end > 0 and _LONG_GAP.search(source, start, end):
        return f"a tag has at most {LONGEST_GAP} spaces in a row"
    return None


def _mistake(source: str, start: int, end: int) -> str | None:
    """What keeps this look from agreeing with the parser on where the tag ends."""
    if end < 0:
        return f"{source[start : start + 2]} is never closed"
    if source.startswith("{{", start):
        return None
    name = _TAG_NAME.match(source, start, end)
    if name is None:
        # The parser takes such braces for text and looks for tags inside them, which this look has skipped.
        return "a tag begins with its name"
    if name.group(1) in _VERBATIM:
        opening, ending = _VERBATIM[name.group(1)]
        if opening.fullmatch(source, start, end + 2) is None:
            return f"{name.group(1)} takes nothing"
        if ending.search(source, end) is None:
            return f"{name.group(1)} is never ended"
    return None


def _end_of_verbatim(source: str, start: int, end: int) -> int:
    """Where the look goes on: behind the block that a verbatim tag opens, or behind the tag itself."""
    name = _TAG_NAME.match(source, start, end)
    if name is None or name.group(1) not in _VERBATIM:
        return end
    found = _VERBATIM[name.group(1)][1].search(source, end)
    return end if found is None else found.end()
