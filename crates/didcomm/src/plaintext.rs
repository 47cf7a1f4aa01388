//! The plaintext message: read strictly, written once.
//!
//! A [`Plaintext`] that exists satisfies every rule of MSG and ATT that needs no context. Who
//! wrote it, and whether it is addressed to its reader, is the business of [`crate::Unpack`].

mod attachment;
mod read;
mod write;

pub use attachment::{Attachment, AttachmentError, ContentError, ContentSigner, Data};

use comity_did::Did;
use comity_jose::SystemEntropy;
use comity_jose::json::JsonError;
use serde_json::{Map, Value};

use crate::{MessageId, MessageType};

/// A message without any protection.
///
/// # Spec
/// DIDComm v2.1 §"Plaintext Message Structure"; MSG-01 to MSG-16.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plaintext {
    /// Unique for the sender; compared without regard to case.
    pub id: MessageId,
    /// What the message is (`type`).
    pub type_: MessageType,
    /// Who says to have sent it: proved by nothing here.
    pub from: Option<Did>,
    /// Whom it is for; empty if the header is absent, and then its reader is the only recipient.
    pub to: Vec<Did>,
    /// The thread, if it is not the message's own id; see [`Plaintext::thread`].
    pub thid: Option<MessageId>,
    /// The thread this one grew out of.
    pub pthid: Option<MessageId>,
    /// When it was made, in UTC seconds.
    pub created_time: Option<u64>,
    /// When its sender takes it for expired, in UTC seconds.
    pub expires_time: Option<u64>,
    /// What it says; empty if absent.
    pub body: Map<String, Value>,
    /// What comes with it.
    pub attachments: Vec<Attachment>,
    /// The messages that the sender would like to see acknowledged.
    pub please_ack: Vec<PleaseAck>,
    /// The messages it acknowledges, oldest first.
    pub ack: Vec<MessageId>,
    /// The language of the human text in the body.
    pub lang: Option<String>,
    /// The languages its sender would like, best first (`accept-lang`).
    pub accept_lang: Vec<String>,
    /// A rotation of the sender's DID, as a compact JWT; unverified.
    pub from_prior: Option<String>,
    /// Whether replies may come back on the connection the message came by.
    pub return_route: ReturnRoute,
    /// The thread that [`ReturnRoute::Thread`] is about.
    pub return_route_thread: Option<MessageId>,
    /// All other headers, ours and those nobody knows.
    pub extra: Map<String, Value>,
}

/// A message that is to be acknowledged (ACK-01).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PleaseAck {
    /// The message that asks: an empty string on the wire.
    This,
    /// Another one.
    Message(MessageId),
}

/// Where replies may go (return-route extension; TRN-07).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReturnRoute {
    /// To the sender's endpoint only.
    #[default]
    None,
    /// Over the connection, any message.
    All,
    /// Over the connection, messages of one thread.
    Thread,
}

/// Octets that are not a plaintext message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaintextError {
    /// An attachment breaks a rule.
    #[error("attachment {index} is refused")]
    Attachment {
        /// Which, from 0.
        index: usize,
        /// Why.
        #[source]
        source: AttachmentError,
    },
    /// `from` or a member of `to` is no DID, or has a fragment (MSG-06, MSG-07).
    #[error("header {0} is not a DID without fragment")]
    Did(&'static str),
    /// A header has another type than it must have (MSG-01).
    #[error("header {0} has the wrong type")]
    Header(&'static str),
    /// A header that is a message id and is not one (MSG-02, MSG-09).
    #[error("header {0} is not a message id")]
    Id(&'static str),
    /// Not JSON as we read it.
    #[error("message is not readable json")]
    Json(#[source] JsonError),
    /// A required header is absent.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// Not a JSON object.
    #[error("message is not a json object")]
    NotAnObject,
    /// `created_time` or `expires_time` is not a whole number of UTC seconds (TIM-01).
    #[error("header {0} is not a whole number of seconds")]
    Time(&'static str),
    /// `typ` names another format (ENV-06).
    #[error("typ names another format than plaintext")]
    Typ,
    /// `type` is not a message-type URI (MSG-04).
    #[error("type is not a message-type uri")]
    Type(#[source] crate::MessageTypeError),
}

impl Plaintext {
    /// A message of a type, with a new id and nothing else.
    ///
    /// # Errors
    /// [`MessageTypeError`](crate::MessageTypeError) if `type_` is no message-type URI.
    pub fn of_type(type_: &str) -> Result<Self, crate::MessageTypeError> {
        let id = MessageId::generate(&SystemEntropy);
        Ok(Self::new(id, MessageType::parse(type_)?))
    }

    /// A message of a type that answers `other`: with a new id, in its thread (THR-01).
    ///
    /// # Errors
    /// [`MessageTypeError`](crate::MessageTypeError) if `type_` is no message-type URI.
    pub fn answer_to(other: &Self, type_: &str) -> Result<Self, crate::MessageTypeError> {
        let mut answer = Self::of_type(type_)?;
        answer.thid = Some(other.thread().clone());
        Ok(answer)
    }

    /// A message with these two headers and nothing else.
    pub fn new(id: MessageId, type_: MessageType) -> Self {
        Self {
            id,
            type_,
            from: None,
            to: Vec::new(),
            thid: None,
            pthid: None,
            created_time: None,
            expires_time: None,
            body: Map::new(),
            attachments: Vec::new(),
            please_ack: Vec::new(),
            ack: Vec::new(),
            lang: None,
            accept_lang: Vec::new(),
            from_prior: None,
            return_route: ReturnRoute::None,
            return_route_thread: None,
            extra: Map::new(),
        }
    }

    /// The thread the message belongs to: `thid`, or else its own id (THR-01).
    ///
    /// Threads are scoped to the two parties: equal ids of other peers are other threads (THR-03).
    pub fn thread(&self) -> &MessageId {
        self.thid.as_ref().unwrap_or(&self.id)
    }

    /// Whether the message names `did` as a recipient, in whatever form (ADR-04).
    pub fn is_to(&self, did: &Did) -> bool {
        self.to.iter().any(|to| to.same_subject(did))
    }
}

#[cfg(test)]
mod tests;
