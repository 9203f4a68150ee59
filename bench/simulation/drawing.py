"""The plot of docs/scale.md: what a setting makes of traffic, as SVG that can be read on dark and on light pages."""

import io

import matplotlib
from matplotlib.figure import Figure

TEXT, DARK_TEXT, LINES = "#24292f", "#e6edf3", "#8c959f"
COLOURS = ("#8a8f98", "#d4a72c", "#ce422b", "#2f81f7", "#8250df")
MARKERS = ("x", "v", "o", "s", "D")

# Nothing that differs from one time to the next: no date, and names of elements that are always the same.
MATPLOTLIB = {
    "svg.fonttype": "none",
    "svg.hashsalt": "scale",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": TEXT,
    "axes.labelcolor": TEXT,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "xtick.color": LINES,
    "ytick.color": LINES,
    "axes.edgecolor": LINES,
    "axes.spines.top": False,
    "axes.spines.right": False,
}

# Whatever is drawn in the colour of text changes with it.
STYLE = (
    f"<style>@media (prefers-color-scheme: dark) {{ text {{ fill: {DARK_TEXT} !important }} "
    f'[id^="limit"] path {{ stroke: {DARK_TEXT} !important }} }}</style>'
)


def svg(title, panels, curves):
    """`panels` are (title, name of a figure, its limit, what the limit is), `curves` are {name: [figures]}."""
    with matplotlib.rc_context(MATPLOTLIB):
        figure = Figure(figsize=(10, 4.4), layout="constrained")
        for axes, (heading, what, limit, limit_name) in zip(
            figure.subplots(1, len(panels)), panels, strict=True
        ):
            for (name, points), colour, marker in zip(curves.items(), COLOURS, MARKERS, strict=True):
                rates = [point["a_second"] for point in points]
                axes.plot(
                    rates,
                    [max(point[what], 1e-3) for point in points],
                    label=name,
                    color=colour,
                    marker=marker,
                    markersize=4,
                    linewidth=1.8,
                )
            axes.axhline(limit, color=TEXT, linewidth=1, linestyle="--", gid=f"limit-{what}")
            axes.annotate(
                limit_name, (0.02, limit), xycoords=("axes fraction", "data"), va="bottom", fontsize=9
            )
            axes.set(xscale="log", yscale="log", xlabel="requests a second")
            axes.set_title(heading, fontsize=11, loc="left")
            axes.grid(color=LINES, alpha=0.25)
        handles, names = axes.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
        written = io.StringIO()
        figure.savefig(
            written, format="svg", transparent=True, metadata={"Date": None, "Title": title, "Creator": None}
        )
    head, tag, rest = written.getvalue().partition("<defs>")
    lines = (line.rstrip() for line in f"{head}{STYLE}\n {tag}{rest}".splitlines())
    return "\n".join(lines) + "\n"
