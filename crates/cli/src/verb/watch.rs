use crate::args::Output;
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::say;
use crate::shell::Shell;
use crate::show::{self, entry, paint, time};
use clap::Args;
use comity_api::operator::{Status, WatchEvent};

/// Follow messages, decisions and receipts as they happen
///
/// Shows the last few entries of the record, then every new one, until interrupted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comity watch
  comity watch --json --after 0 | jq -c 'select(.kind == \"refused\")'")]
pub(crate) struct Watch {
    /// Begin after this entry (0: at the beginning) [default: ten before the last]
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(args: Watch, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    let mut after = match args.after {
        Some(after) => after,
        None => recent(&operator).await?,
    };
    loop {
        let path = format!("/v1/watch?after={after}&wait_s=30");
        let events: Vec<WatchEvent> = operator.get(&path).await?;
        for event in events {
            after = after.max(event.seq);
            if args.output.json {
                say!("{}", show::line(&event)?);
            } else {
                say!("{}", line(&event));
            }
        }
    }
}

/// A little before the last entry. The tree may be somewhat behind, and a log may have begun anew:
/// so from where the tree says, on to the end.
async fn recent(operator: &Operator) -> Result<u64, Trouble> {
    let status: Status = operator.get("/v1/status").await?;
    let mut last = status.record.size.saturating_sub(1);
    loop {
        let path = format!("/v1/watch?after={last}&limit=1000");
        let events: Vec<WatchEvent> = operator.get(&path).await?;
        match events.last() {
            Some(event) => last = event.seq,
            None => return Ok(last.saturating_sub(SHOWN)),
        }
    }
}

fn line(event: &WatchEvent) -> String {
    format!(
        "{}  {:<11}  {}",
        paint::paint(paint::FAINT, time::clock(event.at)),
        event.kind,
        entry::says(&event.kind, &event.record)
    )
}

/// How many entries before the last are shown first.
const SHOWN: u64 = 10;
