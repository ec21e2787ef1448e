"""Write docs/lint.md from the rules of `lanes lint`: their texts, and their examples as diffs.

usage: python -m scripts.lint_page
"""

import difflib
import textwrap
from collections.abc import Iterator
from pathlib import Path

from lanes.lint.rule import Rule
from lanes.lint.rules import RULES

PAGE = Path(__file__).parent.parent / "docs" / "lint.md"

HEAD = """\
# Lint rules

This page lists what `lanes lint` finds in manifests, and how to fix it.

```console
$ lanes lint mine/                        # directories or files, or - for standard input
$ helm template mine | lanes lint -
$ lanes lint --format sarif mine/ > lint.sarif
```

`lanes lint` reads any manifests, also those that `lanes plan` does not support. Each finding says
where it is, what will happen, and how to fix it. Lint all manifests of a cluster together. Lint
alternatives, such as two environments, separately.

- An **error** misroutes or fails some requests. The exit code is 1.
- A **warning** may do so. The exit code stays 0.
- **What cannot be read** is reported on standard error, and the exit code is 2. The rest is linted
  nevertheless. This includes resources that the API would reject: a number as a label
  (`version: 1.0`), a weight of 33.3, a regular expression that is not RE2, a Deployment without a
  template, or a misspelled field (`htttp`). Other unknown fields are ignored.

`--namespace shop` is the namespace of resources that name none, as for `kubectl -n`. Without it,
they may be in any namespace, and no error depends on it. `--ignore TL003` leaves a rule out, and
may be repeated. `--format json` is for programs, `sarif` for code review.

`make manifests` generates this page from `lanes/lint/rules/`: one file for each rule, with its
text, an example that has a finding, and the fix. The examples are the rule's tests.
"""

ANALYZERS = """
## Beside `istioctl analyze`

What Istio's own analyzers find in manifests alone, tried on their test data. `lanes lint` is about
lanes. What fails in other ways is left to `istioctl`.

| Istio's message | here | |
|---|---|---|
| ConflictingMeshGatewayVirtualServiceHosts | TL020 | `exportTo` counts. A VirtualService that is \
exported by name precedes one that is exported to all, so these two are no finding. |
| VirtualServiceUnreachableRule | TL014, TL012 | HTTP rules, not those of `tcp` and `tls`. |
| VirtualServiceIneffectiveMatch | TL014, TL012 | Where the other rule leads elsewhere. |
| VirtualServiceHostNotFoundInGateway | TL032 | |
| ReferencedResourceNotFound: gateway | TL018, TL019 | |
| ReferencedResourceNotFound: host | TL028, TL041 | Where the name is nearly that of a Service, or \
most of its namespace is here. A part of a cluster is linted too. |
| ReferencedResourceNotFound: subset | TL015, TL041 | |
| VirtualServiceDestinationPortSelectorRequired | TL038 | Where requests come at a port that the \
Service lacks. Otherwise Istio uses that port. |
| JwtClaimBasedRoutingWithoutRequestAuthN | TL044 | |
| PortNameIsNotUnderNamingConvention | TL003, TL002 | For Services with rules. |
| NamespaceNotInjected, PodMissingProxy | TL005 | For Services with rules. |
| Deprecated | TL013 | What is gone, not what will be. |
| UnknownAnnotation, MisplacedAnnotation | TL045 | Those of the OpenTelemetry Operator. |
| ConflictingGateways, GatewayPortNotDefinedOnService, InvalidGatewayCredential | no | They are \
about the Service and the certificates of a gateway. |
| ConflictingSidecarWorkloadSelectors, MultipleSidecarsWithoutWorkloadSelectors | no | |
| NoServerCertificateVerification… | no | It is about security, not routing. |
"""


def page() -> str:
    """Return the whole page."""
    rows = (f"| [{r.code}](#{_anchor(r)}) | {r.severity} | {r.title} |" for r in RULES)
    table = "\n".join(("| rule | | |", "|---|---|---|", *rows))
    return "\n".join((HEAD, table, *map(_section, RULES), ANALYZERS.rstrip()))


def _anchor(rule: Rule) -> str:
    return f"{rule.code}-{rule.name}".lower()


def _section(rule: Rule) -> str:
    return (
        f"\n## {rule.code} {rule.name}\n\n{rule.title} *{rule.severity.title()}.*\n\n"
        f"{textwrap.fill(rule.text, 100)}\n\n```diff\n{chr(10).join(_diff(rule))}\n```"
    )


def _diff(rule: Rule) -> Iterator[str]:
    """Yield the lines of a diff of the whole example and its fix."""
    bad, good = rule.bad.strip().splitlines(), rule.good.strip().splitlines()
    lines = difflib.unified_diff(bad, good, lineterm="", n=len(bad))
    yield from (line.rstrip() for number, line in enumerate(lines) if number > 2)


if __name__ == "__main__":
    PAGE.write_text(page() + "\n", encoding="utf-8")
