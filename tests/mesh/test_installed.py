"""The installed wheel runs every command without the clone."""

import os
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import pytest

from lanes import __version__
from lanes.running.address import free_port
from tests.kube import HALVES, PAIR, asm, write
from tests.mesh.running import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]

PACKAGES = ("lanes", "services")


def checked(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the sources, so that the clone gets no `build` folder."""
    sources = tmp_path_factory.mktemp("sources")
    for name in PACKAGES:
        copytree(ROOT / name, sources / name, ignore=ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy(ROOT / name, sources)
    built = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index")
    checked(*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", built, sources)
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def home(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with nothing but a virtual environment, `venv`, that has the wheel.

    The wheel's requirements come from this Python's packages by a path file. It ignores their own
    path files, and so the clone, which is installed in place there.
    """
    home = tmp_path_factory.mktemp("home")
    python = home / "venv/bin/python"
    checked(sys.executable, "-m", "venv", "--without-pip", home / "venv")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    checked(*pip, "install", "--no-index", "--no-deps", wheel)
    library = next(home.glob("venv/lib/python*/site-packages"))
    (library / "required.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home


def test_the_release_job_finds_the_wheel_by_its_name(wheel: Path) -> None:
    workflow = (ROOT / ".github/workflows/release.yaml").read_text()
    assert f"dist/{wheel.name}".replace(__version__, "$VERSION") in workflow


def environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home)}


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    """Return a function that runs the installed `lanes` in the folder `home`."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(home / "venv/bin/lanes"), *arguments],
            cwd=home,
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("manifests"), *asm(PAIR, HALVES))


def test_the_wheel_has_every_file_of_its_packages(wheel: Path) -> None:
    files = {
        str(path.relative_to(ROOT))
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == files


def test_the_installed_package_is_imported(home: Path) -> None:
    asked = subprocess.run(
        [home / "venv/bin/python", "-c", "import lanes.cli, services; print(lanes.cli.__file__)"],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(asked.stdout).is_relative_to(home / "venv")


def test_the_version_is_the_version_of_the_wheel(run: Run, wheel: Path) -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"lanes {wheel.name.split('-')[1]}\n")


def test_plan_and_lint_read_manifests(run: Run, manifests: str) -> None:
    planned = run("plan", manifests)
    assert (planned.returncode, planned.stderr) == (0, "")
    assert "2 services, 4 pods, 2 lanes" in planned.stdout
    linted = run("lint", manifests)
    assert (linted.returncode, linted.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [["plan"], ["lint"], ["up"], ["demo"], ["verify", "http://127.0.0.1:1"]],
    ids=lambda arguments: arguments[0],
)
def test_missing_manifests_are_an_error_of_one_sentence(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "lanes: no MANIFESTS are named. Name directories or files, or - for standard input"
        " (lanes verify and trace take them by --manifests)\n"
    )


def test_a_wrong_url_is_an_error_of_one_sentence(run: Run, manifests: str) -> None:
    result = run("verify", "nowhere", "--manifests", manifests)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("lanes: ")
    assert result.stderr.count("\n") == 1


def test_up_serves_lanes_and_live_map_and_verify_reports(
    run: Run, home: Path, manifests: str
) -> None:
    port, page_port = free_port(), free_port()
    with subprocess.Popen(
        [home / "venv/bin/lanes", "up", manifests, f"--port={port}", f"--page-port={page_port}"],
        cwd=home,
        env=environment(home),
        stdout=subprocess.PIPE,
        text=True,
    ) as up:
        try:
            assert up.stdout
            assert any("Ctrl-C ends it" in line for line in up.stdout)
            with urllib.request.urlopen(f"http://127.0.0.1:{page_port}/") as page:
                assert b"<script" in page.read()
            result = run(
                *("verify", f"http://127.0.0.1:{port}", "--manifests", manifests),
                *("--requests", "60", "--report", "report.html"),
            )
        finally:
            up.terminate()
    assert (result.returncode, result.stderr) == (0, "")
    assert "<html" in (home / "report.html").read_text()
    assert up.returncode == 143


def test_the_demo_succeeds(run: Run, manifests: str) -> None:
    result = run("demo", manifests, "--port", str(free_port()), "--requests", "60")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("Lanes hold.\n")
