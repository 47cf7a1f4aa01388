use crate::agent::PATIENCE;
use crate::link::Frame;
use crate::outgoing::outgoing_setters;
use crate::reply::whole_seconds;
use crate::status::{State, Status};
use crate::{Agent, Outgoing, Result};
use comity_api::agent as api;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

/// A message about to be sent; await it.
#[derive(Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct Sending {
    agent: Agent,
    outgoing: Outgoing,
    wait: Option<(State, Duration)>,
}

impl Sending {
    pub(crate) const fn new(agent: Agent, outgoing: Outgoing) -> Self {
        Self {
            agent,
            outgoing,
            wait: None,
        }
    }

    outgoing_setters!();

    /// Waits until the peer's node has it (`received`), for at most this long. Then the status is
    /// what it is: look at it.
    pub const fn until_received(mut self, wait: Duration) -> Self {
        self.wait = Some((State::Received, wait));
        self
    }

    /// Waits until the peer's agent is done with it, for at most this long. Then the status is
    /// what it is: look at it.
    pub const fn until_done(mut self, wait: Duration) -> Self {
        self.wait = Some((State::Done, wait));
        self
    }

    async fn go(self) -> Result<Status> {
        let status = submit(&self.agent, self.outgoing, false).await?;
        match self.wait {
            None => Ok(status),
            Some((state, wait)) => await_state(&self.agent, status, state, wait).await,
        }
    }
}

impl IntoFuture for Sending {
    type Output = Result<Status>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Status>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.go())
    }
}

/// Hands the message to the node, under an id of ours: so it may be said twice.
pub(crate) async fn submit(agent: &Agent, outgoing: Outgoing, ask: bool) -> Result<Status> {
    let mut send = outgoing.into_send()?;
    send.ask = ask;
    if send.id.is_none() {
        send.id = Some(uuid::Uuid::new_v4().to_string());
    }
    let submitted = agent
        .link()
        .ask_within(PATIENCE, Frame::send(&send))
        .await?;
    Status::read(submitted)
}

async fn await_state(
    agent: &Agent,
    mut status: Status,
    state: State,
    wait: Duration,
) -> Result<Status> {
    let deadline = Instant::now() + wait;
    while !(status.state().is_end() || state == State::Received && is_received(&status)) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let frame = Frame::show(status.id(), &show_wait(state.as_str(), left));
        match tokio::time::timeout(left + GRACE, agent.link().ask(frame)).await {
            Ok(shown) => status = Status::read(shown?)?,
            Err(_) => break,
        }
    }
    Ok(status)
}

fn is_received(status: &Status) -> bool {
    matches!(status.state(), State::Received | State::Delivered)
}

/// A wait for the rest of the time, in portions that the door takes.
pub(crate) fn show_wait(until: &str, left: Duration) -> api::Wait {
    api::Wait {
        wait: Some(until.to_owned()),
        wait_s: Some(whole_seconds(left).clamp(1, LONGEST_WAIT_S)),
    }
}

/// For the node's own answer after its wait is over.
pub(crate) const GRACE: Duration = Duration::from_secs(1);
/// The longest that the door waits (formats §10).
const LONGEST_WAIT_S: u64 = 55;
