"""Who a message of a step goes to, as its author writes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, StrictStr, Tag

from domain.base import Authored
from domain.fields import Address

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


def _kind(written: Any) -> str:
    if isinstance(written, ToAddresses) or (isinstance(written, dict) and "addresses" in written):
        return "as addresses"
    return "as associated" if isinstance(written, ToAssociated | dict) else "as word"


To: TypeAlias = Annotated[
    Annotated[Literal["record", "owner"], Tag("as word")]
    | Annotated[ToAssociated, Tag("as associated")]
    | Annotated[ToAddresses, Tag("as addresses")],
    Discriminator(_kind),
]
"""``record``: the enrolled contact, or the latest contact of the enrolled record; ``owner``: who owns the record."""


def is_internal(to: To) -> bool:
    """Whether it goes to people of the house, who need not agree to anything."""
    return to == "owner" or isinstance(to, ToAddresses)
