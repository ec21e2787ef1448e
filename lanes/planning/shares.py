"""The parts of a split: which pods answer at each, in what share, and what fails there."""

from collections.abc import Iterable, Iterator

from lanes.model import Abort, Endpoint, Pod, Route, Weighted


def shares_of(parts: Iterable[tuple[int, tuple[Endpoint, ...]]]) -> dict[str, float | None]:
    """The versions behind the parts of a split, and their shares; None: the rules do not tell."""
    split = [(weight, {endpoint.pod.version for endpoint in tier}) for weight, tier in parts]
    total = sum(weight for weight, _ in split) or 1
    found: dict[str, int | None] = {}
    for weight, versions in split:
        for version in versions:
            before = found.get(version, 0)
            mixed = len(versions) > 1 or before is None
            found[version] = None if mixed else (before or 0) + weight
    return {v: None if weight is None else weight / total for v, weight in found.items()}


def failing_of(
    rule: Route, parts: Iterable[tuple[Weighted, tuple[int, tuple[Endpoint, ...]]]]
) -> Iterator[Abort]:
    """What a fault answers, and then those parts of a split that have no pods."""
    left = 1.0
    if rule.abort:
        left -= rule.abort.share
        yield rule.abort
    weights: dict[int, int] = {200: 0}
    for weighted, (_, tier) in parts:
        status = 200 if tier else 503 if weighted.destination.tiers else rule.status
        weights[status] = weights.get(status, 0) + weighted.weight
    total = sum(weights.values()) or 1
    for status, weight in weights.items():
        if status != 200:
            yield Abort(status, left * weight / total)


def first_tier(weighted: Weighted) -> tuple[int, tuple[Endpoint, ...]]:
    """The first tier with endpoints, and its number."""
    tiers = enumerate(weighted.destination.tiers)
    return next(((number, tier) for number, tier in tiers if tier), (0, ()))


def first_pods(weighted: Weighted) -> tuple[Pod, ...]:
    """The pods that answer at a destination."""
    return tuple(endpoint.pod for endpoint in first_tier(weighted)[1])
