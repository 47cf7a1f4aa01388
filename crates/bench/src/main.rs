//! Measures Comity, always as a ratio to what the same machine can do in the same run.
//!
//! `comity-bench node`: agent → node → node → agent, through the real binary and real sockets.
//! `comity-bench envelope`: packing and unpacking beside two other implementations and the bare
//! cryptography.
//! `comity-bench strangers`: granted traffic beside hostile strangers, and what these cost.
//!
//! Method and results: `docs/performance.md`.

mod agent;
mod cpu;
mod envelope;
mod floor;
mod node;
mod report;
mod strangers;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(version, about = "Measures Comity against what this machine can do")]
struct Args {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Packing and unpacking of messages.
    Envelope(envelope::Args),
    /// From agent to agent through two nodes.
    Node(node::Args),
    /// Granted traffic beside hostile strangers.
    Strangers(strangers::Args),
    /// Attackers, as `strangers` starts them.
    #[command(hide = true)]
    Hostile(strangers::hostile::Args),
    /// A node, as `strangers` starts it.
    #[command(hide = true)]
    Up(strangers::up::Args),
}

fn main() -> anyhow::Result<ExitCode> {
    // One thread for agents and attackers: their share of the machine should be small and steady.
    let one_thread = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    };
    match Args::parse().bench {
        Bench::Envelope(args) => envelope::run(&args)?,
        Bench::Node(args) => one_thread()?.block_on(node::run(args))?,
        Bench::Strangers(args) => {
            if !one_thread()?.block_on(strangers::run(args))? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Bench::Hostile(args) => one_thread()?.block_on(strangers::hostile::run(args))?,
        Bench::Up(args) => tokio::runtime::Runtime::new()?.block_on(strangers::up::run(args))?,
    }
    Ok(ExitCode::SUCCESS)
}
