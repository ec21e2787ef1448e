"""Manifests with hostile strings at every place that allows a string, drawn by a seed.

`changes` walks a document along its model. Each field that is present or possible gets the string,
and so do the keys of maps. A change names its field, so that a test finds fields without a change.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from lanes.reading import kinds
from tests import kube
from tests.kube import Document, put

Step = str | int
MARK = "canary"


@dataclass(frozen=True)
class Change:
    """A value to set in a document, or the new name of a map's key."""

    field: str  # such as StringMatch.exact
    path: tuple[Step, ...]
    value: object
    renames: bool = False

    def applied(self, document: Document) -> Document:
        changed = deepcopy(document)
        inner: Any = changed
        for step in self.path[:-1]:
            inner = inner[step]
        if self.renames:
            inner[self.value] = inner.pop(self.path[-1])
        else:
            inner[self.path[-1]] = self.value
        return changed


def hostile(folder: Path) -> list[str]:
    """Return strings that create the file `canary` in `folder` if a program runs them."""
    touch = f"touch {folder}/{MARK}"
    lua = f"os.execute('{touch}')"
    return [
        # A token of RFC 9110; `folder` has that file.
        f"x'..dofile'{MARK}.lua'..'",
        f"x'..{lua}..'",
        f'x"..{lua}.."',
        f"]]..{lua}--[[",
        f"x\\'..{lua}--",
        f"x'] = true, [{lua}] = true, ['y",
        f"$({touch})",
        f"`{touch}`",
        f"'; {touch}; '",
        f'"; {touch}; "',
        f"x\n{touch}\n",
        f"() {{ :; }}; {touch}",
        f"${{IFS}}{touch}",
        f"{{{{ {touch} }}}}",
        f"{{% {touch} %}}",
        f"%ENVIRONMENT(HOME)%{MARK}",
        f"%FILE_CONTENT({folder}/{MARK}.lua)%",
        f"%REQ(a)%%{MARK}",
        f"%DYNAMIC_METADATA({MARK})%",
        f"{MARK}\r\nx-injected: 1",
        f"../../../{folder}/{MARK}",
        f"http://{MARK}.test:1/",
        f"https://127.9.9.9:9/{MARK}",
        f".*|{MARK}",
        f"(({MARK}",
        f"{MARK}\0",
        f"{MARK}\ud800",
        f"{MARK},{MARK}=1;{MARK}",
        MARK,
    ]


def variables(folder: Path) -> list[tuple[str, str]]:
    """Return variables that make some program run code; `plant` creates their files."""
    touch = f"touch {folder}/{MARK}"
    return [
        ("PYTHONWARNINGS", "all:0:antigravity.x:0:0"),
        ("BROWSER", f"sh -c '{touch}' #%s"),
        ("PATH", f"{folder}/bin"),
        ("PYTHONPATH", str(folder)),
        ("PYTHONHOME", str(folder)),
        ("PYTHONSTARTUP", f"{folder}/sitecustomize.py"),
        ("PYTHONUSERBASE", str(folder)),
        ("LD_PRELOAD", f"{folder}/{MARK}.so"),
        ("LD_LIBRARY_PATH", str(folder)),
        ("GUNICORN_CMD_ARGS", f"--config {folder}/sitecustomize.py"),
        ("OTEL_PYTHON_CONFIGURATOR", MARK),
        ("OTEL_PYTHON_DISTRO", MARK),
        ("OTEL_PROPAGATORS", f"baggage,{MARK}"),
        ("OTEL_TRACES_EXPORTER", MARK),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.9.9.9:9"),
        ("ENV", f"{folder}/{MARK}.sh"),
        ("BASH_ENV", f"{folder}/{MARK}.sh"),
        ("BASH_FUNC_exec%%", f"() {{ {touch}; }}"),
        ("PS4", f"$({touch})"),
        ("SHELLOPTS", "xtrace"),
        ("HTTPS_PROXY", "http://127.9.9.9:9"),
        ("no_proxy", "*"),
        ("REQUESTS_CA_BUNDLE", f"{folder}/{MARK}.sh"),
        ("HOME", str(folder)),
        ("TMPDIR", str(folder)),
    ]


def plant(folder: Path) -> None:
    """Put programs that create the canary into `folder`, with names that a program might run."""
    touch = f"touch {folder}/{MARK}"
    (folder / f"{MARK}.lua").write_text(f"os.execute('{touch}') return ''")
    (folder / f"{MARK}.sh").write_text(touch)
    code = f"open({str(folder / MARK)!r}, 'w').close()"
    for name in (
        "sitecustomize",
        "usercustomize",
        "gunicorn.conf",
        "services",
        "antigravity",
        MARK,
    ):
        (folder / f"{name}.py").write_text(code)
    (folder / "bin").mkdir()
    for name in ("sh", "python", "python3", "setpriv", "envoy", "rm", "env", "touch"):
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\n/usr/bin/{touch}\n")
        program.chmod(0o755)


def bases() -> list[list[Document]]:
    """Return meshes of each provider that start, and one with every known kind that does not."""
    foreign = kube.foreign("mockc", ADDRESS="mockb:8000")
    injected = {"instrumentation.opentelemetry.io/inject-python": "true"}
    asm = [
        *kube.asm(kube.PAIR, kube.HALVES),
        kube.service("mockc"),
        put(foreign, "spec.template.metadata.annotations", injected),
        kube.instrumentation("tracecontext", "baggage", env={"A": "b"}),
        kube.virtual_service(
            "mockc", kube.rule(kube.to("mockc"), match=[kube.header_is("x-lane", "v2")])
        ),
    ]
    settings = {"metadata": {"name": "settings", "namespace": "default"}, "data": {"a": "b"}}
    from_map = put(
        kube.deployment("mocka", "v2", "mockb"),
        "spec.template.spec.containers[0].envFrom",
        [{"configMapRef": {"name": "settings"}}],
    )
    istio = [
        *(d for d in kube.istio(kube.PAIR, kube.HALVES) if d["metadata"]["name"] != "mocka-v2"),
        {"apiVersion": "v1", "kind": "ConfigMap", **settings},
        put(from_map, "spec.template.metadata.labels.lane-v2", "member"),
    ]
    routes = [*kube.gateway_api(kube.PAIR, kube.HALVES), kube.api_gateway()]
    return [asm, istio, routes, [*routes, *_others()]]


def _others() -> list[Document]:
    """Return a resource of each kind that the tests' meshes lack, in another namespace."""
    metadata = {"name": "other", "namespace": "apart"}
    pod = {"containers": [{"name": "c", "ports": [{"containerPort": 8000}]}]}
    template = {"metadata": {"labels": {"app": "other"}}, "spec": pod}
    specs: list[tuple[str, str, object]] = [
        ("v1", "Namespace", None),
        ("v1", "Pod", pod),
        ("apps/v1", "DaemonSet", {"template": template}),
        ("apps/v1", "ReplicaSet", {"template": template}),
        ("apps/v1", "StatefulSet", {"template": template}),
        ("argoproj.io/v1alpha1", "Rollout", {"template": template}),
        ("networking.istio.io/v1", "EnvoyFilter", {"configPatches": [{"applyTo": "CLUSTER"}]}),
        (
            "networking.istio.io/v1",
            "ServiceEntry",
            {"hosts": ["other.test"], "ports": [{"number": 80}]},
        ),
        ("networking.istio.io/v1", "Sidecar", {}),
        ("networking.istio.io/v1", "WorkloadEntry", {"labels": {"app": "machine"}}),
        (
            "security.istio.io/v1",
            "PeerAuthentication",
            {"selector": {"matchLabels": {"app": "other"}}, "mtls": {"mode": "STRICT"}},
        ),
        (
            "security.istio.io/v1",
            "RequestAuthentication",
            {"targetRefs": [{"kind": "Gateway", "name": "web", "namespace": "apart"}]},
        ),
        *_lane_groups(),
        (
            "gateway.networking.k8s.io/v1",
            "BackendTLSPolicy",
            {"targetRefs": [{"kind": "Service", "name": "other"}]},
        ),
        (
            "gateway.networking.k8s.io/v1",
            "ListenerSet",
            {
                "parentRef": {"name": "web", "namespace": "default"},
                "listeners": [{"name": "a", "port": 80, "protocol": "HTTP"}],
            },
        ),
        (
            "gateway.networking.k8s.io/v1",
            "GRPCRoute",
            {"parentRefs": [{"name": "web"}], "rules": [{"matches": [{}]}]},
        ),
    ]
    others: list[Document] = [
        {"apiVersion": api, "kind": kind, "metadata": metadata, **({"spec": s} if s else {})}
        for api, kind, s in specs
    ]
    at = {"ip": "10.0.0.1", "targetRef": {"kind": "Pod", "name": "other", "namespace": "apart"}}
    endpoint = {"addresses": ["10.0.0.1"], "targetRef": at["targetRef"], "conditions": {}}
    apart = [
        ("v1", "Endpoints", "subsets", [{"addresses": [at]}]),
        ("discovery.k8s.io/v1", "EndpointSlice", "endpoints", [endpoint]),
    ]
    others += [
        {"apiVersion": api, "kind": kind, "metadata": metadata, field: value}
        for api, kind, field, value in apart
    ]
    return [*others, kube.reference_grant("apart")]


def _lane_groups() -> list[tuple[str, str, object]]:
    """Return ASM's own lanes with every field that is read."""
    service = {"name": "other", "namespace": "apart"}
    match = {"uri": {"exact": "/"}, "headers": {"x-lane": {"exact": "v2"}}}
    route = {"destination": {"host": "other", "portNum": 8000}}
    gateway = {"name": "web", "namespace": "apart", "type": "ASM"}
    weighted = {"hosts": ["*"], "requestMatches": [match]}
    routing = {"ingressRoutingStrategy": "weighted", "weightedRoutingRule": weighted}
    permissive = {
        "fallbackTarget": "v1",
        "serviceLevelFallbackTarget": {"apart/other": "v1"},
        "routeHeader": "x-lane",
        "traceHeader": "baggage",
    }
    group = {
        "services": [service],
        "ingress": {"gateway": gateway, "ingressRouting": routing},
        "isPermissive": True,
        "permissiveModeConfiguration": permissive,
        "autoUpdate": True,
    }
    entry = {"online": True, "hosts": ["*"], "name": "in", "match": match, "route": route}
    lane = {
        "labelSelector": {"version": "v2"},
        "services": [service],
        "ingressRules": [entry],
        "ingressWeight": {**route, "weight": 10},
    }
    label = {"name": "x-lane", "valueFrom": ["$baggage(version)"]}
    labels = {
        "workloadSelector": {"labels": {"app": "other"}},
        "rules": [{"labels": [label], "attachTo": ["inbound"], "protocols": "http"}],
    }
    api = "istio.alibabacloud.com/v1"
    return [
        (api, "ASMSwimLaneGroup", group),
        (api, "ASMSwimLane", lane),
        (f"{api}beta1", "TrafficLabel", labels),
    ]


def sets(random: Random, folder: Path, known: Sequence[list[Document]]) -> Iterator[list[Document]]:
    """Yield endless sets of documents from `known` meshes, each with one to three changes."""
    strings = hostile(folder)
    walks = [[list(changes(document, MARK)) for document in base] for base in known]
    while True:
        number = random.randrange(len(known))
        documents = list(known[number])
        for _ in range(random.randint(1, 3)):
            index = random.choice([i for i, walk in enumerate(walks[number]) if walk])
            string = random.choice(strings)
            place = random.randrange(len(walks[number][index]))
            change = list(changes(known[number][index], string))[place]
            documents[index] = change.applied(known[number][index])
        yield documents


def write(folder: Path, documents: Sequence[Document], name: str = "poisoned.yaml") -> str:
    """Write documents to one file, as JSON, which is YAML too and can represent every string."""
    file = folder / name
    file.write_text("\n---\n".join(json.dumps(document) for document in documents))
    return str(file)


def changes(document: Document, string: str) -> Iterator[Change]:
    """Yield each change that puts `string` into a document of a known kind."""
    model = kinds.KNOWN[kinds.group_of(document), document["kind"]]
    yield from _in_model(model, document, (), string)


def fields(model: type[BaseModel]) -> Iterator[str]:
    """Yield the fields of a model, and of the models in it, that do not contain a model."""
    for name, field in model.model_fields.items():
        within = list(_models(field.annotation))
        if not within:
            yield f"{model.__name__}.{name}"
        yield from chain.from_iterable(map(fields, within))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _in_model(
    model: type[BaseModel], value: Mapping[str, Any], path: tuple[Step, ...], string: str
) -> Iterator[Change]:
    for name, field in model.model_fields.items():
        alias = field.alias or to_camel(name)
        own = f"{model.__name__}.{name}"
        if alias in value:
            yield from _in_value(own, field.annotation, value[alias], (*path, alias), string)
        else:
            for changed, new in _values(own, field.annotation, string):
                yield Change(changed, (*path, alias), new)


def _in_value(
    field: str, annotation: Any, value: Any, path: tuple[Step, ...], string: str
) -> Iterator[Change]:
    for part in _parts(annotation):
        if _is_model(part) and isinstance(value, Mapping):
            yield from _in_model(part, value, path, string)
        elif get_origin(part) is list and isinstance(value, list):
            for index, item in enumerate(value):
                yield from _in_value(field, get_args(part)[0], item, (*path, index), string)
        elif get_origin(part) is dict and isinstance(value, Mapping):
            for key, item in value.items():
                yield Change(field, (*path, key), string, renames=True)
                yield from _in_value(field, get_args(part)[1], item, (*path, key), string)
        else:
            yield Change(field, path, string)


def _values(field: str, annotation: Any, string: str) -> Iterator[tuple[str, object]]:
    """Yield values of a type that contain the string in one place, each with the string's field."""
    for part in _parts(annotation):
        if _is_model(part):
            least = _least(part)
            for name, inner in part.model_fields.items():
                alias = inner.alias or to_camel(name)
                for changed, new in _values(f"{part.__name__}.{name}", inner.annotation, string):
                    yield changed, {**least, alias: new}
        elif get_origin(part) is list:
            yield from ((f, [new]) for f, new in _values(field, get_args(part)[0], string))
        elif get_origin(part) is dict:
            _, kind = get_args(part)
            yield field, {string: _least(kind)}
            yield from ((f, {"a": new}) for f, new in _values(field, kind, string))
        else:
            yield field, string


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the types of a field, except None."""
    if get_origin(annotation) is Annotated:
        yield from _parts(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            if part is not type(None):
                yield from _parts(part)
    else:
        yield annotation


def _is_model(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def _least(annotation: Any) -> Any:
    """Return a minimal value of a type."""
    part = next(_parts(annotation))
    if _is_model(part):
        return {
            inner.alias or to_camel(name): _least(inner.annotation)
            for name, inner in part.model_fields.items()
            if inner.is_required()
        }
    if get_origin(part) is Literal:
        return get_args(part)[0]
    if get_origin(part) is list:
        return [_least(get_args(part)[0])]
    if get_origin(part) is dict or part is Any:
        return {}
    return {int: 1, float: "1s", bool: False}.get(part, "a")
