"""The plot of docs/scale.md: lines on logarithmic axes, as SVG for light and dark pages."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 220, 44, 30, 60
COLORS = ("#8a8f98", "#d4a72c", "#ce422b", "#2f81f7", "#8250df")
LEAST = 1e-3
STYLE = """\
text { font: 11px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.tick { font-size: 9px; fill: #6e7781 }
.grid { stroke: #8c959f; stroke-opacity: .3 }
.limit { stroke: #24292f; stroke-dasharray: 5 3 }
polyline { fill: none; stroke-width: 1.8 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .tick { fill: #9198a1 } .limit { stroke: #e6edf3 } }"""


def svg(title, panels, curves):
    """`panels` are (title, name of a figure, its limit, label of the limit), `curves` are {name: [figures]}."""
    width, height = LEFT + len(panels) * (WIDTH + GAP) - GAP + 10, TOP + HEIGHT + 60
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{STYLE}\n</style>",
    ]
    rates = [point["a_second"] for points in curves.values() for point in points]
    for number, (heading, what, limit, label) in enumerate(panels):
        left = LEFT + number * (WIDTH + GAP)
        values = [max(point[what], LEAST) for points in curves.values() for point in points]
        across, up = scale(rates, left, left + WIDTH), scale([*values, limit], TOP + HEIGHT, TOP)
        lines.append(text(left, TOP - 12, heading, "title"))
        for power in powers(rates):
            x = across(10**power)
            lines.append(f'<path class="grid" d="M{x} {TOP}V{TOP + HEIGHT}"/>')
            lines.append(text(x - 8, TOP + HEIGHT + 14, f"{10**power:g}", "tick"))
        for power in powers([*values, limit]):
            y = up(10**power)
            lines.append(f'<path class="grid" d="M{left} {y}H{left + WIDTH}"/>')
            lines.append(text(left - LEFT + 4, y + 3, f"{10**power:g}", "tick"))
        lines.append(text(left + WIDTH - 95, TOP + HEIGHT + 28, "requests a second"))
        for points, color in zip(curves.values(), COLORS, strict=True):
            places = ((across(point["a_second"]), up(max(point[what], LEAST))) for point in points)
            line = " ".join(f"{x},{y}" for x, y in places)
            lines.append(f'<polyline stroke="{color}" points="{line}"/>')
        lines.append(f'<path class="limit" d="M{left} {up(limit)}H{left + WIDTH}"/>')
        above = up(limit) - 5
        lines.append(text(left + 5, above if above > TOP else above + 17, label))
    for number, (name, color) in enumerate(zip(curves, COLORS, strict=True)):
        x, y = LEFT + number * 125, height - 8
        lines.append(f'<rect x="{x}" y="{y - 7}" width="14" height="4" fill="{color}"/>')
        lines.append(text(x + 20, y, name))
    return "\n".join([*lines, "</svg>"]) + "\n"


def text(x, y, content, kind=None):
    kind = f' class="{kind}"' if kind else ""
    return f'<text{kind} x="{x:g}" y="{y:g}">{escape(content)}</text>'


def powers(values):
    """The powers of ten between the smallest and the largest value."""
    return range(math.ceil(math.log10(min(values))), math.floor(math.log10(max(values))) + 1)


def scale(values, first, last):
    """A function that maps a value to a position between `first` and `last`, by its logarithm."""
    low, high = math.log10(min(values)), math.log10(max(values))
    return lambda value: round(first + (math.log10(value) - low) / (high - low) * (last - first), 1)
