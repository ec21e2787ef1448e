"""The fuzzer's sets, each made from its seed and number alone."""

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from lanes.reading import kinds
from tests import kube
from tests.fuzz.changes import changed, spoiled
from tests.fuzz.shapes import shaped
from tests.kube import Document

Corpus = Sequence[Sequence[Document]]
_MOST_SERVICES = 12


def fuzzed_set(corpus: Corpus, seed: int, number: int) -> str:
    """Return the text of one set."""
    random = Random(f"{seed}/{number}")
    if random.random() < 0.4:
        documents: list[Any] = shaped(random)
        documents = changed(documents, random) if random.random() < 0.5 else documents
    else:
        files = random.choices(corpus, k=random.choice((1, 1, 1, 2, 3)))
        documents = [document for file in files for document in file]
        if random.random() < 0.7:
            documents = _completed(documents, random)
        documents = changed(documents, random) if random.random() < 0.7 else documents
    text = "---\n".join(_text(document, random) for document in documents)
    return spoiled(text, random) if random.random() < 0.1 else text


def _text(document: Any, random: Random) -> str:
    indent = random.choice((None, 2))
    return json.dumps(document, indent=indent, default=str, ensure_ascii=False) + "\n"


def _completed(documents: list[Document], random: Random) -> list[Document]:
    """Return the set without kinds that stop every plan, and with pods for its routes."""
    known = [
        d
        for d in documents
        if not kinds.may_route(kinds.group_of(d), str(d["kind"]))
        or (kinds.group_of(d), d["kind"]) in kinds.KNOWN
    ]
    names = list(dict.fromkeys(_destinations(known))) or ["a"]
    if random.random() < 0.7:
        entry = kube.virtual_service(
            "fuzz.example", kube.rule(kube.to(names[0])), gateways=["fuzz"]
        )
        known += [kube.gateway(name="fuzz"), entry]
    for name in random.sample(names, min(len(names), _MOST_SERVICES)):
        short, _, rest = name.partition(".")
        namespace = rest.partition(".")[0] or "default"
        ports = [{"port": port, "name": f"http-{port}"} for port in (80, 8000, 8080, 9080)]
        service = kube.service(short, namespace=namespace)
        known += [
            kube.put(service, "spec.ports", ports),
            *(kube.deployment(short, v, namespace=namespace) for v in ("v1", "v2")),
        ]
    return known


def _destinations(value: Any, within: str = "") -> Iterator[str]:
    """Yield the hosts and backends that routes name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            named = key == "host" or (key == "name" and within == "backendRefs")
            if named and isinstance(inner, str) and inner and "*" not in inner:
                yield inner
            yield from _destinations(inner, key)
    elif isinstance(value, list):
        for item in value:
            yield from _destinations(item, within)
