//! What a Comity node can prove, and how anybody checks it.
//!
//! This crate is the record without a database: what is hashed, signed and shown, as pure values.
//! It reads no clock, opens no file and signs nothing itself: keys may live elsewhere, so whatever
//! needs a signature hands out the octets to sign and takes the signature back. It is also the
//! whole of the offline verifier, which needs no node.
//!
//! # The pieces
//! - [`Digest`] names a message; [`labelled`], [`grant_id`] and [`approval_digest`] name the rest.
//! - [`Record`] is what happened, [`Entry`] the record with its hiding octets, [`Leaf`] what stands
//!   of it on the [`tree`].
//! - [`Checkpoint`] and [`SignedNote`] are the log's signed heads, [`Vkey`] who signs them.
//! - [`Statement`] and [`Receipt`] are what a recipient signs about a message.
//! - [`Bundle`] shows a thread to a stranger; [`verify`](verify()) says what it proves relative to
//!   the stranger's [`Anchor`]s.
//! - [`reconcile`](reconcile()) lays two records side by side; [`trace`](trace()) follows what was
//!   made from what.
//!
//! # What it does not do
//! It does not fetch documents or checkpoints, judge whether a peer may do something, or keep
//! anything. A witness's cosignature is read, none is made. did:webvh histories are not read here,
//! so an SCID is no anchor.
//!
//! # Example
//! ```
//! use comity_jose::{Curve, SigningKey, SystemEntropy};
//! use comity_record::{
//!     Checkpoint, Entry, Event, LogOrigin, Record, Verdict, Vkey,
//!     entry::LogStarted,
//!     tree::{self, Tree},
//!     verify,
//! };
//!
//! // A log begins.
//! let key = SigningKey::generate(&SystemEntropy);
//! let origin = LogOrigin::new("agents.org-b.test", [0x5f, 0x3c, 0x9a, 0x1e])?;
//! let vkey = Vkey::log(origin.clone(), key.public().clone())?;
//! let started = LogStarted {
//!     node: "agents.org-b.test".into(),
//!     previous: String::new(),
//!     reason: "first".into(),
//! };
//! let record = Record { at: 1_795_404_926, event: Event::Start(started) };
//! let entry = Entry::seal(&record, &SystemEntropy)?;
//! let mut log = Tree::default();
//! log.append(entry.leaf().hash());
//!
//! // Whoever holds the key signs its head.
//! let head = Checkpoint { origin, size: log.size(), root: log.root() };
//! let signature = key.sign(head.body().as_bytes());
//! let note = head.into_note(&vkey, &signature)?;
//!
//! // Whoever has the vkey checks that the entry is in it.
//! let head = note.verify(&vkey)?;
//! let path = tree::inclusion(0, head.size, &log)?;
//! tree::verify_inclusion(&entry.leaf().hash(), 0, head.size, &path, &head.root)?;
//!
//! // What is no bundle is a broken one.
//! assert_eq!(verify(b"{}", &[]).verdict, Verdict::Broken);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Specifications
//! RFC 9162 (tree hashing and proofs, those of RFC 6962), C2SP `signed-note`, `tlog-checkpoint` and
//! `tlog-cosignature`, RFC 7515 (receipts), RFC 7638 (fingerprints), RFC 8785 (grants and
//! approvals), and Comity's own formats, cited as `formats.md`.

pub mod bundle;
pub mod checkpoint;
mod conversation;
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
