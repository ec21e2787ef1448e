"""Send requests that enter lane v2 of a running mesh, and requests that must not."""

from itertools import islice

from tests.entry_rules import PATH, STAYS_OUT
from tests.hostile import Headers, each, forms, named, repeated
from tests.mesh.running import Target, ask, versions


def kept_out(mesh: Target, requests: list[Headers]) -> list[Headers]:
    """Return the requests that miss v2 at a hop, or whose answer names another lane."""
    return [headers for headers in requests if not _enters(mesh, headers)]


def _enters(mesh: Target, headers: Headers) -> bool:
    answer, response = ask(mesh, headers)
    lanes = {step.lane for step in answer.path} | {response.headers.get("x-lane")}
    return (versions(answer), lanes) == (PATH, {"v2"}) and "set-cookie" not in response.headers


def let_in(mesh: Target) -> list[str]:
    """Return the near misses and hostile forms that enter lane v2.

    No line of a repeated header names the lane. The sticky cookie may, as the lane has no weight.
    """
    hostile = [*each(lane="v2"), *islice(forms(9, lane="v2"), 40)]
    lines = islice(repeated(9, "x-enter", ["enter", "kept"], "v2"), 100)
    hostile += [form for form in lines if "v2" not in named(form, "x-enter", ["enter"])]
    requests = [(str(headers), headers) for headers in STAYS_OUT]
    requests += [(str(form), form.headers) for form in hostile]
    return [tries for tries, headers in requests if _lanes(mesh, headers) & {"v2"}]


def _lanes(mesh: Target, headers: Headers) -> set[str | None]:
    answer, response = ask(mesh, headers)
    return {response.headers.get("x-lane"), *(step.lane for step in answer.path)}


def assert_sticky(mesh: Target) -> None:
    """Require that the sticky cookie keeps a visitor in the lane, unless its weight is 0."""
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
