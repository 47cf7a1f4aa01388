//! Measures Comity, always as a ratio to what the same machine can do in the same run.
//!
//! `comity-bench node`: agent → node → node → agent, through the real binary and real sockets.
//! `comity-bench envelope`: packing and unpacking beside two other implementations and the bare
//! cryptography.
//!
//! Method and results: `docs/performance.md`.

mod agent;
mod cpu;
mod envelope;
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
    /// Packing and unpacking of messages.
    Envelope(envelope::Args),
    /// From agent to agent through two nodes.
    Node(node::Args),
}

fn main() -> anyhow::Result<()> {
    match Args::parse().bench {
        Bench::Envelope(args) => envelope::run(&args),
        Bench::Node(args) => {
            // One thread: the agents' share of the machine should be small and steady.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(node::run(args))
        }
    }
}
