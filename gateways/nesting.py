"""How deep elements of HTML may stand in each other, so that libraries which descend by recursion keep their stack.

A stack that overflows in native code ends the process; no error can be caught.
"""

from __future__ import annotations

import re
from collections import Counter

DEEPEST = 200
"""Levels of elements; some thousands are what native stacks bear. Tables in tables of a usual email make 60."""

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
"""Elements that are never closed, as nothing stands in them."""

# The next of their kind ends them, so left open they do not add up.
_IMPLIED = frozenset({"p", "li", "dt", "dd", "td", "th", "tr", "tbody", "thead", "tfoot", "option", "optgroup"})


def too_deep(html: str) -> bool:
    """Whether elements stand more than ``DEEPEST`` levels deep in each other, or are left open so often.

    Counted by name, as a closing tag may be one that a reader ignores: never fewer levels than a reader makes, apart
    from elements that others imply, of which there are at most a few for each one counted.
    """
    levels: Counter[str] = Counter()
    depth = 0
    for closing, written in _TAG.findall(html):
        name = written.lower()
        if name in VOID or name in _IMPLIED:
            continue
        if not closing:
            levels[name] += 1
            depth += 1
        elif levels[name]:
            levels[name] -= 1
            depth -= 1
        if depth > DEEPEST:
            return True
    return False
