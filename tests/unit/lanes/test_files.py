"""Reading paths: anything but a regular file ends in an error, and never hangs."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lanes.errors import LanesError
from lanes.reading import files
from lanes.reading.files import texts


def listening(path: Path) -> None:
    """Make a Unix socket."""
    with socket.socket(socket.AF_UNIX) as unix:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's name is 107 bytes at most
        try:
            unix.bind(path.name)
        finally:
            os.chdir(here)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (os.mkfifo, "is not a regular file"),
        (listening, "is not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
        (lambda path: path.symlink_to(path.name), "cannot be read: Too many levels"),
        (lambda path: path.symlink_to("gone"), "cannot be read: No such file"),
    ],
)
def test_a_folder_with_something_else_than_files(
    tmp_path: Path, make: Callable[[Path], None], problem: str
) -> None:
    make(tmp_path / "x.yaml")
    with pytest.raises(LanesError, match=f"^{tmp_path}/x.yaml: {problem}"):
        list(texts((str(tmp_path),)))


def test_a_folder_may_have_the_name_of_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()
    (tmp_path / "x.yaml" / "y.yaml").write_text("a: b")
    (tmp_path / "x.yaml" / "round.yaml").symlink_to(tmp_path)
    found = [name for name, _, _ in texts((str(tmp_path),))]
    assert found == [f"{tmp_path}/x.yaml/y.yaml"]


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.scandir", denied)  # a root user may read everything
    with pytest.raises(LanesError, match="cannot be read: Permission denied"):
        list(texts((str(tmp_path),)))


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_FILES", 2)
    for number in range(3):
        (tmp_path / f"{number}.yaml").touch()
    with pytest.raises(LanesError, match="more than 2 manifests; name fewer at a time"):
        list(texts((str(tmp_path),)))


def test_too_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 10)
    (tmp_path / "1.yaml").write_text("a: b\n")
    (tmp_path / "2.yaml").write_text("a: b\n")
    assert len(list(texts((str(tmp_path),)))) == 2
    (tmp_path / "3.yaml").write_text("\n")
    with pytest.raises(LanesError, match=r"3\.yaml: the manifests are more than"):
        list(texts((str(tmp_path),)))


def test_too_many_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_DOCUMENTS", 2)
    (tmp_path / "x.yaml").write_text("a: b\n---\n" * 2)
    assert list(texts((str(tmp_path / "x.yaml"),)))
    with pytest.raises(LanesError, match="more than 2 documents; name fewer at a time"):
        list(texts((str(tmp_path), str(tmp_path / "x.yaml"))))


def test_a_pipe_of_the_shell_is_read_to_its_end() -> None:
    """The shell makes one of <(helm template ...), whose output comes late."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as stream:
            for part in (b"a: ", b"b\n"):
                stream.write(part)
                stream.flush()

    thread = threading.Timer(0.1, write)
    thread.start()
    assert [text for _, text, _ in texts((f"/dev/fd/{reading}",))] == ["a: b\n"]
    thread.join()
    os.close(reading)


def test_a_pipe_without_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_WAIT_SECONDS", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LanesError, match=f"^{tmp_path}/pipe: nothing came"):
        list(texts((str(tmp_path / "pipe"),)))


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/dev/zero", "more than 1 MiB together"),
        ("a\0b", "no such file or directory"),
        ("x" * 300, "no such file or directory"),
    ],
)
def test_paths_that_are_refused(monkeypatch: pytest.MonkeyPatch, path: str, problem: str) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 2**20)
    with pytest.raises(LanesError, match=problem):
        list(texts((path,)))
