//! Files and paths that cannot be: 422 `invalid_file`.

use serde_json::{Value, json};

use crate::{problems::fault, server::Arrange};

fn invalid_file(pointers: &[&str]) -> (u16, String, Vec<String>) {
    fault(422, "invalid_file", pointers)
}

fn file(path: &str) -> Value {
    json!({"path": path, "content": ""})
}

#[tokio::test]
async fn a_path_that_leaves_the_work_directory_or_names_nothing_is_refused() {
    let server = Arrange::warm().await;
    let (long, deep) = ("x".repeat(256), vec!["d"; 40].join("/"));
    for path in
        ["", ".", "..", "../x", "a/../../x", "a/..", "./a", "/etc/passwd", "//a", "a//b", "a/", "a\0b", &long, &deep]
    {
        assert_eq!(server.refuses(json!({"files": [file(path)]})).await, invalid_file(&["/files/0/path"]), "{path:?}");
        let artifact = json!({"source": "", "artifacts": [path]});
        assert_eq!(server.refuses(artifact).await, invalid_file(&["/artifacts/0"]), "{path:?}");
    }
}

#[tokio::test]
async fn a_path_that_only_looks_odd_is_served() {
    let names = ["...", "..a", "a..b/c", "a b", "-rf", "$(id)", "ä", "a\\b", "~", "*"];
    let files: Vec<_> = names.iter().map(|name| json!({"path": name, "content": "print x"})).collect();
    let server = Arrange::warm().await;
    server.report(json!({"files": files})).await;
    assert_eq!(server.engine.last().files.len(), names.len());
}

#[tokio::test]
async fn no_files_are_as_wrong_as_ten_thousand() {
    let server = Arrange::warm().await;
    let many: Vec<_> = (0..10_000).map(|number| file(&number.to_string())).collect();
    assert_eq!(server.refuses(json!({"files": []})).await, invalid_file(&["/files"]));
    assert_eq!(server.refuses(json!({"files": many})).await, invalid_file(&["/files"]));
}

#[tokio::test]
async fn no_path_is_given_twice() {
    let server = Arrange::warm().await;
    let files = json!([file("a"), file("b"), file("a"), file("a")]);
    assert_eq!(server.refuses(json!({"files": files})).await, invalid_file(&["/files/2/path", "/files/3/path"]));
    let artifacts = json!({"source": "", "artifacts": ["a", "a"]});
    assert_eq!(server.refuses(artifacts).await, invalid_file(&["/artifacts/1"]));
}

#[tokio::test]
async fn no_file_lies_below_a_file() {
    let server = Arrange::warm().await;
    for (files, pointer) in [
        (json!([file("a"), file("a/b")]), "/files/1/path"),
        (json!([file("a/b/c"), file("a")]), "/files/0/path"),
        (json!([file("x"), file("a/b/c/d"), file("a/b")]), "/files/1/path"),
    ] {
        assert_eq!(server.refuses(json!({"files": files})).await, invalid_file(&[pointer]), "{files}");
    }
}

#[tokio::test]
async fn the_entrypoint_is_one_of_the_files() {
    let server = Arrange::warm().await;
    for entrypoint in ["b", "", "/a", "./a", "A"] {
        let fields = json!({"files": [file("a")], "entrypoint": entrypoint});
        assert_eq!(server.refuses(fields).await, invalid_file(&["/entrypoint"]), "{entrypoint:?}");
    }
}

#[tokio::test]
async fn more_than_sixty_four_artifacts_are_refused() {
    let names: Vec<_> = (0..65).map(|number| number.to_string()).collect();
    let server = Arrange::warm().await;
    assert_eq!(server.refuses(json!({"source": "", "artifacts": names})).await, invalid_file(&["/artifacts"]));
    server.report(json!({"source": "print x", "artifacts": names[..64]})).await;
}

#[tokio::test]
async fn several_paths_are_refused_together() {
    let fields = json!({"files": [file("../a"), file("b"), file("b")], "entrypoint": "c", "artifacts": ["/d"]});
    let pointers = ["/files/0/path", "/files/2/path", "/entrypoint", "/artifacts/0"];
    assert_eq!(Arrange::warm().await.refuses(fields).await, invalid_file(&pointers));
}
