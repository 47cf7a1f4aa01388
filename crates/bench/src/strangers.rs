//! `comity-bench strangers`: what hostile strangers cost a node, and what they cost its peers.

pub(crate) mod hostile;
mod kept;
mod table;
pub(crate) mod up;

use crate::agent::{Clock, Journey, Sender, receive};
use crate::cpu;
use anyhow::{Context, Result, bail};
use comity_testkit::{Organisation, acquaint};
use hostile::{Class, Got, SLOW_HOSTS};
use kept::{Grown, Kept};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// Two nodes that talk while strangers attack one of them
///
/// Measures granted traffic at 30 % of what the nodes can carry, alone and beside each class of
/// hostile strangers, who take whatever is left of the machine (niceness 19); and what one hostile
/// request costs: processor time, rows and commits. Compare ratios, and only within one run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Fail unless granted traffic keeps 95 % of its rate, its p99 at most triples, and nothing of
    /// a stranger is kept
    #[arg(long)]
    check: bool,
    /// How long each row is measured
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// How often; the median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,
    /// Where the nodes live while this runs [default: here]
    #[arg(long, value_name = "PATH", default_value = ".")]
    dir: PathBuf,
    /// Only these classes; may be repeated
    #[arg(long, value_enum)]
    class: Vec<Class>,
}

/// Everything that one run found.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    /// Granted messages a second, as many in flight as help.
    pub(crate) saturated_per_s: f64,
    /// At 30 % of it, alone.
    pub(crate) alone: Load,
    pub(crate) costs: Vec<Cost>,
    pub(crate) beside: Vec<Beside>,
    pub(crate) missed: Vec<String>,
}

/// Granted traffic during one row.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Load {
    pub(crate) per_s: f64,
    /// p50 and p99 of the time from when it was to be sent, ms.
    pub(crate) received_ms: [f64; 2],
    pub(crate) done_ms: [f64; 2],
}

/// What requests of a class cost an otherwise idle node.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) class: Class,
    pub(crate) requests: u64,
    pub(crate) cpu_us: f64,
    /// Of one processor, all of them together.
    pub(crate) cpu_share: f64,
    pub(crate) kept: Grown,
    pub(crate) rss_mib: f64,
    pub(crate) answers: BTreeMap<u16, u64>,
}

/// Granted traffic beside a class.
#[derive(Debug, Serialize)]
pub(crate) struct Beside {
    pub(crate) class: Class,
    /// Address prefixes that the attackers have; 0: no limit of their rate at all.
    pub(crate) prefixes: u8,
    pub(crate) load: Load,
    pub(crate) hostile_per_s: f64,
    pub(crate) answers: BTreeMap<u16, u64>,
    /// Of the rate alone, just before.
    pub(crate) keeps: f64,
    /// Times the p99 alone, of `received` and `done`.
    pub(crate) p99: [f64; 2],
}

/// Body of a granted message.
const BODY: usize = 256;
const THREADS: u64 = 32;
const IN_FLIGHT: u64 = 256;
/// Of the saturated rate.
const OFFERED: f64 = 0.3;
const KEEPS: f64 = 0.95;
const P99_TIMES: f64 = 3.0;
/// Rows of these tables come by themselves: the minute's count of refusals.
const BY_THE_MINUTE: [&str; 2] = ["entry", "node"];

pub(crate) async fn run(args: Args) -> Result<bool> {
    let home = tempfile::tempdir_in(&args.dir)?;
    let slow = slow_hosts().await?;
    let exe = std::env::current_exe()?;
    let [mut a, b] = Organisation::pair(&exe, home.path())?;
    let mut b = SLOW_HOSTS.iter().fold(b, |b, host| b.reaching(host, slow));
    a.start().await?;
    b.start().await?;
    let (mut aria, mut bruno) = (a.agent("aria").await?, b.agent("bruno").await?);
    acquaint((&a, "aria", &mut aria), (&b, "bruno", &mut bruno)).await?;
    let clock = Clock::default();
    let mut sender = Sender::new(&aria, b.did("bruno"), "m".to_owned(), clock.clone()).await?;
    sender.load(BODY, THREADS);
    let received = receive(bruno, "m".to_owned(), clock.clone());
    let bench = Bench {
        seconds: args.seconds,
        rounds: args.rounds,
        classes: match args.class.is_empty() {
            true => Class::ALONE.iter().copied().chain([Class::Mixed]).collect(),
            false => args.class,
        },
        b,
        clock,
    };
    let found = tokio::select! {
        found = bench.measure(&mut sender) => found?,
        ended = received => {
            ended?;
            bail!("the recipient ended");
        }
    };
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&found)?),
        false => print!("{}", table::table(&found)),
    }
    Ok(!args.check || found.missed.is_empty())
}

struct Bench {
    seconds: u64,
    rounds: u32,
    classes: Vec<Class>,
    /// Who is attacked.
    b: Organisation,
    clock: Clock,
}

impl Bench {
    async fn measure(&self, sender: &mut Sender) -> Result<Found> {
        let mut costs = Vec::new();
        for class in &self.classes {
            costs.push(self.cost(*class).await?);
        }
        sender.run(IN_FLIGHT, Instant::now() + SHORT).await?;
        self.forget();
        let begun = Instant::now();
        sender.run(IN_FLIGHT, begun + self.time()).await?;
        let saturated_per_s = self.loaded(begun)?.per_s;
        let offered = saturated_per_s * OFFERED;
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        let limited = [(Class::Mixed, 1), (Class::Mixed, 64)];
        let unlimited = self.classes.iter().map(|class| (*class, 0));
        for (class, prefixes) in unlimited.chain(limited) {
            // In turns with traffic alone: what else this machine does meanwhile meets both.
            let mut rounds = Vec::new();
            for _ in 0..self.rounds {
                let load = self.paced(sender, offered, self.time()).await?;
                alone.push(load);
                rounds.push(self.beside(sender, offered, &load, class, prefixes).await?);
            }
            rounds.sort_by(|one, other| one.p99[1].total_cmp(&other.p99[1]));
            beside.extend(middle(rounds));
        }
        alone.sort_by(|one, other| one.done_ms[1].total_cmp(&other.done_ms[1]));
        let alone = middle(alone).context("nothing was measured")?;
        let missed = missed(&costs, &beside);
        Ok(Found {
            saturated_per_s,
            alone,
            costs,
            beside,
            missed,
        })
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    fn forget(&self) {
        let mut times = self.clock.borrow_mut();
        times.of.clear();
        times.done.clear();
    }

    async fn cost(&self, class: Class) -> Result<Cost> {
        let pid = self.b.pid().context("no node")?;
        // A first round fills caches and pools.
        self.attack(class, 0, SHORT / 2)?.got().await?;
        let (idle, rss) = (cpu::of_process(pid)?, cpu::resident(pid)?);
        tokio::time::sleep(SHORT).await;
        let idle = cpu::of_process(pid)?
            .saturating_sub(idle)
            .div_f64(SHORT.as_secs_f64());
        let (before, kept) = (cpu::of_process(pid)?, Kept::of(&self.b.home)?);
        let got = self.attack(class, 0, self.time())?.got().await?;
        let used = cpu::of_process(pid)?.saturating_sub(before);
        let used = used.saturating_sub(idle.mul_f64(got.seconds));
        let requests = got.requests().max(1);
        Ok(Cost {
            class,
            requests,
            cpu_us: used.as_secs_f64() * 1e6 / requests as f64,
            cpu_share: used.as_secs_f64() / got.seconds,
            kept: Kept::of(&self.b.home)?.since(&kept),
            rss_mib: (cpu::resident(pid)? as f64 - rss as f64) / f64::from(1 << 20),
            answers: got.answers,
        })
    }

    async fn beside(
        &self,
        sender: &mut Sender,
        offered: f64,
        alone: &Load,
        class: Class,
        prefixes: u8,
    ) -> Result<Beside> {
        let attackers = self.attack(class, prefixes, self.time() + 2 * SHORT)?;
        tokio::time::sleep(SHORT).await;
        let load = self.paced(sender, offered, self.time()).await?;
        let got = attackers.got().await?;
        Ok(Beside {
            class,
            prefixes,
            hostile_per_s: got.per_s(),
            answers: got.answers,
            keeps: load.per_s / alone.per_s,
            p99: [
                load.received_ms[1] / alone.received_ms[1],
                load.done_ms[1] / alone.done_ms[1],
            ],
            load,
        })
    }

    async fn paced(&self, sender: &mut Sender, per_s: f64, time: Duration) -> Result<Load> {
        sender.paced(per_s, Instant::now() + SHORT / 2).await?;
        self.forget();
        let begun = Instant::now();
        sender.paced(per_s, begun + time).await?;
        self.loaded(begun)
    }

    /// What came of the messages since `begun`.
    fn loaded(&self, begun: Instant) -> Result<Load> {
        let times = self.clock.borrow();
        let journeys: Vec<Journey> = times.done.iter().map(|number| times.of[number]).collect();
        let last = journeys.last().and_then(|journey| journey.done);
        let time = last.context("nothing was done")? - begun;
        Ok(Load {
            per_s: journeys.len() as f64 / time.as_secs_f64(),
            received_ms: crate::node::percentiles(&journeys, |journey| journey.received),
            done_ms: crate::node::percentiles(&journeys, |journey| journey.done),
        })
    }

    fn attack(&self, class: Class, prefixes: u8, time: Duration) -> Result<Attackers> {
        let class = clap::ValueEnum::to_possible_value(&class).context("a class")?;
        let child = Command::new("nice")
            .args(["-n", "19"])
            .arg(std::env::current_exe()?)
            .args(["hostile", "--class", class.get_name()])
            .args([
                "--at",
                &self.b.wire.to_string(),
                "--agent",
                &self.b.did("bruno"),
            ])
            .args(["--prefixes", &prefixes.to_string()])
            .args(["--seconds", &time.as_secs_f64().to_string()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Attackers(child))
    }
}

/// A process of attackers.
struct Attackers(Child);

impl Attackers {
    async fn got(self) -> Result<Got> {
        let output = self.0.wait_with_output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).with_context(|| format!("the attackers said {text:?}"))
    }
}

/// The median of what is sorted.
fn middle<T>(mut sorted: Vec<T>) -> Option<T> {
    match sorted.len() {
        0 => None,
        many => Some(sorted.swap_remove(many / 2)),
    }
}

/// Takes connections, and answers none of them in time.
async fn slow_hosts() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(30)).await;
                drop(stream);
            });
        }
    });
    Ok(address)
}

fn missed(costs: &[Cost], beside: &[Beside]) -> Vec<String> {
    let mut missed = Vec::new();
    for row in beside {
        let who = format!("{}, {} prefixes", row.class.words(), row.prefixes);
        if row.keeps < KEEPS {
            missed.push(format!("{who}: keeps {:.0} %", row.keeps * 100.0));
        }
        if let Some(times) = row.p99.iter().copied().find(|times| *times > P99_TIMES) {
            missed.push(format!("{who}: p99 is {times:.1} times that alone"));
        }
    }
    for cost in costs {
        let rows = cost.kept.rows.iter();
        let of_strangers: Vec<_> = rows
            .filter(|(name, _)| !BY_THE_MINUTE.contains(&name.as_str()))
            .collect();
        if !of_strangers.is_empty() {
            missed.push(format!("{}: kept {of_strangers:?}", cost.class.words()));
        }
    }
    missed
}

/// For warming up.
const SHORT: Duration = Duration::from_secs(1);
