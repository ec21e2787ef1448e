"""The files that `lanes init` writes: values with comments, and patches."""

import textwrap
from collections.abc import Iterable, Iterator

from lanes.adopting.gaps import Gap
from lanes.adopting.inventory import Inventory
from lanes.adopting.values import Values
from lanes.adopting.written import document
from lanes.printable import printable

_PROVIDER = "istio"


def provider_of(inventory: Inventory, chosen: str | None) -> str:
    """Return the mesh for the values: the `chosen` one, the manifests', or Istio."""
    return chosen or inventory.provider or _PROVIDER


def values_file(
    inventory: Inventory, values: Values, found: Iterable[Gap], *, given: bool, routing_only: bool
) -> str:
    """Return values as a file, with comments about gaps. `given`: the user chose the mesh."""
    head = [f"Values for the chart helm/traffic-lanes: lanes init, from {_sources(inventory)}"]
    if routing_only:
        head.append("The team's Services and Deployments stay; the chart makes the routes.")
    head.append("Plan it: helm template demo helm/traffic-lanes --values FILE | lanes plan -")
    comments = {
        "mesh": [] if inventory.provider or given else [_NO_MESH],
        "lanes": _about_lanes(inventory),
        "services": _about_left(inventory),
        "gateway": _about_gateway(inventory, values),
        "networkPolicy": [_CLOSED],
    }
    parts = [
        *_commented(head),
        document(values, {key: list(_commented(texts)) for key, texts in comments.items()}),
    ]
    if lacking := list(_lacking(found)):
        parts += [
            "",
            *_commented(["What the manifests lack; --patches FILE writes it as patches:"]),
        ]
        parts += _commented(lacking)
    return "\n".join(parts) + "\n"


def patches_file(found: Iterable[Gap]) -> str:
    """Return patches as one file, for the `patches` of a Kustomization."""
    return "---\n".join(gap.document for gap in found) or "# The manifests lack nothing.\n"


_NO_MESH = "The manifests name no mesh. The others: lanes init --provider asm, or gateway-api."
_CLOSED = (
    "With true, a service takes requests of its callers and the gateway alone. Complete the"
    " upstreams first, and check the services that stay as they are."
)


def _sources(inventory: Inventory) -> str:
    return " ".join(inventory.sources)


def _about_lanes(inventory: Inventory) -> list[str]:
    if len(inventory.lanes) > 1:
        return []
    return [
        f"To add a lane: weights: {{{inventory.baseline}: 100, next: 0}}, and next among the"
        " versions of a service."
    ]


def _about_left(inventory: Inventory) -> list[str]:
    reasons = [f"- {name}: {why}" for name, why in inventory.left.items()]
    return ["Left as they are:", *reasons] if reasons else []


def _about_gateway(inventory: Inventory, values: Values) -> list[str]:
    chosen, *others = inventory.entries
    sentences = []
    if others:
        sentences.append(
            f"The manifests do not say which service the gateway calls. Or: {', '.join(others)}."
            " For several, give each a path or a host: {shop: {}, api: {path: /api}}."
        )
    if inventory.unreached:
        sentences.append(
            f"No known call leads from {chosen} to {', '.join(inventory.unreached)}. Complete the"
            " upstreams, or run lanes init with --calls CALLER=SERVICE,SERVICE."
        )
    if "parentRefs" in values["gateway"]:
        sentences.append("parentRefs names your Gateway of the Kubernetes Gateway API.")
    return sentences


def _lacking(found: Iterable[Gap]) -> Iterator[str]:
    """Yield each sentence of the gaps, with the resources that it is about."""
    by_sentence: dict[str, list[str]] = {}
    for gap in found:
        by_sentence.setdefault(f"{gap.resource.kind}: {gap.sentence}", []).append(gap.resource.name)
    for sentence, names in by_sentence.items():
        yield f"- {sentence}: {', '.join(names)}"


def _commented(lines: Iterable[str]) -> Iterator[str]:
    for line in map(printable, lines):
        indent = "#   " if line.startswith("- ") else "# "
        yield from textwrap.wrap(
            line,
            100,
            initial_indent="# ",
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
