"""Plots as SVG, for a page without scripts: times of answers, and intervals of shares.

Colors come from the page, by class; a plot says in words what it shows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lanes.report.performance import PARTS, milliseconds
from lanes.verification.performance import Figures
from lanes.verification.verdict import LaneVerdict

# The page stretches a plot to its width, so x is in percent. Plots have no text and no line widths,
# which would stretch as well: these are in the page's HTML and CSS.
WIDTH, HEIGHT = 100, 64
_BINS = 60


@dataclass(frozen=True)
class Scale:
    """A logarithmic axis of milliseconds, from `low` to `high`, over the width of a plot."""

    low: float
    high: float

    @classmethod
    def over(cls, samples: Sequence[Figures]) -> "Scale":
        """Return the axis that shows all samples, from a round number to a round number."""
        ends = [end for s in samples if s.times for end in (s.times[0], s.times[-1])]
        low, high = max(0.05, min(ends, default=1)), max(0.1, max(ends, default=1))
        down = max((step for step in _STEPS if step <= low), default=_STEPS[0])
        up = min((step for step in _STEPS if step >= high and step > down), default=_STEPS[-1])
        return cls(down, up)

    def x(self, ms: float) -> float:
        part = math.log(max(ms, self.low) / self.low) / math.log(self.high / self.low)
        return round(WIDTH * min(1.0, part), 2)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the places and texts of the axis's numbers, few enough for a phone."""
        steps = [step for step in _STEPS if self.low <= step <= self.high]
        every = -(-len(steps) // 7)
        return [(self.x(step), milliseconds_short(step)) for step in steps[::every]]


_STEPS = [digit * 10.0**power for power in range(-2, 6) for digit in (1, 2, 5)]


def milliseconds_short(ms: float) -> str:
    """Return a round time as an axis shows it."""
    return f"{ms / 1000:g} s" if ms >= 1000 else f"{ms:g} ms"


def times(figures: Figures, scale: Scale, beside: Figures | None = None) -> Markup:
    """Return a histogram of times with lines at the median and p99, and `beside` as an outline."""
    words = ", ".join(f"{name} {milliseconds(figures.at(part))}" for name, part in PARTS.items())
    parts = [f'<path class="area" d="{_area(figures, scale)} Z"/>']
    if beside is not None and beside.times:
        parts.append(f'<path class="outline" d="{_area(beside, scale)}"/>')
    for name, part in (("median", 0.5), ("tail", 0.99)):
        at = figures.at(part)
        if at is not None:
            x = scale.x(at)
            parts.append(f'<path class="{name}" d="M{x} 0V{HEIGHT}"/>')
    return _svg("".join(parts), words, HEIGHT)


def share(lane: LaneVerdict) -> Markup:
    """Return a bar for the interval of a share, a dot for the share, and a line for the weight."""
    parts = (lane.low, lane.high, lane.share, lane.expected)
    left, right, dot, line = (round(WIDTH * part, 2) for part in parts)
    inner = (
        f'<path class="track" d="M0 12H{WIDTH}"/>'
        f'<path class="{"interval" if lane.fits else "interval wrong"}" d="M{left} 12H{right}"/>'
        f'<path class="seen" d="M{dot} 12h0"/>'
        f'<path class="weight" d="M{line} 1V23"/>'
    )
    low, high, seen, weight = (f"{part:.0%}" for part in parts)
    return _svg(inner, f"seen {seen}, interval {low} to {high}, weight {weight}", 24)


def _area(figures: Figures, scale: Scale) -> str:
    """Return the outline of a smoothed histogram, as high as the plot."""
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
    return Markup(  # noqa: S704 no text from outside gets in here
        f'<svg viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" role="img"'
        f' aria-label="{words}">{inner}</svg>'
    )
