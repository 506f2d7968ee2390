"""The HTML of emails: made from MJML, with its styles where every mail program finds them, and as plain text."""

from __future__ import annotations

import re

from css_inline import CSSInliner, InlineError

from domain.errors import StepFailed
from domain.ports import Compiled
from gateways.mjml import compiled
from gateways.nesting import DEEPEST, too_deep
from gateways.text import text_of

MOST_MATCHING = 20_000_000
"""Rules times elements; where a selector looks at everything before or inside an element, times elements again."""

_STYLE = re.compile(r"<style\b", re.IGNORECASE)
_WIDE = re.compile(r"~|:has\(|:is\(|:where\(|:not\(")

# Nothing is fetched, from no address and no file. Rules that only style sheets can hold (media, hover) stay in one.
_INLINER = CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, keep_at_rules=True, keep_link_tags=True)


class EmailMarkup:
    """Knowledge of email HTML; never asks the network."""

    def text(self, html: str) -> str:
        """What a reader without HTML reads."""
        return text_of(html)

    def mjml(self, source: str) -> Compiled:
        """The HTML of MJML, or every mistake in it."""
        return compiled(source)

    def inlined(self, html: str) -> str:
        """The same HTML with the rules of its style sheets written into its elements; unchanged where it has none.

        Raises:
            StepFailed: ``bad_template``, when that would take too much or cannot be done.
        """
        if _STYLE.search(html) is None:
            return html
        if too_deep(html):
            raise StepFailed("bad_template", f"elements stand more than {DEEPEST} levels deep in each other")
        elements, rules = html.count("<"), html.count("{") + html.count(",")
        if elements * rules * (elements if _WIDE.search(html) else 1) > MOST_MATCHING:
            raise StepFailed("bad_template", "there are too many styles for so many elements")
        try:
            return str(_INLINER.inline(html))
        except (InlineError, ValueError) as refused:
            raise StepFailed("bad_template", f"the styles cannot be read: {refused}") from refused
