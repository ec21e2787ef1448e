"""The cost of a request: CPU time of the processes that serve it, and requests per second."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection
from statistics import median

from scripts.bench.servers import Chain, Server, chain
from scripts.proc import cpu_seconds

_ROUNDS, _CLIENTS = 5, 4
_WARM_UP = 400


@dataclass(frozen=True)
class Cost:
    """Milliseconds of CPU per request, in user and kernel mode, and requests per second."""

    cpu_ms: float
    per_second: float


def costs(candidates: Mapping[str, Sequence[Server]], requests: int) -> dict[str, Cost]:
    """Return the cost of each candidate, a chain of servers: the median of several rounds.

    All candidates run at once, and each round measures one after the other, so that other load of
    the machine affects them alike.
    """
    with ExitStack() as stack:
        chains = {
            name: stack.enter_context(chain(*servers)) for name, servers in candidates.items()
        }
        for running in chains.values():
            measure(running, _WARM_UP)
        rounds = [
            {name: measure(running, requests) for name, running in chains.items()}
            for _ in range(_ROUNDS)
        ]
    return {
        name: Cost(
            median(each[name].cpu_ms for each in rounds),
            median(each[name].per_second for each in rounds),
        )
        for name in candidates
    }


def measure(chain: Chain, requests: int) -> Cost:
    """Send requests over several kept connections. Raises RuntimeError if an answer fails."""
    before, began = cpu_seconds(*chain.pids), time.monotonic()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(_send, [chain.port] * _CLIENTS, [requests // _CLIENTS] * _CLIENTS))
    seconds = time.monotonic() - began
    sent = requests // _CLIENTS * _CLIENTS
    return Cost(1000 * (cpu_seconds(*chain.pids) - before) / sent, sent / seconds)


def _send(port: int, requests: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(requests):
        connection.request("GET", "/")
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"an answer of {response.status}")
    connection.close()
