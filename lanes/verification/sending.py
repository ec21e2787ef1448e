"""Sends many requests to a gateway, several at a time."""

import time
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import closing
from itertools import islice, repeat

from lanes.evidence.steps import Answer
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.verification.gateway import Client
from lanes.verification.targets import Target


def send_repeatedly(
    client: Client, requests: int | None, concurrency: int, rule: EntryRule = NO_ENTRY_RULE
) -> Generator[Answer, None, None]:
    """Send `requests` requests, None: without end, `concurrency` at a time; yield the answers."""
    rules = repeat(rule) if requests is None else repeat(rule, requests)
    with closing(send_each(client, (Target("", rule) for rule in rules), concurrency)) as answers:
        yield from (answer for _, answer in answers)


def send_each(
    client: Client, targets: Iterable[Target], concurrency: int
) -> Generator[tuple[Target, Answer], None, None]:
    """Send a request for each target, and yield the answers as they come, with their targets.

    `concurrency` requests are in flight: the next starts when one is answered (a closed loop).
    """
    targets = iter(targets)
    with ThreadPoolExecutor(concurrency) as pool:

        def submit(target: Target) -> Future[tuple[Target, Answer]]:
            return pool.submit(lambda: (target, client.send(rule=target.rule)))

        pending = {submit(target) for target in islice(targets, concurrency)}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                pending |= {submit(target) for target in islice(targets, 1)}
                yield future.result()


def send_on_schedule(
    client: Client, targets: Iterable[Target], concurrency: int, rate: float
) -> Generator[tuple[Target, Answer], None, None]:
    """Send a request for each target, and yield the answers as they come, with their targets.

    `rate` requests start each second, however long answers take (an open loop). At most
    `concurrency` are in flight: further ones start late. A request's time begins when it is due,
    so it includes any wait.
    """
    began = time.monotonic()
    pending: set[Future[tuple[Target, Answer]]] = set()
    with ThreadPoolExecutor(concurrency) as pool:

        def send(target: Target, due: float) -> tuple[Target, Answer]:
            return target, client.send(rule=target.rule, due=due)

        try:
            for number, target in enumerate(targets):
                due = began + number / rate
                while (left := due - time.monotonic()) > 0:
                    if not pending:
                        time.sleep(left)
                        continue
                    done, pending = wait(pending, left, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
                pending.add(pool.submit(send, target, due))
            for future in as_completed(pending):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
