"""Pods meet the requirements of cluster policies and operators."""

from typing import Any

import pytest
import yaml

from tests.chart.rendering import (
    EVERYTHING,
    GATEWAY_API,
    ISTIO,
    ROOT,
    Resource,
    Values,
    of_kind,
    render,
    without_tests,
)


def pods(resources: list[Resource]) -> dict[str, dict[str, Any]]:
    """Return the pod specs of a rendering, including the test's."""
    found = {
        name: deployment["spec"]["template"]["spec"]
        for name, deployment in of_kind(resources, "Deployment").items()
    }
    found |= {name: pod["spec"] for name, pod in of_kind(resources, "Pod").items()}
    return found


def test_pods_meet_the_restricted_standard() -> None:
    for spec in pods(render()).values():
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"].keys() == {"requests", "limits"}
            assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]  # noqa: S108
        assert {"name": "tmp", "emptyDir": {}} in spec["volumes"]


def test_a_service_account_without_token_for_each_service() -> None:
    accounts = of_kind(render(), "ServiceAccount")
    assert list(accounts) == ["mocka", "mockb", "mockc"]
    assert not any(account["automountServiceAccountToken"] for account in accounts.values())
    own = render({"services": {"mocka": {"serviceAccount": {"create": False, "name": "own"}}}})
    assert list(of_kind(own, "ServiceAccount")) == ["mockb", "mockc"]
    assert pods(own)["mocka-v2"]["serviceAccountName"] == "own"


def test_a_service_account_that_services_share_is_created_once() -> None:
    resources = render(
        {"defaults": {"serviceAccount": {"name": "shared", "annotations": {"owner": "shop"}}}}
    )
    account = of_kind(resources, "ServiceAccount")["shared"]
    assert account["metadata"]["annotations"] == {"owner": "shop"}
    assert "app" not in account["metadata"]["labels"]
    assert {spec.get("serviceAccountName") for spec in pods(resources).values()} == {"shared", None}


def test_without_a_service_account_of_the_chart_the_namespaces_own_is_used() -> None:
    resources = render(
        {
            "defaults": {"serviceAccount": {"create": False}},
            "authorizationPolicy": {"enabled": True},
        }
    )
    assert not of_kind(resources, "ServiceAccount")
    assert pods(resources)["mocka-v1"]["serviceAccountName"] == "default"
    policy = of_kind(resources, "AuthorizationPolicy")["mockb"]
    assert "cluster.local/ns/default/sa/default" in str(policy)


def test_probes_ask_the_service() -> None:
    (container,) = pods(render())["mockb-v3"]["containers"]
    paths = {
        probe: container[probe]["httpGet"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    assert paths == {
        "startupProbe": {"path": "/healthz", "port": "management"},
        "readinessProbe": {"path": "/readyz", "port": "management"},
        "livenessProbe": {"path": "/healthz", "port": "management"},
    }
    assert MANAGEMENT in container["ports"]


MANAGEMENT = {"name": "management", "containerPort": 8001}


def test_the_management_port_is_the_pods_alone() -> None:
    values: Values = {
        **EVERYTHING,
        **at("service", {"container": {"ports": [MANAGEMENT | {"containerPort": 9000}]}}),
    }
    resources = render(values)
    for service in of_kind(resources, "Service").values():
        assert [port["name"] for port in service["spec"]["ports"]] == ["http"]
    (container,) = pods(resources)["mockb-v1"]["containers"]
    assert {"name": "management", "containerPort": 9000} in container["ports"]
    assert {"name": "management_port", "value": "9000"} in container["env"]
    requests, scrapes = of_kind(resources, "NetworkPolicy")["mockb"]["spec"]["ingress"]
    assert ("management" in str(requests), "monitoring" in str(requests)) == (False, False)
    assert scrapes == {
        "ports": [{"port": "management"}, {"port": 15020}, {"port": 15090}],
        "from": [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
        ],
    }
    _, scrapes = of_kind(resources, "AuthorizationPolicy")["mockb"]["spec"]["rules"]
    assert scrapes["to"] == [{"operation": {"ports": ["9000"]}}]


def test_pod_and_sidecar_outlive_the_drain() -> None:
    values = {"defaults": {"drain": 12, "finish": 25}}
    deployment = of_kind(render(values), "Deployment")["mocka-v1"]["spec"]["template"]
    (container,) = deployment["spec"]["containers"]
    assert {"name": "drain", "value": "12"} in container["env"]
    assert deployment["spec"]["terminationGracePeriodSeconds"] == 37
    sidecar = yaml.safe_load(deployment["metadata"]["annotations"]["proxy.istio.io/config"])
    # The sidecar ends with the last connection, once the mesh sends no more.
    assert sidecar["proxyMetadata"] == {
        "EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true",
        "MINIMUM_DRAIN_DURATION": "12s",
    }


def test_a_version_overrides_its_service_and_that_the_defaults() -> None:
    resources = render(
        {
            "defaults": {"replicas": 3, "env": {"A": "1", "B": "1"}},
            "services": {
                "mocka": {
                    "replicas": 2,
                    "env": {"B": "2", "C": "2"},
                    "container": {"readinessProbe": None},
                    "versions": {"v2": {"replicas": 0, "image": {"tag": "2.0.0"}}},
                }
            },
        }
    )
    deployments = of_kind(resources, "Deployment")
    replicas = {name: item["spec"]["replicas"] for name, item in deployments.items()}
    assert (replicas["mocka-v1"], replicas["mocka-v2"], replicas["mockb-v1"]) == (2, 0, 3)
    (container,) = pods(resources)["mocka-v2"]["containers"]
    assert container["image"].endswith(":2.0.0")
    assert "readinessProbe" not in container
    env = {item["name"]: item.get("value") for item in container["env"]}
    assert (env["A"], env["B"], env["C"]) == ("1", "2", "2")
    (other,) = pods(resources)["mockb-v1"]["containers"]
    assert "readinessProbe" in other


HANDLERS: dict[str, dict[str, Any]] = {
    "httpGet": {"path": "/alive", "port": "http"},
    "tcpSocket": {"port": 8000},
    "exec": {"command": ["true"]},
    "grpc": {"port": 8000},
}


@pytest.mark.parametrize("first", range(len(HANDLERS)))
def test_a_probe_of_another_kind_replaces_the_one_there(first: int) -> None:
    """In the defaults, at a service and at a version, each of another kind than the one above."""
    kinds = [*HANDLERS, *HANDLERS][first : first + 3]
    general, service, version = (
        {"container": {"livenessProbe": {kind: HANDLERS[kind], "periodSeconds": 3}}}
        for kind in kinds
    )
    own = {"mocka": service, "mockb": {"versions": {"v1": version}}}
    found = pods(render({"defaults": general, "services": own}))
    for name, kind in zip(("mockc-v1", "mocka-v1", "mockb-v1"), kinds, strict=True):
        (container,) = found[name]["containers"]
        assert container["livenessProbe"] == {
            kind: HANDLERS[kind],
            "periodSeconds": 3,
            "timeoutSeconds": 5,
        }


def test_a_service_may_go_back_to_the_probe_that_defaults_replaced() -> None:
    asks = {"tcpSocket": {"port": 8000}}, {"httpGet": {"path": "/up", "port": "http"}}
    general, own = ({"container": {"readinessProbe": probe}} for probe in asks)
    values = at("defaults", general) | at("service", own)
    resources = pods(render(values))
    (container,), (other,) = (resources[name]["containers"] for name in ("mockb-v1", "mockc-v1"))
    assert container["readinessProbe"]["httpGet"] == {"path": "/up", "port": "http"}
    assert "tcpSocket" not in container["readinessProbe"]
    assert "httpGet" not in other["readinessProbe"]


def test_a_variable_of_another_source_replaces_the_one_there() -> None:
    secret = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "a"}}}
    config = {"valueFrom": {"configMapKeyRef": {"name": "c", "key": "a"}}}
    values = at("defaults", {"env": {"A": secret}}) | at("service", {"env": {"A": config}})
    (container,) = pods(render(values))["mockb-v1"]["containers"]
    assert {"name": "A"} | config in container["env"]


def at(place: str, keys: Values) -> Values:
    """Return values with keys for the pods of mockb v1, by version, service or default."""
    if place == "defaults":
        return {"defaults": keys}
    own = keys if place == "service" else {"versions": {"v1": keys}}
    return {"services": {"mockb": own}}


@pytest.mark.parametrize("place", ["service", "version"])
def test_null_takes_away_what_a_service_would_inherit(place: str) -> None:
    inherited: Values = {
        "env": {"A": "1", "B": "1"},
        "podAnnotations": {"x": "1", "y": "1"},
        "podLabels": {"team": "shop"},
        "pod": {"nodeSelector": {"disk": "ssd"}, "priorityClassName": "high"},
    }
    less = {
        "env": {"A": None},
        "podAnnotations": {"x": None},
        "podLabels": {"team": None},
        "pod": {"nodeSelector": None, "priorityClassName": None, "topologySpreadConstraints": None},
        "container": {
            "resources": {"limits": {"cpu": None}, "requests": {"cpu": None, "memory": None}},
            "securityContext": {"capabilities": None},
            "startupProbe": None,
            "livenessProbe": {"timeoutSeconds": None},
        },
    }
    resources = render({"defaults": inherited} | at(place, less))
    template = of_kind(resources, "Deployment")["mockb-v1"]["spec"]["template"]
    spec = template["spec"]
    (container,) = spec["containers"]
    env = {item["name"] for item in container["env"]}
    assert "A" not in env
    assert "B" in env
    assert "x" not in template["metadata"]["annotations"]
    assert "y" in template["metadata"]["annotations"]
    assert "team" not in template["metadata"]["labels"]
    assert not {"nodeSelector", "priorityClassName", "topologySpreadConstraints"} & spec.keys()
    assert container["resources"] == {"limits": {"memory": "192Mi"}}
    assert "capabilities" not in container["securityContext"]
    assert "startupProbe" not in container
    assert container["livenessProbe"].keys() == {"httpGet", "periodSeconds"}
    (other,) = pods(resources)["mocka-v1"]["containers"]
    assert other["resources"]["limits"]["cpu"] == "500m"
    assert "null" not in str(template)


def test_faults_are_a_versions_own() -> None:
    resources = render(
        {
            "services": {
                "mockc": {
                    "fault": {"delay": 5},
                    "versions": {"v2": {"fault": {"delay": "20/200", "rate": 0.00001}}},
                }
            }
        }
    )
    faults = {
        name: {e["name"]: e["value"] for e in container["env"] if e["name"].startswith("fault_")}
        for name, spec in pods(resources).items()
        for container in spec["containers"]
        if name.startswith("mock")
    }
    assert faults.pop("mockc-v1") == {"fault_delay": "5"}
    assert faults.pop("mockc-v2") == {"fault_delay": "20/200", "fault_rate": "0.00001"}
    assert not any(faults.values())


def test_a_digest_beats_the_tag() -> None:
    digest = "sha256:" + "a" * 64
    image = {"repository": "registry.test/shop", "tag": "1", "digest": digest}
    (container,) = pods(render({"defaults": {"image": image}}))["mockc-v1"]["containers"]
    assert container["image"] == f"registry.test/shop@{digest}"


def test_everything_reaches_every_pod() -> None:
    resources = render(EVERYTHING)
    deployments = of_kind(resources, "Deployment")
    assert list(of_kind(resources, "HorizontalPodAutoscaler")) == list(deployments)
    assert list(of_kind(resources, "PodDisruptionBudget")) == list(deployments)
    for deployment in deployments.values():
        template = deployment["spec"]["template"]
        spec = template["spec"]
        assert deployment["spec"]["replicas"] == 2
        assert spec["imagePullSecrets"] == [{"name": "registry"}]
        assert spec["priorityClassName"] == "high"
        assert spec["nodeSelector"] == {"disk": "ssd"}
        assert spec["tolerations"][0]["key"] == "lanes"
        assert "nodeAffinity" in spec["affinity"]
        assert template["metadata"]["labels"]["team"] == "shop"
        assert template["metadata"]["annotations"]["note"] == "1"
        (spread,) = spec["topologySpreadConstraints"]
        assert spread["labelSelector"] == deployment["spec"]["selector"]
        # Else a rollout spreads new pods away from old ones, and leaves all of them on one node.
        assert spread["matchLabelKeys"] == ["pod-template-hash"]
        (container,) = spec["containers"]
        env = {item["name"]: item.get("value") for item in container["env"]}
        assert (env["NUMBER"], env["FLAG"]) == ("12345678", "true")


@pytest.mark.parametrize("values", [{}, ISTIO], ids=["asm", "istio"])
def test_a_hop_is_reached_by_its_callers_and_the_gateway_only(values: dict[str, Any]) -> None:
    resources = render(values | {"authorizationPolicy": {"enabled": True}}, "--namespace", "shop")
    gateway = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-system"}},
        "podSelector": {"matchLabels": {"istio": "ingressgateway"}},
    }
    peers = {
        name: policy["spec"]["ingress"][0]["from"]
        for name, policy in of_kind(resources, "NetworkPolicy").items()
    }
    assert peers == {
        "mocka": [gateway],
        "mockb": [{"podSelector": {"matchLabels": {"app": "mocka"}}}],
        "mockc": [{"podSelector": {"matchLabels": {"app": "mockb"}}}],
    }
    sources = {
        name: [source["source"] for source in policy["spec"]["rules"][0]["from"]]
        for name, policy in of_kind(resources, "AuthorizationPolicy").items()
    }
    assert sources == {
        "mocka": [{"namespaces": ["istio-system"]}],
        "mockb": [{"principals": ["cluster.local/ns/shop/sa/mocka"]}],
        "mockc": [{"principals": ["cluster.local/ns/shop/sa/mockb"]}],
    }


def test_a_gateway_of_the_gateway_api_is_let_in() -> None:
    resources = render(
        ISTIO
        | {
            "gateway": {"parentRefs": [{"name": "web", "namespace": "gateways"}]},
            "authorizationPolicy": {"enabled": True},
        }
    )
    (peer,) = of_kind(resources, "NetworkPolicy")["mocka"]["spec"]["ingress"][0]["from"]
    assert peer == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}},
        "podSelector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "web"}},
    }
    (rule,) = of_kind(resources, "AuthorizationPolicy")["mocka"]["spec"]["rules"]
    assert rule["from"] == [{"source": {"namespaces": ["gateways"]}}]
    (container,) = pods(resources)["demo-test"]["containers"]
    assert container["args"][0] == "http://web-istio.gateways.svc.cluster.local/"


def test_a_service_that_nobody_calls_is_closed_not_open() -> None:
    resources = render(
        {
            "services": {"extra": {"versions": {"v1": {}}}},
            "gateway": {"services": {"mocka": {}}},
            "authorizationPolicy": {"enabled": True},
        }
    )
    assert of_kind(resources, "NetworkPolicy")["extra"]["spec"]["ingress"] == []
    assert of_kind(resources, "AuthorizationPolicy")["extra"]["spec"]["rules"] == []


def test_prometheus_is_let_in_where_it_is_asked_to_scrape() -> None:
    resources = render(EVERYTHING)
    (monitor,) = of_kind(resources, "ServiceMonitor").values()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert (endpoint["targetPort"], endpoint["path"]) == ("management", "/metrics")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    part_of = {"app.kubernetes.io/part-of": "shop"}
    resources = render({"serviceMonitor": {"enabled": True, "labels": part_of}})
    (monitor,) = of_kind(resources, "ServiceMonitor").values()
    assert monitor["metadata"]["labels"].items() >= part_of.items()
    for policy in of_kind(resources, "NetworkPolicy").values():
        assert "monitoring" in str(policy["spec"]["ingress"])


def test_off_means_off() -> None:
    kinds = {item["kind"] for item in render()}
    assert not kinds & {
        "AuthorizationPolicy",
        "HorizontalPodAutoscaler",
        "HTTPRoute",
        "Instrumentation",
        "PeerAuthentication",
        "PodDisruptionBudget",
        "ServiceMonitor",
    }


def annotations(resources: list[Resource]) -> dict[str, str]:
    deployment = of_kind(resources, "Deployment")["mocka-v1"]
    found: dict[str, str] = deployment["spec"]["template"]["metadata"]["annotations"]
    return found


def test_instrumentation_by_the_image() -> None:
    assert not any("opentelemetry" in key for key in annotations(render()))
    resources = render({"instrumentation": {"collector": "http://otel:4318"}})
    (container,) = pods(resources)["mocka-v1"]["containers"]
    told, references = {}, {}
    for variable in container["env"]:
        if source := variable.get("valueFrom"):
            references[f"$({variable['name']})"] = source["fieldRef"]["fieldPath"]
        else:
            told[variable["name"]] = variable["value"]
    assert told["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel:4318"
    assert told["OTEL_SERVICE_NAME"] == "mocka"
    resource = dict(part.split("=") for part in told["OTEL_RESOURCE_ATTRIBUTES"].split(","))
    assert {name: references.get(value, value) for name, value in resource.items()} == {
        "service.version": "v1",
        "k8s.namespace.name": "default",
        "k8s.deployment.name": "mocka-v1",
        "k8s.pod.name": "metadata.name",
        "k8s.node.name": "spec.nodeName",
    }
    # The kubelet fills in only what stands before.
    assert container["env"][-1]["name"] == "OTEL_RESOURCE_ATTRIBUTES"


def test_the_operator_injects_the_language_of_each_service_and_version() -> None:
    mockb = {"language": "java", "versions": {"v3": {"language": None}}}
    operator = {"mode": "operator", "collector": "http://otel:4318"}
    deployments = of_kind(
        render({"instrumentation": operator, "services": {"mockb": mockb}}), "Deployment"
    )
    injected = {
        name: [key.rpartition("-")[2] for key in pod["metadata"]["annotations"] if "inject-" in key]
        for name, item in deployments.items()
        for pod in [item["spec"]["template"]]
    }
    assert injected == {
        name: {"mockb-v1": ["java"], "mockb-v3": []}.get(name, ["python"]) for name in injected
    }
    named = [name for name, item in deployments.items() if "OTEL_SERVICE_NAME" in str(item)]
    assert named == [name for name, languages in injected.items() if languages]


def test_instrumentation_by_the_operator_without_a_collector() -> None:
    resources = render({"instrumentation": {"mode": "operator"}})
    found = annotations(resources)
    assert found["instrumentation.opentelemetry.io/inject-python"] == "demo-instrumentation"
    assert found["instrumentation.opentelemetry.io/container-names"] == "default"
    spec = of_kind(resources, "Instrumentation")["demo-instrumentation"]["spec"]
    assert spec["propagators"] == ["baggage"]
    assert spec["sampler"] == {"type": "always_off", "argument": "1"}
    silent = [
        {"name": f"OTEL_{signal}_EXPORTER", "value": "none"}
        for signal in ("TRACES", "METRICS", "LOGS")
    ]
    assert spec["env"] == silent
    # Operator 0.92 sets its own exporters for Python before it looks at spec.env.
    assert spec["python"]["env"] == silent[:2]


def test_instrumentation_by_the_operator_with_a_collector() -> None:
    resources = render({"instrumentation": {"mode": "operator", "collector": "http://otel:4318"}})
    assert of_kind(resources, "Instrumentation")["demo-instrumentation"]["spec"] == {
        "exporter": {"endpoint": "http://otel:4318"},
        "env": [{"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "http/protobuf"}],
        "propagators": ["tracecontext", "baggage"],
        "sampler": {"type": "parentbased_traceidratio", "argument": "1"},
    }
    # The Operator adds the rest, and would have named and versioned the service by other means.
    (container,) = pods(resources)["mocka-v1"]["containers"]
    assert {item["name"]: item["value"] for item in container["env"] if "OTEL" in item["name"]} == {
        "OTEL_SERVICE_NAME": "mocka",
        "OTEL_RESOURCE_ATTRIBUTES": "service.version=v1",
    }


def test_instrumentation_by_nobody() -> None:
    (container,) = pods(render({"instrumentation": {"mode": "none"}}))["mocka-v1"]["containers"]
    assert {"name": "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "value": "*"} in container["env"]


# A service of one's own image: what Kubernetes gives, but for what is said here.
OWN: Values = {"sample": False, "image": {"repository": "registry.test/shop"}}


def own(**keys: Any) -> dict[str, Any]:
    """Return the Deployment of mockb v1 with an own image and these keys of the service."""
    resources = render({"services": {"mockb": OWN | keys}})
    found: dict[str, Any] = of_kind(resources, "Deployment")["mockb-v1"]["spec"]
    return found


def test_an_image_of_ones_own_gets_nothing_of_the_samples() -> None:
    assert own()["template"]["spec"] == {
        "serviceAccountName": "mockb",
        "containers": [
            {
                "name": "default",
                "image": "registry.test/shop",
                "ports": [{"name": "http", "containerPort": 8000}],
            }
        ],
    }
    service = of_kind(render({"services": {"mockb": OWN}}), "Service")["mockb"]
    assert service["metadata"]["annotations"] == {"traffic-lanes/calls": "mockc"}
    others = [of_kind(render(), "Service")[name]["metadata"] for name in ("mocka", "mockb")]
    assert not any("annotations" in metadata for metadata in others)


def test_pieces_of_the_api_are_laid_over_what_the_chart_makes() -> None:
    spec = own(
        container={
            "command": ["node"],
            "ports": [{"name": "http", "containerPort": 80}, {"name": "m", "containerPort": 9090}],
        },
        pod={"containers": [{"name": "log", "image": "log"}], "hostAliases": [{"ip": "::1"}]},
        deployment={"strategy": {"type": "Recreate"}},
    )
    pod = spec["template"]["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert pod["hostAliases"] == [{"ip": "::1"}]
    assert [container["name"] for container in pod["containers"]] == ["default", "log"]
    assert pod["containers"][0]["command"] == ["node"]
    assert [port["containerPort"] for port in pod["containers"][0]["ports"]] == [80, 9090]


def test_a_service_with_more_ports_is_reached_at_all_of_them() -> None:
    resources = render(
        at(
            "service",
            {
                "appProtocol": "http2",
                "container": {"ports": [{"name": "grpc", "containerPort": 9090}]},
                "service": {
                    "type": "LoadBalancer",
                    "ports": [{"name": "grpc", "port": 90, "targetPort": "grpc"}],
                },
            },
        )
        | {"authorizationPolicy": {"enabled": True}}
    )
    spec = of_kind(resources, "Service")["mockb"]["spec"]
    assert (spec["type"], spec["selector"]) == ("LoadBalancer", {"app": "mockb"})
    assert spec["ports"] == [
        {"name": "http", "port": 8000, "targetPort": "http", "appProtocol": "http2"},
        {"name": "grpc", "port": 90, "targetPort": "grpc"},
    ]
    (rule,) = of_kind(resources, "NetworkPolicy")["mockb"]["spec"]["ingress"]
    assert rule["ports"] == [{"port": "http"}, {"port": "grpc"}]
    (allowed,) = of_kind(resources, "AuthorizationPolicy")["mockb"]["spec"]["rules"]
    assert allowed["to"] == [{"operation": {"ports": ["8000", "9090"]}}]


def test_a_service_for_grpc_says_so_and_so_do_those_of_its_versions() -> None:
    keys: Values = {"port": 3550, "targetPort": 8080, "appProtocol": "grpc"}
    asked: Values = {"services": {"mockb": keys}}
    port = {"name": "http", "port": 3550, "targetPort": 8080, "appProtocol": "grpc"}
    for provider, names in ((ISTIO, {"mockb"}), (GATEWAY_API, {"mockb", "mockb-v1", "mockb-v3"})):
        resources = render(provider | asked)
        services = of_kind(resources, "Service")
        assert {name for name, one in services.items() if one["spec"]["ports"] == [port]} == names
        pods = of_kind(resources, "Deployment")["mockb-v3"]["spec"]["template"]["spec"]
        assert {"name": "http", "containerPort": 8080} in pods["containers"][0]["ports"]


def test_members_of_lists_add_to_those_of_their_name() -> None:
    cache: Values = {"name": "cache", "emptyDir": {}}
    values = at("defaults", {"pod": {"volumes": [cache], "initContainers": [{"name": "a"}]}})
    claim = {"name": "cache", "persistentVolumeClaim": {"claimName": "c"}}
    more = {
        "pod": {"volumes": [claim], "initContainers": [{"name": "b"}, {"name": "a", "tty": True}]}
    }
    spec = pods(render(values | at("version", more)))["mockb-v1"]
    assert spec["volumes"] == [{"name": "tmp", "emptyDir": {}}, claim]
    assert spec["initContainers"] == [{"name": "a", "tty": True}, {"name": "b"}]


def test_variables_come_after_those_that_they_refer_to() -> None:
    env = {"A": "http://$(HOST)/", "HOST": "$(NAME).test", "NAME": "shop", "Z": "1"}
    (container,) = own(env=env)["template"]["spec"]["containers"]
    assert [item["name"] for item in container["env"]] == ["NAME", "Z", "HOST", "A"]


def test_a_drain_of_ones_own_image_is_a_wait_before_it_stops() -> None:
    pod = own(drain=7)["template"]["spec"]
    (container,) = pod["containers"]
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 7}}}
    assert pod["terminationGracePeriodSeconds"] == 37
    hook = {"container": {"lifecycle": {"preStop": {"exec": {"command": ["stop"]}}}}}
    (container,) = own(drain=7, **hook)["template"]["spec"]["containers"]
    assert container["lifecycle"]["preStop"] == {"exec": {"command": ["stop"]}}


def test_objects_of_ones_own_go_with_their_half() -> None:
    objects = {
        "a": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}},
        "b": {"apiVersion": "networking.istio.io/v1", "kind": "Sidecar", "metadata": {"name": "b"}},
        "c": None,
    }
    for half, kind in (("workloads", "ConfigMap"), ("routing", "Sidecar")):
        off = "routing" if half == "workloads" else "workloads"
        resources = render({"extraObjects": objects, off: {"enabled": False}})
        found = {item["kind"] for item in without_tests(resources)} & {"ConfigMap", "Sidecar"}
        assert found == {kind}


def test_the_other_languages_run_on_a_laptop_with_the_sample_in_their_place() -> None:
    folder = ROOT / "examples" / "other-languages"
    files = (f"--values={folder / name}.yaml" for name in ("values", "laptop"))
    resources = without_tests(render({}, *files))
    found = pods(resources)
    assert len(found) == 8
    for spec in found.values():
        (container,) = spec["containers"]
        assert "initContainers" not in spec
        assert not {"command", "args", "envFrom"} & container.keys()
        assert "secretKeyRef" not in str(container["env"])
        assert container["image"].startswith("registry.example.com/")
    (shop,) = found["shop-next"]["containers"]
    urls = {"name": "upstream_url", "value": "http://catalog:8080/,http://cart:8080/"}
    assert urls in shop["env"]
