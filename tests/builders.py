"""Builds what a test stands on: records, a published version and an enrollment that is inside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Table, insert, select

from domain.base import Json
from domain.enrollments import Enrollment
from domain.messages import StepCall
from domain.names import EnrollmentName, enrollment_run_id, entry_key
from domain.plan import Plan, PlanStep
from domain.records import Cause, StoredRecord
from services.installation import Installation
from services.records.records import Link, Write, create_record
from store import tables
from store.database import Tx
from store.enrollments import insert_enrollment
from store.ids import new_id
from store.people import User, insert_user
from store.schema import load_account, load_schema

STEP = "act"
AFTER = "after"


async def make_record(
    inst: Installation, object: str, properties: dict[str, Json], *linked: StoredRecord
) -> StoredRecord:
    """Create a record through the service, associated with others."""
    async with inst.db.transaction() as tx:
        write = Write(
            schema=await load_schema(tx),
            addresses=inst.addresses,
            now=inst.clock.now(),
            zone=(await load_account(tx)).timezone,
            cause=Cause(kind="api"),
        )
        links = [Link(object=other.object, id=other.id) for other in linked]
        return await create_record(tx, write, object, properties, links)


async def make_user(inst: Installation, name: str, *, manager: User | None = None, active: bool = True) -> User:
    """Create a colleague."""
    async with inst.db.transaction() as tx:
        user = await insert_user(
            tx,
            name=name,
            email=f"{name.lower()}@example.com",
            manager_id=manager.id if manager else None,
            active=active,
            now=inst.clock.now(),
        )
    assert user is not None
    return user


@dataclass
class Standing:
    """An enrollment at the action step ``STEP`` of a published version."""

    inst: Installation
    enrollment: Enrollment
    now: datetime
    steps: list[dict[str, Any]] = field(default_factory=list)

    def call(self, *, n: int = 1) -> StepCall:
        """What the run asks at that step."""
        return StepCall(
            enrollment_id=self.enrollment.id,
            workflow_id=self.enrollment.workflow_id,
            version=self.enrollment.version,
            step=STEP,
            n=n,
            now=self.now,
        )

    async def beside(self, record: StoredRecord) -> Standing:
        """Another record at the same step of the same version."""
        mine = self.enrollment
        name = EnrollmentName(workflow_id=mine.workflow_id, record_id=record.id, bound_id=None, n=1)
        other = mine.model_copy(
            update={
                "id": new_id(self.now),
                "key": entry_key(record.id, None),
                "run_id": enrollment_run_id(name),
                "record_id": record.id,
            }
        )
        async with self.inst.db.transaction() as tx:
            await insert_enrollment(tx, other)
        return Standing(inst=self.inst, enrollment=other, now=self.now)

    async def rows(self, table: Table) -> list[RowMapping]:
        """Everything in a table, oldest first."""
        async with self.inst.db.read() as read:
            return await read.all(select(table).order_by(*table.primary_key.columns))

    async def visit(self) -> RowMapping:
        """The one visit to the step."""
        (row,) = [row for row in await self.rows(tables.visits) if row["enrollment_id"] == self.enrollment.id]
        return row


async def stand_at_action(
    inst: Installation,
    record: StoredRecord,
    action: str,
    config: dict[str, Json],
    *,
    bound: StoredRecord | None = None,
    slug: str = "test-workflow",
    depth: int = 0,
    **definition: Json,
) -> Standing:
    """Publish a workflow of an action and a delay and enroll the record, as rows: what is tested comes after."""
    now = inst.clock.now()
    workflow_id = new_id(now)
    step = {"id": STEP, "kind": "action", "action": action, "config": config}
    after = {"id": AFTER, "kind": "delay", "for": {"days": 1}}
    document = {
        "slug": slug, "name": "Test workflow", "object": record.object, "steps": [step, after], **definition,
    }  # fmt: skip
    plan = Plan(
        workflow_id=workflow_id,
        slug=slug,
        name="Test workflow",
        version=1,
        start=STEP,
        steps={
            STEP: PlanStep(id=STEP, kind="action", name=STEP, action=action, next=AFTER),
            AFTER: PlanStep(id=AFTER, kind="delay", name=AFTER),
        },
    )
    enrollment = Enrollment(
        id=new_id(now),
        workflow_id=workflow_id,
        version=1,
        key=entry_key(record.id, bound.id if bound else None),
        n=1,
        run_id=enrollment_run_id(
            EnrollmentName(workflow_id=workflow_id, record_id=record.id, bound_id=bound.id if bound else None, n=1)
        ),
        record_id=record.id,
        object=record.object,
        bound_id=bound.id if bound else None,
        bound_object=bound.object if bound else None,
        status="active",
        epoch=0,
        step=STEP,
        wakes_at=None,
        parameters={},
        trigger=None,
        cause_kind="api",
        cause_id=None,
        depth=depth,
        entered_seq=None,
        started_at=now,
        ended_at=None,
        end_reason=None,
        end_detail=None,
    )
    async with inst.db.transaction() as tx:
        await insert_version(tx, document, plan, now)
        await insert_enrollment(tx, enrollment)
    return Standing(inst=inst, enrollment=enrollment, now=now)


async def insert_version(tx: Tx, document: dict[str, Any], plan: Plan, now: datetime) -> None:
    """Publish a version as rows."""
    await tx.run(
        insert(tables.workflows).values(
            id=plan.workflow_id, slug=plan.slug, name=plan.name, folder="", object=document["object"], type="standard",
            draft=document, draft_revision=1, is_on=True, is_paused=False, version=1, live=None,
            created_at=now, updated_at=now,
        )
    )  # fmt: skip
    await tx.run(
        insert(tables.versions).values(
            workflow_id=plan.workflow_id, version=1, definition=document, plan=plan.model_dump(mode="json"),
            engine_rev=1, published_at=now,
        )
    )  # fmt: skip
