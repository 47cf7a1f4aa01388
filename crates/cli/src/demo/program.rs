//! An agent: a program of its own, whose words are kept.

use super::organisation::{append, program};
use super::surprise::{Surprise, eventually, expect};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Child;

/// A program that runs, and what it said so far.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Program {
    /// Starts `path` as an agent of the node in `home`; its words also go to `log`.
    pub(super) fn start<S: AsRef<str>>(
        path: &Path,
        args: &[S],
        home: &Path,
        log: &Path,
    ) -> Result<Self, Surprise> {
        let mut command = program(path, home);
        command.args(args.iter().map(AsRef::as_ref));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let expected = format!("{} to run", path.display());
        let mut child = command.spawn().map_err(Surprise::instead_of(expected))?;
        let lines = Arc::default();
        if let Some(out) = child.stdout.take() {
            tokio::spawn(listen(out, Some(Arc::clone(&lines)), log.to_owned()));
        }
        if let Some(errors) = child.stderr.take() {
            tokio::spawn(listen(errors, None, log.to_owned()));
        }
        Ok(Self { child, lines })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it said so far.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }

    /// Waits for a line with `words` in it.
    pub(super) async fn says(&self, words: &str, within: Duration) -> Result<String, Surprise> {
        let expected = format!("an agent that says {words:?}");
        eventually(&expected, within, async || {
            let lines = self.lines();
            let said = lines.iter().find(|line| line.contains(words)).cloned();
            Ok(said.ok_or_else(|| format!("it said {lines:?}")))
        })
        .await
    }

    /// Waits until it ended by itself.
    pub(super) async fn ends(&mut self, within: Duration) -> Result<ExitStatus, Surprise> {
        let expected = format!("an agent that is done within {} s", within.as_secs());
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(ended) => ended.map_err(Surprise::instead_of(expected)),
            Err(_) => Err(Surprise::new(
                expected,
                format!("it said {:?}", self.lines()),
            )),
        }
    }

    /// Ends it now.
    pub(super) async fn kill(&mut self) -> Result<(), Surprise> {
        let ended = self.child.kill().await;
        ended.map_err(Surprise::instead_of("an agent that ends"))
    }

    /// Goes on only if it still runs: what it did, it did in one life.
    pub(super) fn still_runs(&mut self) -> Result<(), Surprise> {
        let ended = self.child.try_wait().ok().flatten();
        let came = ended.map_or_else(String::new, |ended| ended.to_string());
        expect(ended.is_none(), "an agent that still runs", came)
    }
}

async fn listen(from: impl AsyncRead + Unpin, to: Option<Arc<Mutex<Vec<String>>>>, log: PathBuf) {
    let mut read = BufReader::new(from).lines();
    let mut log = append(&log).ok();
    while let Ok(Some(line)) = read.next_line().await {
        if let Some(log) = &mut log {
            let _ = writeln!(log, "{line}");
        }
        if let Some(to) = &to {
            to.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }
}
