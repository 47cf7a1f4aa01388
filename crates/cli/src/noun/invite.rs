mod qr;

use super::limits::{self, Limits};
use super::policy::full;
use crate::args::Output;
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::say;
use crate::shell::Shell;
use crate::show::hint::hint;
use crate::show::paint::{self, paint};
use crate::show::{self, time, words};
use clap::{Args, Subcommand};
use comity_api::invite::{self, AcceptInvitation, Following, Invited};
use comity_api::safe;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Make a link or QR code that lets one peer in, limited and expiring; or follow one
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  comity invite bruno --they-may https://example.org/analysis/1.0 --until 30d
  comity invite bruno --they-may https://example.org/analysis/1.0 --guests 5 --open 2d --png card.png
  comity invite bruno --they-may https://didcomm.org/basicmessage/2.0 --messages
  comity invite accept aria 'https://agents.org-b.com/comity/invite?_oob=…'
  comity policy remove invite-3fa81c02      (withdraws it)"
)]
pub(crate) struct Invite {
    #[command(flatten)]
    make: Make,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Follow somebody's invitation: knock, as an agent of yours, for what it offers
    Accept(Accept),
}

#[derive(Debug, Args)]
struct Make {
    /// Which of your agents invites
    #[arg(required = true)]
    agent: Option<String>,
    /// What the guest may send (types or protocols); may be repeated
    #[arg(long, value_name = "TYPE")]
    they_may: Vec<String>,
    /// What your agent may send the guest; may be repeated [default: the same]
    #[arg(long, value_name = "TYPE")]
    you_may: Vec<String>,
    /// Until when the guest is let in (30d, 2026-12-24) [default: 30d]
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Until when the link works [default: 7d]
    #[arg(long, value_name = "WHEN")]
    open: Option<String>,
    /// How many guests it lets in [default: 1]
    #[arg(long, value_name = "N")]
    guests: Option<u64>,
    #[command(flatten)]
    limits: Limits,
    /// Also for other DIDComm software: its first message is enough, and need not be signed
    #[arg(long)]
    messages: bool,
    /// With --messages: signed messages only
    #[arg(long, requires = "messages")]
    signed_only: bool,
    /// What it is for; the guest sees this
    #[arg(long, value_name = "TEXT", default_value = "")]
    goal: String,
    /// Words to yourself and your colleagues
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Write the QR code into a PNG file
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Don't draw the QR code on the terminal
    #[arg(long)]
    no_qr: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Accept {
    /// Which of your agents follows it
    agent: String,
    /// The link, in quotes
    url: String,
    /// Ask to send only this; may be repeated [default: all that is offered]
    #[arg(long, value_name = "TYPE")]
    you_may: Vec<String>,
    /// Let them send only this; may be repeated [default: all that the invitation names]
    #[arg(long, value_name = "TYPE")]
    they_may: Vec<String>,
    /// Until when [default: as long as is offered]
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Words to their operator
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(args: Invite, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    match args.act {
        Some(Act::Accept(accept)) => follow(&operator, accept).await,
        None => make(&operator, args.make).await,
    }
}

async fn make(operator: &Operator, make: Make) -> Result<Exit, Trouble> {
    let they_may_send = full(&make.they_may);
    if they_may_send.is_empty() && make.you_may.is_empty() {
        return Err(
            Trouble::usage("an invitation lets somebody send something").next("--they-may TYPE")
        );
    }
    let you_may_send = match make.you_may.as_slice() {
        [] => they_may_send.clone(),
        some => full(some),
    };
    let ask = invite::Invite {
        agent: make.agent.unwrap_or_default(),
        they_may_send,
        you_may_send,
        open_until: limits::until(make.open.as_deref())?,
        until: limits::until(make.until.as_deref())?,
        guests: make.guests,
        uses: make.limits.uses,
        rate: make.limits.rate,
        max_bytes: make.limits.max_bytes,
        messages: make.messages,
        signed_only: make.signed_only,
        goal: make.goal,
        note: make.note,
    };
    let invited: Invited = operator.post("/v1/invitations", &ask).await?;
    if let Some(file) = &make.png {
        write_png(file, &invited.url)?;
    }
    let draws = !make.no_qr && std::io::stdout().is_terminal();
    let drawn = draws.then(|| qr::text(&invited.url)).flatten();
    show::one(make.output, &invited, |invited| {
        let mut text = String::new();
        if let Some(drawn) = drawn {
            text.push_str(&drawn);
            text.push_str("\n\n");
        }
        text.push_str(&format!(
            "{}\n\nWhoever has this link is let in: send it as you would send a key.\n  \
             works until  {}\n  lets in      until {}\n  {}",
            paint(paint::STRONG, &invited.url),
            time::exact(invited.open_until),
            time::exact(invited.until),
            hint(format!(
                "comity policy remove {}   withdraws it",
                invited.rule
            ))
        ));
        text
    })?;
    if let Some(file) = make.png.filter(|_| !make.output.json) {
        say!("  QR code in   {}", file.display());
    }
    Ok(Exit::Ok)
}

fn write_png(file: &Path, url: &str) -> Result<(), Trouble> {
    let octets = qr::png(url).ok_or_else(|| {
        Trouble::failed("the link is too long for a QR code").next("list fewer types")
    })?;
    std::fs::write(file, octets)
        .map_err(|why| Trouble::failed(format!("{} can't be written: {why}", file.display())))
}

async fn follow(operator: &Operator, accept: Accept) -> Result<Exit, Trouble> {
    let ask = AcceptInvitation {
        agent: accept.agent,
        url: accept.url,
        you_may_send: full(&accept.you_may),
        they_may_send: full(&accept.they_may),
        until: limits::until(accept.until.as_deref())?,
        purpose: accept.purpose,
    };
    let following: Following = operator.post("/v1/invitations/accept", &ask).await?;
    show::one(accept.output, &following, |following| {
        let goal = match following.goal.as_str() {
            "" => String::new(),
            goal => format!("\n  their words  {}", safe(goal)),
        };
        format!(
            "knocking at {}{goal}\n  {}",
            words::who(&following.from),
            hint(format!(
                "comity grant show {}   tells what became of it",
                words::beginning(&following.grant)
            ))
        )
    })?;
    Ok(Exit::Ok)
}
