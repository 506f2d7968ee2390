"""The parts of one installation, put together once by a composition root and handed to every use case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.catalogue import ActionSpec
from domain.metering import Meter, NoMeter
from domain.ports import (
    Addresses,
    Clock,
    Holidays,
    MailGateway,
    Markup,
    Phones,
    Recipes,
    Runs,
    SmsGateway,
    Templates,
    WebhookGateway,
)
from domain.tracing import NoTraces, Traces
from store.database import Database


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Database, clock and ports. ``sample_mail_domains``: domains sample records may really be mailed at.

    ``public_url``: what the addresses in messages begin with. ``link_keys``: what those are signed with, the first of
    them, besides the key that the installation made for itself. ``reply_address``: where answers to messages come in;
    ``takes_bounces``: reports of mail servers are asked for there, too.
    """

    db: Database
    clock: Clock
    runs: Runs
    phones: Phones
    addresses: Addresses
    templates: Templates
    markup: Markup
    holidays: Holidays
    mail: MailGateway
    sms: SmsGateway
    webhooks: WebhookGateway
    actions: Mapping[str, ActionSpec]
    recipes: Recipes
    name: str
    sample_mail_domains: tuple[str, ...] = ()
    public_url: str = "http://127.0.0.1:8080"
    link_keys: tuple[str, ...] = field(default=(), repr=False)
    reply_address: str = ""
    takes_bounces: bool = False
    traces: Traces = field(default_factory=NoTraces)
    meter: Meter = field(default_factory=NoMeter)
