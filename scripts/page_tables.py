"""Tables of figures in pages, between markers like `<!-- bench: sizes -->` and `<!-- bench: end -->`."""


def table(header, rows):
    """A Markdown table whose first column is text."""
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replaced(text, kind, name, found):
    """The text of a page with a new part between the markers of this kind and name."""
    start, end = f"<!-- {kind}: {name} -->\n", f"<!-- {kind}: end -->"
    before, _, rest = text.partition(start)
    _, marker, after = rest.partition(end)
    if not marker:
        raise SystemExit(f"there is no place for {name!r}: {start.strip()} … {end}")
    return f"{before}{start}\n{found}\n\n{end}{after}"


def write(page, name, found):
    """Writes the result of a run into a page."""
    page.write_text(replaced(page.read_text(), "found", name, found))
