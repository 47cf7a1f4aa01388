mod explain;
mod table;
mod test;

use super::limits::{self, Limits};
use crate::args::{Listing, Output};
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, part};
use crate::say;
use crate::shell::Shell;
use crate::show::{self, time, words};
use clap::{Args, Subcommand};
use comity_api::operator::Knock;
use comity_api::policy::{KeptRule, Rule, Tried};

/// Rules that let strangers in without asking you; why a message passes or not
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  comity policy add partners --domain org-a.com --they-may https://example.org/analysis/1.0 --until 30d
  comity policy add friends --vouched-by aria@agents.org-a.com --uses 20 --until 7d \\
      --they-may https://example.org/analysis/1.0 --dry-run
  comity policy remove partners --grants
  comity policy explain aria@agents.org-a.com bruno https://example.org/analysis/1.0/request
  comity policy test expected.toml"
)]
pub(crate) struct Policy {
    /// Also rules that ended or are over
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// The rules of this node
    List {
        /// Also rules that ended or are over
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        listing: Listing,
    },
    /// Make a rule: whoever it fits is let in as far as it goes, and no further
    Add(Box<Add>),
    /// End a rule; the grants that it made live on unless you say otherwise
    Remove {
        /// The rule's name
        rule: String,
        /// End the grants that it made, too
        #[arg(long)]
        grants: bool,
    },
    /// What would become of a message, why, and what would have to change
    Explain(explain::Explain),
    /// Check a table of expected decisions (TOML) against this node as it is now
    Test(test::Test),
}

#[derive(Debug, Args)]
#[group(id = "who", required = true, multiple = false, args = ["peer", "domain", "vouched_by"])]
struct Add {
    /// A name for it: a-z, 0-9 and hyphens
    name: String,
    /// Whom: one peer, a handle or a DID
    #[arg(long, value_name = "PEER")]
    peer: Option<String>,
    /// Whom: all agents of a domain (org-a.com covers agents.org-a.com)
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Whom: whoever this agent vouches for
    #[arg(long, value_name = "PEER")]
    vouched_by: Option<String>,
    /// With --vouched-by: how many vouches of others may follow
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=3))]
    depth: u8,
    /// Which of your agents [default: all]
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// The most that they may send (types or protocols); may be repeated
    #[arg(long, value_name = "TYPE")]
    they_may: Vec<String>,
    /// The most that your agent may send them; may be repeated [default: the same]
    #[arg(long, value_name = "TYPE")]
    you_may: Vec<String>,
    /// When the rule ends, and all that it granted at the latest (30d, 2026-12-24)
    #[arg(long, value_name = "WHEN")]
    until: String,
    /// The longest that each grant lasts (7d)
    #[arg(long, value_name = "TIME", value_parser = time::duration)]
    lasts: Option<std::time::Duration>,
    /// How many it may let in
    #[arg(long, value_name = "N")]
    grants: Option<u64>,
    #[command(flatten)]
    limits: Limits,
    /// Also let a first message in without a knock: for other DIDComm software, which can't knock
    #[arg(long)]
    messages: bool,
    /// With --messages: accept messages that prove themselves to you only (authcrypt)
    #[arg(long, requires = "messages")]
    deniable: bool,
    /// With --messages: accept messages without created_time
    #[arg(long, requires = "messages")]
    untimed: bool,
    /// Words to yourself and your colleagues
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Only show what it would have done with the knocks that came so far
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(args: Policy, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    let list = Act::List {
        all: args.all,
        listing: args.listing,
    };
    match args.act.unwrap_or(list) {
        Act::List { all, listing } => {
            let path = format!("/v1/rules?all={all}");
            let fetch = async || operator.get::<Vec<KeptRule>>(&path).await;
            show::list(listing, fetch, |rules| table::rules(rules)).await
        }
        Act::Add(add) => add_rule(&operator, *add).await,
        Act::Remove { rule, grants } => {
            let path = format!("/v1/rules/{}?grants={grants}", part(&rule));
            let ended: KeptRule = operator.end(&path).await?;
            let living = match ended.live {
                0 => String::new(),
                n => format!(
                    "; {} of it live on   → comity grant",
                    words::count(n, "grant")
                ),
            };
            say!("rule {} ended{living}", ended.rule.name);
            Ok(Exit::Ok)
        }
        Act::Explain(explain) => explain::run(&operator, explain).await,
        Act::Test(test) => test::run(&operator, test).await,
    }
}

async fn add_rule(operator: &Operator, add: Add) -> Result<Exit, Trouble> {
    let they_may_send = full(&add.they_may);
    let you_may_send = if add.you_may.is_empty() {
        they_may_send.clone()
    } else {
        full(&add.you_may)
    };
    if they_may_send.is_empty() && you_may_send.is_empty() {
        return Err(Trouble::usage("a rule lets somebody send something").next("--they-may TYPE"));
    }
    let rule = Rule {
        name: add.name,
        agent: add.agent,
        peer: add.peer,
        domain: add.domain,
        vouched_by: add.vouched_by,
        depth: add.depth,
        messages: add.messages,
        they_may_send,
        you_may_send,
        uses: add.limits.uses,
        rate: add.limits.rate,
        max_bytes: add.limits.max_bytes,
        deniable: add.deniable,
        untimed: add.untimed,
        lasts_s: add.lasts.map(|lasts| lasts.as_secs()),
        until: limits::until(Some(&add.until))?.unwrap_or_default(),
        grants: add.grants,
        note: add.note,
    };
    if add.dry_run {
        let tried: Tried = operator.post("/v1/rules?dry_run=true", &rule).await?;
        show::one(add.output, &tried, table::tried)?;
    } else {
        let kept: KeptRule = operator.post("/v1/rules", &rule).await?;
        show::one(add.output, &kept, table::rule)?;
        if !add.output.json {
            let waiting: Vec<Knock> = operator.get("/v1/knocks?all=false").await?;
            if let Some(waits) = table::waiting(waiting.len()) {
                say!("{waits}");
            }
        }
    }
    Ok(Exit::Ok)
}

pub(super) fn full(types: &[String]) -> Vec<String> {
    types.iter().map(|type_| words::full_type(type_)).collect()
}
