"""Example requests that may take a gateway's rule: products of the conditions of its rules.

A request takes a rule if it takes no rule before. It may therefore need another path, method or
header than the rule's own match says. If no example takes a rule, other requests still may.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from urllib.parse import urlencode

from lanes.mesh.examples import examples
from lanes.mesh.headers import AUTHORITY
from lanes.mesh.hostnames import covers
from lanes.mesh.matching import Match, StringMatch, holds
from lanes.mesh.model import Route
from lanes.planning.entry_rule import EntryRule

# The most examples for one rule; the most comparisons of examples with rules, some seconds.
_MOST, _MOST_COMPARISONS = 400, 2_000_000
_METHODS = (None, "POST", "HEAD", "PUT")
_PATHS = (None, "/", "/other")


@dataclass(frozen=True)
class RuleExamples:
    """Example values of all rules of a virtual host.

    `excluded`: headers that rules exclude. `most`: the most example requests for one rule.
    """

    excluded: tuple[tuple[str, str], ...]
    methods: tuple[str, ...]
    paths: tuple[str, ...]
    most: int


def rule_examples(routes: Iterable[Route]) -> RuleExamples:
    """Return example values of these rules."""
    matches = [match for route in routes for match in route.matches]
    without = [condition for match in matches for condition in match.without.items()]
    excluded = {name: values[0] for name, value in without if (values := examples(value))}
    methods = (value for m in matches if m.method for value in examples(m.method))
    paths = (value for m in matches if m.uri for value in examples(m.uri))
    return RuleExamples(
        tuple(sorted(excluded.items()))[:4],
        tuple(islice(dict.fromkeys(methods), 4)),
        tuple(islice(dict.fromkeys(paths), 8)),
        min(_MOST, 1 + _MOST_COMPARISONS // max(1, len(matches)) ** 2),
    )


def example_requests(
    match: Match, path: str, of_rules: RuleExamples, domain: str, host: str | None
) -> Iterator[EntryRule]:
    """Yield up to `of_rules.most` entry rules that meet `match`, the simplest first.

    `path` is the usual path, `domain` the virtual host's, `host` the usual host.
    """
    headers = {name: examples(value) for name, value in match.headers.items() if name != AUTHORITY}
    authority = match.headers.get(AUTHORITY)
    hosts = list(_hosts(authority, domain)) if authority else [host]
    methods = _values(match.method, "GET", (*_METHODS, *of_rules.methods))
    plain, _, _ = path.partition("?")
    paths = _values(match.uri, plain, (p for p in (*_PATHS, *of_rules.paths) if p != plain))
    excluded = of_rules.excluded
    more = [dict(excluded[:end]) for end in range(len(excluded) + 1)]
    more += [{name: value} for name, value in excluded[1:]]
    extras = [extra for extra in more if not _excludes(match, extra)]
    sent = [dict(zip(headers, values, strict=True)) for values in product(*headers.values())]
    query = urlencode({n: next(iter(examples(one)), "") for n, one in match.query.items()})
    every = product(sent, hosts, paths, methods, extras)
    for required, named_host, uri, method, extra in islice(every, of_rules.most):
        target = f"{uri or plain}?{query}" if match.query else uri
        yield EntryRule({**extra, **required}, named_host, target, method)


def _values(
    condition: StringMatch | None, usual: str, others: Iterable[str | None]
) -> list[str | None]:
    """Return example values of a method or a path; None: the usual value."""
    if condition is None:
        return list(dict.fromkeys(others))
    first: list[str | None] = [None] if holds(condition, usual) else []
    return [*first, *examples(condition), *(o for o in others if o and holds(condition, o))]


def _hosts(condition: StringMatch, domain: str) -> Iterator[str]:
    """Yield hosts that meet a condition on the authority, and that `domain` covers."""
    tail = domain.removeprefix("*").removeprefix(".")
    for value in examples(condition):
        for host in (value, f"{value}{tail}", f"{value}.{tail}"):
            if covers(domain, host.lower()) and holds(condition, host):
                yield host


def _excludes(match: Match, headers: Mapping[str, str]) -> bool:
    return any(holds(condition, headers.get(name)) for name, condition in match.without.items())
