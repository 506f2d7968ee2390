"""A backup taken at work and restored on another machine: who waited waits on, and nothing leaves twice."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from httpx2 import HTTPError

from store.sqlite_files import copy_database
from tests.faults.site import Site
from tests.faults.test_kills import asking_nobody, list_all, sink_on_a_thread
from tests.fixtures.databases import SUPERUSER, PostgresCluster
from tests.fixtures.smtp_sink import SmtpSink
from tests.runs.definitions import by_hand, email, gap, task

PARKED = 12


def journey() -> dict[str, Any]:
    return asking_nobody(
        by_hand("journey", [email("hello", "Hello"), gap(seconds=1), task("call", "Call"), email("bye", "Bye")])
    )


def parked() -> dict[str, Any]:
    again = {"id": "again", "kind": "goto", "to": "hello", "max_visits": 1}
    return asking_nobody(by_hand("parked", [email("hello", "Hello"), gap(days=9), again, email("bye", "Bye")]))


def enroll(site: Site, workflow: str, n: int) -> str:
    """A new contact inside a workflow; the enrollment."""
    made = site.call("POST", "/records/contact", {"properties": {"email": f"{workflow}-{n}@example.com"}})
    body = {"record": {"object": "contact", "id": made["id"]}}
    return str(site.call("POST", f"/workflows/{workflow}/enrollments", body)["enrollment_id"])


@contextmanager
def load(site: Site) -> Iterator[None]:
    """Contacts enter meanwhile, one after the other, until the installation dies or the block ends."""
    stop = threading.Event()

    def work() -> None:
        n = 0
        with suppress(HTTPError, AssertionError):
            while not stop.is_set():
                enroll(site, "journey", n)
                n += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def sleep_in(site: Site, enrollments: list[str], step: str = "gap") -> None:
    """Wait until each sleeps there."""

    def do_sleep() -> bool:
        found = [site.call("GET", f"/enrollments/{each}") for each in enrollments]
        return all(each["step"] == step and each["wakes_at"] for each in found)

    site.until(do_sleep, f"everybody sleeps in {step}")


def kill_all(site: Site) -> None:
    for part in ("worker", "api", "temporal"):
        site.kill(part)  # type: ignore[arg-type]


def some_entered(site: Site, more_than: int) -> None:
    """Wait until some are at work."""
    site.until(lambda: entered(site) > more_than, "contacts enter")


def entered(site: Site) -> int:
    return int(site.call("GET", "/workflows/journey/report")["totals"]["enrolled"])


class Waiting:
    """Whom the tests look at: each waits in a delay when Temporal is copied, and something happens to it before the
    database is. ``late`` entered in between.
    """

    def __init__(self, site: Site) -> None:
        self.all = [enroll(site, "parked", n) for n in range(PARKED)]
        self.asleep, self.skipped, self.paused, self.left = (self.all[n::4] for n in range(4))
        self.late: list[str] = []
        sleep_in(site, self.all)
        for each in self.paused:
            site.call("POST", f"/enrollments/{each}/pause", {})

    def go_on(self, site: Site) -> None:
        """What runs are told, and Temporal's copy does not know."""
        for each in self.skipped:
            site.call("POST", f"/enrollments/{each}/skip-wait", {})
        for each in self.paused:
            site.call("POST", f"/enrollments/{each}/resume", {})
        for each in self.left:
            site.call("POST", f"/enrollments/{each}/unenroll", {})
        self.late = [enroll(site, "parked", PARKED + n) for n in range(3)]
        sleep_in(site, [*self.asleep, *self.late])
        # Sent a second time, and asleep behind it.
        site.until(lambda: all(round_of(site, each) == 2 for each in self.skipped), "the second round sleeps")

    def carry_through(self, site: Site) -> None:
        """Let everybody who waits go through to the end, and see how it was."""
        everybody = {*self.all, *self.late}.difference(self.left)
        for rounds in (1, 2):
            ahead = [each for each in everybody if rounds == 2 or each not in self.skipped]
            sleep_in(site, ahead)
            for each in ahead:
                site.call("POST", f"/enrollments/{each}/skip-wait", {})
            site.until(lambda: all(is_past(site, each, ahead=rounds) for each in ahead), "everybody goes on")  # noqa: B023
        for each in everybody:
            story = [(visit["step"], visit["outcome"]) for visit in visits_of(site, each)]
            round_ = [("hello", "done"), ("gap", "done"), ("again", "done")]
            assert story == [*round_, *round_, ("bye", "done")], (each, story)


def visits_of(site: Site, enrollment: str) -> list[Any]:
    return list(site.call("GET", f"/enrollments/{enrollment}/timeline")["visits"])


def round_of(site: Site, enrollment: str) -> int:
    """How often it came to its delay."""
    return sum(visit["step"] == "gap" for visit in visits_of(site, enrollment))


def is_past(site: Site, enrollment: str, *, ahead: int) -> bool:
    if ahead == 2:
        return bool(site.call("GET", f"/enrollments/{enrollment}")["status"] == "ended")
    return round_of(site, enrollment) == 2


def nothing_left_twice(site: Site, sink: SmtpSink, known: set[str]) -> None:
    """Each message of the ledger left once. What left behind the backup's back may have left again."""
    arrived = Counter(str(message_from_bytes(mail.content)["Message-ID"]) for mail in sink.received)
    twice = {id for id, count in arrived.items() if count > 1}
    assert not twice & known
    assert max(arrived.values()) <= 2
    sent, unknown = (
        {f"<{each['message_id'].strip('<>')}>" for each in list_all(site, f"/messages?status={status}")}
        for status in ("sent", "unknown")
    )
    assert sent <= arrived.keys()
    # Of what was handed over as the backup was taken nobody knows the answer, and says so.
    assert known <= sent | unknown


KNOWN = """
    SELECT messages.message_id FROM effects JOIN messages ON messages.effect_key = effects.key
    WHERE effects.state IN ('accepted', 'handed_over', 'unknown')
"""


def is_over(site: Site) -> bool:
    totals = [site.call("GET", f"/workflows/{slug}/report")["totals"] for slug in ("journey", "parked")]
    return all(each["active"] == 0 for each in totals)


@contextmanager
def embedded(folder: Path, sink: SmtpSink) -> Iterator[Site]:
    """An installation as `up` keeps it: everything in its folder."""
    folder.parent.mkdir(exist_ok=True)
    site = Site(folder, mail_url=sink.url)
    del site.environment["FOLLOWTHROUGH_TEMPORAL_ADDRESS"]
    try:
        yield site
    finally:
        site.__exit__()


def start(site: Site) -> None:
    for part in ("temporal", "api", "worker"):
        site.start(part)  # type: ignore[arg-type]
    site.until(site.ready, "the installation is ready")


@pytest.mark.timeout(500)
def test_a_backup_of_up_taken_at_work_is_restored_elsewhere_and_everybody_goes_on(tmp_path: Path) -> None:
    """Temporal's half is from well before the other: runs are older than the ledger, and some are not there at all."""
    first, second, mixed = (tmp_path / name for name in ("first", "second", "mixed"))
    with sink_on_a_thread() as sink:
        with embedded(tmp_path / "old" / "data", sink) as site:
            site.folder.mkdir()
            site.run("migrate")
            start(site)
            site.publish(journey())
            site.publish(parked())
            waiting = Waiting(site)
            with load(site):
                some_entered(site, 3)
                site.run("backup", str(first))
                some_entered(site, entered(site) + 3)
                waiting.go_on(site)
                site.run("backup", str(second))
                kill_all(site)
        shutil.rmtree(tmp_path / "old")
        shutil.copytree(second, mixed)
        shutil.copy(first / "temporal.db", mixed / "temporal.db")
        with closing(sqlite3.connect(mixed / "followthrough.db")) as database:
            known = {f"<{row[0].strip('<>')}>" for row in database.execute(KNOWN)}
        shutil.rmtree(first)
        shutil.rmtree(second)

        with embedded(tmp_path / "new" / "data", sink) as site:
            told = json.loads(site.run("restore", str(mixed), "--json"))
            shutil.rmtree(mixed)
            kinds = {each["kind"] for each in told["findings"]}
            assert "enrollment_without_run" in kinds
            assert {each["what"] for each in told["findings"]} >= {*waiting.late}
            start(site)
            carried_through(site, sink, waiting, known)


def carried_through(site: Site, sink: SmtpSink, waiting: Waiting, known: set[str]) -> None:
    """Everybody ends as they should, each message left once, and the verifier has nothing to say."""
    waiting.carry_through(site)
    site.until(lambda: is_over(site), "everybody is through", within_s=240)
    totals = site.call("GET", "/workflows/journey/report")["totals"]
    assert totals["by_reason"] == {"completed": totals["enrolled"]}
    totals = site.call("GET", "/workflows/parked/report")["totals"]
    assert totals["by_reason"] == {"completed": PARKED - len(waiting.left) + 3, "unenrolled": len(waiting.left)}
    nothing_left_twice(site, sink, known)
    said: list[str] = []

    def is_content() -> bool:
        said[:] = [verified(site)]
        return "everything has its twin" in said[0]

    try:
        site.until(is_content, "the verifier is content", within_s=30)
    except AssertionError:
        raise AssertionError(said[0]) from None


def verified(site: Site) -> str:
    done = subprocess.run(
        [*site.command("api")[:-1], "verify"], cwd=Path(__file__).parents[2], env=site.environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


LOADED = ("--clean", "--if-exists", "--create", "--exit-on-error", "--dbname", "postgres")
"""As docs/backup.md has it."""


@pytest.mark.timeout(500)
def test_dumps_of_postgresql_behind_a_copy_of_temporal_are_restored_elsewhere_and_everybody_goes_on(
    tmp_path: Path, postgres_cluster: PostgresCluster
) -> None:
    """In the order of docs/backup.md: Temporal first, the database second; verify before workers start."""
    name = postgres_cluster.create()
    old_folder, new_folder = tmp_path / "old", tmp_path / "new"
    with sink_on_a_thread() as sink:
        old_folder.mkdir()
        with Site(old_folder, mail_url=sink.url, database_url=postgres_cluster.url(name)) as site:
            site.publish(journey())
            site.publish(parked())
            waiting = Waiting(site)
            with load(site):
                some_entered(site, 3)
                copy_database(old_folder / "temporal.db", tmp_path / "temporal.db")
                some_entered(site, entered(site) + 3)
                waiting.go_on(site)
                postgres(postgres_cluster, "pg_dump", "--format=custom", f"--file={tmp_path / 'dump'}", name)
                kill_all(site)
        shutil.rmtree(old_folder)
        postgres_cluster.drop(name)

        new_folder.mkdir()
        (tmp_path / "temporal.db").rename(new_folder / "temporal.db")
        postgres(postgres_cluster, "pg_restore", *LOADED, str(tmp_path / "dump"))
        rows = postgres(postgres_cluster, "psql", "--tuples-only", "--no-align", "--command", KNOWN, name)
        known = {f"<{row.strip('<>')}>" for row in rows.splitlines()}
        site = Site(new_folder, mail_url=sink.url, database_url=postgres_cluster.url(name))
        try:
            site.start("temporal")
            site.run("migrate")
            wait_for_temporal(site)
            told = site.run("verify", "--repair", "--restored", "--json")
            assert {each["what"] for each in json.loads(told)["findings"]} >= {*waiting.late}
            site.start("api")
            site.start("worker")
            site.until(site.ready, "the installation is ready")
            carried_through(site, sink, waiting, known)
        finally:
            site.__exit__()
    postgres_cluster.drop(name)


def wait_for_temporal(site: Site) -> None:
    """Until its server answers; verify waits for nobody."""
    from embedded import find_temporal

    asked = [find_temporal(), "operator", "cluster", "health", "--address"]
    asked.append(site.environment["FOLLOWTHROUGH_TEMPORAL_ADDRESS"])
    site.until(lambda: subprocess.run(asked, capture_output=True).returncode == 0, "Temporal answers")


def postgres(cluster: PostgresCluster, program: str, *arguments: str) -> str:
    """Run a program of PostgreSQL's against the server of the tests; what it printed."""
    from tests.fixtures.databases import postgres_binaries

    binaries = postgres_binaries()
    assert binaries is not None
    command = [str(binaries / program), "--host", str(cluster.folder), "--username", SUPERUSER, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0, done.stderr
    return done.stdout
