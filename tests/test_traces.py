"""What a collector is handed by real processes, and that nothing is loaded without one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from temporalio.client import Client

from gateways.tracing import KEPT
from settings import Settings, SettingsError
from tests.faults.site import ROOT, Site, free_ports
from tests.fixtures.collector import Collected, Collector, collecting
from tests.replay.test_replay import replayer
from tests.runs.definitions import by_hand, email, gap

pytestmark = pytest.mark.xdist_group("site")

SPEAKING = "quuxley"
REQUEST = "POST /api/v1/records/{object}"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Site]:
    """Processes that hand over what they have at once, and one workflow each for two sorts of contacts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        with Site(tmp_path_factory.mktemp("traced"), traces_url=collector.url) as found:
            found.publish(journey("short", gap(seconds=1)))
            found.publish(journey("long", gap(days=1)))
            yield found


def journey(slug: str, lasting: dict[str, Any]) -> dict[str, Any]:
    trigger = {"id": "t1", "on": "filter", "where": {"property": "city", "op": "is", "value": slug}}
    return by_hand(slug, [email("hello", f"Hi {SPEAKING}"), lasting], entry={"triggers": [trigger]})


def create(site: Site, city: str, trace: str) -> Response:
    properties = {"email": f"{SPEAKING}.{city}@example.com", "first_name": SPEAKING, "city": city}
    parent = f"00-{trace}-b7ad6b7169203331-01"
    headers = {"traceparent": parent, "tracestate": f"v={SPEAKING}", "baggage": f"who={SPEAKING}"}
    made = site.http.post("/api/v1/records/contact", json={"properties": properties}, headers=headers)
    assert made.is_success, made.text
    return made


def only(site: Site, slug: str) -> Any:
    """The enrollment of a workflow, once there is one."""
    site.until(lambda: site.call("GET", f"/enrollments?workflow={slug}")["items"], "somebody entered")
    (found,) = site.call("GET", f"/enrollments?workflow={slug}")["items"]
    return found


def test_a_request_its_judgement_and_the_run_it_began_are_found_from_each_other(
    site: Site, collector: Collector
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    made = create(site, "short", trace)
    enrollment = only(site, "short")
    for name in ("start run", "RunActivity:action.send_email", "RunWorkflow:Enrollment"):
        site.until(partial(collector.named, name, enrollment=enrollment["id"]), f"a span {name}")
    site.until(partial(collector.of, trace, REQUEST), "the span of the request")
    site.until(partial(collector.of, trace, "judge change"), "the span of the judgement")
    (request,) = collector.of(trace, REQUEST)
    assert request.process.startswith("api:")
    assert request.attributes["followthrough.request"] == made.headers["X-Request-Id"]

    lines = [json.loads(line) for line in (site.folder / "api.log").read_text().splitlines()]
    assert [line["trace"] for line in lines if line.get("request") == made.headers["X-Request-Id"]] == [trace]

    (judged,) = collector.of(trace, "judge change")
    assert judged.process.startswith("worker-all:")
    assert judged.parent == request.id
    assert judged.attributes["followthrough.change"]

    (started,) = collector.named("start run", enrollment=enrollment["id"])
    assert (started.parent, started.links) == ("", [(trace, judged.id)])
    assert started.attributes["followthrough.caused_by"] == trace
    (run,) = collector.named("RunWorkflow:Enrollment", enrollment=enrollment["id"])
    (sent,) = collector.named("RunActivity:action.send_email", enrollment=enrollment["id"], step="hello", visit=1)
    assert started.id in _above(run, collector), "one enrollment is one trace"
    assert run.id in _above(sent, collector)

    history = asyncio.run(_history(site, enrollment["temporal"]["workflow_id"]))
    assert len(history.events) == 18, "as without traces: they travel in headers"
    untraced = asyncio.run(replayer().replay_workflow(history, raise_on_replay_failure=False))
    assert untraced.replay_failure is None, "and may be switched off while it waits"


def test_a_run_whose_worker_died_has_one_span_and_what_reached_it_is_of_the_trace_that_sent_it(
    site: Site, collector: Collector
) -> None:
    made = create(site, "long", "1af7651916cd43dd8448eb211c80319c")
    enrollment = only(site, "long")
    ids = {"enrollment": enrollment["id"]}
    site.until(partial(collector.named, "RunActivity:action.send_email", **ids), "the email left")
    site.until(lambda: only(site, "long")["wakes_at"], "the run sleeps")
    site.kill("worker")
    site.start("worker")
    trace = "2af7651916cd43dd8448eb211c80319c"
    ended = site.http.post(
        "/api/v1/workflows/long/unenroll",
        json={"ids": [made.json()["id"]]},
        headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"},
    )
    assert ended.is_success, ended.text
    site.until(partial(collector.named, "RunWorkflow:Enrollment", **ids), "the run ends and its span comes")
    site.until(partial(collector.of, trace, "HandleSignal:leave"), "the span of the signal")
    (told,) = collector.of(trace, "HandleSignal:leave")
    (signalled,) = collector.named("signal run", **ids)
    assert signalled.id in _above(told, collector)
    (run,) = collector.named("RunWorkflow:Enrollment", **ids)
    (sent,) = collector.named("RunActivity:action.send_email", **ids)
    assert run.id in _above(sent, collector), "also across processes"


def test_a_run_that_the_api_starts_keeps_no_word_of_who_called(site: Site) -> None:
    record = create(site, "nowhere", "4af7651916cd43dd8448eb211c80319c").json()["id"]
    site.http.post(
        "/api/v1/workflows/short/enrollments",
        json={"record": {"object": "contact", "id": record}},
        headers={"traceparent": "00-5af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "v=quuxley",
                 "baggage": "who=quuxley"},
    )  # fmt: skip
    (enrollment,) = site.call("GET", f"/enrollments?workflow=short&record={record}")["items"]
    began = asyncio.run(_history(site, enrollment["temporal"]["workflow_id"])).events[0]
    carried = json.loads(began.workflow_execution_started_event_attributes.header.fields["_tracer-data"].data)
    assert set(carried) == {"traceparent"}


def test_nothing_about_anybody_is_handed_over(site: Site, collector: Collector) -> None:
    create(site, SPEAKING, "3af7651916cd43dd8448eb211c80319c")
    site.http.get(f"/u/{SPEAKING}?{SPEAKING}=1", headers={"User-Agent": SPEAKING})
    refused = {"properties": {"email": f"{SPEAKING}@example.com", SPEAKING: SPEAKING}}
    assert site.http.post("/api/v1/records/contact", json=refused).status_code == 422
    site.until(partial(collector.named, "GET /u/{token}"), "a span of what was asked")
    for body in collector.bodies:
        assert SPEAKING.encode() not in body
    names = {name for span in collector.spans() for name in span.attributes}
    assert {name for name in names if not name.startswith("followthrough.")} <= KEPT


def _above(span: Collected, collector: Collector) -> list[str]:
    """The ids of what a span lies in, from the nearest on."""
    known = {each.id: each for each in collector.spans() if each.trace == span.trace}
    found = []
    while span.parent in known:
        found.append(span.parent)
        span = known[span.parent]
    return found


async def _history(site: Site, run: str) -> Any:
    client = await Client.connect(site.environment["FOLLOWTHROUGH_TEMPORAL_ADDRESS"], namespace="followthrough")
    return await client.get_workflow_handle(run).fetch_history()


@pytest.mark.parametrize("is_on", [True, False])
def test_recorded_runs_replay_whether_they_are_traced_or_not(is_on: bool) -> None:
    """In a process of its own: what is traced is decided for all of a process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.replay.traced", "on" if is_on else "off"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


ENDING = """
import sys, assemble, settings
from pathlib import Path
found = settings.Settings(data_dir=Path(sys.argv[1]), traces_url=sys.argv[2])
with assemble.tracing(found, "api") as traces, traces.span("the last", behind=None):
    pass
import os; os._exit(0)
"""


def test_an_ending_process_hands_over_its_last_spans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
    with collecting() as collector:
        subprocess.run([sys.executable, "-c", ENDING, str(tmp_path), collector.url], cwd=ROOT, check=True)
        assert collector.named("the last")


def test_a_collector_that_is_away_keeps_no_process_from_ending(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    subprocess.run([sys.executable, "-c", ENDING, str(tmp_path), url], cwd=ROOT, check=True, timeout=100)


def test_without_a_collector_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys, asyncio, worker, assemble, api.__main__, commands.installation, settings\n"
        "from pathlib import Path\n"
        "async def main():\n"
        "    async with assemble.assembled(settings.Settings(data_dir=Path(sys.argv[1])), 'api') as (inst, _):\n"
        "        assert inst.traces.here() is None\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])\n"
        "import os; sys.stdout.flush(); os._exit(0)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, "/nowhere"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_asking_for_traces_without_their_libraries_is_a_mistake_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_TRACES_URL", "http://collector:4318")
    assert Settings.read().traces_url == "http://collector:4318/v1/traces"
    monkeypatch.setattr("settings.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"FOLLOWTHROUGH_TRACES_URL: .*pip install followthrough\[tracing\]"):
        Settings.read()
