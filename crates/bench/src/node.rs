//! `comity-bench node`: agent → node → node → agent on this machine.

use crate::agent::{Clock, Journey, Sender, receive};
use crate::{cpu, floor, report};
use anyhow::{Context, Result};
use comity_testkit::{Organisation, acquaint};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Two nodes, two agents, and how fast messages get from one to the other and back as `done`
///
/// Everything runs on this machine: both nodes, both agents. Compare ratios, and only within one
/// run on a machine that does nothing else.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// How long each row is measured
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// The comity binary [default: the one beside this]
    #[arg(long, value_name = "PATH")]
    comity: Option<PathBuf>,
    /// Where the nodes live while this runs: the disk that is measured [default: here]
    #[arg(long, value_name = "PATH", default_value = ".")]
    dir: PathBuf,
    /// Octets of a body; may be repeated
    #[arg(long, value_name = "N", default_values_t = [256, 4096])]
    body: Vec<usize>,
    /// Messages in flight; may be repeated
    #[arg(long, value_name = "N", default_values_t = [1, 16, 256])]
    in_flight: Vec<u64>,
    /// Threads that they are spread over
    #[arg(long, value_name = "N", default_value_t = 32)]
    threads: u64,
}

/// Everything that one run found.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    pub(crate) disk: floor::Disk,
    pub(crate) floors: Vec<Floor>,
    pub(crate) rows: Vec<Row>,
}

/// Cryptography of a message with a body of this size, both nodes.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Floor {
    pub(crate) body: usize,
    pub(crate) us: f64,
}

/// One load.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) body: usize,
    pub(crate) in_flight: u64,
    pub(crate) messages: usize,
    /// Done back at A.
    pub(crate) per_s: f64,
    /// Both node processes.
    pub(crate) cpu_us: f64,
    /// CPU of a message over the bare cryptography of it.
    pub(crate) over_floor: f64,
    /// Messages for each fdatasync that the disk could do in that time.
    pub(crate) per_fsync: f64,
    /// From handing it to A's node, ms, p50 and p99.
    pub(crate) queued_ms: [f64; 2],
    pub(crate) received_ms: [f64; 2],
    pub(crate) at_agent_ms: [f64; 2],
    pub(crate) done_ms: [f64; 2],
    /// Resident memory of both nodes afterwards.
    pub(crate) rss_mib: [f64; 2],
}

pub(crate) async fn run(args: Args) -> Result<()> {
    let binary = binary(args.comity.as_deref())?;
    let home = tempfile::tempdir_in(&args.dir)?;
    let disk = floor::disk(home.path(), 3 * SHORT)?;
    let mut floors = Vec::new();
    for body in &args.body {
        let us = floor::crypto(*body, 2 * SHORT)?.as_secs_f64() * 1e6;
        floors.push(Floor { body: *body, us });
    }
    let [mut a, mut b] = Organisation::pair(&binary, home.path())?;
    a.start().await?;
    b.start().await?;
    let (mut aria, mut bruno) = (a.agent("aria").await?, b.agent("bruno").await?);
    acquaint((&a, "aria", &mut aria), (&b, "bruno", &mut bruno)).await?;
    let clock = Clock::default();
    let run = "m".to_owned();
    let mut sender = Sender::new(&aria, b.did("bruno"), run.clone(), clock.clone()).await?;
    let pids = [a.pid().context("no node")?, b.pid().context("no node")?];
    let received = receive(bruno, run, clock.clone());
    let measured = async {
        let mut rows = Vec::new();
        for floor in &floors {
            for in_flight in &args.in_flight {
                sender.load(floor.body, args.threads);
                let row = measure(&mut sender, &clock, pids, *floor, *in_flight, &disk, &args);
                rows.push(row.await?);
            }
        }
        anyhow::Ok(rows)
    };
    let rows = tokio::select! {
        rows = measured => rows?,
        ended = received => {
            ended?;
            anyhow::bail!("the recipient ended");
        }
    };
    let found = Found { disk, floors, rows };
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&found)?),
        false => print!("{}", report::table(&found)),
    }
    Ok(())
}

async fn measure(
    sender: &mut Sender,
    clock: &Clock,
    pids: [u32; 2],
    floor: Floor,
    in_flight: u64,
    disk: &floor::Disk,
    args: &Args,
) -> Result<Row> {
    // Connections open, caches filled, and nothing of the load before left.
    sender.run(in_flight, Instant::now() + SHORT / 2).await?;
    clock.borrow_mut().of.clear();
    clock.borrow_mut().done.clear();
    let before = cpu_of(pids)?;
    let begun = Instant::now();
    sender
        .run(in_flight, begun + Duration::from_secs(args.seconds))
        .await?;
    let times = clock.borrow();
    let journeys: Vec<Journey> = times.done.iter().map(|number| times.of[number]).collect();
    let last = journeys
        .last()
        .and_then(|journey| journey.done)
        .context("nothing was done")?;
    let time = (last - begun).as_secs_f64();
    let cpu = cpu_of(pids)?.saturating_sub(before);
    let messages = journeys.len();
    let per_s = messages as f64 / time;
    let cpu_us = cpu.as_secs_f64() * 1e6 / messages as f64;
    let percentiles = |at: fn(&Journey) -> Option<Instant>| percentiles(&journeys, at);
    let mut rss_mib = [0.0; 2];
    for (rss, pid) in rss_mib.iter_mut().zip(pids) {
        *rss = cpu::resident(pid)? as f64 / f64::from(1 << 20);
    }
    Ok(Row {
        body: floor.body,
        in_flight,
        messages,
        per_s,
        cpu_us,
        over_floor: cpu_us / floor.us,
        per_fsync: per_s / disk.fsyncs_per_s,
        queued_ms: percentiles(|journey| journey.queued),
        received_ms: percentiles(|journey| journey.received),
        at_agent_ms: percentiles(|journey| journey.at_agent),
        done_ms: percentiles(|journey| journey.done),
        rss_mib,
    })
}

fn cpu_of(pids: [u32; 2]) -> Result<Duration> {
    Ok(cpu::of_process(pids[0])? + cpu::of_process(pids[1])?)
}

/// p50 and p99 of the time since a message was sent, ms.
pub(crate) fn percentiles(journeys: &[Journey], at: fn(&Journey) -> Option<Instant>) -> [f64; 2] {
    let mut times: Vec<f64> = journeys
        .iter()
        .filter_map(|journey| Some((at(journey)? - journey.sent).as_secs_f64() * 1e3))
        .collect();
    times.sort_by(f64::total_cmp);
    let last = times.len().saturating_sub(1);
    [50, 99].map(|percent| times.get(last * percent / 100).copied().unwrap_or(f64::NAN))
}

fn binary(given: Option<&Path>) -> Result<PathBuf> {
    let binary = match given {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()?.with_file_name("comity"),
    };
    let binary = binary.canonicalize();
    binary.context("no comity beside this: cargo build --release -p comity-cli, or --comity PATH")
}

/// For a floor, and for warming up.
const SHORT: Duration = Duration::from_secs(1);
