use crate::args::{Listing, Output};
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, part};
use crate::shell::Shell;
use crate::show::hint::hint;
use crate::show::paint::{self, paint};
use crate::show::table::{Cell, Table};
use crate::show::{self, code, time, words};
use clap::{Args, Subcommand};
use comity_api::operator::{Decided, MessageRow};
use comity_api::safe;
use serde_json::Value;

/// List, show, drop, allow messages; where each one is and who says so
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  comity message --watch
  comity message show 9c1e
  comity message --held
  comity message allow 9c1e"
)]
pub(crate) struct Message {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Clone, Copy, Debug, Args)]
struct Which {
    /// Also those that ended, and what the nodes say to each other about knocks
    #[arg(long)]
    all: bool,
    /// Only those that wait for you to let the node knock
    #[arg(long, conflicts_with = "all")]
    held: bool,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Messages that are under way, in both directions
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        listing: Listing,
    },
    /// One message: every state it reached, its plaintext, and what answered it
    Show {
        /// Its id or digest, or the beginning of one
        id: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Give up a message that its handler could not settle
    Drop {
        /// Its id or digest, or the beginning of one
        id: String,
        #[command(flatten)]
        output: Output,
    },
    /// Let the node knock at the recipient of a held message
    Allow {
        /// Its id or digest, or the beginning of one
        id: String,
        #[command(flatten)]
        output: Output,
    },
}

pub(crate) async fn run(args: Message, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    let list = Act::List {
        which: args.which,
        listing: args.listing,
    };
    match args.act.unwrap_or(list) {
        Act::List { which, listing } => {
            let fetch = async || rows(&operator, which).await;
            show::list(listing, fetch, |rows| table(rows, which)).await
        }
        Act::Show { id, listing } => {
            let path = format!("/v1/messages/{}", part(&id));
            let fetch = async || operator.get::<MessageRow>(&path).await;
            show::list(listing, fetch, details).await
        }
        Act::Drop { id, output } => {
            let path = format!("/v1/messages/{}/drop", part(&id));
            let row: MessageRow = operator.post(&path, &()).await?;
            show::one(output, &row, details)?;
            Ok(Exit::Ok)
        }
        Act::Allow { id, output } => {
            let path = format!("/v1/held/{}/allow", part(&id));
            let decided: Decided = operator.post(&path, &()).await?;
            show::one(output, &decided, |decided| paint::state(&decided.outcome))?;
            Ok(Exit::Ok)
        }
    }
}

/// All of them, page by page: a list that ends at its hundredth row would mislead.
async fn rows(operator: &Operator, which: Which) -> Result<Vec<MessageRow>, Trouble> {
    if which.held {
        return operator.get("/v1/held").await;
    }
    let mut rows: Vec<MessageRow> = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row| row.seq);
        let path = format!("/v1/messages?after={after}&limit={PAGE}&all={}", which.all);
        let page: Vec<MessageRow> = operator.get(&path).await?;
        let last = page.len() < PAGE;
        rows.extend(page);
        if last {
            return Ok(rows);
        }
    }
}

/// What the nodes say to each other about knocks is shown with `--all` only, and marked.
fn table(rows: &[MessageRow], which: Which) -> String {
    let shown = rows
        .iter()
        .filter(|row| which.all || between_nodes(row).is_none());
    let rows: Vec<&MessageRow> = shown.collect();
    let mut table = Table::new(["MESSAGE", "STATE", "", "PEER", "TYPE", "SINCE", "WHY"]);
    let ids = words::short_ids(rows.iter().map(|row| row.id.as_str()));
    for (row, id) in rows.iter().zip(ids) {
        let (direction, ours, peer) = ends(row);
        table.row([
            Cell::of(id).styled(paint::STRONG),
            Cell::state(&row.state),
            Cell::of(format!("{} {direction}", words::name(ours))),
            Cell::of(words::who(peer)),
            match between_nodes(row) {
                Some(kind) => Cell::of(format!("({kind})")).styled(paint::FAINT),
                None => Cell::of(words::short_type(&row.type_)),
            },
            Cell::of(time::when(row.at)),
            Cell::of(why(row)),
        ]);
    }
    table.render(&format!(
        "no messages are under way   {}",
        hint("comity message --all")
    ))
}

/// `knock`, `welcome` and the like: a message of the nodes, about their agents.
fn between_nodes(row: &MessageRow) -> Option<String> {
    let kind = row.type_.strip_prefix(CONTACT)?;
    Some(safe(kind))
}

/// Arrow, our end, theirs.
fn ends(row: &MessageRow) -> (&'static str, &str, &str) {
    match row.direction.as_str() {
        "out" => ("→", &row.from, &row.to),
        _ => ("←", &row.to, &row.from),
    }
}

fn why(row: &MessageRow) -> String {
    let detail = row
        .detail
        .iter()
        .filter(|detail| row.reason.as_ref() != Some(*detail));
    let reasons = row.reason.iter().chain(detail);
    let mut why: Vec<String> = reasons.map(|reason| code::reason(reason)).collect();
    if row.attempts > 1 {
        why.push(format!("{} attempts", row.attempts));
    }
    why.join(", ")
}

fn details(row: &MessageRow) -> String {
    let mut text = format!(
        "{} {}  {}\n  from       {}\n  to         {}\n  type       {}\n  thread     {}{}\n  digest     {}\n",
        paint(paint::STRONG, "message"),
        safe(&row.id),
        paint::state(&row.state),
        safe(&row.from),
        safe(&row.to),
        safe(&row.type_),
        safe(&row.thid),
        row.sender_order
            .map(|order| format!(", number {order}"))
            .unwrap_or_default(),
        safe(&row.digest),
    );
    let why = why(row);
    if !why.is_empty() {
        text.push_str(&format!("  why        {why}\n"));
    }
    if row.state == "parked" {
        let answer = format!("comity parked answer {} ANSWER", safe(&row.id));
        text.push_str(&format!("             {}\n", hint(answer)));
    }
    for step in &row.history {
        let proof = match step.proof.as_str() {
            "receipt" => ", signed",
            _ => "",
        };
        text.push_str(&format!(
            "  {}   {}   said by {}{proof}\n",
            time::exact(step.at),
            paint::state(&format!("{:<9}", safe(&step.state))),
            words::who(&step.by),
        ));
    }
    for line in row.message.iter().flat_map(lines) {
        text.push_str(&line);
    }
    if let Some(answer) = &row.answer {
        text.push_str(&answered(answer));
    }
    text
}

/// The answer and how to see all of it: a question is rarely looked up for its own sake.
fn answered(answer: &MessageRow) -> String {
    let mut text = format!(
        "{} {}  by {}, {}   {}\n",
        paint(paint::STRONG, "answer"),
        safe(&answer.id),
        words::who(&answer.from),
        time::exact(answer.at),
        hint(format!("comity message show {}", safe(&answer.id)))
    );
    let body = answer
        .message
        .as_ref()
        .and_then(|message| message.get("body"));
    for line in body.into_iter().flat_map(lines) {
        text.push_str(&line);
    }
    text
}

fn lines(json: &Value) -> Vec<String> {
    let text = show::pretty(json).unwrap_or_default();
    let lines = text.lines();
    lines.map(|line| format!("  {}\n", safe(line))).collect()
}

/// The nodes' own protocol (formats §3).
const CONTACT: &str = "https://w3id.org/comity/contact/1.0/";
/// Rows fetched at once; the most that the door gives.
const PAGE: usize = 1_000;
