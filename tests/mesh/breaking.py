"""Randomly drawn meshes on the laptop that are broken and repaired while they run.

Some breaks would need a restart, and have a substitute here. The code of services runs in this
process (pages.py), a pod that is not ready stops listening, and Envoy reads all routes from files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from lanes.envoy import Json, bootstrap
from lanes.mesh.model import Pod
from lanes.page.tap import write_routes
from lanes.planning.plan import plan
from lanes.running.runtime import RunningMesh
from tests import kube
from tests.mesh.pages import Headers, Pages, Sent, pages
from tests.mesh.running import eventually, load, pod
from tests.mesh.test_evidence import telling
from tests.unit.lanes.simulated import LANES, Break, Drawn

PROVIDERS = {"asm": kube.asm, "istio": kube.istio}
ROUTES = (Break.NOT_SET, Break.OLD_RULE, Break.OTHER_RULE)


class Code:
    """The headers that the code of foreign services sends in the current case."""

    def __init__(self, case: Drawn) -> None:
        self.case = case
        self.past_sidecar: tuple[str, ...] = ()
        self._number = count()

    def send(self, service: str, place: int, received: Headers) -> Sent:
        case = self.case
        propagated = ("baggage", "traceparent") if service in case.tracing else ("baggage",)
        own = {name: received[name] for name in propagated if name in received}
        trace = {n: received[n] for n in ("traceparent",) if n in received}
        if (service, case.calls[service][place]) != (case.caller, case.service):
            return Sent(own)
        match case.how:
            case Break.NOT_INSTRUMENTED:
                return Sent({})
            case Break.B3_ALONE:
                ids = trace.get("traceparent", f"00-{1:032x}-{1:016x}-01").split("-")
                return Sent({"b3": f"{ids[1]}-{ids[2]}-1"})
            case Break.TRACE_ALONE:
                return Sent(trace)
            case Break.ASYNC:
                return Sent(own if next(self._number) % 2 else {})
            case Break.CHANGED:
                lane = next(v for v in LANES if f"version={v}" not in received.get("baggage", ""))
                return Sent({**own, "baggage": f"version={lane}"})
            case Break.NO_SIDECAR:
                number = next(self._number) % len(self.past_sidecar)
                return Sent(own, self.past_sidecar[number])
        return Sent(own)


def manifests(mesh: Drawn, provider: str) -> list[kube.Document]:
    """Return the manifests that the proxies get. In some cases their routes are broken."""
    chain = {name: (mesh.versions[name], mesh.calls[name]) for name in mesh.calls}
    documents = PROVIDERS[provider](chain, {"v1": 34, "v2": 33, "v3": 33})
    return [_routes(document, mesh) for document in documents]


def _routes(document: kube.Document, mesh: Drawn) -> kube.Document:
    name = document["metadata"]["name"] if document["kind"] == "VirtualService" else ""
    if name == "any":
        return _entered(document, setting=mesh.how is not Break.NOT_SET)
    if name != mesh.service or mesh.how not in ROUTES:
        return document
    rules = list(document["spec"]["http"])
    own = rules.pop(LANES.index(mesh.lane) - 1)
    if mesh.how is Break.OTHER_RULE:
        other = next(v for v in mesh.versions[mesh.service] if v not in ("v1", mesh.lane))
        route = document["spec"]["http"][LANES.index(other) - 1]["route"]
        rules = [{**own, "route": route}, own, *rules]
    return kube.put(document, "spec.http", rules)


def _entered(gateway: kube.Document, setting: bool) -> kube.Document:
    """Return the gateway's VirtualService with a rule for each lane by x-lane."""
    left_out = {"weight"} if setting else {"weight", "headers"}
    destinations = gateway["spec"]["http"][0]["route"]
    rules = [
        kube.rule(
            {name: value for name, value in destination.items() if name not in left_out},
            match=[kube.header_is("x-lane", lane)],
        )
        for lane, destination in zip(LANES, destinations, strict=True)
    ]
    return kube.put(gateway, "spec.http", [*rules, *gateway["spec"]["http"]])


class Broken:
    """A running drawn mesh that can be broken for a case."""

    def __init__(
        self, mesh: RunningMesh, code: Code, pages: Pages, provider: str, commands: list[str]
    ) -> None:
        self.mesh, self.planned = mesh, plan(mesh.mesh)
        self._code, self._pages, self._provider = code, pages, provider
        self._commands, self._folder = commands, pages.folder
        self._gone = False

    @contextmanager
    def broken(self, case: Drawn) -> Iterator[None]:
        """Break the mesh as the case says, once all pods are ready, and repair it after the block.

        A pod that is not ready stays so.
        """
        if not self._gone:
            eventually(lambda: "::/failed" not in self._admin("/clusters"), 120)
        self._code.case = case
        if case.how is Break.NO_SIDECAR:
            pods = [pod for pod in self.mesh.mesh.pods if pod.app == case.service]
            urls = (f"http://{self.mesh.address(p)}:{self.mesh.port(p)}/" for p in pods)
            self._code.past_sidecar = tuple(urls)
        if case.how is Break.NOT_READY:
            self._end(pod(self.mesh, f"{case.service}-{case.lane}"))
        with self._with_routes(case):
            yield

    def failed_probes(self) -> int:
        """Return how many of Envoy's health checks have failed."""
        return self._sum_of("health_check.failure")

    def _end(self, gone: Pod) -> None:
        self._gone, address = True, self.mesh.address(gone)
        if self._pages.has(address):
            self._pages.stop(address)
        else:
            self.mesh.kill_pod(gone)
            eventually(lambda: not self.mesh.runs(gone))

    @contextmanager
    def _with_routes(self, case: Drawn) -> Iterator[None]:
        if case.how not in ROUTES:
            yield
            return
        self._route(case)
        yield
        self._route(replace(case, how=None))

    def _route(self, case: Drawn) -> None:
        """Give Envoy the routes of the case, and wait until it has them."""
        file = kube.write(self._folder, *manifests(case, self._provider), name="routes.yaml")
        mesh = load(file, commands=self._commands)
        addresses = {pod.key: self.mesh.address(pod) for pod in mesh.pods}
        listeners = bootstrap(mesh, addresses, 0, "")["static_resources"]["listeners"]
        changed = "gateway" if case.service == case.entry else "sidecars-0"
        (listener,) = [each for each in listeners if each["name"] == changed]
        routes = _manager(listener)["route_config"]
        before = self._reloads()
        write_routes(self.mesh.folder / FOLDERS[changed], routes)
        eventually(lambda: self._reloads() > before)

    def _reloads(self) -> int:
        return self._sum_of("config_reload$")

    def _sum_of(self, counters: str) -> int:
        """Return the sum of Envoy's counters whose names match an expression."""
        lines = self._admin(f"/stats?filter={counters}").splitlines()
        return sum(int(line.rpartition(" ")[2]) for line in lines)

    def _admin(self, path: str) -> str:
        page = self.mesh.admin.page(path)
        assert page is not None, path
        return page


# The folders of the route files of Envoy's listeners; lanes.page.tap writes the gateway's.
FOLDERS = {"gateway": ".", "sidecars-0": "sidecars"}


def _reloading(config: Json, folder: Path) -> Json:
    """Move the sidecars' routes to a file, and let Envoy use a pod as soon as the pod is ready."""
    for cluster in config["static_resources"]["clusters"]:
        cluster["common_lb_config"]["update_merge_window"] = "0s"
    [sidecars] = [
        listener
        for listener in config["static_resources"]["listeners"]
        if listener["name"] in FOLDERS and listener["name"] != "gateway"
    ]
    manager, own = _manager(sidecars), folder / FOLDERS[sidecars["name"]]
    own.mkdir()
    write_routes(own, manager.pop("route_config"))
    path = {"path": str(own / "routes.json"), "watched_directory": {"path": str(own)}}
    source = {"path_config_source": path}
    manager["rds"] = {"route_config_name": "sidecar", "config_source": source}
    return config


def _manager(listener: Json) -> Json:
    manager: Json = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return manager


@contextmanager
def breaking(mesh: Drawn, provider: str, folder: Path) -> Iterator[Broken]:
    """Run the mesh, with foreign services in this process; `folder` is for its files."""
    code = Code(mesh)
    file = kube.write(folder, *manifests(replace(mesh, how=None), provider))
    with pages(folder, code.send) as served:
        commands = [f"{name}={served.command(name)}" for name in sorted(mesh.foreign)]
        with telling(*commands, manifests=file, amend=_reloading) as running:
            yield Broken(running, code, served, provider, commands)
