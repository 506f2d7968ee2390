"""A worker is killed over and over while a mailing leaves: each message arrives once or is listed as unknown."""

from __future__ import annotations

from collections import Counter
from email import message_from_bytes
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.faults.site import Site
from tests.faults.test_kills import list_all, sink_on_a_thread
from tests.fixtures.smtp_sink import SmtpSink
from tests.runs.definitions import by_hand

MAPPING = '{"columns": {"email": {"property": "email"}}, "constants": {"marketing_status": "marketing"}}'
THINKS_S = 0.1
"""How long the mail server takes to answer: whoever dies meanwhile never hears what became of the message."""


def readers(site: Site, count: int) -> None:
    """Contacts who get marketing."""
    site.call("POST", "/subscription-types", {"slug": "newsletter", "name": "Newsletter"})
    site.call("PATCH", "/account", {"send_to_not_specified": True})
    rows = "email\n" + "\n".join(f"c{n}@example.com" for n in range(count))
    answer = site.http.post(
        "/api/v1/records/contact/import",
        data={"mapping": MAPPING, "key": "email", "wake": "false"},
        files={"file": ("contacts.csv", rows.encode())},
    )
    assert answer.is_success, answer.text
    path = f"/jobs/{answer.json()['id']}"
    site.until(lambda: site.call("GET", path)["status"] == "done", "the contacts are imported")


def mailing(slug: str) -> dict[str, Any]:
    """One marketing email, with what is the default where nobody knows whether it arrived."""
    config = {"subject": "News", "html": "<p>News</p>", "subscription": "newsletter"}
    return by_hand(slug, [{"id": "news", "kind": "action", "action": "send_email", "config": config}])


def everybody_ended(site: Site, slug: str, count: int) -> bool:
    totals = site.call("GET", f"/workflows/{slug}/report")["totals"]
    return bool(totals["enrolled"] == count and totals["active"] == 0)


def mail_while_killed(site: Site, sink: SmtpSink, slug: str, count: int, moments: list[int]) -> None:
    """Send a mailing; kill the worker whenever so many messages have arrived."""
    before = len(sink.received)
    site.publish(mailing(slug))
    everybody = {"property": "marketing_status", "op": "is", "value": "marketing"}
    assert site.call("POST", f"/workflows/{slug}/enrollments/bulk", {"where": everybody})["total"] == count
    for moment in moments:
        site.until(
            lambda moment=moment: len(sink.received) - before >= moment or everybody_ended(site, slug, count),  # type: ignore[misc]
            f"{moment} arrived",
        )
        site.kill("worker")
        site.start("worker")
    site.until(lambda: everybody_ended(site, slug, count), f"all {count} of {slug} ended", within_s=300)


def once_or_unknown(site: Site, sink: SmtpSink, slug: str, count: int) -> int:
    """Every message of a mailing arrived once and nothing else did, but for those listed as unknown; how many."""
    of_slug = [message_from_bytes(mail.content)["Message-ID"].strip("<>") for mail in sink.received]
    arrived = Counter(of_slug)
    assert set(arrived.values()) == {1}, [each for each, n in arrived.items() if n > 1]
    listed = {each["message_id"].strip("<>"): each["status"] for each in list_all(site, f"/messages?workflow={slug}")}
    assert len(listed) == count
    assert set(listed.values()) <= {"sent", "unknown"}
    lost = {each for each in listed if each not in arrived}
    assert {listed[each] for each in lost} <= {"unknown"}, "one counts as sent that never arrived"
    return sum(status == "unknown" for status in listed.values())


def rounds_of_kills(folder: Path, kept: dict[str, str], *, count: int, rounds: int, kills: int) -> None:
    # Which moments: the same in every run.
    chance = Random(5)
    unknown = 0
    with sink_on_a_thread() as sink, Site(folder, **kept, mail_url=sink.url) as site:
        sink.thinks_s = THINKS_S
        readers(site, count)
        for n in range(rounds):
            slug = f"mailing-{n}"
            mail_while_killed(site, sink, slug, count, sorted(chance.sample(range(1, count), kills)))
            unknown += once_or_unknown(site, sink, slug, count)
            # It reads every history of the round; whatever has no twin makes the command fail.
            site.run("verify", "--histories", str(count), "--workflow", slug)
    assert unknown > 0, "no kill fell between a message and its answer: this proved nothing"


@pytest.mark.timeout(600)
def test_50_emails_and_a_worker_that_is_killed_in_two_rounds(tmp_path: Path, kept_both: dict[str, str]) -> None:
    rounds_of_kills(tmp_path, kept_both, count=50, rounds=2, kills=1)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_500_emails_and_a_worker_that_is_killed_in_twenty_rounds(tmp_path: Path, kept: dict[str, str]) -> None:
    rounds_of_kills(tmp_path, kept, count=500, rounds=20, kills=3)
