"""Which of a manifest's variables reach a process on this machine."""

from collections.abc import Iterator, Mapping

import pytest

from lanes.envoy.tracing import Collector
from lanes.mesh.model import Mesh
from lanes.reading.commands import Command, assigned
from lanes.running.command import command_environment, without_variables
from lanes.running.sample import INHERITED, pod_environment
from lanes.running.variables import SAMPLE, refused
from services.settings import Settings
from tests.kube import Document, deployment, instrumentation, put, service
from tests.unit.lanes.reading import mesh_of, refusal

CONTAINER = "spec.template.spec.containers[0]"
# Variables that make some program run code, with such values.
_PATHS = """
    PATH LD_PRELOAD LD_AUDIT LD_LIBRARY_PATH GCONV_PATH LOCPATH GLIBC_TUNABLES TMPDIR HOME
    DYLD_INSERT_LIBRARIES XDG_CONFIG_HOME KUBECONFIG ENV BASH_ENV SHELLOPTS BASHOPTS PS4 IFS
    PYTHONPATH PYTHONSTARTUP PYTHONHOME PYTHONBREAKPOINT NODE_OPTIONS NODE_PATH
    NODE_EXTRA_CA_CERTS PERL5OPT PERL5LIB PERL5DB RUBYOPT RUBYLIB JAVA_TOOL_OPTIONS
    JDK_JAVA_OPTIONS _JAVA_OPTIONS JAVA_OPTS CLASSPATH MAVEN_OPTS DOTNET_STARTUP_HOOKS
    CORECLR_PROFILER_PATH PHP_INI_SCAN_DIR PHPRC LUA_INIT LUA_INIT_5_4 LUA_PATH R_PROFILE
    GOFLAGS GOTOOLCHAIN CC RUSTC_WRAPPER MAKEFLAGS npm_config_script_shell
    NPM_CONFIG_NODE_OPTIONS PIP_INDEX_URL UV_INDEX_URL GIT_SSH_COMMAND GIT_PAGER BROWSER PAGER
    EDITOR VISUAL LESSOPEN OPENSSL_CONF OPENSSL_MODULES SSLKEYLOGFILE GUNICORN_CMD_ARGS
    FLASK_APP DJANGO_SETTINGS_MODULE OTEL_PYTHON_CONFIGURATOR OTEL_PYTHON_DISTRO
    OTEL_JAVAAGENT_EXTENSIONS OTEL_EXPORTER_OTLP_ENDPOINT OTEL_CONFIG_FILE
    OTEL_PYTHON_TRACER_PROVIDER
"""
CODE = {
    **dict.fromkeys(_PATHS.split(), "/evil"),
    **dict.fromkeys(("HTTPS_PROXY", "all_proxy", "no_proxy"), "http://evil"),
    "BASH_FUNC_ls%%": "() { touch /evil; }",
    "ANYTHING": "() { :; }; touch /evil",
    "PYTHONWARNINGS": "all:0:antigravity.x:0:0",
}
PLAIN = {
    "DATABASE_URL": "postgres://db/x",
    "NODE_ENV": "production",
    "SPRING_PROFILES_ACTIVE": "shop",
    "CELERY_BROKER_URL": "redis://r",
    "LESSONS": "3",
    "CARGO_ADDR": "cargo:80",
    "GOMAXPROCS": "2",
    "LANG": "C.UTF-8",
    "TZ": "Europe/Berlin",
    "OTEL_PROPAGATORS": "tracecontext,b3",
    "OTEL_NODE_DISABLED_INSTRUMENTATIONS": "fs",
    "OTEL_INSTRUMENTATION_NETTY_ENABLED": "false",
    "a-name.with-more": "x y",
}


class Asked(Mapping[str, str]):
    """An environment that writes down what it is asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_a_stand_in_gets_all_variables_of_the_samples_settings() -> None:
    asked = Asked()
    Settings.from_environ(asked)
    assert asked.names == SAMPLE | {"REQUESTS_CA_BUNDLE"}  # which names a file of a container


def by_every_way(env: Mapping[str, str]) -> list[list[Document]]:
    """Manifests whose pod gets these variables, by each way that there is."""
    told = {**env, "upstream_url": "http://a:8000/", "threads": "3"}
    annotations = {"instrumentation.opentelemetry.io/inject-python": "true"}
    plain = deployment("a", env=told)
    bare = deployment("a", annotations=annotations)
    metadata = {"name": "settings", "namespace": "default"}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(told)}
    whole = put(bare, f"{CONTAINER}.envFrom", [{"configMapRef": {"name": "settings"}}])
    keys = [
        {"name": name, "valueFrom": {"configMapKeyRef": {"name": "settings", "key": name}}}
        for name in told
    ]
    addresses = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}} for name in env
    ]
    general = instrumentation(env=told)
    special = put(general, "spec.python.env", general["spec"].pop("env"))
    return [
        [service("a"), plain],
        [service("a"), settings, whole],
        [service("a"), settings, put(bare, f"{CONTAINER}.env", keys)],
        [service("a"), put(bare, f"{CONTAINER}.env", addresses)],
        [service("a"), bare, instrumentation(env=told)],
        [service("a"), bare, special],
    ]


def pods(number: int) -> Mesh:
    return mesh_of(*by_every_way(CODE)[number])


@pytest.mark.parametrize("way", range(6))
@pytest.mark.parametrize("collector", [None, Collector.of("http://127.0.0.1:4318")])
def test_a_stand_in_gets_no_other_variable(way: int, collector: Collector | None) -> None:
    (pod,) = pods(way).pods
    env = pod_environment(pod, "127.0.9.1", collector)
    ours = {name for name in env if name.startswith("OTEL_") or name.endswith("_proxy")}
    assert env.keys() <= SAMPLE | ours | set(INHERITED)
    assert not {"evil", "127.0.9.1"} & {env[name] for name in env if refused(name)}
    assert not any("evil" in value for value in env.values())
    assert all(env[name] != "127.0.9.1" for name in INHERITED if name in env)
    assert ours <= {
        *("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"),
        *("OTEL_PROPAGATORS", "OTEL_TRACES_SAMPLER", "OTEL_SERVICE_NAME"),
        *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"),
        *("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_RESOURCE_ATTRIBUTES"),
        *("http_proxy", "https_proxy", "no_proxy"),
    }


@pytest.mark.parametrize(
    ("told", "here"),
    [
        ("baggage,tracecontext,b3", "tracecontext,baggage"),
        ("tracecontext", "tracecontext"),
        ("b3, jaeger", "none"),
        ("none", "none"),
        ("evil:module", "none"),
    ],
)
def test_a_stand_in_gets_only_propagators_of_the_sdk(told: str, here: str) -> None:
    mesh = mesh_of(service("a"), deployment("a", env={"OTEL_PROPAGATORS": told}))
    assert pod_environment(mesh.pods[0], "127.0.9.1")["OTEL_PROPAGATORS"] == here


def own(*documents: Document) -> Mesh:
    mesh = mesh_of(*documents)
    return Mesh(**{**vars(mesh), "pods": tuple(assigned(mesh.pods, [Command.of("a=x")]))})


@pytest.mark.parametrize("way", range(6))
def test_a_command_gets_no_variable_that_makes_a_program_run_code(
    way: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--of-the-terminal")
    mesh = own(*by_every_way(CODE)[way])
    env = command_environment(mesh, mesh.pods[0], "127.0.9.1", 8000, {})
    ours = {"HOST", "POD_IP", "A_SERVICE_HOST", "ANYTHING"}
    assert not any("evil" in value for value in env.values())
    assert [n for n in env if env[n] == "127.0.9.1" and n not in ours] == []
    assert env["NODE_OPTIONS"] == "--of-the-terminal"
    (said,) = without_variables(mesh)
    assert said.startswith("the command of a-v1 does not get ")
    for name in ("PATH", "LD_PRELOAD", "npm_config_script_shell", "OTEL_PYTHON_CONFIGURATOR"):
        assert f" {name}" in said


def test_a_command_gets_every_other_variable_without_a_note() -> None:
    mesh = own(service("a"), deployment("a", env=PLAIN))
    env = command_environment(mesh, mesh.pods[0], "127.0.9.1", 8000, {})
    assert {name: env[name] for name in PLAIN} == PLAIN
    assert list(without_variables(mesh)) == []


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("A=B", "c", '"A=B" is not a name of a variable: use letters, digits and _'),
        ("", "c", '"" is not a name of a variable'),
        ("A\nB", "c", "is not a name of a variable"),
        ("Ä", "c", '"Ä" is not a name of a variable'),
        ("A", "b\0c", "the value of A has a character that a variable cannot hold"),
    ],
)
def test_an_impossible_variable_is_an_error(name: str, value: str, problem: str) -> None:
    told = refusal(service("a"), deployment("a", env={name: value}))
    assert told.startswith("Deployment a-v1: spec.template.spec.containers[0].env: ")
    assert problem in told
