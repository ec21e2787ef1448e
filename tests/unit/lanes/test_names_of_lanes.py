"""What a lane header is called, and which names need their namespace."""

from lanes.planning.lane_headers import matched_headers
from lanes.planning.service_names import shared_names
from tests.kube import deployment, destination_rule, header_is, rule, service, to, virtual_service
from tests.unit.lanes.reading import mesh_of


def test_a_lane_of_two_headers_is_called_by_the_first_and_by_both_values() -> None:
    both = {"headers": {**header_is("x-a", "one")["headers"], **header_is("x-b", "two")["headers"]}}
    rules = virtual_service("cart", rule(to("cart", "v2"), match=[both]), rule(to("cart", "v1")))
    pods = [deployment("cart"), deployment("cart", "v2")]
    mesh = mesh_of(service("cart"), *pods, destination_rule("cart", "v1", "v2"), rules)
    (found,) = matched_headers(mesh, [])
    assert (found.name, found.header) == ("one and two", "x-a")
    assert found.headers == (("x-a", "one"), ("x-b", "two"))


def test_names_of_services_without_pods_are_shared_too() -> None:
    both = [service("cart"), service("cart", namespace="other"), service("shop")]
    assert shared_names(mesh_of(*both)) == {"cart"}
