"""`lanes lint`: the examples of every rule, what is printed, and what anybody may feed it."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from lanes.lint.check import lint
from lanes.lint.rule import Rule
from lanes.lint.rules import RULES
from scripts.lint_page import PAGE, page
from tests.kube import (
    Document,
    backend,
    deployment,
    destination_rule,
    gateway,
    header_is,
    http_route,
    put,
    route_rule,
    rule,
    service,
    to,
    to_service,
    virtual_service,
    without,
    write,
)
from tests.unit.lanes.lint_manifests import GOOD
from tests.unit.lanes.reading import REPOSITORY
from tests.unit.lanes.test_cli import lanes


def codes(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "mesh.yaml"
    file.write_text(text, encoding="utf-8")
    report = lint([str(file)])
    assert report.unread == ()
    return [finding.rule for finding in report.findings]


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.code)
def test_a_rule_finds_its_example_alone_and_nothing_once_it_is_fixed(
    one: Rule, tmp_path: Path
) -> None:
    assert set(codes(tmp_path, one.bad)) == {one.code}
    assert codes(tmp_path, one.good) == []


def test_codes_are_counted_through_and_the_page_is_made_of_the_rules() -> None:
    assert [one.code for one in RULES] == [f"TL{n:03}" for n in range(1, len(RULES) + 1)]
    assert PAGE.read_text(encoding="utf-8") == page() + "\n", "make manifests"


# What is applied together; asm.yaml and istio.yaml are one example for either mesh.
TOGETHER = [*(REPOSITORY / "k8s").iterdir(), *(REPOSITORY / "examples").glob("*/rendered*")]
OURS = [
    one
    for path in TOGETHER
    for one in (sorted(path.iterdir()) if (path / "asm.yaml").exists() else [path])
]


def test_nothing_is_found_in_our_own_manifests() -> None:
    assert len(OURS) > 5
    reports = [lint([str(path)]) for path in OURS]
    assert [told for report in reports for told in (*report.findings, *report.unread)] == []


def a(version: str, kind: str, name: str = "any", **spec: object) -> Document:
    """A resource of a kind that no helper makes."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


WEB = {"name": "http", "port": 80}
INJECT = "sidecar.istio.io/inject"
SETS_LANE = {"request": {"set": {"baggage": "version=v2"}}}

# What good manifests have, and a rule could take for a fault.
QUIET: dict[str, list[Document]] = {
    "the manifests that the tests of rules change": GOOD,
    "a Service with Endpoints in place of pods": [
        *GOOD,
        put(service("old", WEB), "spec.selector", {}),
        virtual_service("old", rule(to("old"))),
        a("v1", "Endpoints", "old")
        | {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}]},
    ],
    "a canary of one service": [
        virtual_service("cart", rule(to("cart", "v1", weight=80), to("cart", "v2", weight=20)))
    ],
    "weight 0 that sets a lane": [
        virtual_service(
            "*",
            rule(
                to("shop", weight=100),
                to("shop", weight=0, headers={"request": {"set": {"version": "v2"}}}),
            ),
            gateways=["istio-system/web"],
        )
    ],
    "paths, each with its own rule": [
        gateway(),
        virtual_service(
            "*",
            rule(to("shop"), match=[{"uri": {"prefix": "/shop"}}]),
            rule(to("cart"), match=[{"uri": {"exact": "/cart"}}]),
            gateways=["demo-gateway"],
        ),
    ],
    "one version without a label": [
        service("cart", {"name": "http", "port": 80}),
        {**deployment("cart"), "spec": {"template": {"metadata": {"labels": {"app": "cart"}}}}},
        virtual_service("cart", rule(to("cart"))),
    ],
    "a subset that only another mesh has": [
        virtual_service("cart", rule(to("cart", "v2"))),
    ],
    "what occurs twice and says the same": [
        virtual_service("cart", rule(to("cart"))),
        {**virtual_service("cart", rule(to("cart"))), "apiVersion": "networking.istio.io/v1beta1"},
        destination_rule("cart", "v1"),
        destination_rule("cart", "v1"),
    ],
    "rules that meet, and lead to the same": [
        virtual_service(
            "cart",
            rule(to("cart", "v2"), match=[header_is("baggage", "v2", "prefix")]),
            rule(to("cart", "v2"), match=[header_is("baggage", "v2")], name="again"),
            rule(to("cart", "v1")),
        ),
        virtual_service("*", rule(to("shop"), headers=SETS_LANE), gateways=["a/web"]),
    ],
    "a default for who lacks the lane's header": [
        virtual_service(
            "cart",
            rule(to("cart", "v1"), match=[{"withoutHeaders": {"baggage": {}}}]),
            rule(to("cart", "v2"), match=[header_is("baggage", "version=v2")]),
        ),
        virtual_service("*", rule(to("shop"), headers=SETS_LANE), gateways=["a/web"]),
    ],
    "a sidecar by label, whatever the annotation says": [
        service("cart", WEB),
        deployment("cart", labels={INJECT: "true"}, annotations={INJECT: "false"}),
        virtual_service("cart", rule(to("cart"))),
    ],
    "names that may be elsewhere": [
        service("cart", WEB),
        service("users", WEB, namespace="platform"),
        virtual_service("cart", rule(to("cart.shop.svc.cluster.local"))),
        virtual_service("users.other.svc.cluster.local", rule(to("pay.example.com"))),
        virtual_service("api.example.com", rule(to("cart")), name="api"),
        virtual_service("pay", rule(to("pay"))),
        virtual_service("cart-v2", rule(to("cart"))),
        destination_rule("*.default.svc.cluster.local"),
        destination_rule("kubernetes.default.svc.cluster.local"),
    ],
    "a ServiceEntry, and what an operator makes Services of": [
        service("cart", WEB),
        a("networking.istio.io/v1", "ServiceEntry", hosts=["redis.default.svc.cluster.local"]),
        a("db.example.com/v1", "Postgres", "stock"),
        virtual_service(
            "cart", rule(to("redis", port=6379, weight=1), to("stock-primary", weight=1))
        ),
    ],
    "some without a namespace, as charts have it": [
        {**service("cart", WEB), "metadata": {"name": "cart"}},
        virtual_service("cart", rule(to("cart")), namespace="shop"),
    ],
    "a gateway's hosts by namespace, and by a wildcard": [
        gateway("shop/*.example.com", "./api.example.org", namespace="shop"),
        *(
            virtual_service(host, rule(to("cart")), gateways=["demo-gateway"], namespace="shop")
            for host in ("a.example.com", "api.example.org")
        ),
    ],
}


@pytest.mark.parametrize("documents", QUIET.values(), ids=QUIET)
def test_good_manifests_are_left_in_peace(documents: list[Document], tmp_path: Path) -> None:
    report = lint([write(tmp_path, *documents)])
    assert report.findings + report.unread == ()


V2 = rule(to("cart", "v2"), match=[{"uri": {"prefix": "/v2"}}])
CART_ROUTE = http_route("cart", to_service("cart", 80), route_rule(backend("cart", port=80)))
V1_AND_V2_IDLE = rule(to("cart", "v1", weight=1), to("cart", "v2", weight=0))

# What could be told by several rules, of which only some are right.
WRONG: dict[str, tuple[list[Document], set[str]]] = {
    "rules that don't count lead to no 503": (
        [
            service("cart", {"name": "tcp", "port": 80}),
            virtual_service("cart", rule(to("cart", "v9"))),
        ],
        {"TL002"},
    ),
    "nor do rules that no request gets to, nor weight 0": (
        [
            service("cart", WEB),
            deployment("cart"),
            destination_rule("cart", "v1", "v2"),
            virtual_service("cart", V1_AND_V2_IDLE, V2, rule(to("cart", "v3"))),
        ],
        {"TL006", "TL014"},
    ),
    "what occurs twice has no other beside itself": (
        [
            *(destination_rule("cart", name) for name in ("v1", "v2")),
            *(virtual_service("cart", rule(to("cart", name))) for name in ("v1", "v2")),
        ],
        {"TL033"},
    ),
    "rules of an HTTPRoute don't count at a port that is no HTTP": (
        [service("cart", {"name": "tcp", "port": 80}), CART_ROUTE],
        {"TL002"},
    ),
    "nor at a headless Service": (
        [put(service("cart", WEB), "spec.clusterIP", "None"), CART_ROUTE],
        {"TL010"},
    ),
    "who lacks a parameter gets 404": (
        [virtual_service("cart", rule(to("cart"), match=[{"queryParams": {"lane": {}}}]))],
        {"TL007"},
    ),
}


@pytest.mark.parametrize(("documents", "found"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_by_its_own_rules_alone(
    documents: list[Document], found: set[str], tmp_path: Path
) -> None:
    assert {f.rule for f in lint([write(tmp_path, *documents)]).findings} == found


SVC = "svc.cluster.local"


def test_names_that_lead_nowhere_by_what_they_would_mean(tmp_path: Path) -> None:
    """Of nearly a Service's name, where most others are here, of one in another namespace."""
    text = write(
        tmp_path,
        service("orders", WEB),
        service("cart", WEB),
        *(service("users", WEB, namespace=space) for space in ("platform", "zone")),
        virtual_service("orders", rule(to("order"))),
        virtual_service("search", rule(to("orders"))),
        virtual_service("users", rule(to("orders")), name="short"),
        virtual_service("users.platform.svc.cluster.local", rule(to("users")), namespace="shop"),
        virtual_service("orders.default", rule(to("users.platform")), name="half"),
        destination_rule(f"user.platform.{SVC}", "v1"),
        destination_rule("cart", "v1"),
    )
    assert [(f.rule, f.message.partition(":")[0]) for f in lint([text]).findings] == [
        ("TL028", "order is not a Service in these manifests, and orders is"),
        ("TL029", "search is not a Service in these manifests"),
        ("TL029", "users means users.default here, and users.platform is there"),
        ("TL028", "users means users.shop here, and users.platform is there"),
        ("TL029", "orders.default has a dot, so to Istio it is a full name"),
        ("TL030", f"user.platform.{SVC} is not a Service in these manifests, and users is"),
    ]


# The command line

BAD = """\
# A comment, so that lines are counted.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http:
    - route: [{destination: {host: cart}}]
    - match: [{uri: {prefix: /v2}}]
      route: [{destination: {host: cart-v2}}]
"""


@pytest.fixture
def bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "cart.yaml"
    file.write_text(BAD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return file


def test_findings_as_text_at_eighty_columns(bad: Path) -> None:
    result = lanes("lint", bad.name)
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout == (
        "cart.yaml:9: error TL014 VirtualService cart\n"
        "  spec.http[1]: rule http[0] precedes this one and matches all of its requests,\n"
        "  so none reaches it; put the rule that matches more last\n"
        "\n"
        "1 error, 0 warnings in 1 resource\n"
    )


def test_findings_as_json(bad: Path) -> None:
    result = lanes("lint", "--format", "json", bad.name)
    said = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (said["errors"], said["warnings"], said["resources"]) == (1, 0, 1)
    (found,) = said["findings"]
    assert found.pop("message").startswith("rule http[0]")
    assert found == {
        "rule": "TL014",
        "severity": "error",
        "file": "cart.yaml",
        "line": 9,
        "resource": "VirtualService cart",
        "namespace": "default",
        "field": "spec.http[1]",
    }


def test_findings_as_sarif(bad: Path) -> None:
    bad = bad.rename(bad.with_name("a cart.yaml"))
    (run,) = json.loads(lanes("lint", "--format", "sarif", bad.name).stdout)["runs"]
    (result,) = run["results"]
    rules = run["tool"]["driver"]["rules"]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "TL014"
    assert result["level"] == rules[result["ruleIndex"]]["defaultConfiguration"]["level"]
    (place,) = result["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20cart.yaml"},
        "region": {"startLine": 9},
    }


def test_exit_codes(bad: Path, tmp_path: Path) -> None:
    """0 for warnings alone and for nothing, 2 for what can't be read, whatever else is found."""
    assert lanes("lint", "--ignore", "TL014", bad.name).exit_code == 0
    (warned,) = (one for one in RULES if one.code == "TL019")
    assert lanes("lint", "-", text=warned.bad).exit_code == 0
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    result = lanes("lint", str(tmp_path))
    assert result.exit_code == 2
    assert "TL014" in result.stdout
    assert "broken.yaml: line 2: invalid YAML" in result.stderr
    of_codes = f"{RULES[0].code} to {RULES[-1].code}"
    for arguments, why in (["nowhere.yaml"], ""), (["--ignore", "TL999", bad.name], of_codes):
        result = lanes("lint", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert len(result.stderr.splitlines()) == 1
        assert why in result.stderr


def test_the_namespace_of_what_names_none(tmp_path: Path) -> None:
    short = destination_rule("cart", "v1")
    del short["metadata"]["namespace"]
    file = write(tmp_path, service("cart", WEB, namespace="shop"), short)
    for named, exit_code in ([], 0), (["--namespace", "shop"], 0), (["--namespace", "other"], 1):
        result = lanes("lint", *named, file)
        assert (result.exit_code, "TL016" in result.stdout) == (exit_code, exit_code == 1)


MISSHAPEN: dict[str, tuple[Document, str]] = {
    "a scalar for a list": (
        a("networking.istio.io/v1", "VirtualService", hosts="cart"),
        "VirtualService any: spec.hosts: should be a list",
    ),
    "a list for a mapping": (
        a("networking.istio.io/v1", "Gateway", servers=[[]]),
        "Gateway any: spec.servers[0]: should be a mapping",
    ),
    "a number for a label": (
        put(service("cart", WEB), "spec.selector", {"version": 1.0}),
        'Service cart: spec.selector.version: should be a string: write "1.0"',
    ),
    "no template": (
        without(deployment("cart"), "spec.template"),
        "Deployment cart-v1: spec.template: missing",
    ),
    "a field misspelt": (
        a("networking.istio.io/v1", "VirtualService", hosts=["cart"], htttp=[]),
        "VirtualService any: spec.htttp: is not a field there; http is",
    ),
    "and deep within": (
        virtual_service("cart", rule(to("cart"), match=[header_is("x-lane", "v2", "exat")])),
        "VirtualService cart: spec.http[0].match[0].headers.x-lane.exat: is not a field there;"
        " exact is",
    ),
}


@pytest.mark.parametrize(("document", "said"), MISSHAPEN.values(), ids=MISSHAPEN)
def test_what_has_not_the_shape_of_its_kind(document: Document, said: str, tmp_path: Path) -> None:
    file = write(tmp_path, document)
    assert lint([file]).unread == (f"{file}: {said}",)


def test_fields_that_are_not_known_may_be_good(tmp_path: Path) -> None:
    """What a plan refuses, what a newer Istio may have, and parts that a Kustomization joins."""
    settings = {"outlierDetection": {"consecutiveErrors": 5}, "newer": {}}
    file = write(
        tmp_path,
        virtual_service("cart", {"delegate": {"name": "other"}, "mirror_percent": 3}),
        a("networking.istio.io/v1", "Sidecar", outboundTrafficPolicy={"mode": "ALLOW_ANY"}),
        destination_rule("cart", policy=settings),
        a("kustomize.config.k8s.io/v1beta1", "Kustomization"),
        a("apps/v1", "Deployment", replicas=3),
    )
    assert lint([file]).unread == ()


def test_no_mistake_in_types_ends_it(tmp_path: Path) -> None:
    """Values of the wrong type, at any place of any example."""
    chance = random.Random(11)
    for number in range(150):
        documents = list(yaml.safe_load_all(chance.choice(RULES).bad))
        document = chance.choice(documents)
        holder, key = chance.choice(list(_places(document)))
        holder[key] = chance.choice([None, [], {}, "", "*", 3, True, [None], {"a": [1]}, ["(?P<"]])
        lint([write(tmp_path, *documents, name=f"{number}.yaml"), write(tmp_path, deployment("a"))])


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a document where a value stands: what holds it, and its key there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [(value, key) for key, _ in inner]
    held = value.values() if isinstance(value, dict) else value
    return found + [place for one in held if isinstance(one, dict | list) for place in _places(one)]
