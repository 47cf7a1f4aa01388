//! What a mediator answers.

use comity_did::{Did, DidUrl};

use super::{
    Delivered, Delivery, DeliveryRequest, LiveDeliveryChange, MessagesReceived, Status,
    StatusRequest,
};
use crate::problem::{ProblemCode, ProblemReport};
use crate::protocols::coordinate_mediation::{NO_GRANT, UNPROVED, account};
use crate::protocols::{Body as _, BodyError};
use crate::{MessageId, Plaintext, Proof};

/// What a mediator knows when a request comes in.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What the envelope proves. The account is that of
    /// [`account`](crate::protocols::coordinate_mediation::account) (MED-01).
    pub proof: &'a Proof,
    /// What waits for all recipients of the account, each with a copy of its own (PIK-06); `None` if
    /// it has no grant.
    pub queue: Option<&'a [Queued]>,
    /// What the request came by.
    pub connection: Connection,
    /// In UTC seconds.
    pub now: u64,
    /// Octets of envelopes that one delivery may hold; one message may always be larger.
    pub delivery_bytes: u64,
}

/// What is known of a message in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Unique for this mediator, and of no meaning to others: unreserved characters (ATT-03).
    pub id: String,
    /// Whom it is for, as that was registered.
    pub recipient: DidUrl,
    /// Its octets.
    pub bytes: u64,
    /// When it came, in UTC seconds.
    pub received_time: u64,
}

/// What a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connection {
    /// One that lasts, such as a WebSocket.
    Lasting {
        /// Whether new messages are sent on it as they come.
        live: bool,
    },
    /// One that ends with the answer, such as an HTTP request.
    Single,
}

impl Connection {
    /// A new one that lasts: nothing comes on it unasked, whatever was before (PIK-07).
    pub const fn lasting() -> Self {
        Self::Lasting { live: false }
    }

    /// Whether new messages are sent on it as they come. They stay in the queue until they are
    /// acknowledged (PIK-08).
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Lasting { live: true })
    }
}

/// What a mediator does about a request: first it keeps the changes, then it answers, on the
/// connection that the request came by or not at all (PIK-02).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// What it says.
    pub answer: Answer,
    /// What changes.
    pub changes: Vec<Change>,
}

/// What a mediator says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// A delivery of these messages, whose envelopes the host reads.
    Deliver(Batch),
    /// That there is a problem.
    Problem(ProblemCode),
    /// How much is waiting.
    Status(Status),
}

/// The messages of a delivery; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// The recipient that was asked for, if one was.
    pub recipient_did: Option<Did>,
    /// Their ids, oldest first.
    pub ids: Vec<String>,
}

/// What changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// New messages are sent on this connection as they come, or no longer.
    Live(bool),
    /// The recipient has these: they leave the queue.
    Remove(Vec<String>),
}

impl Batch {
    /// The delivery, when the envelopes have been read. A message that is gone by now is left out.
    pub fn delivery(&self, envelope: impl Fn(&str) -> Option<Vec<u8>>) -> Delivery {
        let read = |id: &String| {
            Some(Delivered {
                id: id.clone(),
                envelope: envelope(id)?,
            })
        };
        Delivery {
            recipient_did: self.recipient_did.clone(),
            messages: self.ids.iter().filter_map(read).collect(),
        }
    }
}

impl Answer {
    /// The answer as a message; `envelope` reads a message of the queue. `None` if there is nothing
    /// to say, as about a problem report.
    pub fn message(
        &self,
        id: MessageId,
        request: &Plaintext,
        envelope: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Option<Plaintext> {
        match self {
            Self::Deliver(batch) => Some(batch.delivery(envelope).message(id, Some(request))),
            Self::Problem(code) => ProblemReport::new(code.clone()).about(request, id),
            Self::Status(status) => Some(status.answer(id, request)),
        }
    }
}

/// Decides about a request.
///
/// # Errors
/// [`BodyError`] if the message is no request.
pub fn decide(request: &Plaintext, situation: &Situation<'_>) -> Result<Decision, BodyError> {
    let asked = Request::read(request)?;
    if account(situation.proof).is_none() {
        return Ok(problem(UNPROVED));
    }
    let Some(queue) = situation.queue else {
        return Ok(problem(NO_GRANT));
    };
    let mut queue: Vec<&Queued> = queue.iter().collect();
    queue.sort_by_key(|queued| queued.received_time);
    Ok(match asked {
        Request::Delivery(asked) => deliver(asked, queue, situation),
        Request::Live(LiveDeliveryChange { live_delivery }) => {
            live(live_delivery, &queue, situation)
        }
        Request::Received(MessagesReceived { message_id_list }) => {
            let is_named = |queued: &&Queued| message_id_list.contains(&queued.id);
            let (gone, left): (Vec<_>, Vec<_>) = queue.into_iter().partition(is_named);
            let ids: Vec<String> = gone.into_iter().map(|queued| queued.id.clone()).collect();
            let status = status(None, &left, situation.connection, situation.now);
            Decision {
                answer: Answer::Status(status),
                changes: match ids.is_empty() {
                    true => Vec::new(),
                    false => vec![Change::Remove(ids)],
                },
            }
        }
        Request::Status(StatusRequest { recipient_did }) => {
            keep(&mut queue, recipient_did.as_ref());
            status(recipient_did, &queue, situation.connection, situation.now).into()
        }
    })
}

/// A request of any type.
enum Request {
    Delivery(DeliveryRequest),
    Live(LiveDeliveryChange),
    Received(MessagesReceived),
    Status(StatusRequest),
}

impl Request {
    fn read(message: &Plaintext) -> Result<Self, BodyError> {
        let is = |type_: &str| message.type_.is(type_);
        if is(DeliveryRequest::TYPE) {
            DeliveryRequest::read_body(message).map(Self::Delivery)
        } else if is(LiveDeliveryChange::TYPE) {
            LiveDeliveryChange::read_body(message).map(Self::Live)
        } else if is(MessagesReceived::TYPE) {
            let received = MessagesReceived::read_body(message)?;
            if received.message_id_list.len() > MessagesReceived::MAX {
                return Err(BodyError::Body);
            }
            Ok(Self::Received(received))
        } else {
            StatusRequest::read_body(message).map(Self::Status)
        }
    }
}

/// Up to the limit, oldest first; the status at once if there is nothing (PIK-03).
fn deliver(asked: DeliveryRequest, mut queue: Vec<&Queued>, situation: &Situation<'_>) -> Decision {
    let DeliveryRequest {
        limit,
        recipient_did,
    } = asked;
    keep(&mut queue, recipient_did.as_ref());
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut bytes = 0_u64;
    let fits = |queued: &&&Queued| {
        let is_first = bytes == 0;
        bytes = bytes.saturating_add(queued.bytes.max(1));
        is_first || bytes <= situation.delivery_bytes
    };
    let batch = queue.iter().take(limit.min(Delivery::MAX)).take_while(fits);
    let ids: Vec<String> = batch.map(|queued| queued.id.clone()).collect();
    if ids.is_empty() {
        return status(recipient_did, &queue, situation.connection, situation.now).into();
    }
    Answer::Deliver(Batch { recipient_did, ids }).into()
}

/// Only where the connection lasts; what waits already is not sent by it (PIK-07).
fn live(wanted: bool, queue: &[&Queued], situation: &Situation<'_>) -> Decision {
    let connection = match situation.connection {
        Connection::Single if wanted => return problem(NOT_LIVE),
        Connection::Single => Connection::Single,
        Connection::Lasting { .. } => Connection::Lasting { live: wanted },
    };
    let is_changed = connection != situation.connection;
    Decision {
        answer: Answer::Status(status(None, queue, connection, situation.now)),
        changes: match is_changed {
            true => vec![Change::Live(wanted)],
            false => Vec::new(),
        },
    }
}

/// Leaves what is for one recipient, if one is asked for.
fn keep(queue: &mut Vec<&Queued>, recipient: Option<&Did>) {
    if let Some(asked) = recipient {
        queue.retain(|queued| queued.recipient.did().same_subject(asked));
    }
}

/// The status of what waits, oldest first.
fn status(
    recipient_did: Option<Did>,
    queue: &[&Queued],
    connection: Connection,
    now: u64,
) -> Status {
    let oldest = queue.first().map(|queued| queued.received_time);
    let bytes = queue.iter().map(|queued| queued.bytes);
    Status {
        recipient_did,
        message_count: queue.len() as u64,
        longest_waited_seconds: oldest.map(|oldest| now.saturating_sub(oldest)),
        newest_received_time: queue.last().map(|queued| queued.received_time),
        oldest_received_time: oldest,
        total_bytes: Some(bytes.fold(0, u64::saturating_add)),
        live_delivery: Some(connection.is_live()),
    }
}

impl From<Answer> for Decision {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            changes: Vec::new(),
        }
    }
}

impl From<Status> for Decision {
    fn from(status: Status) -> Self {
        Answer::Status(status).into()
    }
}

fn problem(code: &str) -> Decision {
    let code = ProblemCode::parse(code).expect("our codes are well formed");
    Answer::Problem(code).into()
}

/// The connection ends with the answer.
const NOT_LIVE: &str = "e.m.live-mode-not-supported";
