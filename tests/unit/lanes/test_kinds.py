"""What the kinds hold, and the sentence that names each field that they do not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanes.lint.check import lint
from lanes.reading.kinds import may_route
from lanes.reading.kinds.fields import seconds
from tests.kube import (
    Document,
    api_gateway,
    backend,
    deployment,
    destination_rule,
    gateway,
    header_is,
    header_propagation,
    http_route,
    instrumentation,
    listener,
    put,
    route_rule,
    rule,
    service,
    sets,
    takes,
    to,
    to_gateway,
    to_service,
    virtual_service,
    without,
    write,
)
from tests.unit.lanes.reading import mesh_of, refusal

NOT_UNDERSTOOD = "may choose routes, and is not supported; correct or remove it"
NOT_RUN = "not simulated: left out"
A_DURATION = "should be a duration such as 500ms, 2s or 1m30s"
CONTAINER = "spec.template.spec.containers[0]"
POLICY = "spec.trafficPolicy"
FALLBACK = "spec.http[0].route[0].fallback.target"
MATCHED = "spec.http[0].match[0].headers.version"

HTTP_ROUTE = http_route(
    "r",
    to_gateway(),
    route_rule(
        backend("a", sets("x", "1")),
        matches=[takes("/", {"version": "v1"})],
        filters=[sets("x", "1")],
    ),
)
VIRTUAL_SERVICE = virtual_service("a", rule(to("a"), match=[header_is("version", "v1")]))
DESTINATION_RULE = destination_rule("a", "v1", policy={"outlierDetection": {}})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0s", 0),
        ("2s", 2),
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("1m30s", 90),
        ("1h", 3600),
        ("1h1m1s1ms", 3661.001),
        ("0.5m", 30),
        ("+1s", 1),
        (".5s", 0.5),
        ("5us", 0.000005),
        ("5µs", 0.000005),
        ("5ns", 0.000000005),
    ],
)
def test_a_duration_in_seconds(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_duration_is_the_sum_of_its_parts(h: int, m: int, s: int, ms: int) -> None:
    parts = h * 3600 + m * 60 + s + ms / 1000
    assert seconds(f"{h}h{m}m{s}s{ms}ms") == pytest.approx(parts)


@pytest.mark.parametrize("text", ["", "2", 2, 2.5, "-1s", "s", "1 s", "1x", "1sm", "1.s", None])
def test_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="should be a duration"):
        seconds(text)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (VIRTUAL_SERVICE, "spec.http[0].headers.request.replace"),
        (VIRTUAL_SERVICE, "spec.http[0].route[0].destination.name"),
        (VIRTUAL_SERVICE, "spec.http[0].timeOut"),
        (put(VIRTUAL_SERVICE, FALLBACK, {"host": "a"}), f"{FALLBACK}.fallback"),
        (DESTINATION_RULE, "spec.workloadSelector"),
        (DESTINATION_RULE, f"{POLICY}.outlierDetection.consecutive"),
        (DESTINATION_RULE, "spec.subsets[0].selector"),
        (HTTP_ROUTE, "spec.rules[0].sessionPersistence"),
        (HTTP_ROUTE, "spec.rules[0].filters[0].extensionRef"),
        (HTTP_ROUTE, "spec.rules[0].backendRefs[0].filters[0].requestMirror"),
        (HTTP_ROUTE, "spec.useDefaultGateways"),
        (api_gateway(), "spec.listeners[0].allowedRoutes.namespaces.selector.matchExpressions"),
        (header_propagation("version"), "spec.headerPrefixes"),
        (header_propagation("version", labels={"app": "a"}), "spec.workloadSelector.matchLabels"),
    ],
)
def test_a_field_that_may_choose_a_route_is_named(document: Document, path: str) -> None:
    who = f"{document['kind']} {document['metadata']['name']}"
    assert refusal(put(document, path, ["x"])) == f"{who}: {path}: {NOT_UNDERSTOOD}"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (VIRTUAL_SERVICE, "spec.tcp"),
        (DESTINATION_RULE, f"{POLICY}.connectionPool.http.maxRetries"),
        (DESTINATION_RULE, f"{POLICY}.connectionPool.tcp.maxConnections"),
        (DESTINATION_RULE, f"{POLICY}.loadBalancer.consistentHash"),
        (DESTINATION_RULE, f"{POLICY}.loadBalancer.warmup"),
        (DESTINATION_RULE, f"{POLICY}.loadBalancer.localityLbSetting.distribute"),
        (DESTINATION_RULE, f"{POLICY}.loadBalancer.localityLbSetting.failover"),
        (DESTINATION_RULE, f"{POLICY}.tls"),
        (DESTINATION_RULE, "spec.subsets[0].trafficPolicy.tls"),
        (api_gateway(), "spec.tls"),
        (deployment("a"), f"{CONTAINER}.command"),
        (deployment("a"), f"{CONTAINER}.args"),
        (deployment("a"), f"{CONTAINER}.envFrom"),
        (deployment("a"), "spec.template.spec.initContainers"),
        (deployment("a"), f"{CONTAINER}.env[0].valueFrom.secretKeyRef"),
        (deployment("a"), f"{CONTAINER}.env[0].valueFrom.configMapKeyRef"),
    ],
)
def test_what_chooses_no_route_is_planned_and_not_run(document: Document, path: str) -> None:
    who = f"{document['kind']} {document['metadata']['name']}"
    asked = put(document, path, [{"mode": "SIMPLE"}])
    mesh = mesh_of(*(d for d in (service("a"), deployment("a")) if d != document), asked)
    (sentence,) = mesh.not_run
    assert sentence.endswith(f"{who}: {path}: {NOT_RUN}")


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        (DESTINATION_RULE, f"{POLICY}.tls", {"mode": "ISTIO_MUTUAL"}),
        (DESTINATION_RULE, "spec.exportTo", ["*"]),
        (VIRTUAL_SERVICE, "spec.exportTo", ["*"]),
        (deployment("a"), f"{CONTAINER}.args", []),
        (deployment("a"), f"{CONTAINER}.livenessProbe", {"exec": {}}),
        (deployment("a"), "spec.template.spec.volumes", [{}]),
        (instrumentation(), "spec.exporter.tls", {}),
    ],
)
def test_what_a_laptop_does_not_see_is_run(document: Document, path: str, value: object) -> None:
    others = (d for d in (service("a"), deployment("a")) if d != document)
    assert mesh_of(*others, put(document, path, value)).not_run == ()


@pytest.mark.parametrize(
    ("document", "path", "value", "problem"),
    [
        (VIRTUAL_SERVICE, "spec.http[0].timeout", "2", A_DURATION),
        (VIRTUAL_SERVICE, "spec.http[0].timeout", 2, A_DURATION),
        (VIRTUAL_SERVICE, "spec.http[0].retries.perTryTimeout", "soon", A_DURATION),
        (VIRTUAL_SERVICE, "spec.http[0].retries.attempts", -1, "greater than or equal to 0"),
        (VIRTUAL_SERVICE, "spec.http[0].retries.attempts", "some", "should be a valid integer"),
        (VIRTUAL_SERVICE, "spec.http[0]", {"route": []}, "should have a route, a redirect or"),
        (VIRTUAL_SERVICE, "spec.http[0].match[0].uri", {}, "exactly one of exact, prefix"),
        (VIRTUAL_SERVICE, MATCHED, {"exact": "v1", "regex": "v1"}, "exactly one of exact, prefix"),
        (VIRTUAL_SERVICE, MATCHED, {"regex": ""}, "is empty"),
        (VIRTUAL_SERVICE, MATCHED, {"prefix": ""}, "is empty"),
        (
            VIRTUAL_SERVICE,
            "spec.http[0].route[0].destination.subset",
            "$x",
            "depends on the calling pod",
        ),
        (VIRTUAL_SERVICE, "spec.http[0].route[0].destination.port.number", 0, "greater than"),
        (VIRTUAL_SERVICE, "spec.hosts", [], "is empty"),
        (VIRTUAL_SERVICE, "spec.hosts", "a", "should be a valid list"),
        (
            VIRTUAL_SERVICE,
            "spec.http[0].headers.request.set.x",
            1,
            "should be a string; put it in quotes",
        ),
        (DESTINATION_RULE, f"{POLICY}.outlierDetection.baseEjectionTime", 30, A_DURATION),
        (DESTINATION_RULE, f"{POLICY}.loadBalancer.simple", "PASSTHROUGH", "'ROUND_ROBIN'"),
        (HTTP_ROUTE, "spec.parentRefs[0]", {"kind": "Mesh", "name": "a"}, "should be a Gateway of"),
        (
            HTTP_ROUTE,
            "spec.parentRefs[0]",
            {**to_service("a"), "sectionName": "b"},
            "names a section of a Service",
        ),
        *(
            (HTTP_ROUTE, "spec.rules[0].backendRefs[0]", {"name": "a", **ref}, "is not supported")
            for ref in (
                {"group": "networking.istio.io", "kind": "Hostname"},
                {"group": "multicluster.x-k8s.io", "kind": "ServiceImport"},
                {"group": "inference.networking.k8s.io", "kind": "InferencePool"},
            )
        ),
        (HTTP_ROUTE, "spec.rules[0].backendRefs[0]", {"name": "a"}, "a Service needs a port"),
        (
            HTTP_ROUTE,
            "spec.rules[0].matches[0].headers[0]",
            {"name": "x", "type": "RegularExpression", "value": "("},
            "does not compile as RE2",
        ),
        (HTTP_ROUTE, "spec.rules[0].timeouts.request", "2", A_DURATION),
        (HTTP_ROUTE, "spec.rules[0].filters[0].type", "ExtensionRef", "'RequestRedirect'"),
        (HTTP_ROUTE, "spec.rules[0].filters", [sets("x", "1")] * 2, "two filters of one type"),
        (HTTP_ROUTE, "spec.rules[0].matches[0].headers[0].type", "Prefix", "'RegularExpression'"),
        (HTTP_ROUTE, "spec.rules[0].matches[0].headers[0].value", "", "at least 1 character"),
        (
            HTTP_ROUTE,
            "spec.rules[0].matches[0]",
            {"headers": [{"name": name, "value": "1"} for name in ("x", "X")]},
            "names a header twice",
        ),
        (api_gateway(), "spec.listeners", [], "is empty"),
        (
            api_gateway(),
            "spec.listeners[0]",
            listener(protocol="HTTPS"),
            "protocol HTTPS needs tls",
        ),
        (HTTP_ROUTE, "spec.rules[0].filters[0]", {"type": "URLRewrite"}, "is of type URLRewrite"),
        (
            HTTP_ROUTE,
            "spec.rules[0].matches[0]",
            {"queryParams": [{"name": "q", "value": "1"}] * 2},
            "names a query parameter twice",
        ),
        (gateway(), "spec.servers", [], "is empty"),
        (gateway(), "spec.servers[0].hosts[0]", "", "at least 1 character"),
        (gateway(), "spec.servers[0].port.number", 70000, "less than or equal to 65535"),
        (header_propagation("version"), "spec.headers[0]", "x y", "is not a header's name"),
        (header_propagation("version"), "spec.headers[0]", "x'] = 1}", "is not a header's name"),
        (header_propagation(prefixes=["x"]), "spec.headerPrefix[0]", "", "is not a header's name"),
        (header_propagation(prefixes=["x"]), "spec.headerPrefix", "x-", "should be a valid list"),
        (
            deployment("a"),
            f"{CONTAINER}.env[0].value",
            8000,
            "should be a string; put it in quotes",
        ),
        (deployment("a"), "spec.template.spec.containers", [], "is empty"),
        (deployment("a"), f"{CONTAINER}.ports[0].containerPort", 0, "greater than or equal to 1"),
        *(
            (service("a"), "spec.ports[0].targetPort", no_port, "should be a port from 1 to 65535")
            for no_port in (False, True, -1, 65536, 1.5)
        ),
    ],
)
def test_a_value_that_is_none_is_named(
    document: Document, path: str, value: object, problem: str
) -> None:
    sentence = refusal(put(document, path, value))
    who = f"{document['kind']} {document['metadata']['name']}"
    assert sentence.startswith(f"{who}: {path}: ")
    assert problem in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("document", "path", "value", "problem"),
    [
        (VIRTUAL_SERVICE, "spec.http[0].route[0].weight", -5, "greater than or equal to 0"),
        (VIRTUAL_SERVICE, "spec.http[0].route[0].weight", 33.3, "integer"),
        (VIRTUAL_SERVICE, "spec.http[0].route[0].weight", "50", "integer"),
        (VIRTUAL_SERVICE, "spec.http[0].route[0].weight", True, "integer"),
        (VIRTUAL_SERVICE, "spec.http[0].timeout", "soon", A_DURATION),
        *(
            (
                VIRTUAL_SERVICE,
                "spec.http[0].retries.retryOn",
                f"reset,{name}",
                f'has "{name}", which',
            )
            for name in ("gateway-eror", "600", "5XX")
        ),
        (VIRTUAL_SERVICE, MATCHED, {"regex": "(?=v1)"}, "RE2"),
        (VIRTUAL_SERVICE, "spec.http[0].match[0].uri", {"regex": "["}, "RE2"),
        (VIRTUAL_SERVICE, "spec.http[0].match[0].uri", {"exact": "/", "prefix": "/"}, "one of"),
        (gateway(), "spec.servers[0].hosts", [], "is empty"),
        (HTTP_ROUTE, "spec.rules[0].backendRefs[0].weight", -1, "greater than or equal to 0"),
        (
            HTTP_ROUTE,
            "spec.rules[0].matches[0].path",
            {"type": "RegularExpression", "value": "/("},
            "does not compile as RE2",
        ),
        (HTTP_ROUTE, "spec.rules[0].matches[0].path", {"value": "a"}, "should be a path"),
        (DESTINATION_RULE, f"{POLICY}.outlierDetection.interval", "1", A_DURATION),
        (DESTINATION_RULE, f"{POLICY}.outlierDetection.maxEjectionPercent", 101, "100"),
        (gateway(), "spec.servers[0].port.number", "80", "integer"),
        (deployment("a"), "spec.replicas", -1, "greater than or equal to 0"),
        (deployment("a"), f"{CONTAINER}.readinessProbe.httpGet.port", 0, "a port from 1 to 65535"),
        (service("a"), "spec.ports[0].port", 65536, "less than or equal to 65535"),
    ],
)
def test_what_no_mesh_takes_is_told_by_plan_and_lint(
    tmp_path: Path, document: Document, path: str, value: object, problem: str
) -> None:
    wrong = put(document, path, value)
    (by_lint,) = lint([write(tmp_path, wrong)]).unread
    for sentence in (refusal(wrong), by_lint):
        assert f"{document['kind']} {document['metadata']['name']}: {path}: " in sentence
        assert problem in sentence
        assert "\n" not in sentence


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        (deployment("a"), "spec.replicas", 1001),
        (VIRTUAL_SERVICE, "spec.http[0].match[0].headers", {"@request.auth.claims.a": {}}),
    ],
)
def test_what_the_plan_alone_does_not_take(
    tmp_path: Path, document: Document, path: str, value: object
) -> None:
    refusal(put(document, path, value))
    assert lint([write(tmp_path, put(document, path, value))]).unread == ()


def test_a_pod_of_several_containers_is_planned_by_the_one_that_calls() -> None:
    document = deployment("a", "v1", "b")
    container = document["spec"]["template"]["spec"]["containers"][0]
    agent = {"name": "agent", "ports": [{"name": "admin", "containerPort": 9}]}
    mesh = mesh_of(put(document, "spec.template.spec.containers", [agent, container]))
    assert mesh.pods[0].upstream_urls == ("http://b:8000/",)
    assert mesh.pods[0].named_ports["admin"] == 9
    assert "spec.template.spec.containers: one of 2 is run here" in mesh.not_run[0]


@pytest.mark.parametrize(
    "regex",
    [
        "/a(",
        "(?!v1).*",
        "(?=v).*",
        "(?<=v)1",
        "(?<!v)1",
        r"(v)\1",
        "v++",
        "(?>v2)",
        "v(?#note)2",
        r"v2\Z",
        "(?P<n>v)(?P=n)",
    ],
)
def test_a_regex_that_re2_does_not_take(regex: str, capfd: pytest.CaptureFixture[str]) -> None:
    sentence = refusal(put(VIRTUAL_SERVICE, "spec.http[0].match[0].uri", {"regex": regex}))
    assert sentence.startswith(
        "VirtualService a: spec.http[0].match[0].uri: regex does not compile as RE2: "
    )
    assert "\n" not in sentence
    assert "b'" not in sentence  # re2 tells it in bytes
    assert capfd.readouterr().err == ""  # where re2 would write it as well


@pytest.mark.parametrize(
    "regex",
    [r"(?:v)\\1", r"\(\?=", "v[0-9]+", "(?i)V2", "(?P<n>v)2", "v2|v3", r"\pL", "[[:alpha:]]"],
)
def test_a_regex_that_re2_takes(regex: str) -> None:
    mesh_of(
        service("a"),
        deployment("a"),
        virtual_service("a", rule(to("a"), match=[header_is("version", regex, "regex")])),
    )


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (VIRTUAL_SERVICE, "spec.http[0].route[0].destination.host"),
        (VIRTUAL_SERVICE, "spec.hosts"),
        (DESTINATION_RULE, "spec.host"),
        (DESTINATION_RULE, "spec.subsets[0].name"),
        (gateway(), "spec.servers[0].port.protocol"),
        (api_gateway(), "spec.listeners[0].port"),
        (deployment("a"), "spec.template"),
        (service("a"), "spec.ports[0].port"),
        (service("a"), "spec"),
    ],
)
def test_a_field_that_is_missing_is_named(document: Document, path: str) -> None:
    who = f"{document['kind']} {document['metadata']['name']}"
    assert refusal(without(document, path)) == f"{who}: {path}: missing"


def test_a_resource_as_a_cluster_hands_it_out() -> None:
    live = put(VIRTUAL_SERVICE, "status", {"conditions": []})
    live = put(live, "metadata.resourceVersion", "7")
    assert mesh_of(service("a"), deployment("a"), live).ports


@pytest.mark.parametrize("name", ["User-Agent", "accept", "x-forwarded-for", "te"])
def test_a_hop_that_matches_what_callers_set_is_refused(name: str) -> None:
    found = rule(to("a"), match=[{"headers": {name: {"prefix": "x"}}}])
    assert refusal(service("a"), deployment("a"), virtual_service("a", found)) == (
        f"VirtualService a: spec.http[0].match[0].headers.{name}:"
        " manifests do not say which value clients send; match the lane's header"
    )
    mesh_of(service("a"), deployment("a"), virtual_service("*", found, gateways=["demo"]))


@pytest.mark.parametrize("conditions", ["", "503", "reset,connect-failure , 5xx"])
def test_conditions_to_retry_on(conditions: str) -> None:
    retrying = put(VIRTUAL_SERVICE, "spec.http[0].retries", {"retryOn": conditions})
    assert mesh_of(service("a"), deployment("a"), retrying).ports


def test_a_pod_on_the_sidecars_port_is_not_run() -> None:
    (sentence,) = mesh_of(service("a", 15001), deployment("a", port=15001)).not_run
    assert f"{CONTAINER}.ports: 15001 is the sidecar's port; use another" in sentence


@pytest.mark.parametrize("name", [":path", "a b"])
def test_a_header_that_nothing_can_remove_is_refused(name: str) -> None:
    headers = {"request": {"remove": [name]}}
    assert refusal(put(VIRTUAL_SERVICE, "spec.http[0].headers", headers)) == (
        "VirtualService a: spec.http[0].headers.request.remove[0]:"
        " is not a header that can be changed here"
    )


def test_core_kinds_may_say_what_only_a_cluster_acts_on() -> None:
    document = put(deployment("a"), f"{CONTAINER}.resources", {"limits": {"cpu": 1}})
    document = put(document, f"{CONTAINER}.securityContext", {"runAsNonRoot": True})
    document = put(document, "spec.template.spec.affinity", {})
    document = put(document, "spec.strategy", {"type": "Recreate"})
    assert len(mesh_of(document, put(service("a"), "spec.clusterIP", "None")).pods) == 1


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("@request.auth.scope", "is not a claim of a token"),
        (":path", "match method, uri or authority"),
        ("a b", "is not a header's name"),
    ],
)
@pytest.mark.parametrize("where", ["headers", "withoutHeaders"])
def test_what_is_no_header_is_refused(name: str, problem: str, where: str) -> None:
    asked = put(VIRTUAL_SERVICE, f"spec.http[0].match[0].{where}", {name: {"exact": "x"}})
    assert problem in refusal(asked)


@pytest.mark.parametrize("number", [1, 65535])
def test_the_first_and_the_last_port(number: int) -> None:
    own = {"port": number, "targetPort": number}
    (port,) = mesh_of(service("a", own), deployment("a", port=number)).ports
    assert (port.port, [pod.port for pod in port.pods]) == (number, [number])


@pytest.mark.parametrize(
    ("group", "kind", "routes"),
    [
        ("networking.istio.io", "New", True),
        ("networking.istio.io", "ProxyConfig", False),
        ("networking.istio.io", "WorkloadGroup", False),
        ("istio.alibabacloud.com", "New", True),
        ("istio.alibabacloud.com", "ASMCircuitBreaker", False),
        ("istio.alibabacloud.com", "ASMLocalRateLimiter", False),
        ("istio.alibabacloud.com", "IstioGateway", False),
        ("gateway.networking.x-k8s.io", "XListenerSet", True),
        ("gateway.networking.x-k8s.io", "New", False),
        ("", "ProxyConfig", False),
        ("example.org", "XListenerSet", False),
    ],
)
def test_which_unknown_kinds_may_choose_a_route(group: str, kind: str, *, routes: bool) -> None:
    assert may_route(group, kind) is routes


@pytest.mark.parametrize(
    "modifier",
    [
        {"type": "ReplaceFullPath"},
        {"type": "ReplacePrefixMatch"},
        {"type": "ReplaceFullPath", "replacePrefixMatch": "/"},
        {"type": "ReplacePrefixMatch", "replaceFullPath": "/"},
        {"type": "ReplaceFullPath", "replaceFullPath": "/", "replacePrefixMatch": "/"},
        {"type": "ReplacePrefixMatch", "replaceFullPath": "/", "replacePrefixMatch": "/"},
    ],
)
def test_a_path_modifier_sets_the_field_of_its_type_alone(modifier: Document) -> None:
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": modifier}}
    sentence = refusal(put(HTTP_ROUTE, "spec.rules[0].filters", [rewrite]))
    assert "should set the field of that type alone" in sentence
