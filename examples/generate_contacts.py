"""Writes examples/data/contacts.csv: 1,000 invented people at the 85 accounts, the same ones every time.

Nobody is real: names are drawn from lists, addresses are at example.com, telephone numbers of the kind 555-01xx, which
is kept for fiction. Some rows are broken on purpose, so that an import has something to report; see ``BROKEN``.
Run ``python -m examples.generate_contacts`` to write the file anew.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

DATA = Path(__file__).parent / "data"
TARGET = DATA / "contacts.csv"
COUNT = 1000
SEED = 20170301

_FIRST_NAMES = (
    "Ada Alba Amir Anouk Arne Astrid Aya Bao Beatriz Bela Bram Camille Carlos Chidi Clara Dalia Dario Dina Edda Eli "
    "Elif Emeka Esme Farid Femi Finn Freya Gala Gustav Hana Hugo Ida Imani Ines Ivo Jana Joao Jun Kaia Kenji Lars "
    "Leila Lena Luca Maja Malik Mara Mateo Mei Milan Mina Nadia Nils Noor Olga Oscar Paula Petra Ravi Rosa Sami Sofia "
    "Tariq Tess Thea Tomas Uma Vera Wanda Yara Yusuf Zoe"
)
_LAST_NAMES = (
    "Abel Aho Almeida Andersen Aoki Bakker Banerjee Berg Bianchi Blum Castro Chen Cole Costa Dahl Diallo Dubois Eide "
    "Farouk Fischer Fontaine Garcia Haas Hansen Haddad Ito Ivanov Jansen Kaya Keller Khan Kim Kovacs Kumar Lang Larsen "
    "Lind Lopez Marin Mensah Meyer Moreau Mori Nagy Novak Nunez Okafor Olsen Ortiz Park Petrov Quist Rahman Reyes Roth "
    "Saito Santos Silva Sommer Tanaka Toth Vance Vega Vogel Weber Wolf Yilmaz Zhang"
)
JOB_TITLES = (
    "Buyer", "Head of purchasing", "IT manager", "Operations manager", "Office manager", "Finance director",
    "Chief technology officer", "Facilities lead", "Project manager", "Assistant buyer",
)  # fmt: skip
STAGES = ("subscriber", "mql", "sql", "opportunity", "customer", "other")
"""No leads: who is a lead enters the quick tour, and a fresh import should not send a hundred emails."""

# City, area code, zone of the people in the United States; area codes are real, 555-01xx numbers belong to nobody.
US_PLACES = (
    ("New York", "212", "America/New_York"),
    ("Boston", "617", "America/New_York"),
    ("Atlanta", "404", "America/New_York"),
    ("Chicago", "312", "America/Chicago"),
    ("Austin", "512", "America/Chicago"),
    ("Denver", "303", "America/Denver"),
    ("Phoenix", "602", "America/Phoenix"),
    ("Seattle", "206", "America/Los_Angeles"),
    ("San Diego", "619", "America/Los_Angeles"),
    ("Honolulu", "808", "Pacific/Honolulu"),
)
PLACES = {
    "Belgium": ("Antwerp", "Europe/Brussels"),
    "Brazil": ("Recife", "America/Recife"),
    "China": ("Chengdu", "Asia/Shanghai"),
    "Germany": ("Leipzig", "Europe/Berlin"),
    "Italy": ("Turin", "Europe/Rome"),
    "Japan": ("Sapporo", "Asia/Tokyo"),
    "Jordan": ("Amman", "Asia/Amman"),
    "Kenya": ("Nairobi", "Africa/Nairobi"),
    "Korea": ("Busan", "Asia/Seoul"),
    "Norway": ("Bergen", "Europe/Oslo"),
    "Panama": ("Colon", "America/Panama"),
    "Philipines": ("Cebu", "Asia/Manila"),
    "Poland": ("Gdansk", "Europe/Warsaw"),
    "Romania": ("Cluj-Napoca", "Europe/Bucharest"),
}

BROKEN = {
    "an address without its sign": (340, 561, 782),
    "an address taken from an earlier row": (455, 676),
    "no id": (503,),
    "a stage that does not exist": (611, 834),
    "an id taken from an earlier row": (700, 905),
    "an account that does not exist": (390, 720, 950),
    "a telephone number cut short": (41, 98, 307, 588, 869),
}
"""What is wrong with which row (counted from 1). The last two are imported all the same: the account is left out, and
the number is kept as written, so that only a text message to it is skipped."""


@dataclass(frozen=True)
class Contact:
    """One row of the file; the fields are its columns."""

    contact_id: str
    first_name: str
    last_name: str
    email: str
    phone: str
    job_title: str
    account: str
    city: str
    country: str
    timezone: str
    lifecycle_stage: str
    owner: str


def generate() -> list[Contact]:
    """The 1,000 rows in order, broken ones included."""
    chance = random.Random(SEED)  # noqa: S311 the same people every time is the point
    accounts = _read("accounts.csv")
    agents = [row["sales_agent"] for row in _read("sales_teams.csv")]
    people = chance.sample([(first, last) for first in _FIRST_NAMES.split() for last in _LAST_NAMES.split()], COUNT)
    numbers = [(place, n) for n in range(100) for place in US_PLACES]
    contacts = []
    for n, (first, last) in enumerate(people):
        # Every account has somebody before any has many.
        account = accounts[n % len(accounts)] if n < 3 * len(accounts) else chance.choice(accounts)
        (city, area, zone), number = numbers[n]
        phone = f"({area}) 555-{100 + number:04d}"
        if account["office_location"] in PLACES:
            (city, zone), phone = PLACES[account["office_location"]], ""
        contacts.append(
            Contact(
                contact_id=f"C{n + 1:04d}",
                first_name=first,
                last_name=last,
                email=f"{first}.{last}@example.com".lower(),
                phone=phone,
                job_title=chance.choice(JOB_TITLES),
                account=account["account"],
                city=city,
                country=account["office_location"].replace("Philipines", "Philippines"),
                timezone=zone,
                lifecycle_stage=chance.choice(STAGES),
                owner=chance.choice(agents),
            )
        )
    return _broken(contacts)


def _broken(contacts: list[Contact]) -> list[Contact]:
    changes: dict[str, Callable[[Contact], dict[str, str]]] = {
        "an address without its sign": lambda c: {"email": c.email.replace("@", " at ")},
        "an address taken from an earlier row": lambda c: {"email": contacts[0].email.upper()},
        "no id": lambda c: {"contact_id": ""},
        "a stage that does not exist": lambda c: {"lifecycle_stage": "prospekt"},
        "an id taken from an earlier row": lambda c: {"contact_id": contacts[4].contact_id},
        "an account that does not exist": lambda c: {"account": "Acme Corp."},
        "a telephone number cut short": lambda c: {"phone": "555-01"},
    }
    found = list(contacts)
    for what, rows in BROKEN.items():
        for row in rows:
            whole = found[row - 1]
            found[row - 1] = Contact(**{**asdict(whole), **changes[what](whole)})
    return found


def as_csv(contacts: list[Contact]) -> str:
    """The file's text, lines ending in a plain line feed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Contact)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(contact) for contact in contacts)
    return text.getvalue()


def _read(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    TARGET.write_text(as_csv(generate()), encoding="utf-8")
