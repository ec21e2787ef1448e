"""Record the pictures of the live map in docs/ from real runs.

usage: python -m scripts.animation (after make .venv/browser.done; a Chromium on PATH)

It runs `lanes up`, sends requests, stops mockc v2 and starts it again. docs/live-map-fallback.png
is the run as an animated PNG for README. docs/live-map*.png show the page at two widths, for the
sample and for Online Boutique. Look at the pictures before you commit them.
"""

import re
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, FloatRect, Page, ViewportSize, sync_playwright

from lanes.running.address import free_port

DOCS = Path(__file__).parents[1] / "docs"
FILE = DOCS / "live-map-fallback.png"
MOST_BYTES = 2_000_000
FRAMES, PER_SECOND = 33, 4
# The button that is pressed before a frame.
STORY = {10: "Stop mockc-v2", 24: "Start mockc-v2"}
STILL = 20
SIZE = ViewportSize(width=1000, height=700)
STILLS = {
    "": ViewportSize(width=1280, height=900),
    "-phone": ViewportSize(width=390, height=844),
}
MARGIN, HEIGHT = 8, 436
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@contextmanager
def live_map(manifests: str) -> Iterator[str]:
    """Run a mesh and yield the URL of its map."""
    up = [sys.executable, "-m", "lanes", "up", manifests, "--port", str(free_port())]
    with subprocess.Popen(up, stdout=subprocess.PIPE, text=True) as child:
        try:
            matches = (re.match(r"page +(http://\S+)", line) for line in child.stdout or ())
            yield next(match[1] for match in matches if match)
        finally:
            child.send_signal(signal.SIGINT)


@contextmanager
def opened(browser: Browser, manifests: str) -> Iterator[Page]:
    """Open the map of a mesh that has sent requests for three seconds."""
    with live_map(manifests) as url:
        page = browser.new_page(viewport=SIZE, reduced_motion="no-preference")
        page.goto(url)
        page.locator("[data-link]").first.wait_for()
        page.get_by_role("switch", name="Send requests").set_checked(True, force=True)
        page.wait_for_timeout(3_000)
        yield page
        page.close()


def stills(page: Page, name: str) -> None:
    """Write a picture of the page at each width."""
    for suffix, size in STILLS.items():
        page.set_viewport_size(size)
        page.wait_for_timeout(1_500)  # lines fade in
        page.screenshot(path=DOCS / f"{name}{suffix}.png")
    page.set_viewport_size(SIZE)


def pictures(page: Page) -> Iterator[bytes]:
    """Yield the frames of the animation as PNG files of one size."""
    top = page.locator(".watched").evaluate("card => card.getBoundingClientRect().top")
    clip = FloatRect(x=0, y=top - MARGIN, width=SIZE["width"], height=HEIGHT)
    for frame in range(FRAMES):
        if frame in STORY:
            page.get_by_role("button", name=STORY[frame]).click()
            page.evaluate("scrollTo(0, 0)")
        if frame == STILL:
            stills(page, "live-map")
        yield page.screenshot(clip=clip)
        page.wait_for_timeout(1_000 / PER_SECOND)


def animated(frames: Sequence[bytes]) -> bytes:
    """Combine PNG files of one size into an animated PNG (https://www.w3.org/TR/png-3/#11Ani)."""
    header = next(data for kind, data in chunks(frames[0]) if kind == b"IHDR")
    width, height = struct.unpack(">II", header[:8])
    out = [_SIGNATURE, chunk(b"IHDR", header), chunk(b"acTL", struct.pack(">II", len(frames), 0))]
    number = 0
    for index, frame in enumerate(frames):
        times = struct.pack(">IIIIIHHBB", number, width, height, 0, 0, 1, PER_SECOND, 0, 0)
        out.append(chunk(b"fcTL", times))
        number += 1
        data = b"".join(data for kind, data in chunks(frame) if kind == b"IDAT")
        if index == 0:
            out.append(chunk(b"IDAT", data))
        else:
            out.append(chunk(b"fdAT", struct.pack(">I", number) + data))
            number += 1
    return b"".join((*out, chunk(b"IEND", b"")))


def chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the data of each chunk of a PNG file."""
    at = len(_SIGNATURE)
    while at < len(file):
        (size,) = struct.unpack(">I", file[at : at + 4])
        yield file[at + 4 : at + 8], file[at + 8 : at + 8 + size]
        at += 12 + size


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    """Record and write the files."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=("--no-sandbox",))
        with opened(browser, "examples/online-boutique/rendered") as page:
            stills(page, "live-map-online-boutique")
        with opened(browser, "k8s/asm") as page:
            file = animated(list(pictures(page)))
        browser.close()
    if len(file) > MOST_BYTES:
        sys.exit(f"{len(file):,} bytes are more than {MOST_BYTES:,}: take fewer frames")
    FILE.write_bytes(file)
    print(f"{FILE}: {FRAMES} frames, {len(file):,} bytes")


if __name__ == "__main__":
    main()
