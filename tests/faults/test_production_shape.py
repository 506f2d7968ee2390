"""The form of production under load: two APIs and two workers on PostgreSQL, of which something dies all the time.

What was promised to a client (a 2xx) is there at the end, once; what left, left once or is listed as unknown; and
ledger, messages, visits, enrollments and Temporal's runs agree.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from random import Random
from typing import Any

import pytest
from httpx2 import Client, HTTPError

from tests.faults.site import KEY, Part, Site
from tests.faults.test_kills import asking_nobody, list_all, sink_on_a_thread
from tests.fixtures.databases import PostgresCluster, postgres_binaries
from tests.fixtures.smtp_sink import SmtpSink
from tests.runs.definitions import by_hand, email, gap, task

APIS: tuple[Part, ...] = ("api", "api-2")
WORKERS: tuple[Part, ...] = ("worker", "worker-2")
PARTS = (*APIS, *WORKERS)
CLIENTS = 4
PATIENCE_S = 120.0
QUIET_WITHIN_S = 600.0

JOURNEY = asking_nobody(
    by_hand("journey", [email("hello", "Hello"), gap(seconds=2), task("call", "Call"), email("bye", "Bye")])
)
MOVED = by_hand(
    "moved",
    [gap(seconds=1), task("visit", "Visit")],
    entry={"triggers": [{"id": "t1", "on": "changed", "property": "city"}]},
)


@pytest.fixture
def cluster() -> Iterator[PostgresCluster]:
    """A server of this test alone that loses nothing it has committed, as it is killed."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: no initdb with its server on PATH or under /usr/lib/postgresql")
    found = PostgresCluster(binaries, fsync="on", synchronous_commit="on", full_page_writes="on")
    try:
        found.start()
        yield found
    finally:
        found.stop()


class Load:
    """Clients that create contacts, enroll them and move them to another city, through whichever API answers."""

    def __init__(self, site: Site) -> None:
        self._addresses = [site.address(part) for part in APIS]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(CLIENTS)]
        self.contacts: dict[str, str] = {}
        self.refused: Counter[int] = Counter()
        self._errors: list[BaseException] = []
        for thread in self._threads:
            thread.start()

    def _work(self, client: int) -> None:
        try:
            with Client(headers={"Authorization": f"Bearer {KEY}"}, timeout=30, trust_env=False) as http:
                count = 0
                while not self._stop.is_set():
                    self._one(http, f"{client}-{count}")
                    count += 1
        except BaseException as error:
            self._errors.append(error)

    def _one(self, http: Client, name: str) -> None:
        address = f"c{name}@example.com"
        made = self._promised(http, "POST", "/records/contact", {"properties": {"email": address}}, f"create-{name}")
        body = {"record": {"object": "contact", "id": made["id"]}}
        self._promised(http, "POST", "/workflows/journey/enrollments", body, f"enroll-{name}")
        # A PATCH has no key: it is the same again, and one change wakes once.
        self._promised(http, "PATCH", f"/records/contact/{made['id']}", {"properties": {"city": "Oslo"}}, None)
        self.contacts[made["id"]] = address

    def _promised(self, http: Client, method: str, path: str, body: Any, key: str | None) -> Any:
        deadline, turn = time.monotonic() + PATIENCE_S, hash(path)
        while time.monotonic() < deadline:
            turn += 1
            try:
                headers = {"Idempotency-Key": key} if key else {}
                address = f"{self._addresses[turn % 2]}/api/v1{path}"
                answer = http.request(method, address, json=body, headers=headers)
            except HTTPError:
                time.sleep(0.05)
                continue
            if answer.is_success:
                return answer.json()
            # 409: the first call under this key may still run, or died with its API. 503: something is away.
            assert answer.status_code in (409, 503), f"{method} {path}: {answer.status_code} {answer.text}"
            assert answer.headers["content-type"] == "application/problem+json"
            self.refused[answer.status_code] += 1
            time.sleep(0.05)
        raise AssertionError(f"in vain: {method} {path}")

    def end(self) -> dict[str, str]:
        """No more; the contacts that everything was promised of, by id."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        return self.contacts


@contextmanager
def shape(folder: Path, cluster: PostgresCluster) -> Iterator[tuple[Site, SmtpSink]]:
    """Two APIs, two workers, PostgreSQL, Temporal and a mail server."""
    url = cluster.url(cluster.create())
    with sink_on_a_thread() as sink, Site(folder, database_url=url, mail_url=sink.url) as site:
        for part in ("api-2", "worker-2"):
            site.start(part)  # type: ignore[arg-type]
        site.until(lambda: site.answers("api-2"), "the second API is ready")
        site.publish(JOURNEY)
        site.publish(MOVED)
        yield site, sink


def kill_one_after_the_other(site: Site, load: Load, seconds: float) -> Counter[str]:
    """Kill an API or a worker every few seconds, and start it again; how often each."""
    chance, killed, until = Random(7), Counter[str](), time.monotonic() + seconds
    while time.monotonic() < until or len(killed) < len(PARTS):
        # Each of them, in an order that changes.
        part = chance.choice([each for each in PARTS if killed[each] == min(killed[one] for one in PARTS)])
        known = len(load.contacts)
        site.kill(part)
        killed[part] += 1
        site.start(part)
        site.until(lambda known=known: len(load.contacts) > known, f"it goes on without {part}")  # type: ignore[misc]
        time.sleep(chance.uniform(1, 3))
    return killed


def nothing_lost_nothing_twice(site: Site, sink: SmtpSink, promised: dict[str, str]) -> dict[str, int]:
    """Hold what is there against what was promised, once nothing is under way any more; the figures."""

    def totals(slug: str) -> Any:
        return site.call("GET", f"/workflows/{slug}/report")["totals"]

    for slug in ("journey", "moved"):

        def is_over(slug: str = slug) -> bool:
            found = totals(slug)
            return bool(found["enrolled"] >= len(promised) and found["active"] == 0)

        site.until(is_over, f"everybody in {slug} came to an end", within_s=QUIET_WITHIN_S)
        found = totals(slug)
        assert (found["enrolled"], found["by_reason"]) == (len(promised), {"completed": len(promised)}), slug
        tasks = Counter(each["record_id"] for each in list_all(site, f"/tasks?workflow={slug}"))
        assert tasks == Counter(dict.fromkeys(promised, 1)), slug
    contacts = Counter(each["properties"]["email"] for each in list_all(site, "/records/contact?"))
    assert contacts == Counter(dict.fromkeys(promised.values(), 1))
    arrived = Counter(message_from_bytes(mail.content)["Message-ID"].strip("<>") for mail in sink.received)
    assert set(arrived.values()) == {1}, [each for each, n in arrived.items() if n > 1]
    listed = {each["message_id"]: each["status"] for each in list_all(site, "/messages?workflow=journey")}
    assert len(listed) == 2 * len(promised)
    assert {listed[each] for each in listed if each not in arrived} <= {"unknown"}
    assert set(listed.values()) <= {"sent", "unknown"}
    site.run("verify", "--histories", str(2 * len(promised)))
    return {"contacts": len(promised), "messages": len(listed), "unknown": list(listed.values()).count("unknown")}


def storm(folder: Path, cluster: PostgresCluster, seconds: float) -> None:
    with shape(folder, cluster) as (site, sink):
        load = Load(site)
        killed = kill_one_after_the_other(site, load, seconds)
        figures = nothing_lost_nothing_twice(site, sink, load.end())
        print(figures, dict(killed), dict(load.refused))  # noqa: T201 - with -s somebody reads it


@pytest.mark.timeout(900)
def test_apis_and_workers_die_for_12_seconds_and_nothing_is_lost_or_twice(
    tmp_path: Path, cluster: PostgresCluster
) -> None:
    storm(tmp_path, cluster, 12)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_apis_and_workers_die_for_two_minutes_and_nothing_is_lost_or_twice(
    tmp_path: Path, cluster: PostgresCluster
) -> None:
    storm(tmp_path, cluster, 120)


def restarts(folder: Path, cluster: PostgresCluster, ways: list[Callable[[], None]]) -> None:
    with shape(folder, cluster) as (site, sink):
        load = Load(site)
        for way in ways:
            known = len(load.contacts)
            site.until(lambda known=known: len(load.contacts) > known + 5, "work is under way")  # type: ignore[misc]
            way()
            with Client(headers={"Authorization": f"Bearer {KEY}"}, timeout=30, trust_env=False) as http:
                away = http.get(f"{site.address('api')}/api/v1/records/contact")
                assert away.status_code == 503, away.text
                assert away.headers["content-type"] == "application/problem+json"
                assert http.get(f"{site.address('api')}/readyz").status_code == 503
                assert http.get(f"{site.address('api')}/healthz").status_code == 200
            cluster.launch()
            known = len(load.contacts)
            site.until(lambda known=known: len(load.contacts) > known + 5, "it goes on by itself")  # type: ignore[misc]
        figures = nothing_lost_nothing_twice(site, sink, load.end())
        print(figures, dict(load.refused))  # noqa: T201 - as above


@pytest.mark.timeout(900)
def test_postgresql_is_restarted_and_killed_under_load_and_nothing_is_lost_or_twice(
    tmp_path: Path, cluster: PostgresCluster
) -> None:
    restarts(tmp_path, cluster, [cluster.shut_down, cluster.crash])


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_postgresql_is_restarted_and_killed_ten_times_under_load_and_nothing_is_lost_or_twice(
    tmp_path: Path, cluster: PostgresCluster
) -> None:
    restarts(tmp_path, cluster, [cluster.shut_down, cluster.crash] * 5)
