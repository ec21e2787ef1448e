"""Upstreams behind TLS, with real certificates."""

import gc
import http.server
import shutil
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from services import upstream
from services.answer import Outside

from .conftest import LOOPBACK, Answer, QuietServer, reply


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with key.pem and its certificates good.pem, expired.pem and other.pem."""
    folder = tmp_path_factory.mktemp("certificates")
    program = shutil.which("openssl")
    assert program

    def openssl(*arguments: str) -> None:
        subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)

    openssl("genrsa", "-out", "key.pem", "2048")
    for name, alternative in (("good", f"IP:{LOOPBACK}"), ("other", "DNS:mockc")):
        openssl(
            *("req", "-x509", "-key", "key.pem", "-subj", "/CN=mockb", "-days", "1"),
            *("-addext", f"subjectAltName={alternative}", "-out", f"{name}.pem"),
        )
    openssl("x509", "-in", "good.pem", "-signkey", "key.pem", "-days", "-1", "-out", "expired.pem")
    return folder


Secure = Callable[[str, Answer], str]


@pytest.fixture
def secure(certificates: Path) -> Iterator[Secure]:
    """Starts servers with a certificate; returns the URL of each."""
    with ExitStack() as stack:

        def start(certificate: str, answer: Answer) -> str:
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    answer(self)

                def log_message(self, *_: object) -> None:
                    return

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / certificate, certificates / "key.pem")
            server = QuietServer((LOOPBACK, 0), Handler)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            return f"https://{LOOPBACK}:{server.server_port}/"

        yield start
    # Python leaves a socket open whose client was gone before the handshake.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def answer_of(url: str, timeout: float = 5) -> Outside:
    (node,) = upstream.caller((url,), 2)(time.monotonic() + timeout)
    assert isinstance(node, Outside)
    return node


@pytest.mark.parametrize(
    ("certificate", "trusted", "status", "error"),
    [
        ("good.pem", "good.pem", 200, None),
        ("good.pem", None, 502, "certificate refused: self-signed certificate"),
        ("expired.pem", "expired.pem", 502, "certificate refused: certificate has expired"),
        (
            "other.pem",
            "other.pem",
            502,
            "certificate refused: IP address mismatch, certificate is not valid for '127.0.0.1'.",
        ),
    ],
    ids=["trusted", "untrusted", "expired", "of another name"],
)
def test_a_certificate_decides(
    certificate: str,
    trusted: str | None,
    status: int,
    error: str | None,
    certificates: Path,
    secure: Secure,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / trusted))
    node = answer_of(secure(certificate, reply(200, "-> mockb")))
    assert (node.status, node.error) == (status, error)
    assert node.text == (None if error else "-> mockb")


def test_an_answer_by_tls_that_is_late_is_504(
    certificates: Path, secure: Secure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "good.pem"))
    node = answer_of(secure("good.pem", lambda _: time.sleep(2)), timeout=1)
    assert (node.status, node.error) == (504, "no answer within 1 s")


def test_a_handshake_that_does_not_end_is_504() -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        node = answer_of(f"https://{LOOPBACK}:{silent.getsockname()[1]}/", timeout=0.3)
    assert (node.status, node.error) == (504, "no answer within 0.3 s")


def test_what_speaks_no_tls_is_502() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:

        def speak() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(4096)

        threading.Thread(target=speak, daemon=True).start()
        node = answer_of(f"https://{LOOPBACK}:{server.getsockname()[1]}/")
    assert node.status == 502
    assert "_ssl.c" in str(node.error)
