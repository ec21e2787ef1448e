"""CORS and delays of VirtualServices and HTTPRoutes, as Istio converts them.

https://github.com/istio/istio/blob/master/pilot/pkg/config/kube/gateway/conversion.go
"""

import re

from lanes.mesh.matching import StringMatch
from lanes.mesh.traffic import Cors, Delay, Filters
from lanes.reading import kinds
from lanes.reading.conditions import string_match

# Istio's expression for any origin.
_ANY_ORIGIN = StringMatch("regex", r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s?#]+$")


def filters_of(http: kinds.HttpRoute) -> Filters:
    """Return the filters of a VirtualService's rule."""
    delay = http.fault.delay if http.fault else None
    return Filters(
        _cors(http.cors_policy) if http.cors_policy else None, _delay(delay) if delay else None
    )


def api_filters(rule: kinds.http_route.Rule) -> Filters:
    """Return the filters of an HTTPRoute's rule."""
    cors = next((one.cors for one in rule.filters if one.cors), None)
    if cors is None:
        return Filters()
    return Filters(
        Cors(
            tuple(_origin(pattern) for pattern in cors.allow_origins if pattern),
            tuple(cors.allow_methods),
            tuple(cors.allow_headers),
            tuple(cors.expose_headers),
            cors.max_age or None,
            cors.allow_credentials,
            forwards=False,
        )
    )


def _cors(policy: kinds.CorsPolicy) -> Cors:
    exact = tuple(StringMatch("exact", origin) for origin in policy.allow_origin)
    origins = tuple(string_match(one) for one in policy.allow_origins if not one.matches_all)
    return Cors(
        origins or exact,
        tuple(policy.allow_methods),
        tuple(policy.allow_headers),
        tuple(policy.expose_headers),
        None if policy.max_age is None else int(policy.max_age),
        policy.allow_credentials,
        forwards=policy.unmatched_preflights != "IGNORE",
    )


def _delay(delay: kinds.Delay) -> Delay | None:
    percent = delay.percent if delay.percentage is None else delay.percentage.value
    if not (percent and delay.fixed_delay):
        return None
    return Delay(delay.fixed_delay, percent / 100)


def _origin(pattern: str) -> StringMatch:
    if pattern == "*":
        return _ANY_ORIGIN
    before, star, after = pattern.partition("*")
    if not star:
        return StringMatch("exact", pattern)
    if not after and before:
        return StringMatch("prefix", before)
    return StringMatch("regex", ".*".join(map(re.escape, pattern.split("*"))))
