"""The `baggage` header as W3C defines it, and as OpenTelemetry's Python SDK reads it.

https://www.w3.org/TR/baggage/ encodes values alone. The SDK also decodes names, and reads a plus
as a space.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from urllib.parse import quote, unquote_plus

# Characters that a baggage value may hold as they are.
_PLAIN = "!#$&'()*-./:<=>?@[]^_`{|}~"


def members(header: str) -> dict[str, str]:
    """Return the decoded names and values. The last of equal names wins, as in OpenTelemetry."""
    found = {}
    for entry in header.split(","):
        name, equals, rest = entry.partition("=")
        if equals and name.strip():
            found[_decoded(name)] = _decoded(rest.partition(";")[0])
    return found


@lru_cache(maxsize=4096)
def with_member(header: str, name: str, value: str) -> str:
    """Return `header` with the member `name` first, and without others of that name."""
    entries = [entry.strip() for entry in header.split(",") if entry.strip()]
    kept = [entry for entry in entries if _decoded(entry.partition("=")[0]) != name]
    return ",".join([f"{name}={quote(value, safe=_PLAIN)}", *kept])


def propagates(env: Mapping[str, str], injected: Collection[str], *, sample: bool) -> bool | None:
    """Tell whether OpenTelemetry propagates the baggage that a process receives; None: not known.

    `env`: the process's variables. `injected`: the languages that the Operator instruments.
    `sample`: its image is the sample's, which instruments itself. By default, every SDK that the
    Operator injects propagates baggage, except Go's, which works from outside of the process.
    "sdk" injects settings and no code.

    https://opentelemetry.io/docs/languages/sdk-configuration/general/#otel_propagators
    """
    code = set(injected) - {"go", "sdk"}
    by_itself = sample and "upstream_url" in env
    if injected and not code and not by_itself:
        return None
    propagators = _listed(env.get("OTEL_PROPAGATORS", ""))
    off = _listed(env.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", ""))
    if (propagators and "baggage" not in propagators) or off & {"*", "flask", "requests"}:
        return False
    carried = propagators or code or by_itself
    return True if carried else None


def _listed(text: str) -> set[str]:
    return {item.strip() for item in text.split(",")} if text else set()


def _decoded(text: str) -> str:
    return unquote_plus(text).strip()
