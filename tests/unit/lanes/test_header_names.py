"""Header names and values of manifests: what stands in none, wherever one may stand."""

import pytest

from lanes.envoy.parts import header_in_format
from tests.kube import (
    Document,
    backend,
    deployment,
    header_propagation,
    http_route,
    put,
    route_rule,
    rule,
    service,
    sets,
    takes,
    to,
    to_gateway,
    virtual_service,
)
from tests.unit.lanes.reading import mesh_of, refusal

VIRTUAL_SERVICE = virtual_service("a", rule(to("a")))
ROUTE = http_route("r", to_gateway(), route_rule(backend("a")))


@pytest.mark.parametrize(("name", "found"), [("x-lane", "%REQ(x-lane)%"), ("x)%a", ""), ("", "")])
def test_a_header_stands_in_a_format_by_its_name(name: str, found: str) -> None:
    assert header_in_format(name) == found


def changes(name: str) -> list[Document]:
    """Each change of an HTTPRoute's header modifier to the header of this name."""
    header = {"name": name, "value": "a"}
    return [{"set": [header]}, {"add": [header]}, {"remove": [name]}]


def modifiers(name: str, side: str) -> list[list[Document]]:
    kind = f"{side}HeaderModifier"
    return [[{"type": kind, f"{side.lower()}HeaderModifier": change}] for change in changes(name)]


def everywhere(name: str) -> list[Document]:
    """Manifests that have a header of this name, each in another field."""
    asked = {name: {"exact": "a"}}
    ways: list[tuple[Document, str, object]] = [
        (VIRTUAL_SERVICE, "spec.http[0].match", [{"headers": asked}]),
        (VIRTUAL_SERVICE, "spec.http[0].match", [{"withoutHeaders": asked}]),
        (header_propagation(), "spec.headers", [name]),
        (header_propagation(), "spec.headerPrefix", [name]),
        (ROUTE, "spec.rules[0].matches", [takes(headers={name: "a"})]),
    ]
    for where in ("spec.http[0].headers", "spec.http[0].route[0].headers"):
        for side in ("request", "response"):
            made = {"set": {name: "a"}, "add": {name: "a"}, "remove": [name]}
            ways += [(VIRTUAL_SERVICE, where, {side: {how: made[how]}}) for how in made]
    for where in ("spec.rules[0].filters", "spec.rules[0].backendRefs[0].filters"):
        for side in ("Request", "Response"):
            ways += [(ROUTE, where, filters) for filters in modifiers(name, side)]
    return [put(document, path, value) for document, path, value in ways]


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a\nb", "x]]", "{{x}}", "${x}", "%REQ(x)%", "Ä", "a:b", "a,b"],
)
def test_no_header_is_called_what_is_no_token(name: str) -> None:
    documents = everywhere(name)
    assert len(documents) == 29
    for document in documents:
        told = refusal(document)
        assert told.startswith(f"{document['kind']} ")
        assert "is not a header" in told


# The second, pasted into a Lua script, ran a program; and it is a token.
@pytest.mark.parametrize("name", ["X-!#$&'*+.^_`|~1", "x'..dofile'f'..'"])
def test_a_header_may_be_called_any_other_token(name: str) -> None:
    for document in everywhere(name):
        mesh_of(service("a"), deployment("a"), document)


@pytest.mark.parametrize(
    ("value", "known"),
    [
        *((value, True) for value in ("plain", "100%%", "", "a\tb", "%REQ(x-a?:path):20%")),
        *((f"%{name}%", True) for name in ("PROTOCOL", "DOWNSTREAM_REMOTE_ADDRESS", "STREAM_ID")),
        *((f"%{name}%", True) for name in ("START_TIME", "START_TIME(%Y/%m)", "UPSTREAM_HOST")),
        *((value, False) for value in ("100%", "%", "%%%", "%REQ(x%", "%req(x)%", "a\nb", "a\0b")),
        *((f"%{name}%", False) for name in ("ENVIRONMENT(HOME)", "FILE_CONTENT(/etc/passwd)")),
        *(
            (f"%{name}%", False)
            for name in ("DYNAMIC_METADATA(a:b)", "FILTER_STATE(a)", "HOSTNAME")
        ),
        *((f"%{name}%", False) for name in ("CEL(request.path)", "SECRET(a)", "METADATA(ROUTE:a)")),
        *((f"%{name}%", False) for name in ("REQ(a b)", "REQ(a)%%REQ(b", "HOSTNAME", "NO_SUCH")),
    ],
)
def test_of_envoys_operators_those_of_the_request_are_known(value: str, known: bool) -> None:
    documents = [
        put(VIRTUAL_SERVICE, "spec.http[0].headers", {"request": {"set": {"x-a": value}}}),
        put(ROUTE, "spec.rules[0].filters", [sets("x-a", value)]),
    ]
    for document in documents:
        if known:
            mesh_of(service("a"), deployment("a"), document)
        else:
            assert "a % that is neither doubled nor part of a command" in refusal(document)
