"""delete_record: what is gone, and that nothing about it goes on."""

from __future__ import annotations

from activities.actions.delete_record import ACTION
from domain.base import Json
from services.installation import Installation
from store.enrollments import get_enrollment
from store.records import get_record
from tests.activities.calls import act
from tests.activities.properties import mistakes
from tests.builders import Standing, make_record, stand_at_action


async def _end(standing: Standing) -> tuple[str, str | None]:
    async with standing.inst.db.read() as read:
        found = await get_enrollment(read, standing.enrollment.id)
    assert found is not None
    return found.status, found.end_reason


async def _is_there(inst: Installation, id: str) -> bool:
    async with inst.db.read() as read:
        record = await get_record(read, id)
    return record is not None and record.deleted_at is None


def test_a_mistake_is_found_when_it_is_saved() -> None:
    assert mistakes(ACTION, {}) == []
    assert mistakes(ACTION, {"of": {"object": "house"}}) == [("/of/object", "unknown_object")]
    assert mistakes(ACTION, {"of": {"object": "company", "match": "none"}}) == [("/of/match", "wrong_value")]


async def test_the_record_goes_with_all_its_enrollments_and_the_visit_is_done(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"email": "ann@example.com"})
    other = await stand_at_action(installation, contact, "delete_record", {}, slug="other")
    standing = await stand_at_action(installation, contact, "delete_record", {})

    answer = await act(standing, "delete_record")
    again = await act(standing, "delete_record")

    assert (answer.kind, answer.reason) == ("left", "record_deleted")
    assert again == answer
    assert ((await standing.visit())["outcome"], (await standing.visit())["result"]) == ("done", {"records": 1})
    assert await _end(standing) == await _end(other) == ("ended", "record_deleted")
    assert not await _is_there(installation, contact.id)


async def test_the_bound_record_goes_and_ends_everybody_bound_to_it(installation: Installation) -> None:
    one, two = [await make_record(installation, "contact", {"first_name": name}) for name in ("One", "Two")]
    deal = await make_record(installation, "opportunity", {"name": "Deal"}, one, two)
    config: dict[str, Json] = {"of": {"object": "opportunity"}}
    other = await stand_at_action(installation, one, "delete_record", config, bound=deal, slug="other")
    standing = await stand_at_action(installation, two, "delete_record", config, bound=deal)

    answer = await act(standing, "delete_record")

    assert (answer.kind, answer.reason) == ("left", "bound_record_gone")
    assert await _end(standing) == await _end(other) == ("ended", "bound_record_gone")
    assert not await _is_there(installation, deal.id)


async def test_associated_records_go_and_the_enrollment_goes_on(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ann"})
    deals = [await make_record(installation, "opportunity", {"name": name}, contact) for name in ("One", "Two")]
    config: dict[str, Json] = {"of": {"object": "opportunity", "match": "all"}}
    standing = await stand_at_action(installation, contact, "delete_record", config)

    assert (await act(standing, "delete_record")).outcome == "done"

    assert [await _is_there(installation, deal.id) for deal in deals] == [False, False]
    assert (await _end(standing))[0] != "ended"


async def test_without_an_associated_record_the_step_is_skipped(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"first_name": "Ann"})
    standing = await stand_at_action(installation, contact, "delete_record", {"of": {"object": "ticket"}})

    answer = await act(standing, "delete_record")

    assert (answer.outcome, answer.reason) == ("skipped", "no_record")
