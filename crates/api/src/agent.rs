//! The agent's door (formats §10).
//!
//! Every route wants `Authorization: Bearer TOKEN`; the token names the agent. Errors are
//! [`Problem`]s.

use crate::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A message to send: `POST /v1/messages`, or `{"op":"send"}` on the socket.
///
/// Submitting the same `id` with the same content again returns the same [`Message`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// Your own id, 1 to 64 unreserved characters; made for you if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The recipient: a DID, or a handle such as `bruno@agents.org-b.com`. May be left out in a
    /// settlement: then it goes to the sender of the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The message type URI. In a settlement the last part will do; the rest is the delivery's.
    #[serde(rename = "type")]
    pub type_: String,
    /// The body, a JSON object.
    #[serde(default = "empty_object")]
    pub body: Value,
    /// The thread; a new one if absent (in a settlement: the delivery's).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thid: Option<String>,
    /// The parent thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pthid: Option<String>,
    /// When it expires, UTC seconds; at most 30 days ahead, three days if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_time: Option<u64>,
    /// Digests of up to 64 messages that this one was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causes: Option<Vec<String>>,
    /// Why you want to work with the recipient; shown to their operator if this must knock first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// True to keep the first proved reply of the recipient for whoever waits for the answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ask: bool,
}

impl Default for Send {
    /// An empty body, and nothing else said.
    fn default() -> Self {
        Self {
            id: None,
            to: None,
            type_: String::new(),
            body: empty_object(),
            thid: None,
            pthid: None,
            expires_time: None,
            causes: None,
            purpose: None,
            ask: false,
        }
    }
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

/// A message of yours and where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its digest: what receipts, causes and records call it.
    pub digest: String,
    /// The recipient's DID.
    pub to: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its thread.
    pub thid: String,
    /// `held queued sent received delivered done rejected refused expired cancelled failed`.
    pub state: String,
    /// While held: `operator` (yours must let the node knock), `grant` (the peer has not answered),
    /// `signature`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_on: Option<String>,
    /// The code it ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it failed, or why it takes long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it expires, UTC seconds.
    pub expires_time: u64,
    /// The answer, if you asked and it came: a delivery to settle like any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Box<Delivery>>,
    /// Each state it reached, oldest first.
    pub history: Vec<Step>,
}

/// One state that a message reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// The state.
    pub state: String,
    /// When, UTC seconds.
    pub at: u64,
    /// Who says so.
    pub by: String,
    /// `receipt` if the recipient signed it, else `none`.
    pub proof: String,
}

/// Query of `GET /v1/messages/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wait {
    /// Wait until the message is `received`, `done` (or ended), or has its `answer` (or ended
    /// otherwise than `done`: the answer and the receipt that says so travel apart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
    /// For at most this many seconds (55 at most); then the message is returned as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u64>,
}

/// `POST /v1/lease`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseRequest {
    /// How many deliveries you can take now (1 to 256).
    #[serde(default = "one")]
    pub max: usize,
    /// Wait up to this many seconds for the first (55 at most).
    #[serde(default)]
    pub wait_s: u64,
}

const fn one() -> usize {
    1
}

/// Answer to `POST /v1/lease`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Leased {
    /// The deliveries, in order. Empty when nothing came in time.
    pub deliveries: Vec<Delivery>,
}

/// A message handed to you until a deadline. Settle it once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Delivery id.
    pub delivery: String,
    /// The lease; a settlement counts only while it is current. Empty in an answer that you settled
    /// before: it is only shown again.
    pub lease: String,
    /// Until when, UTC seconds. Extend it if you need longer.
    pub until: u64,
    /// 1 the first time; more if an earlier lease ended unsettled.
    pub attempt: u32,
    /// The message's members: `id`, `type`, `from`, `to`, `thid`, `created_time`, `body`, …
    pub message: Value,
    /// Who says so, how it was proved, why it was let in.
    pub context: Context,
}

/// What the node proved about a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Context {
    /// The message's digest.
    pub digest: String,
    /// `anyone`: its author can't deny it; `us`: it proves itself to us only.
    pub proof: String,
    /// The key that proved it.
    pub kid: String,
    /// The grant that covers it.
    pub grant: String,
    /// What of the grant covers it: `grant` (it lists the type) or `reply` (in a thread of yours).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Who let the sender in: an operator's name, `rule:NAME`, or `rule:outbound` where your node
    /// knocked because you wrote first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub let_in_by: Option<String>,
    /// Whose vouches let the sender in, the first of the chain first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vouched_by: Vec<String>,
    /// True if this is the first message from this sender to you.
    pub first_contact: bool,
    /// When your node accepted it, UTC seconds.
    pub received_at: u64,
    /// What became of your question, if you parked this delivery before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answered>,
}

/// What became of the question that a delivery was parked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Answered {
    /// The question, as you asked it.
    pub question: String,
    /// A text, or a small JSON value. Absent if nobody answered in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// True if nobody answered in time: decide without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
    /// Who answered, as your node's operators are called.
    pub by: String,
    /// When, UTC seconds.
    pub at: u64,
}

impl Answered {
    /// The answer, if it is a text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.answer.as_ref()?.as_str()
    }
}

/// `POST /v1/settle`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleRequest {
    /// Settlements; each gets its own result, in the same order.
    pub settlements: Vec<Settlement>,
}

/// Your one answer to a delivery. What it contains takes effect exactly once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// The delivery.
    pub delivery: String,
    /// Its lease.
    pub lease: String,
    /// `done`; `retry` (offer it again later); `reject`; `park` (ask a person of yours, and get it
    /// again with the answer); `pass` (not for me: offer it to another session of this agent).
    pub outcome: String,
    /// Messages to send with it, in the same commit; with `done`, `reject` and `park` only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Send>,
    /// With `retry`: not before this many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_s: Option<u64>,
    /// With `reject`: the problem code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// With `reject`: words for the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// With `park`: what you ask, at most 280 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// With `park`: until when a person may answer, UTC seconds; then it is offered again without.
    /// At the latest, and if absent, a minute before the message expires, or in 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// Answer to `POST /v1/settle`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Settled {
    /// One result for each settlement, in the same order.
    pub results: Vec<SettleResult>,
}

/// What became of one settlement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SettleResult {
    /// It took effect, now or when it was first sent.
    Settled(SettleDone),
    /// It did not.
    Problem(Problem),
}

/// A settlement that took effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettleDone {
    /// The delivery.
    pub delivery: String,
    /// Ids of the messages that went with it.
    pub messages: Vec<String>,
}

/// `POST /v1/extend`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendRequest {
    /// The delivery.
    pub delivery: String,
    /// Its lease.
    pub lease: String,
    /// From now, at most 3,600.
    pub seconds: u64,
}

/// Answer to `POST /v1/extend`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Extended {
    /// Until when the lease holds now, UTC seconds.
    pub until: u64,
}

/// Query of `GET /v1/events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventsQuery {
    /// Only events after this number.
    #[serde(default)]
    pub after: u64,
    /// Wait up to this many seconds for the first (55 at most).
    #[serde(default)]
    pub wait_s: u64,
}

/// Answer to `GET /v1/events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// Changes of your messages, oldest first.
    pub events: Vec<Event>,
}

/// A change of one of your messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its number; ask for more after the last you saw.
    pub n: u64,
    /// The message as it is now.
    pub message: Message,
}

/// `GET /v1/agent`: who this token speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Whoami {
    /// The agent's name at its node.
    pub name: String,
    /// Its DID.
    pub did: String,
    /// The node's version.
    pub version: String,
}

/// A frame from the agent on `GET /v1/socket`. `ref` is yours; the answer carries it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum FromAgent {
    /// `POST /v1/messages`.
    Send {
        /// Your reference.
        r#ref: u64,
        /// The message.
        #[serde(flatten)]
        send: Box<SendFrame>,
    },
    /// `GET /v1/messages/{id}`.
    Show {
        /// Your reference.
        r#ref: u64,
        /// The message's id.
        id: String,
        /// See [`Wait`].
        #[serde(flatten)]
        wait: Wait,
    },
    /// `POST /v1/messages/{id}/cancel`.
    Cancel {
        /// Your reference.
        r#ref: u64,
        /// The message's id.
        id: String,
    },
    /// How many unsettled deliveries of this socket you have room for in all. It replaces what you
    /// said before and is not used up: when one is settled, the next may come.
    Credit {
        /// How many; 0 to get no more.
        n: usize,
    },
    /// One settlement.
    Settle {
        /// Your reference.
        r#ref: u64,
        /// The settlement.
        #[serde(flatten)]
        settlement: Box<SettleFrame>,
    },
    /// `GET /v1/agent`.
    Whoami {
        /// Your reference.
        r#ref: u64,
    },
    /// `POST /v1/extend`.
    Extend {
        /// Your reference.
        r#ref: u64,
        /// The delivery.
        delivery: String,
        /// Its lease.
        lease: String,
        /// From now.
        seconds: u64,
    },
}

/// [`Send`] inside a frame (a flattened struct cannot deny unknown members).
pub type SendFrame = serde_json::Map<String, Value>;
/// [`Settlement`] inside a frame.
pub type SettleFrame = serde_json::Map<String, Value>;

/// A frame from the node on `GET /v1/socket`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum FromNode {
    /// The answer to a frame with this `ref`.
    Result {
        /// Your reference.
        r#ref: u64,
        /// What the HTTP route would have returned.
        value: Value,
    },
    /// The frame with this `ref` failed; the socket stays open.
    Error {
        /// Your reference, if the frame had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        r#ref: Option<u64>,
        /// Why.
        problem: Problem,
    },
    /// A delivery, pushed while you have credit.
    Delivery(Box<Delivery>),
    /// One of your messages changed.
    State {
        /// The event's number.
        n: u64,
        /// The message as it is now.
        message: Box<Message>,
    },
}
