"""Run a command, and forward connections to this container's address to its loopback.

usage: python publish.py PORT... -- COMMAND...

The mesh listens on loopback alone, but Docker publishes ports of the container's own address. The
variable ADDRESS replaces that address. The exit code is the command's.
"""

import asyncio
import os
import signal
import socket
import sys

CHUNK = 65_536


async def main(ports: list[int], command: list[str]) -> int:
    """Run the command; return its exit code. SIGINT and SIGTERM are passed on to it."""
    address = os.environ.get("ADDRESS") or socket.gethostbyname(socket.gethostname())
    servers = [await asyncio.start_server(passing_on(port), address, port) for port in ports]
    # A separate session, so that Ctrl-C reaches the command once, from here.
    process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, process.send_signal, number)
    code = await process.wait()
    for server in servers:
        server.close()
    return code


def passing_on(port: int) -> "asyncio.streams._ClientConnectedCallback":
    """Return a handler that connects a client to this port of 127.0.0.1."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", port)
        except OSError:  # the mesh does not listen yet
            writer.close()
            return
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    return connected


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the reader ends, then close the writer."""
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    split = sys.argv.index("--")
    sys.exit(asyncio.run(main([int(each) for each in sys.argv[1:split]], sys.argv[split + 1 :])))
