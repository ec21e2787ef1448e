"""A hop in Python with aiohttp as server and client, under OpenTelemetry's launcher."""

import os

import aiohttp
from aiohttp import web


async def answer(_: web.Request) -> web.Response:
    accept = {"Accept": "application/json"}
    async with (
        aiohttp.ClientSession(headers=accept) as client,
        client.get(os.environ["upstream_url"]) as response,
    ):
        upstream = await response.json()
    return web.json_response(
        {
            "name": os.environ["app"],
            "version": os.environ["version"],
            "ip": os.environ["POD_IP"],
            "lane": None,
            "duration_ms": 0,
            "status": 200,
            "error": None,
            "upstreams": [upstream],
        }
    )


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.get("/", answer)])
    web.run_app(app, host=os.environ["HOST"], port=int(os.environ["PORT"]), print=None)
