use super::reconcile::{self, Reconcile};
use crate::args::{Listing, Output};
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, part};
use crate::say;
use crate::shell::Shell;
use crate::show::paint::{self, paint};
use crate::show::table::{Cell, Table};
use crate::show::{self, entry, time, words};
use clap::{Args, Subcommand};
use comity_api::operator::{Entry, Export, Trace, Traced};
use comity_api::safe;
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;

/// Show, export, trace, reconcile what this node can prove
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  comity record --last 20
  comity record export 9c1e --to study.comity
  comity record trace uEiBt7"
)]
pub(crate) struct Record {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Clone, Copy, Debug, Args)]
struct Which {
    /// Only after this entry
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// Only the last so many
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// The entries: what happened, in the order it was recorded, and its place in the tree
    Show {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        listing: Listing,
    },
    /// Write one thread as an evidence file, to be verified anywhere
    Export {
        /// The thread, or a message's id or digest, or the beginning of one
        #[arg(value_name = "THREAD")]
        thread: String,
        /// Where to [default: standard output if it is no terminal, else THREAD.comity]
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// What a message was made from, across threads, agents and organisations
    Trace {
        /// The message's digest, or its beginning
        #[arg(value_name = "DIGEST")]
        digest: String,
        #[command(flatten)]
        output: Output,
    },
    Reconcile(Reconcile),
}

pub(crate) async fn run(args: Record, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    let list = Act::Show {
        which: args.which,
        listing: args.listing,
    };
    match args.act.unwrap_or(list) {
        Act::Show { which, listing } => {
            let fetch = async || entries(&operator, which).await;
            show::list(listing, fetch, |entries| table(entries)).await
        }
        Act::Export { thread, to } => export(&operator, thread, to).await,
        Act::Reconcile(args) => reconcile::run(&args),
        Act::Trace { digest, output } => {
            let path = format!("/v1/record/trace/{}", part(&digest));
            let trace: Trace = operator.get(&path).await?;
            show::one(output, &trace, graph)?;
            Ok(Exit::Ok)
        }
    }
}

async fn entries(operator: &Operator, which: Which) -> Result<Vec<Entry>, Trouble> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut after = which.after;
    loop {
        let path = format!("/v1/entries?after={after}&limit={PAGE}");
        let page: Vec<Entry> = operator.get(&path).await?;
        let end = page.len() < PAGE;
        after = page.last().map_or(after, |entry| entry.seq);
        entries.extend(page);
        if let Some(last) = which.last {
            let surplus = entries.len().saturating_sub(last);
            entries.drain(..surplus);
        }
        if end {
            return Ok(entries);
        }
    }
}

async fn export(operator: &Operator, thread: String, to: Option<PathBuf>) -> Result<Exit, Trouble> {
    use std::io::IsTerminal;
    let name: String = thread
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(16)
        .collect();
    let bundle = operator
        .post_for_octets("/v1/record/export", &Export { thread })
        .await?;
    let file = match to {
        Some(file) => file,
        None if std::io::stdout().is_terminal() => PathBuf::from(format!("{name}.comity")),
        None => {
            let written = std::io::stdout().write_all(&bundle);
            written.map_err(|why| Trouble::failed(why.to_string()))?;
            return Ok(Exit::Ok);
        }
    };
    std::fs::write(&file, &bundle).map_err(|why| {
        Trouble::failed(format!("can't write {}", file.display())).means(why.to_string())
    })?;
    say!(
        "{}  {} octets   → comity verify {0} --anchor DID=FINGERPRINT",
        file.display(),
        bundle.len()
    );
    Ok(Exit::Ok)
}

fn table(entries: &[Entry]) -> String {
    let mut table = Table::new(["SEQ", "INDEX", "WHEN", "KIND", "WHAT"]);
    for entry in entries {
        let record = entry.record.as_ref();
        let index = entry
            .index
            .map_or_else(|| "soon".to_owned(), |index| index.to_string());
        let at = record.and_then(|record| record["at"].as_u64());
        let says = record.map_or_else(|| "erased".to_owned(), |record| says(&entry.kind, record));
        table.row([
            Cell::of(entry.seq.to_string()).styled(paint::FAINT),
            Cell::of(index),
            Cell::of(at.map(time::when).unwrap_or_default()),
            Cell::of(safe(&entry.kind)),
            Cell::of(says),
        ]);
    }
    table.render("nothing is recorded yet")
}

fn says(kind: &str, record: &Value) -> String {
    entry::says(kind, record)
}

/// Nearest first, each with what it names as its causes.
fn graph(trace: &Trace) -> String {
    let lines = trace.messages.iter().map(|message| {
        let mut text = node(message);
        for cause in &message.causes {
            text.push_str(&format!("\n  made from  {}", words::short_digest(cause)));
        }
        text
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn node(message: &Traced) -> String {
    let digest = paint(paint::STRONG, words::short_digest(&message.digest));
    let (Some(from), Some(to), Some(type_)) = (&message.from, &message.to, &message.type_) else {
        return format!(
            "{digest}  {}",
            paint(paint::WAITS, "not known here: the chain dangles")
        );
    };
    let proof = match message.proof.as_deref() {
        Some("anyone") => "signed",
        _ => "proved to us only",
    };
    let at = message.at.map(time::when).unwrap_or_default();
    let (from, to, type_) = (words::who(from), words::who(to), words::short_type(type_));
    format!("{digest}  {from} → {to}  {type_}  {at}  {proof}")
}

/// Entries fetched at once; the most that the door gives.
const PAGE: usize = 1_000;
