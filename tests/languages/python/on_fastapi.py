"""A hop in Python: FastAPI, and the client named in CLIENT, under OpenTelemetry's launcher."""

import os
from typing import Any

import aiohttp
import httpx
from fastapi import FastAPI

app = FastAPI()
UPSTREAM = os.environ["upstream_url"]
ACCEPT = {"Accept": "application/json"}


async def by_httpx() -> Any:
    async with httpx.AsyncClient(headers=ACCEPT) as client:
        return (await client.get(UPSTREAM)).json()


async def by_aiohttp() -> Any:
    async with aiohttp.ClientSession(headers=ACCEPT) as client, client.get(UPSTREAM) as response:
        return await response.json()


call = {"httpx": by_httpx, "aiohttp": by_aiohttp}[os.environ["CLIENT"]]


@app.get("/")
async def answer() -> dict[str, Any]:
    return {
        "name": os.environ["app"],
        "version": os.environ["version"],
        "ip": os.environ["POD_IP"],
        "lane": None,
        "duration_ms": 0,
        "status": 200,
        "error": None,
        "upstreams": [await call()],
    }
