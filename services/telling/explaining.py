"""Would a record enter a workflow now, and why; by the same decision as an entry, which nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from domain.base import Frozen
from domain.definition import Trigger
from domain.enrollments import Enrollment
from domain.entry import key_of, obstacles
from domain.entry_words import trigger_words
from domain.errors import Invalid, NotFound
from domain.facts import Seen
from domain.outlook_words import obstacle_words, passage_words, re_entry_words, state_words, unknown_words, would_words
from domain.problems import FieldError
from domain.records import Cause, StoredRecord
from domain.schema import Schema
from domain.value_words import SeenValue
from domain.words import words
from domain.zones import zone_of
from services.entering.deciding import Answer, AskedOneByOne, EnrollRequest, Past, decide
from services.entering.doors import lets_in
from services.telling.explanations import Case, Check, Explanation, Outlook, Passage, Pointer, TriggerOutlook
from services.telling.looking_ahead import Ahead, look_ahead
from services.telling.seen_words import SeenWords
from services.telling.trigger_standing import Looking
from services.versions import Content, load_live
from store.associations import associated_ids
from store.database import Read, Row
from store.records import get_record_ever, get_records
from store.schema import Account, load_account, load_schema

PASSAGES_SHOWN = 5


class Asked(Frozen):
    """Who is asked about; ``bound_id``: only about this one bound. ``after``, ``limit``: the page of ``about``.

    ``may_name`` False: users that conditions name stay ids.
    """

    record_id: str
    bound_id: str | None = None
    after: str | None = None
    limit: int
    may_name: bool = True


async def explain(read: Read, workflow: Row, asked: Asked, *, now: datetime) -> Explanation:
    """What would happen if a trigger fired for the record now, or somebody enrolled it by hand.

    Raises:
        NotFound: a record never existed.
        Invalid: the record is of another object than the workflow is about.
    """
    record = await _existing(read, asked.record_id)
    if record.object != workflow["object"]:
        message = f"{workflow['slug']} is about {workflow['object']} records; {record.id} is a {record.object}"
        raise Invalid(message, errors=[FieldError(path="query:record", code="wrong_value", message=message)])
    bound = await _existing(read, asked.bound_id) if asked.bound_id is not None else None
    account = await load_account(read)
    content = None
    if workflow["version"] is not None:
        content = await load_live(read, workflow["id"], workflow["version"])
    zone = zone_of(content.definition, account.timezone) if content is not None else account.timezone
    seen_words = SeenWords(read, await load_schema(read, account), zone, may_name=asked.may_name)
    schema = seen_words.schema
    bounds = [bound] if bound is not None else await _bounds(read, content, record, asked)
    ahead, looking = None, None
    if content is not None:
        schema = await seen_words.told(content.definition)
        looking = Looking(read, content.definition, account, seen_words, now)
        request = _request(dict(workflow), record)
        ahead = await look_ahead(
            read, content, account, request, record, bounds, passages=PASSAGES_SHOWN, now=now
        )  # fmt: skip
    look = _Explaining(read, dict(workflow), content, account, schema, seen_words, record, ahead, looking, now)
    return Explanation(
        workflow=workflow["slug"],
        version=workflow["version"],
        state=look.state(),
        zone=zone,
        at=now,
        record=_pointer(record),
        unknown=unknown_words(content.definition) if content is not None else [],
        case=await look.case(bound),
        about=[] if bound is not None else [await look.case(each) for each in bounds],
    )


def _request(workflow: Mapping[str, Any], record: StoredRecord, trigger: str | None = None) -> EnrollRequest:
    """Who would enter, with nothing bound."""
    return EnrollRequest(workflow_id=workflow["id"], record_id=record.id, trigger=trigger, cause=Cause(kind="system"))


async def _bounds(read: Read, content: Content | None, record: StoredRecord, asked: Asked) -> list[StoredRecord]:
    """A page of the associated records that triggers of the workflow bind."""
    objects = content.definition.bound_objects() if content is not None else ()
    pages = [await associated_ids(read, record.id, object, after=asked.after, limit=asked.limit) for object in objects]
    return await get_records(read, list(merge(*pages))[: asked.limit])


async def _existing(read: Read, record_id: str) -> StoredRecord:
    found = await get_record_ever(read, record_id)
    if found is None:
        raise NotFound(f"there is no record {record_id}")
    return found


@dataclass(frozen=True)
class _Explaining:
    """One explanation, told in the words of ``schema``.

    ``content``, ``ahead`` and ``looking`` are None for a workflow that was never published.
    """

    read: Read
    workflow: Mapping[str, Any]
    content: Content | None
    account: Account
    schema: Schema
    seen_words: SeenWords
    record: StoredRecord
    ahead: Ahead | None
    looking: Looking | None
    now: datetime

    def state(self) -> str:
        """Whether the workflow lets anybody in."""
        row = self.workflow
        return state_words(
            version=row["version"], is_on=lets_in(row, self.now), is_paused=bool(row["is_paused"]),
            turn_off_at=row["turn_off_at"], zone=self.seen_words.zone,
        )  # fmt: skip

    async def case(self, bound: StoredRecord | None) -> Case:
        """The record alone, or with one bound."""
        passages = self.ahead.passages[bound.id if bound is not None else None] if self.ahead is not None else []
        by_hand = await self._outlook(None, bound, passages)
        key = self._key(bound)
        return Case(
            bound=_pointer(bound) if bound is not None else None,
            by_hand=by_hand,
            triggers=[await self._trigger(each, bound, passages) for each in self._triggers(bound)],
            checks=await self._checks(bound),
            key=key,
            entries=self.ahead.counts.get(key, 0) if self.ahead is not None and key is not None else 0,
            re_entry=re_entry_words(self.content.definition, self.schema) if self.content is not None else None,
            passages=[self._passage(each) for each in passages],
        )

    def _triggers(self, bound: StoredRecord | None) -> list[Trigger]:
        """Those whose subject is the record itself, or the bound one."""
        if self.content is None:
            return []
        subject = bound or self.record
        definition = self.content.definition
        about = definition.object
        return [t for t in definition.entry.triggers if (getattr(t, "object", None) or about) == subject.object]

    def _key(self, bound: StoredRecord | None) -> str | None:
        if self.content is None:
            return None
        bound_id, object = (bound.id, bound.object) if bound is not None else (None, None)
        return key_of(self.content.definition, self.record.id, bound_id, object)

    async def _trigger(
        self, trigger: Trigger, bound: StoredRecord | None, passages: list[Enrollment]
    ) -> TriggerOutlook:
        assert self.content is not None, "who was never published has no triggers"
        assert self.looking is not None
        definition = self.content.definition
        found = await self.looking.standing(trigger, bound or self.record)
        return TriggerOutlook(
            id=trigger.id,
            on=trigger.on,
            words=trigger_words(trigger, self.schema, definition.object),
            holds=found.holds,
            says=found.says,
            seen=list(found.seen),
            event_id=found.event.id if found.event is not None else None,
            if_fired=await self._outlook(trigger.id, bound, passages),
        )

    async def _outlook(self, trigger: str | None, bound: StoredRecord | None, passages: list[Enrollment]) -> Outlook:
        """What an entry would decide now."""
        request, records = self._request(trigger, bound), self._records(bound)
        past: Past = self.ahead or AskedOneByOne(self.read, records, _uncounted, self.now)
        answer = await decide(self.read, request, self.workflow, records, past, now=self.now)
        return Outlook(
            decision=answer.decision,
            words=would_words(answer.decision),
            why=self._why(answer, passages),
            seen=await self._shown(answer.verdict.seen),
            enrollment_id=answer.inside.id if answer.inside is not None else None,
            is_remembered=answer.is_remembered,
        )

    def _why(self, answer: Answer, passages: list[Enrollment]) -> str | None:
        if answer.decision in ("workflow_off", "workflow_paused"):
            return self.state()
        if self.content is None:
            return answer.verdict.detail
        if answer.inside is not None:
            inside = self._passage(answer.inside).words
            return f"{inside}; judged again when that passage ends" if answer.is_remembered else inside
        if answer.decision == "re_entry_off":
            rule = re_entry_words(self.content.definition, self.schema)
            return f"{self._passage(passages[0]).words}; {rule}" if passages else rule
        return obstacle_words(answer.verdict, self.content.definition, self.schema) or answer.verdict.detail

    async def _checks(self, bound: StoredRecord | None) -> list[Check]:
        """Suppression, goals and exit as they are now, whatever comes before them in the decision."""
        if self.content is None or self.ahead is None:
            return []
        definition, request = self.content.definition, self._request(None, bound)
        facts = await self.ahead.facts(request, self.content, self.account)
        if facts is None:
            return []
        found = []
        for each in obstacles(definition):
            verdict = each.judged(facts)
            said = words(each.where, self.schema, definition.object)
            seen = await self._shown(verdict.seen)
            found.append(Check(kind=each.decision, id=each.detail, words=said, holds=verdict.holds, seen=seen))
        return found

    def _passage(self, passage: Enrollment) -> Passage:
        step = None
        if self.content is not None and passage.step is not None:
            planned = self.content.plan.steps.get(passage.step)
            step = planned.name if planned is not None else passage.step
        return Passage(
            enrollment_id=passage.id,
            is_active=passage.status != "ended",
            started_at=passage.started_at,
            ended_at=passage.ended_at,
            words=passage_words(passage, step, self.seen_words.zone),
        )

    def _request(self, trigger: str | None, bound: StoredRecord | None) -> EnrollRequest:
        request = _request(self.workflow, self.record, trigger)
        return request if bound is None else request.model_copy(update={"bound_id": bound.id})

    def _records(self, bound: StoredRecord | None) -> Mapping[str, StoredRecord]:
        both = [self.record, *([bound] if bound is not None else [])]
        return {each.id: each for each in both if each.deleted_at is None}

    async def _shown(self, seen: tuple[Seen, ...]) -> list[SeenValue]:
        if self.content is None:
            return []
        definition = self.content.definition
        return await self.seen_words.shown(seen, [(each.where, definition.object) for each in obstacles(definition)])


async def _uncounted(_: str) -> int:
    """Entries under a key of a workflow that nobody could enter yet."""
    return 0


def _pointer(record: StoredRecord) -> Pointer:
    name = record.display_name if record.deleted_at is None else None
    return Pointer(object=record.object, id=record.id, name=name)
