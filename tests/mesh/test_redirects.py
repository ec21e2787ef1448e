"""Redirects, rewrites, direct responses and timeouts, on real Envoy."""

import sys
from collections.abc import Iterator

import pytest
import urllib3

from lanes.running.runtime import RunningMesh
from tests.kube import (
    Document,
    backend,
    deployment,
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
from tests.mesh.running import running

ECHO = """
import os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.5 if "slow" in self.path else 0)
        body = f"{self.headers['Host']} {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer(("", int(os.environ["PORT"])), Echo).serve_forever()
"""


def at(prefix: str, **fields: object) -> Document:
    return rule(to("a"), match=[{"uri": {"prefix": prefix}}], **fields)


def own(prefix: str, **answer: object) -> Document:
    return {"match": [{"uri": {"prefix": prefix}}], **answer}


ISTIO = virtual_service(
    "*",
    own("/to", redirect={"authority": "b.org", "uri": "/new", "redirectCode": 302}),
    own("/tls", redirect={"scheme": "https"}),
    own("/teapot", directResponse={"status": 418, "body": {"string": "teapot"}}),
    at("/old/", rewrite={"uri": "/new/", "authority": "b.org"}),
    at("/v", rewrite={"uriRegexRewrite": {"match": "/v([0-9])/(.*)", "rewrite": "/\\2?v=\\1"}}),
    at("/slow", timeout="0.1s", retries={"attempts": 0}),
    rule(to("a")),
    gateways=["gw"],
)


def filtered(prefix: str, of: str, **filter_: object) -> Document:
    field = of[0].lower() + of[1:] if of != "URLRewrite" else "urlRewrite"
    leads = [] if of == "RequestRedirect" else [backend("a")]
    return route_rule(*leads, matches=[takes(prefix)], filters=[{"type": of, field: filter_}])


def replaced(by: str) -> Document:
    return {"type": "ReplacePrefixMatch", "replacePrefixMatch": by}


FULL = {"type": "ReplaceFullPath", "replaceFullPath": "/full"}
API = http_route(
    "web",
    to_gateway(),
    filtered("/to", "RequestRedirect", hostname="b.org", path=replaced("/new")),
    filtered("/tls", "RequestRedirect", scheme="https", port=8443, statusCode=301),
    filtered("/old", "URLRewrite", hostname="b.org", path=replaced("/new")),
    filtered("/gone", "URLRewrite", path=replaced("/")),
    filtered("/all", "URLRewrite", path=FULL),
    route_rule(backend("a")),
)


@pytest.fixture(scope="module", params=[ISTIO, API], ids=["istio", "gateway-api"])
def mesh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningMesh]:
    """Run the routes before a service that answers with the host and path of the request."""
    folder = tmp_path_factory.mktemp("redirects")
    (folder / "echo.py").write_text(ECHO)
    manifests = write(folder, service("a"), deployment("a"), request.param)
    with running(manifests, commands=[f"a={sys.executable} {folder / 'echo.py'}"]) as mesh:
        yield mesh


def answer(mesh: RunningMesh, path: str) -> tuple[int, str]:
    """Send a request for a.org; return the status, and the location or the body."""
    response = urllib3.request(
        "GET", mesh.url.rstrip("/") + path, headers={"Host": "a.org"}, redirect=False, retries=False
    )
    return response.status, response.headers.get("Location") or response.data.decode()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (
            "/to/x?q=1",
            {"istio": (302, "http://b.org/new?q=1"), "api": (302, "http://b.org/new/x?q=1")},
        ),
        ("/tls", {"istio": (301, "https://a.org/tls"), "api": (301, "https://a.org:8443/tls")}),
        ("/teapot", {"istio": (418, "teapot"), "api": (200, "a.org /teapot")}),
        ("/old/x", {"istio": (200, "b.org /new/x"), "api": (200, "b.org /new/x")}),
        ("/v2/x", {"istio": (200, "a.org /x?v=2"), "api": (200, "a.org /v2/x")}),
        ("/gone/x", {"istio": (200, "a.org /gone/x"), "api": (200, "a.org /x")}),
        ("/gone", {"istio": (200, "a.org /gone"), "api": (200, "a.org /")}),
        ("/all/x?q=1", {"istio": (200, "a.org /all/x?q=1"), "api": (200, "a.org /full?q=1")}),
    ],
)
def test_redirects_and_rewrites_of_rules(
    mesh: RunningMesh, path: str, found: dict[str, tuple[int, str]]
) -> None:
    assert answer(mesh, path) == found["istio" if mesh.mesh.provider == "istio" else "api"]


def test_a_timeout_ejects_no_pod(mesh: RunningMesh) -> None:
    if mesh.mesh.provider != "istio":
        pytest.skip("the other has no timeout")
    for _ in range(3):
        assert answer(mesh, "/slow")[0] == 504
        assert answer(mesh, "/") == (200, "a.org /")
