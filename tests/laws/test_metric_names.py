"""docs/monitoring.md names every metric of a process, with its type and labels, and none that does not exist."""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from gateways.metrics import PrometheusMeter
from tests.laws.sources import ROOT

ROW = re.compile(r"^\| `(followthrough_\w+)` \| (counter|histogram) \| ([^|]*)\|", re.MULTILINE)


def exported() -> set[tuple[str, str, tuple[str, ...]]]:
    """Name as scraped, type and labels of what a process counts."""
    meter = PrometheusMeter(CollectorRegistry())
    found = set()
    for metric in vars(meter).values():
        assert isinstance(metric, MetricWrapperBase)
        (family,) = metric.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found.add((name, family.type, tuple(metric._labelnames)))
    return found


def test_the_page_names_the_metrics_there_are() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    told = {(name, type, tuple(re.findall(r"`(\w+)`", labels))) for name, type, labels in ROW.findall(page)}
    assert told == exported()
