"""Fixtures: a real browser and live maps of real meshes. Tests are skipped without a Chromium."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from lanes.running.address import free_port
from tests.mesh.running import ROOT

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP evil.test 127.0.0.1",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH, and CHROMIUM names none")
    with sync_playwright() as playwright:
        # By itself, Playwright gives it a new, empty profile.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """Run the sample's mesh; yield the URL of its page."""
    with live_map("k8s/asm") as found:
        yield found


@pytest.fixture(scope="session")
def online_boutique() -> Iterator[str]:
    """Run Online Boutique's mesh with a lane for a pull request; yield the URL of its page."""
    with live_map("examples/online-boutique/rendered") as found:
        yield found


@contextmanager
def live_map(manifests: str) -> Iterator[str]:
    up = [sys.executable, "-m", "lanes", "up", str(ROOT / manifests), "--port", str(free_port())]
    with subprocess.Popen(up, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        found = (re.match(r"page +(http://\S+)", line) for line in child.stdout)
        yield next(match[1] for match in found if match)
        child.send_signal(signal.SIGINT)
        child.communicate()
