"""A modest load of the page's own, by a switch."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle

from lanes.evidence.steps import Answer
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.verification.gateway import Client

RATES = (1, 5, 10, 20, 60)
_AT_ONCE = 8
AGENT = "lanes-page"


class Load:
    """Asks the gateway so many times a second, and tells of each answer with its seconds.

    Every other request is by one of `rules` in turn; the rest enter lanes by weight. It keeps the
    rate and not the number in flight; where all places are taken it skips a turn.
    """

    def __init__(
        self, client: Client, rules: Iterable[EntryRule], told: Callable[[Answer, float], None]
    ) -> None:
        self.on = False
        self.rate = 10
        self._client = client
        turns = [turn for rule in rules for turn in (NO_ENTRY_RULE, rule)] or [NO_ENTRY_RULE]
        self._turns = cycle(
            replace(rule, headers={"User-Agent": AGENT, **rule.headers}) for rule in turns
        )
        self._told = told
        self._places = threading.Semaphore(_AT_ONCE)
        self._switched = threading.Event()

    def switch(self, on: bool, rate: int) -> None:
        """Begin or end. Raises ValueError for a rate that it does not have."""
        if rate not in RATES:
            raise ValueError(f"rate has to be one of {', '.join(map(str, RATES))} a second")
        self.on, self.rate = on, rate
        self._switched.set()

    def start(self) -> None:
        """Wait for the switch, in a thread of its own that ends with the process."""
        threading.Thread(target=self._run, name="load", daemon=True).start()

    def _run(self) -> None:
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="load")
        due = time.monotonic()
        while True:
            if not self.on:
                self._switched.clear()
                self._switched.wait()
                due = time.monotonic()
                continue
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + 1 / self.rate, time.monotonic() - 1)
            if self._places.acquire(blocking=False):
                pool.submit(self._ask, next(self._turns))

    def _ask(self, rule: EntryRule) -> None:
        began = time.monotonic()
        try:
            answer = self._client.send(rule=rule)
        finally:
            self._places.release()
        self._told(answer, time.monotonic() - began)
