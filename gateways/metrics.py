"""What a process did, for Prometheus to scrape from an address of its own. docs/monitoring.md names every metric."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)

from domain.metering import OTHER, REASONS, Answered, Judged

LATE_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)
"""From what a healthy installation needs to what somebody should have been told an hour ago."""

REQUEST_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class PrometheusMeter:
    """Counters and histograms of this process; see ``domain.metering.Meter``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._changes = Counter(
            "followthrough_changes_judged", "Changes a relay looked at.", ["outcome"], registry=registry
        )
        self._deliveries = Counter(
            "followthrough_deliveries_carried",
            "Attempts to carry a start or a signal to Temporal.",
            ["kind", "outcome"],
            registry=registry,
        )
        self._answers = Counter(
            "followthrough_step_answers",
            "What steps told their runs.",
            ["kind", "answer", "reason"],
            registry=registry,
        )
        self._lateness = Histogram(
            "followthrough_woken_late_seconds",
            "From the instant a run slept until to its next transaction.",
            buckets=LATE_S,
            registry=registry,
        )
        self._requests = Histogram(
            "followthrough_request_seconds",
            "How long API requests took, by the template of their address.",
            ["method", "route", "status"],
            buckets=REQUEST_S,
            registry=registry,
        )

    def judged(self, what: Judged, count: int = 1) -> None:
        """As the port says."""
        self._changes.labels(what).inc(count)

    def carried(self, kind: str, *, arrived: bool) -> None:
        """As the port says."""
        self._deliveries.labels(kind, "arrived" if arrived else "failed").inc()

    def answered(self, kind: str, answer: Answered, reason: str) -> None:
        """As the port says."""
        self._answers.labels(kind, answer, reason if not reason or reason in REASONS else OTHER).inc()

    def woke(self, late_s: float) -> None:
        """As the port says."""
        self._lateness.observe(late_s)

    def responded(self, method: str, route: str, status: int, seconds: float) -> None:
        """As the port says. Of a status its class: ``2xx``."""
        method = method if method in METHODS else OTHER
        self._requests.labels(method, route, f"{status // 100}xx" if status else "none").observe(seconds)


@contextmanager
def serving(host: str, port: int) -> Iterator[tuple[PrometheusMeter, int]]:
    """A meter whose figures anybody who reaches ``host:port`` may read, and the port; 0 chooses one.

    Raises:
        OSError: it cannot be listened there.
    """
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    server, thread = start_http_server(port, host, registry)
    try:
        yield PrometheusMeter(registry), server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
