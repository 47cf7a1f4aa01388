//! `comity demo` as a stranger runs it: without a terminal, to the end, every expectation held.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::Value;
use std::process::{Command, Stdio};

/// The ledger: one object a line.
struct Ledger(Vec<Value>);

impl Ledger {
    /// The lines of a step of the story, or of a key.
    fn of(&self, step: &str) -> Vec<&Value> {
        self.0.iter().filter(|line| line["step"] == step).collect()
    }

    /// The one line of a step that has a member.
    fn with(&self, step: &str, member: &str) -> &Value {
        let mut found = self
            .of(step)
            .into_iter()
            .filter(|line| !line[member].is_null());
        let line = found.next().unwrap_or_else(|| panic!("{member} in {step}"));
        assert!(found.next().is_none(), "{member} twice in {step}");
        line
    }
}

fn play(script: &str) -> Ledger {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_comity"));
    demo.args(["demo", "--json", "--script", script])
        .stdin(Stdio::null());
    let played = demo.output().unwrap();
    let said = String::from_utf8(played.stdout).unwrap();
    let errors = String::from_utf8_lossy(&played.stderr);
    assert!(
        played.status.success(),
        "{}\n{said}\n{errors}",
        played.status
    );
    let lines = said.lines().map(|line| serde_json::from_str(line).unwrap());
    let ledger = Ledger(lines.collect());
    assert!(ledger.0.iter().all(|line| line["held"] != false), "{said}");
    ledger
}

#[test]
fn the_story_and_every_key_hold_what_they_promise() {
    let ledger = play("kftpdrevkq");

    let knock = ledger.with("knock", "purpose");
    assert_eq!(knock["from"], "did:web:agents.org-a.test:aria");
    assert_eq!(
        knock["they_may_send"][0],
        "https://example.org/market-analysis/1.0"
    );
    // The findings of 732 months: anybody can check them.
    let findings = &ledger.with("answer", "findings")["findings"];
    assert_eq!(findings["n"], 732);
    assert_eq!(findings["seasonality"]["peak_month"], 3);
    let outliers = findings["outliers"].as_array().unwrap();
    assert!(outliers.iter().any(|outlier| outlier["t"] == "1997-12"));

    let arrived = ledger.with("crash", "attempt");
    assert_eq!(
        (&arrived["count"], &arrived["attempt"]),
        (&1.into(), &1.into())
    );
    assert_eq!(ledger.with("crash", "signal")["signal"], 9);
    let waits = ledger.with("absence", "connected");
    assert_eq!(
        (&waits["connected"], &waits["inbox"]),
        (&false.into(), &1.into())
    );
    assert_eq!(ledger.with("revoke", "code")["code"], "e.p.trust.revoked");
    assert_eq!(ledger.with("reconcile", "clean")["clean"], true);

    let bundles = ledger
        .of("proof")
        .into_iter()
        .filter(|line| line["bundle"].is_string());
    let bundles: Vec<_> = bundles
        .map(|line| {
            let exit = line["exit"].as_i64().unwrap();
            (
                line["bundle"].as_str().unwrap(),
                line["verdict"].as_str().unwrap(),
                exit,
            )
        })
        .collect();
    let expected = [
        ("genuine", "proved", 0),
        ("altered", "broken", 1),
        ("invented", "consistent", 4),
    ];
    assert_eq!(bundles, expected);

    assert_eq!(ledger.with("f", "status")["status"], 400);
    assert_eq!(ledger.with("t", "status")["status"], 400);
    assert_eq!(ledger.with("p", "status")["status"], 202);
    assert_eq!(ledger.with("e", "verdict")["verdict"], "broken");
    let sum = ledger.with("quit", "messages");
    assert_eq!(
        (&sum["lost"], &sum["doubled"], &sum["kills"]),
        (&0.into(), &0.into(), &2.into())
    );
}

#[test]
fn a_script_with_an_unknown_key_is_a_mistake_of_usage() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_comity"));
    let played = demo.args(["demo", "--script", "kx"]).output().unwrap();
    assert_eq!(played.status.code(), Some(2));
    assert!(played.stdout.is_empty());
}
