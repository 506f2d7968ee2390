"""Everything a definition may refer to, as frozen data: object types, actions, users, workflows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from domain.base import Authored, Frozen, Json
from domain.definition import Parameter
from domain.emails import KnownEmail
from domain.plan import Policy
from domain.ports import Addresses, Holidays, Markup, Templates
from domain.problems import ProblemCode
from domain.schema import Schema

Effect: TypeAlias = Literal["inside", "outside"]


class ActionConfig(Authored):
    """Base of every action's config model; field titles and descriptions are the form."""


class Finding(Frozen):
    """One mistake in an action config: ``path`` is relative to the config, as a JSON Pointer (``/property``)."""

    path: str
    code: ProblemCode
    message: str


class KnownWorkflow(Frozen):
    """What an action that names a workflow has to know of it: whom it is about, and what whoever enters is given.

    ``parameters`` None: it was never published, so nobody can say yet.
    """

    object: str
    parameters: tuple[Parameter, ...] | None = None


class ConfigScope(Frozen):
    """Where an action config stands: the installation's schema, the workflow's object, and what may be bound.

    ``slug`` and ``parameters`` are the workflow's own; ``workflows`` are those there are, by slug. ``lists`` and
    ``subscription_types`` as in ``Catalogue``, and ``users``, without which anybody is taken to be one. ``steps``: the
    workflow's own, and whether they give outputs.
    """

    schema_: Schema
    object: str
    bound_objects: tuple[str, ...] = ()
    slug: str = ""
    parameters: tuple[Parameter, ...] = ()
    workflows: Mapping[str, KnownWorkflow] = {}
    lists: Mapping[str, str] = {}
    dynamic_lists: frozenset[str] = frozenset()
    subscription_types: Mapping[str, bool] = {}
    users: frozenset[str] | None = None
    steps: Mapping[str, bool] = {}


def never(config: ActionConfig) -> bool:
    """Of an action that can wait its turn, however it is configured."""
    return False


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """An action as validation, compilation and the catalogue know it; how it runs stays in activities/actions.

    ``check`` finds what field markers (``domain.fields``) cannot; ``reads`` lists interest keys the config reads
    beyond its templates. ``outcomes`` are words for the reference. ``variables``: what only its templates may read.
    ``is_urgent``: whether somebody waits for it, so that it leaves before others of its queue. ``internal``: what it
    sends goes to people of the house: neither hours for messages nor ``skip_sends`` concern it.
    ``events``: names of those that say what became of what it made, and know its step.
    """

    name: str
    title: str
    description: str
    effect: Effect
    config: type[ActionConfig]
    queue: str
    policy: Policy | None
    outcomes: tuple[str, ...]
    check: Callable[[ActionConfig, ConfigScope], Iterable[Finding]]
    reads: Callable[[ActionConfig, ConfigScope], Iterable[str]]
    variables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    is_urgent: Callable[[ActionConfig], bool] = never
    internal: bool = False
    events: tuple[str, ...] = ()

    def json_schema(self) -> dict[str, Json]:
        """The JSON Schema of the config, as the editor's form and the reference read it."""
        schema: dict[str, Json] = self.config.model_json_schema()
        return schema


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What validation looks names up in.

    ``users`` are the ids of active users, ``workflows`` those there are by slug, ``lists`` maps slug -> object type
    (``dynamic_lists`` are those of them that follow a condition),
    ``subscription_types`` slug -> whether it is archived, ``internal_types`` those of them that are not for marketing.
    ``teams`` slug -> whether it is archived. ``emails`` are the reusable ones by slug, ``secrets`` are names,
    ``managed`` the slugs of workflows that belong to a stage.
    Without ``holidays`` any country is taken to have a calendar, without ``addresses`` any line to be an address,
    without ``markup`` any MJML to be right.
    """

    schema: Schema
    actions: dict[str, ActionSpec]
    templates: Templates
    users: frozenset[str]
    workflows: Mapping[str, KnownWorkflow]
    lists: Mapping[str, str] = field(default_factory=dict)
    dynamic_lists: frozenset[str] = frozenset()
    subscription_types: Mapping[str, bool] = field(default_factory=dict)
    internal_types: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    holidays: Holidays | None = None
    addresses: Addresses | None = None
    markup: Markup | None = None
    emails: Mapping[str, KnownEmail] = field(default_factory=dict)
    teams: Mapping[str, bool] = field(default_factory=dict)
    managed: frozenset[str] = frozenset()
