//! Checks the tables of docs/reliability.md, or writes them with `RELIABILITY=write`.

use std::{fs, path::PathBuf};

/// Checks that the section `name` of the page holds `found`, or writes it.
pub fn check_page(name: &str, found: &str) {
    let page = fs::read_to_string(path()).expect("docs/reliability.md");
    let is_current = page == with_section(&page, name, found);
    assert!(
        is_current || is_to_be_written(),
        "docs/reliability.md is out of date; `make reliability` writes it:\n{found}"
    );
    write_page(name, found);
}

/// Writes the section `name` of the page if `RELIABILITY=write`, for figures that differ between runs.
pub fn write_page(name: &str, found: &str) {
    if is_to_be_written() {
        let page = fs::read_to_string(path()).expect("docs/reliability.md");
        fs::write(path(), with_section(&page, name, found)).expect("docs/reliability.md");
    }
}

fn is_to_be_written() -> bool {
    std::env::var("RELIABILITY").is_ok_and(|mode| mode == "write")
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reliability.md")
}

/// The page with another text between the markers of a section.
fn with_section(page: &str, name: &str, found: &str) -> String {
    let (start, end) = (format!("<!-- found: {name} -->\n"), "<!-- found: end -->");
    let (before, rest) = page.split_once(&start).unwrap_or_else(|| panic!("the page lacks {start}"));
    let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("the page lacks {end}"));
    format!("{before}{start}\n{}\n\n{end}{after}", found.trim())
}
