"""CORS, mirrors, faults and retries of both APIs, on real Envoy before a server that logs."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic

import pytest
import urllib3

from lanes.running.runtime import RunningMesh
from tests.kube import (
    Document,
    backend,
    deployment,
    destination_rule,
    http_route,
    route_rule,
    rule,
    service,
    takes,
    to,
    to_gateway,
    virtual_service,
    write,
)
from tests.mesh.running import eventually, running

# It writes down what it is asked, and fails as often as the path says.
SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOG = open(sys.argv[1] + "-" + os.environ["version"], "a", buffering=1)
failed = {}

class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        LOG.write(f"{self.headers['Host']} {self.path}\\n")
        times = int(self.path.partition("fail=")[2] or 0)
        failed[self.path] = failed.get(self.path, 0) + 1
        status = 503 if failed[self.path] <= times else 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_OPTIONS = do_GET

ThreadingHTTPServer(("", int(os.environ["PORT"])), Server).serve_forever()
"""
ORIGIN, OTHER = "https://shop.example", "https://evil.example"


def at(prefix: str, **fields: object) -> Document:
    return rule(to("a", "v1"), match=[{"uri": {"prefix": prefix}}], **fields)


POLICY = {
    "allowOrigins": [{"exact": ORIGIN}],
    "allowMethods": ["GET", "PUT"],
    "allowHeaders": ["x-lane"],
    "exposeHeaders": ["x-more"],
    "maxAge": "24h",
    "allowCredentials": True,
}
ISTIO = [
    destination_rule("a", "v1", "v2"),
    virtual_service(
        "*",
        at("/cors", corsPolicy=POLICY),
        at("/ignored", corsPolicy=POLICY | {"unmatchedPreflights": "IGNORE"}),
        at("/copied", mirror={"host": "a", "subset": "v2"}),
        at(
            "/twice",
            mirrors=[{"destination": {"host": "a", "subset": "v2"}, "percentage": {"value": 100}}]
            * 2,
        ),
        at("/never", mirror={"host": "a", "subset": "v2"}, mirrorPercentage={"value": 0}),
        at("/absent", mirror={"host": "a", "subset": "v3"}),
        # Envoy's timers count from its loop's last turn, and so may be milliseconds early.
        at("/late", fault={"delay": {"fixedDelay": "0.4s", "percentage": {"value": 100}}}),
        at("/half", fault={"abort": {"httpStatus": 418, "percentage": {"value": 50}}}),
        at("/again", retries={"attempts": 2, "retryOn": "503", "backoff": "10ms"}),
        at("/", retries={"attempts": 0}),
        gateways=["gw"],
    ),
]


def filtered(prefix: str, *filters: Document, **fields: object) -> Document:
    return route_rule(backend("v1"), matches=[takes(prefix)], filters=list(filters), **fields)


def mirror(**more: object) -> Document:
    reference = {"name": "v2", "port": 8000}
    return {"type": "RequestMirror", "requestMirror": {"backendRef": reference, **more}}


def cors(*origins: str) -> Document:
    policy = {key: POLICY[key] for key in ("allowMethods", "allowHeaders", "exposeHeaders")}
    policy |= {"allowOrigins": list(origins), "maxAge": 86400, "allowCredentials": True}
    return {"type": "CORS", "cors": policy}


API = [
    *(service(v, selector={"app": "a", "version": v}) for v in ("v1", "v2")),
    http_route(
        "web",
        to_gateway(),
        filtered("/cors", cors(ORIGIN)),
        filtered("/ignored", cors("https://*.example.org", ORIGIN)),
        filtered("/copied", mirror()),
        filtered(
            "/twice", mirror(percent=100), mirror(fraction={"numerator": 1, "denominator": 1})
        ),
        filtered("/never", mirror(percent=0)),
        filtered(
            "/absent", {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "x"}}}
        ),
        filtered("/again", retry={"attempts": 2, "codes": [503], "backoff": "10ms"}),
        filtered("/", retry={"attempts": 0}),
    ),
]


@pytest.fixture(scope="module", params=[ISTIO, API], ids=["istio", "gateway-api"])
def mesh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningMesh, Path]]:
    """Run the routes before two versions of a service; give the folder with the versions' logs."""
    folder = tmp_path_factory.mktemp("filters")
    (folder / "server.py").write_text(SERVER)
    pods = [service("a"), deployment("a", "v1"), deployment("a", "v2")]
    manifests = write(folder, *pods, *request.param)
    command = f"a=exec {sys.executable} {folder / 'server.py'} {folder / 'log'}"
    with running(manifests, commands=[command]) as mesh:
        assert mesh.mesh.not_run == ()
        yield mesh, folder


def send(
    mesh: tuple[RunningMesh, Path], path: str, method: str = "GET", **headers: str
) -> urllib3.BaseHTTPResponse:
    lines = {name.replace("_", "-"): value for name, value in headers.items()} | {"Host": "a.org"}
    return urllib3.request(method, mesh[0].url.rstrip("/") + path, headers=lines, retries=False)


def asked(mesh: tuple[RunningMesh, Path], version: str) -> list[str]:
    return (mesh[1] / f"log-{version}").read_text().splitlines()


def preflight(mesh: tuple[RunningMesh, Path], path: str, origin: str) -> Mapping[str, str]:
    response = send(mesh, path, "OPTIONS", Origin=origin, Access_Control_Request_Method="PUT")
    told = {k.lower(): v for k, v in response.headers.items() if k.lower().startswith("access-")}
    return {"status": str(response.status), **told}


def test_a_preflight_is_answered_at_the_gateway(mesh: tuple[RunningMesh, Path]) -> None:
    assert preflight(mesh, "/cors", ORIGIN) == {
        "status": "200",
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET,PUT",
        "access-control-allow-headers": "x-lane",
        "access-control-expose-headers": "x-more",
        "access-control-max-age": "86400",
    }
    assert not [line for line in asked(mesh, "v1") if "/cors" in line]


def test_a_preflight_of_another_origin_is_forwarded_or_answered_without_permission(
    mesh: tuple[RunningMesh, Path],
) -> None:
    told = preflight(mesh, "/ignored", OTHER)
    assert (told["status"], "access-control-allow-origin" in told) == ("200", False)
    assert "a.org /ignored" not in asked(mesh, "v1")
    if mesh[0].mesh.provider == "istio":
        assert preflight(mesh, "/cors", OTHER) == {"status": "200"}
        assert "a.org /cors" in asked(mesh, "v1")


def test_cors_headers_name_the_allowed_origin(mesh: tuple[RunningMesh, Path]) -> None:
    own = send(mesh, "/cors", Origin=ORIGIN).headers
    assert (own["access-control-allow-origin"], own["access-control-expose-headers"]) == (
        ORIGIN,
        "x-more",
    )
    assert "access-control-allow-origin" not in send(mesh, "/cors", Origin=OTHER).headers


@pytest.mark.parametrize(("path", "copies"), [("/copied", 1), ("/twice", 2), ("/never", 0)])
def test_mirrors_get_copies(mesh: tuple[RunningMesh, Path], path: str, copies: int) -> None:
    assert send(mesh, f"{path}?x").status == 200
    eventually(lambda: asked(mesh, "v2").count(f"a.org {path}?x") == copies)
    assert asked(mesh, "v1").count(f"a.org {path}?x") == 1


def test_copies_to_a_missing_service_are_dropped(mesh: tuple[RunningMesh, Path]) -> None:
    assert send(mesh, "/absent").status == 200


def test_a_rule_is_retried_as_often_as_its_retries_say(mesh: tuple[RunningMesh, Path]) -> None:
    assert send(mesh, "/again?fail=2").status == 200
    assert send(mesh, "/again?fail=3&").status == 503
    assert send(mesh, "/none?fail=1").status == 503


def test_faults_delay_and_abort_a_share(mesh: tuple[RunningMesh, Path]) -> None:
    if mesh[0].mesh.provider != "istio":
        pytest.skip("the other has none")
    began = monotonic()
    assert send(mesh, "/late").status == 200
    assert monotonic() - began >= 0.3
    assert {send(mesh, "/half").status for _ in range(40)} == {200, 418}
