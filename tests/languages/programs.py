"""The hops in other languages: how each is built and started.

Their dependencies are locked, and built once into the virtual environment.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.injection.operator_pod import filling

HERE = Path(__file__).parent
CACHE = Path(sys.prefix) / "languages-built"
PYTHON = Path(sys.prefix) / "languages" / "bin"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


@dataclass(frozen=True)
class Hop:
    """A service of the chain. `build` returns a folder for `line`, which starts the service."""

    needs: tuple[str, ...]  # commands of its toolchain
    build: Callable[[], Path]
    line: str
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        return [name for name in self.needs if shutil.which(name) is None]

    def command(self) -> str:
        """Return the command for `--run`. Raises AssertionError, with output, if a build fails."""
        return self.line.format(built=self.build())


def node() -> Path:
    """Return the folder of the locked packages, with the programs beside them."""
    target = node_packages(HERE / "node", "node")
    for program in ("server.js", "modules.mjs", "grpc.js"):
        shutil.copy(HERE / "node" / program, target)
    return target


def node_packages(folder: Path, name: str) -> Path:
    """Return a folder, cached under `name`, with the packages that `folder` locks."""
    lock = folder / "package-lock.json"
    with _made(name, lock) as (target, empty):
        if empty:
            for file in (lock, folder / "package.json"):
                shutil.copy(file, empty)
            _run(empty, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    return target


def go() -> Path:
    """Return the folder of the binary of net/http."""
    return _go_binary("go")


def go_grpc() -> Path:
    """Return the folder of the binary of grpc-go."""
    return _go_binary("go-grpc")


def _go_binary(folder: str) -> Path:
    with _made(folder, *sorted((HERE / folder).iterdir())) as (target, empty):
        if empty:
            _run(HERE / folder, "go", "build", "-mod=readonly", "-o", str(empty / "hop"), ".")
    return target


def java() -> Path:
    """Return the folder of the class and the agent."""
    lock = HERE / "java/agent.sha256"
    digest, jar = lock.read_text().split()
    version = jar.removeprefix("opentelemetry-javaagent-").removesuffix(".jar")
    with _made("java", lock, HERE / "java/Hop.java") as (target, empty):
        if empty:
            agent = f"io.opentelemetry.javaagent:opentelemetry-javaagent:{version}"
            _run(HERE, "mvn", "-q", "-B", COPY, f"-Dartifact={agent}", f"-DoutputDirectory={empty}")
            found = hashlib.sha256((empty / jar).read_bytes()).hexdigest()
            assert found == digest, f"{jar} is not the one that is locked"
            (empty / jar).rename(empty / "agent.jar")
            _run(HERE / "java", "javac", "-d", str(empty), "Hop.java")
    return target


def python() -> Path:
    """Return the folder of `opentelemetry-instrument`, which `make` has installed."""
    assert (PYTHON / "opentelemetry-instrument").exists(), "make .venv/languages/done installs it"
    return PYTHON


def plain() -> Path:
    return Path(sys.executable)


_JAVA = ("java", "javac", "mvn"), java, "java -javaagent:{built}/agent.jar -cp {built} Hop"
# Without its detectors, which ask clouds for their metadata.
_BY_NODE = (
    "cd {built} && exec env OTEL_NODE_RESOURCE_DETECTORS=none"
    " node --require @opentelemetry/auto-instrumentations-node/register"
)
_NODE = ("node", "npm"), node, f"{_BY_NODE} server.js"
_FASTAPI = (
    (),
    python,
    f"PATH={{built}}:$PATH exec {{built}}/opentelemetry-instrument uvicorn --app-dir {HERE}/python"
    " --host $HOST --port $PORT --log-level warning on_fastapi:app",
)
_AIOHTTP = (
    (),
    python,
    "PATH={built}:$PATH exec {built}/opentelemetry-instrument"
    f" python {HERE}/python/on_aiohttp.py",
)
_PLAIN = (), plain, f"{{built}} {HERE}/plain/server.py"

# Those that lanes cross.
CROSS = {
    "java-httpclient": Hop(*_JAVA, {"CLIENT": "httpclient"}),
    "java-urlconnection": Hop(*_JAVA, {"CLIENT": "urlconnection"}),
    "node-http": Hop(*_NODE, {"CLIENT": "http"}),
    "node-fetch": Hop(*_NODE, {"CLIENT": "fetch"}),
    "node-axios": Hop(*_NODE, {"CLIENT": "axios"}),
    "go-otelhttp": Hop(("go",), go, "{built}/hop"),
    "fastapi-httpx": Hop(*_FASTAPI, {"CLIENT": "httpx"}),
    "fastapi-aiohttp": Hop(*_FASTAPI, {"CLIENT": "aiohttp"}),
    "plain-by-hand": Hop(*_PLAIN),
}
# Those where they end. The instrumentation of aiohttp's server reads the trace and no baggage; the
# others lack what hands it on.
END = {
    "aiohttp-server": Hop(*_AIOHTTP),
    "node-bare": Hop(
        ("node", "npm"), node, "cd {built} && exec node server.js", {"CLIENT": "http"}
    ),
    "java-bare": Hop(*_JAVA[:2], "java -cp {built} Hop"),
    "node-tracecontext": Hop(*_NODE, {"CLIENT": "http", "OTEL_PROPAGATORS": "tracecontext"}),
    "plain-bare": Hop(*_PLAIN, {"HANDS_ON": "no"}),
}

_GRPC = (
    f"PATH={{built}}:$PATH exec {{built}}/opentelemetry-instrument python {HERE}/python/on_grpc.py"
)

# What stands around services by gRPC: a web page in front of them, and the last one.
WEB = Hop(
    (),
    python,
    f"PATH={{built}}:$PATH exec {{built}}/opentelemetry-instrument uvicorn --app-dir {HERE}/python"
    " --host $HOST --port $PORT --log-level warning web_on_grpc:app",
)
STOCK = Hop((), python, _GRPC)
# Those between, which call by gRPC and are called by it: those that lanes cross.
GRPC_CROSS = {
    "grpcio": Hop((), python, _GRPC),
    "grpcio-aio": Hop((), python, _GRPC, {"API": "aio"}),
    "grpc-go": Hop(("go",), go_grpc, "{built}/hop"),
    "grpc-js": Hop(("node", "npm"), node, f"{_BY_NODE} grpc.js"),
}
# And the one where they end.
GRPC_END = {"grpcio-bare": Hop((), python, f"exec {{built}}/python {HERE}/python/on_grpc.py")}


def _made(name: str, *sources: Path) -> AbstractContextManager[tuple[Path, Path | None]]:
    """Give the cached folder for `sources`, and an empty folder to fill if it is missing."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    return filling(CACHE / f"{name}-{digest}")


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
