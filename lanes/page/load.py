"""The requests that the page sends: a small load that a switch starts and stops."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle

from lanes.errors import LanesError
from lanes.evidence.steps import Answer
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.verification.gateway import Client

RATES = (1, 5, 10, 20, 60)
_MOST_IN_FLIGHT = 8
AGENT = "lanes-page"


class Load:
    """Sends `rate` requests a second, and passes each answer and its seconds to `answered`.

    Every other request is by one of `rules` in turn; the rest enter lanes by weight. With eight
    requests in flight, it skips one.
    """

    def __init__(
        self, client: Client, rules: Iterable[EntryRule], answered: Callable[[Answer, float], None]
    ) -> None:
        self.on = False
        self.rate = 10
        self._client = client
        turns = [turn for rule in rules for turn in (NO_ENTRY_RULE, rule)] or [NO_ENTRY_RULE]
        self._turns = cycle(
            replace(rule, headers={"User-Agent": AGENT, **rule.headers}) for rule in turns
        )
        self._answered = answered
        self._free = threading.Semaphore(_MOST_IN_FLIGHT)
        self._switched = threading.Event()

    def switch(self, on: bool, rate: int) -> None:
        """Start or stop the load. Raises LanesError if `rate` is none of `RATES`."""
        if rate not in RATES:
            raise LanesError(f"rate has to be one of {', '.join(map(str, RATES))} a second")
        self.on, self.rate = on, rate
        self._switched.set()

    def start(self) -> None:
        """Wait for the switch, in a daemon thread."""
        threading.Thread(target=self._run, name="load", daemon=True).start()

    def _run(self) -> None:
        pool = ThreadPoolExecutor(_MOST_IN_FLIGHT, thread_name_prefix="load")
        due = time.monotonic()
        while True:
            if not self.on:
                self._switched.clear()
                self._switched.wait()
                due = time.monotonic()
                continue
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + 1 / self.rate, time.monotonic() - 1)
            if self._free.acquire(blocking=False):
                pool.submit(self._send, next(self._turns))

    def _send(self, rule: EntryRule) -> None:
        began = time.monotonic()
        try:
            answer = self._client.send(rule=rule)
        finally:
            self._free.release()
        self._answered(answer, time.monotonic() - began)
