"""What docs/monitoring asks Prometheus for, and whether the bot's own /metrics has it."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs/monitoring"
OF_PROMETHEUS = frozenset({"instance", "job", "le"})
"""Labels that Prometheus adds to what it scrapes, and that of the buckets of a histogram."""

_METRIC = re.compile(r"\b((?:darkroom|process)_\w+)(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\bby \(([^)]*)\)")


def expressions() -> Iterator[str]:
    """Every query of the dashboard and of the alert rules."""
    dashboard = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))
    yield from (target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    yield from (variable["definition"] for variable in dashboard["templating"]["list"] if "definition" in variable)
    rules = (FOLDER / "prometheus-alerts.yml").read_text(encoding="utf-8")
    yield from re.findall(r"^        expr: (?!\|)(.*)$", rules, re.MULTILINE)
    yield from re.findall(r"^        expr: \|\n((?:          .*\n)+)", rules, re.MULTILINE)


def exposed(text: str) -> Mapping[str, frozenset[str]]:
    """The metrics of an answer of /metrics with the labels of their samples; without samples there are none."""
    found: dict[str, frozenset[str]] = {}
    for name, labels in re.findall(r"^([a-z]\w*)(?:\{(.*)\})? ", text, re.MULTILINE):
        found[name] = found.get(name, frozenset()) | set(re.findall(r'(\w+)="', labels))
    return found


def missing(text: str) -> set[str]:
    """The metrics and labels that are queried and that this answer of /metrics does not have."""
    metrics = exposed(text)
    absent: set[str] = set()
    for expression in expressions():
        matched = _METRIC.findall(expression)
        absent |= {name for name, _ in matched if name not in metrics}
        known = OF_PROMETHEUS.union(*(metrics.get(name, frozenset()) for name, _ in matched))
        grouped = {label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(",")}
        absent |= {f"{label} in {expression}" for label in grouped - known}
        for name, matchers in matched:
            labels = set(re.findall(r"(\w+)\s*(?:=|!)", matchers)) - OF_PROMETHEUS
            absent |= {f"{name}{{{label}}}" for label in labels - metrics.get(name, frozenset())}
    return absent
