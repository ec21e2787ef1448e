"""Ask a running mesh for lane v2 by every way, and by what is none."""

from itertools import islice

from tests.entry_rules import PATH, STAYS_OUT
from tests.hostile import Headers, each, forms, named, repeated
from tests.mesh.running import Asked, ask, versions


def kept_out(mesh: Asked, requests: list[Headers]) -> list[Headers]:
    """Those of `requests` that do not lead to v2 at every hop, or whose answer names another."""
    return [headers for headers in requests if not _enters(mesh, headers)]


def _enters(mesh: Asked, headers: Headers) -> bool:
    answer, response = ask(mesh, headers)
    lanes = {step.lane for step in answer.path} | {response.headers.get("x-lane")}
    return (versions(answer), lanes) == (PATH, {"v2"}) and "set-cookie" not in response.headers


def let_in(mesh: Asked) -> list[str]:
    """What enters lane v2 though nobody opened it: near misses, and the hostile forms.

    Of a header on several lines, none names the lane; the sticky cookie may, for the lane has no
    weight.
    """
    hostile = [*each(lane="v2"), *islice(forms(9, lane="v2"), 40)]
    lines = islice(repeated(9, "x-enter", ["enter", "kept"], "v2"), 100)
    hostile += [form for form in lines if "v2" not in named(form, "x-enter", ["enter"])]
    tried = [(str(headers), headers) for headers in STAYS_OUT]
    tried += [(str(form), form.headers) for form in hostile]
    return [tries for tries, headers in tried if _lanes(mesh, headers) & {"v2"}]


def _lanes(mesh: Asked, headers: Headers) -> set[str | None]:
    answer, response = ask(mesh, headers)
    return {response.headers.get("x-lane"), *(step.lane for step in answer.path)}


def assert_sticky(mesh: Asked) -> None:
    """A drawn lane keeps its visitors by the cookie that it leaves, until it has weight 0."""
    drawn = {}
    for _ in range(24):  # all into one lane by chance: 2 * 0.5 ** 24
        _, response = ask(mesh)
        cookie, *attributes = response.headers["set-cookie"].split("; ")
        assert attributes == ["Max-Age=60", "Path=/", "HttpOnly", "SameSite=Lax"]
        assert cookie == f"kept={response.headers['x-lane']}"
        drawn[response.headers["x-lane"]] = cookie
    assert drawn == {"v1": "kept=v1", "v3": "kept=v3"}
    for lane, cookie in drawn.items():
        for _ in range(15):
            answer, response = ask(mesh, [("cookie", f"a=b; {cookie}")])
            assert {step.lane for step in answer.path} == {lane} == {response.headers["x-lane"]}
            assert "set-cookie" not in response.headers
    again = [ask(mesh, [("cookie", "kept=v2")])[1].headers for _ in range(24)]
    assert {headers["x-lane"] for headers in again} == {"v1", "v3"}
    assert all(headers["set-cookie"].startswith("kept=") for headers in again)
