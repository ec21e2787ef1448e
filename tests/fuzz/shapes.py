"""Odd but valid sets, with combinations that are rarely tested."""

from random import Random
from typing import Any

from tests import kube
from tests.kube import Document

_NAMES = ("a", "b", "c", "a.b", "1", "x-1", "a" * 63)
_SETS_LANE = {"request": {"set": {"baggage": "version=v2"}}}
_HOSTS = ("*", "shop.example", "*.example", "a", "b.default", "c.other.svc.cluster.local", "1")


def shaped(random: Random) -> list[Document]:
    """Return a random mesh of services that call each other, and gateways of both APIs."""
    names = random.sample(_NAMES, random.randint(1, 5))
    documents = [one for name in names for one in _service(name, names, random)]
    gateways = random.sample(("g", "demo-gateway", "other/g", "absent"), random.randint(1, 3))
    documents += [_gateway(name, random) for name in gateways if name != "absent"]
    for number in range(random.randint(0, 3)):
        documents.append(_virtual_service(f"w{number}", names, gateways, random))
    if random.random() < 0.15:
        documents += [_http_route(f"r{number}", names, random) for number in range(2)]
    if random.random() < 0.2:
        listeners = [kube.listener(random.choice((80, 80, 443, 8080))) for _ in range(2)]
        documents.append(kube.api_gateway(*random.choices(listeners, k=random.randint(0, 3))))
    if random.random() < 0.75:
        tagged, plain = (
            kube.to(names[0], "v2", weight=50, headers=_SETS_LANE),
            kube.to(names[0], weight=50),
        )
        rule = kube.rule(tagged, plain)
        entry = kube.virtual_service("*", rule, gateways=[*gateways, "front"], name="way")
        documents += [kube.gateway(name="front"), entry]
    random.shuffle(documents)
    return documents


def _service(name: str, names: list[str], random: Random) -> list[Document]:
    documents = []
    calls = random.choices(names, k=random.choice((0, 0, 1, 2)))  # may call itself, or be a cycle
    for version in random.sample(("v1", "v2", "v3", ""), random.choice((0, 1, 2, 2, 3, 3))):
        if random.random() < 0.05:
            calls = random.choices(names, k=3)
        pods = kube.deployment(name, version, *calls, replicas=random.choice((0, 1, 1, 2)))
        documents.append(kube.put(pods, "metadata.name", f"{name}-{version or 'x'}"))
    port: Document = {"port": random.choices((8000, 80, 443), (8, 1, 1))[0]}
    port |= random.choice(({}, {"name": "http"}, {"name": "tcp-a"}, {"targetPort": "http"}))
    ports = random.choices(
        ([port], [port, {"port": 9000, "name": "grpc"}], [port, port], []), (12, 1, 1, 1)
    )[0]
    service = kube.put(kube.service(name), "spec.ports", ports)
    if random.random() < 0.1:
        service = kube.put(service, "spec.clusterIP", "None")
    if random.random() < 0.1:
        service = kube.put(service, "spec.selector", {})
    if random.random() < 0.5:
        versions = random.sample(("v1", "v2", "v3"), random.randint(0, 3))
        documents.append(kube.destination_rule(name, *versions))
    return [service, *documents]


def _gateway(name: str, random: Random) -> Document:
    namespace, _, own = name.rpartition("/")
    http = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}}
    tls = random.choice(({"mode": "SIMPLE", "credentialName": "c"}, {"mode": "PASSTHROUGH"}))
    https = {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "tls": tls}
    redirect = {**http, "tls": {"httpsRedirect": True}}
    tcp = {"port": {"number": 90, "name": "tcp", "protocol": "TCP"}}
    servers = random.choices((http, https, redirect, tcp), k=random.randint(1, 3))
    hosts = random.choices(
        ["*", *_HOSTS, "./*", "other/*"], (30, *[1] * (len(_HOSTS) + 2)), k=random.randint(1, 2)
    )
    made = kube.gateway(name=own, namespace=namespace or "default")
    return kube.put(made, "spec.servers", [{**server, "hosts": hosts} for server in servers])


def _match(gateways: list[str], random: Random) -> Document:
    forms: tuple[Document, ...] = (
        {},
        {"port": random.choice((80, 443, 8000))},
        {"gateways": [random.choice([*gateways, "mesh"])]},
        {"headers": {"x-lane": {"exact": random.choice(("v1", "v2"))}}},
        {"headers": {"baggage": {"regex": ".*version=v2.*"}}},
        {"headers": {"cookie": {"prefix": "a"}}, "uri": {"prefix": "/"}},
        {"withoutHeaders": {"x-lane": {}}},
        {"uri": {"exact": "/a"}, "method": {"exact": "POST"}},
        {"uri": {"regex": random.choice((".*", "/[a-c]+", "(/x|/y)?"))}},
        {"queryParams": {"a": {"exact": "b"}}},
        {"sourceLabels": {"app": "a"}},
        {"sourceNamespace": "other"},
        {"scheme": {"exact": random.choice(("http", "https"))}},
        {"authority": {"exact": random.choice(_HOSTS)}},
    )
    first, second = random.choices(forms, (*[5] * 10, *[1] * (len(forms) - 10)), k=2)
    return {**first, **second} if random.random() < 0.3 else first


def _rule(names: list[str], gateways: list[str], random: Random) -> Document:
    to = [
        kube.to(random.choice([*names, "gone"]), random.choice(("v1", "v2", "none", "")))
        for _ in range(random.randint(1, 3))
    ]
    if len(to) > 1:
        to = [{**one, "weight": random.choice((0, 1, 50, 100))} for one in to]
    for one in to:
        if random.random() < 0.3:
            one["headers"] = {
                "request": {"set": {"x-lane": "v2"}, "add": {"baggage": "version=v1"}}
            }
        if random.random() < 0.2:
            one["fallback"] = {"target": {"host": random.choice(names), "subset": "v1"}}
    rule: Document = {"route": to}
    if random.random() < 0.1:
        rule = random.choice(({"redirect": {"uri": "/"}}, {"directResponse": {"status": 418}}))
    if random.random() < 0.1:
        rule["fault"] = {"abort": {"httpStatus": 503, "percentage": {"value": 50}}}
    matches = [_match(gateways, random) for _ in range(random.randint(0, 2))]
    return {"match": matches, **rule} if matches or random.random() < 0.2 else rule


def _virtual_service(name: str, names: list[str], gateways: list[str], random: Random) -> Document:
    rules = [_rule(names, gateways, random) for _ in range(random.randint(0, 3))]
    bound = random.choice((None, [], ["mesh"], gateways, [*gateways, "mesh"], gateways[:1]))
    made = kube.virtual_service("x", *rules, gateways=bound, name=name)
    hosts = random.choices([*_HOSTS, *names], k=random.randint(1, 2))
    made = kube.put(made, "spec.hosts", hosts)
    passed: list[Any] = [{"route": [{"destination": {"host": random.choice(names)}}]}]
    for kind in ("tcp", "tls"):
        if random.random() < 0.15:
            made = kube.put(made, f"spec.{kind}", passed)
    if random.random() < 0.1:
        made = kube.without(made, "spec.http")
    return made


def _http_route(name: str, names: list[str], random: Random) -> Document:
    parents = [
        random.choice(
            (kube.to_gateway(), kube.to_gateway("absent"), kube.to_service(random.choice(names)))
        )
        for _ in range(random.randint(1, 2))
    ]
    rules = [
        kube.route_rule(
            *(kube.backend(random.choice([*names, "gone"])) for _ in range(random.randint(0, 2))),
            matches=random.choice(
                ((), ({"path": {"value": "/a"}},), ({"headers": [{"name": "x", "value": "v2"}]},))
            ),
        )
        for _ in range(random.randint(0, 2))
    ]
    made = kube.http_route(name, parents[0], *rules)
    return kube.put(made, "spec.parentRefs", parents)
