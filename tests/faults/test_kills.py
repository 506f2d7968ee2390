"""Killed with -9 at any moment and started again, an installation loses nothing and does nothing twice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from gateways.outbox import read_outbox
from tests.faults.site import Part, Site
from tests.fixtures.smtp_sink import AtData, SmtpSink, running_sink
from tests.runs.definitions import by_hand, email, gap, task

ORDER: tuple[Part, ...] = ("worker", "api", "temporal")


def journey() -> dict[str, Any]:
    return by_hand("journey", [email("hello", "Hello"), gap(seconds=1), task("call", "Call"), email("bye", "Bye")])


def enroll_all(site: Site, count: int) -> Callable[[], None]:
    """Create and enroll contacts through an API that may die meanwhile, on a thread; answers how to wait for it."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for n in range(count):
                made = site.call_until_answered(
                    "POST", "/records/contact", {"properties": {"email": f"c{n}@example.com"}}, f"create-{n}"
                )
                body = {"record": {"object": "contact", "id": made["id"]}}
                site.call_until_answered("POST", "/workflows/journey/enrollments", body, f"enroll-{n}")
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()

    def wait() -> None:
        thread.join()
        if errors:
            raise errors[0]

    return wait


def kill_in_turn(site: Site, is_busy: Callable[[], bool]) -> None:
    """Kill one part after the other while work goes on, starting each again."""
    for part in ORDER:
        site.until(is_busy, "work is under way")
        time.sleep(0.5)
        site.kill(part)
        time.sleep(0.5)
        site.start(part)
        site.until(site.ready, f"ready again after {part} was killed")


def everybody_ended(site: Site, count: int) -> bool:
    totals = site.call("GET", "/workflows/journey/report")["totals"]
    return bool(totals["enrolled"] == count and totals["active"] == 0)


def kills(folder: Path, kept: dict[str, str], count: int) -> None:
    with Site(folder, **kept) as site:
        site.publish(journey())
        wait = enroll_all(site, count)
        kill_in_turn(site, lambda: site.call("GET", "/workflows/journey/report")["totals"]["active"] > 0)
        wait()
        site.until(lambda: everybody_ended(site, count), f"all {count} ended", within_s=300)
        totals = site.call("GET", "/workflows/journey/report")["totals"]
        assert totals["by_reason"] == {"completed": count}
        sent = Counter((mail["to"], mail["subject"]) for mail in read_outbox(folder / "outbox" / "email"))
        assert len(sent) == 2 * count
        assert set(sent.values()) == {1}
        assert len(list_all(site, "/tasks?workflow=journey")) == count


def list_all(site: Site, path: str) -> list[Any]:
    """All items of a list, over all its pages."""
    found: list[Any] = []
    cursor = ""
    while True:
        page = site.call("GET", f"{path}&limit=200{cursor}")
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.timeout(600)
def test_every_part_is_killed_in_turn_and_each_effect_happens_once(tmp_path: Path, kept_both: dict[str, str]) -> None:
    kills(tmp_path, kept_both, 20)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_200_enrollments_survive_the_death_of_every_part(tmp_path: Path, kept_both: dict[str, str]) -> None:
    kills(tmp_path, kept_both, 200)


@contextmanager
def sink_on_a_thread() -> Iterator[SmtpSink]:
    """A mail server with an event loop of its own, as these tests block theirs."""
    started: Queue[SmtpSink] = Queue()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with running_sink() as sink:
            started.put(sink)
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        yield started.get(timeout=10)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def asking_nobody(definition: dict[str, Any]) -> dict[str, Any]:
    """The same, with messages of which nobody knows left at that."""
    for step in definition["steps"]:
        if step.get("action") == "send_email":
            step["config"]["on_unknown"] = "leave"
    return definition


def smtp_kills(folder: Path, kept: dict[str, str], count: int) -> None:
    with sink_on_a_thread() as sink, Site(folder, **kept, mail_url=sink.url) as site:
        site.publish(asking_nobody(journey()))
        wait = enroll_all(site, count)
        kill_in_turn(site, lambda: site.call("GET", "/workflows/journey/report")["totals"]["active"] > 0)
        wait()
        site.until(lambda: everybody_ended(site, count), f"all {count} ended", within_s=300)
        arrived = Counter(message_from_bytes(mail.content)["Message-ID"] for mail in sink.received)
        assert set(arrived.values()) == {1}, [m for m, n in arrived.items() if n > 1]
        listed = list_all(site, "/messages?workflow=journey")
        assert len(listed) == 2 * count
        missing = [m for m in listed if f"<{m['message_id']}>" not in arrived and m["message_id"] not in arrived]
        assert {m["status"] for m in missing} <= {"unknown", "queued"}, missing
        assert {m["status"] for m in listed} <= {"sent", "unknown", "queued"}


@pytest.mark.timeout(600)
def test_with_real_mail_no_message_arrives_twice_and_a_missing_one_is_listed(
    tmp_path: Path, kept_both: dict[str, str]
) -> None:
    smtp_kills(tmp_path, kept_both, 20)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_200_enrollments_with_real_mail_survive_the_death_of_every_part(
    tmp_path: Path, kept_both: dict[str, str]
) -> None:
    smtp_kills(tmp_path, kept_both, 200)


def test_killed_between_hand_over_and_answer_the_run_waits_until_somebody_looks_and_decides(
    tmp_path: Path, kept: dict[str, str]
) -> None:
    with sink_on_a_thread() as sink, Site(tmp_path, **kept, mail_url=sink.url) as site:
        site.publish(by_hand("journey", [email("hello", "Hello"), task("call", "Call")]))
        sink.at_data = AtData.STALL
        enroll_all(site, 2)()
        site.until(lambda: len(sink.received) >= 2, "both messages were handed over")
        site.kill("worker")
        # The first arrived, as the operator finds by its id; the second is taken for lost.
        first, second = (message_from_bytes(mail.content)["Message-ID"] for mail in sink.received)
        sink.at_data = AtData.TAKE
        site.start("worker")
        asked = "/effects?waiting=true"
        site.until(lambda: len(list_all(site, asked)) == 2, "somebody is asked about both", within_s=120)
        assert site.call("GET", "/workflows/journey/report")["totals"]["active"] == 2
        messages = {f"<{each['message_id']}>": each["id"] for each in list_all(site, "/messages?workflow=journey")}
        for effect in list_all(site, asked):
            arrived = effect["message_id"] == messages[first]
            site.call("POST", f"/effects/{effect['key']}/settle", {"as": "accepted" if arrived else "resend"})
        site.until(lambda: everybody_ended(site, 2), "both went on")
        received = Counter(message_from_bytes(mail.content)["Message-ID"] for mail in sink.received)
        assert received == {first: 1, second: 2}
        assert {each["status"] for each in list_all(site, "/messages?workflow=journey")} == {"sent"}
        assert len(list_all(site, "/tasks?workflow=journey")) == 2
