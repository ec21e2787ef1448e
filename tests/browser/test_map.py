"""README's story on the live map, in desktop and phone size."""

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from scripts.bench.chart import rendered, values
from scripts.bench.frames import served
from tests.mesh.running import ROOT

SCREENSHOTS = ROOT / "build/screenshots"
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
# Other work may share this machine.
PATIENCE = 60_000
V2 = ["gateway > mocka/v2", "mocka/v2 > mockb/v1", "mockb/v1 > mockc/v2"]
V2_WITHOUT_MOCKC = [*V2[:2], "mockb/v1 > mockc/v1"]


@contextmanager
def shown(browser: Browser, url: str, size: str, scheme: str = "light") -> Iterator[Page]:
    """Open the page; its errors fail the test."""
    width, height = SIZES[size]
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    expect(page.locator("[data-link]").first).to_be_visible(timeout=PATIENCE)
    try:
        yield page
        assert said == []
    finally:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{size}-{scheme}.png", full_page=True)
        page.close()


def goes(page: Page, lane: str, links: list[str]) -> None:
    """Wait until the lane's requests are seen to follow these links, and no other."""
    lines = page.locator(f'[data-link^="{lane}: "]')
    seen = page.locator(f'[data-link^="{lane}: "][data-seen="true"]')
    expect(seen).to_have_count(len(links), timeout=PATIENCE)
    for link in links:
        expect(page.locator(f'[data-link="{lane}: {link}"]')).to_have_count(1, timeout=PATIENCE)
    expect(lines).to_have_count(len(links), timeout=PATIENCE)


def send(page: Page, on: bool) -> None:
    page.get_by_role("switch", name="Send requests").set_checked(on, force=True)


@pytest.mark.parametrize("size", SIZES)
def test_a_lane_falls_back_and_heals(browser: Browser, url: str, size: str) -> None:
    with shown(browser, url, size) as page:
        expect(page.locator('[data-link^="v"]')).to_have_count(9, timeout=PATIENCE)
        send(page, True)
        goes(page, "v2", V2)
        card = page.locator('[data-lane="v2"]')
        count = card.locator("dd").first
        before = int(count.inner_text().replace(",", ""))
        expect(count).not_to_have_text(f"{before:,}", timeout=PATIENCE)
        page.get_by_role("button", name="Stop mockc-v2").click()
        goes(page, "v2", V2_WITHOUT_MOCKC)
        expect(page.locator("#told")).to_contain_text("mockc v1", timeout=PATIENCE)
        expect(page.locator("#now")).to_contain_text("mockc-v2 is stopped")
        page.screenshot(path=SCREENSHOTS / f"{size}-fallback.png", full_page=True)
        page.get_by_role("button", name="Start mockc-v2").click()
        goes(page, "v2", V2)
        expect(card.locator("dd").nth(1)).to_have_text("0")
        send(page, False)


def test_a_switch_stays_as_it_was_set_until_the_mesh_has_heard(browser: Browser, url: str) -> None:
    with shown(browser, url, "desk") as page:
        send(page, True)
        held: list[Route] = []
        page.route("**/load", lambda route: held.append(route))
        send(page, False)
        count = page.locator('[data-lane="v1"] dd').first
        expect(count).not_to_have_text(count.inner_text(), timeout=PATIENCE)  # a picture came
        expect(page.get_by_role("switch", name="Send requests")).not_to_be_checked()
        held[0].continue_()


def test_a_fault_is_seen_where_it_is(browser: Browser, url: str) -> None:
    with shown(browser, url, "desk", "dark") as page:
        send(page, True)
        set_failures(page, "mockb-v3", "100")
        expect(page.locator("#now")).to_have_text("lane v3 fails at mockb v3", timeout=PATIENCE)
        expect(page.locator("#map .node.failing")).to_have_count(1)
        expect(page.locator("#hops tr:has(.bad) th")).to_have_text(["mockb v3"])
        assert page.locator(".halo:has(+ .failing)").count() == 1
        expect(page.locator("#answers")).to_contain_text("injected: fault_rate is 1")
        answers = "all => all.map(answer => answer.clientHeight)"
        assert max(page.locator("#answers li").evaluate_all(answers)) < 40
        set_failures(page, "mockb-v3", "0")
        expect(page.locator("#now")).to_be_empty(timeout=PATIENCE)
        send(page, False)


def test_weights_move_by_keyboard(browser: Browser, url: str) -> None:
    with shown(browser, url, "phone", "dark") as page:
        for lane in ("v1", "v3"):
            slider = page.get_by_role("slider", name=f"Weight of lane {lane}")
            slider.press("Home")
        share = page.locator('[data-lane="v2"] output')
        expect(share).to_have_text("30 → 100 %", timeout=PATIENCE)
        send(page, True)
        expect(page.locator('[data-lane="v2"] .share')).to_contain_text(
            "100 % of", timeout=PATIENCE
        )
        send(page, False)
        page.get_by_role("slider", name="Weight of lane v1").fill("40")
        page.get_by_role("slider", name="Weight of lane v3").fill("30")
        expect(share).to_have_text("30 → 30 %", timeout=PATIENCE)


def test_one_lane_is_shown_for_pointer_focus_and_by_its_button(browser: Browser, url: str) -> None:
    with shown(browser, url, "desk") as page:
        dim, of_v2 = page.locator("#map .dim"), page.locator('#map .dim[data-shows="v2"]')
        button = page.get_by_role("group", name="Show one lane").get_by_role("button", name="v2")
        for show in (
            button.focus,
            page.get_by_role("slider", name="Weight of lane v2").focus,
            page.locator('[data-lane="v2"]').hover,
            # From the gateway on, the line is at nothing else's place.
            page.locator('[data-link="v2: gateway > mocka/v2"] .halo').hover,
        ):
            show()
            expect(dim).to_have_count(6)
            assert of_v2.count() == 0
            page.locator("h1").hover()
            page.evaluate("document.activeElement.blur()")
            expect(dim).to_have_count(0)
        button.press("Space")
        page.evaluate("document.activeElement.blur()")
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(dim).to_have_count(6)
        button.click()
        page.locator("h1").hover()
        page.evaluate("document.activeElement.blur()")
        expect(dim).to_have_count(0)


def test_the_command_of_an_entry_rule_is_copied_and_enters(
    browser: Browser, online_boutique: str
) -> None:
    with shown(browser, online_boutique, "phone") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name="Copy the curl command of x-lane: pr-7").click()
        expect(page.locator("#told")).to_have_text("Copied")
        command = shlex.split(page.evaluate("navigator.clipboard.readText()"))
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "productcatalogservice(version: pr-7" in done.stdout
        requests = page.locator('[data-lane="pr-7"] dd').first
        expect(requests).not_to_have_text("0", timeout=PATIENCE)


def test_the_tour_does_what_the_docs_say(browser: Browser, url: str) -> None:
    with shown(browser, url, "phone") as page:
        says, now = page.locator("#tour-text"), page.locator("#now")
        follow = page.get_by_role("button", name="Next")
        page.get_by_role("button", name="Take the tour").click()
        expect(follow).to_be_focused()
        expect(page.get_by_role("switch", name="Send requests")).to_be_checked()
        follow.press("Enter")
        expect(says).to_contain_text("mockb has no version of it")
        expect(page.locator("#map .dim")).to_have_count(6)
        follow.press("Enter")
        goes(page, "v2", V2_WITHOUT_MOCKC)
        expect(says).to_contain_text("The line bends to mockc v1")
        fits(page)
        follow.press("Enter")
        goes(page, "v2", V2)
        expect(follow).to_have_attribute("aria-disabled", "false", timeout=PATIENCE)
        follow.press("Enter")
        expect(now).to_contain_text("lane v2 fails at mockc v2", timeout=PATIENCE)
        follow.press("Enter")
        share = page.locator('[data-lane="v2"] output')
        expect(share).to_have_text("0 → 0 %", timeout=PATIENCE)
        page.get_by_role("button", name="End the tour").press("Enter")
        expect(share).to_have_text("30 → 30 %", timeout=PATIENCE)
        expect(page.get_by_role("switch", name="Send requests")).not_to_be_checked()
        expect(page.get_by_label("Failures of mockc-v2, in percent")).to_have_value("0")


# How many points of the lines are on a name.
CROSSED = """() => {
  const all = where => [...document.querySelectorAll(where)]
  const names = all("#map .service, #map .version").map(name => name.getBBox())
  const on = ({ x, y }) => names.some(box =>
    x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height)
  const points = line => Array.from(
    { length: line.getTotalLength() / 3 }, (_, i) => line.getPointAtLength(i * 3))
  return all("#map [data-link] .line").flatMap(points).filter(on).length
}"""


@pytest.mark.parametrize("size", SIZES)
def test_services_that_no_lane_changes_are_one_line(
    browser: Browser, online_boutique: str, size: str
) -> None:
    with shown(browser, online_boutique, size) as page:
        lines = page.locator('[data-link^="pr-7: "]')
        assert [line.get_attribute("data-link") for line in lines.all()] == [
            "pr-7: gateway > frontend/v1",
            "pr-7: frontend/v1 > productcatalogservice/pr-7",
        ]
        button = page.locator("#map + .fold")
        expect(button).to_have_text("8 services unchanged")
        expect(page.locator("#pods > :visible")).to_have_count(3)
        assert page.evaluate(CROSSED) == 0
        fits(page)
        button.press("Enter")
        expect(button).to_have_attribute("aria-expanded", "true")
        send(page, True)  # it enters the lane that no weight leads to
        seen = (
            '[data-link="pr-7: checkoutservice/v1 > productcatalogservice/pr-7"][data-seen="true"]'
        )
        expect(page.locator(seen)).to_have_count(1, timeout=PATIENCE)
        send(page, False)
        expect(page.locator("#map .service")).to_have_count(10)
        expect(page.locator("#pods > :visible")).to_have_count(11)
        assert page.evaluate(CROSSED) == 0
        fits(page)
        button.click()
        expect(page.locator("#map .service")).to_have_count(2)


def fits(page: Page) -> None:
    """Require that the page passes accessibility checks and is not wider than the screen."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    for wide in ("document.documentElement", "document.getElementById('map')"):
        assert page.evaluate(f"{wide}.scrollWidth - {wide}.clientWidth") <= 0


@pytest.mark.parametrize("size", SIZES)
def test_many_services_and_lanes_of_long_names_have_room(browser: Browser, size: str) -> None:
    manifests = rendered(values("net", 12, 5, 0.1)).printed
    manifests = manifests.replace("lane-0", "pull-request-of-a-team-0")
    manifests = manifests.replace("service-0", "a-service-of-the-catalog-team-0")
    with served(manifests) as url, shown(browser, url, size) as page:
        assert page.evaluate(CROSSED) == 0
        fits(page)
        page.locator("#map + .fold").click()
        expect(page.locator("#map .service")).to_have_count(12)
        assert page.evaluate(CROSSED) == 0
        fits(page)


def test_a_failure_among_what_is_folded_is_told_by_its_line(
    browser: Browser, online_boutique: str
) -> None:
    with shown(browser, online_boutique, "desk", "dark") as page:
        button = page.locator("#map + .fold")
        button.click()
        set_failures(page, "paymentservice-v1", "100")
        button.click()
        send(page, True)
        expect(button).to_have_text("8 services unchanged, paymentservice fails", timeout=PATIENCE)
        expect(page.locator("#map .node.failing")).to_have_count(0)  # those that call it
        fits(page)
        set_failures(page, "paymentservice-v1", "0")
        expect(button).to_have_text("8 services unchanged", timeout=PATIENCE)
        send(page, False)


def set_failures(page: Page, pod: str, percent: str) -> None:
    page.get_by_label(f"Failures of {pod}, in percent").fill(percent)
    page.get_by_role("button", name=f"Set the fault of {pod}").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mesh", ["url", "online_boutique"])
def test_nothing_keeps_anybody_out(
    browser: Browser, mesh: str, size: str, scheme: str, request: pytest.FixtureRequest
) -> None:
    with shown(browser, request.getfixturevalue(mesh), size, scheme) as page:
        fits(page)
        assert page.evaluate(CROSSED) == 0
