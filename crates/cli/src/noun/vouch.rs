mod show;

use super::limits;
use super::policy::full;
use crate::args::{Listing, Output};
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, part};
use crate::say;
use crate::shell::Shell;
use crate::show as screen;
use clap::{Args, Subcommand};
use comity_api::vouch::{HeldVouch, ImportVouch, IssueVouch, Issued, VouchRight, Vouches};
use serde_json::Value;
use std::io::Read;
use std::path::PathBuf;

/// List, issue, revoke introductions
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  comity vouch issue aria bruno@agents.org-b.com --to agents.org-c.com \\
      --may https://example.org/analysis/1.0 --uses 20 --until 7d
  comity vouch revoke uEiC3f
  comity vouch allow aria --may https://example.org/analysis/1.0 --count 10 --until 90d

Whose vouches you honour is a rule of yours:
  comity policy add friends --vouched-by aria@agents.org-a.com --may …"
)]
pub(crate) struct Vouch {
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Vouches that your agents made, those that they hold, and their rights to make them
    List(Listing),
    /// Introduce somebody to others, as an agent of yours
    Issue(Issue),
    /// A vouch of yours, with what its subject presents
    Show {
        /// The vouch, or the beginning of its id
        id: String,
        #[command(flatten)]
        output: Output,
    },
    /// Take a vouch back: grants that stand on it end within minutes, wherever they are
    Revoke {
        /// The vouch, or the beginning of its id
        id: String,
    },
    /// Take a vouch for an agent of yours that came another way than through its node
    Import {
        /// A file with the chain (JSON), or - for standard input
        file: PathBuf,
    },
    /// Let an agent vouch by itself, so far and no further
    Allow(Allow),
    /// Take that right away; what it vouched for stays
    Disallow {
        /// The agent
        agent: String,
    },
}

#[derive(Debug, Args)]
struct Issue {
    /// Which of your agents vouches
    agent: String,
    /// For whom: a handle or a DID
    subject: String,
    /// To whom: agents, or hosts for all their agents; may be repeated
    #[arg(long, value_name = "WHOM", required = true)]
    to: Vec<String>,
    /// What for (types or protocols); may be repeated
    #[arg(long, value_name = "TYPE", required = true)]
    may: Vec<String>,
    /// The most messages that somebody accepts on the strength of it
    #[arg(long, value_name = "N")]
    uses: Option<u64>,
    /// How many further vouches may follow
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=3))]
    depth: u8,
    /// Until when [default: 30d]
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Your words about it; whoever sees the vouch sees them
    #[arg(long, value_name = "TEXT", default_value = "")]
    purpose: String,
    /// The vouch for your agent on which it rests; the subject presents both
    #[arg(long, value_name = "VOUCH")]
    on: Option<String>,
    /// Don't send it to the subject's node
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Allow {
    /// The agent
    agent: String,
    /// What for at most; may be repeated
    #[arg(long, value_name = "TYPE", required = true)]
    may: Vec<String>,
    /// How many vouches
    #[arg(long, value_name = "N")]
    count: u64,
    /// The most messages that each may be for
    #[arg(long, value_name = "N")]
    uses: Option<u64>,
    /// How many further vouches may follow each
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=3))]
    depth: u8,
    /// Until when
    #[arg(long, value_name = "WHEN")]
    until: String,
}

pub(crate) async fn run(args: Vouch, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    match args.act.unwrap_or(Act::List(args.listing)) {
        Act::List(listing) => {
            let fetch = async || operator.get::<Vouches>("/v1/vouches").await;
            screen::list(listing, fetch, show::all).await
        }
        Act::Issue(issue) => issue_one(&operator, issue).await,
        Act::Show { id, output } => {
            let issued: Issued = operator.get(&format!("/v1/vouches/{}", part(&id))).await?;
            screen::one(output, &issued, show::issued)?;
            Ok(Exit::Ok)
        }
        Act::Revoke { id } => {
            let path = format!("/v1/vouches/{}/revoke", part(&id));
            let issued: Issued = operator.post(&path, &()).await?;
            screen::one(Output::default(), &issued, show::revoked)?;
            Ok(Exit::Ok)
        }
        Act::Import { file } => {
            let chain = read_chain(&file)?;
            let path = "/v1/vouches/import";
            let held: HeldVouch = operator.post(path, &ImportVouch { chain }).await?;
            screen::one(Output::default(), &held, show::held)?;
            Ok(Exit::Ok)
        }
        Act::Allow(allow) => {
            let right = VouchRight {
                agent: allow.agent,
                may: full(&allow.may),
                count: allow.count,
                uses: allow.uses,
                depth: allow.depth,
                until: limits::until(Some(&allow.until))?.unwrap_or_default(),
                ..VouchRight::default()
            };
            let right: VouchRight = operator.post("/v1/vouches/rights", &right).await?;
            screen::one(Output::default(), &right, show::right)?;
            Ok(Exit::Ok)
        }
        Act::Disallow { agent } => {
            let path = format!("/v1/vouches/rights/{}", part(&agent));
            operator.delete(&path).await?;
            say!("{agent} may not vouch by itself any more");
            Ok(Exit::Ok)
        }
    }
}

async fn issue_one(operator: &Operator, issue: Issue) -> Result<Exit, Trouble> {
    let ask = IssueVouch {
        agent: Some(issue.agent),
        subject: issue.subject,
        may: full(&issue.may),
        audience: issue.to,
        uses: issue.uses,
        depth: issue.depth,
        purpose: issue.purpose,
        until: limits::until(issue.until.as_deref())?,
        on: issue.on,
        deliver: !issue.keep,
    };
    let issued: Issued = operator.post("/v1/vouches", &ask).await?;
    screen::one(issue.output, &issued, show::made)?;
    Ok(Exit::Ok)
}

/// A chain, or what `comity vouch show --json` printed.
fn read_chain(file: &PathBuf) -> Result<Value, Trouble> {
    let cannot = |why: &dyn std::fmt::Display| {
        Trouble::failed(format!("{} can't be read: {why}", file.display()))
    };
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|why| cannot(&why))?;
        text
    } else {
        std::fs::read_to_string(file).map_err(|why| cannot(&why))?
    };
    let mut value: Value = serde_json::from_str(&text).map_err(|why| cannot(&why))?;
    Ok(match value.get_mut("chain") {
        Some(chain) => chain.take(),
        None => value,
    })
}
