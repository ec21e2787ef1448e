"""The objects that Helm creates and deletes for a release, and their order."""

import yaml

from tests.chart.api_server import ApiServer, api_server
from tests.chart.rendering import ISTIO, Values

OPERATOR: Values = ISTIO | {"instrumentation": {"mode": "operator"}}
INSTRUMENTATION = ("Instrumentation", "demo-instrumentation")


def run(api: ApiServer, command: str, values: Values | None = None) -> str:
    done = api.helm(command, values=values)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_instrumentation_is_there_before_the_pods_and_goes_with_the_release() -> None:
    """The Operator looks for it when a pod is made, and injects nothing where there is none."""
    with api_server() as api:
        run(api, "install", OPERATOR)
        kinds = [kind for kind, _ in api.names()]
        assert kinds.index("Instrumentation") < kinds.index("Deployment")
        assert "kind: Instrumentation" in run(api, "get manifest")

        collector = {"instrumentation": {"mode": "operator", "collector": "http://otel:4318"}}
        run(api, "upgrade", ISTIO | collector)
        (made,) = (o for o in api.objects.values() if o["kind"] == "Instrumentation")
        assert made["spec"]["exporter"] == {"endpoint": "http://otel:4318"}
        deleted = [path for method, path in api.requests if method == "DELETE"]
        assert not [path for path in deleted if "secrets" not in path]

        run(api, "uninstall")
        assert api.names() == []


def test_an_upgrade_to_the_operator_makes_it_before_pods_roll() -> None:
    with api_server() as api:
        run(api, "install", ISTIO)
        assert INSTRUMENTATION not in api.names()
        api.requests.clear()
        run(api, "upgrade", OPERATOR)
        sent = [path for method, path in api.requests if method in {"PATCH", "POST", "PUT"}]
        order = [path.split("/")[-2] if "PATCH" else path for path in sent]
        assert order.index("instrumentations") < order.index("deployments")
        run(api, "upgrade", ISTIO)
        assert INSTRUMENTATION not in api.names()


def test_a_list_is_one_that_an_api_server_takes_any_kind_in() -> None:
    """Helm validates a RoleList's members as Roles, and installs nothing."""
    with api_server() as api:
        run(api, "install", OPERATOR)
        lists = [one for one in yaml.safe_load_all(run(api, "get manifest")) if "items" in one]
    assert {(one["apiVersion"], one["kind"]) for one in lists} == {("v1", "List")}
