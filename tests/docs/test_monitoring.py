"""The pages about monitoring: every metric is documented, and rules for alerts ask for metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path

from mailgate.monitoring.catalogue import METRICS

DOCS = Path(__file__).parents[2] / "docs"
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
SAMPLES = {metric.name + suffix: metric for metric in METRICS.values() for suffix in SUFFIXES[metric.kind]}


def expressions() -> list[str]:
    found = re.findall(r"^ +expr: (.+)$", (DOCS / "monitoring.md").read_text(), re.MULTILINE)
    assert len(found) > 10
    return found


def test_every_metric_is_documented() -> None:
    page = (DOCS / "metrics.md").read_text()
    for metric in METRICS.values():
        row = rf"^\| `{metric.name}` \| {metric.kind} \| .* \| {re.escape(metric.says)} \|$"
        assert re.search(row, page, re.MULTILINE), metric.name
    assert len(re.findall(r"^\| `mailgate_", page, re.MULTILINE)) == len(METRICS)


def test_rules_ask_for_metrics_and_labels_that_there_are() -> None:
    for expression in expressions():
        asked = re.findall(r"(mailgate_\w+)(?:\{([^}]*)\})?", expression)
        for name, labels in asked:
            assert name in SAMPLES, expression
            for label in re.findall(r"(\w+)=", labels):
                assert label in SAMPLES[name].labels, expression


def test_only_what_grows_is_asked_for_its_rate() -> None:
    for expression in expressions():
        for name in re.findall(r"(?:rate|increase)\((mailgate_\w+)", expression):
            assert SAMPLES[name].kind != "gauge", expression
