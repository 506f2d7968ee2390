from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlalchemy import func, select

from domain.base import Json, utc_text
from domain.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from domain.importing import ImportOptions
from domain.jobs import JobProgress
from domain.records import Cause
from domain.schema import Option, PropertyDefinition, PropertyType
from services.installation import Installation
from services.jobs.import_pages import PAGE_ROWS, work_page
from services.jobs.imports import stage
from services.jobs.jobs import GRACE, begin, begin_waiting, steer
from services.records.records import Write, create_record, delete_record
from store import tables
from store.jobs import Job, JobRow, get_job, list_job_rows
from store.people import insert_user
from store.records import find_by_unique
from store.schema import insert_properties, load_schema
from tests.fixtures.clock import FixedClock
from tests.fixtures.runs import RecordingRuns

DATA = Path(__file__).parents[3] / "examples" / "data"
MAPPINGS = Path(__file__).parents[3] / "examples" / "mappings"

CONTACTS: dict[str, Json] = {
    "columns": {
        "id": {"property": "external_id"},
        "mail": {"property": "email"},
        "name": {"property": "first_name"},
        "score": {"property": "score"},
    }
}


def mapping_file(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load((MAPPINGS / name).read_text(encoding="utf-8"))
    return loaded


async def pieces(content: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def staged(inst: Installation, content: str | bytes, **options: Any) -> Job:
    whole = content.encode() if isinstance(content, str) else content
    given = {"object": "contact", "key": "external_id", "mapping": CONTACTS, **options}
    return await stage(inst, pieces(whole), ImportOptions.model_validate(given))


async def worked(inst: Installation, job: Job) -> JobProgress:
    progress = await work_page(inst, job.id)
    while not progress.is_over:
        progress = await work_page(inst, job.id)
    return progress


async def imported(inst: Installation, content: str | bytes, **options: Any) -> tuple[JobProgress, list[JobRow]]:
    job = await staged(inst, content, **options)
    progress = await worked(inst, job)
    return progress, await rows_of(inst, job)


async def rows_of(inst: Installation, job: Job, outcome: str | None = None) -> list[JobRow]:
    async with inst.db.read() as read:
        return await list_job_rows(read, job.id, outcome=outcome, limit=100_000)


async def count(inst: Installation, table: Any, *where: Any) -> int:
    async with inst.db.read() as read:
        return int(await read.scalar(select(func.count()).select_from(table).where(*where)))


async def properties(inst: Installation, external_id: str, object: str = "contact") -> dict[str, Json]:
    async with inst.db.read() as read:
        record = await find_by_unique(read, object, "external_id", external_id)
    assert record is not None
    return record.properties


async def writing(inst: Installation) -> Write:
    async with inst.db.read() as read:
        schema = await load_schema(read)
    return Write(schema=schema, addresses=inst.addresses, now=inst.clock.now(), zone="UTC", cause=Cause(kind="api"))


async def test_rows_become_records_and_are_told_apart_by_outcome(installation: Installation) -> None:
    await imported(installation, "id,mail,name,score\n1,ana@example.com,Ana,1\n2,bo@example.com,Bo,2\n")

    progress, rows = await imported(
        installation,
        "id,mail,name,score\n1,ana@example.com,Ana,1\n\n2,bo@example.com,Bo,\n2,x@example.com,X,1\n3,cy@example.com,Cy,7\n4,nobody,No,1\n",
    )

    assert progress.counts == {"unchanged": 2, "created": 1, "rejected": 2}
    assert [(row.line, row.outcome, row.code) for row in rows] == [
        (2, "unchanged", None),
        (4, "unchanged", None),
        (5, "rejected", "duplicate_in_file"),
        (6, "created", None),
        (7, "rejected", "wrong_value"),
    ]
    assert rows[2].reason == "line 4 has the same external_id"
    assert await properties(installation, "2") == {
        "external_id": "2", "email": "bo@example.com", "first_name": "Bo", "score": 2,
    }  # fmt: skip


async def test_a_second_import_of_the_same_file_wakes_nobody(installation: Installation) -> None:
    content = "id,mail,name,score\n1,ana@example.com,Ana,1\n"
    await imported(installation, content)
    changes = await count(installation, tables.changes)

    progress, _ = await imported(installation, content)

    assert progress.counts == {"unchanged": 1}
    assert await count(installation, tables.changes) == changes == 1


async def test_an_import_can_be_told_to_wake_nobody(installation: Installation) -> None:
    await imported(installation, "id,mail,name,score\n1,ana@example.com,Ana,1\n", wake=False)

    async with installation.db.read() as read:
        change = await read.one(select(tables.changes))
    assert change is not None
    assert (change["wake"], change["cause_kind"], change["kind"]) == (False, "import", "created")
    assert change["after"]["email"] == "ana@example.com"


async def test_an_update_keeps_what_the_file_leaves_blank(installation: Installation) -> None:
    await imported(installation, "id,mail,name,score\n1,ana@example.com,Ana,1\n")

    progress, _ = await imported(installation, "id,mail,name,score\n1,,Anna,\n")

    assert progress.counts == {"updated": 1}
    assert (await properties(installation, "1"))["first_name"] == "Anna"
    assert (await properties(installation, "1"))["email"] == "ana@example.com"
    async with installation.db.read() as read:
        rows = await read.all(select(tables.changes).order_by(tables.changes.c.seq))
    assert [(row["kind"], row["record_version"]) for row in rows] == [("created", 1), ("updated", 2)]
    assert rows[1]["before"]["first_name"] == "Ana"


async def test_a_unique_value_of_another_record_or_an_earlier_row_is_refused(installation: Installation) -> None:
    await imported(installation, "id,mail,name,score\n1,ana@example.com,Ana,\n")

    _, rows = await imported(
        installation, "id,mail,name,score\n2,ANA@example.com,Bo,\n3,cy@example.com,Cy,\n4,Cy@Example.com,Di,\n"
    )

    assert [(row.outcome, row.code) for row in rows] == [
        ("rejected", "not_unique"),
        ("created", None),
        ("rejected", "not_unique"),
    ]


async def test_a_record_may_change_its_unique_value(installation: Installation) -> None:
    await imported(installation, "id,mail,name,score\n1,ana@example.com,Ana,\n")
    await imported(installation, "id,mail,name,score\n1,anna@example.com,Ana,\n")

    async with installation.db.read() as read:
        assert await find_by_unique(read, "contact", "email", "ana@example.com") is None
        assert await find_by_unique(read, "contact", "email", "anna@example.com") is not None


async def test_a_bad_value_costs_the_row_or_only_itself(installation: Installation) -> None:
    content = "id,mail,name,score\n1,nobody,Ana,much\n"

    refused, rows = await imported(installation, content)
    assert refused.counts == {"rejected": 1}
    assert rows[0].reason == "score: 'much' is not a number"

    taken, rows = await imported(installation, content, on_bad_value="leave_out")
    assert taken.counts == {"created": 1}
    assert rows[0].code == "left_out"
    assert "score: 'much' is not a number" in (rows[0].reason or "")
    assert "email: 'nobody'" in (rows[0].reason or "")
    assert await properties(installation, "1") == {"external_id": "1", "first_name": "Ana"}


async def test_a_row_without_key_or_of_another_width_is_refused(installation: Installation) -> None:
    _, rows = await imported(
        installation, f"id,mail,name,score\n,a@example.com,A,\n1,b@example.com\n{'x' * 501},c@example.com,C,\n"
    )

    assert [row.code for row in rows] == ["missing_key", "column_count", "missing_key"]


async def test_a_dry_run_tells_what_would_happen_and_writes_nothing(installation: Installation) -> None:
    await imported(installation, "id,mail,name,score\n1,ana@example.com,Ana,1\n")
    rows = ["1,ana@example.com,Anna,1,Rex", "2,bo@example.com,Bo,2,Rex", "3,no,No,3,", "2,x@example.com,X,1,"]
    content = "\n".join(["id,mail,name,score,agent", *rows])
    mapping = {"columns": {**CONTACTS["columns"], "agent": {"owner_by": "name", "if_missing": "create"}}}  # type: ignore[dict-item]
    before = [await count(installation, table) for table in (tables.records, tables.changes, tables.users)]

    progress, told = await imported(installation, content, mapping=mapping, dry_run=True)

    assert progress.counts == {"updated": 1, "created": 1, "rejected": 2}
    assert [row.code for row in told] == [None, None, "wrong_value", "duplicate_in_file"]
    assert told[1].record_id is None
    assert [await count(installation, table) for table in (tables.records, tables.changes, tables.users)] == before


async def test_a_deleted_record_is_made_anew(installation: Installation) -> None:
    _, rows = await imported(installation, "id,mail,name,score\n1,ana@example.com,Ana,1\n")
    write = await writing(installation)
    async with installation.db.transaction() as tx:
        await delete_record(tx, write, rows[0].record_id or "")

    progress, again = await imported(installation, "id,mail,name,score\n1,ana@example.com,Ana,1\n")

    assert progress.counts == {"created": 1}
    assert again[0].record_id != rows[0].record_id


DEALS: dict[str, Any] = {
    "columns": {
        "id": {"property": "external_id"},
        "account": {"associate": {"object": "company", "by": "external_id", "label": "buyer"}},
        "agent": {"owner_by": "name", "if_missing": "leave_out"},
    },
    "constants": {"stage": "Won"},
}


async def test_moves_of_an_import_are_told_each_once_and_beginnings_by_their_creation(
    installation: Installation,
) -> None:
    deals: dict[str, Json] = {"columns": {"id": {"property": "external_id"}, "stage": {"property": "stage"}}}
    first = "id,stage\n1,Engaging\n2,Engaging\n3,Engaging\n"
    await imported(installation, first, object="opportunity", mapping=deals)
    assert await count(installation, tables.events) == 0

    content = "id,stage\n1,Won\n2,Engaging\n3,Lost\n4,Won\n"
    await imported(installation, content, object="opportunity", mapping=deals, wake=False)
    async with installation.db.read() as read:
        told = await read.all(
            select(tables.changes.c.wake, tables.events)
            .join(tables.changes, tables.changes.c.seq == tables.events.c.seq)
            .where(tables.changes.c.event_id == tables.events.c.id)
            .order_by(tables.events.c.seq)
        )
    assert [(row["name"], row["wake"]) for row in told] == [("stage.changed", False)] * 2
    assert [(row["properties"]["from"], row["properties"]["to"]) for row in told] == [
        ("Engaging", "Won"), ("Engaging", "Lost"),
    ]  # fmt: skip


async def test_rows_are_associated_and_owned_by_what_they_name(installation: Installation) -> None:
    write = await writing(installation)
    async with installation.db.transaction() as tx:
        acme = await create_record(tx, write, "company", {"external_id": "Acme"})
        rex = await insert_user(tx, name="Rex", email="rex@example.com", now=write.now)
        for n in (1, 2):
            await insert_user(tx, name="Sam", email=f"sam{n}@example.com", now=write.now)
    assert rex is not None
    changes = await count(installation, tables.changes)

    content = "id,account,agent\n1,Acme,Rex\n2,Nowhere,Nobody\n3,,\n4,Acme,Sam\n"
    progress, rows = await imported(installation, content, object="opportunity", mapping=DEALS)

    assert progress.counts == {"created": 4}
    assert await properties(installation, "1", "opportunity") == {
        "external_id": "1", "owner": rex.id, "pipeline": "default", "stage": "Won", "is_closed": True,
        "stage_entered_at": utc_text(write.now), "close_date": "2027-03-01",
    }  # fmt: skip
    assert rows[1].code == "left_out"
    assert "'Nowhere'" in (rows[1].reason or "")
    assert "'Nobody'" in (rows[1].reason or "")
    assert "2 users are called 'Sam'" in (rows[3].reason or "")
    async with installation.db.read() as read:
        pairs = await read.all(select(tables.associations))
        told = await read.all(select(tables.changes).where(tables.changes.c.kind == "associated"))
    assert {(pair["record_id"], pair["other_id"], pair["label"]) for pair in pairs} == {
        (a, b, "buyer") for row in (rows[0], rows[3]) for a, b in ((acme.id, row.record_id), (row.record_id, acme.id))
    }
    assert sorted(change["detail"]["other_object"] for change in told) == ["company"] * 2 + ["opportunity"] * 2
    assert await count(installation, tables.changes) == changes + 4 + 4

    again, _ = await imported(installation, content, object="opportunity", mapping=DEALS)
    assert again.counts == {"unchanged": 4}
    assert await count(installation, tables.changes) == changes + 8


async def test_an_existing_record_gets_an_association_it_lacks_and_the_label_asked_for(
    installation: Installation,
) -> None:
    write = await writing(installation)
    async with installation.db.transaction() as tx:
        acme = await create_record(tx, write, "company", {"external_id": "Acme"})
    bare = {"columns": {**DEALS["columns"], "account": {"associate": {"object": "company", "by": "external_id"}}}}
    content = "id,account,agent\n1,Acme,\n"
    await imported(installation, "id,account,agent\n1,,\n", object="opportunity", mapping=bare)

    outcomes = [
        (await imported(installation, content, object="opportunity", mapping=mapping))[0].counts
        for mapping in (bare, {"columns": DEALS["columns"]}, bare)
    ]

    assert outcomes == [{"updated": 1}, {"updated": 1}, {"unchanged": 1}]
    async with installation.db.read() as read:
        labels = await read.all(select(tables.associations.c.label).where(tables.associations.c.other_id == acme.id))
    assert [row["label"] for row in labels] == ["buyer"]


async def test_what_is_missing_can_be_a_reason_to_refuse_or_be_created(installation: Installation) -> None:
    strict = {
        "columns": {
            "id": {"property": "external_id"},
            "account": {"associate": {"object": "company", "by": "external_id", "if_missing": "reject"}},
            "agent": {"owner_by": "email", "if_missing": "create"},
        }
    }

    _, rows = await imported(
        installation, "id,account,agent\n1,Nowhere,\n2,,Rex@Example.com\n", object="opportunity", mapping=strict
    )

    assert [(row.outcome, row.code) for row in rows] == [("rejected", "unknown_record"), ("created", None)]
    async with installation.db.read() as read:
        user = await read.one(select(tables.users))
    assert user is not None
    assert (user["name"], user["email"]) == ("rex", "rex@example.com")
    assert (await properties(installation, "2", "opportunity"))["owner"] == user["id"]


async def test_two_owners_whose_names_look_alike_are_two_users(installation: Installation) -> None:
    mapping = {"columns": {"id": {"property": "external_id"}, "agent": {"owner_by": "name", "if_missing": "create"}}}

    await imported(installation, "id,agent\n1,Zoë\n2,Zoe\n3,王\n", mapping=mapping)

    assert await count(installation, tables.users) == 3


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (b"id,mail,name\n", {"missing_column"}),
        (b"id,mail,name,score,shoe\n1,,,,\n", {"unnamed_column"}),
        (b"id,mail,name,score\n1,a@example.com,A,1\n2,b@example.com,\xff\xfe,1\n", {"broken_encoding"}),
        (b"id,mail,name,score\n" + b"1,a@example.com,A,1\n" * 900 + b"2," + b"x" * 1_000_000, {"cell_too_large"}),
    ],
)
async def test_a_file_that_is_refused_leaves_nothing_behind(
    installation: Installation, content: bytes, codes: set[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        await staged(installation, content)

    assert {error.code for error in refused.value.errors} == codes
    assert await count(installation, tables.jobs) == 0
    assert await count(installation, tables.job_rows) == 0


async def test_all_mistakes_of_a_mapping_are_told_at_once(installation: Installation) -> None:
    mapping = {"columns": {"id": {"property": "externalid"}, "mail": {"prop": "email"}, "x": {"ignore": True}}}

    with pytest.raises(Invalid) as refused:
        await staged(installation, "id,mail,name\n", mapping=mapping)

    assert {error.path for error in refused.value.errors} == {
        "/key", "/mapping/columns/id", "/mapping/columns/mail", "/mapping/columns/x", "/mapping/columns/name",
    }  # fmt: skip


async def test_an_unknown_object_is_not_found(installation: Installation) -> None:
    with pytest.raises(NotFound):
        await staged(installation, "id\n", object="shoe")


async def test_an_upload_that_is_too_large_is_refused(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.csv_rows.MAX_UPLOAD_BYTES", 1000)
    with pytest.raises(TooLarge):
        await staged(installation, "id,mail,name,score\n" + "1,a@example.com,A,1\n" * 100)


async def test_an_upload_that_breaks_off_leaves_nothing_behind(installation: Installation) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"id,mail,name,score\n" + b"".join(b"%d,,A,1\n" % n for n in range(1000))
        raise ConnectionResetError

    options = ImportOptions(object="contact", key="external_id", mapping=CONTACTS)
    with pytest.raises(ConnectionResetError):
        await stage(installation, breaking(), options)

    assert await count(installation, tables.jobs) == 0
    assert await count(installation, tables.job_rows) == 0


async def test_a_page_that_fails_is_done_again_from_where_it_was(installation: Installation) -> None:
    lines = [f"{n},p{n}@example.com,P,{n}" for n in range(PAGE_ROWS * 2 + 5)]
    job = await staged(installation, "\n".join(["id,mail,name,score", *lines]))
    await work_page(installation, job.id)

    # Somebody takes an address in between: the page meets it as it is now.
    write = await writing(installation)
    async with installation.db.transaction() as tx:
        await create_record(tx, write, "contact", {"email": f"p{PAGE_ROWS}@example.com"})
    progress = await worked(installation, job)

    assert progress.counts == {"created": PAGE_ROWS * 2 + 4, "rejected": 1}
    assert (progress.cursor, progress.total, progress.status) == (PAGE_ROWS * 2 + 5, PAGE_ROWS * 2 + 5, "done")
    assert await work_page(installation, job.id) == progress


async def test_a_file_with_a_header_only_is_done_at_once(installation: Installation) -> None:
    progress, rows = await imported(installation, "id,mail,name,score\n")

    assert (progress.status, progress.total, rows) == ("done", 0, [])


async def test_an_import_can_be_paused_resumed_and_cancelled(installation: Installation, runs: RecordingRuns) -> None:
    lines = [f"{n},p{n}@example.com,P,{n}" for n in range(PAGE_ROWS * 3)]
    job = await staged(installation, "\n".join(["id,mail,name,score", *lines]))
    await work_page(installation, job.id)

    assert (await steer(installation, job.id, "pause")).status == "paused"
    assert (await work_page(installation, job.id)).cursor == PAGE_ROWS
    assert (await steer(installation, job.id, "resume")).status == "running"
    assert runs.signals == [(f"import:{job.id}", "resume", {})]
    assert (await work_page(installation, job.id)).cursor == PAGE_ROWS * 2
    assert (await steer(installation, job.id, "cancel")).finished_at is not None
    progress = await work_page(installation, job.id)

    assert (progress.status, progress.cursor) == ("cancelled", PAGE_ROWS * 2)
    assert await count(installation, tables.records) == PAGE_ROWS * 2
    with pytest.raises(Conflict):
        await steer(installation, job.id, "resume")
    with pytest.raises(NotFound):
        await steer(installation, "nobody", "pause")


async def test_a_staged_import_whose_sender_could_not_start_it_is_started_later(
    installation: Installation, runs: RecordingRuns, clock: FixedClock
) -> None:
    job = await staged(installation, "id,mail,name,score\n1,ana@example.com,Ana,1\n")
    assert await begin_waiting(installation) == 0

    clock.advance(GRACE * 2)
    assert await begin_waiting(installation) == 1
    assert runs.jobs == [job.id]

    await worked(installation, job)
    assert await begin_waiting(installation) == 0


async def test_an_import_that_was_paused_before_it_began_is_started_when_it_is_resumed(
    installation: Installation, runs: RecordingRuns, clock: FixedClock
) -> None:
    job = await staged(installation, "id,mail,name,score\n1,ana@example.com,Ana,1\n")
    await steer(installation, job.id, "pause")
    clock.advance(GRACE * 2)
    assert await begin_waiting(installation) == 0

    runs.down = True
    with pytest.raises(Unavailable):
        await steer(installation, job.id, "resume")
    runs.down = False
    clock.advance(GRACE * 2)
    assert await begin_waiting(installation) == 1
    assert runs.jobs == [job.id]


async def test_begin_starts_the_run(installation: Installation, runs: RecordingRuns) -> None:
    job = await staged(installation, "id,mail,name,score\n")
    await begin(installation, job)
    assert runs.jobs == [job.id]


# The sample files


async def test_customers_by_hand_are_1000_created_and_1_rejected(installation: Installation) -> None:
    content = (DATA / "customers-1000.csv").read_bytes()
    job = await staged(installation, content, key="email", mapping=mapping_file("customers.yaml"))
    progress = await worked(installation, job)

    assert progress.counts == {"created": 1000, "rejected": 1}
    (rejected,) = await rows_of(installation, job, "rejected")
    assert (rejected.line, rejected.code) == (1003, "duplicate_in_file")
    assert rejected.reason == "line 1002 has the same email"


PRODUCTS = ("GTX Basic", "GTX Pro", "MG Special", "MG Advanced", "GTX Plus Pro", "GTX Plus Basic", "GTK 500")


async def import_accounts(inst: Installation) -> None:
    content = (DATA / "accounts.csv").read_bytes()
    progress, _ = await imported(inst, content, object="company", mapping=mapping_file("accounts.yaml"))
    assert progress.counts == {"created": 85}


def tenth_of_the_pipeline() -> str:
    with (DATA / "sales_pipeline.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    text = io.StringIO()
    csv.writer(text).writerows([rows[0], *rows[1::10]])
    return text.getvalue()


async def the_pipeline_comes_in(inst: Installation, content: str, expected: int) -> None:
    await import_accounts(inst)
    mapping = mapping_file("pipeline.yaml")

    first, _ = await imported(inst, content, object="opportunity", mapping=mapping, wake=False)
    changes = await count(inst, tables.changes)
    second, _ = await imported(inst, content, object="opportunity", mapping=mapping)

    assert first.counts == {"created": expected}
    assert second.counts == {"unchanged": expected}
    assert await count(inst, tables.changes) == changes


async def test_the_pipeline_is_created_once_and_found_unchanged_the_second_time(installation: Installation) -> None:
    await the_pipeline_comes_in(installation, tenth_of_the_pipeline(), 880)
    deal = await properties(installation, "1C1I7A6R", "opportunity")
    assert deal["product"] == "GTX Plus Basic"
    assert (deal["close_value"], deal["expected_value"], deal["close_date"]) == (1054, 1096, "2025-03-01")
    assert (deal["stage"], deal["is_closed"]) == ("Won", True)


@pytest.mark.long
async def test_the_whole_pipeline_is_8800_created_and_8800_unchanged(installation: Installation) -> None:
    whole = (DATA / "sales_pipeline.csv").read_text(encoding="utf-8")
    await the_pipeline_comes_in(installation, whole, 8800)


async def strict_products(inst: Installation, content: str) -> tuple[JobProgress, list[JobRow]]:
    options = tuple(Option(value=name, label=name) for name in PRODUCTS)
    known = PropertyDefinition(name="known_product", type=PropertyType.ENUM, label="Known product", options=options)
    async with inst.db.transaction() as tx:
        await insert_properties(tx, "opportunity", [known], inst.clock.now())
    mapping = mapping_file("pipeline.yaml")
    mapping["columns"]["product"] = {"property": "known_product"}
    return await imported(inst, content, object="opportunity", mapping=mapping)


async def test_a_product_that_is_no_option_is_rejected_by_line_and_reason(installation: Installation) -> None:
    content = tenth_of_the_pipeline()
    misspelt = [n for n, line in enumerate(content.splitlines(), start=1) if ",GTXPro," in line]

    progress, rows = await strict_products(installation, content)

    rejected = [row for row in rows if row.outcome == "rejected"]
    assert [row.line for row in rejected] == misspelt
    assert progress.counts == {"created": 880 - len(misspelt), "rejected": len(misspelt)}
    assert {row.code for row in rejected} == {"unknown_option"}
    assert (rejected[0].reason or "").startswith("known_product: 'GTXPro' is not an option")


@pytest.mark.long
async def test_of_the_whole_pipeline_1480_misspelt_products_are_rejected(installation: Installation) -> None:
    whole = (DATA / "sales_pipeline.csv").read_text(encoding="utf-8")
    progress, _ = await strict_products(installation, whole)
    assert progress.counts == {"created": 7320, "rejected": 1480}


async def test_the_contacts_of_the_sample_are_refused_where_they_are_broken(installation: Installation) -> None:
    await import_accounts(installation)
    content = (DATA / "contacts.csv").read_bytes()

    progress, rows = await imported(installation, content, mapping=mapping_file("contacts.yaml"), wake=False)

    assert progress.counts == {"created": 990, "rejected": 10}
    assert {row.code for row in rows if row.outcome == "rejected"} == {
        "wrong_value", "not_unique", "missing_key", "unknown_option", "duplicate_in_file",
    }  # fmt: skip
    assert len([row for row in rows if row.code == "left_out"]) == 3


async def test_a_job_that_no_longer_fits_the_schema_fails_with_words(installation: Installation) -> None:
    job = await staged(installation, "id,mail,name,score\n1,ana@example.com,Ana,1\n")
    async with installation.db.transaction() as tx:
        gone = tables.property_definitions.c.name == "score"
        await tx.run(tables.property_definitions.delete().where(gone))
        await tx.run(tables.account.update().values(schema_revision=tables.account.c.schema_revision + 1))

    progress = await work_page(installation, job.id)

    assert (progress.status, progress.cursor) == ("failed", 0)
    async with installation.db.read() as read:
        failed = await get_job(read, job.id)
    assert failed is not None
    assert "contact has no property score" in (failed.error or "")
