"""Bar charts with logarithmic axes, as SVG for light and dark pages."""

import math
from xml.sax.saxutils import escape

STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.tick { font-size: 10px; fill: #6e7781; text-anchor: middle }
.name { text-anchor: end }
line { stroke: #8c959f; stroke-opacity: .35 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .tick { fill: #9198a1 }
}"""


def bars(title, rows, panels):
    """Bar charts of `panels` (title, values, labels) side by side, with the same `rows` of (name, color)."""
    names, panel, gap, top, row, thickness = 160, 252, 28, 30, 26, 16
    # The share of a panel's width for the label after the longest bar.
    label_width = 48
    width, height = names + len(panels) * (gap + panel), top + len(rows) * row + 22
    middles = [top + index * row + row // 2 for index in range(len(rows))]
    parts = [text(names, middle + 4, name, "name") for middle, (name, _) in zip(middles, rows, strict=True)]
    for index, (heading, values, labels) in enumerate(panels):
        left = names + gap + index * (gap + panel)
        ends = [min(values) / 2, max(values)]
        across = logarithmic(ends, left, left + panel - label_width)
        parts.append(text(left, 16, heading, "title"))
        for value in powers(ends):
            parts += [line(across(value), top - 4, across(value), height - 18)]
            parts += [text(across(value), height - 6, f"{value:g}", "tick")]
        for middle, (_, color), value, label in zip(middles, rows, values, labels, strict=True):
            parts.append(rectangle(left, middle - thickness // 2, across(value) - left, thickness, color))
            parts.append(text(across(value) + 5, middle + 4, label))
    return document(title, width, height, parts)


def document(title, width, height, parts):
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
    head = [f"<title>{escape(title)}</title>", f"<style>\n{STYLE}\n</style>"]
    return "\n".join([opening, *head, *parts, "</svg>"]) + "\n"


def text(x, y, content, kind=""):
    attribute = f' class="{kind}"' if kind else ""
    return f'<text{attribute} x="{x:g}" y="{y:g}">{escape(content)}</text>'


def line(x1, y1, x2, y2):
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>'


def rectangle(x, y, width, height, color):
    return f'<rect x="{x}" y="{y}" width="{width:g}" height="{height}" fill="{color}"/>'


def powers(values):
    """The powers of ten between the smallest and the largest value."""
    first, last = math.ceil(math.log10(min(values))), math.floor(math.log10(max(values)))
    return [10**power for power in range(first, last + 1)]


def logarithmic(values, first, last):
    """A function that maps a value to a position between `first` and `last`, by its logarithm."""
    low, high = math.log10(min(values)), math.log10(max(values))
    return lambda value: round(first + (math.log10(value) - low) / (high - low) * (last - first), 1)
