//! DIDComm v2.1 messages: pack, unpack and the small protocols, without I/O.

mod id;
mod message_type;
mod pack;
mod plaintext;
mod unpack;

pub mod ack;
pub mod media_type;
pub mod problem;
pub mod protocols;

pub use id::{MessageId, MessageIdError};
pub use message_type::{MessageType, MessageTypeError, ProtocolUri, Version};
pub use pack::{
    PackError, agreement_targets, agreement_targets_on, anoncrypt, anoncrypt_to, authcrypt, sign,
    signing_input, signing_input_for,
};
pub use plaintext::{
    Attachment, AttachmentError, Data, Plaintext, PlaintextError, PleaseAck, ReturnRoute,
};
pub use problem::{ProblemCode, ProblemReport};
pub use unpack::{
    AddressingError, Claim, Class, FromPrior, FromPriorError, Layer, Proof, Received,
    SignedEvidence, Step, Unpack, UnpackError, UnpackOptions, Warning, unpack_offline,
};
