//! DIDComm v2.1 messages: pack, unpack and the small protocols, without I/O.

mod id;
mod message_type;

pub mod media_type;

pub use id::{MessageId, MessageIdError};
pub use message_type::{MessageType, MessageTypeError, ProtocolUri, Version};

use comity_jose::jws::SigningInput;

/// The octets to sign for a message (placeholder path; see `pack`).
pub fn signing_input(plaintext: &[u8]) -> SigningInput {
    SigningInput::new(
        br#"{"typ":"application/didcomm-signed+json","alg":"EdDSA"}"#,
        plaintext,
    )
}
