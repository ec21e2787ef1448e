"""Builders of manifests as dicts, in short form or as the chart renders them.

`asm`, `istio` and `gateway_api` build a whole mesh for a provider; the functions before them build
one resource each. `put` changes one field, named by a path as in error messages.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

Document = dict[str, Any]
Chain = Mapping[str, tuple[Sequence[str], Sequence[str]]]
"""Services by name: the versions that each has, and the services that each calls."""

SAMPLE: Chain = {
    "mocka": (("v1", "v2", "v3"), ("mockb",)),
    "mockb": (("v1", "v3"), ("mockc",)),
    "mockc": (("v1", "v2"), ()),
}
WEIGHTS: Mapping[str, int] = {"v1": 40, "v2": 30, "v3": 30}
# A smaller mesh, with fewer pods to start: one lane and the baseline.
PAIR: Chain = {"mocka": (("v1", "v2"), ("mockb",)), "mockb": (("v1", "v2"), ())}
HALVES: Mapping[str, int] = {"v1": 50, "v2": 50}


DIGITS = "0123456789abcdef"


def membership(lane: str = "") -> dict[str, str]:
    """Return the labels of a lane's pods on Istio, or of the baseline's for ""."""
    digits = dict.fromkeys(sha256(lane.encode()).hexdigest()) if lane else DIGITS
    return {
        f"traffic-lanes/{digit}": "true" for digit in sorted(list(digits)[:8] if lane else digits)
    }


def write(tmp_path: Path, *documents: Document, name: str = "mesh.yaml") -> str:
    """Write `documents` to one file as JSON, which is YAML too; return its path."""
    file = tmp_path / name
    file.write_text("\n---\n".join(map(_as_yaml, documents)), encoding="utf-8")
    return str(file)


def _as_yaml(document: Document) -> str:
    """Return JSON that escapes only the characters that YAML has to have escaped."""
    text = json.dumps(document, ensure_ascii=False)
    return re.sub(
        r"[\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]", lambda match: f"\\u{ord(match[0]):04x}", text
    )


def exported(document: Document, *namespaces: str) -> Document:
    """Return a copy that is exported to these namespaces."""
    return put(document, "spec.exportTo", list(namespaces))


def put(document: Document, path: str, value: object) -> Document:
    """Return a copy of `document` with the field at `path` (such as spec.http[0].timeout) set."""
    changed = deepcopy(document)
    inner, last = _reach(changed, path)
    inner[last] = value
    return changed


def without(document: Document, path: str) -> Document:
    """Return a copy of `document` without the field at `path`."""
    changed = deepcopy(document)
    inner, last = _reach(changed, path)
    del inner[last]
    return changed


def _reach(document: Document, path: str) -> tuple[Any, str | int]:
    """Return the parent of the field at `path`, and the field's name or number."""
    *steps, last = [int(i) if i else key for key, i in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)]
    inner: Any = document
    for step in steps:
        inner = inner[step] if isinstance(step, int) else inner.setdefault(step, {})
    return inner, last


def _resource(
    api: str, kind: str, name: str, namespace: str, spec: Document, **metadata: object
) -> Document:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": spec,
    }


def service(
    name: str,
    *ports: int | Document,
    namespace: str = "default",
    selector: Mapping[str, str] | None = None,
) -> Document:
    """Return a Service. A number is also the target port. Default: 8000."""
    spec = {
        "selector": dict(selector or {"app": name}),
        "ports": [{"port": p} if isinstance(p, int) else p for p in ports or (8000,)],
    }
    return _resource("v1", "Service", name, namespace, spec)


def service_entry(
    host: str, app: str, version: str, *, port: str = "http", **more: object
) -> Document:
    """Return a ServiceEntry that adds a version's pods to a host; `more` are fields of its port."""
    ports = [{"number": 8000, "name": port, "protocol": "HTTP"} | more]
    selector = {"labels": {"app": app, "version": version}}
    at = {"location": "MESH_INTERNAL", "resolution": "STATIC"}
    spec = {"hosts": [host], "ports": ports, "workloadSelector": selector} | at
    api = "networking.istio.io/v1"
    return _resource(api, "ServiceEntry", f"{host}-{version}", "default", spec)


def deployment(
    app: str,
    version: str = "v1",
    *upstreams: str,
    name: str = "",
    namespace: str = "default",
    replicas: int = 1,
    port: int = 8000,
    env: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Document:
    """Return a Deployment of the sample. An upstream is a URL, or a Service with port 8000."""
    urls = [u if "/" in u else f"http://{u}:8000/" for u in upstreams]
    settings = {"app": app, "version": version, "upstream_url": ",".join(urls), **(env or {})}
    variables: list[Document] = [{"name": key, "value": value} for key, value in settings.items()]
    variables.append({"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}})
    container = {
        "name": "default",
        "image": "traffic-lanes:test",
        "ports": [
            {"name": "http", "containerPort": port},
            {"name": "management", "containerPort": 8001},
        ],
        "env": variables,
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "management"}},
    }
    own = {"app": app, "version": version, **(labels or {})}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": app, "version": version}},
        "template": {
            "metadata": {"labels": own, "annotations": dict(annotations or {})},
            "spec": {"containers": [container]},
        },
    }
    return _resource("apps/v1", "Deployment", name or f"{app}-{version}", namespace, spec)


def foreign(app: str, version: str = "v1", **env: str) -> Document:
    """Return a Deployment of a service that is not the sample."""
    path = "spec.template.spec.containers[0]"
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return put(deployment(app, version), f"{path}.env", variables)


def destination_rule(
    host: str,
    *subsets: str | Document,
    policy: Document | None = None,
    namespace: str = "default",
    name: str = "",
) -> Document:
    """Return a DestinationRule. A subset that is a name selects the pods of that version."""
    spec: Document = {
        "host": host,
        "subsets": [
            {"name": s, "labels": {"version": s}} if isinstance(s, str) else s for s in subsets
        ],
    }
    if policy is not None:
        spec["trafficPolicy"] = policy
    return _resource("networking.istio.io/v1", "DestinationRule", name or host, namespace, spec)


def sidecar(
    *imported: str,
    selects: Mapping[str, str] | None = None,
    namespace: str = "default",
    name: str = "sidecar",
) -> Document:
    """Return a Sidecar for all pods of a namespace, or for those with the labels in `selects`."""
    spec: Document = {"egress": [{"hosts": list(imported)}]}
    if selects is not None:
        spec["workloadSelector"] = {"labels": dict(selects)}
    return _resource("networking.istio.io/v1", "Sidecar", name, namespace, spec)


def to(
    host: str,
    subset: str | None = None,
    *,
    fallback: str | Document | None = None,
    weight: int | None = None,
    headers: Document | None = None,
    port: int | None = None,
) -> Document:
    """Return a destination of a route. A fallback that is a name is a subset of the same host."""
    target: Document = {"host": host}
    if subset is not None:
        target["subset"] = subset
    if port is not None:
        target["port"] = {"number": port}
    entry: Document = {"destination": target}
    if weight is not None:
        entry["weight"] = weight
    if headers is not None:
        entry["headers"] = headers
    if fallback is not None:
        other = {"host": host, "subset": fallback} if isinstance(fallback, str) else fallback
        entry["fallback"] = {"target": other}
    return entry


def rule(*destinations: Document, match: Sequence[Document] = (), **fields: object) -> Document:
    """Return a rule of a VirtualService; `fields` are timeout, retries, headers and the like."""
    matches = {"match": list(match)} if match else {}
    return {**matches, "route": list(destinations), **fields}


def header_is(name: str, value: str, how: str = "exact") -> Document:
    """Return a match on one header."""
    return {"headers": {name: {how: value}}}


def virtual_service(
    host: str,
    *rules: Document,
    gateways: Sequence[str] | None = None,
    namespace: str = "default",
    name: str = "",
) -> Document:
    """Return a VirtualService for one host: for the mesh, unless gateways are named."""
    spec: Document = {"hosts": [host], "http": list(rules)}
    if gateways is not None:
        spec["gateways"] = list(gateways)
    label = name or host.replace("*", "any")
    return _resource("networking.istio.io/v1", "VirtualService", label, namespace, spec)


def gateway(
    *hosts: str, name: str = "demo-gateway", namespace: str = "default", port: int = 80
) -> Document:
    """Return a Gateway with one HTTP server, by default for any host."""
    server = {
        "port": {"number": port, "name": "http", "protocol": "HTTP"},
        "hosts": list(hosts or ("*",)),
    }
    spec = {"selector": {"istio": "ingressgateway"}, "servers": [server]}
    return _resource("networking.istio.io/v1", "Gateway", name, namespace, spec)


def header_propagation(
    *headers: str,
    prefixes: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    namespace: str = "default",
    name: str = "propagation",
) -> Document:
    """Return an ASMHeaderPropagation for the workloads with `labels`, or else its namespace."""
    spec: Document = {"headers": list(headers)}
    if prefixes:
        spec["headerPrefix"] = list(prefixes)
    if labels is not None:
        spec["workloadSelector"] = {"labels": dict(labels)}
    api = "istio.alibabacloud.com/v1beta1"
    return _resource(api, "ASMHeaderPropagation", name, namespace, spec)


def instrumentation(
    *propagators: str,
    name: str = "instrumentation",
    namespace: str = "default",
    env: Mapping[str, str] | None = None,
) -> Document:
    """Return an Instrumentation; its default propagator is baggage."""
    spec = {
        "propagators": list(propagators or ("baggage",)),
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
    }
    return _resource("opentelemetry.io/v1alpha1", "Instrumentation", name, namespace, spec)


def web(*rules: Document, env: Mapping[str, str] | None = None) -> list[Document]:
    """Return a mesh of a gateway and one service with one version."""
    entered = virtual_service("*", *(rules or [rule(to("web"))]), gateways=["demo-gateway"])
    return [gateway(), service("web"), deployment("web", env=env), entered]


def asm(
    chain: Chain = SAMPLE,
    weights: Mapping[str, int] = WEIGHTS,
    *,
    header: str = "version",
    baseline: str = "v1",
    strict: bool = False,
) -> list[Document]:
    """Return a mesh as the chart's provider asm renders it. The first service is the entry."""

    def destination(host: str, lane: str, **fields: Any) -> Document:
        falls_back = None if strict or lane == baseline else baseline
        return to(host, lane, fallback=falls_back, **fields)

    def sets_lane(lane: str) -> Document:
        return {"request": {"set": {header: lane}}}

    documents = [gateway(), header_propagation(header)]
    entry = next(iter(chain))
    destinations = [
        destination(entry, v, weight=w, headers=sets_lane(v)) for v, w in weights.items()
    ]
    documents.append(virtual_service("*", rule(*destinations), gateways=["demo-gateway"]))
    for host, (versions, _) in chain.items():
        lanes = [v for v in weights if v != baseline]
        rules = [rule(destination(host, v), match=[header_is(header, v)]) for v in lanes]
        documents.append(virtual_service(host, *rules, rule(to(host, baseline))))
        documents.append(destination_rule(host, *versions))
    return [*documents, *workloads(chain)]


def istio(
    chain: Chain = SAMPLE,
    weights: Mapping[str, int] = WEIGHTS,
    *,
    header: str = "version",
    baseline: str = "v1",
) -> list[Document]:
    """Return the same lanes in stock Istio: lanes in baggage, fallback by failoverPriority."""

    def member(lane: str) -> str:
        return rf"(.*,)?\s*{header}\s*=\s*{lane}\s*([,;].*)?"

    def subset(lane: str) -> Document:
        priority = {"failoverPriority": [f"version={lane}"]}
        policy = {"loadBalancer": {"localityLbSetting": priority}, "outlierDetection": {}}
        return {"name": lane, "labels": {f"lane-{lane}": "member"}, "trafficPolicy": policy}

    documents = [gateway()]
    entry = next(iter(chain))
    destinations = [
        to(entry, v, weight=w, headers={"request": {"set": {"baggage": f"{header}={v}"}}})
        for v, w in weights.items()
    ]
    documents.append(virtual_service("*", rule(*destinations), gateways=["demo-gateway"]))
    others = [v for v in weights if v != baseline]
    for host in chain:
        rules = [
            rule(to(host, v), match=[header_is("baggage", member(v), "regex")]) for v in others
        ]
        documents.append(virtual_service(host, *rules, rule(to(host, baseline))))
        documents.append(destination_rule(host, baseline, *map(subset, others)))
    members = {v: {f"lane-{o}": "member" for o in others if v in (o, baseline)} for v in weights}
    return [*documents, *workloads(chain, labels=members)]


def to_gateway(name: str = "web", **more: object) -> Document:
    """Return a Gateway as a parent of an HTTPRoute."""
    return {"name": name, **more}


def to_service(name: str, port: int | None = 8000, **more: object) -> Document:
    """Return a Service as a parent of an HTTPRoute, for its callers in the mesh."""
    numbered = {} if port is None else {"port": port}
    return {"group": "", "kind": "Service", "name": name, **numbered, **more}


def backend(name: str, *filters: Document, port: int = 8000, **more: object) -> Document:
    """Return a backend of a rule; `more` are weight and namespace."""
    changes = {"filters": list(filters)} if filters else {}
    return {"name": name, "port": port, **more, **changes}


def sets(name: str, value: str, of: str = "request") -> Document:
    """Return a filter that sets one header."""
    how = {"set": [{"name": name, "value": value}]}
    return {"type": f"{of.title()}HeaderModifier", f"{of}HeaderModifier": how}


def takes(
    path: str = "",
    headers: Mapping[str, str] | None = None,
    how: str = "PathPrefix",
    **more: object,
) -> Document:
    """Return a match of an HTTPRoute. A value that begins with ~ is a regular expression."""
    wanted = [
        {"name": name, "type": "RegularExpression", "value": value[1:]}
        if value.startswith("~")
        else {"name": name, "value": value}
        for name, value in (headers or {}).items()
    ]
    where = {"path": {"type": how, "value": path}} if path else {}
    return {**where, **({"headers": wanted} if wanted else {}), **more}


def route_rule(*backends: Document, matches: Sequence[Document] = (), **fields: object) -> Document:
    """Return a rule of an HTTPRoute; `fields` are filters and timeouts."""
    matching = {"matches": list(matches)} if matches else {}
    return {**matching, "backendRefs": list(backends), **fields}


def http_route(
    name: str,
    parent: Document,
    *rules: Document,
    hostnames: Sequence[str] = (),
    namespace: str = "default",
) -> Document:
    """Return an HTTPRoute with one parent."""
    spec: Document = {"parentRefs": [parent]}
    if hostnames:
        spec["hostnames"] = list(hostnames)
    api = "gateway.networking.k8s.io/v1"
    return _resource(api, "HTTPRoute", name, namespace, spec | {"rules": list(rules)})


def listener(port: int = 80, **more: object) -> Document:
    """Return an HTTP listener of a Gateway of the Gateway API."""
    return {"name": "http", "port": port, "protocol": "HTTP", **more}


def api_gateway(*listeners: Document, name: str = "web", namespace: str = "default") -> Document:
    """Return a Gateway of the Gateway API, by default with one listener for any host."""
    spec = {"gatewayClassName": "istio", "listeners": list(listeners or (listener(),))}
    return _resource("gateway.networking.k8s.io/v1", "Gateway", name, namespace, spec)


def reference_grant(namespace: str, to: str = "", *, of: str = "default") -> Document:
    """Return a ReferenceGrant for HTTPRoutes of the namespace `of`, to one Service or to all."""
    wanted = {"group": "", "kind": "Service", **({"name": to} if to else {})}
    given = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": of}
    api = "gateway.networking.k8s.io/v1beta1"
    return _resource(api, "ReferenceGrant", "routes", namespace, {"from": [given], "to": [wanted]})


def base(
    chain: Chain,
    weights: Mapping[str, int] | None = None,
    *,
    header: str = "version",
    baseline: str = "v1",
) -> list[Document]:
    """Return a base release of provider gateway-api. Entries are split by `weights`.

    It has the baseline of each service in `chain`; `lane` has the other versions.
    """
    entry = next(iter(chain))
    destinations = [
        _entered(entry, v if v in chain[entry][0] else baseline, header, v, weight=w)
        for v, w in (weights or {baseline: 1}).items()
    ]
    documents = [http_route("web", to_gateway(), route_rule(*destinations))]
    for host, (_, upstreams) in chain.items():
        baseline_rule = http_route(
            host, to_service(host), route_rule(backend(f"{host}-{baseline}"))
        )
        documents += [service(host), baseline_rule, *_version(host, baseline, upstreams)]
    return documents


def lane(
    name: str,
    chain: Chain,
    *,
    header: str = "version",
    baseline: str = "v1",
    entry_rule: bool = True,
) -> list[Document]:
    """Return a lane's release beside `base`: its pods, its rules, and its entry rule by x-lane."""
    changed = {host: upstreams for host, (versions, upstreams) in chain.items() if name in versions}
    member = rf"~(.*,)?\s*{header}\s*=\s*{re.escape(name)}\s*([,;].*)?"
    match = takes(headers={"baggage": member})
    documents = []
    for host, upstreams in changed.items():
        lane_rule = route_rule(backend(f"{host}-{name}"), matches=[match])
        documents += [
            http_route(f"{host}-{name}", to_service(host), lane_rule),
            *_version(host, name, upstreams),
        ]
    entry = next(iter(chain))
    if entry_rule:
        entered = _entered(entry, name if entry in changed else baseline, header, name)
        by_header = route_rule(entered, matches=[takes(headers={"x-lane": name})])
        documents.append(http_route(f"web-{name}", to_gateway(), by_header))
    return documents


def _entered(host: str, version: str, header: str, lane: str, weight: int = 1) -> Document:
    return backend(f"{host}-{version}", sets("baggage", f"{header}={lane}"), weight=weight)


def _version(host: str, version: str, upstreams: Sequence[str]) -> list[Document]:
    """Return the Deployment of one version, and a Service for it alone."""
    name = f"{host}-{version}"
    selector = {"app": host, "version": version}
    return [service(name, selector=selector), deployment(host, version, *upstreams)]


def gateway_api(
    chain: Chain = SAMPLE,
    weights: Mapping[str, int] = WEIGHTS,
    *,
    header: str = "version",
    baseline: str = "v1",
) -> list[Document]:
    """Return the same lanes with HTTPRoutes alone, entered by weight."""
    documents = base(chain, weights, header=header, baseline=baseline)
    for name in weights:
        if name != baseline:
            documents += lane(name, chain, header=header, baseline=baseline, entry_rule=False)
    return documents


def workloads(
    chain: Chain, labels: Mapping[str, Mapping[str, str]] | None = None
) -> Iterator[Document]:
    """Yield a Service for each entry of `chain` and a Deployment for each version.

    `labels` are further labels of the pods, by version.
    """
    for host, (versions, upstreams) in chain.items():
        yield service(host)
        for version in versions:
            more = (labels or {}).get(version, {})
            yield deployment(host, version, *upstreams, labels=more)
