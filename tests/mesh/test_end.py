"""A mesh leaves no process and no file behind, however it ends."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from lanes.envoy import Json
from lanes.errors import LanesError
from lanes.running.address import free_port
from lanes.running.runtime import Extras, run
from tests import kube
from tests.mesh.processes import alive, descendants, environ, lanes, program, up
from tests.mesh.running import ROOT, eventually, load

SAMPLE = str(ROOT / "k8s/asm")
# A program that is up at once, for both pods of `pair`, where it does not matter what they run.
SERVER = f"exec {sys.executable} -S -m http.server --bind $HOST $PORT"
LIGHT = (f"--run=mocka={SERVER}", f"--run=mockb={SERVER}")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write manifests of two pods, one of which calls the other."""
    chain = {"mocka": (("v1",), ("mockb",)), "mockb": (("v1",), ())}
    return kube.write(tmp_path_factory.mktemp("manifests"), *kube.asm(chain, {"v1": 100}))


def shared_memory() -> set[str]:
    return {file.name for file in Path("/dev/shm").iterdir()}  # noqa: S108


@pytest.mark.parametrize(
    ("number", "code", "programs"),
    [(signal.SIGINT, 130, ()), (signal.SIGTERM, 143, LIGHT), (signal.SIGHUP, 129, LIGHT)],
    ids=["ctrl-c", "sigterm", "sighup"],
)
def test_a_signal_ends_everything(
    tmp_path: Path, pair: str, number: signal.Signals, code: int, programs: tuple[str, ...]
) -> None:
    before = shared_memory()
    with up(tmp_path, pair, *programs) as mesh:
        assert len(mesh.pids) >= 3  # two pods and Envoy
        mesh.child.send_signal(number)
        assert mesh.child.wait(30) == code
        eventually(lambda: not alive(mesh.pids))
    assert list(tmp_path.iterdir()) == []
    eventually(lambda: shared_memory() <= before)  # other meshes come and go meanwhile


def test_ctrl_c_twice_ends_everything_too(tmp_path: Path, pair: str) -> None:
    with up(tmp_path, pair, *LIGHT) as mesh:
        mesh.child.send_signal(signal.SIGINT)
        mesh.child.send_signal(signal.SIGINT)
        assert mesh.child.wait(30) == 130
        eventually(lambda: not alive(mesh.pids))


def test_ctrl_c_while_it_starts_ends_everything(tmp_path: Path, pair: str) -> None:
    child = subprocess.Popen(lanes("up", pair, "--port", str(free_port())), env=environ(tmp_path))
    eventually(lambda: len(descendants(child.pid)) >= 2)
    pids = descendants(child.pid)
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == 130
    eventually(lambda: not alive(pids))


def test_kill_9_ends_the_mesh(tmp_path: Path, pair: str) -> None:
    with up(tmp_path, pair) as mesh:
        mesh.child.kill()
        eventually(lambda: not alive(mesh.pids))
        eventually(lambda: not list(tmp_path.iterdir()))


def with_variable(value: str) -> list[int]:
    """Return the processes whose LANG is this value."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"LANG={value}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_kill_9_while_it_starts_leaves_nothing(tmp_path: Path, pair: str, seed: int) -> None:
    """At moments by chance, among them those between a child's start and its first steps."""
    random, mark = Random(seed), str(tmp_path)
    child = subprocess.Popen(
        lanes("up", pair, "--port", str(free_port()), LIGHT[0], f"--run=mockb=sleep 60 & {SERVER}"),
        env=environ(tmp_path) | {"LANG": mark},
        stdout=subprocess.DEVNULL,
    )
    eventually(lambda: len(descendants(child.pid)) > 1)
    time.sleep(random.random() * random.choice([0.02, 0.2, 1]))
    child.kill()
    child.wait()
    eventually(lambda: not alive(with_variable(mark)))


def test_kill_9_ends_all_processes_of_own_code(tmp_path: Path, pair: str) -> None:
    ids, deaf, own = tmp_path / "ids", tmp_path / "deaf.sh", tmp_path / "own.sh"
    deaf.write_text(f"trap '' TERM INT HUP; echo $$ >> {ids}; while :; do sleep 0.05; done")
    own.write_text(
        f"sh {deaf} &\nsetsid sh {deaf} &\nsh -c 'setsid sh {deaf} & exit' &\n{SERVER}\n"
    )
    with up(tmp_path, pair, LIGHT[0], f"--run=mockb=exec sh {own}") as mesh:
        left = [int(line) for line in ids.read_text().split()]
        assert len(alive(left)) == 3
        told = re.search(r"^mockb-v1 +\S+ +(\d+)$", mesh.said, re.MULTILINE)
        assert told
        assert "http.server" in Path(f"/proc/{told[1]}/cmdline").read_text()
        mesh.child.kill()
        eventually(lambda: not alive([*mesh.pids, *left]))


def test_the_mesh_ends_with_an_error_if_envoy_ends(tmp_path: Path, pair: str) -> None:
    with up(tmp_path, pair, *LIGHT) as mesh:
        (envoy,) = [p for p in mesh.pids if "envoy" in program(p)]
        os.kill(envoy, signal.SIGKILL)
        assert mesh.child.wait(30) == 2
        eventually(lambda: not alive(mesh.pids))


def test_a_pod_that_ends_is_started_again(tmp_path: Path, pair: str) -> None:
    with up(tmp_path, pair) as mesh:
        before = set(mesh.pids)
        masters = Path(f"/proc/{mesh.child.pid}/task/{mesh.child.pid}/children").read_text().split()
        os.kill(int(masters[-2]), signal.SIGKILL)  # the last but one: the last is Envoy
        assert mesh.child.stdout
        assert re.match(
            r"pod mockb-v1 ended \(SIGKILL\); again in 1 s\n", mesh.child.stdout.readline()
        )
        eventually(lambda: len(set(descendants(mesh.child.pid)) - before) >= 2)


def run_up(
    tmp: Path,
    manifests: str,
    *arguments: str,
    preexec: Callable[[], None] | None = None,
    cwd: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        lanes("up", manifests, *arguments),
        cwd=cwd,
        env=environ(tmp),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        preexec_fn=preexec,
    )


def test_a_taken_port_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run_up(tmp_path, SAMPLE, "--port", str(port))
    assert result.returncode == 2
    assert (
        f"port {port}: another program listens there; choose another with --port" in result.stderr
    )
    assert "gateway" not in result.stdout
    assert list(tmp_path.iterdir()) == []


def limited(hard: int) -> Callable[[], None]:
    """Return a function that limits open files to 16, with the hard limit `hard`."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, hard))


@pytest.mark.parametrize("files", [30, 64, 500])
def test_too_few_open_files_are_an_error_before_anything_starts(tmp_path: Path, files: int) -> None:
    result = run_up(tmp_path, SAMPLE, "--port", str(free_port()), preexec=limited(files))
    assert result.returncode == 2
    assert result.stderr == (
        f"lanes: {files} open files are allowed, and 7 pods need 568:"
        " run `ulimit -n 568` first, or raise the limit of your session\n"
    )


def test_a_low_soft_limit_of_open_files_is_raised(tmp_path: Path, pair: str) -> None:
    with up(tmp_path, pair, *LIGHT, preexec_fn=limited(600)) as mesh:
        assert len(mesh.pids) >= 3
        # The shell that tidies up after the live map opens nothing.
        for pid in (pid for pid in mesh.pids if program(pid) != "sh"):
            limits = Path(f"/proc/{pid}/limits").read_text()
            assert re.search(r"Max open files +600 +600 ", limits)


def test_two_meshes_never_share_a_port(tmp_path: Path, pair: str) -> None:
    port = str(free_port())
    command = lanes("up", pair, *LIGHT, "--port", port)
    children = [
        subprocess.Popen(command, env=environ(tmp_path), stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        eventually(lambda: any(child.poll() is not None for child in children))
        time.sleep(1)
        (loser,) = [child for child in children if child.poll() is not None]
        assert loser.returncode == 2
        assert loser.stderr
        assert loser.stderr.read() == (
            f"lanes: port {port}: another program listens there; choose another with --port\n"
        )
    finally:
        for child in children:
            child.terminate()
            child.wait()
            if child.stderr:
                child.stderr.close()


@pytest.fixture
def unusable(tmp_path: Path) -> str:
    """Write manifests of a pod that ends at its start."""
    return kube.write(tmp_path, *kube.web(env={"upstream_timeout": "-1"}))


def test_a_service_that_cannot_start_is_an_error_with_its_output(
    tmp_path: Path, unusable: str
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    result = run_up(scratch, unusable, "--port", str(free_port()))
    assert result.returncode == 2
    assert "ended by itself (exit code 2); it said last:" in result.stderr
    assert "upstream_timeout='-1'" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(scratch.iterdir()) == []


def test_a_folder_services_in_the_working_directory_is_not_run(
    tmp_path: Path, unusable: str
) -> None:
    """Ours is, as its words show."""
    (tmp_path / "services").mkdir()
    (tmp_path / "services/__init__.py").write_text("raise SystemExit('not the sample service')")
    result = run_up(tmp_path, unusable, "--port", str(free_port()), cwd=tmp_path)
    assert "upstream_timeout='-1'" in result.stderr


def test_an_envoy_that_cannot_start_is_an_error_with_its_output(pair: str) -> None:
    def spoil(config: Json, _: Path) -> Json:
        return config | {"no_such_field": 1}

    with (
        pytest.raises(LanesError, match="envoy ended by itself") as caught,
        run(load(pair), free_port(), Extras(amend=spoil)),
    ):
        pass
    assert "no_such_field" in str(caught.value)
