"""Decides which service takes outgoing email, from the setting FOLLOWTHROUGH_MAIL_URL."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from gateways.dkim_signing import DkimSigner
from gateways.mail_outbox import OutboxMail
from gateways.mail_smtp import SmtpMail
from gateways.service_url import ServiceUrl
from gateways.smtp_connections import KEPT_S, SmtpServer

SETTING = "FOLLOWTHROUGH_MAIL_URL"
_SMTP_PORT, _SUBMISSION_PORT, _SMTPS_PORT = 25, 587, 465


def open_mail(url: str, data_dir: Path, *, signer: DkimSigner | None = None) -> OutboxMail | SmtpMail:
    """The gateway that ``url`` names; nothing is connected yet.

    ``outbox:`` keeps messages as files in ``data_dir``; ``smtp://user:password@host:587`` and ``smtps://…:465`` send
    them. ``?starttls=true`` demands encryption, ``false`` forbids it; without it a login demands it and anything
    else takes it when the server offers it. ``?service=sendgrid`` names each message to SendGrid as it is told back.
    Connections are kept between messages; ``signer`` signs what leaves.

    Raises:
        ValueError: naming the setting, without repeating a password.
    """
    if url == "outbox:":
        return OutboxMail(outbox_folder(data_dir))
    scheme = url.partition(":")[0].lower()
    if scheme not in ("smtp", "smtps"):
        raise ValueError(f"{SETTING}: must be outbox:, smtp://… or smtps://…")
    parts = ServiceUrl.read(SETTING, url, options=("starttls", "service"))
    service: Literal["sendgrid"] | None = "sendgrid" if parts.choice(SETTING, "service", ("sendgrid",)) else None
    return SmtpMail(_server(parts), kept_s=KEPT_S, signer=signer, service=service)


def outbox_folder(data_dir: Path) -> Path:
    """Where ``outbox:`` keeps email."""
    return data_dir / "outbox" / "email"


def _server(url: ServiceUrl) -> SmtpServer:
    if (url.username is None) != (url.password is None):
        raise ValueError(f"{SETTING}: a login is written user:password, both or none")
    chosen = url.choice(SETTING, "starttls", ("true", "false"))
    tls = url.scheme == "smtps"
    if tls and chosen is not None:
        raise ValueError(f"{SETTING}: smtps:// is encrypted from the start; starttls belongs to smtp://")
    start_tls = chosen == "true" if chosen is not None else (True if url.username is not None and not tls else None)
    usual = _SMTPS_PORT if tls else (_SUBMISSION_PORT if url.username is not None else _SMTP_PORT)
    return SmtpServer(
        host=url.host,
        port=url.port or usual,
        tls=tls,
        start_tls=start_tls,
        username=url.username,
        password=url.password,
    )
