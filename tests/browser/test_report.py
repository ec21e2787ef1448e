"""The report of `lanes verify` in a real browser, from a file, without a network."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from lanes.report.html import html
from tests.unit.lanes.clockwork import BESIDE, Clock, tried

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
LONG = "-> " + "a-service-with-a-name-that-has-no-end" * 20


@pytest.fixture(scope="module", params=["worse", "alone"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp(request.param) / "report.html"
    if request.param == "worse":
        result = tried(Clock("v2", wrong=3, says=LONG))
    else:
        result = tried(Clock("v3", by_weight=("v1",)), BESIDE, alone=True)
    file.write_text(html(result))
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_report_opens_and_is_all_there(
    browser: Browser, report: Path, width: str, scheme: str
) -> None:
    columns, rows = WIDTHS[width]
    context = browser.new_context(
        viewport={"width": columns, "height": rows},
        color_scheme="dark" if scheme == "dark" else "light",
        offline=True,
    )
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("requestfailed", lambda request: told.append(request.url))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    kept = os.environ.get("SCREENSHOTS")
    if kept:
        name = f"report-{report.parent.name}-{width}-{scheme}.png"
        page.screenshot(path=str(Path(kept) / name), full_page=True)
    assert (told, asked) == ([], [report.as_uri()])
    assert page.locator("h1").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= columns
    heights = page.eval_on_selector_all(
        ".area, .interval", "all => all.map(one => one.getBoundingClientRect().width)"
    )
    assert heights
    assert min(heights) > 0
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    context.close()
