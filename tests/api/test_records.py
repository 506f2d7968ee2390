"""Records through the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import Caller


async def test_a_record_is_created_read_changed_and_deleted(api: Caller) -> None:
    answer = await api.call("POST", "/records/contact", {"properties": {"email": "Ana@example.com", "score": 12}})
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/records/contact/{made['id']}"
    assert made["properties"] == {"email": "Ana@example.com", "score": 12}
    assert made["version"] == 1
    assert made["associations"] == []

    path = f"/records/contact/{made['id']}"
    changed = await api.ok("PATCH", path, {"properties": {"score": None, "city": "Oslo"}})
    assert changed["properties"] == {"email": "Ana@example.com", "city": "Oslo"}
    assert changed["version"] == 2
    assert (await api.ok("GET", path))["properties"] == changed["properties"]

    await api.ok("DELETE", path, status=204)
    await api.problem("GET", path, status=404)
    await api.problem("PATCH", path, {"properties": {"score": 1}}, status=404)
    # Its address is free again.
    await api.create("contact", email="ana@example.com")


async def test_every_wrong_value_is_named_with_its_field_and_reason(api: Caller) -> None:
    body = {"properties": {"email": "no address", "score": "12", "lifecycle_stage": "friend", "colour": "red"}}
    found = await api.problem("POST", "/records/contact", body, status=422)
    codes = {error["path"]: error["code"] for error in found["errors"]}
    assert codes == {
        "/properties/email": "wrong_value",
        "/properties/score": "wrong_type",
        "/properties/lifecycle_stage": "unknown_option",
        "/properties/colour": "unknown_property",
    }


async def test_a_unique_value_belongs_to_one_record(api: Caller) -> None:
    await api.create("contact", email="ana@example.com")
    found = await api.problem("POST", "/records/contact", {"properties": {"email": "ANA@example.com"}}, status=409)
    assert found["errors"][0]["path"] == "/properties/email"


async def test_an_upsert_creates_once_and_changes_afterwards(api: Caller) -> None:
    path = "/records/contact/by/email/ana@example.com"
    first = await api.ok("PUT", path, {"properties": {"city": "Oslo"}}, status=201)
    second = await api.ok("PUT", path, {"properties": {"city": "Bergen"}})
    assert second["id"] == first["id"]
    assert second["properties"] == {"email": "ana@example.com", "city": "Bergen"}
    await api.problem("PUT", "/records/contact/by/city/Oslo", {"properties": {}}, status=422)


async def test_a_value_in_a_path_may_hold_slashes(api: Caller) -> None:
    made = await api.ok("PUT", "/records/contact/by/external_id/a%2Fb/c", {"properties": {}}, status=201)
    assert made["properties"]["external_id"] == "a/b/c"


async def test_a_patch_can_demand_the_version_it_read(api: Caller) -> None:
    made = await api.create("contact", email="ana@example.com")
    path = f"/records/contact/{made['id']}"
    tag = (await api.call("GET", path)).headers["ETag"]
    await api.ok("PATCH", path, {"properties": {"city": "Oslo"}}, If_Match=tag)
    stale = await api.problem("PATCH", path, {"properties": {"city": "Bergen"}}, status=412, If_Match=tag)
    assert stale["type"].endswith(":stale")
    await api.ok("PATCH", path, {"properties": {"city": "Bergen"}}, If_Match="*")


async def test_lists_are_walked_without_repeating_or_leaving_out(api: Caller) -> None:
    made = [(await api.create("contact", external_id=f"c{n}"))["id"] for n in range(5)]
    seen: list[str] = []
    query = "limit=2"
    while True:
        page = await api.ok("GET", f"/records/contact?{query}")
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"limit=2&cursor={page['next_cursor']}"
    assert seen == made


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=!", "cursor=bm8", "where=[", "where=1"])
async def test_a_wrong_query_is_refused_with_its_name(lite: Caller, query: str) -> None:
    found = await lite.problem("GET", f"/records/contact?{query}", status=422)
    assert found["errors"][0]["path"] == f"query:{query.partition('=')[0]}"


async def test_records_are_found_by_a_condition(api: Caller) -> None:
    await api.create("contact", external_id="a", country="NO", score=3)
    wanted = await api.create("contact", external_id="b", country="NO", score=9)
    where = {"all": [{"property": "country", "op": "is", "value": "NO"}, {"property": "score", "op": "gt", "value": 5}]}
    found = await api.ok("GET", f"/records/contact?where={json.dumps(where)}")
    assert [item["id"] for item in found["items"]] == [wanted["id"]]
    searched = await api.ok("POST", "/records/contact/search", {"where": where})
    assert searched["items"] == found["items"]


async def test_a_wrong_condition_is_refused_with_the_place_of_the_mistake(lite: Caller) -> None:
    where = {"all": [{"property": "colour", "op": "is", "value": "red"}]}
    found = await lite.problem("POST", "/records/contact/search", {"where": where}, status=422)
    assert found["errors"][0]["path"].startswith("/where/all/0")
    assert found["errors"][0]["code"] == "unknown_property"


async def test_a_long_condition_belongs_into_a_search(lite: Caller) -> None:
    where = {"property": "city", "op": "in", "value": ["x" * 100] * 30}
    await lite.problem("GET", f"/records/contact?where={json.dumps(where)}", status=422)
    await lite.ok("POST", "/records/contact/search", {"where": where})


async def test_records_are_associated_from_either_side(api: Caller) -> None:
    deal = await api.create("opportunity", name="Deal")
    contact = await api.ok(
        "POST",
        "/records/contact",
        {"properties": {"external_id": "a"}, "associations": [{"object": "opportunity", "id": deal["id"]}]},
        status=201,
    )
    assert [link["id"] for link in contact["associations"]] == [deal["id"]]
    back = await api.ok("GET", f"/records/opportunity/{deal['id']}/associations/contact")
    assert [link["id"] for link in back["items"]] == [contact["id"]]

    path = f"/records/contact/{contact['id']}/associations/opportunity/{deal['id']}"
    await api.ok("PUT", path, {"label": "decides"}, status=204)
    assert (await api.ok("GET", f"/records/contact/{contact['id']}"))["associations"][0]["label"] == "decides"
    await api.ok("DELETE", path, status=204)
    await api.ok("DELETE", path, status=204)
    assert (await api.ok("GET", f"/records/contact/{contact['id']}/associations"))["items"] == []
    await api.problem("PUT", f"/records/contact/{contact['id']}/associations/company/nobody", status=404)


async def test_the_timeline_of_a_record_is_paged_newest_first(api: Caller) -> None:
    made = await api.create("contact", external_id="a")
    path = f"/records/contact/{made['id']}"
    for n in range(4):
        await api.ok("PATCH", path, {"properties": {"score": n}})
    first = await api.ok("GET", f"{path}/timeline?limit=3")
    second = await api.ok("GET", f"{path}/timeline?limit=3&cursor={first['next_cursor']}")
    items = [*first["items"], *second["items"]]
    assert second["next_cursor"] is None
    assert len({item["id"] for item in items}) == 5
    assert [item["words"] for item in items] == ["changed score"] * 4 + ["created"]
    assert items[0]["detail"]["changed"] == {"score": [2, 3]}


@pytest.mark.parametrize(
    "text",
    [
        '{"properties": {"score": NaN}}',
        '{"properties": {"score": 1e400}}',
        '{"properties": {"score": -%s}}' % ("9" * 310),
        '{"properties": {"score": %se99}}' % ("9" * 250),
        '{"properties": {"city": "a\\u0000b"}}',
        "{",
        '"\\ud800"',
    ],
)
async def test_what_cannot_be_stored_is_refused_before_anything_reads_it(lite: Caller, text: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await lite.http.post("/api/v1/records/contact", content=text, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "not_json"


async def test_a_nul_in_an_address_is_refused(lite: Caller) -> None:
    await lite.problem("GET", "/records/contact/a%00b", status=422)
    await lite.problem("GET", "/records/contact?cursor=%00", status=422)


async def test_a_unique_value_that_is_taken_is_a_conflict_however_it_is_written(lite: Caller) -> None:
    await lite.create("contact", email="ana@example.com")
    bo = await lite.create("contact", email="bo@example.com", external_id="bo")
    taken = {"properties": {"email": "ana@example.com"}}
    for method, path in (
        ("POST", "/records/contact"),
        ("PATCH", f"/records/contact/{bo['id']}"),
        ("PUT", "/records/contact/by/external_id/bo"),
    ):
        found = await lite.problem(method, path, taken, status=409)
        assert [error["path"] for error in found["errors"]] == ["/properties/email"]


async def test_a_record_is_merged_into_another_which_answers_for_both(api: Caller) -> None:
    gone = (await api.create("contact", email="ana@example.com"))["id"]
    stays = (await api.create("contact", city="Oslo"))["id"]
    path = f"/records/contact/{gone}/merge"
    made = await api.ok("POST", path, {"into": stays})
    assert (made["id"], made["properties"]) == (stays, {"email": "ana@example.com", "city": "Oslo"})
    await api.problem("GET", f"/records/contact/{gone}", status=404)
    await api.problem("POST", path, {"into": stays}, status=404)
    found = await api.problem("POST", f"/records/contact/{stays}/merge", {"into": stays}, status=422)
    assert [(error["path"], error["code"]) for error in found["errors"]] == [("/into", "wrong_value")]


DEEP: Any = {"property": "city", "op": "known"}
for _ in range(150):
    DEEP = {"not": DEEP}


@pytest.mark.parametrize(
    ("where", "path", "code"),
    [
        ({"any": [{"property": "city", "op": "is", "value": f"{n}"} for n in range(251)]}, "/where", "plan_too_large"),
        ({"property": "city", "op": "in", "value": [f"{n}" for n in range(10_001)]}, "/where", "plan_too_large"),
        (
            {
                "related": {"object": "opportunity"},
                "where": {"property": "stage", "op": "known"},
                "count": {"at_least": 10**30},
            },
            "/where/count",
            "wrong_value",
        ),
        (DEEP, "/where", "wrong_value"),
    ],
)
async def test_a_condition_too_large_to_be_asked_is_refused_with_words(
    lite: Caller, where: Any, path: str, code: str
) -> None:
    problem = await lite.problem("POST", "/records/contact/search", {"where": where}, status=422)
    assert [(error["path"], error["code"]) for error in problem["errors"]] == [(path, code)]


async def test_a_condition_as_large_as_may_be_is_asked(api: Caller) -> None:
    ana = await api.create("contact", city="Oslo")
    among = {"property": "city", "op": "in", "value": ["oslo", *(f"{n}" for n in range(4_999))]}
    near = {
        "property": "city",
        "op": "in",
        "value": [f"{n}" for n in range(5_000)],
        "of": {"object": "company", "match": "all"},
    }
    many = [{"property": "city", "op": "is", "value": f"{n}"} for n in range(246)]
    found = await api.ok("POST", "/records/contact/search", {"where": {"any": [among, near, *many]}})
    assert [item["id"] for item in found["items"]] == [ana["id"]]
    found = await api.ok("POST", "/records/contact/search", {"where": {"not": {"any": [among, near, *many]}}})
    assert found["items"] == []
