"""The live map: a page beside the gateway of the laptop mesh, to watch lanes and to meddle.

It knows of requests by what the proxies log of each hop, whoever sent them. Data goes one way:
`tap` (Envoy's log and the gateway's split) -> `calls` (a line is a call) -> `counts` -> `live` (the
whole picture, and what may be done to it) -> `server` (HTTP) -> `static/` (the browser).
`feed` tells the same calls to `lanes verify` and `lanes trace`, with the page or without.
"""
