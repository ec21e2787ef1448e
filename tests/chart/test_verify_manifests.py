"""The manifests that `helm test` gives to `lanes verify`: enough for the plan, and little else."""

from pathlib import Path

import pytest

from lanes.planning.plan import plan
from lanes.planning.result import Plan
from tests import kube
from tests.chart.rendering import (
    VARIANTS,
    Values,
    of_kind,
    render,
    without_tests,
)
from tests.mesh.running import load

SHAPES = [
    "default",
    "istio",
    "gateway-api",
    "operator",
    "none",
    "istio-strict",
    "awkward-names",
    "gateway-api-awkward-names",
    "per-version",
    "istio-entry-rules",
]
LIMIT = 2**20  # of all that a ConfigMap holds


def manifests(values: Values) -> str:
    data: str = of_kind(render(values), "ConfigMap")["demo-test"]["data"]["manifests.yaml"]
    return data


def planned(*paths: str) -> Plan:
    return plan(load(*paths))


@pytest.mark.parametrize("shape", SHAPES)
def test_it_gives_the_plan_of_what_is_rendered(shape: str, tmp_path: Path) -> None:
    values = VARIANTS[shape]
    (tmp_path / "given.yaml").write_text(manifests(values))
    whole = kube.write(tmp_path, *without_tests(render(values)), name="whole.yaml")
    assert planned(str(tmp_path / "given.yaml")) == planned(whole)


def test_it_holds_nothing_that_a_team_may_have_put_into_a_pod() -> None:
    secret = {"defaults": {"env": {"PASSWORD": "hunter2", "log_level": "debug"}}}
    assert "hunter2" not in manifests(secret)
    assert "HTTPRoute" not in manifests(secret)


def test_what_is_too_much_for_one_configmap_goes_into_several(tmp_path: Path) -> None:
    """At forty services in forty lanes it is 1.4 MB."""
    values: Values = {"defaults": {"env": {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "x" * 200_000}}}
    resources = render(values)
    for config in of_kind(resources, "ConfigMap").values():
        assert sum(map(len, config["data"].values())) < LIMIT
        for name, text in config["data"].items():
            (tmp_path / name).write_text(text)
    pod = of_kind(resources, "Pod")["demo-test"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounted = [each["configMap"]["name"] for each in volumes["manifests"]["projected"]["sources"]]
    assert mounted == list(of_kind(resources, "ConfigMap")) == ["demo-test", "demo-test-2"]
    read_from = [
        str(tmp_path / argument.rpartition("/")[2])
        for argument in pod["containers"][0]["args"]
        if argument.startswith("--manifests=/manifests/")
    ]
    whole = kube.write(tmp_path, *without_tests(resources), name="whole.yaml")
    assert planned(*read_from) == planned(whole)


def test_calls_that_only_the_environment_tells_are_given(tmp_path: Path) -> None:
    env = {"HOST": "mockb", "CALLS": "http://$(HOST).default:8000/a", "KEY": "a:b", "OTHER": "c:1"}
    own = {"sample": False, "image": {"repository": "own"}, "upstreams": None, "env": env}
    values: Values = {"gateway": {"services": {"mocka": {}}}, "services": {"mocka": own}}
    text = manifests(values)
    assert "http://mockb.default:8000/a" in text
    assert not any(told in text for told in ("HOST", "a:b", "c:1"))
    (tmp_path / "given.yaml").write_text(text)
    whole = kube.write(tmp_path, *without_tests(render(values)), name="whole.yaml")
    assert planned(str(tmp_path / "given.yaml")) == planned(whole)
    assert not planned(whole).unreached
