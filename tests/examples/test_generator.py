from __future__ import annotations

import csv
from collections import Counter
from datetime import date

from examples.generate_contacts import BROKEN, COUNT, DATA, TARGET, Contact, as_csv, generate
from examples.selection import ACCOUNTS, CONTACTS_EACH, LEADS, QUOTAS, select, shift_years
from gateways.phones import LibPhones


def whole() -> list[Contact]:
    broken = {n for rows in BROKEN.values() for n in rows}
    return [contact for n, contact in enumerate(generate(), start=1) if n not in broken]


def accounts() -> set[str]:
    with (DATA / "accounts.csv").open(encoding="utf-8", newline="") as file:
        return {row["account"] for row in csv.DictReader(file)}


def test_the_committed_file_is_what_the_generator_writes() -> None:
    assert TARGET.read_text(encoding="utf-8") == as_csv(generate())


def test_every_account_has_people_and_nobody_is_there_twice() -> None:
    contacts = generate()

    assert len(contacts) == COUNT
    assert {contact.account for contact in whole()} == accounts()
    assert len({contact.email for contact in whole()}) == len(whole())
    assert all(contact.email.endswith("@example.com") for contact in whole())


def test_every_whole_telephone_number_is_valid_and_fictitious() -> None:
    phones = LibPhones()
    numbers = [contact.phone for contact in whole() if contact.phone]

    assert len(numbers) > COUNT // 2
    assert {phones.e164(number, "US") is not None for number in numbers} == {True}
    assert all("555-01" in number for number in numbers)
    assert phones.e164("555-01", "US") is None


def test_nobody_is_a_lead_before_the_quick_tour() -> None:
    assert "lead" not in {contact.lifecycle_stage for contact in generate()}


def test_the_slice_has_its_sizes_and_all_stages() -> None:
    selection = select()

    assert len(selection.accounts) == ACCOUNTS
    assert len(selection.contacts) == ACCOUNTS * CONTACTS_EACH
    assert Counter(row["deal_stage"] for row in selection.opportunities) == QUOTAS
    assert sum(QUOTAS.values()) == 300


def test_the_kth_opportunity_of_an_account_belongs_to_its_contacts_in_turn() -> None:
    selection = select()
    for account in {row["account"] for row in selection.accounts}:
        people = [row["contact_id"] for row in selection.contacts if row["account"] == account]
        given = [row["contact"] for row in selection.opportunities if row["account"] == account]
        assert given == [people[k % CONTACTS_EACH] for k in range(len(given))]
    assert {row["contact"] for row in selection.opportunities if not row["account"]} == {""}


def test_ten_opportunities_of_ten_contacts_move_and_four_are_large() -> None:
    selection = select()
    contact_of = {row["opportunity_id"]: row["contact"] for row in selection.opportunities}
    stage_of = {row["opportunity_id"]: row["deal_stage"] for row in selection.opportunities}

    assert len({contact_of[move.opportunity] for move in selection.moves}) == 10
    assert {stage_of[move.opportunity] for move in selection.moves} == {"Prospecting"}
    assert sum(move.value > 5000 for move in selection.moves) == 4


def test_the_quick_tour_is_for_contacts_that_are_in_no_other_workflow() -> None:
    selection = select()
    talking = {row["contact"] for row in selection.opportunities if row["deal_stage"] == "Engaging"}
    moved = {
        row["contact"]
        for row in selection.opportunities
        if row["opportunity_id"] in {m.opportunity for m in selection.moves}
    }

    assert len(selection.leads) == LEADS
    assert not set(selection.leads) & (talking | moved)


def test_dates_come_near_to_today_and_never_pass_it() -> None:
    assert shift_years(date(2026, 11, 22)) == 8
    assert shift_years(date(2026, 12, 31)) == 9
