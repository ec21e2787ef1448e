"""`--run`: the pods that a command is for, and the program's variables and ports."""

import os
import socket
from pathlib import Path

import pytest

from lanes.errors import LanesError
from lanes.mesh.model import Mesh
from lanes.reading.commands import Command, assigned
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.address import free_port
from lanes.running.command import command_environment, listening_ports
from tests.kube import asm, deployment, put, service
from tests.unit.lanes.reading import config_of, mesh_of

ROOT = Path(__file__).parents[3]
SHOP = (
    service("cart", {"port": 80, "targetPort": 8080}),
    deployment("cart", "v1", port=8080),
    service("stock"),
    deployment("stock", "v1"),
    service("users", namespace="people"),
    deployment("users", "v1", namespace="people"),
)


def own(mesh: Mesh, *commands: str) -> Mesh:
    pods = tuple(assigned(mesh.pods, map(Command.of, commands)))
    return Mesh(**{**vars(mesh), "pods": pods})


def runs(*commands: str) -> dict[str, str | None]:
    return {pod.name: pod.command for pod in own(mesh_of(*asm()), *commands).pods if pod.command}


@pytest.mark.parametrize(
    ("commands", "found"),
    [
        (["mockb=x"], {"mockb-v1": "x", "mockb-v3": "x"}),
        (["mockb=A=1 x --y=z"], {"mockb-v1": "A=1 x --y=z", "mockb-v3": "A=1 x --y=z"}),
        (["mockb.default@v3=x"], {"mockb-v3": "x"}),
        (["mockb=x", "mockb@v3=y"], {"mockb-v1": "x", "mockb-v3": "y"}),
        (["mockb.default=x", "mockb=y"], {"mockb-v1": "x", "mockb-v3": "x"}),
    ],
)
def test_the_most_specific_command_of_a_pod_counts(
    commands: list[str], found: dict[str, str]
) -> None:
    assert runs(*commands) == found


@pytest.mark.parametrize(
    ("commands", "sentence"),
    [
        (["mockb"], "--run mockb: should be SERVICE=COMMAND"),
        (["mockb= "], "--run mockb= : should be SERVICE=COMMAND"),
        (["mockb@=x"], "should be SERVICE=COMMAND"),
        (["mockb.other=x"], "--run mockb.other: no such pods. Name one of mocka@v1, mocka@v2"),
        (["mockb@v2=x"], "--run mockb@v2: no such pods"),
        (["mockb=x", "mockb=y"], "--run mockb: is given twice. Remove one."),
    ],
)
def test_a_command_without_pods_is_an_error(commands: list[str], sentence: str) -> None:
    with pytest.raises(LanesError) as caught:
        runs(*commands)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("value", "here"),
    [
        ("http://stock:8000/", "http://127.0.9.1:16002/"),
        ("stock:8000", "127.0.9.1:16002"),
        (
            "stock.default.svc.cluster.local:8000,users.people:8000",
            "127.0.9.1:16002,127.0.9.1:16003",
        ),
        ("http://cart/x?y", "http://127.0.9.1:16001/x?y"),
        ("http://cart:80", "http://127.0.9.1:16001"),
        ("http://stock/", "http://stock/"),
        ("http://stock:80001/", "http://stock:80001/"),
        ("http://restock:8000/", "http://restock:8000/"),
        ("http://users:8000/", "http://users:8000/"),  # that name is another namespace's
        ("http://cart.example.com/", "http://cart.example.com/"),
        ("cart", "cart"),
    ],
)
def test_services_in_variables_become_local_addresses(value: str, here: str) -> None:
    mesh = mesh_of(*SHOP[:1], deployment("cart", "v1", port=8080, env={"TO": value}), *SHOP[2:])
    assert command_environment(mesh, mesh.pods[0], "127.0.9.1", 20000, {})["TO"] == here


def test_a_program_gets_its_address_and_variables_of_kubernetes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://elsewhere:3128")
    monkeypatch.setenv("JAVA_HOME", "/opt/java")
    mesh = mesh_of(*SHOP)
    env = command_environment(mesh, mesh.pods[0], "127.0.9.1", 20000, {"OTEL_X": "none"})
    assert (env["HOST"], env["PORT"]) == ("127.0.9.1", "20000")
    assert (env["STOCK_SERVICE_HOST"], env["STOCK_SERVICE_PORT"]) == ("127.0.9.1", "16002")
    assert "USERS_SERVICE_HOST" not in env
    assert (env["JAVA_HOME"], env["OTEL_X"], env["PATH"]) == (
        "/opt/java",
        "none",
        os.environ["PATH"],
    )
    assert "HTTP_PROXY" not in env


def test_a_program_gets_the_port_of_its_manifest_if_it_is_unique() -> None:
    own_port = free_port()
    cart_alone = deployment("cart", "v1", port=own_port)
    mesh = own(mesh_of(*SHOP[2:], service("cart", own_port), cart_alone), "cart=x", "stock=x")
    stock, _, cart = mesh.pods
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        spare = free_port()
        found = listening_ports(mesh, 1, iter([taken, spare]))
        assert found[stock.key] == spare  # users has port 8000, too
        assert found[cart.key] == own_port
        with pytest.raises(LanesError, match="no more ports are free"):
            listening_ports(mesh, own_port, iter([taken]))


def test_envoy_routes_to_the_programs_port_and_takes_its_calls() -> None:
    mesh = own(mesh_of(*SHOP), "cart=x")
    config = config_of(mesh, {mesh.pods[0].key: 20000})["static_resources"]
    clusters = {c["name"]: c["load_assignment"]["endpoints"] for c in config["clusters"]}
    (cart,) = clusters["outbound|80||cart.default.svc.cluster.local"]
    (stock,) = clusters["outbound|8000||stock.default.svc.cluster.local"]
    ports = [
        tier["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["port_value"]
        for tier in (cart, stock)
    ]
    assert ports == [20000, 8000]
    listeners = [
        a["socket_address"]
        for listener in config["listeners"]
        for a in [
            listener["address"],
            *(m["address"] for m in listener.get("additional_addresses", [])),
        ]
    ]
    calls = [a["port_value"] for a in listeners if a["address"] == "127.0.9.1"]
    assert sorted(calls) == [15001, 16001, 16002, 16003]


@pytest.mark.parametrize(
    ("commands", "found"), [([], {80: 20000, 9090: 20000}), (["cart=x"], {80: 20000, 9090: 9090})]
)
def test_only_the_main_port_of_a_program_moves(commands: list[str], found: dict[int, int]) -> None:
    """A stand-in has the one, whichever is called."""
    both = service(
        "cart", {"port": 80, "targetPort": 8080, "name": "a"}, {"port": 9090, "name": "b"}
    )
    mesh = mesh_of(both, deployment("cart", port=8080), commands=commands)
    config = config_of(mesh, {mesh.pods[0].key: 20000})["static_resources"]
    assert {
        int(one["name"].split("|")[1]): endpoint["endpoint"]["address"]["socket_address"][
            "port_value"
        ]
        for one in config["clusters"]
        for tier in one["load_assignment"]["endpoints"]
        for endpoint in tier["lb_endpoints"]
    } == found


@pytest.mark.parametrize(
    ("replicas", "commands", "warned", "not_run"),
    [
        (1, ["cart=x"], ["command"], False),
        (2, ["cart=x"], ["command"], False),
        (2, [], [], True),
        (0, [], [], True),
    ],
)
def test_a_command_runs_without_what_is_beside_it(
    replicas: int, commands: list[str], warned: list[str], not_run: bool
) -> None:
    path = "spec.template.spec.containers"
    alone = deployment("cart", replicas=replicas)
    beside = put(alone, path, [*alone["spec"]["template"]["spec"]["containers"], {"name": "x"}])
    mesh = mesh_of(beside, commands=commands)
    assert [one.rule for one in mesh.warnings] == warned
    assert bool(mesh.not_run) is not_run


def test_what_pods_want_of_a_cluster_stops_no_command() -> None:
    """The example's services have args, secrets, init containers and others beside them."""
    manifests = read([str(ROOT / "examples/other-languages/rendered/asm.yaml")])
    names = ("shop", "catalog", "cart", "prices", "stock", "warehouse")
    commands = [Command.of(f"{name}=x") for name in names]
    mesh = resolve(manifests, commands)
    assert mesh.not_run == ()
    told = {warning.resource: warning.message for warning in mesh.warnings}
    assert told["Deployment stock-stable"] == "its command runs without containers[1]"
    assert told["Deployment cart-stable"].endswith(
        "containers[0].args, containers[0].env[0].valueFrom.secretKeyRef"
    )
    some = resolve(manifests, [command for command in commands if command.service != "cart"])
    assert all("Deployment cart-" in sentence for sentence in some.not_run)
    assert some.not_run
