"""Services that answer with a page. The code of all their pods runs in this process.

A pod's command only reports its address and port. So such pods start quickly, and a test can change
their code while the mesh runs.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Sent:
    """A service's call: its headers, and its URL, or "" for the one in upstream_url."""

    headers: Headers
    to: str = ""


Send = Callable[[str, int, Headers], Sent]
"""Returns a service's call, from its name, the call's place in upstream_url, and its request."""


_FIFO = "pods"


@dataclass
class _Pod:
    service: str
    host: str
    port: int
    urls: tuple[str, ...]
    server: asyncio.Server | None = None
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)


class Pages:
    """The pods of such services. `send` returns their calls; `folder` is for files."""

    def __init__(self, folder: Path, send: Send) -> None:
        self.folder = folder
        self._send = send
        self._loop = asyncio.new_event_loop()
        self._pods: dict[str, _Pod] = {}

    def command(self, service: str) -> str:
        """Return the command of a service's pods."""
        report = f'echo "{service} $HOST $PORT $upstream_url" > {self.folder / _FIFO}'
        return f"{report}; exec sleep infinity"

    def has(self, address: str) -> bool:
        """Tell whether a pod of these services has this address."""
        return address in self._pods

    def stop(self, address: str) -> None:
        """Stop listening at a pod's address."""
        stopped = self._stop(self._pods[address])
        asyncio.run_coroutine_threadsafe(stopped, self._loop).result(30)

    def serve(self) -> None:
        """Listen for each pod after it reports its address, until `end`."""
        asyncio.set_event_loop(self._loop)
        fifo = os.open(self.folder / _FIFO, os.O_RDWR | os.O_NONBLOCK)
        self._loop.add_reader(fifo, self._read_reports, fifo)
        self._loop.run_forever()
        self._loop.remove_reader(fifo)
        os.close(fifo)
        self._loop.run_until_complete(self._stop_all())
        self._loop.close()

    def end(self) -> None:
        """End `serve`."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _read_reports(self, fifo: int) -> None:
        # Linux writes a short line in one piece.
        for line in os.read(fifo, 65_536).decode().splitlines():
            service, host, port, *urls = line.split()
            pod = _Pod(service, host, int(port), tuple(",".join(urls).split(",") if urls else ()))
            self._pods[host] = pod
            pod.tasks.add(self._loop.create_task(self._start(pod)))

    async def _stop_all(self) -> None:
        """Stop all pods, and wait for connections to end: their clients have ended."""
        for pod in self._pods.values():
            await self._stop(pod)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=10)

    async def _start(self, pod: _Pod) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            pod.tasks.add(task)
            task.add_done_callback(pod.tasks.discard)
            gone = (OSError, asyncio.IncompleteReadError, asyncio.CancelledError)
            with closing(writer), suppress(*gone):
                await self._serve(pod, reader, writer)

        pod.server = await asyncio.start_server(serve, pod.host, pod.port)

    async def _stop(self, pod: _Pod) -> None:
        if pod.server:
            # Python before 3.12 leaks a connection that comes while its server closes.
            for listening in pod.server.sockets:
                self._loop.remove_reader(listening)
            await asyncio.sleep(0.01)
            pod.server.close()
        tasks = list(pod.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # their connections are closed by now

    async def _serve(
        self, pod: _Pod, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        received: Headers = {}
        while received.get("connection") != "close":
            _, received = await _head(reader)
            status = 200
            for place, url in enumerate(pod.urls):
                status = max(status, await _call(url, self._send(pod.service, place, received)))
            body = b"<p>3 items</p>"
            writer.write(
                b"HTTP/1.1 %d .\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b"
                % (status, len(body), body)
            )
            await writer.drain()


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """Return the first line of a message and its headers; headers of one name are joined."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in filter(None, lines):
        name, _, value = line.partition(":")
        name = name.lower()
        headers[name] = f"{headers[name]},{value.strip()}" if name in headers else value.strip()
    return first, headers


async def _call(url: str, sent: Sent) -> int:
    """Return the status of a call, or 502 if nothing answers."""
    target = urlsplit(sent.to or url)
    try:
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
    except OSError:
        return 502
    with closing(writer), suppress(OSError, asyncio.IncompleteReadError):
        headers = {"Host": urlsplit(url).netloc, **sent.headers, "Connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"GET {target.path or '/'} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
        first, _ = await _head(reader)
        await reader.read()
        return int(first.split()[1])
    return 502


@contextmanager
def pages(folder: Path, send: Send) -> Iterator[Pages]:
    """Serve pages until the block ends."""
    os.mkfifo(folder / _FIFO)
    served = Pages(folder, send)
    thread = threading.Thread(target=served.serve, name="pages", daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.end()
        thread.join(30)
