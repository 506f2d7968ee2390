"""Short ways to do what users do, for tests that judge changes without a Temporal server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import RowMapping, select

from domain.messages import EndCall
from domain.records import Cause
from services.authoring.workflows import publish, save_draft
from services.entering.enrolling import EnrollRequest, enroll
from services.installation import Installation
from services.records.associating import Link
from services.records.records import Write, associate, create_record, delete_record, dissociate, update_record
from services.relaying.relay import Relay
from services.running.steps import finish_enrollment
from store.schema import load_schema
from store.tables import enrollments, entry_decisions, workflows
from store.workflows import find_workflow


class Desk:
    """Short ways to do what users do, each in a transaction of its own."""

    def __init__(self, inst: Installation) -> None:
        self.inst = inst
        self.relay = Relay(inst, "relay-1")

    async def publish(self, definition: dict[str, Any]) -> str:
        async with self.inst.db.transaction() as tx:
            now = self.inst.clock.now()
            known = await find_workflow(tx, definition["slug"])
            await save_draft(tx, self.inst, definition["slug"], definition, if_match="*" if known else None, now=now)
            await publish(tx, self.inst, definition["slug"], now=now)
            found = await tx.scalar(select(workflows.c.id).where(workflows.c.slug == definition["slug"]))
            return str(found)

    async def draft(self, definition: dict[str, Any]) -> None:
        """Save a definition under a slug nobody has, without publishing it."""
        async with self.inst.db.transaction() as tx:
            now = self.inst.clock.now()
            await save_draft(tx, self.inst, definition["slug"], definition, if_match=None, now=now)

    async def create(self, object: str, links: tuple[Link, ...] = (), **properties: Any) -> str:
        async with self.inst.db.transaction() as tx:
            return (await create_record(tx, await self.write(tx), object, properties, links)).id

    async def patch(self, record_id: str, **properties: Any) -> None:
        async with self.inst.db.transaction() as tx:
            await update_record(tx, await self.write(tx), record_id, properties)

    async def patch_as(self, enrollment: Mapping[str, Any], record_id: str, **properties: Any) -> None:
        """Change a record as a step of an enrollment does."""
        cause = Cause(kind="enrollment", id=enrollment["id"], depth=enrollment["depth"] + 1)
        async with self.inst.db.transaction() as tx:
            await update_record(tx, replace(await self.write(tx), cause=cause), record_id, properties)

    async def associate(self, one: str, other: str, label: str | None = None) -> None:
        async with self.inst.db.transaction() as tx:
            await associate(tx, await self.write(tx), one, other, label)

    async def dissociate(self, one: str, other: str) -> None:
        async with self.inst.db.transaction() as tx:
            await dissociate(tx, await self.write(tx), one, other)

    async def delete(self, record_id: str) -> None:
        async with self.inst.db.transaction() as tx:
            await delete_record(tx, await self.write(tx), record_id)

    async def enroll(self, workflow_id: str, record_id: str, *, starter: str | None = None) -> str:
        request = EnrollRequest(workflow_id=workflow_id, record_id=record_id, cause=Cause(kind="api"), starter=starter)
        async with self.inst.db.transaction() as tx:
            return (await enroll(tx, request, now=self.inst.clock.now())).decision

    async def work_off(self) -> None:
        while await self.relay.drain_once():
            pass

    async def decisions(self) -> Counter[str]:
        async with self.inst.db.read() as read:
            rows = await read.all(select(entry_decisions.c.decision))
        return Counter(row["decision"] for row in rows)

    async def end_all(self) -> None:
        """End whoever is inside, as their runs do when they come to the end."""
        for active in await self.enrollments():
            if active["status"] != "ended":
                async with self.inst.db.transaction() as tx:
                    call = EndCall(enrollment_id=active["id"], now=self.inst.clock.now())
                    await finish_enrollment(tx, self.inst, call)

    async def decision_rows(self) -> list[RowMapping]:
        """Every entry decision, oldest first."""
        async with self.inst.db.read() as read:
            return await read.all(select(entry_decisions).order_by(entry_decisions.c.id))

    async def enrollments(self) -> list[RowMapping]:
        """Every enrollment, in the order of entry."""
        async with self.inst.db.read() as read:
            return await read.all(select(enrollments).order_by(enrollments.c.id))

    async def ends(self) -> list[tuple[str, str | None]]:
        """Reason and detail of every end, in the order of entry."""
        async with self.inst.db.read() as read:
            ended = select(enrollments).where(enrollments.c.status == "ended").order_by(enrollments.c.id)
            return [(row["end_reason"], row["end_detail"]) for row in await read.all(ended)]

    async def write(self, tx: Any) -> Write:
        return Write(
            schema=await load_schema(tx),
            addresses=self.inst.addresses,
            now=self.inst.clock.now(),
            zone="UTC",
            cause=Cause(kind="api"),
        )
