"""A pod of the conformance suite: it answers with its address, after the delay in `delay`.

usage: echo.py [PORT]...

It listens on these ports and on $PORT.
"""

import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ADDRESS = os.environ["HOST"].encode()


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        time.sleep(float(query.get("delay", ["0s"])[0].removesuffix("s")))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ADDRESS)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(ADDRESS)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815 as the base class calls them

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve(port: int) -> None:
    """Answer at a port, until the process ends."""
    ThreadingHTTPServer((os.environ["HOST"], port), Echo).serve_forever()


if __name__ == "__main__":
    for further in map(int, sys.argv[1:]):
        threading.Thread(target=serve, args=(further,), daemon=True).start()
    serve(int(os.environ["PORT"]))
