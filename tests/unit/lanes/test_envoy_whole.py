"""Parts of Envoy's configuration, each compared as a whole: no field is missing or superfluous.

`test_envoy.py` compares the configuration with the plan.
"""

from typing import Any

import pytest

from lanes.envoy import bootstrap
from lanes.envoy.tracing import Collector
from lanes.errors import LanesError
from tests.kube import (
    Document,
    backend,
    deployment,
    destination_rule,
    foreign,
    gateway,
    header_propagation,
    http_route,
    route_rule,
    rule,
    service,
    service_entry,
    takes,
    to,
    to_service,
    virtual_service,
    without,
)
from tests.unit.lanes.reading import ADMIN, Json, addresses_of, mesh_of

TYPE = "type.googleapis.com/envoy."
NAME = "outbound|8000||a.default.svc.cluster.local"
PODS = [service("a"), deployment("a")]


def config(
    *documents: Document,
    propagated: tuple[str, ...] = (),
    collected: str = "",
    commands: tuple[str, ...] = (),
) -> Json:
    """Return the resources of Envoy's bootstrap for these manifests."""
    mesh = mesh_of(*documents, commands=commands)
    collector = Collector.of(collected) if collected else None
    configuration = bootstrap(mesh, addresses_of(mesh), 8080, ADMIN, {}, collector, propagated)
    resources: Json = configuration["static_resources"]
    return resources


def cluster(*documents: Document, **options: Any) -> Json:
    """Return the cluster of the Service a."""
    (only,) = [c for c in config(*documents, **options)["clusters"] if c["name"] == NAME]
    return dict(only)


def routes(*rules: Document) -> list[Json]:
    """Return Envoy's routes for these rules of a VirtualService for a."""
    return routes_of(virtual_service("a", *rules))


def routes_of(document: Document) -> list[Json]:
    """Return Envoy's routes to a for this VirtualService or HTTPRoute."""
    (listener,) = config(*PODS, document)["listeners"][1:]
    routes: list[Json] = manager(listener)["route_config"]["virtual_hosts"][0]["routes"]
    return routes


def manager(listener: Json) -> Json:
    """Return the HTTP connection manager of a listener."""
    (chain,) = listener["filter_chains"]
    (network_filter,) = chain["filters"]
    configuration: Json = network_filter["typed_config"]
    return configuration


# Matches


def matcher(name: str, how: Json) -> Json:
    return {"name": name, "string_match": how}


def regex(text: str) -> Json:
    return {"safe_regex": {"regex": text}}


MISSING_IS_EMPTY = {"invert_match": True, "treat_missing_header_as_empty": True}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"uri": {"exact": "/a"}}, {"path": "/a"}),
        ({"uri": {"prefix": "/a"}}, {"prefix": "/a"}),
        ({"uri": {"regex": "/a|/b"}}, regex("/a|/b")),
        ({"uri": {"exact": "/A"}, "ignoreUriCase": True}, {"path": "/A", "case_sensitive": False}),
        (
            {"uri": {"prefix": "/A"}, "ignoreUriCase": True},
            {"prefix": "/A", "case_sensitive": False},
        ),
        ({"uri": {"regex": "/A"}, "ignoreUriCase": True}, regex("/A")),
        ({"uri": {"exact": "/A"}, "ignoreUriCase": False}, {"path": "/A"}),
        (
            {"headers": {"X-A": {"exact": "1"}, "x-b": {"prefix": "2"}, "x-c": {"regex": "3"}}},
            {
                "prefix": "/",
                "headers": [
                    matcher("x-a", {"exact": "1"}),
                    matcher("x-b", {"prefix": "2"}),
                    matcher("x-c", regex("3")),
                ],
            },
        ),
        (
            {"headers": {"x": {}}},
            {"prefix": "/", "headers": [{"name": "x", "present_match": True}]},
        ),
        (
            {"headers": {"x": {"regex": "*"}}},
            {"prefix": "/", "headers": [{"name": "x", "present_match": True}]},
        ),
        (
            {"withoutHeaders": {"X-A": {"exact": "1"}}},
            {"prefix": "/", "headers": [matcher("x-a", {"exact": "1"}) | MISSING_IS_EMPTY]},
        ),
        (
            {"withoutHeaders": {"x": {"prefix": "1"}}},
            {"prefix": "/", "headers": [matcher("x", {"prefix": "1"}) | MISSING_IS_EMPTY]},
        ),
        (
            {"withoutHeaders": {"x": {"regex": "1"}}},
            {"prefix": "/", "headers": [matcher("x", regex("1")) | MISSING_IS_EMPTY]},
        ),
        (
            {"withoutHeaders": {"x": {}}},
            {
                "prefix": "/",
                "headers": [{"name": "x", "present_match": True, "invert_match": True}],
            },
        ),
        (
            {"method": {"exact": "PUT"}, "headers": {"x": {"exact": "1"}}, "uri": {"exact": "/a"}},
            {
                "path": "/a",
                "headers": [matcher("x", {"exact": "1"}), matcher(":method", {"exact": "PUT"})],
            },
        ),
        (
            {"queryParams": {"q": {"exact": "1"}, "Q": {"prefix": "2"}, "r": {}}},
            {
                "prefix": "/",
                "query_parameters": [
                    matcher("q", {"exact": "1"}),
                    matcher("Q", {"prefix": "2"}),
                    {"name": "r", "present_match": True},
                ],
            },
        ),
    ],
)
def test_matches(fields: Document, expected: Json) -> None:
    assert routes(rule(to("a"), match=[fields]))[0]["match"] == expected


# Routes


def typed(name: str, kind: str, **fields: object) -> Json:
    return {"name": name, "typed_config": {"@type": TYPE + kind, **fields}}


RETRIES = {
    "retry_host_predicate": [
        typed(
            "envoy.retry_host_predicates.previous_hosts",
            "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        )
    ],
    "host_selection_retry_max_attempts": 20,
    "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
}
NEXT_TIER: Json = {
    "retry_priority": typed(
        "envoy.retry_priorities.previous_priorities",
        "extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
        update_frequency=2,
    )
}
DEFAULT_RETRIES = {
    "retry_on": "connect-failure,refused-stream,reset",
    "retriable_request_headers": [matcher(":method", regex("GET|HEAD"))],
}


@pytest.mark.parametrize(
    ("retries", "policy"),
    [
        (None, {**NEXT_TIER, **DEFAULT_RETRIES, "num_retries": 4}),
        ({}, {**DEFAULT_RETRIES, "num_retries": 2}),
        ({"attempts": 0, "retryRemoteLocalities": False}, {**DEFAULT_RETRIES, "num_retries": 0}),
        (
            {"attempts": 1, "retryRemoteLocalities": True},
            {**NEXT_TIER, **DEFAULT_RETRIES, "num_retries": 1},
        ),
        (
            {"perTryTimeout": "1.5s"},
            {**DEFAULT_RETRIES, "num_retries": 2, "per_try_timeout": "1.5s"},
        ),
        (
            {"backoff": "1.5s"},
            {**DEFAULT_RETRIES, "num_retries": 2, "retry_back_off": {"base_interval": "1.5s"}},
        ),
        (
            {"backoff": "100us"},
            {**DEFAULT_RETRIES, "num_retries": 2, "retry_back_off": {"base_interval": "0.001s"}},
        ),
        (
            {"retryIgnorePreviousHosts": False},
            {**DEFAULT_RETRIES, "num_retries": 2, "retry_host_predicate": None},
        ),
        (
            {"retryOn": "5xx, reset"},
            {"retry_on": "5xx,reset", "retriable_status_codes": [], "num_retries": 2},
        ),
        (
            {"retryOn": "503,reset, 409"},
            {
                "retry_on": "reset,retriable-status-codes",
                "retriable_status_codes": [503, 409],
                "num_retries": 2,
            },
        ),
    ],
)
def test_retries(retries: Document | None, policy: Json) -> None:
    fields = {} if retries is None else {"retries": retries}
    (route,) = routes(rule(to("a")) | fields)
    expected = {name: value for name, value in (RETRIES | policy).items() if value is not None}
    assert route["route"]["retry_policy"] == expected


def to_clusters(*clusters: Json, timeout: str = "0s") -> Json:
    """Return the action of a route that splits between clusters."""
    return {
        "timeout": timeout,
        "retry_policy": RETRIES | NEXT_TIER | DEFAULT_RETRIES | {"num_retries": 4},
        "cluster_not_found_response_code": "INTERNAL_SERVER_ERROR",
        "weighted_clusters": {"clusters": list(clusters)},
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (rule(to("a")), {"route": to_clusters({"name": NAME, "weight": 100})}),
        (rule(to("a", weight=3)), {"route": to_clusters({"name": NAME, "weight": 100})}),
        (
            rule(to("a", weight=3), to("a", "v9", weight=1), timeout="1500ms"),
            {
                "route": to_clusters(
                    {"name": NAME, "weight": 3},
                    {"name": NAME.replace("||", "|v9|"), "weight": 1},
                    timeout="1.5s",
                )
            },
        ),
        (
            {"redirect": {"uri": "/b"}},
            {"redirect": {"path_redirect": "/b", "response_code": "MOVED_PERMANENTLY"}},
        ),
        (
            {
                "redirect": {
                    "authority": "b.org",
                    "scheme": "https",
                    "port": 443,
                    "redirectCode": 307,
                }
            },
            {
                "redirect": {
                    "host_redirect": "b.org",
                    "scheme_redirect": "https",
                    "response_code": "TEMPORARY_REDIRECT",
                }
            },
        ),
        (
            {"redirect": {"port": 8443, "redirectCode": 302}},
            {"redirect": {"port_redirect": 8443, "response_code": "FOUND"}},
        ),
        ({"redirect": {"redirectCode": 304}}, 304),
        ({"directResponse": {"status": 418}}, 418),
        (
            {"directResponse": {"status": 418, "body": {"string": "teapot"}}},
            {"direct_response": {"status": 418, "body": {"inline_string": "teapot"}}},
        ),
        (rule(to("a"), fault={"abort": {"httpStatus": 555, "percentage": {"value": 100}}}), 555),
    ],
)
def test_actions_of_a_rule(fields: Document, expected: Json | int) -> None:
    (route,) = routes(fields)
    if isinstance(expected, int):
        body = "the rule answers by itself: it has no backend, or needs none\n"
        expected = {"direct_response": {"status": expected, "body": {"inline_string": body}}}
    assert route == {"match": {"prefix": "/"}, **expected}


def redirect(path: Document | None = None, **fields: object) -> Document:
    """Return a filter of an HTTPRoute that redirects."""
    changes = {"path": path, **fields} if path else fields
    return {"type": "RequestRedirect", "requestRedirect": changes}


FULL_PATH = {"type": "ReplaceFullPath", "replaceFullPath": "/b"}
NEW_PREFIX = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/b"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (redirect(FULL_PATH), {"path_redirect": "/b", "response_code": "FOUND"}),
        (redirect(NEW_PREFIX), {"prefix_rewrite": "/b", "response_code": "FOUND"}),
        (
            redirect(hostname="b.org", statusCode=308),
            {"host_redirect": "b.org", "response_code": "PERMANENT_REDIRECT"},
        ),
        (redirect(port=80, statusCode=303), {"response_code": "SEE_OTHER"}),
        (
            redirect(scheme="https", port=80),
            {"scheme_redirect": "https", "port_redirect": 80, "response_code": "FOUND"},
        ),
    ],
)
def test_redirects_of_an_http_route(fields: Document, expected: Json) -> None:
    (route,) = routes_of(http_route("a", to_service("a"), route_rule(filters=[fields])))
    assert route == {"match": {"prefix": "/"}, "redirect": expected}


def substitution(pattern: str, replacement: str) -> Json:
    return {"regex_rewrite": {"pattern": {"regex": pattern}, "substitution": replacement}}


HOST: Json = {"host_rewrite_literal": "b.org"}


def rewrites_of(route: Json) -> Json:
    """Return the fields of a route that rewrite requests."""
    return {name: value for name, value in route["route"].items() if "rewrite" in name}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"authority": "b.org"}, HOST),
        ({"uri": "/b"}, {"prefix_rewrite": "/b"}),
        ({"uri": "/b", "authority": "b.org"}, {**HOST, "prefix_rewrite": "/b"}),
        (
            {"uriRegexRewrite": {"match": "/(.)", "rewrite": r"/\1/b"}, "authority": "b.org"},
            HOST | substitution("/(.)", r"/\1/b"),
        ),
    ],
)
def test_rewrites(fields: Document, expected: Json) -> None:
    (route,) = routes(rule(to("a"), rewrite=fields))
    assert rewrites_of(route) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"hostname": "b.org"}, HOST),
        ({"hostname": "b.org", "path": FULL_PATH}, HOST | substitution("/.*", "/b")),
        ({"hostname": "b.org", "path": NEW_PREFIX}, {**HOST, "prefix_rewrite": "/b"}),
        ({"path": {**NEW_PREFIX, "replacePrefixMatch": "/b/"}}, {"prefix_rewrite": "/b"}),
        (
            {"path": {**NEW_PREFIX, "replacePrefixMatch": "/"}, "hostname": "b.org"},
            HOST | substitution(r"^/a\.b(/?)(.*)", r"/\2"),
        ),
    ],
)
def test_rewrites_of_an_http_route(fields: Document, expected: Json) -> None:
    filters = [{"type": "URLRewrite", "urlRewrite": fields}]
    rewriting = route_rule(backend("a"), matches=[takes("/a.b")], filters=filters)
    (route,) = routes_of(http_route("a", to_service("a"), rewriting))
    assert rewrites_of(route) == expected


def mirror_policy(share: int, name: str = "b.default") -> Json:
    """Return Envoy's mirror to a Service; `share` is in millionths."""
    return {
        "cluster": NAME.replace("||a.default", f"||{name}"),
        "runtime_fraction": {"default_value": {"numerator": share, "denominator": "MILLION"}},
        "trace_sampled": False,
        "disable_shadow_host_suffix_append": True,
    }


B: Document = {"host": "b"}
C: Document = {"host": "c"}
AT_B: Document = {"name": "b", "port": 8000}
TWO = [service("b"), deployment("b"), service("c"), deployment("c")]


def mirrored(document: Document) -> list[Json]:
    """Return the mirrors of the first route. Each has a cluster if its Service exists."""
    resources = config(*PODS, *TWO, document)
    (route, *_) = manager(resources["listeners"][1])["route_config"]["virtual_hosts"][0]["routes"]
    mirrors: list[Json] = route["route"].get("request_mirror_policies", [])
    clusters = {cluster["name"] for cluster in resources["clusters"]}
    assert {mirror["cluster"] for mirror in mirrors} - clusters <= {
        mirror_policy(0, "b.other")["cluster"]
    }
    return mirrors


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"mirror": B}, [mirror_policy(1_000_000)]),
        ({"mirror": B, "mirrorPercent": 25}, [mirror_policy(250_000)]),
        (
            {"mirror": B, "mirrorPercent": 25, "mirrorPercentage": {"value": 0.5}},
            [mirror_policy(5_000)],
        ),
        ({"mirror": B, "mirrorPercent": 0}, []),
        ({"mirror": B, "mirrorPercentage": {"value": 0}}, []),
        ({"mirrors": [{"destination": B}]}, [mirror_policy(1_000_000)]),
        (
            {
                "mirrors": [
                    {"destination": B, "percentage": {"value": 0}},
                    {"destination": C, "percentage": {"value": 10}},
                ]
            },
            [mirror_policy(100_000, "c.default")],
        ),
        (
            {"mirrors": [{"destination": {"host": "gone"}}, {"destination": C}]},
            [mirror_policy(10**6, "c.default")],
        ),
    ],
)
def test_mirrors(fields: Document, expected: list[Json]) -> None:
    assert mirrored(virtual_service("a", rule(to("a"), **fields))) == expected


def test_no_mirror_leads_outside_the_mesh() -> None:
    outside = without(service_entry("api.test", "a", "v1"), "spec.workloadSelector")
    mirroring = virtual_service("a", rule(to("a"), mirror={"host": "api.test"}))
    assert [c["name"] for c in config(*PODS, outside, mirroring)["clusters"]] == [NAME]


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({}, [mirror_policy(1_000_000)]),
        ({"percent": 25}, [mirror_policy(250_000)]),
        ({"percent": 0}, []),
        ({"fraction": {"numerator": 1, "denominator": 8}}, [mirror_policy(125_000)]),
        ({"fraction": {"numerator": 3}}, [mirror_policy(30_000)]),
        ({"fraction": {"numerator": 3, "denominator": 2}}, [mirror_policy(1_000_000)]),
        ({"backendRef": {**AT_B, "kind": "Other"}}, []),
        ({"backendRef": {**AT_B, "group": "other.org"}}, []),
        ({"backendRef": {**AT_B, "namespace": "other"}}, [mirror_policy(1_000_000, "b.other")]),
    ],
)
def test_mirrors_of_an_http_route(fields: Document, first: list[Json]) -> None:
    both = [{"backendRef": AT_B, **fields}, {"backendRef": {"name": "c", "port": 8000}}]
    filters = [{"type": "RequestMirror", "requestMirror": mirror} for mirror in both]
    route = http_route("a", to_service("a"), route_rule(backend("a"), filters=filters))
    assert mirrored(route) == [*first, mirror_policy(1_000_000, "c.default")]


# Faults and CORS

FAULT, CORS = "envoy.filters.http.fault", "envoy.filters.http.cors"


def fault(**fields: Any) -> Json:
    return {FAULT: {"@type": f"{TYPE}extensions.filters.http.fault.v3.HTTPFault", **fields}}


def cors(*origins: Json, **fields: Any) -> Json:
    defaults = {"allow_credentials": False, "forward_not_matching_preflights": True}
    kind = f"{TYPE}extensions.filters.http.cors.v3.CorsPolicy"
    return {CORS: {"@type": kind, "allow_origin_string_match": [*origins], **defaults, **fields}}


DELAY = {"fixedDelay": "1.5s", "percentage": {"value": 12.5}}
DELAYED = {"fixed_delay": "1.5s", "percentage": {"numerator": 125_000, "denominator": "MILLION"}}
ABORT = {"httpStatus": 503, "percentage": {"value": 1}}
ABORTED = {"http_status": 503, "percentage": {"numerator": 10_000, "denominator": "MILLION"}}
SHOP, ANY_SHOP = "https://shop.example", r"https://.*\.shop\.example"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"fault": {"delay": DELAY}}, fault(delay=DELAYED)),
        ({"fault": {"abort": ABORT}}, fault(abort=ABORTED)),
        ({"fault": {"delay": DELAY, "abort": ABORT}}, fault(delay=DELAYED, abort=ABORTED)),
        # As in Istio: without a percentage there is no fault, and `percentage` wins over `percent`.
        ({"fault": {"delay": {"fixedDelay": "1.5s"}}}, {}),
        ({"fault": {"delay": {"percentage": {"value": 12.5}}}}, {}),
        ({"fault": {"delay": DELAY | {"percentage": {"value": 0}, "percent": 9}}}, {}),
        ({"fault": {"delay": DELAY | {"percent": 9}}}, fault(delay=DELAYED)),
        ({"corsPolicy": {"allowOrigins": [{"exact": SHOP}]}}, cors({"exact": SHOP})),
        ({"corsPolicy": {"allowOrigin": [SHOP]}}, cors({"exact": SHOP})),
        (
            {"corsPolicy": {"allowOrigins": [{"regex": ANY_SHOP}, {}], "allowOrigin": [SHOP]}},
            cors(regex(ANY_SHOP)),
        ),
        (
            {"corsPolicy": {"allowMethods": ["GET", "PUT"], "allowHeaders": ["x-a"]}},
            cors(allow_methods="GET,PUT", allow_headers="x-a"),
        ),
        (
            {"corsPolicy": {"exposeHeaders": ["x-b", "x-c"], "maxAge": "1h"}},
            cors(expose_headers="x-b,x-c", max_age="3600"),
        ),
        (
            {"corsPolicy": {"maxAge": "0s", "allowCredentials": True}},
            cors(max_age="0", allow_credentials=True),
        ),
        (
            {"corsPolicy": {"unmatchedPreflights": "IGNORE"}},
            cors(forward_not_matching_preflights=False),
        ),
        ({"corsPolicy": {"unmatchedPreflights": "FORWARD"}}, cors()),
        (
            {"corsPolicy": {}, "fault": {"abort": ABORT}},
            cors() | fault(abort=ABORTED),
        ),
    ],
)
def test_cors_and_faults(fields: Document, expected: Json) -> None:
    (route,) = routes(rule(to("a"), **fields))
    assert route.get("typed_per_filter_config", {}) == expected


HTTP = "extensions.filters.http"
CORS_FILTER = typed(CORS, f"{HTTP}.cors.v3.Cors")
FAULT_FILTER = typed(FAULT, f"{HTTP}.fault.v3.HTTPFault")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([{}], []),
        ([{"fault": {"abort": ABORT}}], [FAULT_FILTER]),
        ([{"corsPolicy": {}}], [CORS_FILTER]),
        ([{"fault": {"abort": ABORT}}, {"corsPolicy": {}}], [CORS_FILTER, FAULT_FILTER]),
    ],
)
def test_filters_exist_only_if_a_route_has_settings(
    settings: list[Document], expected: list[Json]
) -> None:
    rules = [
        rule(to("a"), match=[{"uri": {"exact": f"/{n}"}}], **s) for n, s in enumerate(settings)
    ]
    (listener,) = config(*PODS, virtual_service("a", *rules))["listeners"][1:]
    assert manager(listener)["http_filters"][:-1] == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"allowOrigins": [SHOP]}, cors({"exact": SHOP})),
        ({"allowOrigins": ["https://*"]}, cors({"prefix": "https://"})),
        ({"allowOrigins": ["https://*.shop.example"]}, cors(regex(ANY_SHOP))),
        ({"allowOrigins": ["https://a*b*"]}, cors(regex("https://a.*b.*"))),
        ({"allowOrigins": ["**"]}, cors(regex(".*.*"))),
        (
            {"allowOrigins": ["*", SHOP]},
            cors(regex(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s?#]+$"), {"exact": SHOP}),
        ),
        ({"allowOrigins": ["*"]}, cors(regex(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s?#]+$"))),
        (
            {"allowMethods": ["GET", "PUT"], "allowHeaders": ["x-a"], "exposeHeaders": ["x-b"]},
            cors(allow_methods="GET,PUT", allow_headers="x-a", expose_headers="x-b"),
        ),
        ({"maxAge": 60, "allowCredentials": True}, cors(max_age="60", allow_credentials=True)),
    ],
)
def test_cors_of_an_http_route(fields: Document, expected: Json) -> None:
    with_cors = route_rule(backend("a"), filters=[{"type": "CORS", "cors": fields}])
    policy = {"max_age": "5"} | expected[CORS] | {"forward_not_matching_preflights": False}
    (route,) = routes_of(http_route("a", to_service("a"), with_cors))
    assert route["typed_per_filter_config"] == {CORS: policy}


# Clusters


NEVER = dict.fromkeys(
    (
        "enforcing_consecutive_5xx",
        "enforcing_consecutive_gateway_failure",
        "enforcing_success_rate",
        "enforcing_local_origin_success_rate",
        "enforcing_failure_percentage",
        "enforcing_failure_percentage_local_origin",
    ),
    0,
)
UNLIMITED = dict.fromkeys(
    ("max_connections", "max_pending_requests", "max_requests", "max_retries"), 2**32 - 1
)
OPTIONS = "extensions.upstreams.http.v3.HttpProtocolOptions"


def test_a_cluster_with_default_settings() -> None:
    check = {"timeout": "1s", "interval": "0.5s", "no_traffic_interval": "0.5s"}
    at = {"socket_address": {"address": "127.0.9.1", "port_value": 8000}}
    host = {"endpoint": {"address": at, "health_check_config": {"port_value": 8001}}}
    assert cluster(*PODS) == {
        "name": NAME,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "typed_extension_protocol_options": {
            f"envoy.{OPTIONS}": {
                "@type": TYPE + OPTIONS,
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": NAME,
            "endpoints": [{"priority": 0, "lb_endpoints": [host]}],
            "policy": {"overprovisioning_factor": 1_000_000},
        },
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "circuit_breakers": {"thresholds": [UNLIMITED]},
        "health_checks": [
            {
                **check,
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "http_health_check": {"path": "/readyz"},
            }
        ],
    }


OUTLIER_DEFAULTS = {
    "split_external_local_origin_errors": False,
    "interval": "10s",
    "base_ejection_time": "30s",
    "max_ejection_percent": 10,
    **NEVER,
    "consecutive_local_origin_failure": 5,
    "enforcing_consecutive_local_origin_failure": 100,
    "consecutive_5xx": 5,
    "enforcing_consecutive_5xx": 100,
}


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        ({}, {}),
        ({"splitExternalLocalOriginErrors": True}, {"split_external_local_origin_errors": True}),
        ({"consecutive5xxErrors": 1}, {"consecutive_5xx": 1}),
        (
            {"consecutiveGatewayErrors": 2},
            {"consecutive_gateway_failure": 2, "enforcing_consecutive_gateway_failure": 100},
        ),
        ({"consecutiveGatewayErrors": 0}, {}),
        ({"consecutiveLocalOriginFailures": 3}, {"consecutive_local_origin_failure": 3}),
        ({"interval": "250ms"}, {"interval": "0.25s"}),
        ({"baseEjectionTime": "1m"}, {"base_ejection_time": "60s"}),
        ({"maxEjectionPercent": 0}, {"max_ejection_percent": 0}),
        ({"minHealthPercent": 40}, {}),
        (
            {"consecutive5xxErrors": 0},
            {"enforcing_consecutive_5xx": 0, "consecutive_5xx": None},
        ),
        (
            {"consecutiveLocalOriginFailures": 0},
            {
                "enforcing_consecutive_local_origin_failure": 0,
                "consecutive_local_origin_failure": None,
            },
        ),
    ],
)
def test_outlier_detection(fields: Document, changes: Json) -> None:
    detecting = cluster(*PODS, destination_rule("a", policy={"outlierDetection": fields}))
    outliers = OUTLIER_DEFAULTS | changes
    expected = {key: value for key, value in outliers.items() if value is not None}
    assert detecting["outlier_detection"] == expected
    panic = detecting["common_lb_config"]["healthy_panic_threshold"]["value"]
    assert panic == fields.get("minHealthPercent", 0)


WITHOUT_PROBE = without(deployment("a"), "spec.template.spec.containers[0].readinessProbe")


@pytest.mark.parametrize(
    ("pods", "check"),
    [
        ([deployment("a")], {"http_health_check": {"path": "/readyz"}}),
        ([deployment("a"), deployment("a", "v2")], {"http_health_check": {"path": "/readyz"}}),
        ([WITHOUT_PROBE], {"tcp_health_check": {}}),
        ([WITHOUT_PROBE, deployment("a", "v2")], {"tcp_health_check": {}}),
    ],
)
def test_health_checks(pods: list[Document], check: Json) -> None:
    (health_check,) = cluster(service("a"), *pods)["health_checks"]
    assert {key: value for key, value in health_check.items() if key.endswith("_check")} == check


@pytest.mark.parametrize(
    ("port", "commands", "protocol"),
    [
        ("http", [], "http"),
        ("http", ["a=./a"], "http"),
        ("grpc", [], "http"),  # a stand-in has no HTTP/2
        ("grpc", ["a@v1=./a"], "http"),
        ("grpc", ["a=./a"], "http2"),
    ],
)
def test_only_commands_get_http2(port: str, commands: list[str], protocol: str) -> None:
    pods = [service("a", {"name": port, "port": 8000}), deployment("a"), deployment("a", "v2")]
    options = cluster(*pods, commands=tuple(commands))["typed_extension_protocol_options"]
    assert options[f"envoy.{OPTIONS}"]["explicit_http_config"] == {
        f"{protocol}_protocol_options": {}
    }


# Listeners


def test_the_bootstrap_without_resources() -> None:
    mesh = mesh_of(*PODS)
    configuration = bootstrap(mesh, addresses_of(mesh), 8080, ADMIN)
    assert configuration.pop("static_resources")
    runtime = {"re2.max_program_size.error_level": 32768}
    assert configuration == {
        "admin": {"address": {"pipe": {"path": ADMIN, "mode": 0o600}}},
        "layered_runtime": {"layers": [{"name": "istio", "static_layer": runtime}]},
    }


def test_a_missing_destination_has_a_cluster_without_endpoints() -> None:
    resources = config(*PODS, virtual_service("a", rule(to("gone"))))
    (gone,) = [c for c in resources["clusters"] if "gone" in c["name"]]
    assert gone["load_assignment"]["endpoints"] == []
    assert gone["lb_policy"] == "LEAST_REQUEST"
    assert "health_checks" not in gone
    options = gone["typed_extension_protocol_options"][f"envoy.{OPTIONS}"]
    assert options["explicit_http_config"] == {"http_protocol_options": {}}
    other_kind = http_route("a", to_service("a"), route_rule(backend("a", kind="Other")))
    assert config(*PODS, other_kind)["clusters"] == []


def replies() -> Json:
    """Return the bodies of Envoy's own answers."""
    texts = {"UH": "no healthy endpoint: %UPSTREAM_CLUSTER%\n", "NC": "its rule names no Service\n"}
    mappers = [
        {
            "filter": {"response_flag_filter": {"flags": [flag]}},
            "body_format_override": {"text_format_source": {"inline_string": text}},
        }
        for flag, text in texts.items()
    ]
    return {"mappers": mappers}


def connections(name: str, hosts: list[Json], **fields: Any) -> Json:
    """Return the filter chains of a listener with these virtual hosts."""
    router = typed("router", "extensions.filters.http.router.v3.Router")
    kind = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    network_filter = typed(
        "http",
        kind,
        stat_prefix=name,
        route_config={
            "name": name,
            "virtual_hosts": hosts,
            "ignore_port_in_host_matching": name == "gateway",
            "validate_clusters": False,
        },
        http_filters=[router],
        normalize_path=True,
        local_reply_config=replies(),
        **fields,
    )
    return {"filter_chains": [{"filters": [network_filter]}]}


EDGE: Json = {
    "request_headers_timeout": "10s",
    "request_timeout": "300s",
    "stream_idle_timeout": "300s",
    "common_http_protocol_options": {"idle_timeout": "3600s"},
}
TO_A = {"match": {"prefix": "/"}, "route": to_clusters({"name": NAME, "weight": 100})}
ENTERED = virtual_service("shop.org", rule(to("a")), gateways=["demo-gateway"])


def test_the_gateways_listener() -> None:
    listener = config(*PODS, gateway(), ENTERED)["listeners"][0]
    hosts = [{"name": "shop.org", "domains": ["shop.org"], "routes": [TO_A]}]
    assert listener == {
        "name": "gateway",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 8080}},
        "enable_reuse_port": False,
        "per_connection_buffer_limit_bytes": 32768,
        **connections("gateway", hosts, **EDGE),
    }


@pytest.mark.parametrize(
    ("url", "uri", "host", "port"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces", "127.0.0.1", 4318),
        ("http://otel.org/X/", "http://otel.org:80/X/v1/traces", "otel.org", 80),
    ],
)
def test_traces_go_to_the_collector(url: str, uri: str, host: str, port: int) -> None:
    resources = config(*PODS, gateway(), ENTERED, collected=url)
    service_uri = {"uri": uri, "cluster": "collector", "timeout": "2s"}
    kind = "config.trace.v3.OpenTelemetryConfig"
    fields: Json = {"service_name": "gateway", "http_service": {"http_uri": service_uri}}
    assert manager(resources["listeners"][0])["tracing"] == {
        "provider": typed("envoy.tracers.opentelemetry", kind, **fields)
    }
    assert all("tracing" not in manager(sidecar) for sidecar in resources["listeners"][1:])
    at = {"socket_address": {"address": host, "port_value": port}}
    assert resources["clusters"][-1] == {
        "name": "collector",
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": "collector",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at}}]}],
        },
    }


@pytest.mark.parametrize(
    "url", ["https://otel.org", "http://otel.org?a", "http://me@otel.org", "http://", "http://[x"]
)
def test_urls_that_no_collector_has(url: str) -> None:
    with pytest.raises(LanesError, match="not a URL of OTLP over HTTP"):
        Collector.of(url)


def test_callers_with_different_rules_have_different_listeners() -> None:
    callers = [deployment("b"), deployment("c"), deployment("d"), deployment("d", "v2")]
    rules = [
        rule(to("a"), match=[{"sourceLabels": {"app": app}}], timeout=f"{number}s")
        for number, app in enumerate(("b", "c"), start=1)
    ]
    rules.append(rule(to("a"), timeout="3s"))
    pods_by_timeout = {}
    for listener in config(*PODS, *callers, virtual_service("a", *rules))["listeners"][1:]:
        (route, *_) = manager(listener)["route_config"]["virtual_hosts"][0]["routes"]
        pods_by_timeout[route["route"]["timeout"]] = 1 + len(listener["additional_addresses"])
    assert pods_by_timeout == {"1s": 1, "2s": 1, "3s": 3}  # a is a caller too


def test_a_sidecars_listener() -> None:
    """Pods with the same routes share a listener. Each pod has its own address there."""
    listener = config(*PODS, deployment("a", "v2"))["listeners"][1]
    names = ("a", "a.default", "a.default.svc", "a.default.svc.cluster.local")
    answer = {"inline_string": "no such Service in the manifests\n"}
    unknown = {"match": {"prefix": "/"}, "direct_response": {"status": 502, "body": answer}}
    hosts = [
        {
            "name": "a.default.svc.cluster.local:8000",
            "domains": [f"{name}:8000" for name in names],
            "routes": [TO_A],
        },
        {"name": "unknown", "domains": ["*"], "routes": [unknown]},
    ]
    first, second = (
        {"socket_address": {"address": f"127.0.9.{n}", "port_value": 15001}} for n in (1, 2)
    )
    assert listener == {
        "name": "sidecars-0",
        "address": first,
        "additional_addresses": [{"address": second}],
        **connections("sidecar", hosts),
    }


def scripts_at(listener: Json) -> list[str]:
    """Return the scripts that a listener runs for requests."""
    return [script["name"] for script in manager(listener)["http_filters"][:-1]]


def scripts_before(resources: Json, host: str) -> list[str]:
    """Return the scripts that run before the pods of a Service receive a request."""
    (upstream,) = [
        c for c in resources["clusters"] if c["name"] == NAME.replace("||a", f"||{host}")
    ]
    filters = upstream["typed_extension_protocol_options"][f"envoy.{OPTIONS}"].get(
        "http_filters", []
    )
    *scripts, codec = [each["name"] for each in filters] or ["codec"]
    assert codec == "codec"
    return scripts


def context(**lists: list[str]) -> Json:
    """Return the header names that a route gives to a script."""
    kind = f"{TYPE}extensions.filters.http.lua.v3.LuaPerRoute"
    return {"@type": kind, "filter_context": lists}


BOTH = [*PODS, service("b"), deployment("b"), gateway(), ENTERED]


def test_scripts_copy_headers_at_the_pods_that_a_propagation_selects() -> None:
    propagation = header_propagation("x-a", prefixes=["x-b-"], labels={"app": "a"})
    resources = config(*BOTH, propagation)
    at_gateway, of_b, of_a = resources["listeners"]
    assert [scripts_at(listener) for listener in (at_gateway, of_b, of_a)] == [
        *([], []),
        ["to-header"],
    ]
    assert (scripts_before(resources, "a"), scripts_before(resources, "b")) == (["to-baggage"], [])
    copied = context(headers=["x-a"], prefixes=["x-b-"])
    assert manager(of_a)["route_config"]["typed_per_filter_config"] == {"to-header": copied}
    for listener in resources["listeners"]:
        configuration = manager(listener)["route_config"]
        assert ("typed_per_filter_config" in configuration) is (listener is of_a)
        for host in configuration["virtual_hosts"]:
            for route in host["routes"] if host["name"] != "unknown" else ():
                (part,) = route["route"]["weighted_clusters"]["clusters"]
                expected = {"to-baggage": copied} if part["name"] == NAME else None
                assert part.get("typed_per_filter_config") == expected


def test_stand_ins_for_other_programs_propagate_headers() -> None:
    pods = [service("a"), deployment("a", "v1", "b"), service("b"), foreign("b")]
    resources = config(*pods, gateway(), ENTERED, propagated=("x-a",))
    at_gateway, of_sample, of_foreign = resources["listeners"]
    assert [scripts_at(listener) for listener in (at_gateway, of_sample, of_foreign)] == [
        *([], []),
        ["restore-headers"],
    ]
    assert (scripts_before(resources, "a"), scripts_before(resources, "b")) == (
        [],
        ["keep-headers"],
    )
    for listener in resources["listeners"]:
        assert manager(listener)["route_config"]["typed_per_filter_config"] == dict.fromkeys(
            ("keep-headers", "restore-headers"), context(headers=["x-a"], prefixes=[])
        )
    both = config(service("b"), deployment("b", "v1", "a"), foreign("b", "v2"), propagated=("x-a",))
    assert scripts_before(both, "b") == ["keep-headers"]
