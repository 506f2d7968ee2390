"""What Prometheus scrapes from a real worker and a real API, each at an address of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from httpx2 import get
from prometheus_client.parser import text_string_to_metric_families

from settings import Settings, SettingsError
from tests.faults.site import Part, Site, free_ports
from tests.runs.definitions import by_hand, email, gap

pytestmark = pytest.mark.xdist_group("site")

SPEAKING = "quuxley"


class Measured(Site):
    """An installation whose API and worker each tell what they did."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        ports = free_ports(4)
        self.ports: Mapping[Part, tuple[int, int]] = {"api": (ports[0], ports[1]), "worker": (ports[2], ports[3])}

    def start(self, part: Part) -> None:
        """Start a part, with addresses if it has metrics."""
        for name, port in zip(("METRICS", "SDK_METRICS"), self.ports.get(part, ()), strict=False):
            self.environment[f"FOLLOWTHROUGH_{name}_ADDRESS"] = f"127.0.0.1:{port}"
        super().start(part)

    def scrape(self, part: Part, *, sdk: bool = False) -> str:
        """The text at the address of a part."""
        return get(f"http://127.0.0.1:{self.ports[part][sdk]}/metrics", trust_env=False).text

    def value(self, part: Part, name: str, **labels: str) -> float:
        """One figure; 0 where it was never counted."""
        samples = [s for family in text_string_to_metric_families(self.scrape(part)) for s in family.samples]
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    with Measured(tmp_path_factory.mktemp("measured")) as found:
        found.publish(by_hand("journey", [gap(seconds=1), email("hello", f"Hi {SPEAKING}")]))
        yield found


def walk(site: Measured, **properties: str) -> None:
    record = site.call("POST", "/records/contact", {"properties": properties})["id"]
    begun = site.call("POST", "/workflows/journey/enrollments", {"record": {"object": "contact", "id": record}})
    way = f"/enrollments/{begun['enrollment_id']}"
    site.until(lambda: site.call("GET", way)["status"] == "ended", "the enrollment ends")


def test_a_run_through_a_delay_and_an_email_is_counted_and_how_late_it_woke(site: Measured) -> None:
    answered = partial(site.value, "worker", "followthrough_step_answers_total", kind="send_email")
    walk(site, email=f"{SPEAKING}@example.com", first_name=SPEAKING)
    site.until(lambda: answered(answer="done"), "the email is counted")
    assert answered(answer="done") == 1
    assert site.value("worker", "followthrough_woken_late_seconds_count") == 1
    assert site.value("worker", "followthrough_changes_judged_total") >= 1
    walk(site, first_name=SPEAKING)
    site.until(lambda: answered(answer="skipped"), "the skip is counted")
    assert answered(answer="skipped", reason="no_address") == 1
    assert site.value("worker", "followthrough_woken_late_seconds_count") == 2


def test_requests_are_counted_by_the_template_of_their_address_and_tell_of_nobody(site: Measured) -> None:
    counted = partial(site.value, "api", "followthrough_request_seconds_count")
    route = "/api/v1/records/{object}/{record_id}"
    assert site.http.get(f"/api/v1/records/contact/{SPEAKING}").status_code == 404
    assert site.http.get(f"/nowhere/{SPEAKING}").status_code == 404
    assert counted(method="GET", route=route, status="4xx") == 1
    assert counted(method="GET", route="", status="4xx") == 1
    for part in ("api", "worker"):
        text = site.scrape(part).lower()  # type: ignore[arg-type]
        assert SPEAKING not in text
        assert "process_resident_memory_bytes" in text


def test_the_sdk_tells_of_its_slots_beside_it(site: Measured) -> None:
    found = site.scrape("worker", sdk=True)
    assert "temporal_worker_task_slots_available{" in found
    assert "temporal_num_pollers{" in found
    assert SPEAKING not in found


def test_two_sorts_of_metrics_do_not_share_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("METRICS_ADDRESS", "SDK_METRICS_ADDRESS"):
        monkeypatch.setenv(f"FOLLOWTHROUGH_{name}", "127.0.0.1:9464")
    with pytest.raises(SettingsError, match="a port of its own"):
        Settings.read()
