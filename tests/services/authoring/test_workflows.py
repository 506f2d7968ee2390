"""Workflows from draft to deletion, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from domain.catalogue import KnownWorkflow
from domain.definition import load_definition
from domain.errors import Conflict, Invalid, NotFound, PreconditionFailed, PreconditionMissing, TooLarge
from domain.plan import Plan
from domain.records import Cause
from gateways.yaml_files import read_definition, write_document
from services.authoring.workflows import (
    Published,
    Saved,
    create_workflow,
    delete_workflow,
    get_version,
    get_workflow,
    list_workflows,
    publish,
    save_draft,
    turn_off,
    turn_on,
    validate,
)
from services.catalogue import load_catalogue
from services.entering.by_hand import Ask, enroll_by_hand
from services.installation import Installation
from store import tables
from store.enrollments import get_enrollment
from store.people import insert_user
from store.workflows import find_workflow, list_versions
from tests.builders import make_record
from tests.domain.builders import EXAMPLE, action, delay, example, with_steps

SLUG = EXAMPLE["slug"]


async def save(inst: Installation, raw: Any, *, slug: str = SLUG, if_match: str | None = None) -> Saved:
    async with inst.db.transaction() as tx:
        return await save_draft(tx, inst, slug, raw, if_match=if_match, now=inst.clock.now())


async def published(inst: Installation, slug: str = SLUG) -> Published:
    async with inst.db.transaction() as tx:
        return await publish(tx, inst, slug, now=inst.clock.now())


async def interest_rows(inst: Installation) -> set[tuple[int, str | None, str]]:
    async with inst.db.read() as read:
        rows = await read.all(select(tables.interests))
    return {(row["version"], row["trigger"], row["key"]) for row in rows}


async def somebody_inside(inst: Installation) -> str:
    contact = await make_record(inst, "contact", {"email": "ana@example.com"})
    async with inst.db.transaction() as tx:
        row = await find_workflow(tx, SLUG)
        assert row is not None
        ask = Ask(object="contact", record_id=contact.id)
        decided = await enroll_by_hand(tx, row, ask, cause=Cause(kind="api"), now=inst.clock.now())
    assert decided.enrollment_id is not None
    return decided.enrollment_id


async def test_a_draft_is_stored_with_its_mistakes_and_told_them(installation: Installation) -> None:
    saved = await save(installation, {"object": "contact", "steps": [{"id": "x", "kind": "nap"}], "colour": 1})
    assert saved.created
    assert saved.workflow.etag == '"1"'
    assert {p.path for p in saved.problems} == {"/name", "/steps/0/kind", "/colour"}
    async with installation.db.read() as read:
        shown = await get_workflow(read, installation, SLUG)
    assert shown.definition == {"slug": SLUG, "object": "contact", "steps": [{"id": "x", "kind": "nap"}], "colour": 1}
    assert (shown.version, shown.is_on) == (None, False)


async def test_a_draft_is_replaced_only_by_somebody_who_read_it(installation: Installation) -> None:
    first = await save(installation, EXAMPLE)
    with pytest.raises(PreconditionMissing):
        await save(installation, example(name="Other"))
    second = await save(installation, example(name="Other"), if_match=first.workflow.etag)
    assert (second.workflow.etag, second.workflow.name, second.created) == ('"2"', "Other", False)
    with pytest.raises(PreconditionFailed):
        await save(installation, EXAMPLE, if_match=first.workflow.etag)
    with pytest.raises(PreconditionFailed):
        await save(installation, with_steps(slug="nobody"), slug="nobody", if_match='"1"')


async def test_saving_what_is_stored_already_changes_nothing(installation: Installation) -> None:
    first = await save(installation, EXAMPLE)
    again = await save(installation, EXAMPLE, if_match=first.workflow.etag)
    assert again.workflow.etag == first.workflow.etag


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"slug": "other"}, "/slug"),
        ({"object": "company"}, "/object"),
        ({"type": "scheduled"}, "/type"),
        ({"steps": [action("x", "create_task", title="{% for i in (1..99999999) %}x{% endfor %}")]},
         "/steps/0/config/title"),
    ],
)  # fmt: skip
async def test_some_drafts_are_refused(installation: Installation, changes: dict[str, Any], path: str) -> None:
    await save(installation, EXAMPLE)
    with pytest.raises(Invalid) as refused:
        await save(installation, example(**changes), if_match="*")
    assert [error.path for error in refused.value.errors] == [path]


async def test_a_draft_over_a_mebibyte_is_refused(installation: Installation) -> None:
    with pytest.raises(TooLarge):
        await save(installation, example(description="x" * 1024 * 1024))


async def test_an_object_that_does_not_exist_may_be_corrected(installation: Installation) -> None:
    first = await save(installation, example(object="contcat"))
    assert (await save(installation, EXAMPLE, if_match=first.workflow.etag)).problems == ()


async def test_a_slug_is_needed_and_belongs_to_one_workflow(installation: Installation) -> None:
    for wrong in ({"name": "x"}, {"slug": "No Slug"}, []):
        async with installation.db.transaction() as tx:
            with pytest.raises(Invalid):
                await create_workflow(tx, installation, wrong, now=installation.clock.now())
    await save(installation, EXAMPLE)
    async with installation.db.transaction() as tx:
        with pytest.raises(Conflict):
            await create_workflow(tx, installation, EXAMPLE, now=installation.clock.now())


async def test_publishing_writes_version_plan_and_interests_and_turns_on(installation: Installation) -> None:
    await save(installation, EXAMPLE)
    assert (await published(installation)) == Published(version=1, warnings=())
    async with installation.db.read() as read:
        row = await find_workflow(read, SLUG)
        assert row is not None
        stored = await read.one(select(tables.versions).where(tables.versions.c.workflow_id == row["id"]))
        shown = await get_version(read, installation, SLUG, 1)
    assert stored is not None
    assert (row["is_on"], row["version"]) == (True, 1)
    assert load_definition(stored["definition"]).slug == SLUG
    plan = Plan.model_validate(stored["plan"])
    assert (plan.workflow_id, plan.version, plan.start) == (row["id"], 1, "hello")
    assert load_definition(shown.definition) == load_definition(stored["definition"])
    assert {(1, "t1", "opportunity.stage"), (1, None, "opportunity.close_value")} <= await interest_rows(installation)


async def test_publishing_refuses_every_problem_at_once(installation: Installation) -> None:
    await save(installation, example(colour=1, steps=[delay("a", **{"for": {}}), delay("a")]))
    with pytest.raises(Invalid) as refused:
        await published(installation)
    assert {(error.path, error.code) for error in refused.value.errors} == {
        ("/colour", "unknown_field"),
        ("/steps/0/for", "zero_duration"),
        ("/steps/1/id", "duplicate_id"),
    }
    assert await interest_rows(installation) == set()


async def test_a_new_version_takes_over_the_triggers_and_leaves_the_older_runs_theirs(
    installation: Installation,
) -> None:
    await save(installation, EXAMPLE)
    await published(installation)
    changed = example(entry={"triggers": [{"id": "made", "on": "created"}]}, steps=[])
    await save(installation, changed, if_match="*")
    assert (await published(installation)).version == 2
    rows = await interest_rows(installation)
    assert {row for row in rows if row[1] is not None} == {(2, "made", "contact.*")}
    assert (1, None, "opportunity.product") in rows
    async with installation.db.read() as read:
        row = await find_workflow(read, SLUG)
        assert row is not None
        assert [v["version"] for v in await list_versions(read, row["id"], limit=10)] == [2, 1]
        assert [v["version"] for v in await list_versions(read, row["id"], before=2, limit=10)] == [1]
        with pytest.raises(NotFound):
            await get_version(read, installation, SLUG, 3)


async def test_publishing_the_same_again_makes_no_version_but_turns_on(installation: Installation) -> None:
    await save(installation, EXAMPLE)
    await published(installation)
    async with installation.db.transaction() as tx:
        assert not (await turn_off(tx, installation, SLUG, now=installation.clock.now())).is_on
    assert (await published(installation)).version == 1
    async with installation.db.read() as read:
        assert (await get_workflow(read, installation, SLUG)).is_on


async def test_only_what_was_published_can_be_turned_on(installation: Installation) -> None:
    await save(installation, EXAMPLE)
    async with installation.db.transaction() as tx:
        with pytest.raises(Conflict):
            await turn_on(tx, installation, SLUG, now=installation.clock.now())
    await published(installation)
    async with installation.db.transaction() as tx:
        await turn_off(tx, installation, SLUG, now=installation.clock.now())
        assert (await turn_on(tx, installation, SLUG, now=installation.clock.now())).is_on


async def test_what_is_pulled_and_pushed_again_has_the_same_bytes(installation: Installation) -> None:
    config = {"transactional": True, "to": "record", "html": "<p>Hi</p>", "subject": "Hi"}
    await save(installation, example(steps=[{"config": config, "action": "send_email", "kind": "action", "id": "a"}]))
    async with installation.db.read() as read:
        pulled = write_document((await get_workflow(read, installation, SLUG)).definition)
    await save(installation, read_definition(pulled), if_match="*")
    async with installation.db.read() as read:
        again = await get_workflow(read, installation, SLUG)
    assert write_document(again.definition) == pulled
    assert again.draft_revision == 1
    assert "to: record" not in pulled
    assert pulled.index("subject") < pulled.index("html")


async def test_validating_stores_nothing(installation: Installation) -> None:
    async with installation.db.read() as read:
        problems = await validate(read, installation, example(colour=1))
        assert [p.path for p in problems] == ["/colour"]
        assert await list_workflows(read, installation, limit=10) == []


async def test_the_catalogue_names_users_who_are_active_and_workflows_that_exist(installation: Installation) -> None:
    await save(installation, EXAMPLE)
    now = installation.clock.now()
    async with installation.db.transaction() as tx:
        anna = await insert_user(tx, name="Anna", email="anna@example.com", now=now)
        gone = await insert_user(tx, name="Bo", email="bo@example.com", active=False, now=now)
    assert anna is not None
    assert gone is not None
    async with installation.db.read() as read:
        catalogue = await load_catalogue(read, installation)
    assert (catalogue.users, catalogue.workflows) == ({anna.id}, {SLUG: KnownWorkflow(object="contact")})
    assert catalogue.schema.object("contact") is not None


async def test_a_deleted_workflow_is_gone_and_its_slug_free(installation: Installation) -> None:
    await save(installation, EXAMPLE)
    await published(installation)
    async with installation.db.transaction() as tx:
        with pytest.raises(PreconditionMissing):
            await delete_workflow(tx, SLUG, if_match=None, now=installation.clock.now())
        await delete_workflow(tx, SLUG, if_match='"1"', now=installation.clock.now())
    async with installation.db.read() as read:
        with pytest.raises(NotFound):
            await get_workflow(read, installation, SLUG)
        assert await list_workflows(read, installation, limit=10) == []
    assert {row for row in await interest_rows(installation) if row[1] is not None} == set()
    assert (await save(installation, EXAMPLE)).created


@pytest.mark.parametrize(("inside", "status"), [("finish", "starting"), ("leave", "ended")])
async def test_deleting_asks_what_becomes_of_those_inside(installation: Installation, inside: Any, status: str) -> None:
    await save(installation, EXAMPLE)
    await published(installation)
    enrollment_id = await somebody_inside(installation)
    async with installation.db.transaction() as tx:
        with pytest.raises(Conflict) as refused:
            await delete_workflow(tx, SLUG, if_match="*", now=installation.clock.now())
        assert refused.value.code == "somebody_inside"
        await delete_workflow(tx, SLUG, if_match="*", inside=inside, now=installation.clock.now())
    async with installation.db.read() as read:
        enrollment = await get_enrollment(read, enrollment_id)
    assert enrollment is not None
    assert enrollment.status == status
    assert enrollment.end_reason == (None if inside == "finish" else "workflow_deleted")
