"""Additions to Envoy's configuration for the page: a log of calls, and weights that can change.

All listeners log to a pipe of this process. The gateway's routes are a file that Envoy watches:
replacing the file changes the weights without failing a request.

https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
"""

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from lanes.envoy import Json
from lanes.envoy.listeners import gateway_listener
from lanes.envoy.parts import header_in_format, typed
from lanes.mesh.hostnames import any_of
from lanes.mesh.model import Mesh, Route
from lanes.planning.entry_rule import EntryRule
from lanes.planning.ingress import forward
from lanes.planning.lane_headers import assumed_headers
from lanes.planning.lanes import UNTAGGED
from lanes.planning.result import Plan
from lanes.running.runtime import Extras
from lanes.running.standins import stand_ins

# The name of the default route, which splits requests by weight.
BY_WEIGHT = "by weight"
_ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"


class Split:
    """The gateway's default route, and its routes with other weights."""

    def __init__(self, mesh: Mesh, planned: Plan) -> None:
        gateway = next(host for host in mesh.gateway if host.domain == planned.domain)
        bare = EntryRule(planned.headers).request(any_of(planned.domain), planned.path)
        route = bare.rule(gateway.routes)
        self._mesh = mesh
        self._route = route
        entries = forward(route, bare, assumed_headers(mesh)) if route else ()
        self._lanes = [entry.tags.get(planned.header, UNTAGGED) for entry in entries]
        self.weights = {
            lane.name: lane.weight for lane in planned.lanes if lane.name in self._lanes
        }

    @property
    def movable(self) -> bool:
        """Whether weights can change: each destination of the default route is one lane's.

        Untagged requests may have several destinations. Only manifests can divide their weight.
        """
        return 1 < len(self._lanes) == len(self.weights)

    def routes(self, weights: Mapping[str, int]) -> Json:
        """Return the gateway's routes for Envoy, with these weights of lanes if they can change."""
        destinations = self._route.destinations if self._route else ()
        if self.movable:
            lanes = zip(self._lanes, destinations, strict=True)
            destinations = tuple(replace(to, weight=weights[lane]) for lane, to in lanes)
        hosts = tuple(
            replace(
                host,
                routes=tuple(
                    replace(route, destinations=destinations) if self._is_split(route) else route
                    for route in host.routes
                ),
            )
            for host in self._mesh.gateway
        )
        mesh, propagated = replace(self._mesh, gateway=hosts), stand_ins(self._mesh).propagated
        listener = gateway_listener(mesh, 0, propagated=propagated)
        config: Json = _manager(listener)["route_config"]
        for host, virtual_host in zip(self._mesh.gateway, config["virtual_hosts"], strict=True):
            # Envoy has a route for each of a rule's matches.
            routes = (route for route in host.routes for _ in route.matches or (None,))
            for route, entry in zip(routes, virtual_host["routes"], strict=True):
                entry["name"] = BY_WEIGHT if self._is_split(route) else "entry rule"
        return config

    def _is_split(self, route: Route) -> bool:
        return self._route is not None and route.destinations == self._route.destinations


@dataclass(frozen=True)
class Tap:
    """What to run the mesh with (`extras`), the log of calls, the token for faults, the split."""

    extras: Extras
    log: BinaryIO
    token: str
    split: Split


@contextmanager
def tap(mesh: Mesh, planned: Plan) -> Iterator[Tap]:
    """Open a tap for a mesh that is yet to run. The end of the block closes its pipe."""
    split = Split(mesh, planned)
    token = secrets.token_urlsafe(24)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as log, os.fdopen(writing, "wb"):

        def amend(config: Json, folder: Path) -> Json:
            write_routes(folder, split.routes(split.weights))
            return tapped(config, tags_of(planned), f"/dev/fd/{writing}", folder)

        extras = Extras(
            amend=amend,
            options=("--file-flush-interval-msec", "100"),  # Envoy's default is ten seconds
            files=(writing,),
            env={"fault_token": token},
        )
        yield Tap(extras, log, token, split)


def tags_of(planned: Plan) -> tuple[str, ...]:
    """Return the headers that name lanes: the one that the gateway sets, and those of clients."""
    names = [planned.header, *(lane.client_header for lane in planned.lanes)]
    return tuple(dict.fromkeys(name for name in names if name))


def tapped(config: Json, tags: Sequence[str], log: str, folder: Path) -> Json:
    """Return Envoy's configuration with a log of calls, and the gateway's routes from a file."""
    config["node"] = {"id": "lanes", "cluster": "lanes"}  # required by routes from a file
    for listener in config["static_resources"]["listeners"]:
        manager = _manager(listener)
        manager["access_log"] = [_access_log(listener["name"], tags, log)]
        if listener["name"] == "gateway":
            del manager["route_config"]
            manager["rds"] = {
                "route_config_name": "gateway",
                "config_source": {
                    "path_config_source": {
                        "path": str(folder / "routes.json"),
                        "watched_directory": {"path": str(folder)},
                    }
                },
            }
    return config


def _access_log(listener: str, tags: Sequence[str], log: str) -> Json:
    fields = {
        "listener": listener,
        "route": "%ROUTE_NAME%",
        "at": "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
        "to": "%UPSTREAM_HOST%",
        "cluster": "%UPSTREAM_CLUSTER_RAW%",
        "authority": "%REQ(:AUTHORITY)%",
        "tags": {tag: header_in_format(tag) for tag in tags},
        "baggage": "%REQ(BAGGAGE)%",
        "agent": "%REQ(USER-AGENT)%",
        "status": "%RESPONSE_CODE%",
        "grpc": "%GRPC_STATUS_NUMBER%",
        "began": "%START_TIME(%s.%6f)%",
        "microseconds": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
        "trace": "%REQ(TRACEPARENT)%",
    }
    return typed(
        "calls",
        "extensions.access_loggers.file.v3.FileAccessLog",
        path=log,
        log_format={"json_format": fields},
    )


def _manager(listener: Json) -> Json:
    manager: Json = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return manager


def write_routes(folder: Path, routes: Json) -> None:
    """Replace the file of the gateway's routes. Envoy notices only a file that is moved there."""
    new = folder / "new.json"
    resource = {"@type": _ROUTES, **routes}
    new.write_text(json.dumps({"version_info": "1", "resources": [resource]}))
    new.replace(folder / "routes.json")


def lines(log: Iterable[bytes]) -> Iterator[Json]:
    """Yield the lines of the log as they come, without a last one that Envoy's end cut off."""
    for line in log:
        try:
            yield json.loads(line)
        except ValueError:
            continue
