"""Texts of several parts, and lists of options: putting parts in and taking them out."""

from __future__ import annotations

from collections.abc import Sequence

from domain.base import Json


def with_parts(current: Json, more: Sequence[str], separator: str | None) -> Json:
    """What is there with more at its end; ``separator`` None: a list of options, where each is once."""
    if separator is None:
        return list(dict.fromkeys([*_options(current), *more]))
    text = current if isinstance(current, str) else ""
    return separator.join([*([text] if text else []), *more])


def without_parts(current: Json, less: Sequence[str], separator: str | None) -> Json:
    """What is there without every part that equals one of ``less``; spaces around a part do not count."""
    if separator is None:
        return [option for option in _options(current) if option not in less]
    text = current if isinstance(current, str) else ""
    gone = {part.strip() for part in less}
    parts = text.split(separator)
    left = [part for part in parts if part.strip() not in gone]
    return text if len(left) == len(parts) else separator.join(left)


def _options(current: Json) -> list[str]:
    return [str(each) for each in current] if isinstance(current, list) else []
