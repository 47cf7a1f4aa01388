use super::limits::{self, Limits};
use super::pick;
use super::policy::full;
use crate::args::{Listing, Output};
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, part};
use crate::say;
use crate::shell::Shell;
use crate::show::hint::hint;
use crate::show::paint::{self, paint};
use crate::show::table::{Cell, Table};
use crate::show::{self, time, words};
use clap::{Args, Subcommand};
use comity_api::operator::{self, Approve, Decided, Deny};
use comity_api::safe;
use std::io::{BufRead, IsTerminal, Write};

/// List, show, approve, deny strangers who ask to work with you
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  comity knock --watch
  comity knock show k7f2
  comity knock approve k7f2
  comity knock deny k7f2 --block
  comity knock approve k7f2 --until 7d --they-may https://example.org/market-analysis/1.0/request"
)]
pub(crate) struct Knock {
    /// Also those that were decided
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Who knocks; if only one waits, in full
    List {
        /// Also those that were decided
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        listing: Listing,
    },
    /// Who asks, how that is proved, and what would be granted in both directions
    Show {
        /// The knock, or the beginning of its id [default: the only one that waits]
        id: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Let them in: exactly as shown, or narrower
    Approve(Approval),
    /// Keep them out; they learn that much
    Deny {
        /// The knock, or the beginning of its id [default: the only one that waits]
        id: Option<String>,
        /// Hear nothing from them any more, either
        #[arg(long)]
        block: bool,
    },
}

#[derive(Debug, Args)]
struct Approval {
    /// The knock, or the beginning of its id [default: the only one that waits]
    id: Option<String>,
    /// Narrower: what they may send (types or protocols); may be repeated
    #[arg(long, value_name = "TYPE")]
    they_may: Option<Vec<String>>,
    /// Narrower: what your agent may send; may be repeated
    #[arg(long, value_name = "TYPE")]
    you_may: Option<Vec<String>>,
    /// Narrower: an earlier end (7d, 2026-12-24)
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    #[command(flatten)]
    limits: Limits,
    /// Words to yourself and your colleagues
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Approve only what was shown under this digest
    #[arg(long, value_name = "DIGEST")]
    approval: Option<String>,
    /// Don't ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(args: Knock, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    let list = Act::List {
        all: args.all,
        listing: args.listing,
    };
    match args.act.unwrap_or(list) {
        Act::List { all, listing } => {
            let fetch = async || knocks(&operator, all).await;
            show::list(listing, fetch, |knocks| screen(knocks)).await
        }
        Act::Show { id, output } => {
            // By its id one may look back; without, only at what waits.
            let knocks = knocks(&operator, id.is_some()).await?;
            let knock = chosen(&knocks, id.as_deref())?;
            show::one(output, knock, details)?;
            Ok(Exit::Ok)
        }
        Act::Approve(approval) => approve(&operator, approval).await,
        Act::Deny { id, block } => {
            let knocks = knocks(&operator, false).await?;
            let knock = chosen(&knocks, id.as_deref())?;
            let path = format!("/v1/knocks/{}/deny", part(&knock.id));
            let decided: Decided = operator.post(&path, &Deny { block }).await?;
            say!(
                "{}: {}",
                words::who(&knock.from),
                paint::state(&decided.outcome)
            );
            Ok(Exit::Ok)
        }
    }
}

async fn knocks(operator: &Operator, all: bool) -> Result<Vec<operator::Knock>, Trouble> {
    operator.get(&format!("/v1/knocks?all={all}")).await
}

/// The knock of this id, or the only one there is.
fn chosen<'a>(
    knocks: &'a [operator::Knock],
    id: Option<&str>,
) -> Result<&'a operator::Knock, Trouble> {
    match (id, knocks) {
        (Some(id), _) => pick(knocks, id, "knock", |knock| &knock.id),
        (None, [only]) => Ok(only),
        (None, []) => Err(Trouble::failed("nobody knocks").next("comity knock --all")),
        (None, several) => {
            let count = several.len();
            Err(Trouble::usage(format!("{count} knocks wait for you"))
                .next("comity knock   then   comity knock approve ID"))
        }
    }
}

/// What is approved is what was shown: the decision carries its digest, and the node refuses it if
/// anything differs by then.
async fn approve(operator: &Operator, approval: Approval) -> Result<Exit, Trouble> {
    let knocks = knocks(operator, false).await?;
    let knock = chosen(&knocks, approval.id.as_deref())?;
    if approval
        .approval
        .as_ref()
        .is_some_and(|digest| *digest != knock.approval)
    {
        return Err(
            Trouble::failed("this knock is not the one that was shown any more")
                .means("nothing was approved.")
                .next(format!("comity knock show {}", knock.id)),
        );
    }
    let narrower = Approve {
        approval: knock.approval.clone(),
        they_may_send: approval.they_may.as_deref().map(full),
        you_may_send: approval.you_may.as_deref().map(full),
        until: limits::until(approval.until.as_deref())?,
        uses: approval.limits.uses,
        rate: approval.limits.rate,
        max_bytes: approval.limits.max_bytes,
        note: approval.note,
    };
    if !approval.yes && approval.approval.is_none() && !confirm(knock, &narrower)? {
        return Err(Trouble::failed("nothing was approved"));
    }
    let path = format!("/v1/knocks/{}/approve", part(&knock.id));
    let decided: Decided = operator.post(&path, &narrower).await?;
    show::one(approval.output, &decided, |decided| {
        let grant = decided
            .grant
            .as_deref()
            .map(words::short_digest)
            .unwrap_or_default();
        format!(
            "{}: {}, grant {grant}",
            words::who(&knock.from),
            paint::state(&decided.outcome)
        )
    })?;
    Ok(Exit::Ok)
}

/// Shows what would be approved and asks. Without a terminal nobody can be asked.
fn confirm(knock: &operator::Knock, narrower: &Approve) -> Result<bool, Trouble> {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err(
            Trouble::usage("there is no terminal to ask on").next(format!(
                "comity knock show {id}   then   comity knock approve {id} --yes",
                id = knock.id
            )),
        );
    }
    let mut text = details(knock);
    for (what, types) in [
        ("they may", &narrower.they_may_send),
        ("you may", &narrower.you_may_send),
    ] {
        if let Some(types) = types {
            text.push_str(&format!(
                "\n  narrower   {what} send {}",
                words::types(types)
            ));
        }
    }
    if let Some(until) = narrower.until {
        text.push_str(&format!("\n  narrower   until {}", time::exact(until)));
    }
    let limits = limits::in_words(narrower.uses, narrower.rate, narrower.max_bytes);
    if !limits.is_empty() {
        text.push_str(&format!("\n  narrower   {limits}"));
    }
    anstream::print!("{text}\n\nLet them in? [y/N] ");
    let ask = || {
        std::io::stdout().flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = ask().map_err(|why| Trouble::failed(why.to_string()))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The list; below it the one that waits, in full, or how to see one of several.
fn screen(knocks: &[operator::Knock]) -> String {
    let table = table(knocks).trim_end().to_owned();
    let ids = words::short_ids(knocks.iter().map(|knock| knock.id.as_str()));
    let mut waiting = knocks
        .iter()
        .zip(ids)
        .filter(|(knock, _)| knock.state == "pending");
    match (waiting.next(), waiting.next()) {
        (None, _) => table,
        (Some((knock, id)), None) => format!(
            "{table}\n\n{}\n\n{}",
            details(knock),
            hint(format!(
                "comity knock approve {id}   or   comity knock deny {id}"
            ))
        ),
        (Some(_), Some(_)) => format!(
            "{table}\n\n{}",
            hint("comity knock show KNOCK   then   comity knock approve KNOCK")
        ),
    }
}

fn table(knocks: &[operator::Knock]) -> String {
    let mut table = Table::new([
        "KNOCK",
        "STATE",
        "FROM",
        "TO",
        "SINCE",
        "PURPOSE (their words)",
    ]);
    let ids = words::short_ids(knocks.iter().map(|knock| knock.id.as_str()));
    for (knock, id) in knocks.iter().zip(ids) {
        table.row([
            Cell::of(id).styled(paint::STRONG),
            Cell::state(&knock.state),
            Cell::of(words::who(&knock.from)),
            Cell::of(words::who(&knock.to)),
            Cell::of(time::when(knock.received)),
            Cell::of(safe(&knock.purpose)),
        ]);
    }
    table.render("nobody knocks")
}

fn details(knock: &operator::Knock) -> String {
    let first = knock.first.as_ref().map_or_else(
        || "none".to_owned(),
        |first| {
            let type_ = first["type"].as_str().unwrap_or_default();
            format!(
                "{}, {} octets, waits at their node",
                words::short_type(type_),
                first["bytes"]
            )
        },
    );
    let mut vouched = String::new();
    for chain in &knock.vouched_by {
        let chain: Vec<String> = chain.iter().map(|did| words::who(did)).collect();
        vouched.push_str(&format!("\n  vouched    by {}", chain.join(", then ")));
    }
    for why in &knock.not_vouched {
        vouched.push_str(&format!("\n  a vouch    does not count: {}", safe(why)));
    }
    if knock.invited {
        vouched.push_str("\n  invited    by a link of yours");
    }
    let purpose = match knock.purpose.as_str() {
        "" => "none given".to_owned(),
        words => format!("{}   (their words)", safe(words)),
    };
    let warnings: String = knock
        .warnings
        .iter()
        .map(|warning| format!("\n  warning    {}", paint(paint::BAD, safe(warning))))
        .collect();
    let replaces = knock.replaces.as_ref().map(replaces).unwrap_or_default();
    format!(
        "{} {}  {}\n  from       {}{warnings}\n  proved by  {}\n  key        {}\n  to         {}\n  \
         purpose    {purpose}{vouched}\n  they may   send {}\n  you may    send {}\n  until      {}\n  \
         first      {first}{replaces}\n  received   {}\n  decide by  {}, or it counts as denied\n  approval   {}",
        paint(paint::STRONG, "knock"),
        paint(paint::STRONG, safe(&knock.id)),
        paint::state(&knock.state),
        safe(&knock.from),
        safe(&knock.proved_by),
        safe(&knock.fingerprint),
        safe(&knock.to),
        words::full_types(&knock.they_may_send, 18),
        words::full_types(&knock.you_may_send, 18),
        time::exact(knock.until),
        time::exact(knock.received),
        time::exact(knock.expires),
        safe(&knock.approval),
    )
}

/// What approving does to the grant that holds now.
fn replaces(live: &operator::Replaces) -> String {
    let mut text = format!(
        "\n  replaces   grant {}, until {}",
        words::short_digest(&live.grant),
        time::exact(live.until)
    );
    for (what, types) in [
        ("they gain", &live.they_gain),
        ("they lose", &live.they_lose),
        ("you gain", &live.you_gain),
        ("you lose", &live.you_lose),
    ] {
        if !types.is_empty() {
            text.push_str(&format!(
                "\n             {what} {}",
                words::full_types(types, 23)
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_approval_screen_shows_who_how_proved_and_both_directions() {
        let knock = operator::Knock {
            id: "k7f2".into(),
            from: "did:web:agents.org-a.test:aria".into(),
            to: "did:web:agents.org-b.test:bruno".into(),
            state: "pending".into(),
            who: operator::Party::default(),
            warnings: vec!["agents.org-а.test looks like agents.org-a.test".into()],
            replaces: None,
            purpose: "Q3 study\u{202e}".into(),
            they_may_send: vec!["https://example.org/market-analysis/1.0".into()],
            you_may_send: Vec::new(),
            until: 1_797_996_926,
            first: Some(
                json!({"type": "https://example.org/market-analysis/1.0/request", "bytes": 812}),
            ),
            vouched_by: vec![vec!["did:web:agents.org-c.test:carol".into()]],
            not_vouched: Vec::new(),
            invited: false,
            proved_by: "did:web:agents.org-a.test:aria#key-1".into(),
            fingerprint: "2c87d3ea42ae349b1952c10b83d6e1d067e97ea7b53d433d39bc7083ecfd7fd2".into(),
            received: 1_795_404_926,
            expires: 1_795_664_126,
            approval: "uEiBt7o3xW1wJdJbOI2sG2W5VfSZGEPMfhb6WdxicNsKCqQ".into(),
        };
        insta::assert_snapshot!(anstream::adapter::strip_str(&details(&knock)).to_string());
    }
}
