"""HTTPRoutes on real Envoy and real services: lanes as separate releases, and entry rules."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import urllib3
from click.testing import CliRunner, Result

from lanes.cli import main
from lanes.running.runtime import RunningMesh
from tests import kube
from tests.kube import (
    Document,
    backend,
    http_route,
    route_rule,
    sets,
    takes,
    to_gateway,
    to_service,
)
from tests.mesh.running import ROOT, ask, running, verdict_of, versions

CHAIN = {
    "mocka": (("v2",), ("mockb",)),
    "mockb": (("v3",), ("mockc",)),
    "mockc": (("v2", "v3"), ()),
}
BASELINE = ["mocka stable", "mockb stable", "mockc stable"]


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMesh]:
    """Run a base and two lanes, each in a separate file."""
    folder = tmp_path_factory.mktemp("releases")
    releases = {"base": kube.base(CHAIN, baseline="stable")}
    releases |= {name: kube.lane(name, CHAIN, baseline="stable") for name in ("v2", "v3")}
    files = [kube.write(folder, *release, name=f"{n}.yaml") for n, release in releases.items()]
    with running(*files) as mesh:
        yield mesh


@pytest.mark.parametrize(
    ("headers", "lane", "path"),
    [
        ([], "stable", BASELINE),
        ([("x-lane", "v2")], "v2", ["mocka v2", "mockb stable", "mockc v2"]),
        ([("X-Lane", "v3")], "v3", ["mocka stable", "mockb v3", "mockc v3"]),
        (
            [("x-lane", "v2"), ("baggage", "a=b,version=v3")],
            "v2",
            ["mocka v2", "mockb stable", "mockc v2"],
        ),
        ([("x-lane", "pr-123")], "stable", BASELINE),
        ([("x-lane", "v2,v3")], "stable", BASELINE),
        ([("baggage", "version=v2")], "stable", BASELINE),
        ([("baggage", "a=b"), ("baggage", "version=v3")], "stable", BASELINE),
        ([("version", "v2")], "stable", BASELINE),
    ],
)
def test_a_lane_is_entered_only_by_its_entry_rule(
    released: RunningMesh, headers: list[tuple[str, str]], lane: str, path: list[str]
) -> None:
    answer, _ = ask(released, headers)
    assert (answer.status, answer.lane, versions(answer)) == (200, lane, path)


def test_lanes_of_other_releases_hold_under_load(released: RunningMesh) -> None:
    assert released.mesh.provider == "gateway-api"
    assert verdict_of(released, 100).ok


def verified(mesh: RunningMesh, *more: str) -> Result:
    """Run `lanes verify` with the mesh's manifests and `more`."""
    files = [f"--manifests={file}" for file in mesh.mesh.sources]
    return CliRunner().invoke(main, ["verify", mesh.url, *files, *more, "--lane-requests", "10"])


def test_lanes_without_a_weight_are_entered_and_verified(released: RunningMesh) -> None:
    result = verified(released)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "100 requests by weight, 20 by entry rules, 0 failed"
    assert "v2     x-lane: v2   10 as planned" in lines
    assert "v3     x-lane: v3   10 as planned" in lines
    assert lines[-1].startswith("Lanes hold.")


def test_verify_fails_for_a_lane_that_is_not_installed(
    released: RunningMesh, tmp_path: Path
) -> None:
    absent = f"--manifests={kube.write(tmp_path, *kube.lane('pr-9', CHAIN, baseline='stable'))}"
    result = verified(released, absent, "--lane", "pr-9")
    assert result.exit_code == 1
    assert "10 times by x-lane: pr-9: lane stable answered:" in result.stdout
    assert result.stdout.endswith("Lane pr-9 does NOT hold.\n")
    there = verified(released, absent, "--lane", "v3")
    assert (there.exit_code, there.stdout.splitlines()[-1]) == (0, "Lane v3 holds.")


def test_lanes_are_entered_by_host_and_by_cookie(tmp_path: Path) -> None:
    """Two lanes without a pod of their own."""

    def opened(name: str, *matches: Document, hosts: Sequence[str] = ()) -> Document:
        tagged = backend("shop-v1", sets("baggage", f"version={name}"))
        rule = route_rule(tagged, matches=matches)
        return http_route(f"web-{name}", to_gateway(), rule, hostnames=hosts)

    documents = [
        *kube.base({"shop": (("v1",), ())}),
        opened("pr-1", hosts=["pr-1.example.org"]),
        opened("pr-2", takes(headers={"cookie": "~(.*; ?)?lane=pr-2(;.*)?"})),
    ]
    with running(kube.write(tmp_path, *documents)) as mesh:
        result = verified(mesh)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    at = lines.index("lane   entered by              paths")
    assert lines[at + 1 : at + 3] == [
        "pr-2   cookie: lane=pr-2       10 as planned",
        "pr-1   host pr-1.example.org   10 as planned",
    ]
    assert lines[-1].startswith("Lanes hold.")


def test_backends_with_their_own_lane_header_split_by_weight(tmp_path: Path) -> None:
    with running(kube.write(tmp_path, *kube.gateway_api(kube.PAIR, kube.HALVES))) as mesh:
        assert verdict_of(mesh).ok


def test_requests_without_a_rule_or_without_a_service_are_errors(tmp_path: Path) -> None:
    """Callers of a Service with any HTTPRoute get what its rules say, and nothing else."""

    def case(name: str, *backends: Document) -> Document:
        return route_rule(*backends, matches=[takes(headers={"x-case": name})])

    never = route_rule(backend("web"), matches=[takes(headers={"x-never": "1"})])
    documents = [
        kube.service("web"),
        kube.service("empty", selector={"app": "nobody"}),
        kube.service("unmatched"),
        kube.service("misled"),
        http_route("unmatched", to_service("unmatched"), never),
        http_route("misled", to_service("misled"), route_rule(backend("gone"))),
        *(kube.deployment(name, "v1", name) for name in ("unmatched", "misled")),
        *(
            kube.service(f"calls-{name}", selector={"app": name})
            for name in ("unmatched", "misled")
        ),
        kube.deployment("web"),
        http_route(
            "web",
            to_gateway(),
            case("unmatched", backend("calls-unmatched")),
            case("misled", backend("calls-misled")),
            case("empty", backend("empty")),
            case("weightless", backend("web", weight=0)),
            case("gone", backend("gone")),
            case("half", backend("web"), backend("gone")),
        ),
    ]
    with running(kube.write(tmp_path, *documents)) as mesh:

        def statuses(name: str, times: int = 1) -> set[int]:
            return {ask(mesh, [("x-case", name)])[0].status for _ in range(times)}

        assert statuses("unmatched") == {404}
        assert statuses("misled") == {500}
        assert statuses("empty") == {503}
        assert statuses("weightless") == {500}
        assert statuses("gone") == {500}
        assert statuses("half", 40) == {200, 500}
        assert statuses("none of them") == {404}


def test_paths_headers_and_methods_match_and_filters_change_headers(tmp_path: Path) -> None:
    def says(name: str, match: Document) -> Document:
        return route_rule(
            backend("web", sets("x-backend", name, of="response")),
            matches=[match],
            filters=[sets("x-rule", name, of="response")],
            timeouts={"request": "5s"},
        )

    web = http_route(
        "web",
        to_gateway(),
        says("root", takes("/")),
        says("regex", takes("/[0-9]+", how="RegularExpression")),
        says("prefix", takes("/a/")),
        says("longer", takes("/a/b")),
        says("exact", takes("/a/b", how="Exact")),
        says("post", takes("/a", method="POST")),
        says("one header", takes("/a", {"x-user": "~al.*"})),
        says("two headers", takes("/a", {"x-user": "alice", "x-more": "1"})),
    )
    expected = {
        ("", "", ""): "root",
        ("ab", "", ""): "root",  # whole segments
        ("7", "", ""): "root",  # Istio: a regular expression comes after any prefix
        ("a", "", ""): "prefix",
        ("a/?q=1", "", ""): "prefix",
        ("a/c", "", ""): "prefix",
        ("a/b/c", "", ""): "longer",
        ("a/b", "alice", "1"): "exact",
        ("a", "albert", ""): "one header",
        ("a", "alice", "1"): "two headers",
        ("a", "balbert", ""): "prefix",
    }
    with running(kube.write(tmp_path, kube.service("web"), kube.deployment("web"), web)) as mesh:
        seen = {}
        for path, user, more in expected:
            headers = [(k, v) for k, v in (("x-user", user), ("x-more", more)) if v]
            _, response = ask(mesh, headers, path)
            assert response.headers["x-rule"] == response.headers["x-backend"]
            seen[path, user, more] = response.headers["x-rule"]
    assert seen == expected


@pytest.fixture(scope="module")
def pull_requests() -> Iterator[RunningMesh]:
    """Run examples/pull-requests: the base and two lanes, each rendered as a release."""
    with running("examples/pull-requests/rendered") as mesh:
        yield mesh


@pytest.mark.parametrize(
    ("lane", "changed"), [("pr-123", {"cart"}), ("pr-124", {"shop", "stock"}), ("stable", set())]
)
def test_a_pull_requests_lane_is_entered_by_name(
    pull_requests: RunningMesh, lane: str, changed: set[str]
) -> None:
    answer, response = ask(pull_requests, [("x-lane", lane)])
    assert (answer.status, answer.lane, response.headers["x-lane"]) == (200, lane, lane)
    assert dict(hop.split() for hop in versions(answer)) == {
        name: lane if name in changed else "stable" for name in ("shop", "cart", "stock", "users")
    }


def test_the_page_shows_the_answers_of_a_pull_requests_lane(pull_requests: RunningMesh) -> None:
    page = (ROOT / "docs/pull-requests.md").read_text(encoding="utf-8")
    told = page.partition("$ curl -s -H 'x-lane: pr-123' ")[2].splitlines()[1]
    said = urllib3.request("GET", pull_requests.url, headers={"x-lane": "pr-123"}).data.decode()
    block = re.compile(r"127\.0\.\d+\.")
    assert block.sub("", said).strip() == block.sub("", told)


def test_the_answer_shows_that_a_lane_does_not_exist(pull_requests: RunningMesh) -> None:
    _, response = ask(pull_requests, [("x-lane", "pr-999")])
    assert (response.status, response.headers["x-lane"] in ("stable", "next")) == (200, True)


def test_further_lanes_do_not_change_the_split(pull_requests: RunningMesh) -> None:
    assert verdict_of(pull_requests).ok
