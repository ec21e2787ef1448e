"""A hop that answers with a page of its own, and tells nothing of lanes.

HANDS_ON names the headers that it hands on by hand: "baggage,traceparent". BROKEN, "1=half", says
how the calls to the second of upstream_url are wrong: with another lane (changed), without the lane
in every second (half), or with the headers that it names alone.
"""

import itertools
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

opener = urllib.request.build_opener()  # by http_proxy
handed_on = os.environ.get("HANDS_ON", "")
place, _, how = os.environ.get("BROKEN", "").partition("=")
number = itertools.count()


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        urls = filter(None, os.environ.get("upstream_url", "").split(","))
        for at, url in enumerate(urls):
            request = urllib.request.Request(url, headers=self.sent(broken=str(at) == place))
            with opener.open(request, timeout=10) as response:
                response.read()
        body = b"<p>3 items</p>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def sent(self, broken: bool) -> dict[str, str]:
        """The headers of a call."""
        if broken and how == "changed":
            own = "version=v2" in self.headers.get("baggage", "")
            return {"baggage": f"version={'v1' if own else 'v2'}"}
        half = broken and how == "half"
        names = handed_on if not broken or (half and next(number) % 2) else how
        return {n: ",".join(v) for n in names.split(",") if n and (v := self.headers.get_all(n))}

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Page).serve_forever()
