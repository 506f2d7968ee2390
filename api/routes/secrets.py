"""Secrets that steps name: written here, used where a step calls an address, never read back."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import answer
from api.deps import Admin, Inst, Reading
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.schemas.secrets import SecretBody, SecretView
from domain.errors import Invalid, NotFound
from domain.problems import FieldError
from services.auditing import audited
from store import secrets as rows

router = APIRouter(prefix="/secrets", route_class=StorableRoute, tags=["secrets"])

Name = Annotated[str, Path(max_length=63, pattern=r"^[a-z][a-z0-9_]{0,62}$", examples=["crm_key"])]


@router.get("", response_model=Page[SecretView])
async def list_secrets(read: Reading, _: Admin, paging: Paged) -> Page[SecretView]:
    """The names of secrets, in alphabetical order."""
    found = await rows.page_secrets(read, after=paging.after, limit=paging.fetch)
    return page(found, paging, _view, key=lambda each: each.name)


@router.put("/{name}", response_model=SecretView)
async def put_secret(name: Name, body: SecretBody, inst: Inst, caller: Admin) -> Response:
    """Write a secret, or give it another value, which steps use from their next attempt on."""
    value, now = body.value.get_secret_value(), inst.clock.now()
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in value):
        message = "a secret holds no line breaks and no control characters"
        raise Invalid(message, errors=[FieldError(path="/value", code="wrong_value", message=message)])
    until = now + timedelta(hours=body.overlap_hours) if body.overlap_hours else None
    async with inst.db.transaction() as tx, audited(tx, caller.author, "secret.set", name, now=now):
        made = await rows.put_secret(tx, name, value, overlap_until=until, now=now)
    return answer(_view(made)).response()


@router.delete("/{name}", status_code=204)
async def delete_secret(name: Name, inst: Inst, caller: Admin) -> Response:
    """Forget a secret; steps that name it fail with `broken_reference`."""
    async with (
        inst.db.transaction() as tx,
        audited(tx, caller.author, "secret.deleted", name, now=inst.clock.now()),
    ):
        if not await rows.delete_secret(tx, name):
            raise NotFound(f"there is no secret {name}")
    return answer(None).response()


def _view(secret: rows.SecretName) -> SecretView:
    return SecretView(
        name=secret.name,
        former_until=secret.previous_until,
        created_at=secret.created_at,
        updated_at=secret.updated_at,
    )
