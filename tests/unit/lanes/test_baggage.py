"""The baggage header, against its own inverse and against OpenTelemetry's reading of it."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.baggage import get_all
from opentelemetry.baggage.propagation import W3CBaggagePropagator

from lanes.mesh.baggage import members, propagates, with_member

NAMES = st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=12)
VALUES = st.text(max_size=20).map(str.strip)


@given(NAMES, VALUES)
def test_a_member_reads_back_as_it_was_written(name: str, value: str) -> None:
    assert members(with_member("", name, value)) == {name: value}


@given(st.dictionaries(NAMES, VALUES, max_size=5), NAMES, VALUES)
def test_writing_one_member_leaves_the_others(
    others: dict[str, str], name: str, value: str
) -> None:
    header = ""
    for other, old in others.items():
        header = with_member(header, other, old)
    assert members(with_member(header, name, value)) == {**others, name: value}


@given(NAMES, VALUES, VALUES)
def test_writing_a_member_again_replaces_it(name: str, first: str, second: str) -> None:
    header = with_member(with_member("", name, first), name, second)
    assert header == with_member("", name, second)


@given(NAMES, VALUES)
def test_a_written_value_holds_nothing_that_ends_it(name: str, value: str) -> None:
    written = with_member("", name, value).removeprefix(f"{name}=")
    assert not set(written) & set(',;" \\')
    assert written.isascii()
    assert written.isprintable()


@given(st.dictionaries(NAMES, VALUES.filter(bool), min_size=1, max_size=5))
def test_opentelemetry_reads_values_as_they_were_written(tags: dict[str, str]) -> None:
    header = ""
    for name, value in tags.items():
        header = with_member(header, name, value)
    assert get_all(W3CBaggagePropagator().extract({"baggage": header})) == tags


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {}),
        ("version=v2", {"version": "v2"}),
        ("tenant=7,version=v2", {"tenant": "7", "version": "v2"}),
        (" tenant = 7 , version = v2 ", {"tenant": "7", "version": "v2"}),
        ("version=v2;ttl=30;secure,tenant=7", {"version": "v2", "tenant": "7"}),
        ("version=v2 ; ttl=30", {"version": "v2"}),
        ("version=v%202", {"version": "v 2"}),
        ("version=v+2", {"version": "v 2"}),
        ("ver%73ion=v2", {"version": "v2"}),
        ("%20version+=v2", {"version": "v2"}),
        ("version=a=b", {"version": "a=b"}),
        ("version=", {"version": ""}),
        ("version=v1,version=v2", {"version": "v2"}),
        ("version", {}),
        ("=v2", {}),
        (",,version=v2,,", {"version": "v2"}),
        ("Version=v2", {"Version": "v2"}),
    ],
)
def test_what_stands_in_a_header(header: str, found: dict[str, str]) -> None:
    assert members(header) == found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "version=v2"),
        ("version=v9", "version=v2"),
        ("version = v9 ;ttl=30", "version=v2"),
        ("version=v8,tenant=7,version=v9", "version=v2,tenant=7"),
        ("tenant=7;ttl=30 , region = eu", "version=v2,tenant=7;ttl=30,region = eu"),
        ("versions=v9", "version=v2,versions=v9"),
        ("%76ersion=v9,+version=v9,tenant=7", "version=v2,tenant=7"),
        (",,", "version=v2"),
    ],
)
def test_a_member_is_written_first_and_the_rest_kept_to_the_letter(before: str, after: str) -> None:
    assert with_member(before, "version", "v2") == after


def test_a_value_is_written_as_it_is_where_it_may_be() -> None:
    """As rules of a mesh match it."""
    value = string.ascii_letters + string.digits + "!#$&'()*-./:<=>?@[]^_`{|}~"
    assert with_member("", "version", value) == f"version={value}"
    assert with_member("", "version", "a,b;c%d") == "version=a%2Cb%3Bc%25d"


PROPAGATORS, DISABLED = "OTEL_PROPAGATORS", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
CALLS = {"upstream_url": ""}


@pytest.mark.parametrize(
    ("env", "injected", "sample", "found"),
    [
        ({}, [], False, None),
        ({}, [], True, None),
        (CALLS, [], False, None),
        (CALLS, [], True, True),
        ({}, ["java"], False, True),
        ({}, ["go"], False, None),
        ({}, ["sdk", "go"], True, None),
        ({}, ["go", "java"], False, True),
        (CALLS, ["go"], True, True),
        ({PROPAGATORS: "tracecontext"}, ["java"], False, False),
        ({PROPAGATORS: "tracecontext"}, [], False, False),
        ({PROPAGATORS: "tracecontext, baggage"}, [], False, True),
        ({PROPAGATORS: "baggage"}, ["go"], False, None),
        *(
            ({**CALLS, DISABLED: f"x, {one}"}, [], True, False)
            for one in ("*", "flask", "requests")
        ),
        ({**CALLS, DISABLED: "urllib3"}, [], True, True),
    ],
)
def test_whether_a_process_hands_baggage_on(
    env: dict[str, str], injected: list[str], sample: bool, found: bool | None
) -> None:
    assert propagates(env, injected, sample=sample) is found
