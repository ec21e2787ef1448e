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


def made(corpus: Corpus, seed: int, number: int) -> str:
    """Return the text of one set."""
    random = Random(f"{seed}/{number}")
    if random.random() < 0.4:
        documents: list[Any] = shaped(random)
        documents = changed(documents, random) if random.random() < 0.5 else documents
    else:
        taken = random.choices(corpus, k=random.choice((1, 1, 1, 2, 3)))
        documents = [one for file in taken for one in file]
        if random.random() < 0.7:
            documents = _completed(documents, random)
        documents = changed(documents, random) if random.random() < 0.7 else documents
    text = "---\n".join(_text(one, random) for one in documents)
    return spoiled(text, random) if random.random() < 0.1 else text


def _text(document: Any, random: Random) -> str:
    indent = random.choice((None, 2))
    return json.dumps(document, indent=indent, default=str, ensure_ascii=False) + "\n"


def _completed(documents: list[Document], random: Random) -> list[Document]:
    """Return the set without kinds that stop every plan, and with pods for its routes."""
    known = [
        one
        for one in documents
        if not kinds.may_route(kinds.group_of(one), str(one["kind"]))
        or (kinds.group_of(one), one["kind"]) in kinds.KNOWN
    ]
    names = list(dict.fromkeys(_led_to(known))) or ["a"]
    if random.random() < 0.7:
        way = kube.virtual_service("fuzz.example", kube.rule(kube.to(names[0])), gateways=["fuzz"])
        known += [kube.gateway(name="fuzz"), way]
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


def _led_to(value: Any, within: str = "") -> Iterator[str]:
    """Yield the names of Services that routes lead to."""
    if isinstance(value, dict):
        for key, inner in value.items():
            named = key == "host" or (key == "name" and within == "backendRefs")
            if named and isinstance(inner, str) and inner and "*" not in inner:
                yield inner
            yield from _led_to(inner, key)
    elif isinstance(value, list):
        for item in value:
            yield from _led_to(item, within)
