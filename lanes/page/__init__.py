"""The live map: a page of `lanes up` that shows traffic and can change the mesh.

It counts the calls that Envoy logs, whoever sent the requests. Data goes from `tap` (Envoy's log,
and the gateway's weights) through `calls` (a log line becomes a call), `counts` and `live` (the
picture, and changes to the mesh) to `server` (HTTP) and `static/` (the browser). `feed` sends the
same calls to `lanes verify` and `lanes trace`, with the page or without.
"""
