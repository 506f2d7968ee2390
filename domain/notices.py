"""How what colleagues are told looks as an email: plain text, with its lines and its links."""

from __future__ import annotations

import re
from html import escape

_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")


def html_of(text: str) -> str:
    """Plain text as HTML: a paragraph for each block of lines, and addresses one can follow."""
    blocks = [block.strip("\n") for block in re.split(r"\n\s*\n", text) if block.strip()]
    return "".join(f"<p>{_lines(block)}</p>" for block in blocks)


def _lines(block: str) -> str:
    return "<br>".join(_linked(line) for line in block.splitlines())


def _linked(line: str) -> str:
    parts, at = [], 0
    for found in _LINK.finditer(line):
        address = escape(found[0])
        parts += [escape(line[at : found.start()]), f'<a href="{address}">{address}</a>']
        at = found.end()
    return "".join([*parts, escape(line[at:])])
