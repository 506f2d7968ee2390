"""Who a message of a step goes to, as its author writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, StrictStr, Tag

from domain.base import Authored
from domain.fields import Address
from domain.names import association_key, property_key

MOST_ADDRESSES = 20


class AssociatedContacts(Authored):
    """Contacts associated with the enrolled record, under a label if one is given: all of them, or the latest."""

    object: Literal["contact"] = "contact"
    label: StrictStr | None = None
    match: Literal["all", "latest"] = "all"


class ToAssociated(Authored):
    """To associated contacts."""

    associated: AssociatedContacts


class ToAddresses(Authored):
    """To addresses that are always the same."""

    addresses: Annotated[list[Address], Field(min_length=1, max_length=MOST_ADDRESSES)]


class ToNumbers(Authored):
    """To telephone numbers that are always the same, in international form."""

    numbers: Annotated[list[StrictStr], Field(min_length=1, max_length=MOST_ADDRESSES)]


def _kind(written: Any) -> str:
    if isinstance(written, ToAddresses) or (isinstance(written, dict) and "addresses" in written):
        return "as addresses"
    if isinstance(written, ToNumbers) or (isinstance(written, dict) and "numbers" in written):
        return "as numbers"
    return "as associated" if isinstance(written, ToAssociated | dict) else "as word"


To: TypeAlias = Annotated[
    Annotated[Literal["record", "owner"], Tag("as word")]
    | Annotated[ToAssociated, Tag("as associated")]
    | Annotated[ToAddresses, Tag("as addresses")],
    Discriminator(_kind),
]
"""``record``: the enrolled contact, or the latest contact of the enrolled record; ``owner``: who owns the record."""

TextTo: TypeAlias = Annotated[
    Annotated[Literal["record", "owner"], Tag("as word")]
    | Annotated[ToAssociated, Tag("as associated")]
    | Annotated[ToNumbers, Tag("as numbers")],
    Discriminator(_kind),
]
"""The same for text messages."""


def is_internal(to: To | TextTo) -> bool:
    """Whether it goes to people of the house, who need not agree to anything."""
    return to == "owner" or isinstance(to, ToAddresses | ToNumbers)


def reads_of(to: To | TextTo, object: str) -> Iterator[str]:
    """Interest keys of what decides who gets it, in a workflow about ``object``."""
    if to == "owner":
        yield property_key(object, "owner")
    if isinstance(to, ToAssociated):
        yield association_key(object, to.associated.object)
