"""Lanes of pull requests, each a separate release beside a base, from start to end."""

import json
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from lanes.planning.entry_rule import EntryRule
from lanes.verification.gateway import Gateway
from lanes.verification.sending import send_repeatedly
from tests.chart.rendering import CHART, ROOT, helm_path
from tests.cluster.kubernetes import (
    apply,
    eventually,
    kubectl,
    namespace,
    pods,
    reached,
    rolled_out,
    run,
)
from tests.cluster.release import Load, image, settled
from tests.cluster.test_shapes import GATEWAY
from tests.entry_rules import ENTERS, ENTERS_BY_HOST, HOST, OPEN
from tests.mesh.entering import let_in
from tests.mesh.running import ask, versions

VALUES = ROOT / "examples" / "pull-requests" / "values" / "base.yaml"
LANES = [f"pr-{number}" for number in range(10)]
SERVICES = ["shop", "cart", "stock", "users"]  # in the order of an answer
SEED = 9
# Those of a lane that goes, and no others: what was under way, and what came before its routes were
# gone from every proxy.
LAST_REQUESTS = 20


@dataclass(frozen=True)
class Base:
    """The base, installed with `options`, and its gateway's address."""

    namespace: str
    options: tuple[str, ...]
    url: str

    def helm(self, command: str, name: str, *options: str) -> str:
        """Run a helm command for the release of a lane, or of the base."""
        return run(
            helm_path(), command, name, *options, f"--namespace={self.namespace}", seconds=400
        ).out

    def install(self, name: str, *options: str) -> None:
        """Run `helm install` with the base's values and these; wait until its pods are ready."""
        values = (f"--values={VALUES}", '--set-json=gateway.parentRefs=[{"name":"web"}]', *image())
        chosen = (*values, *self.options, *options)
        self.helm("install", name, str(CHART), *chosen, "--wait", "--timeout=5m")

    def add(self, lane: str, services: Iterable[str], *options: str) -> None:
        """Install a lane that changes `services`."""
        own = [f"--set=services.{service}.versions.{lane}.replicas=1" for service in services]
        self.install(lane, f"--set=lanes.only={lane}", *own, *options)

    def paths(self, lane: str, header: str = "x-lane") -> set[tuple[str, ...]]:
        """Return the paths of twenty requests that enter a lane."""
        answers = send_repeatedly(Gateway(self.url).client(), 20, 1, EntryRule({header: lane}))
        return {tuple(f"{s.service} {s.version}" for s in answer.path) for answer in answers}

    @contextmanager
    def load(self, lane: str = "") -> Iterator[Load]:
        """Send requests by two clients while the block runs; with `lane`, they enter it."""
        way = EntryRule({"x-lane": lane}) if lane else None
        load = Load(Gateway(self.url), 2, way)
        try:
            yield load
        finally:
            load.stop()


@contextmanager
def base(*options: str) -> Iterator[Base]:
    with namespace("pulls") as where:
        apply(where, GATEWAY)
        kubectl("wait", "--for=condition=Accepted", "gateway/web", "--timeout=60s", namespace=where)
        rolled_out(where, "deployment/web-istio")
        Base(where, options, "").install("base")
        with reached(where, "web-istio") as (address, port):
            url = f"http://{address}:{port}/"
            settled(Gateway(url))
            yield Base(where, options, url)


def planned(lane: str, changed: Iterable[str]) -> tuple[str, ...]:
    """Return the path of a lane that changes some services."""
    return tuple(f"{service} {lane if service in changed else 'stable'}" for service in SERVICES)


def test_lanes_come_and_go_and_cost_nobody_else_a_request() -> None:
    chance = random.Random(SEED)
    changes = {lane: chance.sample(SERVICES, 2) for lane in chance.sample(LANES, len(LANES))}
    with base() as system:
        assert "Lanes hold" in system.helm("test", "base", "--logs")
        system.add("pr-keep", ["cart"])
        eventually(lambda: system.paths("pr-keep") == {planned("pr-keep", ["cart"])})
        assert "Lane pr-keep holds." in system.helm("test", "pr-keep", "--logs")
        others = {p["metadata"]["uid"] for p in pods(system.namespace)}

        def live(lane: str) -> Load:
            system.add(lane, changes[lane])
            eventually(lambda: system.paths(lane) == {planned(lane, changes[lane])})
            with system.load(lane) as load:
                load.go_on(2)
                assert load.failed() == []
                system.helm("uninstall", lane, "--wait")
            return load

        with (
            system.load() as everybody,
            system.load("pr-keep") as keep,
            ThreadPoolExecutor(2) as two,
        ):
            gone = list(two.map(live, changes))
        assert everybody.failed() == []
        assert keep.failed() == []
        assert others <= {p["metadata"]["uid"] for p in pods(system.namespace)}
        failed = [load.failed() for load in gone]
        print(f"of lanes that went: {failed}")
        assert max(load.lost for load in gone) <= LAST_REQUESTS, failed
        system.helm("uninstall", "pr-keep", "--wait")
        assert "Lanes hold" in system.helm("test", "base", "--logs")


def test_a_lanes_own_release_is_entered_by_its_entry_rules_and_by_nothing_else() -> None:
    opened = OPEN["enter"] | HOST
    ways = {key: opened[key] for key in ("header", "cookie", "host")}
    sticky = "--set=lanes.sticky.cookie=kept"
    with base(f"--set-json=lanes.enter={json.dumps(ways)}", sticky) as system:
        match = json.dumps(opened["match"])
        system.add("v2", ["cart"], f"--set-json=lanes.enter.match={match}")
        way = ["shop stable", "cart v2", "stock stable", "users stable"]
        eventually(lambda: system.paths("v2", "x-enter") == {tuple(way)})
        for headers in ENTERS + ENTERS_BY_HOST:
            answer, response = ask(system, headers)
            assert (versions(answer), response.headers["x-lane"]) == (way, "v2"), headers
        # That host: a Gateway listens to what stands before a colon.
        assert let_in(system) == ["[('host', 'v2.preview.example.com:80x')]"]
        drawn = ask(system)[1].headers
        cookie = [("cookie", drawn["set-cookie"].partition(";")[0])]
        kept = {ask(system, cookie)[1].headers["x-lane"] for _ in range(20)}
        assert kept == {drawn["x-lane"]}
