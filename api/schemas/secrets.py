"""Requests and answers about secrets; no answer holds one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, StrictInt

from api.answers import Shown
from api.schemas.records import Body, examples
from domain.base import Instant


class SecretBody(Body):
    """The value of a secret. ``overlap_hours``: for how long webhooks are signed with its former value as well."""

    model_config = examples({"value": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, {"value": "abc", "overlap_hours": 0})

    value: Annotated[SecretStr, Field(min_length=1, max_length=4096)]
    overlap_hours: Annotated[StrictInt, Field(ge=0, le=720)] = 24


class SecretView(Shown):
    """What is told of a secret. ``former_until``: until when its former value signs as well."""

    name: str
    former_until: Instant | None
    created_at: Instant
    updated_at: Instant
