"""Gives triggers, goals, branches, cases and arms the ids their author left out, once; what has an id keeps it.

Works on documents, not on models, so that a draft full of mistakes gets its ids as well.
"""

from __future__ import annotations

from typing import TypeGuard

from domain.base import Json

LETTERS = {"triggers": "t", "goals": "g", "branches": "b", "cases": "c", "arms": "a"}
WAYS = ("branches", "cases", "arms")
LISTS = ("steps", "otherwise", "matched", "timed_out")


def give_ids(raw: Json) -> Json:
    """The document with every missing id filled in: ``b1``, ``b2`` … , free among its neighbours.

    Applied twice it changes nothing the second time.
    """
    if not _is_object(raw):
        return raw
    given = dict(raw)
    for part, key in (("entry", "triggers"), ("exit", "goals")):
        if _is_object(inner := given.get(part)) and key in inner:
            given[part] = {**inner, key: _named(inner[key], LETTERS[key])}
    if "steps" in given:
        given["steps"] = _steps(given["steps"])
    return given


def _steps(raw: Json) -> Json:
    return [_step(item) for item in raw] if isinstance(raw, list) else raw


def _step(raw: Json) -> Json:
    if not _is_object(raw):
        return raw
    given = {key: _steps(value) if key in LISTS else value for key, value in raw.items()}
    for key in WAYS:
        ways = given.get(key)
        if isinstance(ways, list):
            given[key] = _named([_step(way) for way in ways], LETTERS[key])
    return given


def _named(raw: Json, letter: str) -> Json:
    if not isinstance(raw, list):
        return raw
    taken = {str(item.get("id")) for item in raw if _is_object(item)}
    named: list[Json] = []
    for item in raw:
        if not _is_object(item) or item.get("id"):
            named.append(item)
            continue
        n = next(n for n in range(1, len(raw) + len(taken) + 2) if f"{letter}{n}" not in taken)
        taken.add(f"{letter}{n}")
        named.append({"id": f"{letter}{n}", **{key: value for key, value in item.items() if key != "id"}})
    return named


def _is_object(raw: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(raw, dict)
