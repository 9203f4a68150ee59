//! docs/reliability.md, whose tables are what the tests found.

use std::{fs, path::PathBuf};

/// The page says this between its markers of this name, or is made to say it where `RELIABILITY=write`.
///
/// # Panics
///
/// It says something else, or has no such markers.
pub fn check_page(name: &str, found: &str) {
    if !is_to_be_written() {
        let said = parts(&page(), name)[1].clone();
        assert!(
            said == framed(found),
            "docs/reliability.md is not what was found; `make reliability` writes it:\n{found}"
        );
    }
    write_page(name, found);
}

/// Where `RELIABILITY=write`, the page is made to say this between its markers of this name: figures, which
/// differ from run to run.
///
/// # Panics
///
/// It has no such markers.
pub fn write_page(name: &str, found: &str) {
    if is_to_be_written() {
        let [before, _, after] = parts(&page(), name);
        fs::write(path(), [before, framed(found), after].concat()).expect("docs/reliability.md");
    }
}

fn is_to_be_written() -> bool {
    std::env::var("RELIABILITY").is_ok_and(|order| order == "write")
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reliability.md")
}

fn page() -> String {
    fs::read_to_string(path()).expect("docs/reliability.md")
}

/// What stands before the end of the first marker, between the two, and from the second on.
fn parts(page: &str, name: &str) -> [String; 3] {
    let (start, end) = (format!("<!-- found: {name} -->\n"), "<!-- found: end -->");
    let (before, rest) = page.split_once(&start).unwrap_or_else(|| panic!("the page lacks {start}"));
    let (said, after) = rest.split_once(end).unwrap_or_else(|| panic!("the page lacks {end}"));
    [before.to_owned() + &start, said.to_owned(), end.to_owned() + after]
}

fn framed(found: &str) -> String {
    format!("\n{}\n\n", found.trim())
}
