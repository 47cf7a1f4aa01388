use crate::{Error, Result};
use comity_api::agent as api;
use std::fmt;

/// A message of yours and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    message: api::Message,
    state: State,
}

/// Where a message is (formats §11). States only move forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Cancelled before it went out.
    Cancelled,
    /// Offered to the peer's agent; a hint that nobody signed.
    Delivered,
    /// The peer's agent is done with it.
    Done,
    /// It expired.
    Expired,
    /// It can't be delivered.
    Failed,
    /// It waits on somebody: [`Status::waiting_on`].
    Held,
    /// Durable at your node.
    Queued,
    /// Durable at the peer's node, which signed that.
    Received,
    /// The peer's node refused it, by policy.
    Refused,
    /// The peer's agent rejected it.
    Rejected,
    /// The peer's transport took it.
    Sent,
}

/// One state that a message reached: which, when, who says so and how that is proved.
pub use comity_api::agent::Step;

impl Status {
    pub(crate) fn read(value: serde_json::Value) -> Result<Self> {
        let message: api::Message =
            serde_json::from_value(value).map_err(|source| Error::Body {
                type_: "the node's answer".to_owned(),
                source,
            })?;
        Self::try_from(message)
    }

    /// The id that you or the SDK chose.
    pub fn id(&self) -> &str {
        &self.message.id
    }

    /// Its digest: what receipts, causes and records call it.
    pub fn digest(&self) -> &str {
        &self.message.digest
    }

    /// The recipient's DID.
    pub fn to(&self) -> &str {
        &self.message.to
    }

    /// Its type.
    pub fn message_type(&self) -> &str {
        &self.message.type_
    }

    /// Its thread.
    pub fn thid(&self) -> &str {
        &self.message.thid
    }

    /// Where it is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// While held: `operator`, `grant` or `signature`.
    pub fn waiting_on(&self) -> Option<&str> {
        self.message.waiting_on.as_deref()
    }

    /// The code it ended with.
    pub fn code(&self) -> Option<&str> {
        self.message.code.as_deref()
    }

    /// Why it failed, or why it takes long.
    pub fn reason(&self) -> Option<&str> {
        self.message.reason.as_deref()
    }

    /// When it expires, UTC seconds.
    pub const fn expires_time(&self) -> u64 {
        self.message.expires_time
    }

    /// Each state it reached, oldest first.
    pub fn history(&self) -> &[Step] {
        &self.message.history
    }

    pub(crate) const fn has_answer(&self) -> bool {
        self.message.answer.is_some()
    }

    pub(crate) fn take_answer(&mut self) -> Option<api::Delivery> {
        self.message.answer.take().map(|answer| *answer)
    }
}

impl TryFrom<api::Message> for Status {
    type Error = Error;

    fn try_from(message: api::Message) -> Result<Self> {
        let state = State::read(&message.state)?;
        Ok(Self { message, state })
    }
}

impl State {
    /// True if nothing more is to come.
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::Cancelled
                | Self::Done
                | Self::Expired
                | Self::Failed
                | Self::Refused
                | Self::Rejected
        )
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Delivered => "delivered",
            Self::Done => "done",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Queued => "queued",
            Self::Received => "received",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Sent => "sent",
        }
    }

    fn read(word: &str) -> Result<Self> {
        ALL.into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| Error::Unsupported {
                what: "state",
                value: word.to_owned(),
            })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const ALL: [State; 11] = [
    State::Cancelled,
    State::Delivered,
    State::Done,
    State::Expired,
    State::Failed,
    State::Held,
    State::Queued,
    State::Received,
    State::Refused,
    State::Rejected,
    State::Sent,
];
