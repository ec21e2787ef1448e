"""Combinations of Istio's own samples that route HTTP, from the folder of `scripts/istiod.py`.

A combination is the files that a reader of Istio's pages applies. Of two resources with the same
name, the later applies.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from tests.istio.kube_api import Document

Combinations = dict[str, list[Path]]

# The calls of the samples' code, which no manifest has.
CALLS = {"productpage": ("details", "reviews"), "reviews": ("ratings",)}

# The further pods that a route of bookinfo needs.
_MORE = {
    "virtual-service-ratings-mysql": ["bookinfo-ratings-v2-mysql.yaml", "bookinfo-mysql.yaml"],
    "virtual-service-ratings-mysql-vm": ["bookinfo-ratings-v2-mysql-vm.yaml"],
    "virtual-service-ratings-db": ["bookinfo-ratings-v2.yaml", "bookinfo-db.yaml"],
    "virtual-service-details-v2": ["bookinfo-details-v2.yaml"],
}


def combinations(samples: Path) -> Combinations:
    """Return every combination by name."""
    return {**_bookinfo(samples / "bookinfo"), **_others(samples)}


def _bookinfo(bookinfo: Path) -> Combinations:
    kube, net, api = (bookinfo / f for f in ("platform/kube", "networking", "gateway-api"))
    combined: Combinations = {}
    for pods in ("bookinfo", "bookinfo-dualstack", "bookinfo-psa"):
        rules = net / "destination-rule-all.yaml"
        combined[pods] = [kube / f"{pods}.yaml", rules, net / "bookinfo-gateway.yaml"]
    for file in sorted(net.glob("*.yaml")):
        if file.name == "bookinfo-gateway.yaml" or "kind: VirtualService" not in file.read_text():
            continue
        more = [kube / name for name in _MORE.get(file.stem, ())]
        for tls in ("", "-mtls"):
            rules = net / f"destination-rule-all{tls}.yaml"
            files = [kube / "bookinfo.yaml", rules, net / "bookinfo-gateway.yaml", file, *more]
            combined[f"{file.stem}{tls}"] = files
    for file in sorted(api.glob("*.yaml")):
        pods_and_versions = [kube / "bookinfo.yaml", kube / "bookinfo-versions.yaml"]
        gateway = [api / "bookinfo-gateway.yaml"]
        combined[f"api-{file.stem}"] = [*pods_and_versions, *gateway, file]
    return combined


def _others(samples: Path) -> Combinations:
    hello, bin_ = samples / "helloworld", samples / "httpbin"
    api = hello / "gateway-api"
    at_api = [hello / "helloworld.yaml", api / "helloworld-gateway.yaml"]
    return {
        "helloworld": [hello / "helloworld.yaml", hello / "helloworld-gateway.yaml"],
        "helloworld-dual": [
            hello / "helloworld-dual-stack.yaml",
            hello / "helloworld-gateway.yaml",
        ],
        "api-helloworld": at_api,
        "api-helloworld-split": [
            *at_api,
            *(api / f"helloworld-{part}.yaml" for part in ("versions", "route")),
        ],
        "httpbin": [bin_ / "httpbin.yaml", bin_ / "httpbin-gateway.yaml"],
        "httpbin-nodeport": [bin_ / "httpbin-nodeport.yaml", bin_ / "httpbin-gateway.yaml"],
        "api-httpbin": [bin_ / "httpbin.yaml", bin_ / "gateway-api" / "httpbin-gateway.yaml"],
        "websockets": sorted((samples / "websockets").glob("*.yaml")),
    }


def documents(files: Iterable[Path], namespace: str) -> list[Document]:
    """Return the files' objects in a cluster, with a separate namespace and gateways."""
    applied: dict[tuple[str, str, str], Document] = {}
    for document in _read(files):
        metadata = document["metadata"]
        metadata["namespace"] = (
            f"{namespace}-system" if metadata.get("namespace") == "istio-system" else namespace
        )
        if "selector" in document["spec"] and document["kind"] == "Gateway":
            document["spec"]["selector"] = {"istio": namespace}
        key = (document["apiVersion"], document["kind"], metadata["name"])
        applied[key] = document
    return list(applied.values())


def _read(files: Iterable[Path]) -> Iterator[Document]:
    for file in files:
        for document in yaml.safe_load_all(file.read_text()):
            if document and "spec" in document and document["kind"] != "Namespace":
                yield document
