//! Checks the tables of docs/reliability.md, or writes them with `RELIABILITY=write`.

use std::{fs, path::PathBuf};

/// Checks that the section `name` of the page holds `found`, or writes it.
pub fn check_page(name: &str, found: &str) {
    if !is_to_be_written() {
        let [_, current, _] = parts(&page(), name);
        assert!(
            current == framed(found),
            "docs/reliability.md is out of date; `make reliability` writes it:\n{found}"
        );
    }
    write_page(name, found);
}

/// Writes the section `name` of the page if `RELIABILITY=write`, for figures that differ between runs.
pub fn write_page(name: &str, found: &str) {
    if is_to_be_written() {
        let [before, _, after] = parts(&page(), name);
        fs::write(path(), [before, framed(found), after].concat()).expect("docs/reliability.md");
    }
}

fn is_to_be_written() -> bool {
    std::env::var("RELIABILITY").is_ok_and(|mode| mode == "write")
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reliability.md")
}

fn page() -> String {
    fs::read_to_string(path()).expect("docs/reliability.md")
}

/// The text before the section, with its start marker; the section; and the rest, from the end marker.
fn parts(page: &str, name: &str) -> [String; 3] {
    let (start, end) = (format!("<!-- found: {name} -->\n"), "<!-- found: end -->");
    let (before, rest) = page.split_once(&start).unwrap_or_else(|| panic!("the page lacks {start}"));
    let (current, after) = rest.split_once(end).unwrap_or_else(|| panic!("the page lacks {end}"));
    [before.to_owned() + &start, current.to_owned(), end.to_owned() + after]
}

fn framed(found: &str) -> String {
    format!("\n{}\n\n", found.trim())
}
