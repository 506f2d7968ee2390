"""dissociate_records: which associations end, and what ends with them."""

from __future__ import annotations

from activities.actions.dissociate_records import ACTION
from domain.base import Json
from services.installation import Installation
from store.associations import find_association
from store.enrollments import get_enrollment
from tests.activities.calls import act
from tests.activities.properties import mistakes
from tests.builders import make_record, stand_at_action


def test_a_mistake_is_found_when_it_is_saved() -> None:
    assert mistakes(ACTION, {"other": {"object": "company"}}) == []
    assert mistakes(ACTION, {"other": {"object": "contact"}}) == [("/other/object", "wrong_value")]
    assert mistakes(ACTION, {"other": {"object": "house"}}) == [("/other/object", "unknown_object")]


async def test_the_latest_association_ends_and_the_others_stay(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    old = await make_record(installation, "company", {"name": "Old"}, contact)
    new = await make_record(installation, "company", {"name": "New"}, contact)
    config: dict[str, Json] = {"other": {"object": "company", "match": "latest"}}
    standing = await stand_at_action(installation, contact, "dissociate_records", config)

    assert await act(standing, "dissociate_records") == await act(standing, "dissociate_records")

    async with installation.db.read() as read:
        assert await find_association(read, contact.id, old.id) is not None
        assert await find_association(read, contact.id, new.id) is None
    assert (await standing.visit())["result"] == {"records": 1}


async def test_an_association_with_the_bound_record_ends_every_enrollment_about_it_the_own_one_last_seen_as_done(
    installation: Installation,
) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    deal = await make_record(installation, "opportunity", {"name": "Deal"}, contact)
    config: dict[str, Json] = {"other": {"object": "opportunity"}}
    other = await stand_at_action(installation, contact, "dissociate_records", config, bound=deal, slug="other")
    standing = await stand_at_action(installation, contact, "dissociate_records", config, bound=deal)

    answer = await act(standing, "dissociate_records")

    assert (answer.kind, answer.reason) == ("left", "bound_record_gone")
    assert (await standing.visit())["outcome"] == "done"
    async with installation.db.read() as read:
        assert await find_association(read, contact.id, deal.id) is None
        for each in (standing, other):
            enrollment = await get_enrollment(read, each.enrollment.id)
            assert enrollment is not None
            assert (enrollment.status, enrollment.end_reason) == ("ended", "bound_record_gone")
