"""HTTP filters that run before the router: CORS and faults, as in Istio's proxies.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/http_filters
"""

from collections.abc import Iterable

from lanes.envoy.parts import TYPES, Json, fraction, matcher, seconds, typed
from lanes.mesh.model import Route
from lanes.mesh.traffic import Cors

_CORS = "envoy.filters.http.cors"
_CORS_TYPE = "extensions.filters.http.cors.v3"
_FAULT = "envoy.filters.http.fault"
_FAULT_TYPE = "extensions.filters.http.fault.v3.HTTPFault"

# In Istio's order. Each route has its settings; without them, the filters do nothing.
_FILTERS = (typed(_CORS, f"{_CORS_TYPE}.Cors"), typed(_FAULT, _FAULT_TYPE))


def filters_for(virtual_hosts: Iterable[Json]) -> list[Json]:
    """Return the filters for which a route of these virtual hosts has settings."""
    routes = (route for host in virtual_hosts for route in host["routes"])
    used = {name for route in routes for name in route.get("typed_per_filter_config", ())}
    return [each for each in _FILTERS if each["name"] in used]


def filters_of(route: Route) -> Json:
    """Return a route's settings of the filters; {} without any."""
    cors, delay, abort = route.filters.cors, route.filters.delay, route.abort
    fault: Json = {}
    if delay:
        fault["delay"] = {
            "fixed_delay": seconds(delay.seconds),
            "percentage": fraction(delay.share),
        }
    if abort:
        fault["abort"] = {"http_status": abort.status, "percentage": fraction(abort.share)}
    settings: Json = {_CORS: _policy(cors)} if cors else {}
    if fault:
        settings[_FAULT] = {"@type": TYPES + _FAULT_TYPE, **fault}
    return {"typed_per_filter_config": settings} if settings else {}


def _policy(cors: Cors) -> Json:
    lists = {
        "allow_methods": cors.methods,
        "allow_headers": cors.headers,
        "expose_headers": cors.exposed,
    }
    return {
        "@type": f"{TYPES}{_CORS_TYPE}.CorsPolicy",
        "allow_origin_string_match": [matcher(origin) for origin in cors.origins],
        **{name: ",".join(values) for name, values in lists.items() if values},
        **({} if cors.max_age is None else {"max_age": str(cors.max_age)}),
        "allow_credentials": cors.credentials,
        "forward_not_matching_preflights": cors.forwards,
    }
