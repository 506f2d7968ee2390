"""What people call a record."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.base import Properties
from domain.records import StoredRecord

AT = datetime(2027, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"first_name": "Ana", "last_name": "Berg", "email": "ana@example.com"}, "Ana Berg"),
        ({"last_name": "Berg"}, "Berg"),
        ({"email": "ana@example.com", "external_id": "c1"}, "ana@example.com"),
        ({"name": "Acme", "domain": "acme.example.com"}, "Acme"),
        ({"subject": "Printer", "external_id": "t1"}, "Printer"),
        ({"external_id": "o1", "close_value": 3}, "o1"),
        ({"close_value": 3}, None),
    ],
)
def test_a_record_is_called_by_what_it_holds(properties: Properties, name: str | None) -> None:
    record = StoredRecord(id="r", object="contact", properties=properties, version=1, created_at=AT, updated_at=AT)
    assert record.display_name == name
