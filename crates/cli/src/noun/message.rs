use crate::args::{Listing, Output};
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, part};
use crate::shell::Shell;
use crate::show::paint::{self, paint};
use crate::show::table::{Cell, Table};
use crate::show::{self, time, words};
use clap::{Args, Subcommand};
use comity_api::operator::{Decided, MessageRow};
use comity_api::safe;

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
    /// Also those that ended
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
    /// One message: every state it reached, and its plaintext
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
            show::list(listing, fetch, |rows| table(rows)).await
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

fn table(rows: &[MessageRow]) -> String {
    let mut table = Table::new(["MESSAGE", "STATE", "", "PEER", "TYPE", "SINCE", "WHY"]);
    let ids = words::short_ids(rows.iter().map(|row| row.id.as_str()));
    for (row, id) in rows.iter().zip(ids) {
        let (direction, ours, peer) = ends(row);
        table.row([
            Cell::of(id).styled(paint::STRONG),
            Cell::state(&row.state),
            Cell::of(format!("{} {direction}", name(ours))),
            Cell::of(words::who(peer)),
            Cell::of(words::short_type(&row.type_)),
            Cell::of(time::when(row.at)),
            Cell::of(why(row)),
        ]);
    }
    table.render("no messages are under way   → comity message --all")
}

/// Arrow, our end, theirs.
fn ends(row: &MessageRow) -> (&'static str, &str, &str) {
    match row.direction.as_str() {
        "out" => ("→", &row.from, &row.to),
        _ => ("←", &row.to, &row.from),
    }
}

/// `aria` of `aria@agents.org-a.com`.
fn name(did: &str) -> String {
    let who = words::who(did);
    who.split_once('@')
        .map_or(who.clone(), |(name, _)| name.to_owned())
}

fn why(row: &MessageRow) -> String {
    let mut why: Vec<String> = row.reason.iter().map(|reason| safe(reason)).collect();
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
    if let Some(message) = &row.message {
        let plaintext = show::pretty(message).unwrap_or_default();
        for line in plaintext.lines() {
            text.push_str(&format!("  {}\n", safe(line)));
        }
    }
    text
}

/// Rows fetched at once; the most that the door gives.
const PAGE: usize = 1_000;
