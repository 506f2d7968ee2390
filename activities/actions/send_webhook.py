"""Calls an address outside, once per visit as far as the receiver goes by the key it gets.

Outside, queue ``ft-webhook``, one ledger row per visit. Every attempt bears the effect key as ``Idempotency-Key`` (and
``webhook-id``). 2xx is done; 429, 5xx and an address that is away are tried again for three days; all else is refused.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Annotated, Literal, TypeAlias
from urllib.parse import quote

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from activities.action import Action, Outputs, OutsideContext, templates_of
from domain.base import Authored, Json
from domain.callbacks import VARIABLE
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.errors import StepFailed
from domain.fields import LiquidJson, LiquidText, SecretName
from domain.hooks import pointer_problem
from domain.links import Link
from domain.lost_answers import OnUnknown
from domain.messages import StepAnswer
from domain.names import QUEUE_WEBHOOK, property_key
from domain.plan import Policy
from domain.ports import WebhookAnswer, WebhookRequest
from domain.reader import join
from domain.webhooks import (
    FIRST_RETRY_S,
    GIVE_UP_S,
    HEADER_NAME,
    LARGEST_GAP_S,
    OURS,
    output,
    read_address,
    signature,
)
from services.links import address_of_link
from services.running.calling import Outgoing, attempt_call
from services.running.documents import render_document
from services.running.inside import Inside
from services.running.settling import key_of
from services.running.variables import load_variables, roots_of
from store.database import Read
from store.secrets import Secret, load_secrets

WITHOUT_BODY = frozenset({"GET", "HEAD"})
STATUS = "status"
HIDDEN = "…"
"""What stands where an answer repeats a secret."""


class SecretText(Authored):
    """A secret of the installation, with words before it: ``{secret: crm_key, before: "Bearer "}``."""

    secret: SecretName
    before: StrictStr = ""


class Output(Authored):
    """A field of the answer that later steps can use."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    at: StrictStr
    type: Literal["string", "number", "bool"] = "string"


Text: TypeAlias = LiquidText | SecretText
Plain: TypeAlias = LiquidText | StrictBool | StrictInt | StrictFloat | SecretText


class SendWebhookConfig(ActionConfig):
    """What is called, with which content, and what is taken from the answer."""

    url: LiquidText = Field(
        title="Address", description="https://…, as a template; use url_encode for values in its path.", min_length=1
    )
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = Field(
        default="POST", title="Method", description="The verb; GET and HEAD have no body."
    )
    query: dict[StrictStr, Plain] = Field(
        default={}, title="Query", description="Values behind the ? of the address, by name; they are encoded."
    )
    headers: dict[StrictStr, Text] = Field(
        default={}, title="Headers", description="By name: a template, or {secret: name, before: 'Bearer '}."
    )
    properties: Literal["all"] | list[StrictStr] | None = Field(
        default=None, title="Properties", description="The body is the record with these properties, as JSON."
    )
    document: LiquidJson = Field(
        default=None,
        title="Document",
        description="The body is this JSON; its texts are templates, and one that is only {{ a.b }} becomes the value.",
    )
    body: LiquidText | None = Field(default=None, title="Body", description="The body is this text, as a template.")
    sign_with: SecretName | None = Field(
        default=None, title="Sign with", description="A secret (whsec_…) to sign with, as Standard Webhooks do."
    )
    outputs: list[Output] = Field(
        default=[],
        title="Outputs",
        description="Fields of the JSON answer for later steps: name, at (JSON Pointer), type (string, number, bool).",
        max_length=50,
    )
    follow_redirects: StrictBool = Field(
        default=False, title="Follow redirects", description="Go where the answer sends to; secrets stay behind."
    )
    on_unknown: OnUnknown = Field(
        default="resend",
        title="When the answer is lost",
        description="Call again with the same key, leave it at unknown and go on, or ask somebody and wait.",
    )


def check(config: SendWebhookConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find an address that cannot be called, content that does not go together, and wrong names."""
    if "{{" not in config.url and "{%" not in config.url:
        try:
            read_address(config.url)
        except ValueError as wrong:
            yield Finding(path="/url", code="wrong_value", message=str(wrong))
    contents = [name for name in ("properties", "document", "body") if getattr(config, name) is not None]
    for name in contents[1:]:
        words = f"a call has one body: {contents[0]} or {name}"
        yield Finding(path=f"/{name}", code="wrong_value", message=words)
    if contents and config.method in WITHOUT_BODY:
        words = f"{config.method} has no body; use query, or another method"
        yield Finding(path=f"/{contents[0]}", code="wrong_value", message=words)
    for i, name in enumerate(config.properties if isinstance(config.properties, list) else ()):
        if scope.schema_.property(scope.object, name) is None:
            words = f"{scope.object} has no property {name!r}"
            yield Finding(path=f"/properties/{i}", code="unknown_property", message=words)
    yield from _header_findings(config)
    yield from _output_findings(config)


def _header_findings(config: SendWebhookConfig) -> Iterable[Finding]:
    seen: set[str] = set()
    for name in config.headers:
        path = join("/headers", name)
        if HEADER_NAME.fullmatch(name) is None:
            yield Finding(path=path, code="wrong_value", message=f"{name!r} is no name of a header")
        elif name.lower() in OURS:
            yield Finding(path=path, code="wrong_value", message=f"{name} is set by Followthrough itself")
        elif name.lower() in seen:
            yield Finding(path=path, code="duplicate_id", message=f"the header {name} is there twice")
        seen.add(name.lower())


def _output_findings(config: SendWebhookConfig) -> Iterable[Finding]:
    seen: set[str] = {STATUS}
    for i, each in enumerate(config.outputs):
        if each.name in seen:
            words = "every answer has this output" if each.name == STATUS else f"the output {each.name} is there twice"
            yield Finding(path=f"/outputs/{i}/name", code="duplicate_id", message=words)
        seen.add(each.name)
        if (problem := pointer_problem(each.at)) is not None:
            yield Finding(path=f"/outputs/{i}/at", code="wrong_value", message=problem)


def reads(config: SendWebhookConfig, scope: ConfigScope) -> Iterable[str]:
    """Properties that are sent."""
    listed = config.properties if isinstance(config.properties, list) else ()
    return (property_key(scope.object, name) for name in listed)


async def run(context: OutsideContext, config: SendWebhookConfig) -> StepAnswer:
    """Make one attempt at the call."""
    roots = roots_of(context.inst.templates, *templates_of(config))
    hidden: set[str] = set()
    outgoing = Outgoing(
        objects=roots - {VARIABLE},
        write=partial(_write, context, config, roots, hidden),
        read=partial(read_outputs, config, hidden),
        resends=config.on_unknown == "resend",
        asks=config.on_unknown == "ask",
    )
    return await attempt_call(context.inst, context.call, outgoing)


async def _write(
    context: OutsideContext,
    config: SendWebhookConfig,
    roots: Collection[str],
    hidden: set[str],
    read: Read,
    inside: Inside,
) -> WebhookRequest:
    """The complete call; ``hidden`` gets every secret that is in it.

    Raises:
        StepFailed: ``bad_template``, ``broken_reference`` (no such secret, or none to sign with), ``wrong_value``.
    """
    call = context.call
    variables = await load_variables(read, inside, roots)
    if VARIABLE in roots:
        link = Link(purpose="callback", key=key_of(call))
        variables[VARIABLE] = {"url": address_of_link(context.inst, inside.account, link)}
    writing = _Writing(context, variables, await _secrets(read, context, config))
    hidden |= {value for secret in writing.secrets.values() for value in secret.values}
    body, kind = _body(writing, config, inside)
    private = {name.lower() for name, value in config.headers.items() if isinstance(value, SecretText)}
    key = key_of(call)
    headers = {"Content-Type": kind} if body is not None else {}
    given = {name: _header(name, writing.text(value)) for name, value in config.headers.items()}
    named = {name.lower() for name in given}
    headers = {name: value for name, value in headers.items() if name.lower() not in named} | given
    headers |= {"Idempotency-Key": key}
    if config.sign_with is not None:
        try:
            signed = signature(writing.secrets[config.sign_with].values, key, call.now, body or b"")
        except ValueError as wrong:
            raise StepFailed("broken_reference", f"secret {config.sign_with!r}: {wrong}") from None
        stamp = str(int(call.now.timestamp()))
        headers |= {"webhook-id": key, "webhook-timestamp": stamp, "webhook-signature": signed}
    return WebhookRequest(
        key=key,
        method=config.method,
        url=_url(writing, config),
        headers=headers,
        private=frozenset({*private, "authorization", "cookie"}),
        body=body,
        follow_redirects=config.follow_redirects,
    )


class _Writing:
    """What texts of a call are written with."""

    def __init__(self, context: OutsideContext, variables: Mapping[str, Json], secrets: Mapping[str, Secret]) -> None:
        self.secrets = secrets
        self._templates = context.inst.templates
        self._variables = variables

    def text(self, value: Plain) -> str:
        match value:
            case SecretText():
                return value.before + self.secrets[value.secret].value
            case str():
                return self._templates.render(value, self._variables, html=False)
            case bool():
                return "true" if value else "false"
        return str(value)

    def json(self, document: Json) -> Json:
        return render_document(self._templates, document, self._variables)


async def _secrets(read: Read, context: OutsideContext, config: SendWebhookConfig) -> dict[str, Secret]:
    texts = (*config.headers.values(), *config.query.values())
    names = {value.secret for value in texts if isinstance(value, SecretText)}
    names |= {config.sign_with} if config.sign_with is not None else set()
    found = await load_secrets(read, names, now=context.call.now)
    for name in sorted(names - found.keys()):
        raise StepFailed("broken_reference", f"there is no secret {name!r}")
    return found


def _body(writing: _Writing, config: SendWebhookConfig, inside: Inside) -> tuple[bytes | None, str]:
    document: Json = None
    if config.body is not None:
        return writing.text(config.body).encode(), "text/plain; charset=utf-8"
    if config.document is not None:
        document = writing.json(config.document)
    elif config.properties is not None:
        record = inside.facts.record
        known = inside.facts.schema_.objects[record.object].properties
        wanted = known if config.properties == "all" else config.properties
        properties: Json = {name: record.properties.get(name) for name in wanted}
        document = {"object": record.object, "id": record.id, "properties": properties}
    else:
        return None, ""
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False).encode(), "application/json"
    except ValueError as wrong:
        raise StepFailed("wrong_value", "the body cannot be written as JSON") from wrong


def _header(name: str, value: str) -> str:
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in value):
        raise StepFailed("wrong_value", f"the header {name} would hold a line break")
    return value.strip()


def _url(writing: _Writing, config: SendWebhookConfig) -> str:
    url = writing.text(config.url)
    given = "&".join(
        f"{quote(name, safe='')}={quote(writing.text(value), safe='')}" for name, value in sorted(config.query.items())
    )
    try:
        read_address(url)
    except ValueError as wrong:
        raise StepFailed("wrong_value", str(wrong)) from None
    url = url.partition("#")[0]
    return url + ("&" if "?" in url else "?") * bool(given) + given


def read_outputs(config: SendWebhookConfig, hidden: Collection[str], answer: WebhookAnswer) -> Outputs:
    """The fields of an answer that are outputs; one that is not there, or of another kind, is null."""
    document: Json = None
    if config.outputs and not answer.is_cut:
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
    found = {each.name: output(document, each.at, each.type)[0] for each in config.outputs}
    return {name: _without(hidden, value) for name, value in found.items()}


def _without(hidden: Collection[str], value: Json) -> Json:
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, HIDDEN)
    return value


ACTION = Action(
    name="send_webhook",
    title="Send a webhook",
    description="Calls an address outside with data of the record, and keeps fields of the answer for later steps.",
    effect="outside",
    config=SendWebhookConfig,
    run=run,
    queue=QUEUE_WEBHOOK,
    policy=Policy(
        start_to_close_s=120, schedule_to_close_s=GIVE_UP_S, first_retry_s=FIRST_RETRY_S, max_retry_s=LARGEST_GAP_S
    ),
    outcomes=(
        "done: status, and the outputs of the config (null where the answer has no such field)",
        "skipped: no_record",
        "failed: rejected (also an address out of bounds), gave_up, unknown, bad_template, broken_reference, "
        "wrong_value",
    ),
    variables={VARIABLE: frozenset({"url"})},
    check=check,
    reads=reads,
)
