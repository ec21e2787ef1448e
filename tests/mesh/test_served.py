"""Requests to a mesh whose gateway serves no `/`, or whose lanes have only an entry rule."""

import re
from pathlib import Path

import pytest
import urllib3
from click.testing import CliRunner

from lanes.cli import main
from lanes.planning.plan import plan
from lanes.report.plan import gateway_line
from lanes.running.address import free_port
from tests.kube import (
    Document,
    deployment,
    destination_rule,
    gateway,
    header_is,
    rule,
    service,
    to,
    virtual_service,
    write,
)
from tests.mesh.processes import up
from tests.unit.lanes.reading import mesh_of

PODS = [
    gateway(),
    service("a"),
    deployment("a", "v1"),
    deployment("a", "v2"),
    destination_rule("a", "v1", "v2"),
]


def served(*rules: Document, host: str = "*") -> list[Document]:
    return [*PODS, virtual_service(host, *rules, gateways=["demo-gateway"])]


BETA = rule(to("a", "v2"), match=[header_is("x-lane", "v2")])
BY_PATH = served(rule(to("a", "v1"), match=[{"uri": {"prefix": "/cart"}}]))
BY_HOST = served(rule(to("a", "v1")), host="shop.example")
BY_HEADER = served(BETA)
BY_USER = served(rule(to("a", "v2"), match=[header_is("user", "jason")]), rule(to("a", "v1")))


@pytest.mark.parametrize(
    ("documents", "headers", "line"),
    [
        (BY_PATH, {}, "/cart"),
        (BY_HOST, {}, "/ (Host: shop.example)"),
        (BY_HEADER, {}, "/ (x-lane: v2)"),
        (BY_USER, {"user": "jason"}, "/ (user: jason)"),
    ],
)
def test_the_first_line_names_what_the_gateway_serves(
    documents: list[Document], headers: dict[str, str], line: str
) -> None:
    planned = plan(mesh_of(*documents), headers=headers)
    assert gateway_line("http://g/", planned, 1.0) == f"gateway http://g{line}   ready in 1.0 s"


def test_the_request_in_the_first_line_is_answered(tmp_path: Path) -> None:
    options = ("--no-page", "--path", "/cart/7", "--header", "user=jason")
    with up(tmp_path, write(tmp_path, *BY_PATH), *options) as running:
        told = re.search(
            r"^gateway (http://\S+/cart/7) \(user: jason\)", running.said, re.MULTILINE
        )
        assert told is not None
        assert urllib3.request("GET", told[1]).status == 200


@pytest.mark.parametrize("documents", [BY_PATH, BY_HEADER], ids=["path", "header"])
def test_the_demo_sends_requests_that_the_gateway_serves(
    tmp_path: Path, documents: list[Document]
) -> None:
    arguments = ["demo", "--port", str(free_port()), write(tmp_path, *documents)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("-> a(version: v") > 1


def test_a_resource_is_left_out(tmp_path: Path) -> None:
    filtered = {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "ProxyConfig",
        "metadata": {"name": "odd"},
        "spec": {},
    }
    file = write(tmp_path, *BY_PATH, filtered)
    skipped = ("--skip", "deployment/a-v2", "--skip", "ProxyConfig/odd")
    with up(tmp_path, file, "--no-page", *skipped) as running:
        assert "1 service, 1 pod," in running.said
    absent = CliRunner().invoke(main, ["up", file, "--skip", "Deployment/b"])
    assert (absent.exit_code, absent.stderr) == (
        2,
        "lanes: --skip Deployment/b: the manifests have no such resource\n",
    )
    wrong = CliRunner().invoke(main, ["plan", file, "--skip", "Deployment"])
    assert "--skip Deployment: should be KIND/NAME, such as Deployment/cart" in wrong.stderr


def test_manifests_without_a_gateway_run_as_planned(tmp_path: Path) -> None:
    lane = virtual_service("a", BETA, rule(to("a", "v1")))
    file = write(tmp_path, *PODS[1:], lane)
    with up(tmp_path, file, "--no-page") as running:
        url = next(one.split()[1] for one in running.said.splitlines() if "gateway http" in one)
        result = CliRunner().invoke(main, ["verify", url, "--manifests", file])
        headers = {"Host": "a", "x-lane": "v2"}
        assert b"a(version: v2" in urllib3.request("GET", url, headers=headers).data
    assert result.exit_code == 0, result.output
