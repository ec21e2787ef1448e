"""Manifests in full, unlike the chart's: every service has a rule and a subset for every lane."""

import random

import yaml

Document = dict[str, object]
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def written_out(services: int, lanes: int, changed: float) -> str:
    """Return manifests for Istio of services that call each other as a tree.

    Each lane has a version of the share `changed` of the services, and rules at all of them.
    """
    names = [f"service-{number:03}" for number in range(services)]
    tags = [f"lane-{number:02}" for number in range(lanes)]
    luck = random.Random(services)  # noqa: S311
    documents = [_gateway(names[0], tags)]
    for number, name in enumerate(names):
        called = names[2 * number + 1 : 2 * number + 3]
        documents += [_service(name), _destination_rule(name, tags), _virtual_service(name, tags)]
        documents += [
            _deployment(name, tag, tags if tag == tags[0] else [tag], called)
            for tag in tags
            if tag == tags[0] or luck.random() < changed
        ]
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False)


def _resource(api: str, kind: str, name: str, spec: Document) -> Document:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _istio(kind: str, name: str, spec: Document) -> Document:
    return _resource("networking.istio.io/v1", kind, name, spec)


def _gateway(entry: str, tags: list[str]) -> Document:
    legs = [
        {
            "destination": {"host": entry, "subset": tag},
            "weight": 0 if number else 100,
            "headers": {"request": {"set": {"baggage": f"version={tag}"}}},
        }
        for number, tag in enumerate(tags)
    ]
    spec = {"hosts": ["*"], "gateways": ["ingress"], "http": [{"route": legs}]}
    return _istio("VirtualService", "ingress", spec)


def _virtual_service(name: str, tags: list[str]) -> Document:
    def rule(tag: str) -> Document:
        return {"route": [{"destination": {"host": name, "subset": tag}}]}

    rules = [
        {"match": [{"headers": {"baggage": {"regex": f".*version={tag}.*"}}}], **rule(tag)}
        for tag in tags[1:]
    ]
    return _istio("VirtualService", name, {"hosts": [name], "http": [*rules, rule(tags[0])]})


def _destination_rule(name: str, tags: list[str]) -> Document:
    def subset(tag: str) -> Document:
        """Return a subset of the lane's pods and, with lower priority, the baseline's."""
        priority = {"failoverPriority": [f"version={tag}"]}
        policy = {"loadBalancer": {"localityLbSetting": priority}, "outlierDetection": {}}
        return {"name": tag, "labels": {f"lane-{tag}": "member"}, "trafficPolicy": policy}

    return _istio("DestinationRule", name, {"host": name, "subsets": [subset(t) for t in tags]})


def _service(name: str) -> Document:
    port = {"name": "http", "port": 8000, "targetPort": 8000}
    return _resource("v1", "Service", name, {"selector": {"app": name}, "ports": [port]})


def _deployment(name: str, tag: str, lanes: list[str], called: list[str]) -> Document:
    labels = {"app": name, "version": tag}
    urls = ",".join(f"http://{other}:8000/" for other in called)
    env = {"app": name, "version": tag, "upstream_url": urls}
    container = {
        "name": name,
        "image": "traffic-lanes",
        "ports": [{"containerPort": 8000}],
        "env": [{"name": key, "value": value} for key, value in env.items()],
    }
    members = {f"lane-{lane}": "member" for lane in lanes}
    template = {"metadata": {"labels": labels | members}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return _resource("apps/v1", "Deployment", f"{name}-{tag}", spec)
