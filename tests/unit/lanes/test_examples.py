"""Values by which a match is shown and tried."""

import pytest

from lanes.mesh.examples import example, examples
from lanes.mesh.matching import StringMatch
from tests.unit.lanes.test_matching import THERE, begins, fits, is_, under


@pytest.mark.parametrize(
    ("regex", "found"),
    [
        ("a|b", "a"),
        ("(a|b|c)d", "ad"),
        ("(?:a|bb)c", "ac"),
        ("(?P<x>a)b", "ab"),
        ("(a(b|c)d|e)f", "abdf"),
        ("(a|b){2}", "aa"),
        ("(?i)v2", "v2"),
        ("^v2$", "v2"),
        (r"v\b", "v"),
        ("v[12]", "v1"),
        ("[^a-c]", "x"),
        ("[^x]", "0"),
        ("[]a]b", "ab"),
        ("[[:digit:]]a", "0a"),
        ("a.c", "axc"),
        (r"\.a", ".a"),
        (r"\x41", "A"),
        (r"\x{42}", "B"),
        (r"\pLa", "xa"),
        (r"\p{Lu}b", "Ab"),
        (r"\d{3}", "000"),
        ("a{2,}b", "aab"),
        ("a{0}b", "b"),
        ("x?y*z+", "z"),
        ("x+?y", "xy"),
        ("x*", "x"),
        ("x??y{2}?", "yy"),
        ("a{b", "a{b"),  # a brace that counts nothing
        ("(x(?i)a)*b", "b"),
        (r"(?:.*;)?\s*lane=v2\s*(?:;.*)?", "lane=v2"),
        (r"^(.*?;\s*)?(lane=v2)(;.*)?$", "lane=v2"),
        ("(?P<lane>v2)+", "v2"),
        (r"\Qv2\E", "v2"),
        ("", None),
        (r"v2\101", None),
        (r"v2\b[^ ]", None),
        ("[^\x00-\x7f]", None),
        (r"\Q[\E", None),  # taken for a bracket that nothing ends
    ],
)
def test_a_value_of_a_regular_expression(
    regex: str, found: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert example(fits(regex)) == found
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (is_("v1"), ("v1",)),
        (begins("v1"), ("v1", "v1x")),
        (under("/a"), ("/a", "/a/x")),
        (THERE, ("x", "other")),
        (fits("v[12]"), ("v1",)),
        (fits(""), ()),
    ],
)
def test_the_values_of_a_match(asked: StringMatch, found: tuple[str, ...]) -> None:
    assert examples(asked) == found
