//! The stage: two organisations, the wire between them, their agents.

use super::examples::Examples;
use super::ledger::{Ledger, Side};
use super::organisation::{Killed, Organisation};
use super::program::Program;
use super::surprise::{Surprise, eventually, expect_same};
use super::wire::Wire;
use crate::operator::part;
use crate::show::words::short_digest;
use comity_api::operator::{Approve, Decided, Knock};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// All that plays. Whatever runs ends when this is dropped.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) ledger: Arc<Ledger>,
    pub(super) dir: PathBuf,
    pub(super) examples: Examples,
    pub(super) a: Organisation,
    pub(super) b: Organisation,
    /// From A to B.
    pub(super) to_b: Wire,
    /// From B to A.
    pub(super) to_a: Wire,
    pub(super) aria: Option<Program>,
    pub(super) bruno: Option<Program>,
}

impl Stage {
    /// Sets it up in `dir`; nothing plays yet.
    pub(super) async fn set(
        ledger: Arc<Ledger>,
        dir: &Path,
        examples: Examples,
    ) -> Result<Self, Surprise> {
        let failed = || Surprise::instead_of("two free ports for each organisation");
        let mut a = Organisation::new(Side::A, HOST_A, "aria", dir).map_err(failed())?;
        let mut b = Organisation::new(Side::B, HOST_B, "bruno", dir).map_err(failed())?;
        let to_b = Wire::to(b.wire).await.map_err(failed())?;
        let to_a = Wire::to(a.wire).await.map_err(failed())?;
        a.finds(HOST_B, to_b.address());
        b.finds(HOST_A, to_a.address());
        Ok(Self {
            ledger,
            dir: dir.to_owned(),
            examples,
            a,
            b,
            to_b,
            to_a,
            aria: None,
            bruno: None,
        })
    }

    /// Starts Aria with `args`; she is another process each time, with the same identity.
    pub(super) fn start_aria(&self, args: &[&str]) -> Result<Program, Surprise> {
        let log = self.dir.join("aria.log");
        Program::start(&self.examples.aria, args, &self.a.home, &log)
    }

    /// Aria asks Bruno, with further `args`.
    pub(super) fn aria_asks(&self, args: &[&str]) -> Result<Program, Surprise> {
        let bruno = self.b.did();
        let data = self.examples.data.display().to_string();
        let mut all = vec!["--peer", &bruno, "--data", &data];
        all.extend(args);
        self.start_aria(&all)
    }

    /// Starts Bruno: in Python if there is one. Looks again at every request after some seconds,
    /// if told so, and sends what he finds then.
    pub(super) fn start_bruno(&self, look_again: Option<u64>) -> Result<Program, Surprise> {
        let mut args = Vec::new();
        let program = match &self.examples.python {
            Some(python) => {
                args.push(python.bruno.display().to_string());
                &python.interpreter
            }
            None => &self.examples.bruno,
        };
        if let Some(after) = look_again {
            args.extend(["--update-after".to_owned(), after.to_string()]);
        }
        Program::start(program, &args, &self.b.home, &self.dir.join("bruno.log"))
    }

    /// What Bruno is written in.
    pub(super) fn bruno_is(&self) -> String {
        match &self.examples.python {
            Some(python) => format!("Python {}, one file: examples/bruno.py", python.version),
            None => "Rust (there is no python3 here): examples/src/bin/bruno.rs".to_owned(),
        }
    }

    /// B's operator lets a stranger in, by the digest of what was shown.
    pub(super) async fn approve(&self, knock: &Knock) -> Result<Decided, Surprise> {
        let path = format!("/v1/knocks/{}/approve", part(&knock.id));
        let approve = Approve {
            approval: knock.approval.clone(),
            they_may_send: None,
            you_may_send: None,
            until: None,
            ..Default::default()
        };
        let decided: Decided = self.b.operator().post(&path, &approve).await?;
        let text = format!(
            "the operator approves exactly what was shown: approval {}",
            short_digest(&knock.approval)
        );
        let facts = json!({"outcome": decided.outcome, "approval": knock.approval,
                           "grant": decided.grant});
        self.ledger.saw(Side::B, text, facts);
        Ok(decided)
    }

    /// B's operator ends the collaboration; the grant that ended.
    pub(super) async fn revoke(&self) -> Result<String, Surprise> {
        let expected = "an active grant at node B";
        let grant = self.b.grant().await?;
        let grant = grant.filter(|grant| grant.state == "active");
        let grant = grant.ok_or_else(|| Surprise::new(expected, "none"))?;
        let path = format!("/v1/grants/{}/revoke", part(&grant.id));
        let decided: Decided = self.b.operator().post(&path, &json!({})).await?;
        expect_same("the decision", &"revoked".to_owned(), &decided.outcome)?;
        Ok(grant.id)
    }

    /// Waits until node A knows that the grant ended.
    pub(super) async fn ended_at_a(&self, grant: &str) -> Result<(), Surprise> {
        eventually(
            "a grant that node A knows to have ended",
            TOLD,
            async || {
                let here = self.a.grant().await?;
                let ended = here
                    .as_ref()
                    .is_some_and(|here| here.id == grant && here.state == "ended");
                let came = || format!("{:?}", here.map(|here| (here.id, here.state)));
                Ok(ended.then_some(()).ok_or_else(came))
            },
        )
        .await
    }

    /// Starts a node.
    pub(super) async fn start_node(&mut self, side: Side) -> Result<Duration, Surprise> {
        self.organisation_mut(side).start().await
    }

    /// SIGKILLs a node, and says so.
    pub(super) async fn kill_node(&mut self, side: Side) -> Result<Killed, Surprise> {
        let killed = self.organisation_mut(side).kill().await?;
        let text = format!("SIGKILL to the node, process {}", killed.pid);
        let facts = json!({"pid": killed.pid, "signal": killed.signal});
        self.ledger.does(side, text, facts);
        Ok(killed)
    }

    /// Starts a node again, and says so.
    pub(super) async fn restart_node(&mut self, side: Side) -> Result<Duration, Surprise> {
        let took = self.start_node(side).await?;
        let pid = self.organisation(side).pid().unwrap_or_default();
        let text = format!(
            "the node is back after {} ms, process {pid}",
            took.as_millis()
        );
        self.ledger.saw(side, text, json!({"pid": pid}));
        Ok(took)
    }

    pub(super) const fn organisation(&self, side: Side) -> &Organisation {
        match side {
            Side::B => &self.b,
            _ => &self.a,
        }
    }

    /// The wire that leads to an organisation.
    pub(super) const fn wire_to(&self, side: Side) -> &Wire {
        match side {
            Side::B => &self.to_b,
            _ => &self.to_a,
        }
    }

    const fn organisation_mut(&mut self, side: Side) -> &mut Organisation {
        match side {
            Side::B => &mut self.b,
            _ => &mut self.a,
        }
    }
}

/// Telling the other node takes well under a second; a busy machine may need longer.
const TOLD: Duration = Duration::from_secs(20);
const HOST_A: &str = "agents.org-a.test";
const HOST_B: &str = "agents.org-b.test";
