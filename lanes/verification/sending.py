"""Drive a gateway: many requests, several at a time."""

import time
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import closing
from itertools import islice, repeat

from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.verification.answers import Answer
from lanes.verification.gateway import Client
from lanes.verification.targets import Call


def drive(
    client: Client, requests: int | None, concurrency: int, way: EntryRule = NO_ENTRY_RULE
) -> Generator[Answer, None, None]:
    """`requests` answers as they come, `concurrency` asked for at any time; None: no end."""
    ways = repeat(way) if requests is None else repeat(way, requests)
    with closing(ask_each(client, (Call("", way) for way in ways), concurrency)) as answers:
        yield from (answer for _, answer in answers)


def ask_each(
    client: Client, calls: Iterable[Call], concurrency: int
) -> Generator[tuple[Call, Answer], None, None]:
    """Make each of the calls, `concurrency` at any time; answers as they come, with their calls:
    the next request starts when one is answered (a closed loop).
    """
    calls = iter(calls)
    with ThreadPoolExecutor(concurrency) as pool:

        def ask(call: Call) -> Future[tuple[Call, Answer]]:
            return pool.submit(lambda: (call, client.ask(way=call.way)))

        asked = {ask(call) for call in islice(calls, concurrency)}
        while asked:
            done, asked = wait(asked, return_when=FIRST_COMPLETED)
            for future in done:
                asked |= {ask(call) for call in islice(calls, 1)}
                yield future.result()


def ask_on_schedule(
    client: Client, calls: Iterable[Call], concurrency: int, rate: float
) -> Generator[tuple[Call, Answer], None, None]:
    """Make each of the calls, `rate` of them a second, whatever the answers do (an open loop).

    Each request's time counts from when it was due, so that a gateway which makes requests wait
    is charged for the wait: also where `concurrency` of them have no answer, and one starts late.
    """
    began = time.monotonic()
    asked: set[Future[tuple[Call, Answer]]] = set()
    with ThreadPoolExecutor(concurrency) as pool:

        def ask(call: Call, due: float) -> tuple[Call, Answer]:
            return call, client.ask(way=call.way, due=due)

        try:
            for number, call in enumerate(calls):
                due = began + number / rate
                while (left := due - time.monotonic()) > 0:
                    if not asked:
                        time.sleep(left)
                        continue
                    done, asked = wait(asked, left, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
                asked.add(pool.submit(ask, call, due))
            for future in as_completed(asked):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
