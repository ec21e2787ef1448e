"""A lane's rule whose requests another's rule takes first."""

from collections.abc import Iterator

from lanes.lint.facts import Facts
from lanes.lint.match import Match, matches_in, shortest, takes
from lanes.lint.rule import Found, Rule
from lanes.lint.value import Value


def check(facts: Facts) -> Iterator[Found]:
    for service in facts.virtual_services:
        before: list[tuple[Value, Match]] = []
        for rule in service.spec["http"]:
            own = list(matches_in(rule))
            for match in own:
                for other, earlier in before:
                    text = _caught(earlier, match)
                    if text and _leads(other) == _leads(rule):
                        break
                    if text:
                        name = other["name"].text or other.field.removeprefix("spec.")
                        yield (
                            service,
                            match.value,
                            f"rule {name} stands before this one and takes {text} as well, which"
                            " never gets here; put this rule first, or match whole values",
                        )
                        break
            before += [(rule, match) for match in own]


def _leads(rule: Value) -> list[int]:
    """What two rules share that do the same with a request, as far as lanes go."""
    fields = ("route", "redirect", "directResponse", "delegate", "rewrite", "headers")
    return [rule[name].digest for name in fields]


def _caught(earlier: Match, later: Match) -> str | None:
    """A header by which `earlier` takes what `later` is for."""
    if earlier.others or not earlier.headers or earlier.uri not in (None, later.uri):
        return None
    said = []
    for header, asked in earlier.headers.items():
        wanted = later.headers.get(header)
        text = shortest(wanted) if wanted else None
        if text is None or (asked is not None and not takes(asked, text)):
            return None
        said.append(f"{header}: {text}")
    return " and ".join(said)


RULE = Rule(
    code="TL012",
    name="caught-earlier",
    severity="error",
    text="""The first rule that matches takes the request. A prefix `v1` before an exact `v10`
takes both lanes; so does an expression that is too wide, or the same match twice.
Rules that lead to the very same destination are left alone.""",
    bad="""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [istio-system/web]
  http:
    - match: [{headers: {x-lane: {prefix: v1}}}]
      route: [{destination: {host: shop, subset: v1}}]
    - match: [{headers: {x-lane: {exact: v10}}}]
      route: [{destination: {host: shop, subset: v10}}]
    - route: [{destination: {host: shop, subset: v1}}]
""",
    mended=("{prefix: v1}", "{exact: v1}"),
    check=check,
)
