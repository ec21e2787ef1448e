"""What is done to requests before a route leads them: CORS and faults, as in Istio's proxies.

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

# In the order of Istio's. They do nothing by themselves: each route says what.
_FILTERS = (typed(_CORS, f"{_CORS_TYPE}.Cors"), typed(_FAULT, _FAULT_TYPE))


def filters_for(virtual_hosts: Iterable[Json]) -> list[Json]:
    """The filters that routes of these virtual hosts have settings of."""
    routes = (route for host in virtual_hosts for route in host["routes"])
    used = {name for route in routes for name in route.get("typed_per_filter_config", ())}
    return [one for one in _FILTERS if one["name"] in used]


def filters_of(route: Route) -> Json:
    """A route's own settings of the filters; {}: none."""
    cors, delay, abort = route.filters.cors, route.filters.delay, route.abort
    fault: Json = {}
    if delay:
        fault["delay"] = {
            "fixed_delay": seconds(delay.seconds),
            "percentage": fraction(delay.share),
        }
    if abort:
        fault["abort"] = {"http_status": abort.status, "percentage": fraction(abort.share)}
    own: Json = {_CORS: _policy(cors)} if cors else {}
    if fault:
        own[_FAULT] = {"@type": TYPES + _FAULT_TYPE, **fault}
    return {"typed_per_filter_config": own} if own else {}


def _policy(cors: Cors) -> Json:
    listed = {
        "allow_methods": cors.methods,
        "allow_headers": cors.headers,
        "expose_headers": cors.exposed,
    }
    return {
        "@type": f"{TYPES}{_CORS_TYPE}.CorsPolicy",
        "allow_origin_string_match": [matcher(one) for one in cors.origins],
        **{name: ",".join(values) for name, values in listed.items() if values},
        **({} if cors.max_age is None else {"max_age": str(cors.max_age)}),
        "allow_credentials": cors.credentials,
        "forward_not_matching_preflights": cors.forwards,
    }
