"""The settings of one installation, read once from the environment by the composition roots.

Every variable starts with ``FOLLOWTHROUGH_``. Everything that is wrong is reported at once, by the variable's name.
"""

from __future__ import annotations

import base64
import os
import re
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "FOLLOWTHROUGH_"
CLIENT_VARIABLES = frozenset({"FOLLOWTHROUGH_URL", "FOLLOWTHROUGH_API_KEY"})
"""Variables with our prefix that belong to the command line client, not to the installation."""

MIN_KEY_LENGTH = 20
"""Shorter bootstrap keys could be guessed."""

PAYLOAD_KEY_NAME = r"[A-Za-z0-9._-]{1,40}"
KEY_BYTES = 32
"""What AES-256 wants."""

MAIL_SCHEMES = ("outbox", "smtp", "smtps")
SMS_SCHEMES = ("outbox", "twilio")
INBOUND_SCHEMES = ("smtp", "lmtp")
DATABASE_SCHEMES = ("sqlite", "sqlite+aiosqlite", "postgresql", "postgresql+asyncpg")
TRACING_LIBRARIES = ("opentelemetry.sdk", "opentelemetry.exporter")

Port = Annotated[int, Field(ge=1, le=65535)]
Days = Annotated[int, Field(ge=1, le=36_500)]
PerMinute = Annotated[int, Field(ge=0, le=1_000_000)]
PerSecond = Annotated[float, Field(allow_inf_nan=False)]


class SettingsError(Exception):
    """The environment cannot be used; ``problems`` has one line per variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("These settings cannot be used:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = problems


class Settings(BaseSettings):
    """One installation. Paths are absolute; ``database_url`` and ``temporal_address`` are derived when not given."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    data_dir: Path = Path("data")
    database_url: str = ""
    api_host: str = "127.0.0.1"
    api_port: Port = 8080
    public_url: str = ""
    temporal_address: str = ""
    temporal_namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{1,99}$")] = "followthrough"
    temporal_port: Port = 7233
    temporal_ui_port: Port = 8233
    temporal_ui_url: str = ""
    temporal_retention_days: Days = 30
    history_days: Days = 730
    log_level: Literal["info", "warning", "error"] = "info"
    traces_url: str = ""
    metrics_address: str = ""
    sdk_metrics_address: str = ""
    mail_url: SecretStr = SecretStr("outbox:")
    sms_url: SecretStr = SecretStr("outbox:")
    reply_address: str = ""
    bounces_to: Literal["sender", "reply_address"] = "sender"
    inbound_smtp: str = ""
    dkim_domain: str = ""
    dkim_selector: str = ""
    dkim_key_file: Path | None = None
    bootstrap_key: SecretStr | None = None
    link_keys: SecretStr = SecretStr("")
    encryption_keys: SecretStr = SecretStr("")
    sample: Literal["on", "off"] = "on"
    sample_mail_domains: Annotated[tuple[str, ...], NoDecode] = ()
    webhook_allow: Annotated[tuple[str, ...], NoDecode] = ()
    mail_per_second: PerSecond | None = None
    sms_per_second: PerSecond | None = None
    webhook_per_second: PerSecond | None = None
    refused_per_minute: PerMinute = 60
    link_opens_per_minute: PerMinute = 120
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()

    @field_validator("data_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("sample_mail_domains", "webhook_allow", "trusted_proxies", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_small_letters(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("traces_url")
    @classmethod
    def _collector(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
            raise ValueError("must be an http or https address without a login, such as http://collector:4318")
        if any(find_spec(name) is None for name in TRACING_LIBRARIES):
            raise ValueError("traces need libraries that are not installed: pip install followthrough[tracing]")
        return value if parts.path.strip("/") else f"{value.rstrip('/')}/v1/traces"

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        return _with_scheme(value, DATABASE_SCHEMES) if value else value

    @field_validator("public_url", "temporal_ui_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("must be an http or https address")
        return value.rstrip("/")

    @field_validator("mail_url")
    @classmethod
    def _known_mail(cls, value: SecretStr) -> SecretStr:
        _with_scheme(value.get_secret_value(), MAIL_SCHEMES)
        return value

    @field_validator("sms_url")
    @classmethod
    def _known_sms(cls, value: SecretStr) -> SecretStr:
        _with_scheme(value.get_secret_value(), SMS_SCHEMES)
        return value

    @field_validator("reply_address")
    @classmethod
    def _one_address(cls, value: str) -> str:
        # The token is put between the two parts; 64 is the longest first part mail servers take.
        if value and not re.fullmatch(r"[A-Za-z0-9._-]{1,40}@[A-Za-z0-9.-]+", value):
            raise ValueError("must be an address like reply@mail.example.com")
        return value

    @field_validator("inbound_smtp")
    @classmethod
    def _listens_somewhere(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value if "://" in value else f"smtp://{value}")
        # Reading the port is what fails on one that is none.
        if parts.scheme not in INBOUND_SCHEMES or not parts.hostname or not parts.port or parts.path.strip("/"):
            raise ValueError("must be host:port, smtp://host:port or lmtp://host:port")
        return parts.geturl()

    @field_validator("link_keys")
    @classmethod
    def _not_guessable(cls, value: SecretStr) -> SecretStr:
        if any(len(key) < MIN_KEY_LENGTH for key in _parts(value.get_secret_value())):
            raise ValueError(f"each key, separated by commas, must have at least {MIN_KEY_LENGTH} characters")
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _named_keys(cls, value: SecretStr) -> SecretStr:
        ids = [id for id, _ in _payload_keys(value.get_secret_value())]
        if len(set(ids)) < len(ids):
            raise ValueError("two keys have the same name")
        return value

    @field_validator("bootstrap_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if not value.get_secret_value().startswith("ft_") or len(value.get_secret_value()) < MIN_KEY_LENGTH:
            raise ValueError(f"must start with ft_ and have at least {MIN_KEY_LENGTH} characters")
        return value

    @field_validator("mail_per_second", "sms_per_second", "webhook_per_second")
    @classmethod
    def _some_leave(cls, value: float | None) -> float | None:
        if value is not None and value <= 0:
            raise ValueError("must be more than 0, such as 5 or 0.5; leave it out for no limit")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses_or_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            try:
                ip_network(part)
            except ValueError:
                raise ValueError("must be addresses or networks, such as 10.0.0.5 or 10.0.0.0/8") from None
        return value

    @field_validator("temporal_address", "metrics_address", "sdk_metrics_address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        if not value:
            return value
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError("must be host:port")
        return value

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        names = ("api_port", "temporal_port", "temporal_ui_port")
        ports = [getattr(self, name) for name in names]
        if len(set(ports)) < len(ports):
            pairs = (f"{PREFIX}{name.upper()}={port}" for name, port in zip(names, ports, strict=True))
            raise ValueError(", ".join(pairs) + ": the ports must differ")
        return self

    @model_validator(mode="after")
    def _metrics_apart(self) -> Self:
        if self.metrics_address and self.metrics_address == self.sdk_metrics_address:
            raise ValueError(f"{PREFIX}METRICS_ADDRESS, {PREFIX}SDK_METRICS_ADDRESS: each needs a port of its own")
        return self

    @model_validator(mode="after")
    def _sign_or_not(self) -> Self:
        given = (bool(self.dkim_domain), bool(self.dkim_selector), self.dkim_key_file is not None)
        if any(given) and not all(given):
            raise ValueError(f"{PREFIX}DKIM_DOMAIN, DKIM_SELECTOR and DKIM_KEY_FILE: signing needs all three")
        return self

    @model_validator(mode="after")
    def _knows_whose_mail_it_takes(self) -> Self:
        if self.inbound_smtp and not self.reply_address:
            raise ValueError(f"{PREFIX}INBOUND_SMTP: set {PREFIX}REPLY_ADDRESS as well, whose mail it takes")
        if self.bounces_to == "reply_address" and not self.reply_address:
            raise ValueError(f"{PREFIX}BOUNCES_TO: set {PREFIX}REPLY_ADDRESS as well, or leave it at sender")
        return self

    @model_validator(mode="after")
    def _derive(self) -> Self:
        derived = {
            "database_url": self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'followthrough.db'}",
            "temporal_address": self.temporal_address or f"127.0.0.1:{self.temporal_port}",
            "temporal_ui_url": self.temporal_ui_url or f"http://127.0.0.1:{self.temporal_ui_port}",
            "public_url": self.public_url or f"http://{_reachable(self.api_host)}:{self.api_port}",
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)
        return self

    @property
    def load_sample(self) -> bool:
        """Whether `followthrough up` loads the sample into a fresh installation."""
        return self.sample == "on"

    @property
    def keys_for_links(self) -> tuple[str, ...]:
        """What the addresses in messages are signed with: the first one. All of them read."""
        return _parts(self.link_keys.get_secret_value())

    @property
    def payload_keys(self) -> tuple[tuple[str, bytes], ...]:
        """What Temporal's payloads are encrypted with: name and 32 bytes each, the first one. All of them read."""
        return _payload_keys(self.encryption_keys.get_secret_value())

    @property
    def local_url(self) -> str:
        """Where the API is reached from this machine."""
        return f"http://{_reachable(self.api_host)}:{self.api_port}"

    @property
    def embeds_temporal(self) -> bool:
        """Whether `followthrough up` runs a Temporal server of its own: no address of another one was given."""
        return "temporal_address" not in self.model_fields_set

    def as_environment(self) -> dict[str, str]:
        """The variables that make another process read these settings. Contains secrets: for child processes only."""
        return {f"{PREFIX}{name.upper()}": _as_text(getattr(self, name)) for name in type(self).model_fields}

    @property
    def local_key_file(self) -> Path:
        """The file that keeps the API key of `followthrough up` for its own user."""
        return self.data_dir / "local.key"

    @classmethod
    def read(cls) -> Settings:
        """The settings of this process's environment.

        Raises:
            SettingsError: with one line per variable that is wrong or that does not exist.
        """
        problems = [
            f"{name}: there is no such setting"
            for name in sorted(os.environ)
            if name.startswith(PREFIX)
            and name not in CLIENT_VARIABLES
            and name.removeprefix(PREFIX).lower() not in cls.model_fields
        ]
        try:
            settings = cls()
        except ValidationError as error:
            problems += [_in_words(item["loc"], item["msg"]) for item in error.errors()]
            raise SettingsError(problems) from None
        if problems:
            raise SettingsError(problems)
        return settings


def _parts(listed: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in listed.split(",") if part.strip())


def _payload_keys(listed: str) -> tuple[tuple[str, bytes], ...]:
    """The keys that are listed.

    Raises:
        ValueError: one is none; nothing of it is repeated.
    """
    found = []
    for part in _parts(listed):
        id, _, secret = part.partition(":")
        try:
            key = base64.b64decode(secret, validate=True)
        except ValueError:
            key = b""
        if not re.fullmatch(PAYLOAD_KEY_NAME, id) or len(key) != KEY_BYTES:
            raise ValueError("each key, separated by commas, must be as `followthrough key encryption NAME` makes it")
        found.append((id, key))
    return tuple(found)


def _as_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return value.get_secret_value()
        case tuple():
            return ",".join(value)
        case _:
            return str(value)


def _with_scheme(value: str, schemes: tuple[str, ...]) -> str:
    scheme, colon, _ = value.partition(":")
    if not colon or scheme not in schemes:
        raise ValueError(f"must begin with one of {', '.join(f'{known}:' for known in schemes)}")
    return value


def _reachable(host: str) -> str:
    """The address to print for a listening host: nobody can open 0.0.0.0."""
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - compared, never bound


def _in_words(location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    if not location:
        return text
    return f"{PREFIX}{str(location[0]).upper()}: {text[:1].lower()}{text[1:]}"
