"""Rendering the chart with `helm template`, and strict parsing of the output."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "traffic-lanes"
EXAMPLES = {path.parent.name: path for path in sorted(ROOT.glob("examples/*/values.yaml"))}

Values = dict[str, Any]
Resource = dict[str, Any]

SAMPLE_FILE = CHART / "sample.yaml"
SAMPLE: Values = yaml.safe_load(SAMPLE_FILE.read_text())

# As with lanes.reading.documents: several times as fast, where PyYAML has it.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def helm_path() -> str:
    """Return the helm that belongs to this Python, else the one on PATH."""
    beside = Path(sys.executable).with_name("helm")
    found = str(beside) if beside.exists() else shutil.which("helm")
    assert found, "no helm: python scripts/helm.py .venv/bin/helm"
    return found


def helm(*arguments: str, values: Values | None = None) -> subprocess.CompletedProcess[str]:
    """Run helm; values go in by standard input, for a chart named by `--values -`."""
    return subprocess.run(
        [helm_path(), *arguments],
        input=_as_yaml(over_sample(values or {})),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"GOGC": "off"},  # a garbage collector would be a third of its work
    )


def over_sample(values: Values) -> Values:
    """Return values that name a service of the sample, laid over sample.yaml; others as they are.

    Tests say only what they change of the sample.
    """
    text = json.dumps(values)
    named = any(f'"{name}"' in text for name in SAMPLE["services"])
    return laid_over(SAMPLE, values) if named else values


def laid_over(below: Values, above: Values) -> Values:
    """Return maps merged as Helm merges them; a null stays."""
    both = below.keys() & above.keys()
    merged = {
        key: laid_over(below[key], above[key])
        for key in both
        if isinstance(below[key], dict) and isinstance(above[key], dict)
    }
    return below | above | merged


def _as_yaml(values: Values) -> str:
    """Return JSON that is YAML as well, which knows no pairs of surrogates."""
    pair = re.compile(r"\\ud[89ab]..\\ud[c-f]..")
    return pair.sub(lambda found: json.loads(f'"{found[0]}"'), json.dumps(values))


def template(
    values: Values | None = None, *options: str, release: str = "demo"
) -> subprocess.CompletedProcess[str]:
    """Run `helm template` on the chart."""
    return helm("template", release, str(CHART), "--values", "-", *options, values=values)


def render(values: Values | None = None, *options: str, release: str = "demo") -> list[Resource]:
    """Return what the chart renders, tests included."""
    return parse(_rendered(json.dumps(values or {}), options, release))


@functools.cache
def _rendered(values: str, options: Sequence[str], release: str) -> str:
    done = template(json.loads(values), *options, release=release)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


def refusal(values: Values) -> str:
    """Return what helm says about values that the chart refuses."""
    done = template(values)
    assert done.returncode != 0, "the chart took these values"
    for trace in ("Traceback", "nil pointer", "error calling", ".tpl"):
        assert trace not in done.stderr, done.stderr
    return done.stderr


class StrictLoader(_SafeLoader):  # type: ignore[misc]
    """Refuses repeated keys in a mapping, like the API server's strict decoding."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping, or raise for a repeated key."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        repeated = {key for key in keys if keys.count(key) > 1}
        if repeated:
            raise yaml.YAMLError(f"repeated keys {repeated}{node.start_mark}")
        return super().construct_mapping(node, deep)  # type: ignore[no-any-return]


def parse(text: str) -> list[Resource]:
    """Return the resources of a YAML stream, those of a List one by one."""
    found = [resource for resource in yaml.load_all(text, StrictLoader) if resource]
    return [item for resource in found for item in resource.get("items", [resource])]


def of_kind(resources: list[Resource], kind: str) -> dict[str, Resource]:
    """Return the resources of a kind by name; every name at most once."""
    found = [resource for resource in resources if resource["kind"] == kind]
    by_name: dict[str, Resource] = {item["metadata"]["name"]: item for item in found}
    assert len(by_name) == len(found), f"a name twice among {kind}"
    return by_name


def without_tests(resources: list[Resource]) -> list[Resource]:
    """Return the resources that an installation makes."""
    return [
        resource
        for resource in resources
        if "helm.sh/hook" not in resource["metadata"].get("annotations", {})
    ]


# All that is off by default, at once.
EVERYTHING: Values = {
    "instrumentation": {"mode": "operator", "collector": "http://otel.observability:4318"},
    "defaults": {
        "autoscaling": {"enabled": True},
        "podDisruptionBudget": {"enabled": True},
        "env": {"log_level": "debug", "NUMBER": 12345678, "FLAG": True},
        "pod": {
            "imagePullSecrets": [{"name": "registry"}],
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "lanes", "operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "arch", "operator": "Exists"}]}
                        ]
                    }
                }
            },
            "priorityClassName": "high",
        },
        "podLabels": {"team": "shop"},
        "podAnnotations": {"note": "1"},
        "serviceAccount": {"annotations": {"owner": "shop"}},
    },
    "peerAuthentication": {"enabled": True},
    "authorizationPolicy": {"enabled": True},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Lanes"}},
    "networkPolicy": {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
    "gateway": {"hosts": ["shop.example.com"], "tls": {"secret": "shop"}, "port": 8080},
}
ISTIO: Values = {"mesh": {"provider": "istio"}}
GATEWAY_API: Values = {
    "mesh": {"provider": "gateway-api"},
    "gateway": {"parentRefs": [{"name": "web", "namespace": "gateways"}]},
}
# A lane by itself, with every entry rule.
LANE: Values = GATEWAY_API | {
    "lanes": {
        "only": "pr-1",
        "enter": {"header": "x-lane", "cookie": "lane", "host": "*.preview.example.com"},
        "respond": "x-lane",
    },
    "services": {"mockb": {"versions": {"pr-1": {}}}},
}
# Names that YAML would take for something else than a string.
AWKWARD: Values = {
    "lanes": {
        "baseline": "0x1",
        "weights": {"0x1": 80, "1e3": 10, "on": 10, "null": 0},
        "header": "on",
        "label": "null",
    },
    "services": {
        "on": {"versions": {"0x1": {}, "on": {}, "1e3": {}}, "upstreams": ["no"], "port": 81},
        "no": {
            "versions": {"0x1": {}, "null": {}},
            "env": {"EMPTY": "", "WORD": "yes", "DIGITS": "0123"},
        },
    },
}
ENTRY_RULES: Values = {
    "lanes": {
        "enter": {
            "header": "x-lane",
            "host": "*.preview.example.com",
            "lanes": {"v2": True},
            "match": {"v3": [{"headers": {"x-user": {"exact": "1"}}}, {"path": "/beta"}]},
            "from": ["10.0.0.0/8", "::1"],
        },
        "respond": "x-lane",
        "sticky": {"cookie": "kept"},
    },
    "gateway": {"hosts": ["shop.test"]},
}
VARIANTS: dict[str, Values] = {
    "default": {},
    "istio": ISTIO,
    "strict": {"lanes": {"mode": "strict"}},
    "istio-strict": ISTIO | {"lanes": {"mode": "strict"}},
    "everything": EVERYTHING,
    "istio-everything": ISTIO | EVERYTHING,
    "operator": {"instrumentation": {"mode": "operator"}, "defaults": {"namespace": "elsewhere"}},
    "collector": {"instrumentation": {"collector": "http://otel:4318"}},
    "none": {"instrumentation": {"mode": "none"}},
    "java": {"instrumentation": {"mode": "operator"}, "defaults": {"language": "java"}},
    "workloads": {"routing": {"enabled": False}},
    "routing": {"workloads": {"enabled": False}},
    "nothing": {"workloads": {"enabled": False}, "routing": {"enabled": False}},
    "existing-gateway": {"gateway": {"existing": "mesh/public"}},
    "http-route": ISTIO
    | {
        "gateway": {
            "parentRefs": [{"name": "web", "namespace": "gateways"}],
            "hosts": ["a.example.com", "*.example.org"],
        }
    },
    "http-route-strict": ISTIO
    | {
        "lanes": {"mode": "strict"},
        "gateway": {"parentRefs": [{"name": "web"}]},
    },
    "gateway-api": GATEWAY_API,
    "gateway-api-entry-rules": LANE
    | {"lanes": LANE["lanes"] | {"only": "", "weights": {"pr-1": 0}}},
    "gateway-api-awkward-names": GATEWAY_API | AWKWARD | {"defaults": {"namespace": "on"}},
    "lane": LANE,
    "lane-everything": EVERYTHING | LANE,
    "entry-rules": ENTRY_RULES,
    "istio-entry-rules": ISTIO | ENTRY_RULES,
    "http-route-entry-rules": ISTIO
    | {
        "lanes": ENTRY_RULES["lanes"] | {"enter": ENTRY_RULES["lanes"]["enter"] | {"host": ""}},
        "gateway": {"parentRefs": [{"name": "web"}, {"name": "web", "sectionName": "b"}]},
    },
    "own-label": {"lanes": {"label": "app.kubernetes.io/track"}},
    "awkward-names": AWKWARD,
    "istio-awkward-names": ISTIO | AWKWARD,
    "outside-the-chain": EVERYTHING
    | {
        "services": {"extra": {"versions": {"v1": {}}}},
        "gateway": {"services": {"mocka": {}}},
        "serviceMonitor": {"enabled": False},
        "networkPolicy": {"from": []},
    },
    "per-version": {
        "services": {
            "mocka": {
                "replicas": 2,
                "container": {"readinessProbe": None},
                "serviceAccount": {"create": False, "name": "shared"},
                "versions": {
                    "v2": {"replicas": 0, "image": {"tag": "2.0.0"}, "env": {"A": "b"}},
                    "v3": {"image": {"digest": "sha256:" + "0" * 64}},
                },
            }
        }
    },
}
