"""Tables of figures in the pages, between markers like `<!-- bench: sizes -->` and `<!-- bench: end -->`."""


def table(header, rows):
    """A Markdown table whose first column is text."""
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replaced(text, kind, name, found):
    """A page's text with what stands between the markers of this kind and name replaced."""
    start, end = f"<!-- {kind}: {name} -->\n", f"<!-- {kind}: end -->"
    before, _, rest = text.partition(start)
    _, marker, after = rest.partition(end)
    if not marker:
        raise SystemExit(f"there is no place for {name!r}: {start.strip()} … {end}")
    return f"{before}{start}\n{found}\n\n{end}{after}"


def write(page, name, found):
    """Makes a page say what a run found."""
    page.write_text(replaced(page.read_text(), "found", name, found))
