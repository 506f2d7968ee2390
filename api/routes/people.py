"""API keys and the account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Admin, Inst, Reading, SetUpRead
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.schemas.people import AccountPatch, AccountView, KeyBody, KeyView, NewKeyView
from domain.concerns import Part
from domain.errors import Invalid, NotFound
from domain.headers import name_problem
from domain.ports import Addresses
from domain.problems import FieldError
from domain.settings_rules import holiday_problems, pause_date_problems, window_problems
from domain.sms_numbers import sender_problem
from domain.zones import is_zone
from services.auditing import audited
from services.authoring.live import tell_account_changed
from services.records.keys import add_key
from services.recurring.recurring import recur_in_another_zone
from store import people
from store.database import Read, Tx
from store.schema import load_account, update_account

router = APIRouter(route_class=StorableRoute)

DEFAULTS_FOR_TIME: frozenset[Part] = frozenset({"timezone", "window", "pause_dates", "holidays"})
"""Fields of the account that move the clocks of whoever waits."""
DOCUMENTS = frozenset({"window", "pause_dates", "holidays", "frequency_caps"})
"""Those that are written as in a definition, and that null takes away."""


@router.get("/api-keys", response_model=Page[KeyView], tags=["account"])
async def list_keys(read: Reading, _: Admin, paging: Paged) -> Page[KeyView]:
    """API keys without their secrets, revoked ones included."""
    found = await people.list_keys(read, after=paging.after, limit=paging.fetch)
    return page(found, paging, _key_view, key=lambda key: key.id)


@router.post("/api-keys", status_code=201, response_model=NewKeyView, tags=["account"])
async def create_key(body: KeyBody, inst: Inst, caller: Admin, once: OnlyOnce) -> Response:
    """Make a key for a program, by scopes, or for a user, by their role.

    Its secret is shown in this answer only; a repeated call answers without it.
    """

    async def work(tx: Tx) -> Answer:
        key, secret = await add_key(
            tx, caller.author, body.name, scopes=body.scopes, user_id=body.user_id, now=inst.clock.now()
        )
        shown = NewKeyView(**_key_view(key).model_dump(), key=secret)
        hidden = shown.model_copy(update={"key": None})
        return answer(shown, 201, headers={"Location": f"/api/v1/api-keys/{key.id}"}, kept=hidden)

    return await once.run(work)


@router.delete("/api-keys/{key_id}", status_code=204, tags=["account"])
async def revoke_key(key_id: Annotated[str, Path(max_length=36)], inst: Inst, caller: Admin) -> Response:
    """Revoke a key; it is refused from the next request on."""
    async with inst.db.transaction() as tx:
        now = inst.clock.now()
        async with audited(tx, caller.author, "key.revoked", key_id, now=now):
            if not await people.revoke_key(tx, key_id, now):
                raise NotFound(f"there is no API key {key_id} in use")
    return answer(None).response()


@router.get("/account", response_model=AccountView, tags=["account"])
async def show_account(read: Reading, _: SetUpRead) -> AccountView:
    """What holds for the whole installation."""
    return await _account_view(read)


@router.patch("/account", response_model=AccountView, tags=["account"])
async def change_account(body: AccountPatch, inst: Inst, caller: Admin) -> Response:
    """Change it; fields that are not sent stay. Whoever waits by a default that changed is timed anew."""
    # The columns of windows and pause dates hold documents, the others values.
    values = {
        **body.model_dump(exclude_unset=True),
        **body.model_dump(include=set(DOCUMENTS), exclude_unset=True, by_alias=True),
    }
    values = {name: value for name, value in values.items() if value is not None or name in DOCUMENTS}
    wrong = [
        *window_problems(body.window),
        *pause_date_problems(body.pause_dates or []),
        *holiday_problems(body.holidays, inst.holidays),
    ]
    if wrong:
        raise Invalid(wrong[0].message, errors=wrong)
    if body.timezone is not None and not is_zone(body.timezone):
        raise _wrong("/timezone", "wrong_zone", f"{body.timezone} is no IANA time zone")
    if body.mail_from is not None:
        _check_address(inst.addresses, body.mail_from, "/mail_from")
    _refuse_if(name_problem(body.mail_from_name or ""), "/mail_from_name")
    _refuse_if(sender_problem(body.sms_from) if body.sms_from is not None else None, "/sms_from")
    async with inst.db.transaction() as tx:
        now = inst.clock.now()
        async with audited(tx, caller.author, "account.changed", "account", now=now):
            before = await load_account(tx)
            if body.timezone not in (None, before.timezone):
                await recur_in_another_zone(tx, inst, now=now)
            if values:
                await update_account(tx, **values)
            parts = {name for name in DEFAULTS_FOR_TIME if name in values and getattr(before, name) != values[name]}
            if parts:
                await tell_account_changed(tx, parts, cause=caller.cause, now=now)
        shown = await _account_view(tx)
    return answer(shown).response()


async def _account_view(read: Read) -> AccountView:
    account = await load_account(read)
    return AccountView(**{name: getattr(account, name) for name in AccountView.model_fields})


def _key_view(key: people.ApiKey) -> KeyView:
    return KeyView(**{**key.model_dump(), "scopes": list(key.scopes)})


def _check_address(addresses: Addresses, written: str, path: str) -> None:
    _refuse_if(addresses.problem(written), path)


def _refuse_if(problem: str | None, path: str) -> None:
    if problem is not None:
        raise _wrong(path, "wrong_value", problem)


def _wrong(path: str, code: str, message: str) -> Invalid:
    return Invalid(message, errors=[FieldError(path=path, code=code, message=message)])
