//! The library of the Standard Webhooks authors verifies what a node posts.

use crate::client::repository;
use comity_api::operator::{CreateWebhook, RotateOperator, WebhookSecret};
use comity_testkit::{Organisation, Posted, Receiver};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn interpreter() -> Option<PathBuf> {
    let interpreter = repository().join("target/interop/standard_webhooks_python/bin/python");
    if interpreter.exists() {
        return Some(interpreter);
    }
    let is_required = std::env::var("COMITY_INTEROP").is_ok_and(|v| v == "required");
    let setup = "run interop/standard_webhooks_python/setup.sh first";
    assert!(!is_required, "{setup}");
    eprintln!("nothing tested: {setup}");
    None
}

fn verified(interpreter: &Path, secret: &str, posted: &Posted) -> Value {
    let call = json!({"secret": secret, "headers": posted.headers, "body": posted.body});
    let mut process = Command::new(interpreter)
        .arg(repository().join("interop/standard_webhooks_python/verify.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(call.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_verified_by_the_authors_library_also_while_its_secret_rotates() {
    let Some(interpreter) = interpreter() else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_comity"));
    let mut node = Organisation::among(binary, home.path(), &[]).unwrap();
    node.start().await.unwrap();
    let receiver = Receiver::start().await.unwrap();
    let create = CreateWebhook {
        url: format!("http://{}/hook", receiver.address),
        events: Vec::new(),
        allow_private: true,
    };
    let door = node.operator();
    let made: WebhookSecret = door.post("/v1/webhooks", &create).await.unwrap();
    let path = |act: &str| format!("/v1/webhooks/{}/{act}", made.webhook.id);
    let tested: Value = door.post(&path("test"), &json!({})).await.unwrap();
    assert_eq!(tested["last_status"], 204);
    let posted = receiver.wait_for(1).await.remove(0);
    let payload = verified(&interpreter, &made.secret, &posted);
    assert_eq!(payload["type"], "webhook.test", "{payload}");
    assert_eq!(payload["data"]["host"], node.host);

    let mut altered = posted.clone();
    altered.body = altered.body.replace("webhook.test", "knock.received");
    assert!(verified(&interpreter, &made.secret, &altered)["refused"].is_string());

    let grace = RotateOperator { grace_s: 3_600 };
    let new: WebhookSecret = door.post(&path("rotate"), &grace).await.unwrap();
    assert_ne!(new.secret, made.secret);
    let _: Value = door.post(&path("test"), &json!({})).await.unwrap();
    let posted = receiver.wait_for(2).await.remove(1);
    for secret in [&made.secret, &new.secret] {
        assert_eq!(
            verified(&interpreter, secret, &posted)["type"],
            "webhook.test"
        );
    }
    let none = RotateOperator::default();
    let last: WebhookSecret = door.post(&path("rotate"), &none).await.unwrap();
    let _: Value = door.post(&path("test"), &json!({})).await.unwrap();
    let posted = receiver.wait_for(3).await.remove(2);
    assert_eq!(
        verified(&interpreter, &last.secret, &posted)["type"],
        "webhook.test"
    );
    assert!(verified(&interpreter, &new.secret, &posted)["refused"].is_string());
}
