//! Pages for a browser beside everything else, from a directory.

use std::path::Path;

use axum::Router;
use tower_http::services::ServeDir;

/// A router that answers with the file of a path where the directory has one, and else as `others` does.
pub(crate) fn before(directory: &Path, others: Router) -> Router {
    let files = ServeDir::new(directory).call_fallback_on_method_not_allowed(true).fallback(others);
    Router::new().fallback_service(files)
}
