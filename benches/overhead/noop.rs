//! The program that does nothing: what remains is the cost of running a program at all.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// Builds it into a directory.
pub fn build(directory: &Path) -> PathBuf {
    let executable = directory.join("noop");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/overhead/noop.c");
    let flags = ["-O2", "-nostdlib", "-static", "-s", "-o"];
    let built = Command::new("cc").args(flags).args([&executable, &source]).status().unwrap();
    assert!(built.success(), "{} does not compile", source.display());
    executable
}

pub fn request() -> Value {
    let directory = tempfile::tempdir().unwrap();
    let content = BASE64_STANDARD.encode(fs::read(build(directory.path())).unwrap());
    json!({"language": "binary", "files": [{"path": "main", "content": content, "encoding": "base64"}]})
}
