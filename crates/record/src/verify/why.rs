use std::{error::Error, fmt::Write as _, sync::Arc};

use comity_did::{Did, DidUrl, DocumentError};
use comity_jose::jws::JwsError;

use super::Weight;
use crate::{
    bundle::Fault,
    checkpoint::{LogOrigin, NoteError},
    digest::Digest,
    receipt::{ReceiptError, ReceiptState},
    text::Fingerprint,
    tree::ProofInvalid,
    wire::ReadError,
};

/// One thing that the verifier found, worst first.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    // ── broken: two things in the bundle contradict each other, or one contradicts the format ──
    /// The file, or a member of it, is not as the format says.
    #[error("not as the format says")]
    Malformed(#[source] Arc<Fault>),
    /// The bundle lists no message.
    #[error("the bundle lists no message")]
    Empty,
    /// The same digest is listed twice.
    #[error("the message is listed before")]
    DuplicateMessage,
    /// The message's JWS cannot be read.
    #[error("the signed message cannot be read")]
    Jws(#[source] Arc<JwsError>),
    /// The JWS is a signature of another kind than those of messages.
    #[error("the signature is of another kind than those of messages")]
    MessageTyp,
    /// The digest listed is not that of the message shown.
    #[error("the digest is not that of the message shown: one of them was changed")]
    MessageDigest,
    /// The message's plaintext cannot be read.
    #[error("the message's plaintext cannot be read")]
    Plaintext,
    /// The message is of another thread.
    #[error("the message is of another thread")]
    OtherThread,
    /// Sender or recipient is not one of the two that the bundle is about.
    #[error("sender or recipient is not one of those that the bundle is about")]
    OtherParty,
    /// The key that is said to have signed is not the sender's.
    #[error("the key that is said to have signed is not the sender's")]
    SignerNotSender,
    /// A withheld message that nothing else in the bundle names.
    #[error("the message is withheld, and nothing in the bundle names it")]
    UnnamedMessage,
    /// A receipt or entry is about a message that is not listed.
    #[error("it is about message {0}, which is not listed")]
    UnlistedMessage(Digest),
    /// Nothing in the bundle comes from or goes to one of the two.
    #[error("nothing in the bundle comes from or goes to {0}")]
    UnconfirmedParty(Did),
    /// A document cannot be read.
    #[error("the document cannot be read")]
    Document(#[source] Arc<DocumentError>),
    /// The `#log` service of a document is malformed.
    #[error("the document's log service is malformed")]
    LogService,
    /// No document is shown for an identity that needs one.
    #[error("no document of {0} is shown, so its signatures cannot be checked")]
    NoDocument(Did),
    /// No document shown has this authentication key.
    #[error("no document shown has the authentication key {0}")]
    NoKey(DidUrl),
    /// The documents shown give one key id too many keys.
    #[error("the documents shown give {0} too many different keys")]
    TooManyKeys(DidUrl),
    /// The signature does not verify.
    #[error("the signature does not verify under the key of {0}: octets or key were changed")]
    Signature(Did),
    /// A receipt cannot be read.
    #[error("the receipt cannot be read")]
    Receipt(#[source] Arc<ReceiptError>),
    /// A receipt states something else than the message says.
    #[error("the receipt's {0} is not that of the message")]
    ReceiptDiffers(&'static str),
    /// The recipient signed two things that exclude each other.
    #[error("the recipient signed both {0} and {1} for one message")]
    StatesContradict(ReceiptState, ReceiptState),
    /// Two receipts name different things at one place of the log, or two places for one message.
    #[error("another receipt names another entry for this message, or another message there")]
    ReceiptsContradict,
    /// No document or anchor names the key of a log.
    #[error("no document or anchor names the key of log {0}, so its checkpoints cannot be checked")]
    NoLogKey(LogOrigin),
    /// A checkpoint does not verify.
    #[error("the checkpoint does not verify")]
    Checkpoint(#[source] NoteError),
    /// One log signed two different histories.
    #[error("log {0} signed two different roots for size {1}: it showed two histories")]
    Fork(LogOrigin, u64),
    /// Checkpoints of one log are signed by different keys.
    #[error("checkpoints of log {0} are signed by different keys")]
    SeveralLogKeys(LogOrigin),
    /// The cosignature of a witness does not verify.
    #[error("the cosignature of a witness that you trust does not verify")]
    Cosignature(#[source] NoteError),
    /// No checkpoint of the size that a proof is for.
    #[error("no checkpoint of log {0} at size {1} is shown")]
    NoCheckpoint(LogOrigin, u64),
    /// The proof of inclusion fails.
    #[error("the entry is not under the checkpoint")]
    Inclusion(#[source] ProofInvalid),
    /// `r` and `record` are not what the leaf commits to.
    #[error("the record is not the one that the leaf commits to: it was changed")]
    Commitment,
    /// A record cannot be read.
    #[error("the record cannot be read")]
    Record(#[source] Arc<ReadError>),
    /// Leaf and record are of different kinds.
    #[error("the record is of another kind than its leaf")]
    RecordKind,
    /// `start` is not at 0, or something else is.
    #[error("a log begins with `start`, and nothing else is one")]
    StartMisplaced,
    /// Two entries are shown at one place of a log.
    #[error("another entry is shown at the same place of the log")]
    EntriesDiffer,
    /// A record says something else than the message or receipt it is about.
    #[error("the record's {0} is not what is signed")]
    EntryDiffers(&'static str),

    /// The record names another document of this identity than those shown.
    #[error("the record names another document of {0} than is shown: one of them was changed")]
    DocumentDiffers(Did),

    // ── weak: consistent, but not proved to anyone ──
    /// The verifier gave no anchor that the bundle could be measured by.
    #[error("no anchor of yours was met: without one nothing is proved to anyone")]
    NoAnchor,
    /// The verifier knows another key of this identity.
    #[error(
        "the key that you gave for {did} is {given}; this file was signed with {signed} as {did}: \
         either yours is wrong or the file is"
    )]
    AnchorMismatch {
        /// The identity.
        did: Did,
        /// The key that signed.
        signed: Fingerprint,
        /// The digits that the verifier has.
        given: String,
    },
    /// Nothing but the maker of the bundle says that this identity exists.
    #[error("{0} is asserted by the maker of this bundle only: give an anchor for it")]
    Asserted(Did),
    /// An identity that signed nothing here.
    #[error("{0} signed nothing in this bundle")]
    NothingSigned(Did),
    /// An unsigned message.
    #[error("the message is not signed: it proves nothing to others")]
    Unsigned,
    /// A signature that does not say that it is one of a message.
    #[error("the signature does not say that it is one of a message")]
    Untyped,
    /// An entry of a log that nobody vouches for.
    #[error("nothing that you trust binds log {0} to the agent the entry is about")]
    UnboundEntry(LogOrigin),

    // ── notes: proved or not, worth knowing ──
    /// A message is listed and not shown.
    #[error("the message is withheld")]
    Withheld,
    /// Numbers are missing in what one side sent.
    #[error("messages {1} to {2} of {0} in this thread are not here")]
    OrderGap(Did, u64, u64),
    /// Two messages have one number.
    #[error("{0} numbered two different messages {1}")]
    SameOrder(Did, u64),
    /// Messages without numbers: nothing shows whether some are missing.
    #[error("messages of {0} carry no numbers: nothing shows whether some are missing")]
    Unnumbered(Did),
    /// An agent's node recorded a reply that is not listed.
    #[error("{0} recorded a reply that is not in this file: message {1}")]
    ReplyNotShown(Did, Digest),
    /// A document that no record shown names.
    #[error("no record shown names this document of {0}: only the keys in it that signed count")]
    DocumentUnbound(Did),
    /// The entry that a receipt names is not shown.
    #[error("the entry {1} of log {0} that the receipt names is not shown")]
    EntryNotShown(LogOrigin, u64),
}

impl Why {
    /// How much it weighs.
    pub const fn weight(&self) -> Weight {
        match self {
            Self::NoAnchor
            | Self::AnchorMismatch { .. }
            | Self::Asserted(_)
            | Self::NothingSigned(_)
            | Self::Unsigned
            | Self::Untyped
            | Self::UnboundEntry(_) => Weight::Weak,
            Self::Withheld
            | Self::OrderGap(..)
            | Self::SameOrder(..)
            | Self::Unnumbered(_)
            | Self::ReplyNotShown(..)
            | Self::DocumentUnbound(_)
            | Self::EntryNotShown(..) => Weight::Note,
            _ => Weight::Broken,
        }
    }

    /// The text with its causes, for people.
    pub fn text(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        text
    }
}
