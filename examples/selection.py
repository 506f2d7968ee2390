"""Chooses what of the sample data a fresh installation is shown, and adds what the files do not say. Pure.

The slice: 40 accounts, three contacts of each, 300 opportunities of all stages. The k-th opportunity of an account
belongs to contact ((k-1) mod 3)+1 of its three; opportunities without an account belong to nobody.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from examples.generate_contacts import BROKEN

DATA = Path(__file__).parent / "data"

ACCOUNTS = 40
CONTACTS_EACH = 3
QUOTAS = {"Prospecting": 60, "Engaging": 80, "Won": 100, "Lost": 60}
"""Opportunities by stage."""

WITHOUT_ACCOUNT = 6
"""How many of each open stage have no account, as so many in the file."""

LEADS = 8
"""Contacts that enter the quick tour; enough that both arms of its split are taken."""

VALUES = (26768, 12400, 7950, 5482, 4821, 3393, 1096, 1096, 550, 55)
"""What the ten opportunities that move are worth: four above 5,000, on which the example branches."""

LAST_YEAR = 2017
"""The newest dates of the pipeline are of its last days."""

Row = dict[str, str]


@dataclass(frozen=True)
class Move:
    """An opportunity that starts to be talked about: its external id and value."""

    opportunity: str
    value: int


@dataclass(frozen=True)
class Selection:
    """Rows to import, ready for the mappings in ``examples/mappings``, and what happens to some of them afterwards.

    ``moves`` go to Engaging; the first of them is won soon after. ``leads`` are external ids of contacts.
    """

    teams: Sequence[Row]
    accounts: Sequence[Row]
    contacts: Sequence[Row]
    opportunities: Sequence[Row]
    moves: Sequence[Move]
    leads: Sequence[str]


def select() -> Selection:
    """The slice; the same every time."""
    accounts = read_rows("accounts.csv")[:ACCOUNTS]
    people = {row["account"]: _people(row["account"]) for row in accounts}
    opportunities = [_linked(row, n, people) for row, n in _counted(_opportunities(set(people)))]
    moves, talking = _moves(opportunities)
    contacts = [person for chosen in people.values() for person in chosen]
    return Selection(
        teams=read_rows("sales_teams.csv"),
        accounts=accounts,
        contacts=contacts,
        opportunities=opportunities,
        moves=moves,
        leads=[row["contact_id"] for row in contacts if row["contact_id"] not in talking][:LEADS],
    )


def shift_years(today: date) -> int:
    """How many whole years bring the dates of the pipeline as near to ``today`` as they go without passing it."""
    return today.year - LAST_YEAR - (0 if (today.month, today.day) == (12, 31) else 1)


def read_rows(name: str) -> list[Row]:
    """The rows of a file in ``examples/data``."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def as_csv(rows: Sequence[Row]) -> bytes:
    """Rows as the file they would be."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _people(account: str) -> list[Row]:
    # A telephone number cut short is worth showing: its text message is skipped. Rows that are refused are not.
    unfit = {n for what, rows in BROKEN.items() if "telephone" not in what for n in rows}
    rows = enumerate(read_rows("contacts.csv"), start=1)
    return [row for n, row in rows if row["account"] == account and n not in unfit][:CONTACTS_EACH]


def _opportunities(accounts: set[str]) -> list[Row]:
    room = dict(QUOTAS)
    alone = Counter[str]()
    chosen = []
    for row in read_rows("sales_pipeline.csv"):
        stage, account = row["deal_stage"], row["account"]
        if room[stage] == 0 or (account and account not in accounts):
            continue
        if not account:
            if alone[stage] == WITHOUT_ACCOUNT:
                continue
            alone[stage] += 1
        room[stage] -= 1
        chosen.append(row)
    return chosen


def _counted(rows: Iterable[Row]) -> Iterable[tuple[Row, int]]:
    """Each row with how many of its account came before it."""
    seen = Counter[str]()
    for row in rows:
        yield row, seen[row["account"]]
        seen[row["account"]] += 1


def _linked(row: Row, n: int, people: Mapping[str, Sequence[Row]]) -> Row:
    product = row["product"].replace("GTXPro", "GTX Pro")
    account = row["account"]
    contact = people[account][n % len(people[account])]["contact_id"] if account else ""
    return {**row, "name": f"{product} for {account}" if account else product, "contact": contact}


def _moves(opportunities: Sequence[Row]) -> tuple[list[Move], set[str]]:
    """Ten opportunities of ten contacts that have not been talked about, and all contacts that are talked to."""
    moves: list[Move] = []
    talking = {row["contact"] for row in opportunities if row["deal_stage"] == "Engaging"}
    moved = set[str]()
    for row in opportunities:
        if len(moves) == len(VALUES):
            break
        if row["deal_stage"] == "Prospecting" and row["contact"] and row["contact"] not in moved:
            moved.add(row["contact"])
            moves.append(Move(opportunity=row["opportunity_id"], value=VALUES[len(moves)]))
    return moves, talking | moved
