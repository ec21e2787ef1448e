"""HTTPRoutes on Services, under the real istiod and on the laptop mesh."""

import random
from pathlib import Path

from tests import kube
from tests.chart.rendering import LANE, render, without_tests
from tests.istio import mesh as istio
from tests.istio.conftest import ISTIOD, Runner
from tests.kube import (
    Document,
    backend,
    http_route,
    route_rule,
    rule,
    service,
    sets,
    to,
    to_service,
    virtual_service,
)
from tests.mesh.running import ask, verdict_of, versions
from tests.unit.lanes.test_httproutes import SPECIFIC_FIRST

CHAIN = {
    "mocka": (("v2",), ("mockb",)),
    "mockb": (("v3",), ("mockc",)),
    "mockc": (("v2", "v3"), ()),
}


def written(tmp_path: Path, *documents: Document) -> str:
    """Write the documents in the form that this harness needs, with an Istio Gateway.

    A Gateway of the Gateway API would listen on every interface of the machine.
    """
    kept = [d for d in documents if d["metadata"]["name"].partition("-")[0] != "web"]
    for document in kept:
        if document["kind"] == "Service":
            document["spec"]["ports"][0] |= {"name": "http", "targetPort": "http"}
    names = {d["metadata"]["name"] for d in kept}
    rules = [
        rule(
            to(f"mocka-{version}", headers={"request": {"set": {"baggage": f"version={lane}"}}}),
            match=[kube.header_is("x-lane", lane)],
        )
        for lane, version in (("v2", "v2"), ("v3", "v1"))
        if f"mocka-{version}" in names
    ]
    sets_v1 = {"request": {"set": {"baggage": "version=v1"}}}
    entry = virtual_service(
        "*", *rules, rule(to("mocka-v1", headers=sets_v1)), gateways=["demo-gateway"]
    )
    return kube.write(tmp_path, *kept, kube.gateway(), entry)


def except_for(kind: str, name: str, documents: list[Document]) -> list[Document]:
    """Return the documents without the one of this kind and name."""
    return [d for d in documents if (d["kind"], d["metadata"]["name"]) != (kind, name)]


def test_lanes_in_releases_of_their_own(runner: Runner, tmp_path: Path) -> None:
    releases = [*kube.base(CHAIN), *kube.lane("v3", CHAIN), *kube.lane("v2", CHAIN)]
    with runner(written(tmp_path, *releases)) as mesh:
        assert verdict_of(mesh, 100).ok
        seen = {lane: versions(ask(mesh, [("x-lane", lane)])[0]) for lane in ("v2", "v3", "v4")}
        assert seen == {
            "v2": ["mocka v2", "mockb v1", "mockc v2"],
            "v3": ["mocka v1", "mockb v3", "mockc v3"],
            "v4": ["mocka v1", "mockb v1", "mockc v1"],
        }


def test_a_lane_release_of_the_chart_beside_its_base_release(
    runner: Runner, tmp_path: Path
) -> None:
    """The manifests of `helm install demo` and `helm install pr-1`, without Gateway routes."""
    base = LANE | {"lanes": LANE["lanes"] | {"only": ""}, "services": {}}
    documents = without_tests(render(base) + render(LANE, release="pr-1"))
    kept = [d for d in documents if not at_a_gateway(d)]
    sets = {lane: {"request": {"set": {"baggage": f"version={lane}"}}} for lane in ("v1", "pr-1")}
    entry = virtual_service(
        "*",
        rule(to("mocka-v1", headers=sets["pr-1"]), match=[kube.header_is("x-lane", "pr-1")]),
        rule(to("mocka-v1", headers=sets["v1"])),
        gateways=["demo-gateway"],
    )
    with runner(kube.write(tmp_path, *kept, kube.gateway(), entry)) as mesh:
        assert versions(ask(mesh)[0]) == ["mocka v1", "mockb v1", "mockc v1"]
        answer, _ = ask(mesh, [("x-lane", "pr-1")])
        assert versions(answer) == ["mocka v1", "mockb pr-1", "mockc v1"]


def at_a_gateway(document: Document) -> bool:
    parents = document["spec"].get("parentRefs", []) if "spec" in document else []
    return any(parent.get("kind") != "Service" for parent in parents)


def test_requests_without_a_rule_or_without_a_service_are_errors(
    runner: Runner, tmp_path: Path
) -> None:
    """Lane v2 has a backend that does not exist; in v3, no rule of mockc matches."""
    never = kube.takes(headers={"x-never": "1"})
    releases = [d for d in kube.base(CHAIN) if d["metadata"]["name"] != "mockc"]
    releases += [
        service("mockc"),
        http_route("mockc", to_service("mockc"), route_rule(backend("mockc-v1"), matches=[never])),
        *kube.lane("v2", {"mocka": CHAIN["mocka"], "mockc": CHAIN["mockc"]}),
        *kube.lane("v3", {"mocka": CHAIN["mocka"], "mockb": CHAIN["mockb"]}),
    ]
    with runner(written(tmp_path, *except_for("Service", "mockc-v2", releases))) as mesh:
        assert ask(mesh, [("x-lane", "v2")])[0].status == 500
        assert ask(mesh, [("x-lane", "v3")])[0].status == 404


def test_the_plan_has_istiods_order_of_rules(tmp_path: Path) -> None:
    names = [f"{number:02}" for number in range(len(SPECIFIC_FIRST))]
    routes = [
        http_route(
            f"of-{chr(ord('z') - number % 7)}-{number}",
            to_service("mocka"),
            route_rule(
                backend("mocka-v1"),
                matches=[SPECIFIC_FIRST[number]],
                filters=[sets("x-rule", f"{number:02}")],
            ),
        )
        for number in random.Random(1).sample(range(len(names)), len(names))
    ]
    twins = [
        http_route(
            name,
            to_service("mocka"),
            *(
                route_rule(
                    backend("mocka-v1"),
                    matches=[kube.takes("/twins", how="Exact")],
                    filters=[sets("x-rule", f"{name} {place}")],
                )
                for place in "12"
            ),
        )
        for name in ("twin-b", "twin-a")
    ]
    chain = {"mocka": ((), ())}
    bare = except_for("HTTPRoute", "mocka", kube.base(chain))
    with istio.run(Path(ISTIOD), written(tmp_path, *bare, *routes, *twins)) as mesh:
        (pod,) = mesh.mesh.pods
        sent = [
            change["header"]["value"]
            for route in mesh.proxy(pod).rules("mocka.default.svc.cluster.local")
            for change in route["request_headers_to_add"]
            if change["header"]["key"] == "x-rule"
        ]
        (port,) = (p for p in mesh.mesh.ports if p.host.name == "mocka")
        read = [route.request.set["x-rule"] for route in port.routes]
        assert read == ["twin-a 1", "twin-a 2", "twin-b 1", "twin-b 2", *names]
        # istiod sends no rule after the one that matches every request.
        matches_all = names[SPECIFIC_FIRST.index(kube.takes())]
        assert sent == read[: read.index(matches_all) + 1]
