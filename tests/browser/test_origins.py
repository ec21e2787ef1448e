"""A page of another origin in a real browser: its requests have no effect."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser

from tests import kube
from tests.mesh.processes import Up, alive, up
from tests.mesh.test_sockets import ATTACKS, listening, page, picture

# `--host-resolver-rules` of the browser leads it to this machine.
EVIL = "evil.test"
SEND = """async ([targets, attacks]) => {
  const send = (at, [method, path, body]) => fetch(`http://${at}${path}`, {
    method, mode: "no-cors", signal: AbortSignal.timeout(2000), body: body || undefined,
  }).catch(() => {})
  await Promise.all(targets.map(async at => { for (const one of attacks) await send(at, one) }))
}"""
READ = """async () => {
  const events = await fetch("/events")
  const killed = await fetch("/pods", {
    method: "POST", headers: {"Content-Type": "application/json"},
    body: JSON.stringify({pod: "default/mocka-v1", do: "kill"}),
  })
  return [events.status, killed.status]
}"""


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    tmp = tmp_path_factory.mktemp("mesh")
    with up(tmp, kube.write(tmp, *kube.asm(kube.PAIR, kube.HALVES))) as running:
        yield running


@contextmanager
def strangers_site() -> Iterator[tuple[int, list[str]]]:
    """Serve another site; yield its port and the requests that it gets."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>a stranger's</title>")

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()


def test_a_page_of_another_origin_sends_everything_everywhere(browser: Browser, mesh: Up) -> None:
    before, processes = picture(mesh), mesh.all
    with strangers_site() as (port, _), strangers_site() as (other, asked):
        opened = browser.new_page()
        opened.goto(f"http://{EVIL}:{port}/")
        assert opened.title() == "a stranger's"
        targets = [f"{one.address}:{one.port}" for one in listening(mesh)]
        assert len(targets) == 2 + 4 * 3
        opened.evaluate(SEND, [[*targets, f"127.0.0.1:{other}"], ATTACKS])
        opened.close()
    assert asked == [f"{method} {path}" for method, path, _ in ATTACKS]  # so much does arrive
    assert alive(processes) == processes
    assert picture(mesh) == before


def test_a_name_that_leads_here_is_no_way_in(browser: Browser, mesh: Up) -> None:
    """As by DNS rebinding, where the browser takes the live map for the stranger's own site."""
    before = picture(mesh)
    opened = browser.new_page()
    answer = opened.goto(f"http://{EVIL}:{page(mesh)}/")
    assert answer is not None
    assert answer.status == 400
    assert opened.evaluate(READ) == [400, 400]
    opened.close()
    assert picture(mesh) == before
