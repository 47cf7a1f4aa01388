//! The small protocols that DIDComm itself defines, as types.
//!
//! A protocol here is the bodies of its messages and the pure functions between them. Sending,
//! state and policy are the engine's.

pub mod basicmessage;
pub mod coordinate_mediation;
pub mod discover_features;
pub mod empty;
pub mod message_pickup;
pub mod out_of_band;
pub mod routing;
pub mod trust_ping;
pub mod user_profile;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{MessageId, MessageType, Plaintext};

/// The body of a message of one type.
pub trait Body: Serialize + DeserializeOwned {
    /// The message type, in its registered spelling (interop-trap 26).
    const TYPE: &'static str;

    /// Reads the body of a message.
    ///
    /// # Errors
    /// [`BodyError`].
    fn read_body(message: &Plaintext) -> Result<Self, BodyError> {
        if !message.type_.is(Self::TYPE) {
            return Err(BodyError::Type);
        }
        serde_json::from_value(Value::Object(message.body.clone())).map_err(|_| BodyError::Body)
    }

    /// A message with this body.
    fn message(&self, id: MessageId) -> Plaintext {
        let type_ = MessageType::parse(Self::TYPE).expect("registered types are well formed");
        let mut message = Plaintext::new(id, type_);
        message.body = match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        };
        message
    }

    /// A message with this body that answers another one: in its thread.
    fn answer(&self, id: MessageId, to: &Plaintext) -> Plaintext {
        let mut message = self.message(id);
        message.thid = Some(to.thread().clone());
        message
    }
}

/// Why a message is not one of a protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// An attachment that the message needs is missing or not usable.
    #[error("attachment is missing or of no use")]
    Attachment,
    /// The body lacks a member or has one of another type.
    #[error("body lacks a member or has one of another type")]
    Body,
    /// A header that the message needs is missing.
    #[error("header {0} is missing")]
    Header(&'static str),
    /// Another message type.
    #[error("message is of another type")]
    Type,
}
