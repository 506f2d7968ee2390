"""What happened to an enrollment, step by step, and to a record, item by item; told with names and in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from domain.base import Frozen, Instant, Json
from domain.entry_words import cause_words, entry_words
from domain.facts import Seen
from domain.schema import Schema
from domain.telling import tell_decision, tell_end, tell_mail, tell_merge, tell_reply, tell_subscriptions, tell_visit
from domain.value_words import clock_words
from domain.waiting_words import hold_words, waiting_words
from domain.zones import zone_of
from services.telling.asking import NOTHING_ASKED, Asked, DecisionLink, load_asked
from services.telling.retimings import Retiming, VisitKey, load_retimings
from services.versions import Content, load_content
from store import timeline as store
from store.database import Read, Row
from store.schema import load_account, load_schema

TOLD = ("outcome", "reason", "detail")

LIST_WORDS = {"list_joined": "joined the list", "list_left": "left the list"}


class Entry(Frozen):
    """What let the enrollment in, and the values that were looked at.

    ``why`` is the trigger in words or "by hand", ``who`` the cause in words.
    """

    at: Instant
    trigger: str | None
    why: str
    who: str
    cause: str
    cause_id: str | None
    seen: list[Seen]
    words: str


class MessageLink(Frozen):
    """A message a visit sent."""

    id: str
    channel: str
    status: str
    subject: str | None


class TaskLink(Frozen):
    """A task a visit created."""

    id: str
    title: str
    status: str


class Visit(Frozen):
    """One passage through a step. ``edge`` is the way taken; ``result`` is what the action produced.

    ``outcome`` null: the record stands here now, until ``wakes_at`` if it sleeps. Once it is over ``wakes_at`` is null,
    and ``left_at`` says when, also where it was planned to last longer. ``until`` is ``wakes_at`` on the clocks of
    ``zone``, the one it was planned in the last time. ``retimings``: when it was planned anew. ``undecided``: keys of
    effects whose fate nobody knows and somebody has to decide about; ``decisions``: what somebody decided.
    """

    step: str
    name: str
    kind: str
    n: int
    version: int
    entered_at: Instant
    left_at: Instant | None
    wakes_at: Instant | None
    until: str | None
    held_until: Instant | None
    zone: str | None
    outcome: str | None
    reason: str | None
    detail: str | None
    edge: str | None
    edge_name: str | None
    seen: list[Seen]
    result: dict[str, Json] | None
    messages: list[MessageLink]
    tasks: list[TaskLink]
    retimings: list[Retiming]
    undecided: list[str]
    decisions: list[DecisionLink]
    words: str


class MergeItem(Frozen):
    """A record that was merged, ``gone``, into the enrolled or bound one, ``into``; it goes on under that."""

    at: Instant
    gone: str
    into: str
    words: str


class EnrollmentTimeline(Frozen):
    """The story of one enrollment. ``entry`` is null when its decision is older than the kept history.

    ``merges``: what was merged into its records since it began, oldest first, as long as their changes are kept.

    ``held``: what keeps it from going on besides its step, a pause or that those held go on one by one.
    ``end`` names the goal it reached; ``end_seen`` are the values the goal, the suppression or the exit condition saw.
    """

    entry: Entry | None
    visits: list[Visit]
    merges: list[MergeItem]
    held: str | None
    end: str | None
    end_seen: list[Seen]


class RecordItem(Frozen):
    """One thing that happened to a record. ``kind``: change decision visit message mail task notification.

    ``id`` is the id of that thing (``enrollment:step:n`` for a visit), ``detail`` what is known about it.
    """

    at: Instant
    kind: str
    id: str
    workflow: str | None
    enrollment_id: str | None
    step: str | None
    words: str
    detail: dict[str, Json]


async def tell_enrollment(read: Read, enrollment: Row) -> EnrollmentTimeline:
    """The timeline of an enrollment's row."""
    content = await load_content(read, enrollment["workflow_id"], enrollment["version"])
    messages = await store.list_messages(read, enrollment["id"])
    tasks = {row["id"]: row for row in await store.list_tasks(read, enrollment["record_id"], enrollment["id"])}
    order = {step: place for place, step in enumerate(content.steps)}
    visits = sorted(
        await store.list_visits(read, enrollment["id"]),
        key=lambda v: (v["entered_at"], v["left_at"] is None, v["left_at"] or v["entered_at"], order.get(v["step"], 0)),
    )
    entry = await store.find_entry(read, enrollment["record_id"], enrollment["id"])
    retimings = await load_retimings(read, enrollment)
    asked = await load_asked(read, enrollment["id"])
    return EnrollmentTimeline(
        entry=None if entry is None else _entry(entry, content, await load_schema(read)),
        visits=[_visit(row, content, messages, tasks, retimings, asked) for row in visits],
        merges=await _merges(read, enrollment),
        held=await _held(read, enrollment, content),
        end=_end(enrollment, content, messages),
        end_seen=_seen(enrollment["end_seen"]),
    )


async def tell_record(
    read: Read, record_id: str, kinds: Collection[str], *, after: store.Place | None, limit: int
) -> list[tuple[store.Place, RecordItem]]:
    """The items of these kinds, newest first, each with the place a next page starts after."""
    found = await store.list_record(read, record_id, kinds, after=after, limit=limit)
    return [(item.place, _record_item(item)) for item in found]


async def _merges(read: Read, enrollment: Row) -> list[MergeItem]:
    records = [id for id in (enrollment["record_id"], enrollment["bound_id"]) if id is not None]
    return [
        MergeItem(
            at=row["occurred_at"],
            gone=(gone := row["detail"]["from"]),
            into=row["record_id"],
            words=tell_merge(row["object"], gone),
        )
        for row in await store.list_merges(read, records, enrollment["started_at"])
    ]


async def _held(read: Read, enrollment: Row, content: Content) -> str | None:
    if enrollment["status"] == "ended":
        return None
    return hold_words(
        is_paused=enrollment["status"] == "paused",
        held_at=enrollment["held_at"],
        resumes_at=await store.find_resuming(read, enrollment["id"]),
        zone=zone_of(content.definition, (await load_account(read)).timezone),
    )


def _entry(row: Row, content: Content, schema: Schema) -> Entry:
    definition = content.definition
    return Entry(
        at=row["decided_at"],
        trigger=row["trigger"],
        why=entry_words(definition.entry.triggers, row["trigger"], schema, definition.object),
        who=cause_words(row["cause_kind"], row["cause_id"]),
        cause=row["cause_kind"],
        cause_id=row["cause_id"],
        seen=_seen(row["seen"]),
        words=tell_decision(row["decision"], row["detail"]),
    )


def _visit(
    row: Row,
    content: Content,
    messages: Sequence[Row],
    tasks: Mapping[str, Row],
    retimings: Mapping[VisitKey, list[Retiming]],
    asked: Mapping[VisitKey, Asked],
) -> Visit:
    planned = content.plan.steps.get(row["step"])
    mine = [m for m in messages if m["step"] == row["step"] and m["n"] == row["n"]]
    made = tasks.get((row["result"] or {}).get("task", ""))
    about = asked.get((row["step"], row["n"]), NOTHING_ASKED)
    is_asleep = row["outcome"] is None and row["wakes_at"] is not None
    plain = ("step", "kind", "n", "version", "entered_at", "left_at", "held_until", "zone", "outcome", "reason",
             "detail", "edge")  # fmt: skip
    return Visit(
        **{name: row[name] for name in plain},
        # The row keeps until when a delay was planned, also of one that was cut short.
        wakes_at=row["wakes_at"] if is_asleep else None,
        name=planned.name if planned else row["step"],
        edge_name=_edge_name(content, row["step"], row["edge"]),
        seen=_seen(row["seen"]),
        result=row["result"],
        messages=[MessageLink(**{name: m[name] for name in MessageLink.model_fields}) for m in mine],
        tasks=[] if made is None else [TaskLink(**{name: made[name] for name in TaskLink.model_fields})],
        retimings=retimings.get((row["step"], row["n"]), []),
        undecided=list(about.undecided) if row["outcome"] is None else [],
        decisions=list(about.decisions),
        until=clock_words(row["wakes_at"], row["zone"] or "UTC") if is_asleep else None,
        words=_stands(row, content) if row["outcome"] is None else tell_visit(*(row[name] for name in TOLD)),
    )


def _stands(row: Row, content: Content) -> str:
    is_held = row["held_until"] is not None and row["held_until"] == row["wakes_at"]
    step = content.steps.get(row["step"])
    return waiting_words(step, wakes_at=row["wakes_at"], zone=row["zone"], is_held=is_held, detail=row["detail"])


def _end(enrollment: Row, content: Content, messages: Sequence[Row]) -> str | None:
    reason, detail = enrollment["end_reason"], enrollment["end_detail"]
    if reason == "replied":
        answered = next((m for m in messages if m["id"] == detail), None)
        told = f" to {_answered(answered)}" if answered is not None else ""
        return f"{tell_end(reason, None)}{told}"
    goals = content.definition.exit.goals if reason == "goal" else ()
    return tell_end(reason, next((goal.name for goal in goals if goal.id == detail and goal.name), detail))


def _seen(stored: Sequence[Mapping[str, Any]] | None) -> list[Seen]:
    return [Seen.model_validate(each) for each in stored or ()]


def _edge_name(content: Content, step_id: str, edge: str | None) -> str | None:
    """The name of the branch or arm that was taken; cases and the rest have none."""
    step = content.steps.get(step_id)
    ways = [*getattr(step, "branches", ()), *getattr(step, "arms", ())]
    return next((way.name for way in ways if way.id == edge), None)


def _record_item(item: store.Happening) -> RecordItem:
    row = item.row
    words, shown = _told(item.place.kind, row)
    enrollment_id: str | None = row.get("enrollment_id")
    return RecordItem(
        at=item.place.at,
        kind=item.place.kind,
        id=item.place.key,
        workflow=row.get("slug"),
        enrollment_id=enrollment_id,
        step=row.get("step"),
        words=words,
        detail={**{name: row[name] for name in shown}, **_changed(item.place.kind, row)},
    )


def _told(kind: str, row: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """An item in words, and which columns of its row are worth showing."""
    match kind:
        case "change":
            return _change_words(row), ("record_version", "cause_kind", "cause_id", "detail")
        case "decision":
            return tell_decision(row["decision"], row["detail"]), ("decision", "trigger", "cause_kind", "seen")
        case "visit":
            return tell_visit(row["outcome"], row["reason"], row["detail"]), ("outcome", "reason", "edge", "result")
        case "mail":
            return tell_mail(row["kind"], row["subject"]), ("kind", "sender", "subject", "answers")
        case "message":
            return f"{row['channel']} {row['status']}", ("channel", "status", "subject")
        case "task":
            return f"task {row['status']}: {row['title']}", ("type", "title", "status", "priority", "assignee")
    return f"notification: {row['title']}", ("title", "user_id")


def _change_words(row: Mapping[str, Any]) -> str:
    if row["kind"] == "event":
        detail = row["detail"] or {}
        answers = detail.get("answers")
        told = f": an answer to {_answered(answers)} in {answers['workflow']}" if answers else ""
        if about := detail.get("about"):
            told = f", {_answered(about)} in {about['workflow']}"
        return f"event {detail.get('event')}{told}"
    if row["kind"] in LIST_WORDS:
        return f"{LIST_WORDS[row['kind']]} {row['detail']['list']}"
    if row["kind"] == "merged":
        into = row["detail"].get("into")
        return tell_merge(row["object"], into or row["detail"]["from"], into=into is not None)
    if row["kind"] == "subscription":
        return tell_subscriptions(row["detail"]["after"])
    if row["kind"] != "updated":
        return str(row["kind"])
    return f"changed {', '.join(_differences(row))}"


def _answered(message: Row | Mapping[str, Any]) -> str:
    return tell_reply(message["channel"], message["step"])


def _changed(kind: str, row: Mapping[str, Any]) -> dict[str, Json]:
    """What an update changed: ``{"changed": {"stage": ["Engaging", "Won"]}}``; of a merge which record became which."""
    if kind == "change" and row["kind"] == "merged":
        return {"detail": {name: row["detail"][name] for name in ("from", "into") if name in row["detail"]}}
    return {"changed": _differences(row)} if kind == "change" and row["kind"] == "updated" else {}


def _differences(row: Mapping[str, Any]) -> dict[str, Json]:
    before, after = row["before"] or {}, row["after"] or {}
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return {name: [before.get(name), after.get(name)] for name in names}
