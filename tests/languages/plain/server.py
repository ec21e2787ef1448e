"""A hop without OpenTelemetry. It propagates `baggage` itself, unless HANDS_ON is no."""

import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Whatever the terminal says of proxies: this client connects to what upstream_url names.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Hop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        request = urllib.request.Request(os.environ["upstream_url"])
        request.add_header("Accept", "application/json")
        if os.environ.get("HANDS_ON") != "no":
            for name in ("baggage", "traceparent", "tracestate"):
                if values := self.headers.get_all(name):
                    request.add_header(name, ",".join(values))
        with opener.open(request, timeout=10) as response:
            upstream = response.read().decode()
        app, version = os.environ["app"], os.environ["version"]
        body = (
            f'{{"name":"{app}","version":"{version}","ip":"{os.environ["POD_IP"]}","lane":null,'
            f'"duration_ms":0,"status":200,"error":null,"upstreams":[{upstream}]}}'
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(os.environ["PORT"])), Hop).serve_forever()
