"""Plots as SVG, for a page that needs no script: how long answers took, where a share may lie.

Colors come from the page, by class; a plot says in words what it shows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lanes.report.performance import milliseconds
from lanes.verification.performance import Figures

# A plot is as wide as its place on the page: its x is in percent, and what must not be stretched,
# such as numbers and the width of lines, is left to the page.
WIDTH, HEIGHT = 100, 64
_BINS = 60


@dataclass(frozen=True)
class Scale:
    """A logarithmic axis of milliseconds, from `low` to `high`, over the width of a plot."""

    low: float
    high: float

    @classmethod
    def over(cls, samples: Sequence[Figures]) -> "Scale":
        """One that shows all of the samples, from a round number to a round number."""
        ends = [end for s in samples if s.times for end in (s.times[0], s.times[-1])]
        low, high = max(0.05, min(ends, default=1)), max(0.1, max(ends, default=1))
        down = max((step for step in _STEPS if step <= low), default=_STEPS[0])
        up = min((step for step in _STEPS if step >= high and step > down), default=_STEPS[-1])
        return cls(down, up)

    def x(self, ms: float) -> float:
        part = math.log(max(ms, self.low) / self.low) / math.log(self.high / self.low)
        return round(WIDTH * min(1.0, part), 2)

    def ticks(self) -> list[tuple[float, str]]:
        """Where the axis has a number, and which; few enough to be read on a phone."""
        steps = [step for step in _STEPS if self.low <= step <= self.high]
        every = -(-len(steps) // 7)
        return [(self.x(step), milliseconds_short(step)) for step in steps[::every]]


_STEPS = [digit * 10.0**power for power in range(-2, 6) for digit in (1, 2, 5)]


def milliseconds_short(ms: float) -> str:
    """A round time for an axis."""
    return f"{ms / 1000:g} s" if ms >= 1000 else f"{ms:g} ms"


def times(figures: Figures, scale: Scale, beside: Figures | None = None) -> Markup:
    """How often answers took how long, with lines at the median and p99; `beside` as an outline."""
    words = ", ".join(
        f"{name} {milliseconds(figures.at(part))}"
        for name, part in (("median", 0.5), ("p90", 0.9), ("p99", 0.99))
    )
    parts = [f'<path class="area" d="{_area(figures, scale)} Z"/>']
    if beside is not None and beside.times:
        parts.append(f'<path class="outline" d="{_area(beside, scale)}"/>')
    for name, part in (("median", 0.5), ("tail", 0.99)):
        at = figures.at(part)
        if at is not None:
            x = scale.x(at)
            parts.append(f'<path class="{name}" d="M{x} 0V{HEIGHT}"/>')
    return _svg("".join(parts), words, HEIGHT)


def share(low: float, high: float, seen: float, expected: float, fits: bool) -> Markup:
    """Where a share may lie, what was seen, and the weight as a line."""
    left, right, dot, line = (round(WIDTH * part, 2) for part in (low, high, seen, expected))
    inner = (
        f'<path class="track" d="M0 12H{WIDTH}"/>'
        f'<path class="{"interval" if fits else "interval wrong"}" d="M{left} 12H{right}"/>'
        f'<path class="seen" d="M{dot} 12h0"/>'
        f'<path class="weight" d="M{line} 1V23"/>'
    )
    words = f"seen {seen:.0%}, may be {low:.0%} to {high:.0%}, weight {expected:.0%}"
    return _svg(inner, words, 24)


def _area(figures: Figures, scale: Scale) -> str:
    """The outline of a histogram, smoothed by its neighbors, as high as the plot."""
    counts = [0] * _BINS
    for ms in figures.times:
        counts[min(_BINS - 1, int(scale.x(ms) / WIDTH * _BINS))] += 1
    padded = [0, *counts, 0]
    smooth = [(padded[i] + 2 * padded[i + 1] + padded[i + 2]) / 4 for i in range(_BINS)]
    most = max(smooth, default=0) or 1
    heights = (round(HEIGHT - 2 - value / most * (HEIGHT - 8), 1) for value in smooth)
    points = " ".join(f"{(i + 0.5) * WIDTH / _BINS:.2f} {y}" for i, y in enumerate(heights))
    return f"M0 {HEIGHT} L{points} L{WIDTH} {HEIGHT}"


def _svg(inner: str, words: str, height: int) -> Markup:
    """Numbers and words of ours alone: nothing from an answer gets in here."""
    return Markup(  # noqa: S704
        f'<svg viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" role="img"'
        f' aria-label="{words}">{inner}</svg>'
    )
