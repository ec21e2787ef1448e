"""The HTML page: complete, without references to other files, and safe with any answer."""

from html.parser import HTMLParser

import pytest

from lanes.report.html import html
from lanes.report.plots import Scale, share, times
from lanes.verification.performance import Figures
from lanes.verification.verdict import LaneVerdict
from tests.kube import asm
from tests.unit.lanes.clockwork import BESIDE, PLAN, Clock, tried
from tests.unit.lanes.reading import plan_of

NASTY = '<script>alert("1")</script> & \'"><img src=http://x/ onerror=1> \x00'


class Page(HTMLParser):
    """What a page is made of: its text, and its elements with their attributes."""

    VOID = ("meta", "br", "!doctype")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if self.open[-1:] != ["style"] else ""


def page_of(clock: Clock, plan: object = PLAN, **how: bool) -> Page:
    page = Page(html(tried(clock, plan, **how)))  # type: ignore[arg-type]
    assert page.open == []
    return page


def test_the_page_shows_plan_paths_split_and_lanes() -> None:
    page = page_of(Clock("v2"))
    words = " ".join(page.text.split())
    assert "Lanes hold. v2 is worse than v1." in words
    for told in (
        "http://gateway/",
        "mesh.yaml",
        "100 requests, 0 failed",
        "mocka v2 → mockb v1 → mockc v2",
        "v1 *",
        "* fallback",
        "40 (40%)",
        "longer at the median than v1",
        "no difference found",
    ):
        assert told in words, told
    plots = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(plots) == 3 + 3 + 7  # shares, lanes, hops
    assert all(plot["aria-label"] for plot in plots)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    for tag, attributes in page_of(Clock(wrong=3, says=NASTY)).elements:
        assert tag not in ("script", "link", "img", "iframe", "object", "form", "base")
        assert not {"src", "href", "srcset", "data", "action"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)


def test_the_page_shows_every_wrong_answer_escaped() -> None:
    page = page_of(Clock(wrong=3, says=NASTY))
    assert NASTY.replace("\0", "\\x00") in page.text
    words = " ".join(page.text.split())
    assert "Lanes do NOT hold." in words
    assert "no service answered, status 503 (once, 3.0 s after the start)" in words
    assert "1 failure without a known lane" in words.lower()


@pytest.mark.parametrize(
    ("plan", "alone", "told"),
    [
        (plan_of(*asm(weights={"v1": 1})), False, "Lanes hold."),
        (plan_of(*asm(weights={"v1": 1, "v2": 0})), False, "not verified"),
        (BESIDE, True, "Lane v3 holds."),
        (BESIDE, False, "50 by x-lane: v3"),
        (plan_of(*asm(strict=True)), False, "answers 503"),
    ],
)
def test_the_page_shows_lanes_of_every_kind(plan: object, alone: bool, told: str) -> None:
    page = page_of(Clock(by_weight=("v1",)), plan, alone=alone)
    assert told in " ".join(page.text.split())


def test_the_page_refers_to_nothing_outside() -> None:
    page = html(tried(Clock()))
    assert page.count("<h1>") == page.count("<main>") == page.count('<html lang="en">') == 1
    assert "http://" not in page.replace("http://gateway/", "")
    assert "url(" not in page


def test_a_scale_begins_and_ends_with_a_round_number() -> None:
    scale = Scale.over([Figures(3, 0, (3.0, 9.0, 70.0)), Figures(1, 0, ())])
    assert (scale.low, scale.high) == (2, 100)
    assert (scale.x(2), scale.x(100), scale.x(0), scale.x(1e9)) == (0, 100, 0, 100)
    assert [text for _, text in scale.ticks()] == [
        "2 ms",
        "5 ms",
        "10 ms",
        "20 ms",
        "50 ms",
        "100 ms",
    ]
    same = Scale.over([Figures(1, 0, (5.0,))])
    assert same.low < same.high
    assert Scale.over([]).ticks()


def test_plots_have_labels() -> None:
    figures = Figures(3, 0, (1.0, 2.0, 30.0))
    plot = times(figures, Scale.over([figures]), figures)
    assert 'aria-label="median 2.0 ms, p90 30 ms, p99 30 ms"' in plot
    assert plot.count("<path") == 4
    assert "interval wrong" in share(LaneVerdict("v1", 15, 100, 0.5, 0.1, 0.2, 15))
