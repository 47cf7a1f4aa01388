//! Acknowledgements: which messages are owed one (ACK-01 to ACK-05).

use crate::protocols::Body as _;
use crate::protocols::empty::Empty;
use crate::{MessageId, Plaintext, PleaseAck};

/// Whether the message does nothing but acknowledge. Such a message is never answered, and never
/// asks for an answer (ACK-03).
pub fn is_pure(message: &Plaintext) -> bool {
    !message.ack.is_empty() && message.type_.is(Empty::TYPE)
}

/// The messages to acknowledge in the next message to the sender of `message`: those it asks for
/// and itself, oldest first (ACK-02). Nothing if it does not ask, or is itself an acknowledgement.
///
/// `received` are the ids received from that sender, in order; ids it does not hold are none of
/// our business.
pub fn owed(message: &Plaintext, received: &[MessageId]) -> Vec<MessageId> {
    if message.please_ack.is_empty() || is_pure(message) {
        return Vec::new();
    }
    let asked = |id: &MessageId| message.please_ack.contains(&PleaseAck::Message(id.clone()));
    let earlier = received
        .iter()
        .filter(|id| **id != message.id && asked(id))
        .cloned();
    earlier.chain([message.id.clone()]).collect()
}
