//! `comity record reconcile`: two records side by side, without any node.

use crate::args::Output;
use crate::exit::{Exit, Trouble};
use crate::show::paint::{self, paint};
use crate::show::table::{Cell, Table};
use crate::show::{self, words};
use crate::verb::verify::read;
use clap::Args;
use comity_api::safe;
use comity_record::reconcile::{Contradiction, Gap, Missing, ReconciledMessage, State};
use comity_record::{Bundle, Reconciliation, Side, Verdict, reconcile, verify};
use std::path::{Path, PathBuf};

/// Lay two records side by side: what one has and the other lacks, and where they contradict
///
/// Each side is an evidence file, or a directory of them. Exits with 0 if both tell the same whole
/// story, 4 if something is missing (lost, withheld, or still on its way), 1 if they contradict.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comity record reconcile ours.comity theirs.comity
  comity record reconcile ./ours ./theirs --json | jq .contradictions")]
pub(crate) struct Reconcile {
    /// One side
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The other
    #[arg(value_name = "B")]
    b: PathBuf,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(args: &Reconcile) -> Result<Exit, Trouble> {
    let result = reconcile(&side(&args.a)?, &side(&args.b)?);
    show::one(args.output, &result, render)?;
    Ok(if !result.contradictions.is_empty() {
        Exit::Failed
    } else if result.is_clean() {
        Exit::Ok
    } else {
        Exit::NotProved
    })
}

fn side(path: &Path) -> Result<Side, Trouble> {
    let mut side = Side::default();
    for file in files(path)? {
        let octets = read(&file)?;
        let report = verify(&octets, &[]);
        if report.verdict == Verdict::Broken {
            return Err(
                Trouble::failed(format!("{} is broken: it shows nothing", file.display()))
                    .next(format!("comity verify {}", file.display())),
            );
        }
        let bundle = Bundle::parse(&octets);
        side.add_bundle(&bundle.map_err(|why| Trouble::failed(why.to_string()))?);
    }
    Ok(side)
}

/// The file, or the evidence files in the directory.
fn files(path: &Path) -> Result<Vec<PathBuf>, Trouble> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |why: std::io::Error| {
        Trouble::usage(format!("can't read {}", path.display())).means(why.to_string())
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "comity")
        {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(
            Trouble::usage(format!("{} holds no evidence files", path.display()))
                .next("comity record export THREAD --to FILE.comity"),
        );
    }
    Ok(files)
}

fn render(result: &Reconciliation) -> String {
    let mut table = Table::new(["MESSAGE", "FROM", "TO", "AT SENDER", "AT RECIPIENT"]);
    for message in &result.messages {
        table.row(row(message));
    }
    let mut text = table.render("no messages").trim_end().to_owned();
    text.push('\n');
    for contradiction in &result.contradictions {
        text.push_str(&line(
            paint::BAD,
            "contradiction",
            &contradicts(contradiction),
        ));
    }
    for missing in &result.missing {
        text.push_str(&line(paint::WAITS, "missing", &lacks(missing)));
    }
    for gap in &result.gaps {
        text.push_str(&line(paint::WAITS, "gap", &leaps(gap)));
    }
    if result.is_clean() {
        text.push_str(&paint(
            paint::GOOD,
            "both records tell the same, whole story",
        ));
    }
    text
}

fn line(style: anstyle::Style, what: &str, says: &str) -> String {
    format!("{} {says}\n", paint(style, format!("{what:<13}")))
}

fn row(message: &ReconciledMessage) -> [Cell; 5] {
    let did = |did: &Option<comity_did::Did>| {
        Cell::of(
            did.as_ref()
                .map_or_else(|| "?".to_owned(), |did| words::who(did.as_str())),
        )
    };
    let state = |state: Option<State>| match state {
        Some(state) => Cell::state(&state.to_string()),
        None => Cell::of("–"),
    };
    [
        Cell::of(digest(&message.digest)).styled(paint::STRONG),
        did(&message.from),
        did(&message.to),
        state(message.at_sender),
        state(message.at_recipient),
    ]
}

fn contradicts(contradiction: &Contradiction) -> String {
    match contradiction {
        Contradiction::Facts { message, member } => {
            format!("{}: the two know another {member} of it", digest(message))
        }
        Contradiction::States {
            message,
            at_sender,
            at_recipient,
        } => format!(
            "{}: {at_sender} for its sender, {at_recipient} for its recipient",
            digest(message)
        ),
        Contradiction::Entries { origin, index } => {
            format!(
                "entry {index} of {}: two different ones",
                safe(origin.as_str())
            )
        }
        Contradiction::Fork { origin, size } => {
            format!(
                "{} showed two histories of size {size}",
                safe(origin.as_str())
            )
        }
        other => safe(&format!("{other:?}")),
    }
}

fn lacks(missing: &Missing) -> String {
    match missing {
        Missing::MessageOut { message, sender } => {
            format!(
                "{}: accepted, but not in the record of its sender {}",
                digest(message),
                who(sender)
            )
        }
        Missing::MessageIn { message, recipient } => format!(
            "{}: there is a receipt, but nothing in the record of its recipient {}",
            digest(message),
            who(recipient)
        ),
        Missing::Delivery { message, recipient } => {
            format!(
                "{}: not at {} (on its way, or lost)",
                digest(message),
                who(recipient)
            )
        }
        Missing::Receipt {
            message,
            state,
            sender,
        } => {
            format!(
                "{}: {} doesn't have the receipt for {state} yet",
                digest(message),
                who(sender)
            )
        }
        other => safe(&format!("{other:?}")),
    }
}

fn leaps(gap: &Gap) -> String {
    let (from, to, thid) = (who(&gap.from), who(&gap.to), safe(&gap.thid));
    format!(
        "{from} → {to}, thread {thid}: numbers {} to {} are nowhere",
        gap.first, gap.last
    )
}

fn digest(digest: &comity_record::Digest) -> String {
    words::short_digest(&digest.to_string())
}

fn who(did: &comity_did::Did) -> String {
    words::who(did.as_str())
}
