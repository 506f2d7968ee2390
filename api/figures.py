"""The figures of an installation as Prometheus reads them; docs/operations.md says of each what to do."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from store.figures import Figures

BY_LABEL = {
    "changes": (("state",), "Changes by state: waiting to be judged, or failed: set aside after five failures."),
    "deliveries": (
        ("state",),
        "Starts and signals on their way to Temporal: waiting, retrying after a failed attempt, postponed: due later.",
    ),
    "enrollments": (("status",), "Enrollments by status."),
    "effects": (("state",), "Outside effects by state of the ledger."),
    "jobs": (("kind", "status"), "Long work, such as imports and what takes many in or out, by kind and status."),
    "thread_mails": (("status",), "Mails that colleagues wrote in conversations and that are not sent yet."),
    "oldest_job_seconds": (
        ("kind",),
        "Time since the job was worked on last that has waited longest to be, the paused aside; 0 when none waits.",
    ),
}
PLAIN = {
    "held_enrollments": "Enrollments that are paused and wait for somebody to resume them.",
    "held_messages": "Messages held back until their sending window opens.",
    "undecided_effects": "Effects of which nobody knows whether they arrived, and whose runs wait for a decision.",
    "failing_sweeps": "Sweeps that fail as a whole: what changes by time is not looked at.",
    "sweep_failures": "Items that sweeps stepped past because nothing could be decided about them.",
    "oldest_change_seconds": "Age of the change that has waited longest to be judged; 0 when none waits.",
    "oldest_delivery_seconds": "Time since the delivery was due that has waited longest; 0 when none is due.",
    "oldest_thread_mail_seconds": "Age of what a colleague wrote and has waited longest to be sent; 0: none waits.",
    "wake_lateness_seconds": "Time since whoever is furthest behind should have gone on; 0 when nobody is late.",
}


def in_prometheus_format(figures: Figures) -> bytes:
    """The figures as text, each a gauge that begins with ``followthrough_``."""
    registry = CollectorRegistry()
    for name, (labels, words) in BY_LABEL.items():
        gauge = Gauge(f"followthrough_{name}", words, labels, registry=registry)
        found: Mapping[str | tuple[str, ...], float] = getattr(figures, name.removesuffix("_seconds"))
        for values, number in found.items():
            gauge.labels(*([values] if isinstance(values, str) else values)).set(number)
    for name, words in PLAIN.items():
        value = getattr(figures, name.removesuffix("_seconds"))
        Gauge(f"followthrough_{name}", words, registry=registry).set(value)
    return generate_latest(registry)
