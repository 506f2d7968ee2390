"""Associates records: both are locked, both directions are written, and each side gets a change of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from domain.base import Frozen, Json
from domain.builtin import can_associate
from domain.errors import Invalid, NotFound
from domain.problems import FieldError
from domain.records import StoredRecord
from services.leaving.leaving import end_all_of_pair
from store.associations import delete_pair, find_association, insert_pair, relabel_pair
from store.changes import Stamp, append_change
from store.database import Tx
from store.locks import lock_records

LABEL_LENGTH = 60


class Link(Frozen):
    """Another record to be associated with, and what the association is called."""

    object: str
    id: str
    label: str | None = None


class Stamped(Protocol):
    """A write, as far as associations need it."""

    @property
    def stamp(self) -> Stamp:
        """How its changes are marked."""
        ...


async def associate(tx: Tx, write: Stamped, record_id: str, other_id: str, label: str | None = None) -> bool:
    """Associate two records, or call their association something else; False when it is so already.

    Raises:
        NotFound: one of them is missing or deleted.
        Invalid: records of their types cannot be associated, or the label is too long.
    """
    record, other = await _lock_pair(tx, record_id, other_id)
    link = Link(object=other.object, id=other.id, label=label)
    mistakes = check_links(record.object, [link], {other.id: other}, own_id=record.id)
    if mistakes:
        raise Invalid(mistakes[0].message, errors=mistakes)
    return await _link(tx, write.stamp, record, other, label)


async def dissociate(tx: Tx, write: Stamped, record_id: str, other_id: str) -> bool:
    """End an association, and with it what runs about the one for the other; False when there is none.

    Raises:
        NotFound: one of the records is missing or deleted.
    """
    record, other = await _lock_pair(tx, record_id, other_id)
    known = await find_association(tx, record_id, other_id)
    if known is None:
        return False
    await delete_pair(tx, record_id, other_id)
    await end_all_of_pair(tx, record_id, other_id, now=write.stamp.now)
    await _tell_both(tx, write.stamp, "dissociated", (record, other), {"label": known.label})
    return True


def check_links(
    object: str, links: Sequence[Link], others: Mapping[str, StoredRecord], *, own_id: str | None = None
) -> list[FieldError]:
    """What is wrong with associations of a record of ``object``; ``others`` are the locked records they name."""
    mistakes = []
    for n, link in enumerate(links):
        other = others.get(link.id)
        if other is None or other.deleted_at is not None or other.object != link.object:
            mistakes.append(_mistake(n, "unknown_record", f"there is no {link.object} {link.id}"))
        elif link.id == own_id or link.id in {earlier.id for earlier in links[:n]}:
            mistakes.append(_mistake(n, "wrong_value", "a record is associated with another one, once"))
        elif not can_associate(object, link.object):
            mistakes.append(_mistake(n, "wrong_value", f"{object} and {link.object} cannot be associated"))
        elif link.label is not None and not 0 < len(link.label) <= LABEL_LENGTH:
            mistakes.append(_mistake(n, "wrong_value", f"a label has 1 to {LABEL_LENGTH} characters"))
    return mistakes


async def link_all(
    tx: Tx,
    stamp: Stamp,
    record: StoredRecord,
    links: Sequence[Link],
    others: Mapping[str, StoredRecord],
    *,
    created: bool = False,
) -> None:
    """Write associations that were checked; everything named is locked. ``created``: together with ``record``."""
    for link in links:
        await _link(tx, stamp, record, others[link.id], link.label, created=created)


async def _link(
    tx: Tx, stamp: Stamp, record: StoredRecord, other: StoredRecord, label: str | None, *, created: bool = False
) -> bool:
    if await insert_pair(tx, record, other, label=label, now=stamp.now):
        # One fact must fire once: the creation is judged with its associations, so these say that they came with it.
        came_with: dict[str, Json] = {"created_id": record.id} if created else {}
        await _tell_both(tx, stamp, "associated", (record, other), {"label": label, **came_with})
        return True
    known = await find_association(tx, record.id, other.id)
    if known is None or known.label == label:
        return False
    await relabel_pair(tx, record.id, other.id, label)
    # Conditions may ask for a label, so a new one is a change; what it was lets the change be judged as the edge it is.
    detail: dict[str, Json] = {"label": label, "previous_label": known.label, "relabelled": True}
    await _tell_both(tx, stamp, "associated", (record, other), detail)
    return True


async def _lock_pair(tx: Tx, record_id: str, other_id: str) -> tuple[StoredRecord, StoredRecord]:
    locked = await lock_records(tx, [record_id, other_id], write=True)
    for id in (record_id, other_id):
        if id not in locked or locked[id].deleted_at is not None:
            raise NotFound(f"there is no record {id}")
    return locked[record_id], locked[other_id]


async def _tell_both(
    tx: Tx,
    stamp: Stamp,
    kind: Literal["associated", "dissociated"],
    pair: tuple[StoredRecord, StoredRecord],
    detail: Mapping[str, Json],
) -> None:
    for one, other in sorted((pair, pair[::-1]), key=lambda sides: sides[0].id):
        about: dict[str, Json] = {"other_id": other.id, "other_object": other.object, **detail}
        await append_change(tx, one, kind, stamp, detail=about)


def _mistake(n: int, code: str, message: str) -> FieldError:
    return FieldError(path=f"/associations/{n}", code=code, message=message)
