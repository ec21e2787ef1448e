"""Reading: files, folders, standard input; and the sentences for what can't be read."""

import io
import os
from pathlib import Path

import pytest
import yaml

from lanes.errors import LanesError
from lanes.reading import kinds
from lanes.reading.manifests import Manifests
from lanes.reading.reader import read, read_for_lint, short
from lanes.reading.rendered import kustomized
from lanes.reading.resolve import resolve
from tests.kube import (
    Document,
    deployment,
    gateway,
    put,
    rule,
    service,
    to,
    virtual_service,
    without,
    write,
)
from tests.unit.lanes.reading import REPOSITORY


def names(manifests: Manifests) -> list[str]:
    return [f"{r.kind} {r.name}" for r in manifests.resources]


def text_file(tmp_path: Path, text: str) -> str:
    file = tmp_path / "x.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def refusal(*paths: str) -> str:
    with pytest.raises(LanesError) as caught:
        read(paths)
    return str(caught.value)


def test_a_file_holds_any_number_of_documents(tmp_path: Path) -> None:
    file = write(tmp_path, service("a"), service("b"), deployment("a"))
    assert names(read([file])) == ["Service a", "Service b", "Deployment a-v1"]


def test_a_folder_is_read_to_its_depths_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "z").mkdir()
    write(tmp_path, service("b"), name="b.yml")
    write(tmp_path, service("a"), name="a.yaml")
    write(tmp_path / "z", service("c"), name="c.yaml")
    (tmp_path / "d.json").write_text(
        '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "d"}, "spec": {}}'
    )
    (tmp_path / "README.md").write_text("# no manifest")
    found = read([str(tmp_path)])
    assert names(found) == ["Service a", "Service b", "Service d", "Service c"]
    assert found.resources[0].source == str(tmp_path / "a.yaml")


def test_several_paths_are_read_in_their_order(tmp_path: Path) -> None:
    first = write(tmp_path, service("b"), name="1.yaml")
    second = write(tmp_path, service("a"), name="0.yaml")
    found = read([first, second])
    assert names(found) == ["Service b", "Service a"]
    assert found.sources == (first, second)


def stdin(text: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text))


@pytest.mark.parametrize(
    ("text", "problem"), [(b"\xff\xfe", "cannot be read"), (b"", "no manifests came")]
)
def test_a_pipe_that_brings_nothing_readable(
    monkeypatch: pytest.MonkeyPatch, text: bytes, problem: str
) -> None:
    monkeypatch.setattr("sys.stdin", stdin(text))
    with pytest.raises(LanesError, match=f"^standard input: {problem}"):
        read(["-"])


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", stdin(yaml.safe_dump(service("a")).encode()))
    found = read(["-"])
    assert names(found) == ["Service a"]
    assert found.resources[0].source == "standard input"


def test_what_is_wrong_on_standard_input_is_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", stdin(b"kind: Service\nmetadata: {name: x}\n"))
    with pytest.raises(LanesError, match=r"^standard input: Service x: spec: missing"):
        read(["-"])


def test_empty_documents_and_comments_are_nothing(tmp_path: Path) -> None:
    text = f"---\n# nothing\n---\n{yaml.safe_dump(service('a'))}---\n---\n"
    assert names(read([text_file(tmp_path, text)])) == ["Service a"]


@pytest.mark.parametrize("kind", ["List", "ServiceList"])
def test_a_list_holds_its_items(tmp_path: Path, kind: str) -> None:
    items = {"apiVersion": "v1", "kind": kind, "items": [service("a"), service("b")]}
    assert names(read([write(tmp_path, items)])) == ["Service a", "Service b"]


def test_every_document_of_a_kind_comes_with_where_it_stood(tmp_path: Path) -> None:
    found = read([write(tmp_path, service("a"), deployment("a"), service("b"))])
    services = list(found.of(kinds.Service))
    assert [(r.name, body.metadata.name) for r, body in services] == [("a", "a"), ("b", "b")]


def test_one_name_may_stand_once_in_each_namespace_and_kind(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        service("a"),
        service("a", namespace="other"),
        deployment("a", name="a"),
        virtual_service("a", rule(to("a"))),
    )
    assert len(read([file]).resources) == 4


# Refusals


def test_no_such_path(tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    assert refusal(path) == f"{path}: no such file or directory; name manifests, or - for stdin"


def test_an_empty_folder(tmp_path: Path) -> None:
    assert refusal(str(tmp_path)) == (
        f"{tmp_path}: no manifests there; render some, e.g. helm template"
    )


def test_only_what_is_left_to_the_cluster(tmp_path: Path) -> None:
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
    assert "no manifests there" in refusal(write(tmp_path, document))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"kind: \xff\xfe")
    assert refusal(str(tmp_path)).startswith(f"{file}: cannot be read: 'utf-8' codec")


def test_a_broken_link(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").symlink_to(tmp_path / "gone.yaml")
    assert refusal(str(tmp_path)).startswith(f"{tmp_path / 'x.yaml'}: cannot be read: No such file")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("kind: Service\nmetadata:\n  name: a\n bad: x\n", 4),
        ("kind: [Service\n", 2),
        ("---\n\n---\nkind: {{ .Values.kind }}\n", 4),
        ("kind:\tService\n\t- x", 2),
    ],
)
def test_no_yaml_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    file = text_file(tmp_path, text)
    assert refusal(file).startswith(f"{file}: line {line}: invalid YAML: ")
    assert "\n" not in refusal(file)


@pytest.mark.parametrize(
    "text",
    [
        "just words\n",
        "- a\n- b\n",
        "metadata: {name: a}\n",
        "kind: 5",
        *(f"kind: List\nitems: [{item}]" for item in ("{apiVersion: v1}", "Service", "null")),
    ],
)
def test_a_document_without_a_kind(tmp_path: Path, text: str) -> None:
    file = text_file(tmp_path, text)
    assert refusal(file).startswith(
        f"{file}: a document is not a Kubernetes resource: it has no kind; "
    )


LEFT = {
    "Namespace": "v1",
    "PersistentVolumeClaim": "v1",
    "ServiceAccount": "v1",
    "Job": "batch/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
    "PeerAuthentication": "security.istio.io/v1",
    "WorkloadGroup": "networking.istio.io/v1",
    "TCPRoute": "gateway.networking.k8s.io/v1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
    "Whatever": "example.com/v1",
    "Service (serving.knative.dev)": "serving.knative.dev/v1",
}


def test_kinds_that_choose_no_route_are_left_to_the_cluster(tmp_path: Path) -> None:
    documents = [
        {"apiVersion": api, "kind": kind.partition(" ")[0], "metadata": {"name": "x"}}
        for kind, api in LEFT.items()
    ]
    found = read([write(tmp_path, service("a"), *documents)])
    assert names(found) == ["Service a", "Namespace x", "PeerAuthentication x"]
    assert found.left_to_cluster == tuple(LEFT)


@pytest.mark.parametrize(
    ("api", "kind"),
    [
        ("istio.alibabacloud.com/v1", "ASMGrpcJsonTranscoder"),
        ("networking.istio.io/v1", "Whatever"),
        ("gateway.networking.x-k8s.io/v1alpha1", "XListenerSet"),
    ],
)
@pytest.mark.parametrize("listed", [False, True])
def test_an_unknown_kind_that_may_route(
    tmp_path: Path, api: str, kind: str, *, listed: bool
) -> None:
    other: Document = {"apiVersion": api, "kind": kind, "metadata": {"name": "x"}}
    several = {"apiVersion": "v1", "kind": "List", "items": [service("a"), other]}
    file = write(tmp_path, several if listed else other)
    what = f"{kind} ({api.partition('/')[0]})"
    assert refusal(file) == (
        f"{file}: {kind} x: {what} may choose routes, and is not supported; correct or remove it"
    )


def test_a_folders_other_files_stop_nothing(tmp_path: Path) -> None:
    write(tmp_path, service("a"))
    (tmp_path / "values.yaml").write_text("replicas: 1\n")
    (tmp_path / "kustomization.yaml").write_text("resources: [mesh.yaml]\n")
    found = read([str(tmp_path)])
    assert names(found) == ["Service a"]
    assert found.left_to_cluster == ()
    assert [(w.rule, w.file) for w in found.warnings] == [
        ("no-resource", str(tmp_path / "values.yaml"))
    ]


@pytest.mark.parametrize("named", [False, True])
def test_what_a_kustomization_changes_is_rendered_first(tmp_path: Path, *, named: bool) -> None:
    told: Document = {"resources": ["mesh.yaml"], "namePrefix": "pr-"}
    if named:
        told |= {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    write(tmp_path, told, name="kustomization.yaml")
    render = (
        f"{tmp_path}/kustomization.yaml: a Kustomization, whose changes are not planned:"
        f" render it, kubectl kustomize {tmp_path} | lanes plan -"
    )
    assert refusal(str(tmp_path)) == render
    write(tmp_path, service("a"))
    assert list(map(str, read([str(tmp_path)]).warnings)) == [render]
    patch = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {}}
    write(tmp_path, patch, name="patch.yaml")
    assert refusal(str(tmp_path)).splitlines() == [
        render,
        f"{tmp_path}/patch.yaml: Deployment a: spec.template: missing",
    ]


@pytest.mark.parametrize(
    ("document", "beside"),
    [
        ({"resources": ["a.yaml"]}, True),
        ({"resources": []}, True),
        ({"resources": [], "metadata": {}}, True),
        ({"resources": ["a.yaml"], "kind": "Kustomization", "apiVersion": "x"}, True),
        ({"resources": ["a.yaml"], "metadata": {}, "namePrefix": "x-"}, False),
        ({"resources": ["a.yaml", "b.yaml"]}, False),
        ({"resources": ["../folder/a.yaml"]}, False),
        ({"resources": ["a.yaml", 1]}, False),
        ({"resources": "a.yaml"}, False),
        ({}, False),
    ],
)
def test_a_kustomization_that_only_lists_what_is_beside_it(
    tmp_path: Path, document: Document, beside: bool
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.yaml").touch()
    found = kustomized(str(folder / "kustomization.yaml"), document)
    assert (found.rule if found else "") == ("" if beside else "kustomization")


def test_a_helm_chart_is_rendered_first(tmp_path: Path) -> None:
    inner = tmp_path / "shop" / "charts" / "inner"
    for chart in (tmp_path / "shop", inner):
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text("name: shop\n")
        for number in range(2):
            (chart / f"templates/{number}.yaml").write_text('{{ include "a" . }}\n')
    shop = tmp_path / "shop"
    for named in (tmp_path, shop, inner, shop / "templates" / "0.yaml"):
        assert refusal(str(named)) == (
            f"{shop}: a Helm chart: render it, helm template {shop} | lanes plan -"
        )


def test_what_goes_to_the_namespace_that_is_asked_for(tmp_path: Path) -> None:
    bare = without(service("a"), "metadata.namespace")
    found = read([write(tmp_path, bare, service("b", namespace="other"))], "shop")
    spaces = [(body.metadata.namespace, r.namespaced) for r, body in found.of(kinds.Service)]
    assert spaces == [("shop", False), ("other", True)]


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    many = [put(service(f"s{n}"), "spec.ports[0].port", 0) for n in range(12)]
    broken = tmp_path / "a.yaml"
    broken.write_text("kind: [")
    write(tmp_path, *many, put(gateway(), "spec.servers", []))
    lines = refusal(str(tmp_path)).splitlines()
    assert len(lines) == 11
    assert lines[0].startswith(f"{broken}: line 2: invalid YAML")
    assert "Service s0: spec.ports[0].port" in lines[1]
    assert lines[-1] == "... and 4 more like these"


# What no manifest is


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"kind: Service\nspec: {{replicas: {'9' * 5000}}}\n", "a number of 5,000 characters"),
        ("[" * 100_000, "nested more than 100 deep"),
        ("- " * 100_000 + "a", "nested more than 100 deep"),
        ("".join(" " * n + "a:\n" for n in range(300)), "nested more than 100 deep"),
        ("kind: &a [*a]\n", "an alias contains itself"),
        ("kind: 'a\x1b[31m'\nmetadata: {name: b}", "control characters are not allowed"),
    ],
)
def test_what_no_manifest_is(tmp_path: Path, text: str, problem: str) -> None:
    sentence = refusal(text_file(tmp_path, text))
    assert problem in sentence
    assert len(sentence) < 3000


def test_a_value_without_end_is_not_quoted_whole(tmp_path: Path) -> None:
    kind = {"apiVersion": "networking.istio.io/v1", "kind": "a\x1b[31m\n" + "x" * 10_000}
    sentence = refusal(write(tmp_path, kind))
    assert "a\\x1b[31m\\nxxx" in sentence
    assert len(sentence) < 2100


def test_manifests_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lanes.reading.files.MOST_BYTES", 300)
    for number in range(3):
        write(tmp_path, service("a"), name=f"{number}.yaml")
    assert len(refusal(str(tmp_path))) < 300
    with Path("/dev/zero").open("rb") as endless:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(endless))
        assert refusal("-").startswith("standard input: the manifests are more than")


@pytest.mark.parametrize(
    "document", [service("a"), deployment("a"), gateway(), virtual_service("a", rule(to("a")))]
)
def test_one_name_twice(tmp_path: Path, document: Document) -> None:
    first = write(tmp_path, document, name="1.yaml")
    write(tmp_path, document, name="1_again.yaml")  # the same once more changes nothing
    later = put(document, "metadata.creationTimestamp", "2026-11-30T08:00:00Z")
    write(tmp_path, later, name="1_later.yaml")  # nor does when a cluster made it
    labeled = [put(document, "metadata.labels", {"x": value}) for value in ("y", "z")]
    second = write(tmp_path, *labeled, name="2.yaml")
    other = service("other")
    write(tmp_path, other, document, name="3.yaml")
    manifests = read([str(tmp_path)])
    labels = [one.body.model_dump()["metadata"]["labels"] for one in manifests.resources]
    assert labels == [{}, {}]  # the last is as the first
    who = f"{document['kind']} {document['metadata']['name']}: occurs twice"
    says = "this one, which is applied last, is planned"
    assert [str(one) for one in manifests.warnings] == [
        f"{second}: {who}, first in {first}: {says}",
        f"{second}: {who}: {says}",
        f"{tmp_path / '3.yaml'}: {who}, first in {second}: {says}",
    ]


def test_a_file_below_is_named_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(write(tmp_path, service("a")))
    monkeypatch.chdir(tmp_path)
    assert [short(one) for one in (str(file), "x/../mesh.yaml")] == ["mesh.yaml", "mesh.yaml"]
    monkeypatch.chdir("/proc")
    assert short(str(file)) == str(file)
    assert short("standard input") == "standard input"


def test_for_lint_what_a_cluster_adds_makes_no_other_resource(tmp_path: Path) -> None:
    own = virtual_service("a", rule(to("a")))
    again = {**own, "apiVersion": "networking.istio.io/v1beta1", "status": {"x": 1}}
    labeled = put(own, "metadata.labels", {"x": "y"})
    for second, times in (again, 0), (labeled, 1):
        found, _ = read_for_lint([write(tmp_path, own, second)])
        assert len(found.duplicates) == times


def test_what_a_kustomization_patches_is_not_replaced_by_the_patch(tmp_path: Path) -> None:
    write(tmp_path, {"namePrefix": "x-"}, name="kustomization.yaml")
    first = write(tmp_path, service("a"), name="1.yaml")
    second = write(tmp_path, put(service("a"), "metadata.labels", {"x": "z"}), name="2.yaml")
    told = f"{second}: Service a: occurs twice, first in {first}; keep one"
    assert refusal(str(tmp_path)).endswith(told)
    with pytest.raises(LanesError, match="keep one"):
        read([str(tmp_path)], strict=False)


def test_a_resource_without_a_name(tmp_path: Path) -> None:
    nameless = service("a")
    del nameless["metadata"]["name"]
    file = write(tmp_path, nameless)
    assert refusal(file) == f"{file}: Service ?: metadata.name: missing"
    del nameless["metadata"]
    file = write(tmp_path, nameless)
    assert refusal(file) == f"{file}: Service ?: metadata: missing"


def test_the_manifests_of_the_repository_can_be_read() -> None:
    for folder in ("asm", "istio"):
        found = read([os.path.relpath(REPOSITORY / "k8s" / folder)])
        assert len(list(found.of(kinds.Deployment))) == 7


def test_a_field_with_nothing_behind_it_counts_as_absent(tmp_path: Path) -> None:
    empty = put(deployment("a"), "spec.template.metadata.annotations", None)
    assert names(read([write(tmp_path, empty)])) == ["Deployment a-v1"]


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("Deployment", "should be KIND/NAME"),
        ("Deployment/", "should be KIND/NAME"),
        ("/a", "should be KIND/NAME"),
        ("Deployment/a/b", "should be KIND/NAME"),
        ("Deployment/b", "the manifests have no such resource"),
        ("Service/a", "the manifests have no such resource"),
    ],
)
def test_what_can_not_be_skipped(named: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(LanesError, match=f"^--skip {named}: {problem}"):
        read([write(tmp_path, deployment("a"))], skip=[named])


@pytest.mark.parametrize("named", ["Deployment/a-v1", "deployment/a-v1"])
def test_what_is_skipped_is_not_read(named: str, tmp_path: Path) -> None:
    both = write(tmp_path, service("a"), deployment("a"), deployment("a", "v2"))
    assert [pod.version for pod in resolve(read([both], skip=[named])).pods] == ["v2"]
