//! `comity demo`: two organisations on one machine, for people who want to see before they read.
//!
//! ```text
//! aria ──> node A ──> wire ──> node B ──> bruno        five processes, and this one, which is
//!             ^──────── wire <───┘                     B's operator, the wire, and the audience
//! ```
//! [`story`] plays what two companies would live through in a year; then [`keys`] let one break it
//! by hand. Nothing is canned: a line is printed after something came back, from what came back,
//! and what must hold is checked ([`surprise`]). The first thing that is otherwise ends the demo
//! with exit code 1.
//!
//! The demo has no door of its own into a node. It acts through the operator's door, the agents'
//! programs, the command line, and as whoever sits on the wire or at the disk.

mod examples;
mod forge;
mod keys;
mod ledger;
mod organisation;
mod program;
mod stage;
mod story;
mod surprise;
mod verifier;
mod wire;

use crate::exit::{Exit, Trouble};
use clap::Args;
use examples::Examples;
use ledger::{Ledger, Side};
use serde_json::json;
use stage::Stage;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use surprise::Surprise;

/// Watch two companies' agents meet, work and prove it; press keys to break it
///
/// Builds the example agents if needed, starts two nodes in a temporary directory, and plays a
/// story of about half a minute, a line for each thing that really happened. On a terminal both
/// nodes then stay up and keys break things: k kill a node, d cut the network, f forge Aria,
/// t tamper in flight, r revoke, p replay, e edit the record, v verify, q quit. Exits with 0 only
/// if every expectation held.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comity demo
  comity demo --script kftrvq      # press these keys after the story, then end
  comity demo --json               # the ledger for programs, one object a line")]
pub(crate) struct Demo {
    /// Press these keys after the story instead of asking for them
    #[arg(long, value_name = "KEYS", value_parser = keys::parse_script)]
    script: Option<keys::Script>,
    /// Print the ledger as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Keep the directory with homes, evidence files and logs
    #[arg(long)]
    keep: bool,
}

pub(crate) async fn run(demo: Demo) -> Result<Exit, Trouble> {
    let dir = tempfile::Builder::new().prefix("comity-demo-").tempdir();
    let mut dir = dir.map_err(|why| {
        Trouble::failed("no temporary directory for the demo").means(why.to_string())
    })?;
    dir.disable_cleanup(demo.keep);
    let ledger = Arc::new(Ledger::new(demo.json));
    let played = tokio::select! {
        played = Box::pin(play(&demo, Arc::clone(&ledger), dir.path())) => played,
        () = interrupted() => return Ok(Exit::Failed),
    };
    if let Err(surprise) = played {
        dir.disable_cleanup(true);
        ledger.failed(&surprise, &dir.path().display().to_string());
        return Ok(Exit::Failed);
    }
    if demo.keep {
        let kept = dir.path().display().to_string();
        ledger.saw(
            Side::Third,
            format!("homes, evidence and logs stay in {kept}"),
            json!({"kept": kept}),
        );
    }
    Ok(Exit::Ok)
}

async fn play(demo: &Demo, ledger: Arc<Ledger>, dir: &Path) -> Result<(), Surprise> {
    ledger.step("build", "The agents: programs of their own, from examples/");
    let examples = Examples::ready().await?;
    ledger.start_clock();
    let mut stage = Stage::set(ledger, dir, examples).await?;
    story::play(&mut stage).await?;
    match &demo.script {
        Some(script) => keys::play_script(&mut stage, script).await,
        None if !demo.json && std::io::stdin().is_terminal() && std::io::stdout().is_terminal() => {
            keys::play_live(&mut stage).await
        }
        None => Ok(()),
    }
}

/// Ready when somebody wants to end it, or the terminal is gone: then everything that was started
/// is dropped, and so ended.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::terminate(), SignalKind::hangup()].map(signal);
    let [Ok(mut terminate), Ok(mut hangup)] = kinds else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}
