"""Secrets are written, listed by name and deleted; nothing ever answers with one."""

from __future__ import annotations

from datetime import timedelta

from store.secrets import load_secrets
from tests.api.conftest import Caller


async def values(api: Caller, name: str, *, later: timedelta = timedelta()) -> tuple[str, ...] | None:
    async with api.inst.db.read() as read:
        found = await load_secrets(read, [name], now=api.inst.clock.now() + later)
    return found[name].values if name in found else None


async def test_a_secret_is_written_and_never_answered(api: Caller) -> None:
    made = await api.ok("PUT", "/secrets/crm_key", {"value": "s3cret-1"})
    assert (made["name"], made["former_until"]) == ("crm_key", None)
    listed = await api.ok("GET", "/secrets")
    assert [each["name"] for each in listed["items"]] == ["crm_key"]
    assert "s3cret" not in f"{made} {listed}"
    assert await values(api, "crm_key") == ("s3cret-1",)


async def test_the_former_value_signs_as_well_for_a_while(api: Caller) -> None:
    await api.ok("PUT", "/secrets/signing", {"value": "old"})
    changed = await api.ok("PUT", "/secrets/signing", {"value": "new", "overlap_hours": 2})
    assert changed["former_until"] is not None
    assert await values(api, "signing") == ("new", "old")
    assert await values(api, "signing", later=timedelta(hours=2)) == ("new",)
    # The same again changes nothing, and keeps the former one.
    assert await api.ok("PUT", "/secrets/signing", {"value": "new"}) == changed
    assert (await api.ok("PUT", "/secrets/signing", {"value": "leaked", "overlap_hours": 0}))["former_until"] is None
    assert await values(api, "signing") == ("leaked",)


async def test_a_secret_that_is_deleted_is_gone(api: Caller) -> None:
    await api.ok("PUT", "/secrets/crm_key", {"value": "abc"})
    assert await api.ok("DELETE", "/secrets/crm_key", status=204) is None
    await api.problem("DELETE", "/secrets/crm_key", status=404)
    assert await values(api, "crm_key") is None


async def test_what_is_wrong_is_told_without_the_value(api: Caller) -> None:
    for body in (
        {"value": "s3cret\nX: y"}, {"value": "s3cret" * 1000}, {"value": ["s3cret"]},
        {"value": "s3cret", "more": "s3cret"},
        {"value": "s3cret", "overlap_hours": 721}, {"value": ""}, {},
    ):  # fmt: skip
        answer = await api.call("PUT", "/secrets/crm_key", body)
        assert answer.status_code == 422
        assert "s3cret" not in answer.text
    await api.problem("PUT", "/secrets/Crm-Key", {"value": "a"}, status=422)
    assert (await api.ok("GET", "/secrets"))["items"] == []
