"""`lanes diff`: what a change of manifests changes for requests."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lanes.cli import main
from tests import kube

ROOT = Path(__file__).resolve().parents[3]
RENDERED = ROOT / "examples" / "pull-requests" / "rendered"
BASE = str(RENDERED / "base.yaml")
SAMPLE = kube.asm(kube.SAMPLE, kube.WEIGHTS)


def diff(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["diff", *arguments])


@pytest.fixture
def with_lane(tmp_path: Path) -> str:
    """Return a folder with the base's manifests and those of lane pr-123."""
    folder = tmp_path / "new"
    folder.mkdir()
    for name in ("base.yaml", "pr-123.yaml"):
        (folder / name).write_text((RENDERED / name).read_text())
    return str(folder)


def changed(tmp_path: Path, *documents: kube.Document) -> str:
    """Return what `lanes diff` prints of the sample's manifests and these."""
    old = kube.write(tmp_path, *SAMPLE, name="old.yaml")
    done = diff(old, kube.write(tmp_path, *documents, name="new.yaml"))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_lane_of_a_pull_request_changes_nothing_for_anybody_else(with_lane: str) -> None:
    done = diff(BASE, with_lane, "--exit-code")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "lane pr-123: new, weight 0",
        "  entered by x-lane: pr-123",
        "  shop stable *, cart pr-123, stock stable *, users stable *",
        "Nothing changes for anybody but lane pr-123.",
    ]


def test_a_removed_lane_is_no_longer_entered(with_lane: str) -> None:
    done = diff(with_lane, BASE, "--format=markdown")
    assert done.stdout.splitlines() == [
        "**Nothing changes for anybody but lane pr-123.**",
        "",
        "Lane **pr-123**: gone, weight 0 before",
        "- no longer entered by x-lane: pr-123",
    ]


def test_the_same_manifests_change_nothing(with_lane: str) -> None:
    done = diff(with_lane, with_lane, "--exit-code")
    assert (done.exit_code, done.stdout) == (0, "Nothing changes for any request.\n")


def test_another_way_to_say_the_same_changes_nothing() -> None:
    """The providers' manifests of one system."""
    done = diff(str(ROOT / "k8s" / "asm"), str(ROOT / "k8s" / "istio"), "--exit-code")
    assert (done.exit_code, done.stdout) == (0, "Nothing changes for any request.\n")


def test_hops_that_change(tmp_path: Path) -> None:
    without = [one for one in SAMPLE if one["metadata"]["name"] != "mockc-v2"]
    assert changed(tmp_path, *without).splitlines() == [
        "lane v2: weight 30, as before",
        "  mockc: v2 -> v1 *",
        "Nothing changes for anybody but lane v2.",
    ]


def at_gateway(document: kube.Document) -> bool:
    return document["kind"] == "VirtualService" and "*" in document["spec"]["hosts"]


def test_rules_after_one_that_matches_all(tmp_path: Path) -> None:
    (hop,) = (
        one
        for one in SAMPLE
        if one["kind"] == "VirtualService" and one["spec"]["hosts"] == ["mockc"]
    )
    *own, last = hop["spec"]["http"]
    other = kube.put(hop, "spec.http", [last, *own])
    said = changed(tmp_path, *(other if one is hop else one for one in SAMPLE))
    assert "rules that no request meets any more:\n" in said
    assert "new.yaml: VirtualService mockc: spec.http[1]" in said
    assert "  mockc: v2 -> v1 !" in said


def test_rules_for_a_lane_that_no_gateway_sets_now(tmp_path: Path) -> None:
    (fewer,) = filter(at_gateway, kube.asm(kube.SAMPLE, {"v1": 70, "v3": 30}))
    said = changed(tmp_path, *(fewer if at_gateway(one) else one for one in SAMPLE))
    assert said.splitlines() == [
        "lane v1: weight 40 -> 70",
        "lane v2: gone, weight 30 before",
        "rules that no request meets any more:",
        "  rules for version: v2: no gateway sets it",
        "Nothing changes for anybody but lanes v1 and v2.",
    ]


def test_json_has_the_whole_difference(with_lane: str) -> None:
    found = json.loads(diff(BASE, with_lane, "--format=json").stdout)
    assert found["changed"] is True
    assert found["unchanged"] == ["next", "stable"]
    (lane,) = found["lanes"]
    assert lane == {
        "name": "pr-123",
        "change": "added",
        "weight": {"before": None, "after": 0},
        "hops": [],
        "entry_rules": {"added": ["x-lane: pr-123"], "removed": []},
    }
    assert found["unmet_rules"] == []


def test_names_of_strangers_are_no_markdown(tmp_path: Path) -> None:
    weights = {"v1": 60, "v2": 40}
    chain: kube.Chain = {"a_b_c": (("v1", "v2"), ())}
    old = kube.write(tmp_path, *kube.asm(chain, weights), name="old.yaml")
    fewer = [one for one in kube.asm(chain, weights) if one["metadata"]["name"] != "a_b_c-v2"]
    done = diff(old, kube.write(tmp_path, *fewer, name="new.yaml"), "--format=markdown")
    assert "| a\\_b\\_c | v2 | v1 \\* |" in done.stdout


def test_an_error_of_one_side_names_the_side(tmp_path: Path) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    empty = kube.write(tmp_path, namespace, name="empty.yaml")
    done = diff(BASE, empty)
    assert done.exit_code == 2
    assert done.stderr.startswith("lanes: ")
    assert "empty.yaml: no manifests there" in done.stderr


def test_another_lane_header_is_a_change(tmp_path: Path) -> None:
    said = changed(tmp_path, *kube.asm(header="x-lane"))
    assert said.splitlines() == [
        "lane header: version -> x-lane",
        "The lane header changes, and no lane.",
    ]


def test_what_is_not_supported_is_named_and_not_known(tmp_path: Path) -> None:
    asked = kube.rule(kube.to("mockb", "v3"), match=[{"tls": {}}])
    routes = ("VirtualService", "mockb")
    others = [one for one in SAMPLE if (one["kind"], one["metadata"]["name"]) != routes]
    old = kube.write(tmp_path, *SAMPLE, name="old.yaml")
    new = kube.write(tmp_path, *others, kube.virtual_service("mockb", asked), name="new.yaml")
    done = diff(old, new)
    assert done.exit_code == 0
    assert "  mockb: v1 -> ?\n" in done.stdout
    assert "new.yaml: VirtualService" in done.stderr
