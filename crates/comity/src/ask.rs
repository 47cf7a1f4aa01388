use crate::agent::PATIENCE;
use crate::link::Frame;
use crate::outgoing::outgoing_setters;
use crate::send::{GRACE, show_wait, submit};
use crate::status::{State, Status};
use crate::{Agent, Answer, Outgoing, Result};
use comity_api::safe;
use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

/// A question about to be asked, or resumed; await it.
///
/// The question is durable from the moment your node has it: when you get [`Outcome::Pending`],
/// or your process ends, the answer is kept for whoever [resumes](Agent::resume).
#[derive(Debug)]
#[must_use = "nothing is asked until it is awaited"]
pub struct Ask {
    agent: Agent,
    outgoing: Outgoing,
    resumed: Option<String>,
    wait: Duration,
    settle: bool,
}

/// What came of a question.
#[derive(Debug)]
pub enum Outcome {
    /// The recipient's first reply in the thread.
    Answer(Answer),
    /// None yet; it will be kept for you.
    Pending(Pending),
    /// None will come.
    Refused(Refused),
}

/// A question that has no answer yet.
#[derive(Debug)]
pub struct Pending(Status);

/// A question that will have no answer.
#[derive(Debug)]
pub struct Refused(Status);

/// On whom or what a question waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitingOn {
    /// The recipient's agent has it, or will; its answer.
    Answer,
    /// The recipient's node can't be reached, or hasn't confirmed.
    Delivery,
    /// The recipient's operator hasn't let you in yet.
    Grant,
    /// Your own operator must let your node knock.
    Operator,
    /// Your signature.
    Signature,
}

impl Ask {
    pub(crate) const fn new(agent: Agent, outgoing: Outgoing) -> Self {
        Self {
            agent,
            outgoing,
            resumed: None,
            wait: WAIT,
            settle: true,
        }
    }

    pub(crate) fn resume(agent: Agent, id: String) -> Self {
        Self {
            resumed: Some(id),
            ..Self::new(agent, Outgoing::new("", ()))
        }
    }

    outgoing_setters!();

    /// How long to wait before it is [pending](Outcome::Pending): 30 seconds unless you say
    /// otherwise.
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Hands you the answer unsettled. Without this it is settled (done) just before you get it.
    /// With this you say [`Answer::done`] when your work on it is finished, and its sender reads
    /// `done` only then. Either way it can be had again by [`Agent::resume`].
    pub const fn unsettled(mut self) -> Self {
        self.settle = false;
        self
    }

    async fn go(self) -> Result<Outcome> {
        let deadline = Instant::now() + self.wait;
        let mut status = match self.resumed {
            Some(id) => self.agent.status(&id).await?,
            None => submit(&self.agent, self.outgoing, true).await?,
        };
        loop {
            if let Some(delivery) = status.take_answer() {
                let answer = Answer::new(self.agent.clone(), delivery)?;
                if !self.settle {
                    return Ok(Outcome::Answer(answer));
                }
                match answer.done().await {
                    Ok(()) => return Ok(Outcome::Answer(answer)),
                    // The lease ended on the way; the answer is there to be taken again.
                    Err(why) if why.is_lease_lost() => {}
                    Err(why) => return Err(why),
                }
            }
            if is_hopeless(&status) {
                return Ok(Outcome::Refused(Refused(status)));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Outcome::Pending(Pending(status)));
            }
            match await_answer(&self.agent, status.id(), left).await? {
                Some(shown) => status = shown,
                None => return Ok(Outcome::Pending(Pending(status))),
            }
        }
    }
}

impl IntoFuture for Ask {
    type Output = Result<Outcome>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.go())
    }
}

/// The message once it has its answer or ended, or as it is after `left`; `None` if the node was
/// away until then.
async fn await_answer(agent: &Agent, id: &str, left: Duration) -> Result<Option<Status>> {
    let asked = Instant::now();
    let frame = Frame::show(id, &show_wait("answer", left));
    let Ok(shown) = tokio::time::timeout(left + GRACE, agent.link().ask(frame)).await else {
        return Ok(None);
    };
    let shown = Status::read(shown?)?;
    if !(shown.has_answer() || is_hopeless(&shown)) {
        // It returned early: somebody else has the answer leased, and may not settle it.
        tokio::time::sleep(BUSY.min(left).saturating_sub(asked.elapsed())).await;
    }
    Ok(Some(shown))
}

/// Ended, and not by being done: then the answer may still be on its way, unless the node says by a
/// code why it will not come.
fn is_hopeless(status: &Status) -> bool {
    let state = status.state();
    state.is_end() && (state != State::Done || status.code().is_some())
}

impl Pending {
    /// The id to [resume](Agent::resume) with.
    pub fn id(&self) -> &str {
        self.0.id()
    }

    /// On whom it waits.
    pub fn waiting_on(&self) -> WaitingOn {
        match (self.0.state(), self.0.waiting_on()) {
            (State::Held, Some("operator")) => WaitingOn::Operator,
            (State::Held, Some("signature")) => WaitingOn::Signature,
            (State::Held, _) => WaitingOn::Grant,
            (State::Queued | State::Sent, _) => WaitingOn::Delivery,
            _ => WaitingOn::Answer,
        }
    }

    /// Where the question is.
    pub const fn status(&self) -> &Status {
        &self.0
    }
}

impl Refused {
    /// The id of the question.
    pub fn id(&self) -> &str {
        self.0.id()
    }

    /// `refused` by policy, `rejected` by the agent, `expired`, `cancelled` or `failed`; `done` if the
    /// grant ended between the recipient's work and its answer.
    pub const fn state(&self) -> State {
        self.0.state()
    }

    /// The problem code.
    pub fn code(&self) -> Option<&str> {
        self.0.code()
    }

    /// Where the question is.
    pub const fn status(&self) -> &Status {
        &self.0
    }
}

/// `rejected: e.p.msg.bad-body (missing field "series")`. Code and reason may be a peer's words:
/// bounded and escaped here.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.state())?;
        if let Some(code) = self.0.code() {
            write!(f, ": {}", safe(code))?;
        }
        match self.0.reason() {
            Some(reason) => write!(f, " ({})", safe(reason)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for WaitingOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer => "their answer",
            Self::Delivery => "their node",
            Self::Grant => "their operator",
            Self::Operator => "your operator",
            Self::Signature => "your signature",
        })
    }
}

/// How long to wait for an answer if nobody says.
const WAIT: Duration = PATIENCE;
/// A wait that returns sooner than this without an answer must not be repeated at once.
const BUSY: Duration = Duration::from_millis(200);
