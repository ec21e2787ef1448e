"""A hop that answers with a page and does not report lanes.

HANDS_ON lists the headers that it propagates: "baggage,traceparent".
"""

import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

opener = urllib.request.build_opener()  # by http_proxy


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        for url in filter(None, os.environ.get("upstream_url", "").split(",")):
            request = urllib.request.Request(url)
            for name in filter(None, os.environ.get("HANDS_ON", "").split(",")):
                if values := self.headers.get_all(name):
                    request.add_header(name, ",".join(values))
            with opener.open(request, timeout=10) as response:
                response.read()
        body = b"<p>3 items</p>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Page).serve_forever()
