//! The offline verifier: what a bundle proves to somebody who trusts neither side.
//!
//! [`verify`] needs the octets of the file and the [`Anchor`]s of whoever asks, and nothing else:
//! no node, no network, no clock. Everything is relative to the anchors, which never come from the
//! bundle.
//!
//! # What is checked, and what binds what
//! ```text
//! anchor ──> key ──signs──> message ──names itself by──> digest
//!             └───signs──> receipt ──names──> digest, and entry (origin, index, commitment)
//!                             └──carries──> checkpoint ──is signed by──> log key ──signs──>
//!                                  other checkpoints of that log ──root──> entries shown
//! ```
//! - A message counts as its sender's if its signature verifies under an `authentication` key of
//!   the sender. For did:web that key comes from a document in the bundle, which anybody could have
//!   written: the identity is [`Grade::Asserted`] unless an anchor names **the very key that
//!   signed**. That another key of the same document is anchored does not help.
//! - A document does **not** bind a log to an agent, for the same reason: its `#log` service only
//!   says which key to try. What binds is a receipt: the agent's key signs the checkpoint, log
//!   signature included, so the log key that made this signature is vouched for by the agent, with
//!   the grade of the agent's key. An anchored vkey binds the log to the agents of its own host.
//! - An entry that no such chain reaches is shown as asserted, and the verdict is *consistent* at
//!   most.
//! - A document is bound by an opened entry that names its hash: `message-in` that of the sender,
//!   `agent` the agent's own. Where an acceptance names one that is not among those shown of the
//!   same identity, one of the two was changed. A document that nothing names is listed with its
//!   hash, and only the keys in it that signed count.
//! - Whatever else is not covered by a signature or hash is either compared with something that is
//!   (`thread`, `between`, withheld digests) or shown as the claim that it is (`made_at`, `at` of
//!   documents).
//! - Each checkpoint must verify under a log key that a shown document or an anchor names: a format
//!   rule, so that a changed document cannot silently turn a checked checkpoint into an unchecked
//!   one.
//!
//! # Spec
//! `formats.md` §8; `design.md` §6.

mod anchor;
mod documents;
mod entries;
mod head;
mod keyring;
mod logs;
mod messages;
mod missing;
mod order;
mod receipts;
mod render;
mod report;
mod summary;
#[cfg(test)]
mod tests;
mod why;
mod witnessed;

pub use anchor::{Anchor, AnchorError, AnchorFileError, parse_anchors};
pub use render::Verbose;
pub use report::{
    AnchorReport, DocumentReport, EntryReport, Finding, Grade, IdentityReport, KeyReport,
    LogReport, MessageReport, OrderReport, Report, Shown, StateReport, Times, Verdict, Weight,
};
pub use why::Why;

pub(crate) use head::Head;

use crate::bundle::Bundle;

/// Verifies the file of a bundle against what the caller trusts already.
///
/// Never fails: a file that is no bundle is a broken one.
pub fn verify(octets: &[u8], anchors: &[Anchor]) -> Report {
    match Bundle::parse(octets) {
        Ok(bundle) => verify_bundle(&bundle, anchors),
        Err(error) => Report::malformed(error, anchors),
    }
}

/// As [`verify`], for a bundle that was read already.
pub fn verify_bundle(bundle: &Bundle, anchors: &[Anchor]) -> Report {
    let mut case = Case::new(bundle, anchors);
    let mut keyring = keyring::Keyring::new(&mut case);
    let mut logs = logs::Logs::new(&mut case, &keyring);
    let messages = messages::Messages::check(&mut case, &mut keyring);
    let receipts = receipts::Receipts::check(&mut case, &mut keyring, &mut logs, &messages);
    logs.check_shown(&mut case);
    let entries = entries::Entries::check(&mut case, &logs, &messages, &receipts);
    keyring.attest(&logs, &entries);
    summary::summarise(case, &keyring, &logs, &messages, &receipts, &entries)
}

/// What all checks share: the bundle, the anchors, and what was found.
struct Case<'a> {
    bundle: &'a Bundle,
    anchors: &'a [Anchor],
    findings: Vec<Finding>,
}

/// Which of the two in `thread.between`.
type Party = usize;

impl<'a> Case<'a> {
    const fn new(bundle: &'a Bundle, anchors: &'a [Anchor]) -> Self {
        Self {
            bundle,
            anchors,
            findings: Vec::new(),
        }
    }

    fn find(&mut self, pointer: impl Into<String>, why: Why) {
        self.findings.push(Finding {
            pointer: pointer.into(),
            weight: why.weight(),
            why,
        });
    }

    /// Ids are compared without regard to case (DIDComm v2.1, MSG-03).
    fn is_thread(&self, thid: &str) -> bool {
        self.bundle.thread.thid.eq_ignore_ascii_case(thid)
    }

    fn party(&self, did: &comity_did::Did) -> Option<Party> {
        self.bundle
            .thread
            .between
            .iter()
            .position(|one| one.same_subject(did))
    }
}
