"""The commands of docs/istio.md, from the first one to a verified lane."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.chart.rendering import ROOT
from tests.cluster.kubernetes import kubectl, resource, run
from tests.cluster.release import IMAGE, INGRESS

PAGE = (ROOT / "docs" / "istio.md").read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"^```sh\n(.*?)^```$",
    PAGE.partition("## From nothing to verified lanes")[2].partition("\n## ")[0],
    re.DOTALL | re.MULTILINE,
)
NAMESPACE = "lanes"


def test_what_the_page_says_ends_in_lanes_that_hold() -> None:
    if kubectl("get", "namespace", NAMESPACE, "--ignore-not-found"):
        pytest.fail(f"a namespace {NAMESPACE} is there, which the page would install into")
    image, install, loop = COMMANDS
    assert image.startswith("make image")  # it is there: make test-cluster was told so
    repository = IMAGE.rpartition(":")[0] or "ghcr.io/traffic-lanes/traffic-lanes"
    where, service = INGRESS
    balanced = resource("service", service, namespace=where)["status"].get("loadBalancer")
    script = ["set -euo pipefail", f"REPOSITORY={repository}", install, loop if balanced else ""]
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    gone = f"helm uninstall demo -n {NAMESPACE} --wait && kubectl get deployments -n {NAMESPACE}"
    try:
        said = run("bash", "-c", "\n".join(script), env=path).out
        left = run("bash", "-c", gone, env=path).out
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")
    assert "Lanes hold." in said
    way = r"^-> mocka\(version: v\d, ip: \S+\)-> mockb\(.*\)-> mockc\(.*\)$"
    assert len(re.findall(way, said, re.MULTILINE)) == (10 if balanced else 0)
    assert "mocka" not in left
