"""Building the image: the commands for each tool, and the messages of failures."""

import re
from pathlib import Path

import pytest

from scripts import image

BASE = "docker.io/library/python:3.13-slim-trixie@sha256:0"


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_no_builder_is_one_sentence(bin_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bin_folder.is_dir()
    assert image.main([]) == 1
    assert capsys.readouterr().err == (
        "image.py: no image builder: install docker, podman or buildah\n"
    )


def test_a_docker_without_its_daemon_is_none(
    bin_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(bin_folder / "docker", "exit 1")
    assert image.main([]) == 1
    assert "docker is here, but no daemon answers it" in capsys.readouterr().err
    program(bin_folder / "buildah", "exit 0")
    assert image.find_tool().name == "buildah"


def test_a_base_that_cannot_be_had_is_one_sentence(
    bin_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "case $1 in --version) ;; *) echo trying >&2; echo no such host >&2; exit 125;; esac"
    program(bin_folder / "podman", script)
    assert image.main([]) == 1
    assert re.fullmatch(
        r"image\.py: the base can't be had \(podman pull failed: no such host\); .* stand-in.*\n",
        capsys.readouterr().err,
    )


@pytest.mark.parametrize("name", image.TOOLS)
def test_what_is_asked_of_each_tool(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1760000000")
    command = image.command(name, "lanes:1", BASE, ["id=pip,src=pip.conf"])
    assert command[:3] == ["build", "--tag", "lanes:1"]
    assert f"--build-arg=BASE={BASE}" in command
    assert "--build-arg=CREATED=2025-10-09T08:53:20Z" in command
    assert "--secret=id=pip,src=pip.conf" in command
    only_podmans = {"--timestamp=1760000000", "--layers=false", "--pull=false", "--network=host"}
    assert only_podmans & set(command) == (set() if name == "docker" else only_podmans)
    assert ("--build-arg=SOURCE_DATE_EPOCH=1760000000" in command) == (name == "docker")


def test_pips_settings_reach_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    monkeypatch.setenv("PIP_CERT", str(bundle))
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example/simple")
    with image.pip_secrets() as secrets:
        found = dict(re.findall(r"id=(\w+),src=(\S+)", " ".join(secrets)))
        assert found["ca"] == str(bundle)
        lines = Path(found["pip"]).read_text().splitlines()
    assert lines[0] == "[global]"
    assert {"cert = /run/secrets/ca", "index-url = https://packages.example/simple"} <= set(lines)
    assert not Path(found["pip"]).exists()


def test_the_base_is_pinned_by_digest() -> None:
    assert re.fullmatch(
        r"docker\.io/library/python:3\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", image.pinned()
    )
