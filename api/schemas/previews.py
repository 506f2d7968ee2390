"""Requests about what would happen when."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.instants import WrittenInstant
from api.schemas.enrollments import EnrollBody
from api.schemas.records import EXAMPLE_ID, examples


class PreviewBody(EnrollBody):
    """For whom, about which opportunity or other bound record, and from when on."""

    model_config = examples(
        {"record": {"object": "contact", "id": EXAMPLE_ID}, "at": "2027-01-31T17:00:00+01:00"},
        {"record": {"object": "contact", "by": {"email": "ana@example.com"}}},
    )

    at: Annotated[WrittenInstant | None, Field(description="When it would enter; now, if left out.")] = None
