"""docs/monitoring.md and the alert rules name the metrics there are, and each other's alerts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from ruamel.yaml import YAML

from api.figures import BY_LABEL, PLAIN
from domain.metering import REASONS
from gateways.metrics import PrometheusMeter
from tests.laws.sources import ROOT, hold

PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
FIGURES = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("\n## Figures\n")[1].split("\n## ")[0]
RULES: list[dict[str, Any]] = [
    rule
    for group in YAML(typ="safe", pure=True).load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
ROW = re.compile(r"^\| `(followthrough_\w+)` \| (counter|histogram) \| ([^|]*)\|", re.MULTILINE)
ALERT = re.compile(r"^\| `(Followthrough\w+)` \| `(.+?)` \|", re.MULTILINE)
OF_OTHERS = frozenset({
    "up", "node_filesystem_avail_bytes", "temporal_worker_task_slots_available", "temporal_num_pollers"
})  # fmt: skip
"""What Prometheus, node_exporter and the Temporal SDK name; tests/test_metrics.py finds the SDK's on a worker."""


def _families() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Type and labels by the name under which a process tells each."""
    found = {}
    for metric in vars(PrometheusMeter(CollectorRegistry())).values():
        assert isinstance(metric, MetricWrapperBase)
        (family,) = metric.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = (family.type, tuple(metric._labelnames))
    return found


def _names() -> dict[str, frozenset[str]]:
    """The labels of everything an expression may name."""
    names = {f"followthrough_{name}": frozenset(labels) for name, (labels, _) in BY_LABEL.items()}
    names |= {f"followthrough_{name}": frozenset() for name in PLAIN}
    for name, (type, labels) in _families().items():
        suffixes = ("_bucket", "_count", "_sum") if type == "histogram" else ("",)
        names |= {f"{name}{suffix}": frozenset(labels) for suffix in suffixes}
    return names


def test_the_page_names_the_metrics_of_a_process_with_their_types_and_labels() -> None:
    told = {name: (type, tuple(re.findall(r"`(\w+)`", labels))) for name, type, labels in ROW.findall(PAGE)}
    assert told == _families()


def test_the_table_of_figures_names_what_is_counted_in_the_database() -> None:
    told = {
        name for row in re.findall(r"^\| (`\w+.*?) \|", FIGURES, re.MULTILINE) for name in re.findall(r"`(\w+)", row)
    }
    hold({*BY_LABEL, *PLAIN} - told, "docs/operations.md has a row for each figure.")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    known = _names()
    named = re.findall(r"\b((?:followthrough|temporal|node)_\w+|up\b)(?:\{([^}]*)\})?", rule["expr"])
    assert named
    for name, selector in named:
        assert name in known or name in OF_OTHERS, name
        if name in known:
            assert set(re.findall(r"(\w+)\s*(?:=|!)", re.sub(r'"[^"]*"', "", selector))) <= known[name], selector
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]


def test_the_page_says_of_every_alert_what_to_do_by_the_very_expression() -> None:
    told = [(name, expression.replace("\\|", "|")) for name, expression in ALERT.findall(PAGE)]
    assert told == [(rule["alert"], " ".join(rule["expr"].split())) for rule in RULES]


def test_no_reason_is_longer_than_a_word_of_a_list() -> None:
    hold([reason for reason in REASONS if not re.fullmatch(r"[a-z_]{3,24}", reason)], "Reasons are words of the code.")
