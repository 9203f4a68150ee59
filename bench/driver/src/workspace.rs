//! Paths in the workspace.

use std::path::{Path, PathBuf};

/// The absolute path of a file or folder of the workspace.
pub(crate) fn file(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the workspace is there").join(path)
}
