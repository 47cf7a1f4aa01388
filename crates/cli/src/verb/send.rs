use super::follow::{while_waiting, with_words};
use super::what::{What, Who};
use crate::args::Output;
use crate::exit::{Exit, Trouble};
use crate::say;
use crate::shell::Shell;
use crate::show::hint::hint;
use crate::show::{self, code, paint, time, words};
use clap::{Args, ValueEnum};
use comity::{State, Status};
use serde_json::json;
use std::future::IntoFuture;
use std::time::Duration;

/// Send one message as an agent
///
/// Returns when the message is durable at your node, which then delivers it for up to three days.
/// If the peer does not know you yet, the node knocks first (or asks its operator to) and the
/// message waits.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comity send bruno@agents.org-b.com basicmessage/2.0/message 'good morning'
  comity send bruno@agents.org-b.com https://example.org/orders/1.0/order @order.json --wait done
  jq '{rows: .}' rows.json | comity send bruno@agents.org-b.com https://example.org/x/1.0/y -")]
pub(crate) struct Send {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    who: Who,
    /// Wait until the peer's node has it, or until its agent is done with it; exits with 5 if that
    /// takes too long
    #[arg(long, value_name = "STATE")]
    wait: Option<WaitFor>,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time::duration)]
    timeout: Duration,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WaitFor {
    Received,
    Done,
}

pub(crate) async fn run(args: Send, shell: &Shell) -> Result<Exit, Trouble> {
    let (message, id) = args.what.message()?;
    let agent = shell.agent(args.who.agent.as_deref()).await?;
    let sending = message.send_as(&agent);
    let sending = match args.wait {
        None => sending,
        Some(WaitFor::Received) => sending.until_received(args.timeout),
        Some(WaitFor::Done) => sending.until_done(args.timeout),
    };
    let status = match (args.wait, args.output.json) {
        (Some(_), false) => while_waiting(&agent, &id, sending.into_future()).await?,
        _ => sending.await?,
    };
    let status = with_words(&agent, status).await;
    if args.output.json {
        say!("{}", show::line(&as_json(&status))?);
    } else {
        say!("{}", describe(&status));
    }
    Ok(exit(&status, args.wait))
}

/// A status as the local API gives it, in the main.
pub(crate) fn as_json(status: &Status) -> serde_json::Value {
    json!({
        "id": status.id(),
        "digest": status.digest(),
        "to": status.to(),
        "type": status.message_type(),
        "thid": status.thid(),
        "state": status.state().as_str(),
        "waiting_on": status.waiting_on(),
        "code": status.code(),
        "reason": status.reason(),
        "expires_time": status.expires_time(),
    })
}

/// `9c1e…  queued`, and what that means if it isn't plain.
pub(crate) fn describe(status: &Status) -> String {
    let mut text = format!("{}  {}", status.id(), paint::state(status.state().as_str()));
    let code = status.code().map(code::words);
    let reason = status.reason().map(code::reason);
    for words in [code, reason].into_iter().flatten() {
        text.push_str(&format!("  {words}"));
    }
    if let Some(held) = held(status) {
        text.push_str(&format!("\n  {held}"));
    }
    text
}

/// On whom a held message waits, and what to type.
pub(crate) fn held(status: &Status) -> Option<String> {
    let peer = words::who(status.to());
    let expires = time::when(status.expires_time());
    let id = status.id();
    match (status.state(), status.waiting_on()) {
        (State::Held, Some("operator")) => Some(format!(
            "your operator must allow it first, until {expires}   {}",
            hint(format!("comity message allow {id}"))
        )),
        (State::Held, Some("signature")) => Some("it waits for your signature".to_owned()),
        (State::Held, _) if status.reason().is_some() => Some(format!(
            "your node can't ask {peer} to be let in; it tries again until {expires}   {}",
            hint(format!("comity doctor {peer}"))
        )),
        (State::Held, _) => Some(format!(
            "{peer} hasn't let you in yet; it goes out when their operator approves, and expires \
             {expires}   {}",
            hint(format!("comity message show {id} --watch"))
        )),
        _ => None,
    }
}

fn exit(status: &Status, wait: Option<WaitFor>) -> Exit {
    let state = status.state();
    match state {
        State::Refused | State::Rejected => return Exit::Refused,
        State::Cancelled | State::Expired | State::Failed => return Exit::Failed,
        _ => {}
    }
    match wait {
        Some(WaitFor::Done) if state != State::Done => Exit::Pending,
        Some(WaitFor::Received) if matches!(state, State::Held | State::Queued | State::Sent) => {
            Exit::Pending
        }
        _ => Exit::Ok,
    }
}
