"""Bar charts on a logarithmic scale, as SVG: panels side by side with the same rows."""

import math
from xml.sax.saxutils import escape

NAMES, PANEL, GAP = 160, 252, 28
TOP, ROW, BAR = 30, 26, 16
# The share of a panel's width for the label after the longest bar.
LABEL = 48

STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.tick { font-size: 10px; fill: #6e7781; text-anchor: middle }
.name { text-anchor: end }
line { stroke: #8c959f; stroke-opacity: .35 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .tick { fill: #9198a1 } }"""


def bars(title, rows, panels):
    """Draws `rows` of (name, color) and `panels` of (title, values, labels)."""
    width, height = NAMES + len(panels) * (GAP + PANEL), TOP + len(rows) * ROW + 22
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{STYLE}\n</style>",
    ]
    for index, (name, _) in enumerate(rows):
        lines.append(f'<text class="name" x="{NAMES}" y="{middle(index)}">{escape(name)}</text>')
    for place, (heading, values, labels) in enumerate(panels):
        left = NAMES + GAP + place * (GAP + PANEL)
        lines.append(f'<text class="title" x="{left}" y="16">{escape(heading)}</text>')
        lines += scale(left, height, values)
        for index, ((_, colour), value, label) in enumerate(zip(rows, values, labels, strict=True)):
            length, top = position(value, values), TOP + index * ROW + (ROW - BAR) // 2
            size = f'width="{length}" height="{BAR}"'
            lines.append(f'<rect x="{left}" y="{top}" {size} rx="2" fill="{colour}"/>')
            lines.append(f'<text x="{left + length + 5:g}" y="{middle(index)}">{label}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def middle(index):
    """The vertical position of a row's text."""
    return TOP + index * ROW + ROW // 2 + 4


def position(value, values):
    """The horizontal position of a value in its panel, whose axis starts at half of the smallest value."""
    least, most = math.log10(min(values) / 2), math.log10(max(values))
    return round((math.log10(value) - least) / (most - least) * (PANEL - LABEL), 1)


def scale(left, height, values):
    """Draws a labeled grid line at each power of ten."""
    first, last = math.ceil(math.log10(min(values) / 2)), math.floor(math.log10(max(values)))
    for power in range(first, last + 1):
        x = f"{left + position(10**power, values):g}"
        yield f'<line x1="{x}" x2="{x}" y1="{TOP - 4}" y2="{height - 18}"/>'
        yield f'<text class="tick" x="{x}" y="{height - 6}">{10**power:g}</text>'
