"""The Grafana dashboard: its queries have metrics, and it opens at its release."""

import json
import re
from collections import defaultdict
from itertools import combinations
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.management import Metrics
from tests.chart.rendering import CHART, ROOT, Values, of_kind, render

# What the ServiceMonitor adds to each sample.
TARGET = {"namespace", "service", "version"}
# https://istio.io/latest/docs/reference/config/metrics/
OF_ISTIO = {"reporter", "destination_service_namespace", "destination_service_name"}
OF_ISTIO |= {"destination_version", "response_code"}
ISTIO = {
    "istio_requests_total": OF_ISTIO,
    "istio_request_duration_milliseconds_bucket": {*OF_ISTIO, "le"},
}
SELECTED = re.compile(r"rate\((\w+)\{([^}]*)\}\[\$__rate_interval\]\)")
GROUPED = re.compile(r"by \(([^)]*)\)")


def dashboard(values: Values | None = None) -> dict[str, Any]:
    resources = render({"dashboard": {"enabled": True}} | (values or {}))
    (told,) = of_kind(resources, "ConfigMap")["demo-dashboard"]["data"].values()
    found: dict[str, Any] = json.loads(told)
    return found


def queries(found: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in found["panels"] for target in panel.get("targets", [])]


def exposed() -> dict[str, set[str]]:
    """Return the samples of a service's /metrics with their labels."""
    metrics = Metrics("mocka", "v1", "own 0.64b0")
    metrics.observe_request("v1", 200, 0.1)
    metrics.observe_upstream("http://mockb:8000/", 200, 0.1)
    metrics.refused.inc()
    found: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            found[sample.name] |= {*sample.labels, *TARGET}
    return found


def test_what_is_asked_for_is_exposed() -> None:
    there = exposed() | ISTIO
    for query in queries(json.loads((CHART / "dashboards/lanes.json").read_text())):
        selected = SELECTED.findall(query)
        assert len(selected) == query.count("rate(")
        for metric, matchers in selected:
            asked = set(re.findall(r"(\w+)=", matchers))
            asked.update(*(group.split(", ") for group in GROUPED.findall(query)))
            assert asked <= there[metric], query


def test_panels_are_told_and_do_not_overlap() -> None:
    panels = dashboard()["panels"]
    assert all(panel["description"] for panel in panels if panel["type"] != "row")
    covered = []
    for at in (panel["gridPos"] for panel in panels):
        places = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert max(x for x, _ in places) < 24
        covered.append(places)
    assert not any(one & other for one, other in combinations(covered, 2))


def test_it_opens_at_its_release_with_lanes_in_the_colors_of_the_live_map() -> None:
    found = dashboard()
    variables = {each["name"]: each.get("current") for each in found["templating"]["list"]}
    assert variables["namespace"]["value"] == ["default"]
    assert variables["service"]["value"] == "mocka"
    css = (ROOT / "lanes/page/static/page.css").read_text()
    colors = re.findall(r"--lane-\d: (#\w+);", css)[:3]
    panel = next(each for each in found["panels"] if each["title"] == "Errors by lane")
    *series, mapped = panel["fieldConfig"]["overrides"]
    assert [
        (each["matcher"]["options"], each["properties"][0]["value"]["fixedColor"])
        for each in series
    ] == list(zip(("v1", "v2", "v3"), colors, strict=True))
    (mapping,) = mapped["properties"][0]["value"]
    assert mapping["options"]["v2"]["color"] == colors[1]


def test_the_queries_of_the_docs_are_the_dashboards() -> None:
    table = (ROOT / "docs/traces.md").read_text().partition("| what | query |")[2]
    told = re.findall(r"^\| [^|`]+ \| `(.+)` \|$", table, re.MULTILINE)
    shown = set()
    for query in queries(dashboard()):
        plain = re.sub(r'(namespace|lane)=~?"\$\w+"(, )?', "", query)
        plain = plain.replace(", }", "}").replace("{}", "").replace("$service", "mocka")
        shown.add(plain.replace("$__rate_interval", "5m"))
    assert len(told) >= 5
    assert set(told) <= shown
