"""HTTP/2 to a team's own programs, by their port's protocol, and stand-ins at any called port."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
import urllib3

from lanes.errors import LanesError
from lanes.evidence.laptop import laptop
from lanes.evidence.steps import Answer
from lanes.running.runtime import RunningMesh
from lanes.verification.gateway import Gateway
from tests.kube import Document, deployment, gateway, put, rule, service, to, virtual_service, write
from tests.mesh.running import running
from tests.mesh.test_evidence import telling

# A gRPC server without a schema. It sends back what it gets, after the version. Asked to, it fails:
# at once, or when the headers of its answer are sent, or only at first.
SERVER = """
import os, grpc
from concurrent.futures import ThreadPoolExecutor

class Echo(grpc.GenericRpcHandler):
    asked = False

    def service(self, call):
        return grpc.unary_unary_rpc_method_handler(self.answer)

    def answer(self, request, context):
        if request == b"late":
            context.send_initial_metadata(())
        if request in (b"fail", b"late") or request == b"first" and not self.asked:
            self.asked = True
            context.abort(grpc.StatusCode.UNAVAILABLE, "no")
        return os.environ["version"].encode() + b" " + request

server = grpc.server(ThreadPoolExecutor(4), handlers=[Echo()])
server.add_insecure_port(os.environ["HOST"] + ":" + os.environ["PORT"])
server.start()
server.wait_for_termination()
"""


def mesh(said: Document, **more: Any) -> list[Document]:
    """Return a service whose port has these fields, and whose rule has more fields."""
    named = put(service("a"), "spec.ports", [{"port": 8000, "targetPort": 8000, **said}])
    way = virtual_service("*", {**rule(to("a")), **more}, gateways=["demo-gateway"])
    return [gateway(), named, deployment("a", "v1"), deployment("a", "v2"), way]


@contextmanager
def called(folder: Path, documents: list[Document]) -> Iterator[tuple[RunningMesh, Any]]:
    """Run the mesh with the server in its pods; give it and a function that calls the server."""
    (folder / "server.py").write_text(SERVER)
    command = f"a=exec {sys.executable} {folder / 'server.py'}"
    with (
        telling(command, manifests=write(folder, *documents)) as mesh,
        grpc.insecure_channel(urlsplit(mesh.url).netloc) as channel,
    ):
        yield mesh, partial(channel.unary_unary("/any.Service/Method"), timeout=10)


@pytest.mark.parametrize(
    "said",
    [{"name": "grpc-a"}, {"name": "any", "appProtocol": "kubernetes.io/h2c"}, {"name": "http2"}],
    ids=lambda said: str(said.get("appProtocol") or said["name"]),
)
def test_own_code_is_called_by_http2_at_ports_for_http2(tmp_path: Path, said: Document) -> None:
    with called(tmp_path, mesh(said)) as (_, call):
        assert {call(b"hello") for _ in range(20)} == {b"v1 hello", b"v2 hello"}


@pytest.mark.parametrize(("asked", "status"), [("hello", 200), ("fail", 503), ("late", 503)])
def test_a_grpc_status_of_failure_is_reported(tmp_path: Path, asked: str, status: int) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with (
        called(tmp_path, mesh({"name": "grpc"})) as (failing, call),
        laptop(*Gateway(failing.url).at) as evidence,
    ):
        assert evidence is not None
        with suppress(grpc.RpcError):
            call(asked.encode(), metadata=[("traceparent", f"00-{trace}-{'1' * 16}-01")])
        (answer,) = evidence.complete([Answer(200, "", trace=trace)])
    (step,) = answer.path
    assert step.measured is not None
    assert (step.service, step.measured.status) == ("a", status)


@pytest.mark.parametrize(("retry_on", "failing"), [("unavailable", 0), ("cancelled,503", 2)])
def test_calls_are_retried_by_grpc_status(tmp_path: Path, retry_on: str, failing: int) -> None:
    again = {"attempts": 3, "retryOn": retry_on}
    failed = 0
    with called(tmp_path, mesh({"name": "grpc"}, retries=again)) as (_, call):
        for _ in range(20):
            try:
                call(b"first")
            except grpc.RpcError:
                failed += 1
    assert failed == failing  # each pod's first


def test_stand_ins_use_http_1_with_one_warning(tmp_path: Path) -> None:
    documents = mesh({"name": "grpc"})
    with running(write(tmp_path, *documents)) as stood_in:
        assert urllib3.request("GET", stood_in.url).status == 200
        told = "stand-ins speak HTTP/1.1 behind their sidecars, also at ports of HTTP/2 or gRPC: a"
        assert stood_in.notes == (told,)


def test_own_code_beside_stand_ins_is_not_simulated(tmp_path: Path) -> None:
    manifests = write(tmp_path, *mesh({"name": "grpc"}))
    with (
        pytest.raises(LanesError, match="not simulated: a speaks HTTP/2 at port 8000, and some"),
        running(manifests, commands=["a@v1=sleep 9"]),
    ):
        pass


def test_a_stand_in_answers_at_every_target_port(tmp_path: Path) -> None:
    ports = [{"port": 80, "targetPort": 9090, "name": "http-more"}]
    way = virtual_service("*", rule(to("a")), gateways=["demo-gateway"])
    more = put(service("a"), "spec.ports", ports)
    with running(write(tmp_path, gateway(), more, deployment("a", "v1"), way)) as stood_in:
        assert urllib3.request("GET", stood_in.url).status == 200
