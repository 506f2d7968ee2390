"""A worker that is killed at the moment a schedule happens, or just before: everybody enters, and once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.faults.site import Site
from tests.faults.test_bulk import NORWAY, import_contacts, rows
from tests.runs.definitions import by_hand, gap


def next_minute(*, at_least_s: float) -> datetime:
    """The first full minute that is so far away."""
    found = (datetime.now(UTC) + timedelta(seconds=at_least_s)).replace(second=0, microsecond=0)
    return found + timedelta(minutes=1)


def daily(at: datetime) -> dict[str, Any]:
    """A workflow that happens at a minute of every day."""
    schedule = {"every": "day", "at": f"{at:%H:%M}", "timezone": "UTC"}
    entry = {"triggers": [{"id": "t1", "on": "filter", "where": NORWAY}]}
    return by_hand("daily", [gap(days=2)], type="scheduled", schedule=schedule, entry=entry)


def kill_around(folder: Path, kept: dict[str, str], count: int, when: Literal["before", "at"]) -> None:
    with Site(folder, **kept) as site:
        import_contacts(site, count)
        at = next_minute(at_least_s=15)
        site.publish(daily(at))
        listed = "/workflows/daily/occurrences"
        # Time that passes is what this is about; nobody can be asked whether it is that minute.
        until_then = (at - datetime.now(UTC)).total_seconds()
        if when == "before":
            time.sleep(until_then - 2)
            site.kill("worker")
            time.sleep(4)
            assert site.call("GET", listed)["items"] == []
        else:
            time.sleep(until_then)
            site.until(lambda: bool(site.call("GET", listed)["items"]), "it is opened")
            site.kill("worker")
        site.start("worker")

        def is_done() -> bool:
            found = site.call("GET", listed)["items"]
            return bool(found and found[0]["job"]["status"] == "done")

        site.until(is_done, "everybody is in", within_s=300)
        (occurrence,) = site.call("GET", listed)["items"]
        assert (occurrence["state"], occurrence["local"]) == ("opened", f"{at:%Y-%m-%dT%H:%M}")
        assert occurrence["job"]["counts"] == {"enrolled": count}
        site.until(lambda: rows(site)["deliveries"] == 0, "every run is started", within_s=300)
        assert rows(site) == {"enrollments": count, "records": count, "decisions": count, "deliveries": 0}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("when", ["before", "at"])
def test_a_worker_killed_around_an_occurrence_loses_nobody_and_doubles_nobody(
    tmp_path: Path, kept: dict[str, str], when: Literal["before", "at"]
) -> None:
    kill_around(tmp_path, kept, 300, when)
