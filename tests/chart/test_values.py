"""Values that the chart refuses, each with one sentence about what is wrong."""

import json
import re
from pathlib import Path

import pytest

from tests.chart.mistakes import Cases, as_one, batches, differences, first_and_count
from tests.chart.rendering import (
    CHART,
    GATEWAY_API,
    ISTIO,
    LANE,
    SAMPLE,
    SAMPLE_FILE,
    Values,
    helm,
    of_kind,
    refusal,
    render,
    template,
)

# What the schema says: the place, and the key or type.
MISTYPED: Cases = {
    "weights taken away": ({"lanes": {"weights": None}}, "at '/lanes': missing property 'weights'"),
    "unknown key": ({"lane": {}}, "at '': additional properties 'lane' not allowed"),
    "misspelt key": (
        {"lanes": {"wieghts": {}}},
        "at '/lanes': additional properties 'wieghts' not allowed",
    ),
    "unknown key of a service": (
        {"services": {"mocka": {"verions": {"v1": {}}}}},
        "at '/services/mocka': additional properties 'verions' not allowed",
    ),
    "unknown key of a version": (
        {"services": {"mocka": {"versions": {"v2": {"replica": 2}}}}},
        "at '/services/mocka/versions/v2': additional properties 'replica' not allowed",
    ),
    "a fault of more than all requests": (
        {"services": {"mockc": {"versions": {"v2": {"fault": {"rate": 5}}}}}},
        "at '/services/mockc/versions/v2/fault/rate': maximum: got 5, want 1",
    ),
    "a service's port on a version": (
        {"services": {"mockb": {"versions": {"v3": {"port": 1}}}}},
        "at '/services/mockb/versions/v3': additional properties 'port' not allowed",
    ),
    "unknown key of the defaults": (
        {"defaults": {"resource": {}}},
        "at '/defaults': additional properties 'resource' not allowed",
    ),
    "unknown key of a probe": (
        {"defaults": {"container": {"livenessProbe": {"path": "/"}}}},
        "at '/defaults/container/livenessProbe': additional properties 'path' not allowed",
    ),
    "unknown key of a security context": (
        {"services": {"mockb": {"container": {"securityContext": {"readOnly": True}}}}},
        "at '/services/mockb/container/securityContext': additional properties 'readOnly' not al",
    ),
    "string for a number": (
        {"lanes": {"weights": {"v1": "many"}}},
        "at '/lanes/weights/v1': got string, want null or integer",
    ),
    "list for versions": (
        {"services": {"mockd": {"versions": ["v1"]}}},
        "at '/services/mockd/versions': got array, want object",
    ),
    "string for a version": (
        {"services": {"mocka": {"versions": {"v2": "2.0.0"}}}},
        "at '/services/mocka/versions/v2': got string, want null or object",
    ),
    "string for a list": (
        {"services": {"mocka": {"upstreams": "mockb"}}},
        "at '/services/mocka/upstreams': got string, want null or array",
    ),
    "list for env": (
        {"defaults": {"env": [{"name": "A", "value": "b"}]}},
        "at '/defaults/env': got array, want null or object",
    ),
    "a path that is none": (
        {"lanes": {"enter": {"match": {"v2": [{"path": "beta"}]}}}},
        "at '/lanes/enter/match/v2/0/path': 'beta' does not match pattern",
    ),
    "a cookie that is none": (
        {"lanes": {"sticky": {"cookie": "a;b"}}},
        "at '/lanes/sticky/cookie': 'a;b' does not match pattern",
    ),
    "a match that asks nothing": (
        {"lanes": {"enter": {"match": {"v2": [{}]}}}},
        "at '/lanes/enter/match/v2/0': minProperties: got 0, want 1",
    ),
    "a label of a pod that is none": (
        {"defaults": {"podLabels": {"team": "a b"}}},
        "at '/defaults/podLabels/team': 'a b' does not match pattern",
    ),
    "a label's name that is none": (
        {"services": {"mocka": {"podLabels": {"a b": "c"}}}},
        "at '/services/mocka/podLabels': additional properties 'a b' not allowed",
    ),
    "a label that is too long": (
        {"dashboard": {"labels": {"a": "b" * 64}}},
        "at '/dashboard/labels/a': '" + "b" * 64 + "' does not match pattern",
    ),
    "a label of monitors that is none": (
        {"serviceMonitor": {"labels": {"a": "-"}}},
        "at '/serviceMonitor/labels/a': '-' does not match pattern",
    ),
    "a gateway's label that is none": (
        {"gateway": {"selector": {"istio": "a\n"}}},
        "at '/gateway/selector/istio': 'a\\n' does not match pattern",
    ),
    "a node's label that is none": (
        {"defaults": {"pod": {"nodeSelector": {"disk": "a/b"}}}},
        "at '/defaults/pod/nodeSelector/disk': 'a/b' does not match pattern",
    ),
    "a peer's label that is none": (
        {"networkPolicy": {"from": [{"podSelector": {"matchLabels": {"a": "b c"}}}]}},
        "at '/networkPolicy/from/0/podSelector/matchLabels/a': 'b c' does not match pattern",
    ),
    "an annotation's name that is none": (
        {"defaults": {"podAnnotations": {"a b": "c"}}},
        "at '/defaults/podAnnotations': additional properties 'a b' not allowed",
    ),
    "a variable's name that is none": (
        {"defaults": {"env": {"a b": "c"}}},
        "at '/defaults/env': additional properties 'a b' not allowed",
    ),
    "negative weight": (
        {"lanes": {"weights": {"v1": -1}}},
        "at '/lanes/weights/v1': minimum: got -1, want 0",
    ),
    "port out of range": (
        {"services": {"mocka": {"port": 70000}}},
        "at '/services/mocka/port': maximum: got 70,000, want 65,535",
    ),
    "unknown provider": (
        {"mesh": {"provider": "linkerd"}},
        "at '/mesh/provider': value must be one of 'asm', 'istio', 'gateway-api'",
    ),
    "unknown mode": (
        {"lanes": {"mode": "lenient"}},
        "at '/lanes/mode': value must be one of 'permissive', 'strict'",
    ),
    "condition that Istio does not know": (
        {"lanes": {"retryOn": ["gateway-eror"]}},
        "at '/lanes/retryOn/0': 'gateway-eror' does not match pattern '^(5xx|gateway-error|reset|",
    ),
    "status that there is not": (
        {"lanes": {"retryOn": [700]}},
        "at '/lanes/retryOn/0': maximum: got 700, want 599",
    ),
    "quantity": (
        {"services": {"mocka": {"container": {"resources": {"limits": {"memory": "1gb"}}}}}},
        "at '/services/mocka/container/resources/limits/memory': '1gb' does not match pattern",
    ),
    "more than all": (
        {"defaults": {"podDisruptionBudget": {"maxUnavailable": "200%"}}},
        "at '/defaults/podDisruptionBudget/maxUnavailable': '200%' does not match pattern",
    ),
    "name of an account": (
        {"defaults": {"serviceAccount": {"name": "My_Shop"}}},
        "at '/defaults/serviceAccount/name': 'My_Shop' does not match pattern",
    ),
    "name of a namespace": (
        {"gateway": {"namespace": "Istio"}},
        "at '/gateway/namespace': 'Istio' does not match pattern",
    ),
    "name of a secret": (
        {"gateway": {"tls": {"secret": "a cert"}}},
        "at '/gateway/tls/secret': 'a cert' does not match pattern",
    ),
    "label's domain": (
        {"lanes": {"label": "a..b/track"}},
        "at '/lanes/label': 'a..b/track' does not match pattern",
    ),
    "liveness in several steps": (
        {"services": {"mocka": {"container": {"livenessProbe": {"successThreshold": 2}}}}},
        "at '/services/mocka/container/livenessProbe/successThreshold': maximum: got 2, want 1",
    ),
    "a tag of no image": (
        {"test": {"image": {"tag": "7"}}},
        "at '/test/image': properties 'repository' required, if 'tag' exists",
    ),
    "name of an image": (
        {"sample": {"image": {"repository": "a: b"}}},
        "at '/sample/image/repository': 'a: b' does not match pattern",
    ),
    "port of a probe": (
        {"defaults": {"container": {"readinessProbe": {"httpGet": {"port": "a: b"}}}}},
        "at '/defaults/container/readinessProbe/httpGet/port': 'a: b' does not match pattern",
    ),
    "unknown key of a pod": (
        {"services": {"mocka": {"pod": {"initContainer": []}}}},
        "at '/services/mocka/pod': additional properties 'initContainer' not allowed",
    ),
    # Its headers, too, hold baggage, and no gateway can take those of a prefix away.
    "propagator by which clients would choose": (
        {"instrumentation": {"propagators": ["baggage", "jaeger"]}},
        "at '/instrumentation/propagators/1': value must be one of 'baggage', 'tracecontext'",
    ),
}


def in_container(**keys: object) -> Values:
    return {"services": {"mockb": {"container": keys}}}


# Where and what is wrong. What to do.
FACT_AND_FIX = re.compile(r"^- \S+ .+\. [A-Z].+\.$", re.MULTILINE)

# What no schema can say.
ILL_FITTING: Cases = {
    "weights": (
        {"lanes": {"weights": {"v1": 50}}},
        "lanes.weights add up to 110, not to 100 (v1: 50, v2: 30, v3: 30)",
    ),
    "baseline": (
        {"lanes": {"baseline": "v9"}},
        'lanes.baseline: "v9" is not a lane. Use one of lanes.weights: v1, v2, v3.',
    ),
    "upstream": (
        {"services": {"mockb": {"upstreams": ["mockz"]}}},
        'services.mockb.upstreams: "mockz" is not a service. Use one of services (mocka, ',
    ),
    "upstream twice": (
        {"services": {"mockb": {"upstreams": ["mockc", "mockc"]}}},
        "services.mockb.upstreams lists mockc more than once. Name it once.",
    ),
    "version that is no lane": (
        {"services": {"mockc": {"versions": {"v1": {}, "v7": {}}}}},
        'services.mockc.versions: "v7" is not a lane. Use one of lanes.weights (v1, v2, v3), add',
    ),
    "no baseline": (
        {"services": {"mockc": {"versions": {"v1": None}}}},
        "services.mockc.versions (v2) lacks the baseline v1",
    ),
    "no version left": (
        {"services": {"mockc": {"upstreams": ["mockd"]}, "mockd": {"versions": {"v1": None}}}},
        "services.mockd.versions is empty. Name the service's versions, as in {v1: {}}",
    ),
    "cycle": (
        {"services": {"mockb": {"upstreams": ["mocka", "mockc"]}}},
        "services: the upstreams of mocka, mockb are a cycle",
    ),
    "cycle of one": (
        {"services": {"mockc": {"upstreams": ["mockc"]}}},
        "services: the upstreams of mockc are a cycle",
    ),
    "two entries": (
        {"services": {"mocka": {"replicas": 2}, "shop": {"versions": {"v1": {}}}}},
        "gateway.services is empty, and no other service calls mocka or shop, so the chart",
    ),
    "two Deployments of a name": (
        {
            "lanes": {"weights": {"v2": 20, "b-v1": 10}},
            "services": {
                "mock": {"versions": {"v1": {}, "b-v1": {}}, "upstreams": ["mocka"]},
                "mock-b": {"versions": {"v1": {}}},
                "mockc": {"upstreams": ["mock-b"]},
            },
        },
        'services.mock and services.mock-b would both have a Deployment "mock-b-v1"',
    ),
    "lane's name": (
        {"lanes": {"weights": {"V1": 0}}},
        'lanes.weights: "V1" is not a name for a lane. Use at most 63 lower-case',
    ),
    "service's name": (
        {"services": {"My_Shop": {"versions": {"v1": {}}, "upstreams": ["mocka"]}}},
        'services: "My_Shop" is not a name for a service. Use at most 40 lower-case',
    ),
    "header's name": (
        {"lanes": {"header": "Version"}},
        'lanes.header: "Version" is not a name for this header',
    ),
    "header with a meaning": (
        {"lanes": {"header": "baggage"}},
        'lanes.header: "baggage" is a header that HTTP or the mesh uses',
    ),
    "header of HTTP": (
        {"lanes": {"header": "content-length"}},
        'lanes.header: "content-length" is a header that HTTP or the mesh uses',
    ),
    "header of one hop": (
        {"lanes": {"header": "te"}},
        'lanes.header: "te" is a header that HTTP or the mesh uses',
    ),
    "label that tells services": (
        {"lanes": {"label": "app"}},
        "lanes.label: the chart sets app itself, to something else than the version. Use another",
    ),
    "label that tells the release": (
        {"lanes": {"label": "app.kubernetes.io/part-of"}},
        "lanes.label: the chart sets app.kubernetes.io/part-of itself",
    ),
    "label that tells lanes": (
        {"lanes": {"label": "traffic-lanes/0"}},
        "lanes.label: the chart sets traffic-lanes/0 itself",
    ),
    "service named as the gateway": (
        {"services": {"demo-gateway": {"versions": {"v1": {}}, "upstreams": ["mocka"]}}},
        'services.demo-gateway and the gateway would both have a VirtualService "demo-gateway"',
    ),
    "service named as a lane's": (
        {
            "mesh": {"provider": "istio"},
            "gateway": {"parentRefs": [{"name": "web"}]},
            "services": {"mockc": {"upstreams": ["mocka-lane-v2"]}}
            | {"mocka-lane-v2": {"versions": {"v1": {}}}},
        },
        'services.mocka-lane-v2 and gateway.parentRefs would both have a Service "mocka-lane-v2"',
    ),
    "lanes whose names give the same labels": (
        {
            "mesh": {"provider": "istio"},
            "lanes": {"weights": {"pr-309": 0, "pr-377": 0}},
            "services": {"mockb": {"versions": {"pr-309": {}, "pr-377": {}}}},
        },
        "services.mockb: the names of lanes pr-309 and pr-377 give their pods the same labels",
    ),
    "name of a lane's Service": (
        {
            "mesh": {"provider": "istio"},
            "lanes": {"weights": {"v3": None, "release-candidate-15": 30}},
            "gateway": {"parentRefs": [{"name": "web"}]},
            "services": {
                "a" * 40: {
                    "versions": {"v1": {}, "release-candidate-15": {}},
                    "upstreams": ["mocka"],
                },
                "mocka": {"versions": {"v3": None}},
                "mockb": {"versions": {"v3": None}},
            },
        },
        f'gateway.parentRefs needs a Service "{"a" * 40}-lane-release-candidate-15", whose name'
        " has 66 characters, and 63 are allowed",
    ),
    "autoscaling upside down": (
        {"services": {"mockb": {"autoscaling": {"enabled": True, "minReplicas": 6}}}},
        "services.mockb.autoscaling: minReplicas 6 is above maxReplicas 5",
    ),
    "autoscaling of all upside down": (
        {"defaults": {"autoscaling": {"enabled": True, "maxReplicas": 1}}},
        "defaults.autoscaling: minReplicas 2 is above maxReplicas 1",
    ),
    "autoscaling of nothing": (
        {
            "services": {
                "mockb": {
                    "autoscaling": {"enabled": True},
                    "versions": {"v3": {"container": {"resources": None}}},
                }
            }
        },
        "services.mockb.versions.v3.autoscaling: targetCPU is a percentage of container.resources",
    ),
    "one port for all": (
        {"services": {"mockb": {"port": 8001}}},
        "services.mockb.container.ports: http and management are both 8001 (TCP)",
    ),
    "two handlers": (
        in_container(readinessProbe={n: {"port": 80} for n in ("grpc", "httpGet")}),
        "services.mockb.container.readinessProbe has grpc and httpGet, and a probe has one",
    ),
    "no handler": (
        in_container(readinessProbe={"httpGet": None}),
        "services.mockb.container.readinessProbe has no handler. Set httpGet, tcpSocket",
    ),
    "handler without a port": (
        {"defaults": {"container": {"readinessProbe": {"tcpSocket": {"host": "localhost"}}}}},
        "defaults.container.readinessProbe: tcpSocket has no port. Set it.",
    ),
    "two kinds of shared account": (
        {
            "defaults": {"serviceAccount": {"name": "shared"}},
            "services": {"mockb": {"serviceAccount": {"annotations": {"role": "b"}}}},
        },
        'services.mocka and services.mockb share the ServiceAccount "shared" with',
    ),
    "env of the chart": (
        {"services": {"mockb": {"versions": {"v3": {"env": {"upstream_url": "x"}}}}}},
        "services.mockb.versions.v3.env: the chart sets upstream_url itself. Remove it here.",
    ),
    "probe of no port": (
        in_container(readinessProbe={"httpGet": {"port": "web"}}),
        'services.mockb.container.readinessProbe leads to a port "web" that no container has. ',
    ),
    "port that leads nowhere": (
        {
            "services": {
                "mockb": {"service": {"ports": [{"name": "a", "port": 1, "targetPort": "b"}]}}
            }
        },
        'services.mockb.service.ports: a leads to a port "b" that no container has. Use one',
    ),
    "image of a container": (
        in_container(image="a:b"),
        "services.mockb.container: image is not supported here. Set `image` beside",
    ),
    "pods beyond the mesh": (
        {"defaults": {"pod": {"hostNetwork": True}}},
        "defaults.pod: hostNetwork is not supported here. It keeps the sidecar out",
    ),
    "pods of other labels": (
        {"services": {"mockb": {"service": {"selector": {"a": "b"}}}}},
        "services.mockb.service: selector is not supported here. The mesh finds the pods",
    ),
    "Deployment of another's pods": (
        {"services": {"mockb": {"versions": {"v1": {"deployment": {"selector": {}}}}}}},
        "services.mockb.versions.v1.deployment: selector is not supported here. The lanes",
    ),
    "a second container of the service": (
        {"defaults": {"pod": {"containers": [{"name": "default"}]}}},
        "defaults.pod.containers: the container default is the service's own. Set its keys in",
    ),
    "no image": (
        {"services": {"mocka": {"sample": False}}},
        "services.mocka.image.repository is missing, and the chart knows the sample's image only",
    ),
    "label of the chart": (
        {"defaults": {"podLabels": {"version": "v1"}}},
        "defaults.podLabels: the chart sets version itself. Remove it here.",
    ),
    "propagators": (
        {"instrumentation": {"propagators": ["tracecontext"]}},
        "instrumentation.propagators lacks baggage",
    ),
    "two kinds of gateway": (
        {
            "mesh": {"provider": "istio"},
            "gateway": {"existing": "mesh/public", "parentRefs": [{"name": "web"}]},
        },
        "gateway.existing names an Istio Gateway, and gateway.parentRefs",
    ),
    "certificate of another's gateway": (
        {"gateway": {"existing": "mesh/public", "tls": {"secret": "cert"}}},
        "gateway.tls is for the Gateway that the chart creates",
    ),
    "two protocols at one port": (
        {"gateway": {"port": 443, "tls": {"secret": "cert"}}},
        "gateway.port and gateway.tls.port are both 443, and one answers HTTP, the other HTTPS",
    ),
    "two authorities": (
        {"test": {"ca": {"secret": "a", "configMap": "b"}}},
        "test.ca names a Secret and a ConfigMap. Set one of the two.",
    ),
    "a way in by a header of its own meaning": (
        {"lanes": {"enter": {"header": "cookie"}}},
        'lanes.enter.header: "cookie" is a header that HTTP or the mesh uses',
    ),
    "an answer in no header": (
        {"lanes": {"respond": "X-Lane"}},
        'lanes.respond: "X-Lane" is not a name for this header',
    ),
    "a way in by one host": (
        {"lanes": {"enter": {"host": "preview.example.com"}}},
        'lanes.enter.host: "preview.example.com" is not a host for lanes. Set a host such as',
    ),
    "one cookie for two ends": (
        {"lanes": {"enter": {"cookie": "lane"}, "sticky": {"cookie": "lane"}}},
        "lanes.enter.cookie and lanes.sticky.cookie are both lane",
    ),
    "a way into no lane": (
        {"lanes": {"enter": {"match": {"v9": [{"path": "/beta"}]}}}},
        'lanes.enter.match: "v9" is not a lane. Use one of lanes.weights (v1, v2, v3)',
    ),
    "no lane to be entered": (
        {"lanes": {"enter": {"lanes": {"v9": True}}}},
        'lanes.enter.lanes: "v9" is not a lane. Use one of lanes.weights (v1, v2, v3)',
    ),
    "whose cookie": (
        {"lanes": {"enter": {"cookie": "lane", "from": ["10.0.0.0/8"]}}},
        "lanes.enter.from has no effect on lanes.enter.cookie",
    ),
    "whose expression": (
        {
            "lanes": {
                "enter": {"match": {"v2": [{"headers": {"a": {"regex": "b"}}}]}, "from": ["::1"]}
            }
        },
        "lanes.enter.from has no effect on lanes.enter.match.v2: an AuthorizationPolicy has no",
    ),
    "HTTPRoute by host": (
        ISTIO
        | {"gateway": {"parentRefs": [{"name": "web"}]}}
        | {"lanes": {"enter": {"host": "*.preview.example.com"}}},
        "lanes.enter.host: a rule of an HTTPRoute cannot match a host",
    ),
    "HTTPRoute of many lanes": (
        ISTIO
        | {"gateway": {"parentRefs": [{"name": "web"}]}}
        | {"lanes": {"weights": {f"l{n}": 0 for n in range(13)}, "enter": {"header": "x-lane"}}},
        "lanes.enter and lanes.sticky make 17 rules",
    ),
    "HTTPRoute on ASM": (
        {"gateway": {"parentRefs": [{"name": "web"}]}},
        "gateway.parentRefs: HTTPRoutes have no field for ASM's fallback",
    ),
    "HTTPRoutes on no Gateway": (
        {"mesh": {"provider": "gateway-api"}},
        "gateway.parentRefs is empty, and mesh.provider gateway-api needs a Gateway",
    ),
    "strict by HTTPRoutes": (
        GATEWAY_API | {"lanes": {"mode": "strict"}},
        "lanes.mode strict is not supported with mesh.provider gateway-api",
    ),
    "all rules by HTTPRoutes": (
        GATEWAY_API | {"lanes": {"rules": "all"}},
        "lanes.rules all is not supported with mesh.provider gateway-api",
    ),
    "service named as a version's": (
        GATEWAY_API
        | {"services": {"mockc": {"upstreams": ["mocka-v2"]}}}
        | {"services": {"mocka-v2": {"versions": {"v1": {}}, "upstreams": ["mocka"]}}},
        'services.mocka-v2 and version v2 of mocka would both have a Service "mocka-v2"',
    ),
    "service named as the gateway's route": (
        GATEWAY_API
        | {"nameOverride": "x", "services": {"x-gateway": {"versions": {"v1": {}}}}}
        | {"gateway": GATEWAY_API["gateway"] | {"services": {"mocka": {}}}},
        'services.x-gateway and the gateway would both have an HTTPRoute "x-gateway"',
    ),
    "version named as the gateway's route": (
        GATEWAY_API
        | {"nameOverride": "mocka", "lanes": {"weights": {"gateway": 0}}}
        | {"services": {"mocka": {"versions": {"gateway": {}}}}},
        'version gateway of services.mocka and the gateway would both have an HTTPRoute "mocka-g',
    ),
    "retries of no number": (
        {"services": {"mockb": {"route": {"retries": {"perTryTimeout": "1s"}}}}},
        "services.mockb.route.retries.attempts is missing, so nothing is retried",
    ),
    "lane on": (
        {"lanes": {"weights": {"true": 0}}},
        'lanes.weights: "true" is what YAML reads for on and yes. Put the name in quotes, or use',
    ),
    "version off": (
        {"services": {"mocka": {"versions": {"false": {}}}}},
        'services.mocka.versions: "false" is what YAML reads for off and no. Put the name in',
    ),
    "service yes": (
        {"services": {"true": {"versions": {"v1": {}}}, "mockc": {"upstreams": ["true"]}}},
        'services: "true" is what YAML reads for on and yes. Put the name in quotes, or use',
    ),
    "lane 0123": (
        {"lanes": {"weights": {"83": 0}}},
        'lanes.weights: YAML may read the name "83" as a number, and change it. Begin the name',
    ),
    "lane by itself elsewhere": (
        {"lanes": {"only": "v2", "enter": {"header": "x-lane"}, "weights": {"v1": 70, "v2": 0}}},
        "lanes.only: a lane is a release of its own with mesh.provider gateway-api alone",
    ),
    "baseline by itself": (
        LANE
        | {"lanes": LANE["lanes"] | {"only": "v1", "weights": {"v1": 0, "v2": 70}}}
        | {"services": {}},
        "lanes.only: v1 is the baseline, which the release of the base has. Name another lane.",
    ),
    "lane of nothing": (
        LANE | {"lanes": LANE["lanes"] | {"only": "pr-2", "weights": {"pr-1": 0}}},
        "lanes.only: no service has a version pr-2. Add it to a service: ",
    ),
    "lane by itself with a share": (
        LANE | {"lanes": LANE["lanes"] | {"only": "v2"}, "services": {}},
        "lanes.only: lanes.weights gives v2 30% of the requests, and the release of the base",
    ),
    "lane without a way in": (
        GATEWAY_API | {"lanes": {"only": "pr-1"}, "services": LANE["services"]},
        "lanes.only: no entry rule leads to pr-1. Set lanes.enter.header",
    ),
}


@pytest.mark.parametrize("batch", batches(MISTYPED), ids=first_and_count)
def test_schema_names_the_place(batch: Cases) -> None:
    values, sentences = as_one(batch)
    wrong = differences(refusal(values), sentences)
    assert not wrong, wrong


@pytest.mark.parametrize("batch", batches(ILL_FITTING), ids=first_and_count)
def test_values_that_do_not_fit(batch: Cases) -> None:
    values, sentences = as_one(batch)
    said = refusal(values)
    wrong = differences(said, sentences)
    assert not wrong, wrong
    assert len(FACT_AND_FIX.findall(said)) == len(sentences), said


def test_all_mistakes_are_told_at_once() -> None:
    said = refusal(
        {"lanes": {"weights": {"v1": 1}}, "services": {"mockb": {"upstreams": ["x", "mocka"]}}}
    )
    assert said.count("\n- ") == 3
    assert "add up to 61" in said
    assert '"x" is not a service' in said
    assert "mocka, mockb are a cycle" in said


def test_a_cycle_is_told_from_the_way_to_it() -> None:
    said = refusal(
        {
            "services": {
                "front": {"versions": {"v1": {}}, "upstreams": ["mocka"]},
                "mockc": {"upstreams": ["mockb", "back"]},
                "back": {"versions": {"v1": {}}},
            }
        }
    )
    assert "the upstreams of front, mocka, mockb, mockc form" not in said
    assert "mockb, mockc are a cycle" in said


def test_weights_may_be_zero() -> None:
    render({"lanes": {"weights": {"v1": 100, "v2": 0, "v3": 0}}})


def test_one_service_given_and_the_sample_is_gone() -> None:
    own: Values = {"services": {"shop": {"versions": {"v1": {}}}}}
    resources = render(own | {"lanes": {"weights": {"v1": 100}}})
    assert {r["metadata"]["labels"].get("app") for r in resources} == {None, "shop"}
    assert "lanes.weights is empty. Name the lanes of your services" in refusal(own)


def test_weights_without_services_change_those_of_the_sample() -> None:
    weights = {"v1": 70, "v3": None, "pr-1": 0}
    routed = of_kind(render({"lanes": {"weights": weights}}), "VirtualService")["demo-gateway"]
    (rule,) = routed["spec"]["http"]
    shares = {r["headers"]["request"]["set"]["version"]: r["weight"] for r in rule["route"]}
    assert shares == {"v1": 70, "v2": 30, "pr-1": 0}


def test_the_sample_in_a_file_of_values_is_the_chart_without_values() -> None:
    assert render(SAMPLE) == render()


def test_part_of_a_service_of_the_sample_needs_the_file_of_the_sample(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(json.dumps({"services": {"mockb": {"replicas": 2}}}))
    sentence = (
        "services.mockb.versions is empty. Name the service's versions, as in {v1: {}}. To change "
        "the sample, put `--values sample.yaml`, a file of the chart, before your own values."
    )
    for command in (["template", "demo"], ["lint"]):
        done = helm(*command, str(CHART), "--values", str(file))
        assert done.returncode == 1
        assert sentence in done.stderr + done.stdout


def test_values_of_a_parent_chart_pass() -> None:
    render({"global": {"imageRegistry": "registry.example.com"}})


def test_an_older_kubernetes_is_refused_in_a_sentence() -> None:
    done = template({}, "--kube-version", "1.26.0")
    assert done.returncode != 0
    assert "requires kubeVersion" in done.stderr


def test_a_hook_that_kubernetes_does_not_have_is_refused() -> None:
    own = {"sample": False, "image": {"repository": "shop"}, "drain": 5}
    done = template({"defaults": own}, "--kube-version", "1.29.4")
    assert done.returncode != 0
    said = "defaults.drain needs Kubernetes 1.30 or later, and this is v1.29.4"
    assert said in done.stderr
    assert done.stderr.count("\n- ") == 1


# What a cluster lacks: the values that ask for it, and the sentence's first words.
LACKING: dict[str, tuple[Values, list[str], str]] = {
    "ASM": (
        {},
        [],
        "mesh.provider asm: this API server has no ASM (no istio.alibabacloud.com/v1beta1)",
    ),
    "Istio": (ISTIO, [], "mesh.provider istio: the cluster has no Istio 1.22 or later"),
    "Gateway API": (
        ISTIO | {"gateway": {"parentRefs": [{"name": "web"}]}},
        ["networking.istio.io/v1"],
        "gateway.parentRefs: the cluster has no Kubernetes Gateway API",
    ),
    "Istio's policies": (
        GATEWAY_API | {"peerAuthentication": {"enabled": True}},
        ["gateway.networking.k8s.io/v1"],
        "peerAuthentication and authorizationPolicy need Istio, which the cluster does not have",
    ),
    "OpenTelemetry Operator": (
        {"instrumentation": {"mode": "operator"}, "routing": {"enabled": False}},
        [],
        "instrumentation.mode operator: the cluster has no OpenTelemetry Operator",
    ),
    "Prometheus Operator": (
        {"serviceMonitor": {"enabled": True}, "routing": {"enabled": False}},
        [],
        "serviceMonitor: the cluster has no Prometheus Operator",
    ),
}


# What a cluster has that is for another provider, and who is told.
SPEAKS: dict[str, tuple[Values, str, str]] = {
    "asm on Istio": ({}, "networking.istio.io/v1", "mesh.provider=istio"),
    "asm on a mesh with HTTPRoutes": (
        {},
        "gateway.networking.k8s.io/v1",
        "mesh.provider=gateway-api",
    ),
    "istio on a mesh with HTTPRoutes": (
        ISTIO,
        "gateway.networking.k8s.io/v1",
        "mesh.provider=gateway-api",
    ),
    "gateway-api on Istio without it": (
        GATEWAY_API,
        "networking.istio.io/v1",
        "mesh.provider=istio",
    ),
}


@pytest.mark.parametrize(("values", "api", "provider"), SPEAKS.values(), ids=SPEAKS)
def test_a_cluster_for_another_provider_is_named(values: Values, api: str, provider: str) -> None:
    apis = [f"--api-versions={one}" for one in ("apiregistration.k8s.io/v1", api)]
    done = template(values, *apis)
    assert done.returncode == 1
    assert f". The cluster has the APIs of {provider}.\n" in done.stderr


@pytest.mark.parametrize(("values", "there", "sentence"), LACKING.values(), ids=LACKING)
def test_what_a_cluster_lacks_is_named(values: Values, there: list[str], sentence: str) -> None:
    apis = [f"--api-versions={api}" for api in ("apiregistration.k8s.io/v1", *there)]
    done = template(values, *apis)
    assert f"\n- {sentence}" in done.stderr
    assert FACT_AND_FIX.search(done.stderr), done.stderr
    assert done.stderr.count("\n- ") == 1


def test_a_cluster_that_has_all_is_told_nothing() -> None:
    apis = ["apiregistration.k8s.io/v1", "istio.alibabacloud.com/v1beta1"]
    done = template({}, *(f"--api-versions={api}" for api in apis))
    assert done.returncode == 0, done.stderr


def test_who_may_know_when_to_stop_may_call_in_a_cycle() -> None:
    cycle: Values = {
        "services": {"mockc": {"upstreams": ["mocka"]}},
        "defaults": {"sample": False},
    }
    cycle["defaults"]["image"] = {"repository": "shop"}
    assert render(cycle | {"gateway": {"services": {"mocka": {}}}})
    assert "every service is called by another" in refusal(cycle)


def test_what_yaml_takes_for_no_name_is_refused_as_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("lanes: {weights: {on: 0}}\nservices: {mocka: {versions: {7: {}}}}\n")
    done = helm("template", "demo", str(CHART), f"--values={SAMPLE_FILE}", f"--values={file}")
    assert '\n- lanes.weights: "true" is what YAML reads for on and yes' in done.stderr
    assert '\n- services.mocka.versions: YAML may read the name "7" as a number' in done.stderr
    assert done.stderr.count("\n- ") == 2
