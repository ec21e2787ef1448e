"""Generated manifests: typical lanes, with one to three twists that real manifests have.

The same seed gives the same set.
"""

import json
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests import kube
from tests.kube import Document, header_is, rule, to, virtual_service

Rule = dict[str, Any]
OTHER = "elsewhere"  # the set's second namespace


@dataclass
class Set:
    """The manifests of one set under construction."""

    rng: random.Random
    documents: list[Document]
    hosts: tuple[str, ...]
    lanes: tuple[str, ...]
    twists: list[str] = field(default_factory=list)

    def find(self, kind: str, name: str) -> Document:
        """Return the resource of this name, or the first one if twists have added another."""
        return next(d for d in self.documents if (d["kind"], d["metadata"]["name"]) == (kind, name))

    @property
    def host(self) -> str:
        """Draw one of the services."""
        return self.rng.choice(self.hosts)

    @property
    def inner(self) -> str:
        """Draw one of the services that others call."""
        return self.rng.choice(self.hosts[1:])

    @property
    def lane(self) -> str:
        """Draw one of the lanes, except the baseline."""
        return self.rng.choice(self.lanes[1:])

    def rules(self, host: str) -> list[Rule]:
        """Return the rules of a service for its callers."""
        rules: list[Rule] = self.find("VirtualService", host)["spec"]["http"]
        return rules

    @property
    def entry(self) -> Document:
        """Return the spec of the gateway's VirtualService."""
        spec: Document = self.find("VirtualService", "any")["spec"]
        return spec

    def subsets(self, host: str) -> list[Document]:
        subsets: list[Document] = self.find("DestinationRule", host)["spec"]["subsets"]
        return subsets

    def ports(self, host: str) -> list[Document]:
        ports: list[Document] = self.find("Service", host)["spec"]["ports"]
        return ports

    def entering(self, lane: str, *match: Document) -> Rule:
        """Return a rule of the gateway that sets a lane."""
        sets = {"request": {"set": {"baggage": f"version={lane}"}}}
        return rule(to(self.hosts[0], self.lanes[0]), match=match, headers=sets)


Twist = Callable[[Set], None]
TWISTS: dict[str, Twist] = {}


def twist(function: Twist) -> Twist:
    """Add a function to the twists, by its name."""
    TWISTS[function.__name__.replace("_", " ")] = function
    return function


def generate(seed: str, *twists: str) -> Set:
    """Return the set of a seed, with these twists or one to three that it draws."""
    rng = random.Random(seed)
    lanes = ("v1", *rng.sample(["v2", "v3", "v10"], rng.choice([1, 2])))
    hosts = ("shop", "cart", "stock")[: rng.choice([2, 3])]
    chain: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for number, host in enumerate(hosts):
        versions = ("v1", *(lane for lane in lanes[1:] if rng.random() < 0.7))
        chain[host] = (versions, hosts[number + 1 : number + 2])
    weights = {lane: rng.choice([1, 5, 10, 30]) for lane in lanes}
    made = Set(rng, kube.istio(chain, weights), hosts, lanes)
    for host in hosts:
        made.ports(host)[0] |= {"name": "http", "targetPort": "http"}
    for name in twists or rng.sample(list(TWISTS), rng.choice([1, 1, 2, 3])):
        before = deepcopy(made.documents)
        try:
            TWISTS[name](made)
        except (LookupError, ValueError, StopIteration):  # another twist removed what it changes
            made.documents = before
        else:
            made.twists.append(name)
    return made


def placed(made: Set, namespace: str) -> list[Document]:
    """Return the set's documents in a separate namespace."""
    text = json.dumps(made.documents)
    text = text.replace("~default/", f"~{namespace}/")
    text = text.replace(OTHER, f"{namespace}-b").replace('"ingressgateway"', f'"{namespace}"')
    text = text.replace('"istio": "internal"', f'"istio": "{namespace}-internal"')
    text = text.replace("default.svc", f"{namespace}.svc")
    text = text.replace("shop.internal", f"{namespace}.internal")
    for end in ('"', ":"):
        text = text.replace(f".default{end}", f".{namespace}{end}")
    documents: list[Document] = json.loads(text)
    for document in documents:
        if document["metadata"].get("namespace") == "default":
            document["metadata"]["namespace"] = namespace
    return documents


# At the gateway


@twist
def nothing(made: Set) -> None:
    """Leave the set as the chart renders it."""


# Matches of an entry rule that comes first.
_ENTRY_MATCHES: dict[str, Callable[[Set], Document]] = {
    "header": lambda made: header_is("x-lane", made.lane),
    "a prefix": lambda _: header_is("x-lane", "v1", "prefix"),
    "cookie": lambda _: header_is("cookie", "(.*;)?\\s*lane=(beta|next)\\s*(;.*)?", "regex"),
    "path": lambda made: {"uri": {made.rng.choice(["exact", "prefix", "regex"]): "/beta"}},
    "a path in any case": lambda _: {"uri": {"prefix": "/Beta"}, "ignoreUriCase": True},
    "host": lambda _: {"authority": {"exact": "beta.shop.test"}},
    "a prefix of the host": lambda _: {"authority": {"prefix": "beta."}},
    "the host as a header": lambda made: {
        made.rng.choice(["headers", "headers", "withoutHeaders"]): {
            made.rng.choice(["host", "Host", ":authority"]): {
                made.rng.choice(["exact", "prefix"]): "beta.shop.test"
            }
        }
    },
    "method": lambda _: {"method": {"exact": "POST"}},
    "method and header": lambda made: {
        **header_is("x-lane", made.lane),
        "method": {"exact": "PUT"},
    },
    "query": lambda _: {"queryParams": {"lane": {"exact": "beta"}}},
    "a missing header": lambda _: {"withoutHeaders": {"x-stable": {}}},
    "presence": lambda _: {"headers": {"x-beta": {}}},
    "claim": lambda _: header_is("@request.auth.claims.group", "testers"),
    "port": lambda made: {"port": made.rng.choice([80, 81])},
    "scheme": lambda made: {"scheme": {"exact": made.rng.choice(["http", "https"])}},
}


def _enter_first(match: Callable[[Set], Document], made: Set) -> None:
    made.entry["http"].insert(0, made.entering(made.lane, match(made)))


TWISTS |= {
    f"an entry rule by {name}": partial(_enter_first, match)
    for name, match in _ENTRY_MATCHES.items()
}


@twist
def an_entry_rule_behind_a_method(made: Set) -> None:
    way = made.entering("v1", {"method": {"exact": "GET"}})
    made.entry["http"][:0] = [way, made.entering(made.lane, header_is("x-lane", made.lane))]


@twist
def an_entry_rule_by_host_and_header(made: Set) -> None:
    asked = made.entering(made.lane, header_is("x-lane", made.lane))
    rules = [asked, made.entering("v1")]
    made.documents.append(
        virtual_service("b.shop.internal", *rules, gateways=["demo-gateway"], name="b")
    )


@twist
def an_entry_rule_by_a_header_that_others_must_not_have(made: Set) -> None:
    rest = made.entry["http"][-1]
    rest["match"] = [{"withoutHeaders": {"x-beta": {}}}]
    made.entry["http"].append(made.entering(made.lane))


@twist
def the_host_set_at_the_gateway(made: Set) -> None:
    name = made.rng.choice(["host", "Host", ":authority"])
    made.entry["http"][-1]["headers"] = {"request": {"set": {name: "beta.shop.test"}}}


@twist
def an_entry_rule_behind_everything(made: Set) -> None:
    made.entry["http"].append(made.entering(made.lane, header_is("x-lane", made.lane)))


@twist
def two_entry_rules_that_overlap(made: Set) -> None:
    first = made.entering("v1", header_is("x-lane", "v1", "prefix"))
    made.entry["http"][:0] = [first, made.entering(made.lane, header_is("x-lane", made.lane))]


@twist
def a_redirect_at_the_gateway(made: Set) -> None:
    asked = {"uri": {"exact": made.rng.choice(["/", "/old"])}}
    made.entry["http"].insert(0, {"match": [asked], "redirect": {"uri": "/new"}})


@twist
def a_direct_answer_at_the_gateway(made: Set) -> None:
    asked = {"uri": {"exact": made.rng.choice(["/", "/health"])}}
    made.entry["http"].insert(0, {"match": [asked], "directResponse": {"status": 204}})


@twist
def a_rewrite_at_the_gateway(made: Set) -> None:
    made.entry["http"][-1]["rewrite"] = {"uri": made.rng.choice(["/", "/api/"])}


@twist
def only_a_path_at_the_gateway(made: Set) -> None:
    made.entry["http"][-1]["match"] = [{"uri": {"prefix": "/shop"}}]


@twist
def two_virtual_services_at_the_gateway(made: Set) -> None:
    name = made.rng.choice(["a-beta", "zz-beta"])
    way = made.entering(made.lane, header_is("x-lane", made.lane))
    beta = virtual_service("*", way, gateways=["demo-gateway"], name=name)
    made.documents.append(beta)


@twist
def a_second_default_at_the_gateway(made: Set) -> None:
    name = made.rng.choice(["a-beta", "zz-beta"])
    beta = virtual_service("*", made.entering(made.lane), gateways=["demo-gateway"], name=name)
    made.documents.append(beta)


@twist
def a_host_of_its_own_at_the_gateway(made: Set) -> None:
    host = made.rng.choice(["beta.shop.test", "*.shop.test"])
    beta = virtual_service(host, made.entering(made.lane), gateways=["demo-gateway"], name="beta")
    made.documents.append(beta)


@twist
def gateway_hosts_of_a_namespace(made: Set) -> None:
    namespace = made.rng.choice(["./", "*/", f"{OTHER}/"])
    made.find("Gateway", "demo-gateway")["spec"]["servers"][0]["hosts"] = [f"{namespace}*"]


@twist
def no_gateway(made: Set) -> None:
    made.documents.remove(made.find("Gateway", "demo-gateway"))


@twist
def a_gateway_elsewhere(made: Set) -> None:
    made.find("Gateway", "demo-gateway")["metadata"]["namespace"] = OTHER


@twist
def a_gateway_elsewhere_by_its_namespace(made: Set) -> None:
    made.find("Gateway", "demo-gateway")["metadata"]["namespace"] = OTHER
    made.entry["gateways"] = [f"{OTHER}/demo-gateway"]


@twist
def a_gateway_by_another_name(made: Set) -> None:
    names = ["./demo-gateway", "demo-gateway.default", "demo-gateway.default.svc.cluster.local"]
    made.entry["gateways"] = [made.rng.choice(names)]


@twist
def a_gateway_that_is_absent_beside_another(made: Set) -> None:
    name = made.rng.choice(["a-beta", "zz-beta"])
    made.documents.insert(
        0, virtual_service("*", made.entering(made.lane), gateways=["b"], name=name)
    )


@twist
def no_default_at_the_gateway(made: Set) -> None:
    made.entry["http"] = [made.entering(made.lane, header_is("x-lane", made.lane))]


@twist
def a_second_gateway_of_other_pods(made: Set) -> None:
    other = kube.gateway(name="internal")
    other["spec"]["selector"] = {"istio": "internal"}
    made.documents.append(other)
    beta = virtual_service("*", made.entering(made.lane), gateways=["internal"], name="internal")
    made.documents.append(beta)


@twist
def a_second_port_at_the_gateway(made: Set) -> None:
    servers = made.find("Gateway", "demo-gateway")["spec"]["servers"]
    servers.append({"port": {"number": 8080, "name": "alt", "protocol": "HTTP"}, "hosts": ["*"]})


@twist
def an_https_server_beside(made: Set) -> None:
    servers = made.find("Gateway", "demo-gateway")["spec"]["servers"]
    tls = {"mode": "SIMPLE", "credentialName": "shop"}
    port = {"number": 443, "name": "https", "protocol": "HTTPS"}
    servers.append({"port": port, "hosts": ["*"], "tls": tls})


@twist
def no_lane_header(made: Set) -> None:
    made.entry["http"] = [rule(to(made.hosts[0], "v1"))]


@twist
def a_split_without_a_lane_header(made: Set) -> None:
    for leg in made.entry["http"][-1]["route"]:
        leg.pop("headers", None)


@twist
def a_delegate(made: Set) -> None:
    made.entry["http"] = [{"delegate": {"name": "beta", "namespace": "default"}}]
    beta = virtual_service("x", made.entering(made.lane), name="beta")
    del beta["spec"]["hosts"]
    made.documents.append(beta)


@twist
def the_gateway_and_the_mesh(made: Set) -> None:
    made.find("VirtualService", made.hosts[0])["spec"]["gateways"] = ["mesh", "demo-gateway"]


# In the mesh


@twist
def no_gateways_is_the_mesh(made: Set) -> None:
    made.find("VirtualService", made.inner)["spec"]["gateways"] = []


@twist
def no_default(made: Set) -> None:
    made.rules(made.inner).pop()


@twist
def the_default_stands_first(made: Set) -> None:
    rules = made.rules(made.inner)
    rules.insert(0, rules.pop())


@twist
def a_loose_expression(made: Set) -> None:
    rules = made.rules(made.inner)
    lane = made.rng.choice(made.lanes)
    rules.insert(
        0, rule(to(made.inner, "v1"), match=[header_is("baggage", f".*version={lane}.*", "regex")])
    )


@twist
def a_split_in_the_mesh(made: Set) -> None:
    host = made.inner
    versions = [s["name"] for s in made.subsets(host)][:2]
    legs = [to(host, v, weight=w) for v, w in zip(versions, (80, 20), strict=False)]
    if len(legs) == 2:
        made.rules(host)[-1]["route"] = legs


@twist
def a_canary_without_pods_yet(made: Set) -> None:
    host = made.rng.choice([made.inner, made.hosts[0]])
    others = [to(host, lane, weight=made.rng.choice([1, 10])) for lane in made.lanes[1:]]
    legs = [to(host, "v1", weight=80), *others]
    rules = made.entry["http"] if host == made.hosts[0] else made.rules(host)
    rules[-1]["route"] = legs
    made.documents.remove(made.find("Deployment", f"{host}-{made.lane}"))


@twist
def a_weight_that_is_missing(made: Set) -> None:
    host = made.inner
    legs = [to(host, "v1", weight=80), to(host, made.lane)]
    made.rules(host)[-1]["route"] = legs


@twist
def a_weight_that_is_missing_with_its_headers(made: Set) -> None:
    host = made.inner
    headers = {"request": {"add": {"baggage": "x-canary=true"}}}
    legs = [to(host, "v1", weight=80), to(host, made.lane, headers=headers)]
    made.rules(host)[-1]["route"] = legs


@twist
def a_weight_of_nothing(made: Set) -> None:
    host = made.inner
    made.rules(host)[-1]["route"] = [to(host, "v1", weight=100), to(host, made.lane, weight=0)]


@twist
def a_lone_weight(made: Set) -> None:
    host = made.inner
    made.rules(host)[-1]["route"] = [to(host, "v1", weight=made.rng.choice([0, 7]))]


@twist
def a_subset_that_is_not_defined(made: Set) -> None:
    made.rules(made.inner)[made.rng.choice([0, -1])]["route"][0]["destination"]["subset"] = "v9"


@twist
def a_typing_error_in_a_label(made: Set) -> None:
    made.rng.choice(made.subsets(made.inner))["labels"] = {"version": "V2"}


@twist
def a_subset_of_all(made: Set) -> None:
    made.rng.choice(made.subsets(made.inner)).pop("labels")


@twist
def subsets_by_version_alone(made: Set) -> None:
    for host in made.hosts:
        for subset in made.subsets(host):
            subset.clear()
            subset.update(name="", labels={})
        names = made.lanes
        for subset, name in zip(made.subsets(host), names, strict=True):
            subset.update(name=name, labels={"version": name})


@twist
def no_destination_rule(made: Set) -> None:
    made.documents.remove(made.find("DestinationRule", made.inner))


@twist
def a_destination_rule_elsewhere(made: Set) -> None:
    found = made.find("DestinationRule", made.inner)
    found["metadata"]["namespace"] = OTHER
    found["spec"]["host"] += ".default.svc.cluster.local"


@twist
def a_second_destination_rule(made: Set) -> None:
    host = made.inner
    found = made.find("DestinationRule", host)
    moved = found["spec"]["subsets"].pop()
    name = made.rng.choice(["a-second", "zz-second"])
    made.documents.append(kube.destination_rule(host, moved, name=name))


@twist
def a_destination_rule_for_all(made: Set) -> None:
    found = made.find("DestinationRule", made.inner)
    found["spec"]["host"] = "*.default.svc.cluster.local"


@twist
def a_destination_rule_by_its_full_name(made: Set) -> None:
    made.find("DestinationRule", made.inner)["spec"]["host"] += ".default.svc.cluster.local"


@twist
def a_destination_rule_that_is_kept(made: Set) -> None:
    made.find("DestinationRule", made.inner)["spec"]["exportTo"] = [made.rng.choice([".", "*"])]


@twist
def a_virtual_service_that_is_kept(made: Set) -> None:
    made.find("VirtualService", made.inner)["spec"]["exportTo"] = [made.rng.choice([".", "*"])]


def _aged(made: Set, *documents: Document) -> list[Document]:
    """Give the documents ages. A document without an age counts as the youngest."""
    ages = [f"2025-0{month}-01T00:00:00Z" for month in (1, 1, 2, 3)]
    for document in documents:
        if age := made.rng.choice([*ages, ""]):
            document["metadata"]["creationTimestamp"] = age
    return list(documents)


def _exports(made: Set) -> list[str]:
    """Draw some namespaces, which may include the callers'."""
    own: list[list[str]] = [["*"], ["."], ["default"], ["~"], [OTHER], [".", OTHER]]
    return made.rng.choice(own)


def _export(made: Set, host: str) -> None:
    """Export a Service, or a rule for calls to it, to some namespaces only."""
    kind = made.rng.choice(["VirtualService", "DestinationRule", "Service"])
    if kind == "Service":
        annotations = {"networking.istio.io/exportTo": ",".join(_exports(made))}
        made.find(kind, host)["metadata"]["annotations"] = annotations
    else:
        made.find(kind, host)["spec"]["exportTo"] = _exports(made)


@twist
def what_is_for_some_namespaces(made: Set) -> None:
    """Let the callers be in another namespace."""
    if made.rng.random() < 0.7:
        _move_entry(made)
    for _ in range(made.rng.choice([1, 1, 2])):
        _export(made, made.hosts[1])


def _move_entry(made: Set) -> None:
    """Put the first service into the other namespace."""
    first = made.hosts[0]
    for document in made.documents:
        name, metadata = document["metadata"]["name"], document["metadata"]
        if name == first or name.startswith(f"{first}-"):
            metadata["namespace"] = OTHER
    for leg in made.entry["http"][-1]["route"]:
        leg["destination"]["host"] = f"{first}.{OTHER}.svc.cluster.local"
    for host in made.hosts[1:]:
        _call_by(made, host, f"{host}.default", 8000)


@twist
def rules_at_a_gateway_for_some_namespaces(made: Set) -> None:
    home = made.rng.choice(["", OTHER, "istio-system"])
    if home:
        labels = {"istio": "ingressgateway"}
        made.documents.append(kube.deployment("ingress", labels=labels, namespace=home))
    if made.rng.random() < 0.5:
        made.entry["exportTo"] = _exports(made)
    else:
        _export(made, made.hosts[0])


@twist
def destination_rules_that_are_for_others_each(made: Set) -> None:
    host = made.inner
    if made.rng.random() < 0.5:
        host = made.hosts[1]
        _move_entry(made)
    found = made.find("DestinationRule", host)
    moved = found["spec"]["subsets"].pop()
    second = kube.destination_rule(host, moved, name=made.rng.choice(["a", "zz"]))
    for document in _aged(made, found, second):
        document["spec"]["exportTo"] = _exports(made)
    if made.rng.random() < 0.3:
        second["spec"]["host"] = "*.default.svc.cluster.local"
    made.documents.append(second)


@twist
def a_virtual_service_elsewhere(made: Set) -> None:
    _put_elsewhere(made.find("VirtualService", made.inner))


def _put_elsewhere(found: Document) -> None:
    found["metadata"]["namespace"] = OTHER
    found["spec"]["hosts"][0] += ".default.svc.cluster.local"
    for one in found["spec"]["http"]:
        for leg in one.get("route", ()):
            leg["destination"]["host"] += ".default.svc.cluster.local"


@twist
def a_short_name_that_means_elsewhere(made: Set) -> None:
    made.find("VirtualService", made.inner)["metadata"]["namespace"] = OTHER


@twist
def a_second_virtual_service(made: Set) -> None:
    host = made.inner
    name = made.rng.choice(["a-second", "zz-second"])
    made.documents.append(virtual_service(host, rule(to(host, "v1")), name=name))


@twist
def a_second_virtual_service_of_another_age(made: Set) -> None:
    found = made.find("VirtualService", host := made.inner)
    second = virtual_service(host, rule(to(host, made.lane)), name=made.rng.choice(["a", "zz"]))
    made.documents += _aged(made, found, second)[1:]


@twist
def a_first_virtual_service_for_some_calls(made: Set) -> None:
    host = made.inner
    asked: Document = made.rng.choice([{"sourceLabels": {"app": "nobody"}}, {"port": 9}])
    first = virtual_service(host, rule(to(host, made.lane), match=[asked]), name="a")
    made.documents += _aged(made, made.find("VirtualService", host), first)[1:]


@twist
def a_second_virtual_service_by_wildcard(made: Set) -> None:
    wild = "*.default.svc.cluster.local"
    found = made.find("VirtualService", host := made.inner)
    found["spec"]["hosts"] = [wild]
    second = virtual_service(wild, rule(to(f"{host}{wild[1:]}", made.lane)), name="zz")
    made.documents += _aged(made, found, second)[1:]


@twist
def two_virtual_services_of_ages_at_the_gateway(made: Set) -> None:
    way = made.entering(made.lane, header_is("x-lane", made.lane))
    beta = virtual_service("*", way, gateways=["demo-gateway"], name="zz-beta")
    made.entry["http"].insert(0, made.entering("v1", header_is("x-lane", "v", "prefix")))
    made.documents += _aged(made, made.find("VirtualService", "any"), beta)[1:]


@twist
def two_destination_rules_that_say_the_same(made: Set) -> None:
    host = made.inner
    labels = {"name": made.lane, "labels": {"version": "v1"}}
    policy = {"loadBalancer": {"simple": "RANDOM"}}
    name = made.rng.choice(["a", "zz"])
    second = kube.destination_rule(host, labels, policy=policy, name=name)
    made.documents += _aged(made, made.find("DestinationRule", host), second)[1:]


@twist
def two_http_routes_that_ask_for_the_same(made: Set) -> None:
    httproutes_in_place(made)
    routes = [d for d in made.documents if d["kind"] == "HTTPRoute"]
    last = deepcopy(routes[-1])
    last["metadata"]["name"] = made.rng.choice(["a", "zz"])
    last["spec"]["rules"][0]["backendRefs"].reverse()
    last["spec"]["rules"][0]["backendRefs"].pop()
    made.documents += _aged(made, *routes, last)[len(routes) :]


# Fields that the match of a service's first rule gets, and matches that replace it.
_MORE_FIELDS: dict[str, Callable[[Set], Document]] = {
    "path": lambda made: {
        "uri": {made.rng.choice(["exact", "prefix"]): made.rng.choice(["/", "/api"])}
    },
    "method": lambda made: {"method": {"exact": made.rng.choice(["GET", "POST"])}},
    "port": lambda made: {"port": made.rng.choice([8000, 8080])},
    "caller": lambda made: {
        "sourceLabels": made.rng.choice([{"app": "shop"}, {"app": "nobody"}, {"version": "v2"}])
    },
    "namespace": lambda made: {"sourceNamespace": made.rng.choice(["default", OTHER])},
    "gateway": lambda made: {"gateways": [made.rng.choice(["mesh", "demo-gateway"])]},
}
_OTHER_MATCHES: dict[str, Callable[[Set], Document]] = {
    "nothing": lambda _: {},
    "a prefix": lambda _: header_is("baggage", "version=v1", "prefix"),
    "a header that is present": lambda _: {"headers": {"baggage": {}}},
    "a missing header": lambda _: {"withoutHeaders": {"x-stable": {}}},
    "a pseudo header": lambda made: header_is(
        *made.rng.choice([(":method", "GET"), ("method", "GET"), (":scheme", "http")])
    ),
}


def _narrow(fields: Callable[[Set], Document], made: Set) -> None:
    made.rules(made.inner)[0]["match"][0].update(fields(made))


def _rematch(match: Callable[[Set], Document], made: Set) -> None:
    made.rules(made.inner)[0]["match"] = [match(made)]


TWISTS |= {f"a match also of {name}": partial(_narrow, f) for name, f in _MORE_FIELDS.items()}
TWISTS |= {f"a match of {name} alone": partial(_rematch, f) for name, f in _OTHER_MATCHES.items()}


@twist
def a_match_of_two(made: Set) -> None:
    rules = made.rules(made.inner)
    rules[0]["match"].append(header_is("x-lane", "beta"))


@twist
def a_header_in_capitals(made: Set) -> None:
    asked = made.rules(made.inner)[0]["match"][0]["headers"]
    asked["Baggage"] = asked.pop("baggage")


@twist
def a_fault(made: Set) -> None:
    percent = made.rng.choice([{}, {"percentage": {"value": 10}}, {"percentage": {"value": 100}}])
    abort = {**percent, "httpStatus": 500}
    made.rules(made.inner)[made.rng.choice([0, -1])]["fault"] = {"abort": abort}


@twist
def a_fault_at_the_gateway(made: Set) -> None:
    abort = {"percentage": {"value": made.rng.choice([0.5, 25])}, "httpStatus": 503}
    made.entry["http"][-1]["fault"] = {"abort": abort}


@twist
def a_delay(made: Set) -> None:
    delay = {"percentage": {"value": 100}, "fixedDelay": "1s"}
    made.rules(made.inner)[-1]["fault"] = {"delay": delay}


@twist
def a_rewrite_in_the_mesh(made: Set) -> None:
    made.rules(made.inner)[-1]["rewrite"] = {"uri": "/api"}


@twist
def a_redirect_in_the_mesh(made: Set) -> None:
    made.rules(made.inner).insert(0, {"redirect": {"uri": "/new"}})


@twist
def what_routes_nothing(made: Set) -> None:
    made.rules(made.inner)[-1] |= {
        "timeout": "3s",
        "retries": {"attempts": 3, "retryOn": "5xx"},
        "corsPolicy": {"allowOrigins": [{"exact": "https://shop.test"}]},
        "mirror": {"host": made.inner},
    }
    made.find("DestinationRule", made.inner)["spec"]["trafficPolicy"] = {
        "connectionPool": {"http": {"http1MaxPendingRequests": 7}},
        "tls": {"mode": "ISTIO_MUTUAL"},
    }


@twist
def a_host_that_is_no_service(made: Set) -> None:
    made.rules(made.inner)[made.rng.choice([0, -1])]["route"][0]["destination"] = {"host": "gone"}


@twist
def a_virtual_service_for_nobody(made: Set) -> None:
    made.documents.append(virtual_service("api.partner.test", rule(to(made.inner, "v1"))))


@twist
def another_service_for_the_rest(made: Set) -> None:
    _add_rest(made)
    made.rules(made.inner)[-1]["route"] = [to("rest")]


def _add_rest(made: Set, *upstreams: str) -> None:
    """Add a Service of another name whose pods have the baseline's version."""
    port = {"port": 8000, "name": "http", "targetPort": "http"}
    made.documents += [kube.service("rest", port), kube.deployment("rest", "v1", *upstreams)]


@twist
def a_split_between_services(made: Set) -> None:
    _add_rest(made)
    host = made.inner
    made.rules(host)[-1]["route"] = [to(host, "v1", weight=40), to("rest", weight=60)]


@twist
def a_split_between_services_at_the_gateway(made: Set) -> None:
    _add_rest(made, made.hosts[1])
    made.entry["http"] = [rule(to(made.hosts[0], "v1", weight=95), to("rest", weight=5))]


# Calls


@twist
def a_service_that_two_call(made: Set) -> None:
    """Let the first service also call the last one, by the same path or another."""
    last = made.hosts[-1]
    path = made.rng.choice(["", "own"])
    _call(made, made.hosts[0], f"http://{last}:8000/{path}")
    made.rules(last).insert(0, rule(to(last, made.lane), match=[{"uri": {"exact": "/own"}}]))


@twist
def a_call_back(made: Set) -> None:
    """Let a call go back to the first service, where a rule answers it directly."""
    _call(made, made.hosts[-1], f"http://{made.hosts[0]}:8000/back")
    back = {"match": [{"uri": {"exact": "/back"}}], "directResponse": {"status": 204}}
    made.rules(made.hosts[0]).insert(0, back)


@twist
def a_call_by_half_a_name(made: Set) -> None:
    _call_by(made, host := made.inner, f"{host}.default")


@twist
def rules_for_half_a_name(made: Set) -> None:
    _call_by(made, host := made.inner, f"{host}.default")
    made.find("VirtualService", host)["spec"]["hosts"] = [f"{host}.default"]


@twist
def rules_for_a_name_that_is_no_service(made: Set) -> None:
    _call_by(made, host := made.inner, f"{host}.shop.internal")
    hosts = [f"{host}.shop.internal", "*.shop.internal"]
    made.find("VirtualService", host)["spec"]["hosts"] = [made.rng.choice(hosts)]


@twist
def a_call_by_an_alias(made: Set) -> None:
    host = made.inner
    spec = {"type": "ExternalName", "externalName": f"{host}.default.svc.cluster.local"}
    alias = {**kube.service("alias", {"port": 8000, "name": "http"}), "spec": spec}
    made.documents.append(alias)
    _call_by(made, host, "alias", 8000)


def _call_by(made: Set, host: str, name: str, port: int = 80) -> None:
    """Let the callers of a service use another name, at a port that the Service then has."""
    if port == 80:
        made.ports(host).append({"name": "http-too", "port": 80, "targetPort": "http"})
    for document in made.documents:
        if document["kind"] == "Deployment":
            (container,) = document["spec"]["template"]["spec"]["containers"]
            env = next(one for one in container["env"] if one["name"] == "upstream_url")
            env["value"] = env["value"].replace(f"//{host}:8000/", f"//{name}:{port}/")


def _call(made: Set, host: str, url: str) -> None:
    """Let every version of a service also call this URL."""
    for document in made.documents:
        if document["kind"] == "Deployment" and document["metadata"]["name"].startswith(f"{host}-"):
            (container,) = document["spec"]["template"]["spec"]["containers"]
            env = next(one for one in container["env"] if one["name"] == "upstream_url")
            env["value"] = ",".join(filter(None, [env["value"], url]))


# Services and pods


@twist
def a_port_that_is_no_http(made: Set) -> None:
    made.ports(made.inner)[0]["name"] = made.rng.choice(["tcp-web", "https", "mysql"])


@twist
def a_port_that_tells_nothing(made: Set) -> None:
    made.ports(made.inner)[0]["name"] = made.rng.choice(["web", "api-http"])


@twist
def a_protocol_beside_the_name(made: Set) -> None:
    protocol = made.rng.choice(["http", "tcp", "grpc", "kubernetes.io/h2c", "my.own/thing"])
    made.ports(made.inner)[0]["appProtocol"] = protocol


@twist
def two_ports(made: Set) -> None:
    more = {"name": made.rng.choice(["http-admin", "tcp-admin"]), "port": 9000}
    made.ports(made.inner).append(more | {"targetPort": 8001})


@twist
def a_headless_service(made: Set) -> None:
    made.find("Service", made.inner)["spec"]["clusterIP"] = "None"


@twist
def another_hosts_name(made: Set) -> None:
    spec = made.find("Service", made.inner)["spec"]
    spec |= {"type": "ExternalName", "externalName": "partner.test"}
    del spec["selector"]


@twist
def a_selector_of_one_version(made: Set) -> None:
    made.find("Service", made.inner)["spec"]["selector"]["version"] = made.rng.choice(made.lanes)


@twist
def no_sidecar(made: Set) -> None:
    template = made.find("Deployment", f"{made.host}-v1")["spec"]["template"]["metadata"]
    template["labels"]["sidecar.istio.io/inject"] = "false"


@twist
def an_excluded_port(made: Set) -> None:
    template = made.find("Deployment", f"{made.hosts[0]}-v1")["spec"]["template"]["metadata"]
    template["annotations"]["traffic.sidecar.istio.io/excludeOutboundPorts"] = "8000"


@twist
def no_replicas(made: Set) -> None:
    made.find("Deployment", f"{made.inner}-v1")["spec"]["replicas"] = 0


@twist
def a_sidecar_that_hides(made: Set) -> None:
    one = f"{made.inner}.default.svc.cluster.local"
    choices = [["./*"], [f"./{one}"], ["other/*"], ["*/*", "~default/*"], ["./*", f"~./{one}"]]
    choices += [["./*", f"~/{one}"], ["*/*", "~other/*"]]
    _add_sidecar(made, made.rng.choice(choices))


@twist
def a_sidecar_and_rules_by_wildcard(made: Set) -> None:
    """Put the rules into another namespace, for all Services without other rules."""
    found = made.find("VirtualService", made.inner)
    _put_elsewhere(found)
    found["spec"]["hosts"] = ["*.default.svc.cluster.local"]
    choices = [["./*"], ["./*", f"{OTHER}/*"], ["*/*"], ["*/*", f"~{OTHER}/*"]]
    _add_sidecar(made, made.rng.choice(choices))


@twist
def a_sidecar_and_rules_of_two_namespaces(made: Set) -> None:
    """Let a Sidecar, of all pods or of one service, hide one of two sets of rules."""
    found = made.find("VirtualService", host := made.inner)
    full = f"{host}.default.svc.cluster.local"
    second = virtual_service(full, rule(to(full, made.lane)), name=made.rng.choice(["a", "zz"]))
    second["metadata"]["namespace"] = OTHER
    made.documents += _aged(made, found, second)[1:]
    choices = [["./*"], [f"{OTHER}/*"], ["*/*"], ["*/*", f"~{OTHER}/*"], ["./*", f"{OTHER}/*"]]
    apps = made.rng.choice([None, *made.hosts])
    _add_sidecar(made, made.rng.choice(choices), {"app": apps} if apps else None)


def _add_sidecar(made: Set, hosts: list[str], selects: dict[str, str] | None = None) -> None:
    made.documents.append(kube.sidecar(*hosts, name="default", selects=selects))


@twist
def httproutes_in_place(made: Set) -> None:
    host = made.inner
    made.documents.remove(made.find("VirtualService", host))
    for lane in ("v1", made.lane):
        name = f"{host}-{lane}"
        selector = {"app": host, "version": lane}
        port = {"port": 8000, "name": "http", "targetPort": "http"}
        made.documents.append(kube.service(name, port, selector=selector))
    lane = made.lane
    asked = kube.takes(headers={"baggage": f"~(.*,)?version={lane}([,;].*)?"})
    made.documents += [
        kube.http_route(host, kube.to_service(host), kube.route_rule(kube.backend(f"{host}-v1"))),
        kube.http_route(
            f"{host}-{lane}",
            kube.to_service(host),
            kube.route_rule(
                kube.backend(f"{host}-{lane}", weight=made.rng.choice([1, 3])),
                kube.backend(f"{host}-v1", weight=made.rng.choice([0, 1])),
                matches=[asked],
            ),
        ),
    ]
