"""`lanes init`: values and patches from manifests without lanes."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from lanes.adopting.written import one_line
from lanes.cli import main
from tests import kube

ROOT = Path(__file__).resolve().parents[3]
BOUTIQUE = str(ROOT / "examples" / "online-boutique" / "manifests.yaml")
SOCKS = str(ROOT / "tests" / "applications" / "sock-shop.yaml")
CATALOG, SHIPPING, CURRENCY = "productcatalogservice", "shippingservice", "currencyservice"
CALLS = {
    "frontend": {
        "adservice",
        "cartservice",
        "checkoutservice",
        CURRENCY,
        CATALOG,
        "recommendationservice",
        SHIPPING,
    },
    "checkoutservice": {
        "cartservice",
        CURRENCY,
        "emailservice",
        "paymentservice",
        CATALOG,
        SHIPPING,
    },
    "recommendationservice": {CATALOG},
}
SOCKS_CALLS = (
    "front-end=catalogue:80,carts:80,orders:80,user:80",
    "orders=carts:80,payment:80,shipping:80,user:80",
)


def init(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", *arguments])


def values(*arguments: str) -> dict[str, Any]:
    done = init(*arguments)
    assert done.exit_code == 0, done.output
    read: dict[str, Any] = yaml.safe_load(done.stdout)
    return read


def test_services_of_online_boutique_with_their_ports_protocols_and_calls() -> None:
    found = values(BOUTIQUE)
    assert found["mesh"] == {"provider": "istio"}
    assert found["lanes"] == {"baseline": "v1", "weights": {"v1": 100}}
    assert found["gateway"] == {"services": {"frontend": {}}}
    services = found["services"]
    assert {
        name: set(one["upstreams"]) for name, one in services.items() if "upstreams" in one
    } == (CALLS)
    email = services["emailservice"]
    assert (email["port"], email["targetPort"], email["appProtocol"]) == (5000, 8080, "grpc")
    assert email["image"] == {
        "repository": "registry.example.com/boutique/emailservice",
        "tag": "v0.10.3",
    }
    assert email["serviceAccount"] == {"name": "emailservice"}
    assert email["container"]["readinessProbe"] == {"grpc": {"port": 8080}}
    assert "appProtocol" not in services["frontend"]
    assert "redis-cart" not in services
    assert "frontend-external" not in services


def test_routing_only_needs_one_line_for_a_service() -> None:
    text = init(BOUTIQUE, "--routing-only").stdout
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 30
    found = yaml.safe_load(text)
    assert found["workloads"] == {"enabled": False}
    assert found["services"]["adservice"] == {
        "versions": {"v1": {}},
        "port": 9555,
        "appProtocol": "grpc",
    }


COMMENTS = {
    "a port that is not HTTP": "# - redis-cart: port 6379 (tcp-redis) is Redis's, and",
    "a second Service": "# - frontend-external: leads to the pods of frontend, which has lanes",
    "no mesh": "# The manifests name no mesh.",
    "no lane": "# To add a lane: weights: {v1: 100, next: 0}",
}


@pytest.mark.parametrize("sentence", COMMENTS.values(), ids=COMMENTS)
def test_comments_say_what_the_manifests_do_not(sentence: str) -> None:
    assert sentence in init(BOUTIQUE).stdout


def test_calls_that_manifests_do_not_show_come_from_the_user() -> None:
    unknown = init(SOCKS).stdout
    assert "# No known call leads from front-end to carts, catalogue," in unknown
    assert "port 6379 is Redis's, and lanes route HTTP alone" in unknown
    assert "# - rabbitmq: port 5672 (rabbitmq) is AMQP's, and" in unknown  # with its exporter
    found = values(SOCKS, *(f"--calls={calls}" for calls in SOCKS_CALLS))
    assert found["services"]["orders"]["upstreams"] == ["carts", "payment", "shipping", "user"]
    assert found["gateway"] == {"services": {"front-end": {}}}


def test_the_mesh_is_that_of_the_manifests() -> None:
    for provider in ("asm", "istio"):
        found = values(str(ROOT / "k8s" / provider))
        assert found["mesh"] == {"provider": provider}
        assert set(found["lanes"]["weights"]) == {"v1", "v2", "v3"}
        assert set(found["services"]["mockb"]["versions"]) == {"v1", "v3"}
    assert values(BOUTIQUE, "--provider=gateway-api")["gateway"]["parentRefs"]


def patched(application: str, patches: Path) -> str:
    """Return the file with an application's manifests as Kustomize patches them."""
    folder = patches.parent
    (folder / "application.yaml").write_text(Path(application).read_text())
    kustomization = {"resources": ["application.yaml"], "patches": [{"path": patches.name}]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    command = ["kubectl", "kustomize", str(folder)]
    made = folder / "made.yaml"
    made.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return str(made)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl has Kustomize")
@pytest.mark.parametrize("application", [BOUTIQUE, SOCKS], ids=["boutique", "socks"])
def test_with_its_patches_an_application_lacks_nothing(tmp_path: Path, application: str) -> None:
    patches = tmp_path / "patches.yaml"
    before = init(application, "--routing-only", "--patches", str(patches))
    assert "# What the manifests lack" in before.stdout
    made = patched(application, patches)
    after = init(made, "--routing-only", "--patches", str(patches), "--force")
    assert after.exit_code == 0
    assert "# What the manifests lack" not in after.stdout
    assert patches.read_text() == "# The manifests lack nothing.\n"


def test_a_file_is_overwritten_only_with_force(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    first = init(BOUTIQUE, "--output", str(file))
    assert first.exit_code == 0
    again = init(BOUTIQUE, "--output", str(file))
    assert again.exit_code == 0
    file.write_text("services: {}\n")
    other = init(BOUTIQUE, "--output", str(file))
    assert other.exit_code == 2
    assert (
        f"--output {file}: exists with other contents. Set --force to overwrite it." in other.stderr
    )
    assert file.read_text() == "services: {}\n"
    assert init(BOUTIQUE, "--output", str(file), "--force").exit_code == 0
    assert yaml.safe_load(file.read_text()) == values(BOUTIQUE)


def test_the_error_for_manifests_without_a_service_for_lanes(tmp_path: Path) -> None:
    done = init(kube.write(tmp_path, kube.service("db")))
    assert done.exit_code == 2
    assert "no Service here leads to pods over HTTP" in done.stderr
    assert "db: no workload here has the labels that it selects" in done.stderr


@pytest.mark.parametrize(
    "text", ["y", "on", "1e3", "0x1", "a\nb", " a", "$(HOST):80", "a: b", "=", ""]
)
def test_strings_stay_strings(text: str) -> None:
    line = one_line({"key": text})
    assert "\n" not in line
    assert yaml.safe_load(line) == {"key": text}


def test_a_plan_without_routes_is_as_seen_by_a_caller() -> None:
    done = CliRunner().invoke(main, ["plan", BOUTIQUE])
    assert done.exit_code == 0
    assert "planned as seen by a caller of frontend" in " ".join(done.stdout.split())
    assert "frontend-external" not in done.stdout


def test_the_gateway_calls_the_destination_of_its_route(tmp_path: Path) -> None:
    """Of several that no service calls. Without a route, the likeliest name comes first."""
    plain = [
        document
        for name in ("admin", "web-shop")
        for document in (kube.service(name), kube.foreign(name))
    ]
    assert values(kube.write(tmp_path, *plain))["gateway"]["services"] == {"web-shop": {}}
    route = kube.virtual_service("*", kube.rule(kube.to("admin")), gateways=["demo-gateway"])
    routed = kube.write(tmp_path, *plain, kube.gateway(), route)
    assert values(routed)["gateway"]["services"] == {"admin": {}}


def test_another_port_that_is_named_http_gets_another_name(tmp_path: Path) -> None:
    probe = {"httpGet": {"port": "http", "path": "/"}}
    container = {
        "name": "cart",
        "image": "localhost:5000/cart",
        "ports": [
            {"name": "grpc", "containerPort": 9090},
            {"name": "http", "containerPort": 8080},
        ],
        "readinessProbe": probe,
        "livenessProbe": {"tcpSocket": {"port": "grpc"}},
    }
    ports = [
        {"name": "grpc", "port": 7070, "targetPort": "grpc"},
        {"name": "http", "port": 80, "targetPort": "http"},
    ]
    pods = kube.put(kube.foreign("cart"), "spec.template.spec.containers", [container])
    found = values(kube.write(tmp_path, kube.service("cart", *ports), pods))["services"]["cart"]
    assert (found["port"], found["targetPort"], found["appProtocol"]) == (7070, 9090, "grpc")
    assert found["image"] == {"repository": "localhost:5000/cart"}
    assert found["container"] == {
        "readinessProbe": {"httpGet": {"port": "port-8080", "path": "/"}},
        "livenessProbe": {"tcpSocket": {"port": "http"}},
        "ports": [{"name": "port-8080", "containerPort": 8080}],
    }
    assert found["service"]["ports"] == [{"name": "port-80", "port": 80, "targetPort": "port-8080"}]


LEFT = {
    "on the host's network": (
        {"spec.template.spec.hostNetwork": True},
        "its pods are on their host's network, where they have no sidecar",
    ),
    "no Deployment": ({"kind": "StatefulSet"}, "is run by a StatefulSet, and the chart makes"),
}


@pytest.mark.parametrize(("fields", "why"), LEFT.values(), ids=LEFT)
def test_workloads_that_the_chart_cannot_run_are_left_as_they_are(
    tmp_path: Path, fields: dict[str, object], why: str
) -> None:
    pods = kube.foreign("cart")
    for path, value in fields.items():
        pods = kube.put(pods, path, value)
    shop = [kube.service("shop"), kube.foreign("shop")]
    done = init(kube.write(tmp_path, *shop, kube.service("cart"), pods))
    assert set(yaml.safe_load(done.stdout)["services"]) == {"shop"}
    assert f"# - cart: {why}" in done.stdout.replace("\n#   ", " ")


def test_a_second_workload_without_a_version_is_named(tmp_path: Path) -> None:
    worker = kube.put(kube.foreign("cart"), "metadata.name", "worker")
    done = init(kube.write(tmp_path, kube.service("cart"), kube.foreign("cart"), worker))
    said = done.stdout.replace("\n#   ", " ")
    assert "# - Deployment worker: runs pods of cart too, and these have no version" in said


def test_defaults_of_an_api_server_are_left_out(tmp_path: Path) -> None:
    """The output of `kubectl get` gives the same values as the file."""
    service, pods = kube.service("cart"), kube.foreign("cart")
    file = values(kube.write(tmp_path, service, pods, name="file.yaml"))
    template = "spec.template.spec"
    for path, value in {
        "spec.strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
        },
        "spec.revisionHistoryLimit": 10,
        "spec.progressDeadlineSeconds": 600,
        "status": {"replicas": 1},
        "metadata.annotations": {"deployment.kubernetes.io/revision": "1"},
        "spec.template.metadata.creationTimestamp": None,
        f"{template}.dnsPolicy": "ClusterFirst",
        f"{template}.restartPolicy": "Always",
        f"{template}.schedulerName": "default-scheduler",
        f"{template}.securityContext": {},
        f"{template}.terminationGracePeriodSeconds": 30,
        f"{template}.containers[0].terminationMessagePath": "/dev/termination-log",
        f"{template}.containers[0].terminationMessagePolicy": "File",
        f"{template}.containers[0].resources": {},
    }.items():
        pods = kube.put(pods, path, value)
    for path, value in {
        "spec.clusterIP": "10.0.0.1",
        "spec.clusterIPs": ["10.0.0.1"],
        "spec.internalTrafficPolicy": "Cluster",
        "spec.ipFamilies": ["IPv4"],
        "spec.ipFamilyPolicy": "SingleStack",
        "spec.sessionAffinity": "None",
        "spec.type": "ClusterIP",
        "status": {"loadBalancer": {}},
    }.items():
        service = kube.put(service, path, value)
    listed = {"apiVersion": "v1", "kind": "List", "items": [service, pods]}
    assert values(kube.write(tmp_path, listed, name="listed.yaml")) == file


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({"protocol": "TCP"}, {}),
        ({"hostPort": 80}, {"ports": [{"name": "http", "containerPort": 8080, "hostPort": 80}]}),
    ],
)
def test_other_fields_of_a_containers_port_are_kept(
    more: dict[str, object], kept: dict[str, object], tmp_path: Path
) -> None:
    port = {"name": "http", "containerPort": 8080, **more}
    container = {"name": "shop", "image": "shop:1", "ports": [port]}
    pods = kube.put(kube.foreign("shop"), "spec.template.spec.containers", [container])
    file = kube.write(
        tmp_path, kube.service("shop", {"name": "http", "port": 80, "targetPort": "http"}), pods
    )
    assert values(file)["services"]["shop"].get("container", {}) == kept
