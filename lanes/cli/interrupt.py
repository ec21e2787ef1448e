"""Ctrl-C that ends a run early, and keeps what the run has so far."""

import signal
from collections.abc import Callable, Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Interrupt:
    """A block in which the first Ctrl-C is noted. A second one acts as before the block."""

    def __init__(self) -> None:
        self.noted = False
        self._before: Callable[..., Any] | int | None = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def until(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, and none after the one during which Ctrl-C came."""
        for item in items:
            yield item
            if self.noted:
                return

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.noted = True
        signal.signal(signal.SIGINT, self._before)
