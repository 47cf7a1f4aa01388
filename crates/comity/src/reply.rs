use crate::{Error, Outgoing, Result};
use comity_api::agent as api;
use serde::Serialize;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a handler answers: the one settlement of a delivery.
///
/// Everything in it commits together at the node, exactly once.
#[derive(Debug)]
pub struct Reply {
    outcome: Outcome,
    messages: Vec<Outgoing>,
}

#[derive(Debug)]
enum Outcome {
    Done,
    Reject { code: String, comment: String },
    Retry { after: Duration },
    Park { question: String, within: Duration },
    Pass,
}

impl Reply {
    /// Done, with a reply to the sender in the same thread. The last part of the type will do:
    /// `response` stands for the `response` of the protocol that the message came in.
    pub fn new(type_: impl Into<String>, body: impl Serialize) -> Self {
        Self::done().also(Outgoing::new(type_, body))
    }

    /// Done; nothing to say.
    pub const fn done() -> Self {
        Self::settle(Outcome::Done)
    }

    /// Not now: offer it again after this time. Its thread waits meanwhile; after ten attempts the
    /// sender gets it as rejected.
    pub const fn retry(after: Duration) -> Self {
        Self::settle(Outcome::Retry { after })
    }

    /// Rejected. The sender gets the problem code and your words.
    ///
    /// The code is DIDComm's, lower kebab-case, from the general to the particular:
    /// `e.p.msg.too-few-points`; `e.p.` is put before one that has no sorter.
    pub fn reject(code: impl Into<String>, comment: impl Into<String>) -> Self {
        Self::settle(Outcome::Reject {
            code: code.into(),
            comment: comment.into(),
        })
    }

    /// Asks a person: whoever operates your node sees the question (at most 280 characters). You get
    /// the message again with the answer ([`Message::answer`]), or without one when the time is
    /// over; that is a minute before the message expires at the latest. It survives restarts, and
    /// its thread goes on meanwhile. Its sender sees only that it was received.
    ///
    /// ```
    /// use comity::{Failure, Message, Reply};
    /// use std::time::Duration;
    /// # struct Request { rows: u64 }
    /// # fn trend(request: &Request) -> u64 { request.rows }
    ///
    /// async fn analyse(msg: Message, request: Request) -> Result<Reply, Failure> {
    ///     match msg.answer() {
    ///         None if request.rows > 1_000_000 => {
    ///             let question = format!("{} rows for {}. Go on?", request.rows, msg.sender());
    ///             return Ok(Reply::park(question, Duration::from_secs(7_200)));
    ///         }
    ///         Some(said) if said.text() != Some("yes") => {
    ///             return Ok(Reply::reject("e.p.msg.too-large", "too many rows"));
    ///         }
    ///         _ => {}
    ///     }
    ///     Ok(Reply::new("response", trend(&request)))
    /// }
    /// ```
    ///
    /// A message is parked ten times at most; each answer renews its ten attempts.
    ///
    /// [`Message::answer`]: crate::Message::answer
    pub fn park(question: impl Into<String>, within: Duration) -> Self {
        Self::settle(Outcome::Park {
            question: question.into(),
            within,
        })
    }

    /// Not for me: offered at once to another session of this agent that is connected and has not
    /// passed it on. If there is none, to whoever is there after a growing pause. It counts as an
    /// attempt: what everyone passes on is rejected in the end.
    pub const fn pass() -> Self {
        Self::settle(Outcome::Pass)
    }

    /// Sends another message in the same commit: to the sender, unless it names somebody else. Not
    /// with a [retry](Self::retry) or a [pass](Self::pass).
    #[must_use]
    pub fn also(mut self, message: Outgoing) -> Self {
        self.messages.push(message);
        self
    }

    /// Names the messages that the replies were made from, by digest; see [`Outgoing::causes`].
    #[must_use]
    pub fn causes<I>(mut self, causes: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let causes: Vec<String> = causes.into_iter().map(Into::into).collect();
        let messages = self.messages.into_iter();
        self.messages = messages.map(|m| m.causes(causes.clone())).collect();
        self
    }

    const fn settle(outcome: Outcome) -> Self {
        Self {
            outcome,
            messages: Vec::new(),
        }
    }

    /// The settlement of `delivery`, still without a lease.
    pub(crate) fn into_settlement(self, delivery: &str) -> Result<api::Settlement> {
        let messages = self.messages.into_iter().map(Outgoing::into_send);
        let settlement = api::Settlement {
            delivery: delivery.to_owned(),
            messages: messages.collect::<Result<_>>()?,
            ..api::Settlement::default()
        };
        Ok(match self.outcome {
            Outcome::Done => api::Settlement {
                outcome: "done".to_owned(),
                ..settlement
            },
            Outcome::Reject { code, comment } => api::Settlement {
                outcome: "reject".to_owned(),
                code: Some(code),
                comment: Some(comment),
                ..settlement
            },
            Outcome::Retry { after } => api::Settlement {
                outcome: "retry".to_owned(),
                after_s: Some(whole_seconds(after)),
                ..settlement
            },
            Outcome::Park { question, within } => api::Settlement {
                outcome: "park".to_owned(),
                question: Some(question),
                until: Some(ahead(within)),
                ..settlement
            },
            Outcome::Pass => api::Settlement {
                outcome: "pass".to_owned(),
                ..settlement
            },
        })
    }
}

/// UTC seconds; ahead even if no time was given.
fn ahead(within: Duration) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = whole_seconds(now.unwrap_or_default());
    // Numbers of the door end at 2^53-1 (formats §0).
    now.saturating_add(whole_seconds(within).max(1))
        .min((1 << 53) - 1)
}

/// Rounded up: never sooner than was said.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// How a handler fails: with `?` on any error.
///
/// - [`Error::Body`]: the message is rejected, and its sender learns what was wrong with it.
/// - A [`Reply`]: that reply. (`Err(Reply::reject(..))?` gets out of a helper function.)
/// - Anything else: logged here, and the message is offered again later, with growing pauses. The
///   sender learns nothing of it until ten attempts have failed.
pub struct Failure(Cause);

enum Cause {
    Error(Box<dyn std::error::Error + Send + Sync>),
    Reply(Reply),
}

impl Failure {
    /// The reply that stands for it, for a delivery offered for the `attempt`th time.
    pub(crate) fn into_reply(self, type_: &str, attempt: u32) -> Reply {
        let error = match self.0 {
            Cause::Reply(reply) => return reply,
            Cause::Error(error) => error,
        };
        match error.downcast_ref::<Error>() {
            Some(Error::Body { source, .. }) => {
                tracing::warn!(%type_, error = %source, "rejected a body that can't be read");
                Reply::reject(BAD_BODY, source.to_string())
            }
            _ => {
                let after = pause(attempt);
                let error = Chain(&*error);
                tracing::error!(%type_, attempt, ?after, %error, "handler failed; it will be tried again");
                Reply::retry(after)
            }
        }
    }
}

/// Every error converts; so `Failure` itself can't be one.
impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Cause::Error(Box::new(error)))
    }
}

impl From<Reply> for Failure {
    fn from(reply: Reply) -> Self {
        Self(Cause::Reply(reply))
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Error(error) => write!(f, "{}", Chain(&**error)),
            Cause::Reply(reply) => write!(f, "{reply:?}"),
        }
    }
}

/// An error with its causes, in a line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

/// 1, 2, 4 … 60 seconds: short for a hiccup; ten attempts take about five minutes.
fn pause(attempt: u32) -> Duration {
    let doubled = 1_u64 << attempt.saturating_sub(1).min(6);
    Duration::from_secs(doubled.min(60))
}

/// Code for a body that a handler can't read.
const BAD_BODY: &str = "e.p.msg.bad-body";
/// Code for a reply of ours that the node won't take.
pub(crate) const BAD_REPLY: &str = "e.p.me.bad-reply";
