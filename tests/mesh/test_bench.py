"""The candidates of `make bench` run, alone and behind another."""

import pytest

from scripts.bench.cost import measure
from scripts.bench.servers import Server, chain, instrumented, ours, ours_logging, peer


@pytest.mark.parametrize(
    ("hop", "last"),
    [
        (ours, ours),
        (ours_logging, ours_logging),
        (peer("hop"), peer("leaf")),
        (instrumented("hop"), instrumented("leaf")),
    ],
    ids=["the service", "with log lines", "plain Flask", "plain Flask, instrumented"],
)
def test_each_server_of_the_bench_answers(hop: Server, last: Server) -> None:
    with chain(hop, last) as running:
        assert len(running.pids) == 2
        cost = measure(running, 100)
    assert cost.cpu_ms > 0
    assert cost.per_second > 0
