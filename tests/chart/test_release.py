"""A lane as a separate release: its resources, and what it needs of the base."""

import re
import textwrap
from string import Template

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from tests.chart.rendering import (
    GATEWAY_API,
    LANE,
    ROOT,
    Resource,
    Values,
    of_kind,
    parse,
    render,
    template,
    without_tests,
)
from tests.unit.lanes.reading import plan_of

EXAMPLE = ROOT / "examples" / "pull-requests"
BASE: Values = LANE | {"lanes": LANE["lanes"] | {"only": ""}, "services": {}}
ON_A_CLUSTER = (
    "--api-versions=apiregistration.k8s.io/v1",
    "--api-versions=gateway.networking.k8s.io/v1",
)


def names(resources: list[Resource]) -> set[tuple[str, str]]:
    return {(item["kind"], item["metadata"]["name"]) for item in resources}


def released(values: Values, release: str = "pr-1") -> list[Resource]:
    return without_tests(render(values, release=release))


def test_a_lane_holds_what_it_adds_and_nothing_of_the_base() -> None:
    found = names(released(LANE))
    assert found == {
        ("Service", "mockb-pr-1"),
        ("Deployment", "mockb-pr-1"),
        ("HTTPRoute", "mockb-pr-1"),
        ("HTTPRoute", "pr-1-gateway"),
        ("HTTPRoute", "pr-1-host"),
    }
    assert not found & names(released(BASE, "demo"))


def test_for_pods_of_others_it_is_the_routing_alone() -> None:
    found = names(released(LANE | {"workloads": {"enabled": False}}))
    assert found == names(released(LANE)) - {("Deployment", "mockb-pr-1")}


def test_a_lane_beside_its_base_is_planned_as_a_lane_within_it() -> None:
    within = released(LANE | {"lanes": LANE["lanes"] | {"only": ""} | {"weights": {"pr-1": 0}}})
    beside = released(BASE, "demo") + released(LANE)
    plans = []
    for documents in (within, beside):
        found = plan_of(*documents)
        # Which lane, and which of its ways, is named first hangs on the names of HTTPRoutes.
        plans.append({n.name: (n.weight, n.entry, {*map(str, n.entry_rules)}) for n in found.lanes})
    assert plans[0] == plans[1]


def test_the_same_file_serves_both() -> None:
    """A lane's file that gives it weight 0, as it does within the base's release."""
    weighed = LANE | {"lanes": LANE["lanes"] | {"weights": {"pr-1": 0}}}
    assert released(weighed) == released(LANE)


def test_its_test_verifies_that_lane_by_the_manifests_of_both() -> None:
    (pod,) = of_kind(render(LANE, release="pr-1"), "Pod").values()
    (container,) = pod["spec"]["containers"]
    assert "--lane=pr-1" in container["args"]
    data = of_kind(render(LANE, release="pr-1"), "ConfigMap")["pr-1-test"]["data"]
    given = names(parse(data["manifests.yaml"]))
    assert {("Deployment", "mocka-v1"), ("Deployment", "mockb-pr-1")} <= given


def test_the_gateway_takes_the_lanes_hosts_where_it_names_hosts() -> None:
    named = BASE | {"gateway": BASE["gateway"] | {"hosts": ["shop.example.com"]}}
    (split, *_) = (of_kind(released(v), "HTTPRoute")["pr-1-gateway"] for v in (named, BASE))
    assert split["spec"]["hostnames"] == ["shop.example.com", "*.preview.example.com"]
    assert "hostnames" not in of_kind(released(BASE), "HTTPRoute")["pr-1-gateway"]["spec"]


def test_routes_go_first_and_the_entry_rule_before_the_others() -> None:
    """Helm deletes what has a hook's name before it makes the hook, and before all else."""
    hooks = {
        item["metadata"]["name"]: item
        for item in render(LANE, *ON_A_CLUSTER, release="pr-1")
        if item["metadata"].get("annotations", {}).get("helm.sh/hook") == "pre-delete"
    }
    assert hooks.keys() == of_kind(released(LANE), "HTTPRoute").keys()
    assert {item["kind"] for item in hooks.values()} == {"HTTPRoute"}
    assert all(item["spec"] == {} for item in hooks.values())
    weights = {n: h["metadata"]["annotations"]["helm.sh/hook-weight"] for n, h in hooks.items()}
    assert weights == {"pr-1-gateway": "0", "pr-1-host": "1", "mockb-pr-1": "2"}


@pytest.mark.parametrize("values", [LANE, GATEWAY_API], ids=["for kubectl", "base"])
def test_no_hook_takes_a_routes_place(values: Values) -> None:
    rendered = template(values, "--no-hooks").stdout
    assert "pre-delete" not in template(values).stdout
    assert len(of_kind(without_tests(render(values)), "HTTPRoute")) == rendered.count(
        "kind: HTTPRoute\n"
    )


def pipeline(file: str) -> str:
    """Return the values of a lane that a pipeline of examples/pull-requests gives to Helm."""
    text = (EXAMPLE / file).read_text()
    if file == "workflow.yaml":
        (script,) = re.findall(r"<<END\n(.*?)\n *END\n", text, re.DOTALL)
        known = {"LANE": "pr-123", "SERVICE": "cart", "IMAGE": "ghcr.io/example/cart", "TAG": "1e5"}
        return textwrap.dedent(Template(script).substitute(known))
    sources = yaml.safe_load(text)["spec"]["template"]["spec"]["sources"]
    values: str = sources[1]["helm"]["values"]
    return values.replace("{{ .number }}", "123").replace("{{ .head_sha }}", "1e5")


@pytest.mark.parametrize("file", ["workflow.yaml", "applicationset.yaml"])
def test_a_pipelines_values_make_a_lane(file: str) -> None:
    base = ("--values", str(EXAMPLE / "values" / "base.yaml"))
    found = without_tests(render(yaml.safe_load(pipeline(file)), *base, release="pr-123"))
    pod = of_kind(found, "Deployment")["cart-pr-123"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"].endswith(":1e5")
    assert names(found) == names(parse((EXAMPLE / "rendered" / "pr-123.yaml").read_text()))


def test_the_quota_binds_the_pods_of_the_pipelines_lanes() -> None:
    made, quota = parse((EXAMPLE / "quota.yaml").read_text())
    kubernetes_validate.validate(quota, kubernetes_validate.latest_version(), strict=True)
    (scope,) = quota["spec"]["scopeSelector"]["matchExpressions"]
    assert scope["values"] == [made["metadata"]["name"]]
    assert f"priorityClassName: {scope['values'][0]}" in pipeline("workflow.yaml")
