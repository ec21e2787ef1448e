"""A gRPC service under OpenTelemetry's launcher, with threads or, if API=aio, with asyncio.

Messages are JSON without a schema. With STOCK it calls the next service. The last service reports
the baggage that it gets, which services normally do not read.
"""

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import grpc.aio

METHOD = "/shop.Shop/Answer"
STOCK = os.environ.get("STOCK")
ADDRESS = f"{os.environ['HOST']}:{os.environ['PORT']}"
SECONDS = 10


def node(baggage: str, upstreams: list[Any]) -> bytes:
    own = {"name": os.environ["app"], "version": os.environ["version"], "baggage": baggage}
    return json.dumps(own | {"upstreams": upstreams}).encode()


def baggage_of(context: Any) -> str:
    return str(dict(context.invocation_metadata()).get("baggage", ""))


class OnThreads(grpc.GenericRpcHandler):
    def __init__(self) -> None:
        self._call = grpc.insecure_channel(STOCK).unary_unary(METHOD) if STOCK else None

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(self.answer)

    def answer(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        behind = [json.loads(self._call(request, timeout=SECONDS))] if self._call else []
        return node("" if behind else baggage_of(context), behind)


class OnAsyncio(grpc.GenericRpcHandler):
    def __init__(self) -> None:
        self._call = grpc.aio.insecure_channel(STOCK).unary_unary(METHOD) if STOCK else None

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(self.answer)

    async def answer(self, request: bytes, context: Any) -> bytes:
        behind = [json.loads(await self._call(request, timeout=SECONDS))] if self._call else []
        return node("" if behind else baggage_of(context), behind)


def on_threads() -> None:
    server = grpc.server(ThreadPoolExecutor(4), handlers=[OnThreads()])
    server.add_insecure_port(ADDRESS)
    server.start()
    server.wait_for_termination()


async def on_asyncio() -> None:
    server = grpc.aio.server(handlers=[OnAsyncio()])
    server.add_insecure_port(ADDRESS)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    if os.environ.get("API") == "aio":
        asyncio.run(on_asyncio())
    else:
        on_threads()
