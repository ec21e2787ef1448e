"""Example requests that may meet a gateway's rule, by the product of what its rules ask for.

A rule is met where none before it is, so a request may need another path, method or header than the
rule's own match says. Of what is not found nobody knows that no request gets there.
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

# For one rule; and for all of a host, each held against all: some seconds.
_MOST, _MOST_IN_ALL = 400, 2_000_000
_METHODS = (None, "POST", "HEAD", "PUT")
_PATHS = (None, "/", "/other")

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Named:
    """What rules ask for besides their headers: headers that must be absent, methods and paths."""

    absent: tuple[tuple[str, str], ...]
    methods: tuple[str, ...]
    paths: tuple[str, ...]
    most: int  # how many examples there are for each rule


def named_by(routes: Iterable[Route]) -> Named:
    """Return what rules name, by example."""
    matches = [match for route in routes for match in route.matches]
    without = [one for match in matches for one in match.without.items()]
    absent = {name: values[0] for name, asked in without if (values := examples(asked))}
    methods = (value for m in matches if m.method for value in examples(m.method))
    paths = (value for m in matches if m.uri for value in examples(m.uri))
    return Named(
        tuple(sorted(absent.items()))[:4],
        tuple(islice(dict.fromkeys(methods), 4)),
        tuple(islice(dict.fromkeys(paths), 8)),
        min(_MOST, 1 + _MOST_IN_ALL // max(1, len(matches)) ** 2),
    )


def example_requests(
    match: Match, path: str, named: Named, domain: str, host: str | None
) -> Iterator[EntryRule]:
    """Yield entry rules that `match` takes, the simplest first, as many as `named` allows.

    Every request asks for `path`. `domain` is that of the virtual host, `host` what a request names
    where the match asks for none.
    """
    headers = {name: examples(asked) for name, asked in match.headers.items() if name != AUTHORITY}
    asked = match.headers.get(AUTHORITY)
    hosts = list(_hosts(asked, domain)) if asked else [host]
    methods = _values(match.method, "GET", (*_METHODS, *named.methods))
    plain, _, _ = path.partition("?")
    others = (one for one in (*_PATHS, *named.paths) if one != plain)
    paths = _values(match.uri, plain, others)
    more = [dict(named.absent[:end]) for end in range(len(named.absent) + 1)]
    more += [{name: value} for name, value in named.absent[1:]]
    extras = [one for one in more if not _excluded(match, one)]
    own = [dict(zip(headers, values, strict=True)) for values in product(*headers.values())]
    every = product(own, hosts, paths, methods, extras)
    for sent, named_host, taken, method, extra in islice(every, named.most):
        uri = taken
        if match.query:
            values = {n: next(iter(examples(one)), "") for n, one in match.query.items()}
            uri = f"{taken or plain}?{urlencode(values)}"
        yield EntryRule({**extra, **sent}, named_host, uri, method)


def _values(
    asked: StringMatch | None, usual: str, others: Iterable[str | None]
) -> list[str | None]:
    """Return what to try for a method or a path; None: the usual one."""
    if asked is None:
        return list(dict.fromkeys(others))
    found: list[str | None] = [None] if holds(asked, usual) else []
    return [*found, *examples(asked), *(o for o in others if o and holds(asked, o))]


def _hosts(asked: StringMatch, domain: str) -> Iterator[str]:
    """Yield hosts that a match of the authority takes, and that fall under a domain."""
    tail = domain.removeprefix("*").removeprefix(".")
    for value in examples(asked):
        longer = (f"{value}{end}" for end in ("", tail, f".{tail}"))
        yield from (one for one in longer if covers(domain, one.lower()) and holds(asked, one))


def _excluded(match: Match, headers: Headers) -> bool:
    return any(holds(asked, headers.get(name)) for name, asked in match.without.items())
