"""HTTP/2 to programs of one's own whose port says so, and stand-ins at whichever port is called."""

import sys
from pathlib import Path

import grpc
import pytest
import urllib3

from lanes.errors import LanesError
from lanes.reading.commands import Command
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.address import free_port
from lanes.running.runtime import run
from tests.kube import Document, deployment, gateway, put, rule, service, to, virtual_service, write
from tests.mesh.running import running

# A gRPC server without a schema: it sends back what it gets, after the version.
SERVER = """
import os, grpc
from concurrent.futures import ThreadPoolExecutor

class Echo(grpc.GenericRpcHandler):
    def service(self, call):
        own = os.environ["version"].encode()
        return grpc.unary_unary_rpc_method_handler(lambda request, _: own + b" " + request)

server = grpc.server(ThreadPoolExecutor(4), handlers=[Echo()])
server.add_insecure_port(os.environ["HOST"] + ":" + os.environ["PORT"])
server.start()
server.wait_for_termination()
"""


def mesh(said: Document) -> list[Document]:
    """A service whose port says its protocol by these fields."""
    named = put(service("a"), "spec.ports", [{"port": 8000, "targetPort": 8000, **said}])
    way = virtual_service("*", rule(to("a")), gateways=["demo-gateway"])
    return [gateway(), named, deployment("a", "v1"), deployment("a", "v2"), way]


@pytest.mark.parametrize(
    "said",
    [{"name": "grpc-a"}, {"name": "any", "appProtocol": "kubernetes.io/h2c"}, {"name": "http2"}],
    ids=lambda said: str(said.get("appProtocol") or said["name"]),
)
def test_own_code_is_called_by_http2_where_the_port_says_so(tmp_path: Path, said: Document) -> None:
    (tmp_path / "server.py").write_text(SERVER)
    manifests = read([write(tmp_path, *mesh(said))])
    port = free_port()
    command = Command.of(f"a=exec {sys.executable} {tmp_path / 'server.py'}")
    with (
        run(resolve(manifests, [command]), port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        call = channel.unary_unary("/any.Service/Method")
        assert {call(b"hello", timeout=10) for _ in range(20)} == {b"v1 hello", b"v2 hello"}


def test_stand_ins_answer_by_http_1_and_that_is_said_once(tmp_path: Path) -> None:
    documents = mesh({"name": "grpc"})
    with running(write(tmp_path, *documents)) as stood_in:
        assert urllib3.request("GET", stood_in.url).status == 200
        told = "stand-ins speak HTTP/1.1 behind their sidecars, also at ports of HTTP/2 or gRPC: a"
        assert stood_in.notes == (told,)


def test_own_code_beside_stand_ins_is_not_simulated(tmp_path: Path) -> None:
    manifests = read([write(tmp_path, *mesh({"name": "grpc"}))])
    some = resolve(manifests, [Command.of("a@v1=sleep 9")])
    with (
        pytest.raises(LanesError, match="not simulated: a speaks HTTP/2 at port 8000, and some"),
        run(some, free_port()),
    ):
        pass


def test_a_stand_in_answers_at_every_port_that_its_services_lead_to(tmp_path: Path) -> None:
    ports = [{"port": 80, "targetPort": 9090, "name": "http-more"}]
    way = virtual_service("*", rule(to("a")), gateways=["demo-gateway"])
    more = put(service("a"), "spec.ports", ports)
    with running(write(tmp_path, gateway(), more, deployment("a", "v1"), way)) as stood_in:
        assert urllib3.request("GET", stood_in.url).status == 200
