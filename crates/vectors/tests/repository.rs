//! Runs the vectors of this repository, and shows that a wrong one is noticed.

use std::path::Path;
use std::process::{Command, Output};

fn run(directory: &Path) -> Output {
    let runner = env!("CARGO_BIN_EXE_comity-vectors");
    Command::new(runner)
        .arg(directory)
        .output()
        .expect("the runner starts")
}

fn last_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn every_vector_of_the_repository_passes() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let output = run(&vectors);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(
        last_line(&output).ends_with(" passed, 0 failed, 0 skipped"),
        "{text}"
    );
}

#[test]
fn a_wrong_vector_fails_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let vectors = r#"[
        {"id": "RIGHT", "kids": ["did:example:b#2", "did:example:b#1"], "apv": "0kwavZNQL_m-Lmt7qXo4S74zdE5Evw4rukeYudJks4g"},
        {"id": "WRONG", "did": "did:web:example.com", "url": "https://example.com/did.json"},
        {"id": "STRANGE", "something": "else"}]"#;
    std::fs::create_dir(directory.path().join("any")).unwrap();
    std::fs::write(directory.path().join("any/name.json"), vectors).unwrap();
    let output = run(directory.path());
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("FAILED any/name.json WRONG: "), "{text}");
    assert_eq!(last_line(&output), "1 passed, 1 failed, 1 skipped");
}

#[test]
fn an_empty_directory_proves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(last_line(&output), "0 passed, 0 failed, 0 skipped");
}
