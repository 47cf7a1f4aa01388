//! A third party: `comity verify` in a process of its own, which knows the file and the anchors
//! that it is given, and nothing else.

use super::surprise::Surprise;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// What the third party found.
#[derive(Clone, Debug)]
pub(super) struct Verified {
    pub(super) exit: Option<i32>,
    pub(super) verdict: String,
    pub(super) report: Value,
    /// The process that found it.
    pub(super) pid: u32,
}

/// An anchor: this key is his, says he.
pub(super) fn anchor(did: &str, fingerprint: &str) -> String {
    format!("{did}={fingerprint}")
}

/// Verifies a file.
pub(super) async fn verify(file: &Path, anchors: &[String]) -> Result<Verified, Surprise> {
    let failed = || Surprise::instead_of("a verifier that runs");
    let this = std::env::current_exe().map_err(failed())?;
    // No home, no environment: no node could be asked.
    let mut command = Command::new(this);
    command.env_clear().arg("verify").arg(file).arg("--json");
    for anchor in anchors {
        command.args(["--anchor", anchor]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.kill_on_drop(true).spawn().map_err(failed())?;
    let pid = child.id().unwrap_or_default();
    let ended = child.wait_with_output().await.map_err(failed())?;
    let report: Value = serde_json::from_slice(&ended.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        Surprise::new("a verifier's report", said)
    })?;
    Ok(Verified {
        exit: ended.status.code(),
        verdict: report["verdict"].as_str().unwrap_or_default().to_owned(),
        report,
        pid,
    })
}

impl Verified {
    /// The grade of an identity: `anchored`, `asserted`.
    pub(super) fn grade(&self, did: &str) -> String {
        let identities = self.report["identities"].as_array();
        let mut identities = identities.into_iter().flatten();
        let identity = identities.find(|identity| identity["did"] == did);
        identity
            .and_then(|identity| identity["grade"].as_str())
            .unwrap_or("not in it")
            .to_owned()
    }

    /// The first thing found, with its place: `/messages/0/jws: …`.
    pub(super) fn first_finding(&self) -> String {
        let finding = &self.report["findings"][0];
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        match finding.is_null() {
            true => "nothing found".to_owned(),
            false => format!("{} {}", text("pointer"), text("why"))
                .trim()
                .to_owned(),
        }
    }

    /// How many there are of `messages`, `logs`, ….
    pub(super) fn count(&self, what: &str) -> usize {
        self.report[what].as_array().map_or(0, Vec::len)
    }

    /// In short, for a surprise.
    pub(super) fn shown(&self) -> String {
        let code = self
            .exit
            .map_or_else(|| "none".to_owned(), |code| code.to_string());
        format!(
            "{}, exit code {code}: {}",
            self.verdict,
            self.first_finding()
        )
    }
}
