"""Find-usages: which workflows, lists, emails, channels, teams and users name something, and where."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import APIRouter, Query

from api.deps import Inst, Reading, WorkflowsRead
from api.describing import refusals
from api.limits import StorableRoute
from api.schemas.usages import Usages, usage_view
from domain.errors import Invalid
from domain.problems import FieldError
from domain.usages import Thing, ThingKind
from services.authoring.usages import find_usages

router = APIRouter(prefix="/usages", tags=["usages"], route_class=StorableRoute)

Named = Annotated[str | None, Query(min_length=1, max_length=320)]
KINDS: tuple[ThingKind, ...] = get_args(ThingKind)


@router.get("", response_model=Usages, responses=refusals(404, 422))
async def show_usages(
    read: Reading,
    inst: Inst,
    _: WorkflowsRead,
    property: Annotated[str | None, Query(max_length=200, description="`contact.score`")] = None,
    list: Named = None,
    email: Named = None,
    user: Annotated[str | None, Query(max_length=320, description="By id or address.")] = None,
    team: Named = None,
    subscription: Named = None,
    workflow: Named = None,
    secret: Named = None,
    event: Named = None,
) -> Usages:
    """Where one thing is used; name exactly one."""
    given = dict(
        zip(KINDS, (property, list, email, user, team, subscription, workflow, secret, event), strict=True)
    )  # fmt: skip
    named = {kind: name for kind, name in given.items() if name is not None}
    if len(named) != 1:
        words = f"name one thing: {', '.join(KINDS)}"
        raise Invalid(words, errors=[FieldError(path="query", code="missing_field", message=words)])
    ((kind, name),) = named.items()
    return Usages(items=[usage_view(each) for each in await find_usages(read, inst, _thing(kind, name))])


def _thing(kind: ThingKind, name: str) -> Thing:
    if kind != "property":
        return Thing(kind=kind, name=name)
    object, dot, own = name.partition(".")
    if not dot:
        words = "a property is named with its object: contact.score"
        raise Invalid(words, errors=[FieldError(path="query:property", code="wrong_value", message=words)])
    return Thing(kind=kind, object=object, name=own)
