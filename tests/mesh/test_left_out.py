"""`lanes up` leaves out what is not supported, and runs the rest."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from click.testing import CliRunner, Result

from lanes.cli import main
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.address import free_port
from lanes.running.runtime import RunningMesh, run
from tests import kube
from tests.kube import header_is, put, rule, to
from tests.mesh.processes import up
from tests.mesh.running import ask, running, versions

PAIR = {"shop": (("v1", "v2"), ("cart",)), "cart": (("v1", "v2"), ())}
NEW = "may choose routes, and is not supported; correct or remove it"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMesh]:
    """Run two services. The gateway's first rule and lane v2's rule at cart are not supported."""
    documents = list(kube.istio(PAIR, {"v1": 60, "v2": 40}))
    entry = next(n for n, one in enumerate(documents) if one["metadata"]["name"] == "any")
    ways = documents[entry]["spec"]["http"]
    beta = rule(to("shop", "v2"), match=[header_is("x-beta", "1")], newField="x")
    documents[entry] = put(documents[entry], "spec.http", [beta, *ways])
    cart = next(
        n
        for n, one in enumerate(documents)
        if (one["kind"], one["metadata"]["name"]) == ("VirtualService", "cart")
    )
    documents[cart] = put(documents[cart], "spec.http[0].newField", "x")
    file = kube.write(tmp_path_factory.mktemp("left-out"), *documents)
    with run(resolve(read([file], strict=False), strict=False), free_port()) as running:
        yield running


def source(mesh: RunningMesh) -> str:
    return mesh.mesh.not_supported[0].file


def test_a_request_that_meets_an_unsupported_field_gets_501_with_its_place(
    mesh: RunningMesh,
) -> None:
    answer = urllib3.request("GET", mesh.url, headers={"x-beta": "1"}, retries=False)
    why = "VirtualService any: spec.http[0].newField is not supported"
    assert (answer.status, answer.data.decode()) == (501, f"{source(mesh)}: {why}\n")


def test_other_requests_are_answered(mesh: RunningMesh) -> None:
    found = {(a.status, *versions(a)) for a in (ask(mesh)[0] for _ in range(40))}
    assert found == {(200, "shop v1", "cart v1"), (501, "shop v2", "cart ")}


def verified(mesh: RunningMesh, *more: str) -> Result:
    files = [f"--manifests={file}" for file in mesh.mesh.sources]
    return CliRunner().invoke(main, ["verify", mesh.url, *files, *more])


def test_verify_names_fields_that_are_not_supported(mesh: RunningMesh) -> None:
    result = verified(mesh)
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("Lanes hold as far as seen: the plan does not know cart (v2).\n")
    found = [
        f"{source(mesh)}: VirtualService {name}: spec.http[0].newField: {NEW}"
        for name in ("any", "cart")
    ]
    assert result.stderr.splitlines() == [f"lanes: {found[0]}", found[1]]
    told = json.loads(verified(mesh, "--format", "json", "--requests", "20").stdout)
    assert [one["resource"] for one in told["not_supported"]] == [
        "VirtualService any",
        "VirtualService cart",
    ]
    assert told["lanes"]["v2"]["not_known"] == ["cart"]


@pytest.mark.parametrize("command", ["up", "verify"])
def test_strict_makes_unsupported_fields_errors(mesh: RunningMesh, command: str) -> None:
    if command == "verify":
        result = verified(mesh, "--strict")
    else:
        result = CliRunner().invoke(main, ["up", "--strict", *mesh.mesh.sources])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count(NEW) == 2


def test_fields_that_a_stand_in_replaces_are_a_warning(tmp_path: Path) -> None:
    spec = "spec.template.spec"
    bare = {"image": "shop", "command": ["java"], "args": ["-jar"]}
    more = [{"name": "web", **bare}, {"name": "logs", "image": "fluent"}]
    shop = kube.put(kube.deployment("a"), f"{spec}.containers", more)
    shop = kube.put(shop, f"{spec}.initContainers", [{"name": "wait", "image": "busybox"}])
    service = kube.put(kube.service("a"), "spec.ports", [{"port": 80, "targetPort": 3000}])
    way = kube.virtual_service("*", rule(to("a")), gateways=["demo-gateway"])
    file = kube.write(tmp_path, kube.gateway(), service, shop, way)
    told = tmp_path / "told"
    with told.open("w") as stderr, up(tmp_path, file, "--no-page", stderr=stderr) as running:
        url = next(line.split()[1] for line in running.said.splitlines() if "gateway " in line)
        assert urllib3.request("GET", url).status == 200
    left_out = told.read_text().removeprefix("lanes: ").splitlines()
    where = f"{file}: Deployment a-v1: {spec}"
    assert sorted(left_out) == [
        f"{where}.containers: one of 2 is run here",
        f"{where}.containers[0].args: not simulated: left out",
        f"{where}.containers[0].command: not simulated: left out",
        f"{where}.initContainers: not simulated: left out",
    ]


def test_a_host_outside_the_mesh_is_not_simulated(tmp_path: Path) -> None:
    entry = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "pay"},
        "spec": {
            "hosts": ["pay.example"],
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        },
    }
    away = rule(to("pay.example"), match=[{"uri": {"prefix": "/pay"}}])
    way = kube.virtual_service("*", away, rule(to("a")), gateways=["demo-gateway"])
    file = kube.write(tmp_path, kube.gateway(), kube.service("a"), kube.deployment("a"), entry, way)
    with running(file) as mesh:
        assert ask(mesh)[0].status == 200
        answer = urllib3.request("GET", f"{mesh.url}pay", retries=False)
    told = f"{file}: ServiceEntry pay: not simulated"
    assert (answer.status, answer.data.decode()) == (501, f"{told}\n")
    assert any(one.startswith(told) for one in mesh.mesh.not_run)
