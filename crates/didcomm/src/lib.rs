#![doc = include_str!("../README.md")]

mod id;
mod message_type;
mod pack;
mod party;
mod plaintext;
mod rotate;
mod unpack;

#[doc(inline)]
pub use comity_did as did;
#[doc(inline)]
pub use comity_jose as jose;

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
pub use party::{Packing, Party, PartyError, Protection};
pub use plaintext::{
    Attachment, AttachmentError, ContentError, ContentSigner, Data, Plaintext, PlaintextError,
    PleaseAck, ReturnRoute,
};
pub use problem::{ProblemCode, ProblemReport};
pub use rotate::rotation_input;
pub use unpack::{
    AddressingError, Claim, Class, FromPrior, FromPriorError, Layer, Proof, Received,
    SignedEvidence, Step, Unpack, UnpackError, UnpackOptions, Warning, unpack_offline,
    verify_signed,
};
