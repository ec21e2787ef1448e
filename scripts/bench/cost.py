"""What a request costs: CPU time of the processes that serve it, and how many fit in a second."""

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
    """Of one request: milliseconds of CPU, in user and kernel mode. And requests in a second."""

    cpu_ms: float
    per_second: float


def costs(candidates: Mapping[str, Sequence[Server]], requests: int) -> dict[str, Cost]:
    """What each of the candidates, a chain of servers, costs: the median of several rounds.

    All run at once, and the rounds go from one to the next, so that what else the machine does
    meanwhile is shared out among them.
    """
    with ExitStack() as stack:
        chains = {name: stack.enter_context(chain(*it)) for name, it in candidates.items()}
        for it in chains.values():
            measure(it, _WARM_UP)
        rounds = [
            {name: measure(it, requests) for name, it in chains.items()} for _ in range(_ROUNDS)
        ]
    return {
        name: Cost(
            median(each[name].cpu_ms for each in rounds),
            median(each[name].per_second for each in rounds),
        )
        for name in candidates
    }


def measure(chain: Chain, requests: int) -> Cost:
    """Ask over kept connections, several at a time. Raises RuntimeError when an answer fails."""
    before, began = cpu_seconds(*chain.pids), time.monotonic()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(_ask, [chain.port] * _CLIENTS, [requests // _CLIENTS] * _CLIENTS))
    seconds = time.monotonic() - began
    asked = requests // _CLIENTS * _CLIENTS
    return Cost(1000 * (cpu_seconds(*chain.pids) - before) / asked, asked / seconds)


def _ask(port: int, requests: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(requests):
        connection.request("GET", "/")
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"an answer of {response.status}")
    connection.close()
