"""Chains other than the sample's, on real Envoy and real services."""

import os
import signal
from pathlib import Path

from tests import kube
from tests.kube import Document, header_is, rule, to
from tests.mesh.running import ask, ask_in_lane, pod, running, verdict_of, versions


def named(documents: list[Document], kind: str, name: str) -> Document:
    return next(d for d in documents if d["kind"] == kind and d["metadata"]["name"] == name)


def env(deployment: Document, name: str, value: str) -> None:
    """Set a variable of the Deployment's container."""
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [v for v in container["env"] if v["name"] != name]
    container["env"].append({"name": name, "value": value})


def test_four_lanes_with_another_lane_header_other_names_and_two_upstreams(tmp_path: Path) -> None:
    chain = {
        "web": (["stable", "red", "blue"], ["cart", "users"]),
        "cart": (["stable", "blue", "green"], ["stock"]),
        "users": (["stable", "red"], []),
        "stock": (["stable", "green"], []),
    }
    weights = {"stable": 25, "red": 25, "blue": 25, "green": 25}
    documents = kube.asm(chain, weights, header="x-lane", baseline="stable")
    for document in documents:
        if document["kind"] == "Deployment":
            env(document, "lane_header", "x-lane")
    with running(kube.write(tmp_path, *documents)) as mesh:
        assert verdict_of(mesh).ok
        answer = ask_in_lane(mesh, "green")
        assert versions(answer) == ["web stable", "cart green", "stock green", "users stable"]


def test_a_lane_uses_all_its_replicas_and_a_service_its_own_port(tmp_path: Path) -> None:
    chain = {"mocka": (("v1", "v2"), ("http://mockb.default/",))}
    documents = [
        *kube.asm(chain, kube.HALVES),
        kube.service("mockb", {"port": 80, "targetPort": 9090}),
        kube.deployment("mockb", "v1", port=9090, env={"port": "9090"}),
        kube.deployment("mockb", "v2", port=9090, env={"port": "9090"}, replicas=2),
        kube.destination_rule("mockb", "v1", "v2"),
        kube.virtual_service(
            "mockb",
            rule(to("mockb", "v2", fallback="v1"), match=[header_is("version", "v2")]),
            rule(to("mockb", "v1")),
        ),
    ]
    with running(kube.write(tmp_path, *documents)) as mesh:
        assert verdict_of(mesh).ok
        answers = [ask_in_lane(mesh, "v2").text for _ in range(16)]
        assert len({text.rpartition("mockb")[2] for text in answers}) == 2


def test_a_strict_lane_answers_503_and_names_the_missing_subset(tmp_path: Path) -> None:
    chain = {**kube.PAIR, "mockb": (("v1",), ())}
    with running(kube.write(tmp_path, *kube.asm(chain, kube.HALVES, strict=True))) as mesh:
        assert verdict_of(mesh).ok  # lane v2 is planned to end at the missing version
        answer = ask_in_lane(mesh, "v2")
        assert answer.status == 503
        assert versions(answer) == ["mocka v2", "mockb "]
        assert "outbound|8000|v2|mockb.default.svc.cluster.local" in answer.text


def test_a_service_outside_the_lanes_is_reached_from_every_lane(tmp_path: Path) -> None:
    chain = {**kube.PAIR, "mockb": (("v1", "v2"), ("clock",)), "clock": ((), ())}
    documents = kube.asm(chain, kube.HALVES)
    documents = [d for d in documents if d["metadata"]["name"] != "clock"]
    documents += [kube.service("clock"), kube.deployment("clock", "1.0")]
    with running(kube.write(tmp_path, *documents)) as mesh:
        assert verdict_of(mesh).ok
        assert versions(ask_in_lane(mesh, "v2"))[-1] == "clock 1.0"


def test_other_baggage_members_reach_every_hop(tmp_path: Path) -> None:
    documents = kube.asm(kube.PAIR, kube.HALVES)
    for document in documents:
        if document["kind"] == "Deployment":  # each hop reports the foreign member, not the lane
            env(document, "lane_header", "userId")
    with running(kube.write(tmp_path, *documents)) as mesh:
        paths = set()
        for _ in range(24):
            answer, _ = ask(
                mesh, [("baggage", "userId=Am%C3%A9lie,version=v9"), ("baggage", "k=v;p")]
            )
            assert [step.lane for step in answer.path] == ["Amélie"] * 2
            paths.add(tuple(versions(answer)))
        assert len(paths) == 2


def says(name: str) -> Document:
    return {"response": {"set": {"x-rule": name}}}


def test_headers_match_by_exact_prefix_and_regex_and_uris_too(tmp_path: Path) -> None:
    documents = kube.web(
        rule(to("web"), match=[header_is("x-user", "alice")], headers=says("exact")),
        rule(to("web"), match=[header_is("x-user", "bob", "prefix")], headers=says("prefix")),
        rule(to("web"), match=[header_is("x-user", "c.*l", "regex")], headers=says("regex")),
        rule(
            to("web"),
            match=[{"uri": {"exact": "/four"}}, {"uri": {"regex": "/4+"}}],
            headers=says("either uri"),
        ),
        rule(
            to("web"),
            match=[{"uri": {"prefix": "/fi"}, **header_is("x-user", "dora")}],
            headers=says("both"),
        ),
        rule(to("web"), headers=says("default")),
    )
    expected = {
        ("", "alice"): "exact",
        ("", "alice2"): "default",
        ("", "bobby"): "prefix",
        ("", "carol"): "regex",
        ("", "carola"): "default",
        ("four", ""): "either uri",
        ("four?q=1", ""): "either uri",
        ("444", ""): "either uri",
        ("4445", ""): "default",
        ("five", "dora"): "both",
        ("five", "eve"): "default",
        ("", "dora"): "default",
    }
    with running(kube.write(tmp_path, *documents)) as mesh:
        seen = {
            (path, user): ask(mesh, [("x-user", user)] if user else [], path)[1].headers["x-rule"]
            for path, user in expected
        }
    assert seen == expected


def test_request_and_response_headers_are_set_added_and_removed(tmp_path: Path) -> None:
    documents = kube.web(
        rule(
            to("web", weight=1, headers={"request": {"add": {"baggage": "color=red"}}}),
            match=[header_is("x-case", "add")],
            headers={"response": {"add": {"x-more": "1"}, "remove": ["content-type"]}},
        ),
        rule(
            to("web"),
            match=[header_is("x-case", "set")],
            headers={"request": {"set": {"baggage": "color=blue"}}},
        ),
        rule(to("web"), headers={"request": {"remove": ["baggage"]}}),
        env={"lane_header": "color"},
    )
    with running(kube.write(tmp_path, *documents)) as mesh:
        green = ("baggage", "color=green")
        answer, _ = ask(mesh, [("x-case", "set"), green])
        assert answer.lane == "blue"
        answer, _ = ask(mesh, [green])
        assert answer.lane is None
        _, response = ask(mesh, [("x-case", "add"), ("baggage", "a=b")])
        assert b'"lane":"red"' in response.data
        assert response.headers["x-more"] == "1"
        assert "content-type" not in response.headers


def test_timeouts_apply(tmp_path: Path) -> None:
    documents = kube.web(rule(to("web"), timeout="200ms"))
    with running(kube.write(tmp_path, *documents)) as mesh:
        assert ask(mesh)[0].status == 200
        processes = mesh.pid(pod(mesh, "web-v1"))
        os.killpg(processes, signal.SIGSTOP)  # it accepts, and answers nothing
        try:
            assert ask(mesh)[0].status == 504
        finally:
            os.killpg(processes, signal.SIGCONT)


def test_retries_of_a_rule_apply(tmp_path: Path) -> None:
    documents = kube.web(
        rule(to("web"), match=[header_is("x-case", "none")], retries={"attempts": 0}),
        rule(to("web"), retries={"attempts": 3, "perTryTimeout": "2s", "retryOn": "503,reset"}),
    )
    with running(kube.write(tmp_path, *documents)) as mesh:
        assert ask(mesh, [("x-case", "none")])[0].status == 200
        assert ask(mesh)[0].status == 200
        assert mesh.admin.page("/config_dump?resource=static_route_configs")


def test_a_gateway_for_one_host_serves_only_that_host(tmp_path: Path) -> None:
    documents = kube.web()
    named(documents, "Gateway", "demo-gateway")["spec"]["servers"][0]["hosts"] = ["shop.example"]
    with running(kube.write(tmp_path, *documents)) as mesh:
        assert ask(mesh, [("Host", "shop.example")])[0].status == 200
        assert ask(mesh, [("Host", "shop.example:8080")])[0].status == 200
        assert ask(mesh)[0].status == 404
