"""Entry rules under the real istiod: requests that enter, and requests that only look so."""

from pathlib import Path

import pytest

from tests.chart.rendering import Values
from tests.entry_rules import ENTERS, ENTERS_BY_HOST, WIDE_OPEN
from tests.hostile import Headers
from tests.istio import cluster
from tests.istio import mesh as istio
from tests.istio.conftest import ISTIOD
from tests.istio.variants import rendered
from tests.mesh.entering import assert_sticky, kept_out, let_in
from tests.mesh.running import ask


def test_a_lane_is_entered_only_by_its_entry_rules(tmp_path: Path) -> None:
    """The laptop mesh has the same test for every provider."""
    with istio.run(Path(ISTIOD), rendered(tmp_path, {"lanes": WIDE_OPEN})) as mesh:
        assert not kept_out(mesh, ENTERS + ENTERS_BY_HOST)
        assert not let_in(mesh)
        assert_sticky(mesh)


MATCH = {"v2": [{"headers": {"x-user": {"prefix": "jas"}}}], "v3": [{"path": "/beta"}]}
ENTERING: list[tuple[Headers, str]] = [
    ([("x-lane", "v2")], ""),
    ([("X-Lane", " v2")], "?x"),
    ([("x-lane", "v2"), ("x-lane", "v2")], ""),
    ([("x-lane", "pr-999"), ("x-lane", "v2")], ""),
    ([("x-user", "ajas"), ("x-user", "jason")], ""),
    ([("host", "v2.preview.example.com")], ""),
    ([("host", "V2.preview.example.com:8080")], ""),
    ([("x-user", "jason")], ""),
    ([], "beta"),
    ([], "%62eta//x?y"),
]
OTHERS: list[tuple[Headers, str]] = [
    ([], ""),
    ([("x-lane", "pr-999")], ""),
    ([("host", "pr-999.preview.example.com")], ""),
    ([("x-user", "ajas")], "betamax"),
]


@pytest.mark.parametrize(
    ("blocks", "status"), [(["10.0.0.0/8", "2001:db8::/32"], 403), (["127.0.0.0/8"], 200)]
)
@pytest.mark.parametrize("hosts", [["*"], ["shop.test", "127.0.0.1"]])
def test_only_allowed_addresses_may_enter_a_lane(
    tmp_path: Path, blocks: list[str], status: int, hosts: list[str]
) -> None:
    """Requests that name no lane are always allowed. The laptop mesh does not simulate this."""
    enter = {"header": "x-lane", "host": "*.preview.example.com", "match": MATCH, "from": blocks}
    values: Values = {"lanes": {"enter": enter}, "gateway": {"hosts": hosts}}
    manifests = rendered(tmp_path, values)
    (policy,) = (d for d in cluster.read([manifests]) if d["kind"] == "AuthorizationPolicy")
    with istio.run(Path(ISTIOD), manifests) as mesh:
        allowed, warnings = mesh.istiod.review(policy)
        assert allowed
        assert all("TCP ports" in warning for warning in warnings)
        host = [] if "*" in hosts else [("host", "SHOP.test:8080")]
        for requests, expected in ((ENTERING, status), (OTHERS, 200)):
            for headers, path in requests:
                sent = headers if ("host" in dict(headers)) else [*headers, *host]
                refused = ask(mesh, sent, path)[1].status == 403
                assert refused == (expected == 403), (headers, path)
