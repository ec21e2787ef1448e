"""`lanes up` listens only on planned sockets, and refuses requests of other pages."""

import http.client
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lanes.evidence.laptop import socket_name
from tests import kube
from tests.mesh.processes import Up, alive, up
from tests.mesh.sockets import Socket, paths_of, sockets_of

CHAIN = {"mocka": (("v1", "v2"), ("mockb",)), "mockb": (("v1",), ())}
OWN = f"mockb={sys.executable} -m http.server --bind $HOST $PORT"
EVIL = {"Host": "evil.test", "Origin": "http://evil.test", "Sec-Fetch-Site": "cross-site"}
# What a page may send to any address without being asked first: GET, HEAD and POST, as plain text.
ATTACKS = [
    ("POST", "/quitquitquit", ""),
    ("GET", "/quitquitquit", ""),
    ("POST", "/healthcheck/fail", ""),
    ("POST", "/drain_listeners", ""),
    ("POST", "/logging?level=trace", ""),
    ("GET", "/config_dump", ""),
    ("GET", "/events", ""),
    ("POST", "/pods", '{"pod": "default/mocka-v1", "do": "kill"}'),
    ("POST", "/weights", '{"weights": {"v1": 0, "v2": 100}}'),
    ("POST", "/load", '{"on": true, "rate": 50}'),
    ("POST", "/fault?rate=1", '{"pod": "default/mocka-v1", "delay": "9999", "rate": 1.0}'),
]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    # Longer than the path of a socket may be.
    tmp = tmp_path_factory.mktemp("a-folder-of-a-rather-long-name-" * 4)
    with up(tmp, kube.write(tmp, *kube.asm(CHAIN, kube.HALVES)), "--run", OWN) as running:
        yield running


def page(mesh: Up) -> int:
    return ports(mesh)[1]


def ports(mesh: Up) -> list[int]:
    """Return the ports of the gateway and the page."""
    found = re.findall(r"^(?:gateway|page) +http://127.0.0.1:(\d+)/", mesh.said, re.MULTILINE)
    return [int(port) for port in found]


def addresses(mesh: Up) -> dict[str, str]:
    """Return each pod's address."""
    return dict(re.findall(r"^(\S+) +(127\.0\.\d+\.\d+) +\d+$", mesh.said, re.MULTILINE))


def listening(mesh: Up) -> set[Socket]:
    return {one for one in sockets_of(mesh.all) if one.listens or one.kind.startswith("udp")}


def test_the_mesh_listens_only_on_planned_sockets(mesh: Up) -> None:
    at = addresses(mesh)
    assert at.keys() == {"mocka-v1", "mocka-v2", "mockb-v1"}
    own = int(re.findall(r"^mockb-v1 listens at port (\d+)", mesh.said, re.MULTILINE)[0])
    gateway, live_map = ports(mesh)
    planned = {("127.0.0.1", gateway), ("127.0.0.1", live_map)}
    planned |= {(address, 15001) for address in at.values()}
    planned |= {(at[name], port) for name in ("mocka-v1", "mocka-v2") for port in (8000, 8001)}
    # Own code finds each Service at a port of its own address.
    planned |= {(at["mockb-v1"], port) for port in (own, 16001, 16002)}
    assert {(one.address, one.port) for one in listening(mesh)} == planned
    assert all(one.local for one in sockets_of(mesh.all))


def test_the_admin_socket_is_in_a_private_folder(mesh: Up) -> None:
    (told,) = re.findall(
        r"^envoy +curl --unix-socket (\S+) http://envoy/$", mesh.said, re.MULTILINE
    )
    # The other is where verify finds the calls: the kernel says who connects.
    calls = socket_name(ports(mesh)[0]).replace("\0", "@")
    assert len(paths_of(mesh.all) - {calls}) == 1
    admin = Path(told)
    assert admin.is_socket()
    assert (admin.stat().st_mode & 0o777, admin.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def picture(mesh: Up) -> object:
    """Return the live map's state that requests may change: weights, pods, the load."""
    connection = http.client.HTTPConnection("127.0.0.1", page(mesh), timeout=10)
    connection.request("GET", "/events")
    told = json.loads(connection.getresponse().readline().removeprefix(b"data: "))
    connection.close()
    weights = [(lane["name"], lane["weight"]) for lane in told["lanes"]]
    return (
        weights,
        [(pod["name"], pod["state"], pod["fault"]) for pod in told["pods"]],
        told["load"],
    )


def test_a_page_of_another_origin_cannot_change_anything(mesh: Up) -> None:
    before, processes = picture(mesh), mesh.all
    asked = [(one.address, one.port) for one in listening(mesh)]
    for address, port in asked:
        for method, path, body in ATTACKS:
            connection = http.client.HTTPConnection(address, port, timeout=10)
            connection.request(method, path, body, {**EVIL, "Content-Type": "text/plain"})
            response = connection.getresponse()
            if port == page(mesh):
                assert response.status == 400, (method, path)
            connection.close()
    assert alive(processes) == processes
    assert picture(mesh) == before


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_at_another_port_cannot_read_or_change_anything(mesh: Up, host: str) -> None:
    """The browser names the right host, and the page at another port, or with no name at all."""
    port = page(mesh)
    for origin in (f"http://{host}:{port + 1}", "null", f"https://{host}:{port}"):
        for method, path, body in ATTACKS:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            headers = {"Host": f"{host}:{port}", "Origin": origin, "Sec-Fetch-Site": "same-site"}
            connection.request(method, path, body, headers | {"Content-Type": "application/json"})
            assert connection.getresponse().status == 403, (method, path, origin)
            connection.close()
