"""What the conditions of a definition are judged on, read in one way everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.base import Json
from domain.definition import Definition, FilterTrigger
from domain.enrollments import Enrollment
from domain.facts import Facts, Verdict
from domain.judging import judge
from domain.reading import Needs, needs_of
from domain.records import StoredRecord
from domain.zones import zone_of
from store.database import Read
from store.facts import load_facts
from store.schema import Account, load_schema

NOBODY: Mapping[str, StoredRecord] = {}


async def read_facts(
    read: Read,
    account: Account,
    definition: Definition,
    record_id: str,
    *,
    needs: Needs,
    enrollment: Enrollment | None = None,
    bound_id: str | None = None,
    parameters: Mapping[str, Json] | None = None,
    entry_event_id: str | None = None,
    now: datetime,
    known: Mapping[str, StoredRecord] = NOBODY,
) -> Facts | None:
    """The facts in the zone of the definition; None when the record is missing or deleted.

    ``enrollment``: whoever is inside; its bound record, parameters and event of entry count then, and those given here
    are for somebody who is about to enter. ``known``: records this transaction has locked already; they are not read
    again.
    """
    return await load_facts(
        read,
        await load_schema(read, account),
        record_id,
        needs=needs,
        enrollment=enrollment,
        bound_id=bound_id,
        parameters=parameters,
        entry_event_id=entry_event_id,
        now=now,
        zone=zone_of(definition, account.timezone),
        known=known,
    )


async def judge_now(
    read: Read, account: Account, definition: Definition, subject_id: str, trigger: FilterTrigger, *, now: datetime
) -> Verdict | None:
    """Whether a filter trigger holds on a record as it is, whatever it did before; None: the record is gone."""
    needs = needs_of(trigger.where, trigger.object or definition.object)
    facts = await read_facts(read, account, definition, subject_id, needs=needs, now=now)
    return judge(trigger.where, facts) if facts is not None else None
