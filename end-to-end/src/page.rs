//! docs/reliability.md, whose tables are what the tests found.

use std::{fs, path::PathBuf};

/// The page says this between its markers of this name, or is made to say it where `RELIABILITY=write`.
///
/// # Panics
///
/// It says something else, or has no such markers.
pub fn check_page(name: &str, found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/reliability.md");
    let page = fs::read_to_string(&path).expect("docs/reliability.md");
    let (start, end) = (format!("<!-- found: {name} -->\n"), "<!-- found: end -->");
    let (before, rest) = page.split_once(&start).unwrap_or_else(|| panic!("the page lacks {start}"));
    let (said, after) = rest.split_once(end).unwrap_or_else(|| panic!("the page lacks {end}"));
    let found = format!("\n{}\n\n", found.trim());
    if std::env::var("RELIABILITY").is_ok_and(|order| order == "write") {
        fs::write(&path, [before, &start, &found, end, after].concat()).expect("docs/reliability.md");
    } else {
        assert!(
            said == found,
            "docs/reliability.md is not what was found; `make reliability` writes it:{found}"
        );
    }
}
