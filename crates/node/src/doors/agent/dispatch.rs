//! What agents can ask for, and the one place where it is carried out for HTTP and WebSocket.

use crate::journey::{Caller, Core, WaitFor};
use comity_api::Problem;
use comity_api::agent::{
    Events, EventsQuery, ExtendRequest, Extended, LeaseRequest, Leased, Message, Send, SettleDone,
    Settlement, Wait, Whoami,
};
use comity_api::vouch::{IssueVouch, Issued};
use comity_engine::defaults;
use serde::Serialize;
use std::time::Duration;

/// An operation with all it needs.
#[derive(Debug)]
pub(super) enum Operation {
    Cancel { id: String },
    Events(EventsQuery),
    Extend(ExtendRequest),
    Lease(LeaseRequest),
    Send(Box<Send>),
    Settle(Box<Settlement>),
    Show { id: String, wait: Wait },
    Vouch(Box<IssueVouch>),
    Whoami,
}

/// What it gave. Serialised without a trace of which it was.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Outcome {
    Events(Events),
    Extended(Extended),
    Leased(Leased),
    Message(Box<Message>),
    /// A message that did not exist before.
    New(Box<Message>),
    Settled(SettleDone),
    Vouched(Box<Issued>),
    Whoami(Whoami),
}

/// Carries out an operation for a caller.
pub(super) async fn perform(
    core: &Core,
    caller: &Caller,
    operation: Operation,
) -> Result<Outcome, Problem> {
    Ok(match operation {
        Operation::Cancel { id } => Outcome::Message(Box::new(core.cancel(caller, &id).await?)),
        Operation::Events(EventsQuery { after, wait_s }) => {
            let events = core.events(caller, after, seconds(wait_s)).await?;
            Outcome::Events(Events { events })
        }
        Operation::Extend(ExtendRequest {
            delivery,
            lease,
            seconds,
        }) => {
            let until = core.extend(caller, &delivery, &lease, seconds).await?;
            Outcome::Extended(Extended { until })
        }
        Operation::Lease(LeaseRequest { max, wait_s }) => {
            let deliveries = core.lease(caller, max, seconds(wait_s)).await?;
            Outcome::Leased(Leased { deliveries })
        }
        Operation::Send(send) => match core.submit(caller, *send).await? {
            (message, true) => Outcome::New(Box::new(message)),
            (message, false) => Outcome::Message(Box::new(message)),
        },
        Operation::Settle(settlement) => Outcome::Settled(core.settle(caller, *settlement).await?),
        Operation::Show { id, wait } => {
            let longest = wait.wait_s.map_or(WAIT, seconds);
            let wait = wait.wait.as_deref().map(read_wait).transpose()?;
            Outcome::Message(Box::new(core.show(caller, &id, wait, longest).await?))
        }
        Operation::Vouch(issue) => {
            Outcome::Vouched(Box::new(core.vouch_by_right(caller, *issue).await?))
        }
        Operation::Whoami => Outcome::Whoami(core.whoami(caller)),
    })
}

fn read_wait(word: &str) -> Result<WaitFor, Problem> {
    WaitFor::from_word(word)
        .ok_or_else(|| super::super::problem::bad("wait is received, done or answer"))
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count).min(defaults::WAIT_MAX)
}

/// How long a wait without `wait_s` lasts.
const WAIT: Duration = Duration::from_secs(30);
