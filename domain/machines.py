"""Tells programs that open and click from people: what fetches ahead, looks for what is bad, or shows a preview.

Nobody can be sure: who fetches pretends to be a browser. What is known by its name, says that it fetches ahead, or was
quicker than anybody reads, is a machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

QUICK = timedelta(seconds=2)
"""Nobody has a message before them within that time of its leaving; gateways that scan it on its way do."""

# Gmail's and Yahoo's image proxies are no machines in this sense: they fetch when their reader opens the message.
_NAMES = re.compile(
    r"bot\b|crawl|spider|scan|preview|prefetch|monitor|headless|barracuda|mimecast|proofpoint|symantec|messagelabs"
    r"|trendmicro|fireeye|forcepoint|cloudmark|sophos|checkpoint|safelinks|urldefen[cs]e|zscaler|fortinet|virustotal"
    r"|curl|wget|python|java/|okhttp|go-http-client|libwww|httpclient|http-client|axios|node-fetch|postman"
    r"|facebookexternalhit|whatsapp|slack|telegram|skypeuri|discord|linkedin|twitter"
)
# What Apple's Mail Privacy Protection calls itself when it fetches everything on arrival, read or not.
_APPLE = "mozilla/5.0"
_AHEAD = ("prefetch", "preview", "prerender")
_SAYING = ("purpose", "sec-purpose", "x-purpose", "x-moz")


def is_machine(headers: Mapping[str, str], *, left_at: datetime | None, now: datetime) -> bool:
    """Whether a program fetched the address; ``headers`` by names in lower case, ``left_at``: when the message left."""
    agent = headers.get("user-agent", "").strip().lower()
    if not agent or agent == _APPLE or _NAMES.search(agent):
        return True
    if any(word in headers.get(name, "").lower() for name in _SAYING for word in _AHEAD):
        return True
    return left_at is None or now - left_at < QUICK
