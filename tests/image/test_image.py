"""The running image: read-only, without capabilities, unprivileged, and without a shell."""

import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts import image as building
from tests.chart.rendering import ROOT, of_kind, render
from tests.image.conftest import TAG, Run, base
from tests.image.running import Container, Engine, running
from tests.injection.operator_pod import (
    injected_version,
    operator_environ,
    packages,
    without_pkg_resources,
)
from tests.unit.services.conftest import (
    LOOPBACK,
    Serve,
    get,
    get_json,
    held,
    reply,
    wait_until,
)

BAGGAGE = {"baggage": "userId=alice,version=v2"}
INJECTED = Path("/otel-auto-instrumentation-python")


@pytest.fixture(scope="module")
def chain(run: Run) -> list[Container]:
    """Run three containers, each the caller of the next."""
    mockc = run(app="mockc", version="v2")
    mockb = run(app="mockb", version="v1", upstream_url=mockc.url)
    mocka = run(app="mocka", version="v2", upstream_url=mockb.url)
    return [mocka, mockb, mockc]


def test_the_answer_as_text(chain: list[Container]) -> None:
    answer = get(chain[0].url)
    assert (answer.status, answer.body) == (
        200,
        "-> mocka(version: v2, ip: 127.0.0.1)"
        "-> mockb(version: v1, ip: 127.0.0.1)"
        "-> mockc(version: v2, ip: 127.0.0.1)",
    )


def test_baggage_crosses_from_container_to_container(chain: list[Container]) -> None:
    mocka = get_json(chain[0].url, BAGGAGE).tree
    (mockb,) = mocka["upstreams"]
    (mockc,) = mockb["upstreams"]
    hops = [(hop["name"], hop["lane"], hop["status"]) for hop in (mocka, mockb, mockc)]
    assert hops == [("mocka", "v2", 200), ("mockb", "v2", 200), ("mockc", "v2", 200)]
    for container in chain:
        told, whose = container.manage("readyz").body.splitlines()
        assert (told, whose.split()[:2]) == ("ready", ["instrumentation:", "own"])


def test_metrics_and_logs(chain: list[Container]) -> None:
    get(chain[2].url, BAGGAGE)
    assert 'lane="v2"' in chain[2].manage("metrics").body
    lines = [json.loads(line) for line in chain[2].logs.splitlines()]
    assert {"info"} == {line["level"] for line in lines}


def test_nobody_without_capabilities(chain: list[Container]) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in chain[0].python("pathlib.Path('/proc/1/status').read_text()").splitlines()
    )
    assert status["Uid"].split() == status["Gid"].split() == ["10001"] * 4
    capabilities = {name: int(status[f"Cap{name}"], 16) for name in ("Inh", "Prm", "Eff", "Bnd")}
    assert set(capabilities.values()) == {0}
    assert status["NoNewPrivs"] == "1"


def test_nothing_to_write_on(chain: list[Container]) -> None:
    folders = ["/", "/tmp", "/opt/app", "/opt/venv", "/var/tmp", "/run", "/home"]  # noqa: S108
    can = f"[path for path in {folders!r} if os.access(path, os.W_OK)]"
    assert chain[0].python(can) == []


def test_sigterm_lets_a_request_in_flight_finish(run: Run, serve: Serve) -> None:
    release, arrived = threading.Event(), threading.Event()
    slow = serve(held(release, arrived))
    container = run(upstream_url=slow.url, drain="2")
    with ThreadPoolExecutor() as pool:
        in_flight = pool.submit(get, container.url)
        assert arrived.wait(15)
        container.engine("kill", "--signal=TERM", container.id)
        wait_until(lambda: container.manage("readyz").status == 503, 1.9, "unready")
        assert not in_flight.done()
        release.set()
        answer = in_flight.result(15)
    assert (answer.status, answer.body.endswith("-> mockb")) == (200, True)
    assert container.engine("wait", container.id).stdout.strip() == "0"


@pytest.mark.parametrize(
    ("values_file", "before"),
    [("values-asm.yaml", True), ("values-upstream.yaml", False), ("values-upstream.yaml", True)],
    ids=["the guide's", "upstream's", "upstream's packages by the guide's operator"],
)
def test_baggage_crosses_under_the_operators_injection(
    values_file: str, before: bool, run: Run, serve: Serve
) -> None:
    folder = packages(injected_version(values_file))
    nowhere = {"collector": "http://127.0.0.1:9"}
    environ = operator_environ(INJECTED, nowhere, before)
    mounted = f"--volume={folder}:{INJECTED}:ro"
    end = serve(reply(200, "-> end"))
    second = run(mounted, app="mockb", upstream_url=end.url, **environ)
    first = run(mounted, app="mocka", upstream_url=second.url, **environ)
    mocka = get_json(first.url, BAGGAGE).tree
    (mockb,) = mocka["upstreams"]
    assert (mocka["lane"], mockb["lane"]) == ("v2", "v2")
    assert sorted(end.requests[0]["baggage"].split(",")) == ["userId=alice", "version=v2"]
    injected = injected_version(values_file)
    assert first.manage("readyz").body == f"ready\ninstrumentation: injected {injected}\n"


def test_a_broken_injection_is_told(run: Run) -> None:
    folder = without_pkg_resources(packages(injected_version("values-asm.yaml")))
    environ = operator_environ(INJECTED, {}, before=True)
    container = run(f"--volume={folder}:{INJECTED}:ro", **environ)
    assert get(container.url, BAGGAGE).status == 200
    assert "lanes are lost" in container.manage("readyz").body
    assert "lanes are lost" in container.logs


def test_what_the_chart_starts_is_what_the_image_holds(engine: Engine, image: str) -> None:
    config = engine.inspect(image)["Config"]
    assert config["Entrypoint"] == ["/opt/venv/bin/python", "-m", "services"]
    assert not config.get("Cmd")
    deployment = of_kind(render(), "Deployment")["mocka-v1"]
    pod = deployment["spec"]["template"]["spec"]
    user = pod["securityContext"]["runAsUser"]
    group = pod["securityContext"]["runAsGroup"]
    (container,) = pod["containers"]
    ports = [f"{port['containerPort']}/tcp" for port in container["ports"]]
    assert config["User"] == f"{user}:{group}"
    assert list(config["ExposedPorts"]) == ports
    assert "command" not in container


def test_the_sources_are_there_whole_and_nothing_else(chain: list[Container]) -> None:
    there = chain[0].python("[str(path) for path in pathlib.Path('.').rglob('*.*')]")
    here = [path for name in ("services", "lanes") for path in (ROOT / name).rglob("*.*")]
    names = {str(path.relative_to(ROOT)) for path in here if path.suffix != ".pyc"}
    assert {name for name in there if not name.endswith(".pyc")} == names


def lanes(engine: Engine, image: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `lanes` as the chart's test does: by name, in place of the service."""
    manifests = f"--volume={ROOT / 'k8s'}:/manifests:ro"
    options = [*engine.restricted, manifests, "--entrypoint=lanes", "--rm"]
    return engine("run", *options, image, *arguments)


def test_the_command_is_there(engine: Engine, image: str) -> None:
    assert "Usage: lanes verify" in lanes(engine, image, "verify", "--help").stdout


def test_the_command_reads_the_manifests(engine: Engine, image: str) -> None:
    for provider in ("asm", "istio"):
        plan = lanes(engine, image, "plan", f"/manifests/{provider}").stdout
        assert re.search(r"^v3 +30 +v3 +v3 +v1", plan, re.MULTILINE), plan


# Run in the image as root, to see all of it. Prints a sentence for each thing that is wrong.
REVIEW = """
import importlib.util, os, pathlib, shutil, stat, sys, sysconfig

for tool in ("pip", "pip3", "gcc", "cc", "make", "git", "curl", "wget"):
    if shutil.which(tool): print("there is a tool:", tool)
for module in ("pip", "setuptools", "ensurepip", "pytest", "envoy"):
    if importlib.util.find_spec(module): print("there is a module:", module)
for place, folders, files in os.walk("/"):
    if place == "/": folders[:] = set(folders) - {"proc", "sys", "dev"}
    for path in (pathlib.Path(place, name) for name in files):
        if path.is_symlink(): continue
        mode = path.stat().st_mode
        if mode & (stat.S_ISUID | stat.S_ISGID): print("changes the user:", path)
        if mode & stat.S_IWOTH: print("anyone may write:", path)
for folder in ("/opt", sysconfig.get_path("stdlib")):
    for path in pathlib.Path(folder).rglob("*.py"):
        cached = pathlib.Path(importlib.util.cache_from_source(str(path)))
        if not cached.exists(): print("not compiled:", path)
        elif cached.read_bytes()[4:8] != bytes([1, 0, 0, 0]): print("may be stale:", cached)
for path in ("/root/.cache", "/tmp", "/etc/pip.conf", "/run/secrets", "/src"):
    if os.path.isdir(path) and os.listdir(path) or os.path.isfile(path): print("left over:", path)
if sys.version_info[:2] != (3, 13): print("Python is", sys.version)
"""


def test_a_security_review_finds_nothing(engine: Engine, image: str) -> None:
    limits = [option for option in engine.restricted if option.startswith("--ulimit")]
    options = ["--rm", "--user=0", "--network=none", *limits]
    program = ["--entrypoint=/opt/venv/bin/python", image, "-c", REVIEW]
    assert engine("run", *options, *program).stdout == ""


def test_labels_and_history_tell_what_it_is_and_nothing_of_where_it_was_made(
    engine: Engine, image: str
) -> None:
    facts = engine.inspect(image)
    labels = facts["Config"]["Labels"]
    prefix = "org.opencontainers.image"
    assert labels[f"{prefix}.title"] == "traffic-lanes"
    assert labels[f"{prefix}.licenses"] == "Apache-2.0"
    assert labels[f"{prefix}.version"] == building.version()
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", labels[f"{prefix}.revision"])
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}Z", labels[f"{prefix}.created"])
    history = engine("history", "--no-trunc", "--format={{.CreatedBy}} {{.Comment}}", image).stdout
    told = json.dumps(facts["Config"]) + history
    mine = {socket.gethostname(), str(ROOT), str(Path.home()), f"/{getpass.getuser()}/"}
    assert not [word for word in mine if word in told]
    assert not re.findall(r"/(?:home|Users|work|tmp)/", told)
    variables = dict(variable.split("=", 1) for variable in facts["Config"]["Env"])
    # The Operator would replace it in silence.
    assert "PYTHONPATH" not in variables


def test_the_same_sources_give_the_same_image(engine: Engine, tmp_path: Path) -> None:
    if os.environ.get("IMAGE"):
        pytest.skip("IMAGE was built elsewhere")
    if engine.tool.name == "docker":
        pytest.skip("docker writes the times of the build into the layers that it loads")
    again = f"{TAG}-again"
    # A copy, which nobody edits meanwhile.
    for source in (*building.SOURCES, ".dockerignore"):
        target = tmp_path / source
        target.parent.mkdir(exist_ok=True)
        whole = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        whole(ROOT / source, target)
    with building.pip_secrets() as secrets:
        build = building.command(engine.tool.name, again, base(engine.tool), secrets)
        identities = set()
        for _ in range(2):
            engine.tool.run(*build, str(tmp_path), show=True)
            identities.add(engine.tool.identity(again))
    engine("rmi", "--force", again)
    assert len(identities) == 1


def test_every_locked_package_is_built_for_both_architectures(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    pip = [str(uv), "pip", "install", "--dry-run", f"--target={tmp_path}", "--python-version=3.13"]
    locked = ["--no-deps", "--only-binary=:all:", f"--requirement={ROOT}/requirements/cli.txt"]
    for machine in ("x86_64", "aarch64"):
        platform = f"--python-platform={machine}-manylinux_2_28"
        command = [*pip, *locked, platform]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "Would install" in done.stderr


def test_size_and_start_are_told(
    engine: Engine, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    size = int(engine.inspect(image)["Size"])
    starts = []
    for _ in range(5):
        with running(engine, image, host=LOOPBACK) as container:
            starts.append(container.start_seconds)
    middle = sorted(starts)[2]
    with capsys.disabled():
        print(f"\nimage: {size / 1e6:.0f} MB, ready {middle:.2f} s after `{engine.tool.name} run`")
    assert size < 400e6
    assert middle < 20
