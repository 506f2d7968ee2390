"""Programs that open and click are told from people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.machines import is_machine
from tests.fixtures.clock import START

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LATER = START + timedelta(minutes=5)


@pytest.mark.parametrize(
    "agent",
    [
        FIREFOX,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
    ],
)
def test_a_reader_is_a_person(agent: str) -> None:
    assert not is_machine({"user-agent": agent}, left_at=START, now=LATER)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"user-agent": ""},
        {"user-agent": "Mozilla/5.0"},
        {"user-agent": "python-requests/2.32"},
        {"user-agent": "curl/8.9"},
        {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"user-agent": "Mozilla/5.0 (compatible; BarracudaCentral/1.0)"},
        {"user-agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
        {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0.0.0"},
        {"user-agent": FIREFOX, "sec-purpose": "prefetch;prerender"},
        {"user-agent": FIREFOX, "purpose": "prefetch"},
        {"user-agent": FIREFOX, "x-purpose": "preview"},
        {"user-agent": FIREFOX, "x-moz": "prefetch"},
    ],
)
def test_who_says_so_is_a_machine(headers: dict[str, str]) -> None:
    assert is_machine(headers, left_at=START, now=LATER)


def test_who_is_quicker_than_anybody_reads_is_a_machine() -> None:
    person = {"user-agent": FIREFOX}
    assert is_machine(person, left_at=START, now=START + timedelta(seconds=1))
    assert is_machine(person, left_at=None, now=START)
    assert not is_machine(person, left_at=START, now=START + timedelta(seconds=2))
