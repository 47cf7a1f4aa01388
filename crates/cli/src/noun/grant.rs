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
use comity_api::operator::{self, CreateGrant, Decided, Resume, ResumeGrant};
use comity_api::safe;

/// List, show, create, revoke who may do what, until when
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  comity grant
  comity grant revoke uEiBt7
  comity grant create bruno did:peer:2.Ez6LS… --they-may https://didcomm.org/basicmessage/2.0 \\
      --we-may https://didcomm.org/basicmessage/2.0 --deniable --until 30d"
)]
pub(crate) struct Grant {
    /// Also those that ended
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// The grants of this node
    List {
        /// Also those that ended
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        listing: Listing,
    },
    /// One grant in full
    Show {
        /// The grant, or the beginning of its id; or the peer, if there is one grant with it
        id: String,
        #[command(flatten)]
        output: Output,
    },
    /// Let a peer in that cannot knock (other DIDComm software); its node is not told
    Create(Create),
    /// Let a suspended grant go on, if the peer's new keys are really theirs
    Resume {
        /// The grant, or the beginning of its id; or the peer
        id: String,
        /// The approval digest that you were shown; shows it if absent
        #[arg(long, value_name = "DIGEST")]
        approval: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// End a collaboration now: queued mail is cancelled, the other node is told
    Revoke {
        /// The grant, or the beginning of its id; or the peer, if there is one grant with it
        id: String,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// Your agent
    #[arg(value_name = "AGENT")]
    agent: String,
    /// The peer: a handle or a DID
    #[arg(value_name = "PEER")]
    peer: String,
    /// What they may send (types or protocols); may be repeated
    #[arg(long, value_name = "TYPE")]
    they_may: Vec<String>,
    /// What your agent may send; may be repeated
    #[arg(long, value_name = "TYPE")]
    we_may: Vec<String>,
    /// Until when (30d, 2026-12-24) [default: in thirty days]
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    #[command(flatten)]
    limits: Limits,
    /// Words to yourself and your colleagues
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Accept messages that prove themselves to us only (authcrypt, what most other software
    /// sends); what your agent sends is signed all the same
    #[arg(long)]
    deniable: bool,
    /// Accept messages without created_time
    #[arg(long)]
    untimed: bool,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(args: Grant, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    let list = Act::List {
        all: args.all,
        listing: args.listing,
    };
    match args.act.unwrap_or(list) {
        Act::List { all, listing } => {
            let fetch = async || grants(&operator, all).await;
            show::list(listing, fetch, |grants| table(grants)).await
        }
        Act::Show { id, output } => {
            let grants = grants(&operator, true).await?;
            show::one(output, chosen(&grants, &id)?, details)?;
            Ok(Exit::Ok)
        }
        Act::Create(create) => {
            let output = create.output;
            let grant: operator::Grant = operator.post("/v1/grants", &request(create)?).await?;
            show::one(output, &grant, details)?;
            Ok(Exit::Ok)
        }
        Act::Resume {
            id,
            approval,
            output,
        } => {
            let path = format!("/v1/grants/{}/resume", part(&id));
            let Some(approval) = approval else {
                let shown: Resume = operator.get(&path).await?;
                show::one(output, &shown, resumption)?;
                return Ok(Exit::Ok);
            };
            let body = ResumeGrant { approval };
            let grant: operator::Grant = operator.post(&path, &body).await?;
            show::one(output, &grant, details)?;
            Ok(Exit::Ok)
        }
        Act::Revoke { id } => {
            let grants = grants(&operator, false).await?;
            let grant = chosen(&grants, &id)?;
            let path = format!("/v1/grants/{}/revoke", part(&grant.id));
            let decided: Decided = operator.post(&path, &()).await?;
            say!(
                "{} with {}: {}",
                words::short_digest(&grant.id),
                words::who(&grant.peer),
                paint::state(&decided.outcome)
            );
            Ok(Exit::Ok)
        }
    }
}

fn request(create: Create) -> Result<CreateGrant, Trouble> {
    if create.they_may.is_empty() && create.we_may.is_empty() {
        return Err(Trouble::usage("a grant lets somebody send something")
            .next("--they-may TYPE   or   --we-may TYPE"));
    }
    Ok(CreateGrant {
        agent: create.agent,
        peer: create.peer,
        they_may_send: full(&create.they_may),
        we_may_send: full(&create.we_may),
        until: limits::until(create.until.as_deref())?,
        deniable: create.deniable,
        untimed: create.untimed,
        uses: create.limits.uses,
        rate: create.limits.rate,
        max_bytes: create.limits.max_bytes,
        note: create.note,
    })
}

async fn grants(operator: &Operator, all: bool) -> Result<Vec<operator::Grant>, Trouble> {
    operator.get(&format!("/v1/grants?all={all}")).await
}

/// The grant of this id, or the only one with this peer.
fn chosen<'a>(grants: &'a [operator::Grant], id: &str) -> Result<&'a operator::Grant, Trouble> {
    let is_peer = |grant: &&operator::Grant| grant.peer == id || words::who(&grant.peer) == id;
    let mut with_peer = grants.iter().filter(is_peer);
    match (with_peer.next(), with_peer.next()) {
        (Some(only), None) => Ok(only),
        _ => pick(grants, id, "grant", |grant| &grant.id),
    }
}

fn table(grants: &[operator::Grant]) -> String {
    let mut table = Table::new([
        "GRANT",
        "STATE",
        "OURS",
        "PEER",
        "THEY MAY SEND",
        "WE MAY SEND",
        "UNTIL",
    ]);
    let ids = words::short_ids(grants.iter().map(|grant| grant.id.as_str()));
    for (grant, id) in grants.iter().zip(ids) {
        table.row([
            Cell::of(id).styled(paint::STRONG),
            Cell::state(&grant.state),
            Cell::of(words::who(&grant.ours)),
            Cell::of(words::who(&grant.peer)),
            Cell::of(words::types(&grant.they_may_send)),
            Cell::of(words::types(&grant.we_may_send)),
            Cell::of(time::when(grant.until)),
        ]);
    }
    table.render(&format!(
        "nobody may send you anything, and you nobody   {}",
        hint("comity ask TO TYPE   or   comity knock")
    ))
}

fn details(grant: &operator::Grant) -> String {
    let proof = match grant.deniable {
        true => "messages may prove themselves to us only",
        false => "signed messages only",
    };
    let mut lines = vec![format!(
        "{} {}  {}",
        paint(paint::STRONG, "grant"),
        safe(&grant.id),
        paint::state(&grant.state)
    )];
    let mut line = |name: &str, text: String| lines.push(format!("  {name:<10} {text}"));
    line("ours", safe(&grant.ours));
    line("peer", safe(&grant.peer));
    line(
        "they may",
        format!("send {}", words::full_types(&grant.they_may_send, 18)),
    );
    line(
        "we may",
        format!("send {}", words::full_types(&grant.we_may_send, 18)),
    );
    line("until", time::exact(grant.until));
    line("proof", proof.to_owned());
    let limits = limits::in_words(grant.most_uses, grant.rate, grant.max_bytes);
    if !limits.is_empty() {
        line("limits", limits);
    }
    let sent = match grant.sent {
        0 => String::new(),
        sent => format!(", {sent} of yours"),
    };
    line(
        "uses",
        format!("{}{sent}", words::count(grant.uses, "message")),
    );
    if !grant.vouched_by.is_empty() {
        let chain = grant.vouched_by.iter().map(|did| words::who(did));
        line(
            "vouched",
            format!("by {}", chain.collect::<Vec<_>>().join(", then ")),
        );
    }
    let at = time::exact(grant.created);
    line("decided", format!("by {} at {at}", safe(&grant.decided_by)));
    if let Some(code) = &grant.code {
        line("because", safe(code));
    }
    if !grant.note.is_empty() {
        line("note", safe(&grant.note));
    }
    lines.join("\n")
}

fn resumption(shown: &Resume) -> String {
    let keys = |list: &[String]| list.iter().map(|key| safe(key)).collect::<Vec<_>>();
    let below = "\n             ";
    format!(
        "{} {}\n  peer       {}\n  was        {}\n  is now     {}\n  approval   {}\n\nCompare the new \
         keys with the peer's operator, not by mail of theirs.   {}",
        paint(paint::STRONG, "suspended grant"),
        safe(&shown.grant),
        safe(&shown.peer),
        keys(&shown.was).join(below),
        keys(&shown.now).join(below),
        safe(&shown.approval),
        hint(format!(
            "comity grant resume {} --approval {}",
            words::beginning(&shown.grant),
            shown.approval
        ))
    )
}
