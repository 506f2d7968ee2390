"""Asking through the API why a record would or would not enter."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Caller
from tests.api.definitions import follow_up
from tests.runs.definitions import engaging

SUPPRESS: dict[str, Any] = {"property": "country", "op": "is", "value": "NO"}


async def test_it_tells_why_not_and_what_was_decided_before(api: Caller) -> None:
    await api.publish(follow_up(entry={"triggers": [], "suppress": SUPPRESS}))
    contact = await api.create("contact", email="ana@example.com", country="NO")
    body = {"record": {"object": "contact", "id": contact["id"]}}
    await api.ok("POST", "/workflows/follow-up/enrollments", body)
    path = f"/workflows/follow-up/explain?record={contact['id']}"
    found = await api.ok("GET", path)
    assert (found["workflow"], found["version"], found["state"]) == ("follow-up", 1, "on")
    assert found["record"] == {"object": "contact", "id": contact["id"], "name": "ana@example.com"}
    assert found["by_hand"] == {
        "decision": "suppressed",
        "words": "would not enter: the suppression condition holds",
        "why": "Country is NO",
        "seen": [{"what": "Country is NO", "value": "NO", "holds": True, "shown": "NO"}],
        "enrollment_id": None,
        "is_remembered": False,
    }
    assert [each["decision"] for each in found["decisions"]] == ["suppressed"]
    listed = await api.ok("GET", found["decisions_link"].removeprefix("/api/v1"))
    assert listed["items"] == found["decisions"]


async def test_who_may_not_read_records_sees_the_decision_and_no_values(api: Caller) -> None:
    await api.publish(follow_up(entry={"triggers": [engaging()], "suppress": SUPPRESS}))
    contact = await api.create("contact", email="ana@example.com", country="NO")
    deal = await api.create("opportunity", name="Secret deal", stage="Engaging")
    await api.ok("PUT", f"/records/contact/{contact['id']}/associations/opportunity/{deal['id']}", status=204)
    path = f"/workflows/follow-up/explain?record={contact['id']}"
    other = await api.with_scopes("enrollments:read")
    answer = await other.call("GET", path)
    found = answer.json()
    assert found["about"]["items"][0]["by_hand"]["decision"] == "suppressed"
    assert "Secret deal" not in answer.text
    assert "ana@example.com" not in answer.text
    assert _seen(found) == []
    assert _seen(await api.ok("GET", path)) != []
    await (await api.with_scopes("records:read")).problem("GET", path, status=403)


def _seen(document: Any) -> list[Any]:
    """Every value seen, wherever it stands."""
    if isinstance(document, list):
        return [each for part in document for each in _seen(part)]
    if not isinstance(document, dict):
        return []
    own = document["seen"] if isinstance(document.get("seen"), list) else []
    return [*own, *(each for part in document.values() for each in _seen(part))]


async def test_associated_records_come_in_pages_and_one_may_be_named(api: Caller) -> None:
    await api.publish(follow_up(entry={"triggers": [engaging()]}, allow_multiple_opportunities=True))
    contact = await api.create("contact", email="ana@example.com")
    deals = [await api.create("opportunity", name=f"Deal {n}", stage="Won") for n in range(3)]
    for deal in deals:
        await api.ok("PUT", f"/records/contact/{contact['id']}/associations/opportunity/{deal['id']}", status=204)
    path = f"/workflows/follow-up/explain?record={contact['id']}"
    told, cursor = [], ""
    while cursor is not None:
        page = (await api.ok("GET", f"{path}&limit=2{cursor and f'&cursor={cursor}'}"))["about"]
        told += [each["bound"]["id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert told == sorted(deal["id"] for deal in deals)
    one = await api.ok("GET", f"{path}&opportunity={deals[1]['id']}")
    assert (one["bound"]["name"], one["about"]["items"]) == ("Deal 1", [])
    stage = one["triggers"][0]["seen"][0]
    assert (stage["what"], stage["shown"], stage["holds"]) == ("Stage is Engaging", "Won", False)
    both = await api.problem("GET", f"{path}&opportunity={deals[1]['id']}&bound={deals[0]['id']}", status=422)
    assert both["errors"][0]["path"] == "query:opportunity"


async def test_what_is_not_there_or_of_another_object_is_refused(lite: Caller) -> None:
    await lite.publish(follow_up())
    contact = await lite.create("contact", email="ana@example.com")
    company = await lite.create("company", name="Acme")
    await lite.problem("GET", f"/workflows/nope/explain?record={contact['id']}", status=404)
    await lite.problem("GET", "/workflows/follow-up/explain?record=nobody", status=404)
    await lite.problem("GET", f"/workflows/follow-up/explain?record={contact['id']}&bound=nobody", status=404)
    await lite.problem("GET", "/workflows/follow-up/explain", status=422)
    wrong = await lite.problem("GET", f"/workflows/follow-up/explain?record={company['id']}", status=422)
    assert "is about contact records" in wrong["detail"]
    assert wrong["errors"][0]["path"] == "query:record"


async def test_users_and_options_are_told_by_their_names(api: Caller) -> None:
    ana, bo = [
        await api.ok("POST", "/users", {"name": name, "email": f"{name}@example.com"}, status=201)
        for name in ("Ana", "Bo")
    ]
    by_owner = {"property": "owner", "op": "in", "value": [ana["id"], bo["id"]]}
    by_stage = {"property": "lifecycle_stage", "op": "is", "value": "mql"}
    changed = {"id": "t1", "on": "changed", "property": "owner", "to": [bo["id"]]}
    suppress = {"all": [by_owner, by_stage]}
    await api.publish(follow_up(entry={"triggers": [changed], "suppress": suppress}))
    contact = await api.create("contact", email="ana@example.com", owner=ana["id"], lifecycle_stage="mql")
    await api.ok("POST", "/workflows/follow-up/enrollments", {"record": {"object": "contact", "id": contact["id"]}})
    path = f"/workflows/follow-up/explain?record={contact['id']}"
    found = await api.ok("GET", path)
    told = [
        ("Owner is one of Ana, Bo", ana["id"], "Ana"),
        ("Lifecycle stage is Marketing qualified lead", "mql", "Marketing qualified lead"),
    ]
    assert [(each["what"], each["value"], each["shown"]) for each in found["by_hand"]["seen"]] == told
    assert found["by_hand"]["why"] == "Owner is one of Ana, Bo and Lifecycle stage is Marketing qualified lead"
    assert found["checks"][0]["words"] == found["by_hand"]["why"]
    assert found["triggers"][0]["words"] == "Owner changed to Bo"
    assert found["triggers"][0]["seen"][0]["shown"] == "Ana"
    for listed in ("/entry-decisions?record=" + contact["id"], "/workflows/follow-up/report/decisions"):
        (kept,) = (await api.ok("GET", listed))["items"]
        assert [(each["what"], each["value"], each["shown"]) for each in kept["seen"]] == told
        assert kept in found["decisions"]
    blind = await (await api.with_scopes("enrollments:read")).call("GET", path)
    assert blind.json()["triggers"][0]["words"] == f"Owner changed to {bo['id']}", "names of users need records:read"
    assert '"Ana"' not in blind.text


async def test_a_decision_about_what_the_workflow_no_longer_asks_stays_as_it_was_kept(lite: Caller) -> None:
    await lite.publish(follow_up(entry={"triggers": [], "suppress": SUPPRESS}))
    contact = await lite.create("contact", email="ana@example.com", country="NO")
    await lite.ok("POST", "/workflows/follow-up/enrollments", {"record": {"object": "contact", "id": contact["id"]}})
    await lite.ok("PUT", "/workflows/follow-up", follow_up(entry={"triggers": []}), If_Match="*")
    await lite.ok("POST", "/workflows/follow-up/publish", {})
    (kept,) = (await lite.ok("GET", f"/entry-decisions?record={contact['id']}"))["items"]
    assert kept["seen"] == [{"what": "Country is NO", "value": "NO", "holds": True, "shown": "NO"}]


async def test_a_decision_names_who_caused_it_in_words(lite: Caller) -> None:
    await lite.publish(follow_up())
    contact = await lite.create("contact", email="ana@example.com")
    body = {"record": {"object": "contact", "id": contact["id"]}}
    await lite.ok("POST", "/workflows/follow-up/enrollments", body, status=202)
    (kept,) = (await lite.ok("GET", f"/entry-decisions?record={contact['id']}"))["items"]
    assert kept["cause"]["words"] == f"by API key {kept['cause']['id']}"
