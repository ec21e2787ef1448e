"""Files that are left behind: whole, or not at all."""

import os
import stat
from pathlib import Path

import pytest

from lanes.errors import LanesError
from lanes.report.files import writable


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    with writable("--report", str(file)) as write:
        assert not file.exists()
        write("ä\n")
    assert file.read_text(encoding="utf-8") == "ä\n"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_what_was_there_stays_until_then_with_its_mode_and_through_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "old", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    with file.open() as reader, writable("--report", str(link)) as write:
        assert file.read_text() == "old"
        write("new")
        assert reader.read() == "old"  # who reads it meanwhile reads one or the other
    assert (link.is_symlink(), file.read_text()) == (True, "new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_nothing_is_left_of_a_run_that_failed(tmp_path: Path) -> None:
    with pytest.raises(LanesError, match="later"), writable("--report", str(tmp_path / "a")):
        raise LanesError("later")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none/report.html", "No such file or directory"),
        ("", "Is a directory"),
        ("file/report.html", "Not a directory"),
    ],
)
def test_what_can_not_be_written_is_told_at_once(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").touch()
    path = f"{tmp_path}/{name}"
    with pytest.raises(LanesError) as caught, writable("--junit", path):
        pytest.fail("nobody said that it can't be written")
    assert str(caught.value) == f"--junit {path}: can't be written: {why}"


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with writable("--report", str(pipe)) as write:
        write("told")
    assert os.read(reader, 99) == b"told"
    os.close(reader)
