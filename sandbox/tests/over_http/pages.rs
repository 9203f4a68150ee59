//! Files beside the rest.

use std::fs;
use std::path::PathBuf;

use reqwest::StatusCode;

use crate::caller::{Caller, fixed};
use sandbox::Config;

/// A directory that is removed with the test.
struct Directory(PathBuf);

impl Directory {
    fn with_files(files: &[(&str, &str)]) -> Self {
        let directory = Self(std::env::temp_dir().join(format!("sandbox-pages-{}", std::process::id())));
        for (name, text) in files {
            let path = directory.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_directory_is_served_before_everything_else() {
    let directory = Directory::with_files(&[
        ("index.html", "<p>front"),
        ("docs/page.js", "let a;"),
        ("issuer/token", ""),
    ]);
    let caller = Caller::start(Config { pages: Some(directory.0.clone()), ..fixed() }).await;

    let front = caller.get("/", &[]).await;
    assert_eq!(front.headers()["content-type"], "text/html");
    assert_eq!(front.text().await.unwrap(), "<p>front");
    let module = caller.get("/docs/page.js", &[]).await;
    assert_eq!(module.headers()["content-type"], "text/javascript");

    // Calendly, what is no file, and what a file is no answer to.
    assert!(caller.user_uri().await.starts_with("https://api.calendly.com/users/"));
    assert_eq!(caller.get("/nothing", &[]).await.status(), StatusCode::NOT_FOUND);
    let form = [("grant_type", "password"), ("username", "demo"), ("password", "demo")];
    let token = caller.http.post(caller.url("/issuer/token")).form(&form).send().await.unwrap();
    assert_eq!(token.status(), StatusCode::OK);
}

#[tokio::test]
async fn without_a_directory_there_are_no_pages() {
    let caller = Caller::start(fixed()).await;
    assert_eq!(caller.get("/", &[]).await.status(), StatusCode::NOT_FOUND);
}
