"""Bulk work outlives its worker: killed in the middle of pages, it does nothing twice and never goes back."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from store.tables import deliveries, enrollments, entry_decisions
from tests.faults.site import Site
from tests.runs.definitions import by_hand, gap, task

NORWAY = {"property": "country", "op": "is", "value": "NO"}
MAPPING = '{"columns": {"id": {"property": "external_id"}}, "constants": {"country": "NO"}}'


def import_contacts(site: Site, count: int) -> None:
    """Contacts by an import that wakes nobody."""
    rows = "id\n" + "\n".join(str(n) for n in range(count))
    answer = site.http.post(
        "/api/v1/records/contact/import",
        data={"mapping": MAPPING, "key": "external_id", "wake": "false"},
        files={"file": ("contacts.csv", rows.encode())},
    )
    assert answer.is_success, answer.text
    path = f"/jobs/{answer.json()['id']}"
    site.until(lambda: site.call("GET", path)["status"] == "done", "the contacts are imported", within_s=600)


class Watch:
    """Reads a job's progress all the time, on a thread of its own."""

    def __init__(self, site: Site, path: str) -> None:
        self._site = site
        self._path = path
        self._stop = threading.Event()
        self.seen: list[int] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._stop.wait(0.05):
            self.seen.append(int(self._site.call("GET", self._path)["done"]))

    def end(self) -> list[int]:
        """What was seen, in order."""
        self._stop.set()
        self._thread.join()
        return self.seen


def reaches(site: Site, path: str, done: int) -> None:
    """Wait until a job has gone through so many records."""
    site.until(lambda: bool(site.call("GET", path)["done"] >= done), f"{done} are done", within_s=600)


def bulk_kills(folder: Path, kept: dict[str, str], count: int) -> None:
    with Site(folder, **kept) as site:
        site.publish(by_hand("journey", [gap(days=2)]))
        import_contacts(site, count)
        job = site.call("POST", "/workflows/journey/enrollments/bulk", {"where": NORWAY})
        assert job["total"] == count
        path = f"/jobs/{job['id']}"
        watch = Watch(site, path)
        for part in (1, 2, 3):
            reaches(site, path, count * part // 5)
            site.kill("worker")
            assert site.call("GET", path)["status"] == "running", "killed in the middle"
            site.start("worker")
        site.until(lambda: site.call("GET", path)["status"] == "done", "everybody is done", within_s=900)
        seen = watch.end()
        job = site.call("GET", path)
        assert (job["done"], job["total"], job["counts"]) == (count, count, {"enrolled": count})
        assert seen == sorted(seen), "progress went back"
        assert len(set(seen)) > 3
        site.until(lambda: rows(site)["deliveries"] == 0, "every run is started", within_s=600)
        assert rows(site) == {"enrollments": count, "records": count, "decisions": count, "deliveries": 0}


def unenrollment_kills(folder: Path, kept: dict[str, str], count: int) -> None:
    with Site(folder, **kept) as site:
        site.publish(by_hand("journey", [gap(days=2)]))
        import_contacts(site, count)
        entered = site.call("POST", "/workflows/journey/enrollments/bulk", {"where": NORWAY})
        done = f"/jobs/{entered['id']}"
        site.until(lambda: site.call("GET", done)["status"] == "done", "everybody is inside", within_s=600)
        site.until(lambda: rows(site)["deliveries"] == 0, "every run is started", within_s=600)
        path = f"/jobs/{site.call('POST', '/workflows/journey/unenroll', {'where': NORWAY})['id']}"
        watch = Watch(site, path)
        reaches(site, path, count // 5)
        site.kill("worker")
        assert site.call("GET", path)["status"] == "running", "killed in the middle"
        site.start("worker")
        site.until(lambda: site.call("GET", path)["status"] == "done", "everybody is out", within_s=600)
        seen = watch.end()
        job = site.call("GET", path)
        assert (job["done"], job["total"], job["counts"]) == (count, count, {"unenrolled": count})
        assert seen == sorted(seen), "progress went back"
        site.until(lambda: rows(site)["deliveries"] == 0, "every run is told", within_s=600)
        totals = site.call("GET", "/workflows/journey/report")["totals"]
        assert (totals["active"], totals["by_reason"]) == (0, {"unenrolled": count})


def move_kills(folder: Path, kept: dict[str, str], count: int) -> None:
    with Site(folder, **kept) as site:
        site.publish(by_hand("journey", [gap(days=2)]))
        import_contacts(site, count)
        entered = site.call("POST", "/workflows/journey/enrollments/bulk", {"where": NORWAY})
        done = f"/jobs/{entered['id']}"
        site.until(lambda: site.call("GET", done)["status"] == "done", "everybody is inside", within_s=600)
        site.until(lambda: rows(site)["deliveries"] == 0, "every run is started", within_s=600)
        longer = by_hand("journey", [gap(days=2), task("call", "Call")])
        answer = site.http.put("/api/v1/workflows/journey", json=longer, headers={"If-Match": "*"})
        assert answer.is_success, answer.text
        path = f"/jobs/{site.call('POST', '/workflows/journey/publish', {'in_flight': 'move'})['move_job_id']}"
        watch = Watch(site, path)
        reaches(site, path, count // 5)
        site.kill("worker")
        assert site.call("GET", path)["status"] == "running", "killed in the middle"
        site.start("worker")
        site.until(lambda: site.call("GET", path)["status"] == "done", "everybody is moved", within_s=600)
        seen = watch.end()
        job = site.call("GET", path)
        assert (job["done"], job["total"], job["counts"]) == (count, count, {"moved": count})
        assert seen == sorted(seen), "progress went back"
        site.until(lambda: rows(site)["deliveries"] == 0, "every run is told", within_s=600)
        assert moved_rows(site) == Counter({(2, 1): count}), "each is of the new version, and was moved once"


def moved_rows(site: Site) -> Counter[tuple[int, int]]:
    """Version and epoch of the enrollments."""
    (found,) = site.rows(select(enrollments.c.version, enrollments.c.epoch))
    return Counter((row["version"], row["epoch"]) for row in found)


def rows(site: Site) -> Counter[str]:
    """What the database holds."""
    asked: dict[str, Any] = {
        "enrollments": select(func.count()).select_from(enrollments),
        "records": select(func.count(enrollments.c.record_id.distinct())),
        "decisions": select(func.count()).select_from(entry_decisions),
        "deliveries": select(func.count()).select_from(deliveries),
    }
    found = site.rows(*asked.values())
    return Counter({name: int(next(iter(row.values()))) for name, (row,) in zip(asked, found, strict=True)})


@pytest.mark.timeout(900)
def test_400_are_enrolled_once_by_a_worker_killed_three_times(tmp_path: Path, kept: dict[str, str]) -> None:
    bulk_kills(tmp_path, kept, 400)


@pytest.mark.timeout(900)
def test_400_are_unenrolled_once_by_a_worker_killed_in_the_middle(tmp_path: Path, kept: dict[str, str]) -> None:
    unenrollment_kills(tmp_path, kept, 400)


@pytest.mark.timeout(900)
def test_400_are_moved_once_by_a_worker_killed_in_the_middle(tmp_path: Path, kept: dict[str, str]) -> None:
    move_kills(tmp_path, kept, 400)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_20_000_are_enrolled_once_by_a_worker_killed_three_times(tmp_path: Path, kept: dict[str, str]) -> None:
    bulk_kills(tmp_path, kept, 20_000)
