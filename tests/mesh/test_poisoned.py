"""Meshes of poisoned manifests run, listen and connect only as planned."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from random import Random

import pytest
import urllib3

from lanes.mesh.model import Mesh
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.running.sample import management_port
from tests import kube, poisoned
from tests.kube import Document
from tests.mesh.processes import Up, alive, up
from tests.mesh.running import eventually
from tests.mesh.sockets import sockets_of
from tests.mesh.test_sockets import addresses, ports
from tests.unit.lanes.test_poisoned import made_of

SEED = int(os.environ.get("SEED") or 1)
STARTS = int(os.environ.get("STARTS") or 2)
CONTAINER = "spec.template.spec.containers[0]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder where `lanes up` starts, with files like a stranger's repository."""
    found = tmp_path / "theirs"
    found.mkdir()
    poisoned.plant(found)
    return found


@contextmanager
def started(folder: Path, manifests: str, *arguments: str) -> Iterator[Up]:
    """Run `lanes up` in that folder; give it once it is ready, or has ended."""
    # The terminal's own variables are its user's.
    env = {"PATH": os.environ["PATH"], "PYTHONSAFEPATH": "1"}
    own = {"cwd": folder, "env": env, "stderr": subprocess.STDOUT}
    with up(folder, manifests, *arguments, **own) as mesh:
        yield mesh
    eventually(lambda: not alive(mesh.pids))


def with_evil_variables(documents: list[Document], folder: Path, random: Random) -> list[Document]:
    """Return the documents with variables, in containers, that make programs run code."""
    found = []
    for document in documents:
        if document["kind"] == "Deployment":
            evil = random.sample(poisoned.variables(folder), 8)
            container = document["spec"]["template"]["spec"]["containers"][0]
            own = container.get("env") if isinstance(container.get("env"), list) else []
            more = [{"name": name, "value": value} for name, value in evil]
            document = kube.put(document, f"{CONTAINER}.env", [*(own or []), *more])
        found.append(document)
    return found


def meshes(folder: Path, tmp: Path) -> Iterator[tuple[str, Mesh]]:
    """Yield endless poisoned manifests that are not refused before the start."""
    random = Random(SEED)
    for documents in poisoned.sets(random, folder, poisoned.bases()[:-1]):
        file = poisoned.write(tmp, with_evil_variables(documents, folder, random))
        if made_of(file) is not None:
            yield file, resolve(read([file], strict=False), strict=False)


def ask(mesh: Up) -> None:
    """Send some requests through the gateway and each service."""
    port = ports(mesh)[0]
    for path in ("/", "/", "/other"):
        for headers in ({"a": "b"}, {"x-lane": "v2", "baggage": "version=v2,a=b"}):
            asked = {**headers, "accept": "application/json"}
            url = f"http://127.0.0.1:{port}{path}"
            urllib3.request("GET", url, headers=asked, retries=False, timeout=20)


def require_as_planned(mesh: Up, model: Mesh) -> None:
    """Require that every socket is planned, and that none leads out of this machine."""
    at = addresses(mesh)
    gateway, page = ports(mesh)
    planned = {("127.0.0.1", gateway), ("127.0.0.1", page)}
    for pod in model.pods:
        planned |= {(at[pod.name], port) for port in (15001, pod.port, management_port(pod))}
    for one in sockets_of(mesh.all):
        assert one.local, one
        if one.listens or one.kind.startswith("udp"):
            assert (one.address, one.port) in planned, one
        elif one.peer:
            assert one.peer in {*at.values(), "127.0.0.1"}, one


def test_a_mesh_runs_no_code_from_manifests(folder: Path, tmp_path: Path) -> None:
    ready = 0
    for file, model in islice(meshes(folder, tmp_path), STARTS):
        with started(folder, file) as mesh:
            if mesh.pids:
                ready += 1
                ask(mesh)
                require_as_planned(mesh, model)
            else:
                assert mesh.child.returncode == 2, mesh.said
                assert "Traceback" not in mesh.said
        assert not (folder / poisoned.MARK).exists(), Path(file).read_text()
    print(f"seed {SEED}: {STARTS} starts, {ready} of them ready, the others ended by a sentence")
    assert ready


def test_strings_that_once_ran_code_run_none(folder: Path, tmp_path: Path) -> None:
    """Each variable, in stand-ins and a command; and a header's name that was a program in Lua."""
    evil = dict(poisoned.variables(folder))
    name = f"x'..dofile'{poisoned.MARK}.lua'..'"
    lane = kube.rule(kube.to("cart", "v2"), match=[kube.header_is(name, "v2")])
    documents = [
        kube.gateway(),
        kube.virtual_service("*", kube.rule(kube.to("shop")), gateways=["demo-gateway"]),
        *(kube.service(one) for one in ("shop", "cart", "own")),
        kube.foreign("shop", CART="cart:8000", OWN="own:8000", **evil),
        *(kube.foreign("cart", version, **evil) for version in ("v1", "v2")),
        kube.foreign("own", **evil),
        kube.destination_rule("cart", "v1", "v2"),
        kube.virtual_service("cart", lane, kube.rule(kube.to("cart", "v1"))),
        kube.header_propagation(f"{name}b", prefixes=[f"{name}c"]),
    ]
    server = f"{sys.executable} -m http.server --bind $HOST $PORT"
    own = f"own=set -x; env > {tmp_path}/env; exec {server}"
    with started(folder, kube.write(tmp_path, *documents), "--run", own) as mesh:
        assert mesh.pids, mesh.said
        ask(mesh)
        assert (
            "the command of own-v1 does not get BASH_ENV, BASH_FUNC_exec%%, BROWSER, " in mesh.said
        )
    got = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    kept = {name for name in evil if got.get(name) == evil[name]}
    assert kept == {"OTEL_PROPAGATORS", "REQUESTS_CA_BUNDLE"}  # which run nothing
    assert not (folder / poisoned.MARK).exists()
