"""Send many requests to a gateway, several at a time."""

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
    """Yield `requests` answers as they come, `concurrency` in flight at any time; None: no end."""
    rules = repeat(rule) if requests is None else repeat(rule, requests)
    with closing(send_each(client, (Target("", rule) for rule in rules), concurrency)) as answers:
        yield from (answer for _, answer in answers)


def send_each(
    client: Client, targets: Iterable[Target], concurrency: int
) -> Generator[tuple[Target, Answer], None, None]:
    """Make each of the calls, `concurrency` at any time; answers as they come, with their calls:
    the next request starts when one is answered (a closed loop).
    """
    targets = iter(targets)
    with ThreadPoolExecutor(concurrency) as pool:

        def ask(target: Target) -> Future[tuple[Target, Answer]]:
            return pool.submit(lambda: (target, client.send(rule=target.rule)))

        asked = {ask(target) for target in islice(targets, concurrency)}
        while asked:
            done, asked = wait(asked, return_when=FIRST_COMPLETED)
            for future in done:
                asked |= {ask(target) for target in islice(targets, 1)}
                yield future.result()


def send_on_schedule(
    client: Client, targets: Iterable[Target], concurrency: int, rate: float
) -> Generator[tuple[Target, Answer], None, None]:
    """Make each of the calls, `rate` of them a second, whatever the answers do (an open loop).

    Each request's time counts from when it was due, so that a gateway which makes requests wait
    is charged for the wait: also where `concurrency` of them have no answer, and one starts late.
    """
    began = time.monotonic()
    asked: set[Future[tuple[Target, Answer]]] = set()
    with ThreadPoolExecutor(concurrency) as pool:

        def ask(target: Target, due: float) -> tuple[Target, Answer]:
            return target, client.send(rule=target.rule, due=due)

        try:
            for number, target in enumerate(targets):
                due = began + number / rate
                while (left := due - time.monotonic()) > 0:
                    if not asked:
                        time.sleep(left)
                        continue
                    done, asked = wait(asked, left, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
                asked.add(pool.submit(ask, target, due))
            for future in as_completed(asked):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)
