"""Turns MJML into the HTML of an email, once, when its author saves it.

The compiler lets unknown tags pass and says of most mistakes that there is one, not where. So the source is looked over
first, and what is found there is told with its line. It reads no file and asks no network: includes are refused, and
no font is fetched that the author did not name.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from mrml import ParserOptions, RenderOptions, noop_loader, to_html

from domain.html_tags import Tag, tokens
from domain.ports import Compiled, TemplateProblem
from domain.reader import similar
from gateways.nesting import VOID, too_deep
from gateways.template_source import LARGEST_SOURCE_BYTES, line_of

TAGS = frozenset(
    {
        "mjml", "mj-head", "mj-body", "mj-attributes", "mj-all", "mj-class", "mj-breakpoint", "mj-font", "mj-preview",
        "mj-style", "mj-title", "mj-accordion", "mj-accordion-element", "mj-accordion-title", "mj-accordion-text",
        "mj-button", "mj-carousel", "mj-carousel-image", "mj-column", "mj-divider", "mj-group", "mj-hero", "mj-image",
        "mj-navbar", "mj-navbar-link", "mj-raw", "mj-section", "mj-social", "mj-social-element", "mj-spacer",
        "mj-table", "mj-text", "mj-wrapper",
    }
)  # fmt: skip
"""Every tag of MJML that can be sent."""

KEPT = 64
"""How many are kept compiled: a step that has MJML of its own is asked for it with each message."""

_PLACE = re.compile(r"at position (\d+)[:.]+\d+")
_ANGLE_IN_TAG = re.compile(r"\{%[^%]*<[^%]*%\}")
_TURN_AROUND = "MJML takes the < of {tag} for a tag of its own; turn the comparison around and use >"


@lru_cache(maxsize=KEPT)
def compiled(source: str) -> Compiled:
    """The HTML of MJML, or what is wrong with it, with lines."""
    if len(source.encode("utf-8", "surrogatepass")) > LARGEST_SOURCE_BYTES:
        words = f"MJML has at most {LARGEST_SOURCE_BYTES // 1024} KiB"
        return Compiled(problems=(TemplateProblem(message=words, unsafe=True),))
    if too_deep(source):
        return Compiled(problems=(TemplateProblem(message="elements stand too deep in each other", unsafe=True),))
    look = _Look(source)
    if problems := look.problems():
        return Compiled(problems=tuple(TemplateProblem(message=words) for words in problems))
    try:
        made = to_html(source, _READING, _WRITING)
    except (OSError, ValueError) as refused:
        return Compiled(problems=(TemplateProblem(message=_words(source, str(refused))),))
    return Compiled(html=made.content)


_READING = ParserOptions(include_loader=noop_loader())
_WRITING = RenderOptions(fonts={})


class _Look:
    """Finds tags that do not exist or are not closed where they must be."""

    def __init__(self, source: str) -> None:
        self._open: list[tuple[str, int]] = []
        self._names: Counter[str] = Counter()
        self._found: list[tuple[int, str]] = []
        self._seen: set[str] = set()
        at, line = 0, 1
        for token in tokens(source):
            if isinstance(token, Tag):
                line += source.count("\n", at, token.start)
                at = token.start
                self._look_at(token, line)

    def _look_at(self, tag: Tag, line: int) -> None:
        if tag.is_end:
            self._end(tag.name, line)
            return
        self._examine(tag, line)
        if not tag.is_empty and tag.name not in VOID:
            self._open.append((tag.name, line))
            self._names[tag.name] += 1

    def _end(self, name: str, line: int) -> None:
        if not self._names[name]:
            if name not in VOID:
                self._found.append((line, f"{name} is closed but not open"))
            return
        while True:
            last, began = self._open.pop()
            self._names[last] -= 1
            if last == name:
                return
            self._left_open(last, began)

    def problems(self) -> list[str]:
        """Every mistake, in the order of the source."""
        for tag, line in self._open:
            self._left_open(tag, line)
        found = [f"Line {line}: {words}" for line, words in sorted(self._found)]
        missing = next((tag for tag in ("mjml", "mj-body") if tag not in self._seen), None)
        if missing is not None and not found:
            found.append(f"there is no {missing}: MJML is <mjml><mj-body>…</mj-body></mjml>")
        return found

    def _left_open(self, tag: str, line: int) -> None:
        self._found.append((line, f"{tag} is not closed"))

    def _examine(self, tag: Tag, line: int) -> None:
        name = tag.name
        if name != "mjml" and not name.startswith("mj-"):
            return
        self._seen.add(name)
        if name == "mj-include":
            self._found.append((line, "mj-include is not possible: an email stands for itself"))
        elif name not in TAGS:
            self._found.append((line, f"there is no tag {name}{similar(name, TAGS)}"))
        elif name == "mj-style" and tag.value("inline"):
            self._found.append((line, "mj-style cannot be inline: use mj-attributes, or attributes of the tags"))


def _words(source: str, refused: str) -> str:
    """What the compiler said, with a line where it can be told."""
    if (found := _ANGLE_IN_TAG.search(source)) is not None:
        return f"Line {line_of(source, found.start())}: {_TURN_AROUND.format(tag=found.group()[:60])}"
    words = refused.replace(" in root template", "")
    if (place := _PLACE.search(words)) is None:
        return f"this is not MJML: {words}; every tag is closed, and <, > and & are written &lt;, &gt; and &amp;"
    at = len(source.encode()[: int(place.group(1))].decode(errors="ignore"))
    return f"Line {line_of(source, at)}: {words[: place.start()].strip()}"
