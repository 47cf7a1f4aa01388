use std::sync::Arc;

use comity_did::Did;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Anchor, Why};
use crate::{
    bundle::BundleError,
    checkpoint::{LogOrigin, Vkey},
    digest::Digest,
    entry::EntryKind,
    receipt::{By, ReceiptState},
    text::Fingerprint,
    words::words,
};

/// What the verifier found, anchors first. `Display` shows it to people.
///
/// Of a broken bundle only [`Report::first_failure`] should be believed.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// What the verdict is relative to.
    pub anchors: Vec<AnchorReport>,
    /// The verdict.
    pub verdict: Verdict,
    /// When its maker says that the file was made: covered by nothing, a mere claim.
    pub made_at: Option<u64>,
    /// The thread as the file writes it, if anything that was checked confirms it.
    pub thread: Option<String>,
    /// The two identities.
    pub identities: Vec<IdentityReport>,
    /// The logs that entries or receipts name.
    pub logs: Vec<LogReport>,
    /// The messages, in the order of the bundle.
    pub messages: Vec<MessageReport>,
    /// The documents shown, and what binds each.
    pub documents: Vec<DocumentReport>,
    /// Entries that are about no listed message.
    pub other_entries: Vec<EntryReport>,
    /// What each side sent, by its numbers.
    pub order: Vec<OrderReport>,
    /// What was found, worst first, then in the order of the checks.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The first thing that makes the bundle broken, if it is.
    pub fn first_failure(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.weight == Weight::Broken)
    }

    /// 0 proved, 4 consistent, 1 broken.
    ///
    /// # Spec
    /// `formats.md` §8.
    pub const fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Proved => 0,
            Verdict::Broken => 1,
            Verdict::Consistent => 4,
        }
    }

    /// The verdict that findings lead to.
    pub(super) fn verdict_of(findings: &[Finding]) -> Verdict {
        match findings.iter().map(|finding| finding.weight).max() {
            Some(Weight::Broken) => Verdict::Broken,
            Some(Weight::Weak) => Verdict::Consistent,
            Some(Weight::Note) | None => Verdict::Proved,
        }
    }

    pub(super) fn malformed(error: BundleError, anchors: &[Anchor]) -> Self {
        let (pointer, fault) = error.into_parts();
        let why = Why::Malformed(Arc::new(fault));
        let met = |anchor: &Anchor| AnchorReport {
            anchor: anchor.clone(),
            met: false,
        };
        Self {
            anchors: anchors.iter().map(met).collect(),
            verdict: Verdict::Broken,
            made_at: None,
            thread: None,
            identities: Vec::new(),
            logs: Vec::new(),
            messages: Vec::new(),
            documents: Vec::new(),
            other_entries: Vec::new(),
            order: Vec::new(),
            findings: vec![Finding {
                pointer,
                weight: why.weight(),
                why,
            }],
        }
    }
}

/// What a bundle is worth, relative to the anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Something contradicts itself: the bundle shows nothing.
    Broken,
    /// Nothing contradicts itself; whoever made the bundle could have invented it, or part of it.
    Consistent,
    /// All that is shown is bound to what the verifier trusts.
    Proved,
}

/// How an identity is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case", tag = "grade")]
#[non_exhaustive]
pub enum Grade {
    /// The maker of this bundle says so, nobody else.
    Asserted,
    /// The identity is its key (did:key, did:peer, did:jwk): this key signed, whoever holds it.
    SelfCertifying,
    /// A witness that the verifier trusts saw the identity's own log name this key.
    Attested {
        /// By then at the latest, UTC seconds.
        before: u64,
    },
    /// The verifier gave this key.
    Anchored,
}

/// An anchor, and whether the bundle met it.
#[derive(Clone, Debug, Serialize)]
pub struct AnchorReport {
    /// The anchor.
    pub anchor: Anchor,
    /// Whether a signature in the bundle verified under it.
    pub met: bool,
}

/// One of the two that speak in the thread.
#[derive(Clone, Debug, Serialize)]
pub struct IdentityReport {
    /// The identity.
    pub did: Did,
    /// How it is known: the lowest grade of the keys it signed with.
    #[serde(flatten)]
    pub grade: Grade,
    /// The keys that it signed with.
    pub keys: Vec<KeyReport>,
}

/// A key that signed something in the bundle.
#[derive(Clone, Debug, Serialize)]
pub struct KeyReport {
    /// Its fingerprint.
    pub key: Fingerprint,
    /// How it is known.
    #[serde(flatten)]
    pub grade: Grade,
}

/// A log that entries or receipts name.
#[derive(Clone, Debug, Serialize)]
pub struct LogReport {
    /// The log.
    pub origin: LogOrigin,
    /// The key that signed its checkpoints.
    pub vkey: Vkey,
    /// How the log is known: by its anchored vkey or through an agent that vouches for it.
    #[serde(flatten)]
    pub grade: Grade,
    /// The agents whose receipts carry its checkpoints.
    pub vouched_by: Vec<Did>,
    /// The largest size of which a checkpoint is shown.
    pub size: u64,
}

/// What is known of one message.
#[derive(Clone, Debug, Serialize)]
pub struct MessageReport {
    /// Its digest.
    pub digest: Digest,
    /// What is shown of it.
    pub shown: Shown,
    /// Its id, from the message or from what was recorded of it.
    pub id: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// Its sender.
    pub from: Option<Did>,
    /// Its recipient among the two.
    pub to: Option<Did>,
    /// The key that signed it.
    pub key: Option<Fingerprint>,
    /// How that key is known to be the sender's; absent if none signed what is shown.
    #[serde(flatten)]
    pub grade: Option<Grade>,
    /// Its number in this direction of the thread.
    pub sender_order: Option<u64>,
    /// The messages that it says it was made from.
    pub causes: Vec<Digest>,
    /// What it says; absent while it is withheld.
    pub body: Option<serde_json::Value>,
    /// Its three times.
    pub times: Times,
    /// What its recipient signed, in order.
    pub states: Vec<StateReport>,
    /// What was recorded about it and is shown.
    pub entries: Vec<EntryReport>,
}

/// What is shown of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shown {
    /// The signed message.
    Signed,
    /// The unsigned plaintext.
    Unsigned,
    /// Nothing.
    Withheld,
}

/// The three times of a message, which are never mixed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// Claimed by the sender: `created_time`.
    pub claimed: Option<u64>,
    /// Stated by the recipient: the earliest that its receipts, else its bound entries, say.
    pub stated: Option<u64>,
    /// Existed before: the earliest bound by a witness that the verifier trusts.
    pub existed_before: Option<u64>,
}

/// A state that the recipient signed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StateReport {
    /// The state.
    pub state: ReceiptState,
    /// By the recipient's clock.
    pub at: u64,
    /// On whose word: `done` by the agent is *as reported by the agent*.
    pub by: By,
    /// Why.
    pub code: Option<String>,
    /// The key that signed it.
    pub key: Fingerprint,
    /// How that key is known to be the recipient's.
    #[serde(flatten)]
    pub grade: Grade,
}

/// A document that is shown.
#[derive(Clone, Debug, Serialize)]
pub struct DocumentReport {
    /// Whose.
    pub did: Did,
    /// The hash of its octets, as entries name it.
    pub hash: Digest,
    /// When its maker says that it was fetched or made: covered by nothing, a mere claim.
    pub at: u64,
    /// Whether an opened entry names it by its hash. Of one that is not bound only the keys that
    /// signed count.
    pub bound: bool,
    /// Whether it holds a key that signed, or names that of a log.
    pub needed: bool,
}

/// An entry that is shown.
#[derive(Clone, Debug, Serialize)]
pub struct EntryReport {
    /// The log.
    pub origin: LogOrigin,
    /// Its place there.
    pub index: u64,
    /// Its kind.
    pub kind: EntryKind,
    /// When it was recorded by that node's clock; `None` if the entry is not opened.
    pub at: Option<u64>,
    /// How the log is known to be that of the agent the entry is about.
    #[serde(flatten)]
    pub grade: Grade,
}

/// What one side sent to the other, by its numbers.
#[derive(Clone, Debug, Serialize)]
pub struct OrderReport {
    /// The sender.
    pub from: Did,
    /// The recipient.
    pub to: Did,
    /// The numbers that are here, as ranges.
    pub ranges: Vec<(u64, u64)>,
    /// Whether the numbers go from 1 without a gap and every message has one. The end is open:
    /// nothing shows that there was no later message.
    pub complete: bool,
}

/// One thing that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Where, as a JSON pointer into the bundle; empty for the whole.
    pub pointer: String,
    /// How much it weighs.
    pub weight: Weight,
    /// What.
    pub why: Why,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Worth knowing; takes nothing from the verdict.
    Note,
    /// Not proved to anyone.
    Weak,
    /// Contradicts itself.
    Broken,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Finding", 3)?;
        out.serialize_field("pointer", &self.pointer)?;
        out.serialize_field("weight", &self.weight)?;
        out.serialize_field("why", &self.why.text())?;
        out.end()
    }
}

words!(Verdict { Broken = "broken", Consistent = "consistent", Proved = "proved" });

words!(Weight { Note = "note", Weak = "weak", Broken = "broken" });

words!(Shown { Signed = "signed", Unsigned = "unsigned", Withheld = "withheld" });
