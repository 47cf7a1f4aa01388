//! messagepickup/3.0: fetching what a mediator took in (PIK-01 to PIK-09).
//!
//! Nothing leaves a mediator's queue before its recipient says that it has it: what is delivered and
//! not acknowledged is delivered again. [`decide()`] is what a mediator answers; its host keeps the
//! queue. Live messages come in deliveries too, and stay in the queue until they are acknowledged;
//! a recipient should take bare envelopes on the same connection as well, which other mediators send
//! (PIK-08).

mod decide;

pub use decide::{Answer, Batch, Change, Connection, Decision, Queued, Situation, decide};

use comity_did::Did;
use serde::{Deserialize, Serialize};

use super::routing::is_envelope;
use super::{Body, BodyError};
use crate::{Attachment, MessageId, Plaintext, ReturnRoute};

/// Asks how much is waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRequest {
    /// For this recipient only; for all of the account if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_did: Option<Did>,
}

/// How much is waiting. Never kept for later: it would be wrong by then (PIK-02).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The recipient that was asked for, and the only one that is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_did: Option<Did>,
    /// How many messages.
    pub message_count: u64,
    /// How long the oldest has waited, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_waited_seconds: Option<u64>,
    /// When the newest came, in UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_received_time: Option<u64>,
    /// When the oldest came, in UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_received_time: Option<u64>,
    /// How many octets they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// Whether new messages come on this connection by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_delivery: Option<bool>,
}

/// Asks for messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRequest {
    /// How many at most.
    pub limit: u64,
    /// For this recipient only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_did: Option<Did>,
}

/// Says which messages have come and may go (PIK-05).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagesReceived {
    /// The ids of their attachments; at most [`MessagesReceived::MAX`] are read.
    pub message_id_list: Vec<String>,
}

/// Asks for new messages to come by themselves, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveDeliveryChange {
    /// Whether they are to.
    pub live_delivery: bool,
}

impl Body for StatusRequest {
    const TYPE: &'static str = "https://didcomm.org/messagepickup/3.0/status-request";
}

impl Body for Status {
    const TYPE: &'static str = "https://didcomm.org/messagepickup/3.0/status";
}

impl Body for DeliveryRequest {
    const TYPE: &'static str = "https://didcomm.org/messagepickup/3.0/delivery-request";
}

impl Body for MessagesReceived {
    const TYPE: &'static str = "https://didcomm.org/messagepickup/3.0/messages-received";
}

impl Body for LiveDeliveryChange {
    const TYPE: &'static str = "https://didcomm.org/messagepickup/3.0/live-delivery-change";
}

impl MessagesReceived {
    /// Ids of one message: 1,024.
    pub const MAX: usize = 1024;
}

/// What all four requests have in common: the answer comes on the same connection (PIK-09).
pub fn request<B: Body>(body: &B, id: MessageId) -> Plaintext {
    let mut message = body.message(id);
    message.return_route = ReturnRoute::All;
    message
}

/// Messages from the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The recipient that was asked for, if one was.
    pub recipient_did: Option<Did>,
    /// The messages, oldest first.
    pub messages: Vec<Delivered>,
}

/// A message from the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// What to acknowledge it by: the mediator's, and of no other meaning.
    pub id: String,
    /// The message: always an envelope.
    pub envelope: Vec<u8>,
}

#[derive(Default, Serialize, Deserialize)]
struct DeliveryBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipient_did: Option<Did>,
}

impl Body for DeliveryBody {
    const TYPE: &'static str = "https://didcomm.org/messagepickup/3.0/delivery";
}

impl Delivery {
    /// The type of the message.
    pub const TYPE: &'static str = DeliveryBody::TYPE;

    /// Messages of one delivery: 256.
    pub const MAX: usize = 256;

    /// Messages that are delivered without being asked for, in live mode.
    pub fn live(messages: Vec<Delivered>) -> Self {
        Self {
            recipient_did: None,
            messages,
        }
    }

    /// Reads a delivery: every attachment has an id of its own and is an envelope (PIK-04).
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(message: &Plaintext) -> Result<Self, BodyError> {
        let DeliveryBody { recipient_did } = DeliveryBody::read_body(message)?;
        if message.attachments.len() > Self::MAX {
            return Err(BodyError::Attachment);
        }
        let mut messages: Vec<Delivered> = Vec::new();
        for attachment in &message.attachments {
            let id = attachment.id.clone().ok_or(BodyError::Attachment)?;
            let envelope = attachment.octets().ok_or(BodyError::Attachment)?;
            let is_known = messages.iter().any(|known| known.id == id);
            if is_known || !is_envelope(&envelope) {
                return Err(BodyError::Attachment);
            }
            messages.push(Delivered {
                id,
                envelope: envelope.into_owned(),
            });
        }
        Ok(Self {
            recipient_did,
            messages,
        })
    }

    /// The delivery as a message. What it answers is its thread; live, it answers nothing.
    pub fn message(&self, id: MessageId, request: Option<&Plaintext>) -> Plaintext {
        let body = DeliveryBody {
            recipient_did: self.recipient_did.clone(),
        };
        let mut message = match request {
            Some(request) => body.answer(id, request),
            None => body.message(id),
        };
        message.attachments = self.messages.iter().map(attached).collect();
        message
    }

    /// What to say when its messages are kept: only then may the mediator forget them.
    pub fn received(&self) -> MessagesReceived {
        let ids = self.messages.iter().map(|message| message.id.clone());
        MessagesReceived {
            message_id_list: ids.collect(),
        }
    }
}

fn attached(message: &Delivered) -> Attachment {
    let mut attachment = Attachment::of_octets(message.envelope.clone());
    attachment.id = Some(message.id.clone());
    attachment
}

#[cfg(test)]
mod tests;
