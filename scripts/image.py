"""Build the image with docker, podman or buildah, whichever is there.

usage: python scripts/image.py [--demo] [--tag NAME] [--base IMAGE]

The base is the Dockerfile's own, pinned by digest. `--base stand-in` takes one made of Debian's
packages, for machines that reach no registry (see scripts/base_image.sh). The build uses this
machine's pip settings, such as an index or a certificate; the image does not contain them.
"""

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = ROOT / "Dockerfile"
# The image's contents come from these.
SOURCES = ("Dockerfile", "requirements/cli.txt", "services", "lanes")
STAND_IN = "stand-in"
TOOLS = ("docker", "podman", "buildah")
PULL_LIMIT = 300.0


class ImageError(Exception):
    """The reason why there is no image, in one sentence."""


def main(arguments: list[str]) -> int:
    """Build; return the exit code: 0 done, 1 not possible, 2 wrong usage."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--demo", action="store_true", help="the laptop mesh, not the service")
    parser.add_argument("--tag", help="its name; default: localhost/traffic-lanes:VERSION")
    parser.add_argument("--base", default="", help=f"what it is built on, or {STAND_IN}")
    chosen = parser.parse_args(arguments)
    stage = "demo" if chosen.demo else ""
    tag = chosen.tag or f"localhost/traffic-lanes{'-demo' if chosen.demo else ''}:{version()}"
    try:
        tool = find_tool()
        print(f"{tag}: {build(tool, tag, base(tool, chosen.base), stage)} by {tool.name}")
    except ImageError as error:
        print(f"image.py: {error}", file=sys.stderr)
        return 1
    return 0


@dataclass(frozen=True)
class Tool:
    """A program that builds images."""

    name: str
    path: str

    def run(self, *arguments: str, show: bool = False, limit: float | None = None) -> str:
        """Return its standard output. With `show`, all output goes to standard error instead.

        Raises ImageError, with the last line, if it fails or takes more than `limit` seconds.
        """
        try:
            done = subprocess.run(
                [self.path, *arguments],
                stdout=sys.stderr if show else subprocess.PIPE,
                stderr=None if show else subprocess.PIPE,
                text=True,
                check=False,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            raise ImageError(f"{self.name} {arguments[0]} took over {limit:g} s") from None
        if done.returncode != 0:
            said = (done.stderr or "").strip().splitlines() or ["see above" if show else "silence"]
            raise ImageError(f"{self.name} {arguments[0]} failed: {said[-1]}")
        return done.stdout or ""

    def has(self, image: str) -> bool:
        """Tell whether this machine has an image of that name."""
        try:
            self.identity(image)
        except ImageError:
            return False
        return True

    def identity(self, image: str) -> str:
        """Return the image's id: the digest of its configuration, and so of its contents."""
        if self.name == "buildah":
            return self.run("inspect", "--type=image", "--format={{.FromImageID}}", image).strip()
        said = self.run("image", "inspect", "--format={{.Id}}", image)
        return said.strip().removeprefix("sha256:")


def find_tool(names: Sequence[str] = TOOLS) -> Tool:
    """Return the first tool that works here. Raises ImageError if none does."""
    found = [Tool(name, path) for name in names if (path := shutil.which(name))]
    for tool in found:
        # The docker command needs a daemon.
        probe = [tool.path, "info"] if tool.name == "docker" else [tool.path, "--version"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return tool
    if found:
        raise ImageError("no image builder: docker is here, but no daemon answers it")
    raise ImageError(f"no image builder: install {', '.join(names[:-1])} or {names[-1]}")


def pinned() -> str:
    """Return the base that the Dockerfile names."""
    found = re.search(r"^ARG BASE=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    if not found:
        raise ImageError("the Dockerfile has no line ARG BASE=…")
    return found[1]


def base(tool: Tool, wanted: str) -> str:
    """Pull the base, or make the stand-in, unless it is here; return its name."""
    if wanted == STAND_IN:
        return stand_in(tool)
    name = wanted or pinned()
    if not tool.has(name):
        try:
            tool.run("pull", name, limit=PULL_LIMIT)
        except ImageError as error:
            raise ImageError(
                f"the base can't be had ({error}); where no registry can be reached, "
                f"`--base {STAND_IN}` (BASE={STAND_IN} for make) builds on Debian's packages"
            ) from error
    return name


def stand_in(tool: Tool) -> str:
    """Make the stand-in for the pinned base, unless it is here; return its name."""
    found = re.search(r"/python:([\d.]+)-slim-([a-z]+)@", pinned())
    if not found:
        raise ImageError(f"no stand-in for {pinned()}: it is no python:VERSION-slim-SUITE image")
    python, suite = found.groups()
    name = f"localhost/python-stand-in:{python}-slim-{suite}"
    if not tool.has(name):
        with tempfile.TemporaryDirectory(prefix="base-") as work:
            file = str(Path(work, "base.tar"))
            script = str(ROOT / "scripts" / "base_image.sh")
            made = subprocess.run(
                [script, suite, python, file], check=False, stderr=subprocess.PIPE
            )
            if made.returncode != 0:
                said = made.stderr.decode().strip().splitlines() or ["base_image.sh failed"]
                raise ImageError(f"the base image's stand-in can't be made: {said[-1]}")
            load(tool, file, name)
    return name


def load(tool: Tool, file: str, name: str) -> None:
    """Import a root file system as an image with the official base's settings."""
    path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    if tool.name == "buildah":
        container = tool.run("from", "scratch").strip()
        try:
            tool.run("add", "--quiet", container, file, "/")
            tool.run("config", "--env", path, "--cmd", "python3", container)
            tool.run("commit", "--quiet", container, name)
        finally:
            tool.run("rm", container)
    else:
        tool.run("import", "--change", f"ENV {path}", "--change", 'CMD ["python3"]', file, name)


def build(tool: Tool, tag: str, base_name: str, stage: str = "") -> str:
    """Build a stage of the Dockerfile, by default the last, from the work tree; return its id."""
    target = [f"--target={stage}"] if stage else []
    with pip_secrets() as secrets:
        tool.run(*command(tool.name, tag, base_name, secrets), *target, str(ROOT), show=True)
    return tool.identity(tag)


def command(name: str, tag: str, base_name: str, secrets: Sequence[str]) -> list[str]:
    """Return the arguments of a tool's build command, without the context."""
    moment = created()
    facts = {
        "BASE": base_name,
        "VERSION": version(),
        "REVISION": revision(),
        "CREATED": datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if name == "docker":
        # A daemon's own store keeps the files' times. BuildKit rewrites times only for images that
        # it pushes or writes to a file.
        own = ["--provenance=false"]
        facts["SOURCE_DATE_EPOCH"] = str(moment)
    else:
        # One layer, and one time for all files, so that the same sources give the same id. The
        # build uses the host's network to reach the package index.
        own = ["--pull=false", "--layers=false", f"--timestamp={moment}", "--network=host"]
    arguments = [f"--build-arg={key}={value}" for key, value in facts.items()]
    given = [f"--secret={secret}" for secret in secrets]
    return ["build", "--tag", tag, *own, *arguments, *given]


def version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def revision() -> str:
    """Return the commit of the sources, with -dirty if they are changed, or "unknown"."""
    commit = git("rev-parse", "HEAD")
    changed = commit and git("status", "--porcelain", "--", *SOURCES)
    return (f"{commit}-dirty" if changed else commit) or "unknown"


def created() -> int:
    """Return the time of the last commit of the sources, in seconds since 1970."""
    last = git("log", "-1", "--format=%ct", "--", *SOURCES)
    return int(os.environ.get("SOURCE_DATE_EPOCH") or last or 0)


def git(*arguments: str) -> str:
    """Return git's output, or "" without git or a repository."""
    if not shutil.which("git"):
        return ""
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments],  # noqa: S607 - the git on PATH
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else ""


@contextmanager
def pip_secrets() -> Iterator[list[str]]:
    """Give the build's secrets: this machine's pip.conf and certificates."""
    settings = pip_settings()
    certificates = settings.pop("cert", "") or os.environ.get("REQUESTS_CA_BUNDLE", "")
    secrets = []
    if Path(certificates).is_file():
        settings["cert"] = "/run/secrets/ca"
        secrets.append(f"id=ca,src={certificates}")
    with tempfile.TemporaryDirectory(prefix="pip-") as work:
        if settings:
            file = Path(work, "pip.conf")
            lines = [f"{key} = {value}" for key, value in settings.items()]
            file.write_text("\n".join(["[global]", *lines, ""]))
            secrets.append(f"id=pip,src={file}")
        yield secrets


def pip_settings() -> dict[str, str]:
    """Return this machine's pip settings that tell how to reach an index."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    wanted = "cert|index-url|extra-index-url|trusted-host|proxy|timeout|default-timeout"
    found = re.findall(rf"^(global|:env:)\.({wanted})=('.*'|\".*\")$", listed, re.MULTILINE)
    # The environment beats the files.
    found.sort(key=lambda entry: entry[0] == ":env:")
    return {
        key.removeprefix("default-"): str(ast.literal_eval(value)).replace("\n", " ")
        for _, key, value in found
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
