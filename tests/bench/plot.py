"""Two small log-log plots side by side, as SVG, with nothing but text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

_WIDTH, _HEIGHT = 360, 260
_LEFT, _TOP, _RIGHT, _BOTTOM = 56, 34, 16, 46
_STYLE = (
    "text{font:12px sans-serif;fill:#444}.title{font-weight:bold}"
    ".grid{stroke:#ddd}.line{stroke:#2166ac;stroke-width:2;fill:none}.dot{fill:#2166ac}"
)


@dataclass(frozen=True, slots=True)
class Panel:
    """A title and points (x, y), both above 0."""

    title: str
    points: Sequence[tuple[float, float]]


def two(left: Panel, right: Panel, *, below: str) -> str:
    """The SVG; ``below`` names the horizontal axis of both."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _WIDTH} {_HEIGHT}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{2 * _WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for number, panel in enumerate((left, right)):
        parts.append(f'<g transform="translate({number * _WIDTH} 0)">')
        parts.extend(_panel(panel, below))
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, below: str) -> Iterator[str]:
    horizontal = _Axis([x for x, _ in panel.points], _LEFT, _WIDTH - _RIGHT)
    vertical = _Axis([y for _, y in panel.points], _HEIGHT - _BOTTOM, _TOP)
    yield f'<text class="title" x="{_LEFT}" y="18">{panel.title}</text>'
    for value in horizontal.decades():
        x = horizontal.at(value)
        yield f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}"/>'
        yield f'<text x="{x:.1f}" y="{_HEIGHT - 28}" text-anchor="middle">{_short(value)}</text>'
    for value in vertical.decades():
        y = vertical.at(value)
        yield f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(value)}</text>'
    yield f'<text x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{below}</text>'
    places = [(horizontal.at(x), vertical.at(y), y) for x, y in panel.points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
    yield f'<polyline class="line" points="{line}"/>'
    for x, y, value in places:
        anchor = "end" if x > _WIDTH - 2 * _RIGHT else "middle"
        yield f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
        yield f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="{anchor}">{value:.3g}</text>'


class _Axis:
    """A logarithmic scale over whole decades."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low = floor(log10(min(values)))
        self._high = max(ceil(log10(max(values))), self._low + 1)
        self._start = start
        self._end = end

    def at(self, value: float) -> float:
        """The position of a value, in pixels."""
        share = (log10(value) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def decades(self) -> list[float]:
        """The values of the grid lines."""
        return [10.0**power for power in range(self._low, self._high + 1)]


def _short(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e3 else f"{value:g}"
