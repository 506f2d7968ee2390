"""How an enrollment is told on the screen: who, why, every step with what it saw and produced, and how it ended."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from commands.output import table

IDS = frozenset({"task", "message", "messages", "notifications", "event"})
"""Outputs that only name what is told otherwise."""
LONGEST = 100


def called(pointer: Any) -> str | None:
    """What a record is called, or its id; None where there is no record."""
    return None if pointer is None else str(pointer["name"] or pointer["id"])


def story(found: Any, timeline: Any) -> str:
    """An enrollment and its timeline, as the API answers them, told from the entry to where it stands or ended."""
    about = f", about {_named(found['bound'])}" if found["bound"] else ""
    lines = [f"{_named(found['record'])} in {found['workflow']} v{found['version']}{about}", _state(found, timeline)]
    lines += _seen(timeline["end_seen"])
    if (before := found["retried_from"]) is not None:
        lines.append(f"takes up enrollment {before['enrollment_id']} again, at the step {before['step']}")
    if found["retried_as"] is not None:
        lines.append(f"taken up again as enrollment {found['retried_as']}")
    if (entry := timeline["entry"]) is not None:
        lines.append(f"entered {_at(entry['at'])} UTC: {entry['why']}, {entry['who']}")
        lines += _seen(entry["seen"])
    lines += [f"{_at(merge['at'])} UTC: {merge['words']}" for merge in timeline["merges"]]
    rows = [
        (
            _at(visit["entered_at"]),
            _at(visit["left_at"]),
            visit["name"],
            visit["edge_name"] or visit["edge"],
            visit["words"],
        )
        for visit in timeline["visits"]
    ]
    head, *told = table(rows, ("entered (UTC)", "left (UTC)", "step", "way", "what happened")).split("\n")
    lines += ["", head]
    for line, visit in zip(told, timeline["visits"], strict=True):
        moved = [f"    {_at(each['at'])} UTC: {each['words']}" for each in visit["retimings"]]
        moved += [f"    {_at(each['at'])} UTC: somebody {each['words']}" for each in visit["decisions"]]
        moved += [f"    decide: followthrough effect settle {key} accepted|failed|resend" for key in visit["undecided"]]
        lines += [line, *moved, *_seen(visit["seen"]), *_produced(visit)]
    return "\n".join([*lines, "", f"its run: {found['temporal']['ui_url']}"])


def _named(pointer: Any) -> str:
    name = f"{pointer['name']} " if pointer["name"] else ""
    return f"{pointer['object']} {name}({pointer['id']})"


def _state(found: Any, timeline: Any) -> str:
    if found["ended_at"]:
        return f"ended {_at(found['ended_at'])} UTC: {timeline['end']}"
    planned = next((visit["until"] for visit in timeline["visits"] if visit["until"]), None)
    until = f" until {planned or found['wakes_at']}" if found["wakes_at"] else ""
    round = f", round {found['round']}" if found["round"] else ""
    held = f" ({timeline['held']})" if timeline["held"] else ""
    return str(found["status"]) + (f", at {found['step']}{until}" if found["step"] else "") + round + held


def _seen(values: Any) -> list[str]:
    """The values a decision saw, one a line."""

    def line(seen: Any) -> str:
        value = json.dumps(seen["value"], ensure_ascii=False)
        return f"    {seen['what']}: {'yes' if seen['holds'] else 'no'}, it was {value}"

    return [line(each) for each in values]


def _produced(visit: Any) -> list[str]:
    sent = [(f"{m['channel']} {m['status']}", m["subject"]) for m in visit["messages"]]
    made = [*sent, *((f"task {task['status']}", task["title"]) for task in visit["tasks"])]
    lines = [f"    {what}: {title}" if title else f"    {what}" for what, title in made]
    given = {name: value for name, value in (visit["result"] or {}).items() if name not in IDS}
    return [*lines, *(f"    {name}: {_value(value)}" for name, value in sorted(given.items()))]


def _value(value: Any) -> str:
    """An output as JSON, a long one cut."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _at(instant: str | None) -> str | None:
    """An instant to the second, in UTC as the API answers it."""
    return None if instant is None else datetime.fromisoformat(instant).strftime("%Y-%m-%d %H:%M:%S")
