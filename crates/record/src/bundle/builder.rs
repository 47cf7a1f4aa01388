use std::collections::{BTreeMap, BTreeSet, HashSet};

use comity_did::Did;
use comity_jose::json::{self, Limits};

use super::{Bundle, Content, MAX_BUNDLE_BYTES, ShownDocument, ShownEntry, ShownMessage, Thread};
use crate::{
    checkpoint::{LogOrigin, SignedNote},
    conversation::{self, Turn},
    digest::Digest,
    receipt::{Receipt, ReceiptError},
    verify::{self, Why},
};

/// Gathers what a thread has to show, and gives the bundle only if the verifier can check it.
#[derive(Clone, Debug)]
pub struct BundleBuilder {
    thread: Thread,
    messages: Vec<ShownMessage>,
    listed: HashSet<Digest>,
    receipts: Vec<Receipt>,
    entries: Vec<ShownEntry>,
    checkpoints: Vec<SignedNote>,
    documents: Vec<ShownDocument>,
    /// Sizes of each log for which a receipt in here carries the checkpoint.
    vouched: BTreeMap<LogOrigin, BTreeSet<u64>>,
}

impl BundleBuilder {
    /// Begins the bundle of the thread `thid` between two DIDs.
    pub fn new(thid: impl Into<String>, between: [Did; 2]) -> Self {
        Self {
            thread: Thread {
                thid: thid.into(),
                between,
            },
            messages: Vec::new(),
            listed: HashSet::new(),
            receipts: Vec::new(),
            entries: Vec::new(),
            checkpoints: Vec::new(),
            documents: Vec::new(),
            vouched: BTreeMap::new(),
        }
    }

    /// Shows a signed message: the octets of its JWS as received or sent.
    ///
    /// # Errors
    /// When the octets are no JSON.
    pub fn signed(&mut self, digest: Digest, jws: &[u8]) -> Result<(), BuildError> {
        let jws = json::parse(jws, &MESSAGE_LIMITS).map_err(BuildError::Message)?;
        self.list(digest, Content::Signed(jws));
        Ok(())
    }

    /// Shows an unsigned message by its innermost plaintext octets. It proves nothing to others,
    /// and a bundle that shows one is never *proved*.
    pub fn plaintext(&mut self, digest: Digest, octets: Vec<u8>) {
        self.list(digest, Content::Plaintext(octets));
    }

    /// Names a message without showing it. Something else in the bundle must name it too.
    pub fn withheld(&mut self, digest: Digest) {
        self.list(digest, Content::Withheld);
    }

    /// Adds a receipt for a message that is, or will be, listed.
    ///
    /// # Errors
    /// When the receipt cannot be read.
    pub fn receipt(&mut self, receipt: Receipt) -> Result<(), BuildError> {
        let opened = receipt.open().map_err(BuildError::Receipt)?;
        let head = opened.checkpoint_unverified().checkpoint_unverified();
        self.vouched
            .entry(head.origin.clone())
            .or_default()
            .insert(head.size);
        self.receipts.push(receipt);
        Ok(())
    }

    /// The newest checkpoint of a log that covers an entry and that a receipt added so far carries:
    /// a proof at this size needs no further checkpoint in the bundle.
    pub fn vouched_size(&self, origin: &LogOrigin, index: u64) -> Option<u64> {
        self.vouched
            .get(origin)?
            .range(index.checked_add(1)?..)
            .next_back()
            .copied()
    }

    /// Whether a receipt added so far vouches for the key of a log. Entries of other logs stay
    /// asserted to whoever has no vkey of theirs, and keep the verdict from *proved*.
    pub fn vouches_for(&self, origin: &LogOrigin) -> bool {
        self.vouched.contains_key(origin)
    }

    /// Shows an entry, with the checkpoint that its path leads to.
    pub fn entry(&mut self, entry: ShownEntry, checkpoint: &SignedNote) {
        self.entries.push(entry);
        self.checkpoint(checkpoint);
    }

    /// Shows a checkpoint.
    pub fn checkpoint(&mut self, checkpoint: &SignedNote) {
        if !self.checkpoints.contains(checkpoint) {
            self.checkpoints.push(checkpoint.clone());
        }
    }

    /// Adds a document as it was at `at`. Each DID that is not self-certifying and signed something
    /// needs the one that holds its key, and each log the one that names its vkey; several for one
    /// DID are several states of it.
    pub fn document(&mut self, did: Did, octets: Vec<u8>, at: u64) {
        let known = |known: &ShownDocument| known.did == did && known.octets == octets;
        if !self.documents.iter().any(known) {
            self.documents.push(ShownDocument { did, octets, at });
        }
    }

    /// Gives the bundle, made at `now`, its messages in the order of the conversation.
    ///
    /// # Errors
    /// [`BuildError`] when the verifier would call it broken, or it is too large to be read: nobody
    /// hands over a file that accuses its maker by mistake. Where it is the peer that contradicts
    /// itself, see [`BundleBuilder::build_as_it_is`].
    pub fn build(self, now: u64) -> Result<Bundle, BuildError> {
        let bundle = self.build_as_it_is(now);
        let octets = bundle.to_octets();
        if octets.len() > MAX_BUNDLE_BYTES {
            return Err(BuildError::TooLarge(octets.len()));
        }
        let report = verify::verify(&octets, &[]);
        match report.first_failure() {
            Some(failure) => {
                let (pointer, why) = (failure.pointer.clone(), Box::new(failure.why.clone()));
                Err(BuildError::Broken { pointer, why })
            }
            None => Ok(bundle),
        }
    }

    /// Gives the bundle unchecked, made at `now`.
    ///
    /// For evidence against a peer who signed what cannot both be so, two ends of one message or two
    /// histories of one log: the verifier calls it broken and points at the contradiction.
    pub fn build_as_it_is(self, now: u64) -> Bundle {
        Bundle {
            made_at: now,
            thread: self.thread,
            messages: in_order(self.messages),
            receipts: self.receipts,
            entries: self.entries,
            checkpoints: self.checkpoints,
            documents: self.documents,
        }
    }

    fn list(&mut self, digest: Digest, content: Content) {
        if self.listed.insert(digest) {
            self.messages.push(ShownMessage { digest, content });
        }
    }
}

/// Questions above their answers, in whatever order they were added.
fn in_order(messages: Vec<ShownMessage>) -> Vec<ShownMessage> {
    let heads: Vec<_> = messages.iter().map(|one| one.content.head()).collect();
    let turns: Vec<_> = messages
        .iter()
        .zip(&heads)
        .map(|(message, head)| Turn {
            digest: message.digest,
            opens: head.as_ref().is_some_and(|head| head.id == head.thid),
            causes: head.as_ref().map_or(&[][..], |head| &head.causes),
            sender: head.as_ref().and_then(|head| head.from.as_ref()),
            number: head.as_ref().and_then(|head| head.sender_order),
            time: head.as_ref().and_then(|head| head.created_time),
        })
        .collect();
    let order = conversation::order(&turns);
    let mut messages: Vec<_> = messages.into_iter().map(Some).collect();
    let taken = order.into_iter().map(|n| messages.get_mut(n)?.take());
    taken.flatten().collect()
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The verifier would refuse it.
    #[error("the bundle would be broken at {pointer}")]
    Broken {
        /// The member, as a JSON pointer.
        pointer: String,
        /// Why.
        #[source]
        why: Box<Why>,
    },
    /// A message is no JSON.
    #[error("a message is no JSON")]
    Message(#[source] json::JsonError),
    /// A receipt cannot be read.
    #[error("a receipt cannot be read")]
    Receipt(#[source] ReceiptError),
    /// The file would be larger than any that is read.
    #[error("the bundle would have {0} octets, more than {MAX_BUNDLE_BYTES}")]
    TooLarge(usize),
}

const MESSAGE_LIMITS: Limits = Limits {
    bytes: MAX_BUNDLE_BYTES,
    depth: 32,
    members: 65_536,
};
