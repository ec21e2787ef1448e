"""A web page before gRPC services: FastAPI, and grpcio's client with asyncio."""

import asyncio
import json
import os
from typing import Any

import grpc.aio
from fastapi import FastAPI

app = FastAPI()


async def call(target: str) -> Any:
    async with grpc.aio.insecure_channel(target) as channel:
        answered = await channel.unary_unary("/shop.Shop/Answer")(b"", timeout=10)
    return json.loads(answered)


@app.get("/")
async def answer() -> dict[str, Any]:
    upstreams = await asyncio.gather(*map(call, os.environ["CARTS"].split(",")))
    return {"name": os.environ["app"], "version": os.environ["version"], "upstreams": upstreams}
