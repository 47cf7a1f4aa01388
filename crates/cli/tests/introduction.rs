//! `examples/introduction.sh` as its reader runs it: three organisations, a friend's word, the
//! refusals, the end.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_friends_word_opens_one_door_and_no_other() {
    let beside = Path::new(env!("CARGO_BIN_EXE_comity")).parent().unwrap();
    build_carol(beside);
    let path = format!("{}:{}", beside.display(), std::env::var("PATH").unwrap());
    let mut script = Command::new("bash");
    script
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../examples/introduction.sh"
        ))
        .env("PATH", path)
        .stdin(Stdio::null());
    for name in [
        "COMITY_HOME",
        "COMITY_URL",
        "COMITY_TOKEN",
        "COMITY_HOST_MAP",
    ] {
        script.env_remove(name);
    }
    let ran = script.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}\n{errors}");
    // Nobody at C was asked, and Carol knows on whose word.
    for promised in [
        "let in by rule:friends-of-aria on the word of did:web:agents.org-a.test:aria",
        "\"price\": 5000",
        "at most 20 messages each",
        // The refusals.
        "rule:friends-of-aria: it does not allow the message that waits",
        "does not count: vouch 1 of the chain: the vouch allows no further link",
        "does not count: vouch 1 of the chain: nobody here honours vouches",
        "rule:friends-of-aria: nobody whom it trusts vouches for them",
        "because    e.p.trust.vouch-revoked",
        "does not count: vouch 1 of the chain: the vouch was revoked",
    ] {
        assert!(said.contains(promised), "{promised}: {said}");
    }
}

/// The program of Carol, in the same place and form as the command under test.
fn build_carol(beside: &Path) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--quiet",
        "-p",
        "comity-examples",
        "--bin",
        "carol",
    ]);
    cargo.args([
        "--manifest-path",
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"),
    ]);
    if beside.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.arg("--target-dir").arg(beside.parent().unwrap());
    assert!(cargo.stdin(Stdio::null()).status().unwrap().success());
}
