//! Where things are in the workspace.

use std::path::{Path, PathBuf};

/// A file or folder of the workspace, by its path from the top.
pub(crate) fn file(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the workspace is there").join(path)
}
