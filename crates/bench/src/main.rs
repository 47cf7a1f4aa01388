//! Measures Comity, always as a ratio to what the same machine can do in the same run.
//!
//! `comity-bench node`: agent → node → node → agent, through the real binary and real sockets.
//! Method and results: `docs/performance.md`.

mod agent;
mod cpu;
mod floor;
mod node;
mod report;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(version, about = "Measures Comity against what this machine can do")]
struct Args {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    Node(node::Args),
}

fn main() -> anyhow::Result<()> {
    let Bench::Node(args) = Args::parse().bench;
    // One thread: the agents' share of the machine should be small and steady.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(node::run(args))
}
