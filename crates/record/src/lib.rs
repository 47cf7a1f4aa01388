//! What a Comity node can prove: digests, entries, Merkle tree, checkpoints, receipts, evidence
//! bundles and their offline verifier.

pub mod bundle;
pub mod checkpoint;
pub mod digest;
pub mod entry;
pub mod receipt;
pub mod reconcile;
#[cfg(test)]
mod testing;
mod text;
pub mod trace;
pub mod tree;
pub mod verify;
mod wire;
mod words;

pub use bundle::{Bundle, BundleBuilder};
pub use checkpoint::{Checkpoint, LogOrigin, SignedNote, Vkey};
pub use digest::{
    Approval, ApprovalVouch, Digest, Pin, approval_digest, grant_id, labelled,
    message_digest_plain, message_digest_signed,
};
pub use entry::{Commitment, Entry, EntryKind, Event, Leaf, Record};
pub use receipt::{Receipt, ReceiptState, Statement};
pub use reconcile::{Reconciliation, Side, reconcile};
pub use text::{Fingerprint, FingerprintError};
pub use trace::{Trace, TracedMessage, trace};
pub use verify::{Anchor, Grade, Report, Verdict, verify};
pub use wire::{ReadError, Unsupported};
