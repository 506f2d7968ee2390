"""What judgements saw, as people read it: users by their names, each looked up once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from domain.conditions import Condition
from domain.definition import Definition, Trigger
from domain.entry import obstacles
from domain.facts import Seen
from domain.schema import Schema
from domain.triggers import ChangedTrigger
from domain.value_words import SeenValue, is_of_user, shown_as_read, users_told, with_people
from domain.zones import zone_of
from services.versions import load_live
from store.database import Read, Row
from store.people import user_names
from store.schema import load_account, load_schema


@dataclass(frozen=True)
class SeenWords:
    """One telling; ``people`` are the names known so far, ``may_name`` False: users stay ids."""

    read: Read
    schema: Schema
    zone: str
    may_name: bool = True
    people: dict[str, str] = field(default_factory=dict)

    async def shown(self, seen: Sequence[Seen], conditions: Sequence[tuple[Condition, str]]) -> list[SeenValue]:
        """What judging these conditions saw, each with the type it is about."""
        await self.meet(users_told(seen, conditions, self.schema))
        return shown_as_read(seen, conditions, self.schema, self.zone, self.people)

    async def told(self, definition: Definition) -> Schema:
        """The schema in which the conditions of a definition are told."""
        ids = users_told((), judged_at_entry(definition), self.schema)
        for trigger in definition.entry.triggers:
            if isinstance(trigger, ChangedTrigger):
                property = self.schema.property(trigger.object or definition.object, trigger.property)
                named = [*(trigger.from_ or ()), *(trigger.to or ())] if is_of_user(property) else []
                ids |= {value for value in named if isinstance(value, str)}
        await self.meet(ids)
        return with_people(self.schema, self.people)

    async def meet(self, ids: Iterable[str]) -> None:
        """Look up whoever is not known yet."""
        new = set(ids) - self.people.keys() if self.may_name else set()
        if new:
            self.people.update({id: id for id in new} | await user_names(self.read, new))


async def decisions_shown(read: Read, rows: Sequence[Row]) -> list[list[SeenValue]]:
    """What each entry decision saw, as conditions of the workflow say it today; what they do not say stays as kept."""
    account = await load_account(read)
    schema = await load_schema(read, account)
    people: dict[str, str] = {}
    found = []
    for row in rows:
        zone, conditions = account.timezone, list[tuple[Condition, str]]()
        if row["seen"] and row["live_version"] is not None:
            definition = (await load_live(read, row["workflow_id"], row["live_version"])).definition
            zone, conditions = zone_of(definition, account.timezone), judged_at_entry(definition)
        seen = [Seen.model_validate(each) for each in row["seen"]]
        found.append(await SeenWords(read, schema, zone, people=people).shown(seen, conditions))
    return found


def judged_at_entry(definition: Definition) -> list[tuple[Condition, str]]:
    """Every condition that decides about an entry, with the object it is about."""
    triggers: list[Trigger] = definition.entry.triggers
    wheres = [(trigger.where, getattr(trigger, "object", None) or definition.object) for trigger in triggers]
    found = [(where, object) for where, object in wheres if where is not None]
    return found + [(each.where, definition.object) for each in obstacles(definition)]
