"""Ctrl-C that ends a run early and keeps its result so far."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Interrupt:
    """Tells whether Ctrl-C has come."""

    noted = False

    def until(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, and none after the one during which Ctrl-C came."""
        for item in items:
            yield item
            if self.noted:
                return


@contextmanager
def noted_interrupt() -> Iterator[Interrupt]:
    """Note the first Ctrl-C in the block. A second one acts as it did before the block."""
    interrupt = Interrupt()
    before = signal.getsignal(signal.SIGINT)

    def note(*_: object) -> None:
        interrupt.noted = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
