//! Two records side by side: what one has and the other lacks, and where they contradict.
//!
//! A [`Side`] is what one node shows: bundles, entries, receipts. [`reconcile`] compares two of
//! them and judges nobody: a [`Missing`] may be lost, erased, withheld or still on its way, a
//! [`Contradiction`] means that one of the two says what is not so. Neither verifies signatures;
//! verify bundles first, with [`verify`](crate::verify::verify).

mod side;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use comity_did::Did;
use serde::Serialize;

use side::Facts;
pub use side::Side;

use crate::{checkpoint::LogOrigin, digest::Digest, receipt::ReceiptState, words::words};

/// Compares what two sides show.
pub fn reconcile(a: &Side, b: &Side) -> Reconciliation {
    let mut result = Reconciliation::default();
    let digests: BTreeSet<Digest> = a
        .messages
        .keys()
        .chain(b.messages.keys())
        .copied()
        .collect();
    for digest in digests {
        result.add_message(digest, a, b);
    }
    result.compare_logs(a, b);
    result.find_gaps();
    result
}

/// What came of comparing two sides.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Reconciliation {
    /// Every message that either side knows, by thread and number.
    pub messages: Vec<ReconciledMessage>,
    /// What one side has and the other lacks.
    pub missing: Vec<Missing>,
    /// What cannot both be so.
    pub contradictions: Vec<Contradiction>,
    /// Numbers that neither side has.
    pub gaps: Vec<Gap>,
}

impl Reconciliation {
    /// Whether both records tell the same, whole story.
    pub const fn is_clean(&self) -> bool {
        self.missing.is_empty() && self.contradictions.is_empty() && self.gaps.is_empty()
    }
}

/// One message and where each side has it.
#[derive(Clone, Debug, Serialize)]
pub struct ReconciledMessage {
    /// Its digest.
    pub digest: Digest,
    /// Its id, if anything names it.
    pub id: Option<String>,
    /// Its thread.
    pub thid: Option<String>,
    /// Its sender.
    pub from: Option<Did>,
    /// Its recipient.
    pub to: Option<Did>,
    /// Its number.
    pub sender_order: Option<u64>,
    /// Its state in the sender's record; `None` if the sender's side shows nothing of it.
    pub at_sender: Option<State>,
    /// Its state in the recipient's record; `None` if the recipient's side shows nothing of it.
    pub at_recipient: Option<State>,
}

/// A state of a message in the record of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum State {
    /// Durable at the sender; nothing came back.
    Queued,
    /// Durable at the recipient.
    Received,
    /// Ended by the sender.
    Cancelled,
    /// Ended by its sender's node.
    Failed,
    /// Handled.
    Done,
    /// Its time ran out.
    Expired,
    /// Refused by policy.
    Refused,
    /// Rejected.
    Rejected,
}

words!(State {
    Queued = "queued",
    Received = "received",
    Cancelled = "cancelled",
    Failed = "failed",
    Done = "done",
    Expired = "expired",
    Refused = "refused",
    Rejected = "rejected",
});

impl From<ReceiptState> for State {
    fn from(state: ReceiptState) -> Self {
        match state {
            ReceiptState::Received => Self::Received,
            ReceiptState::Done => Self::Done,
            ReceiptState::Rejected => Self::Rejected,
            ReceiptState::Refused => Self::Refused,
            ReceiptState::Expired => Self::Expired,
        }
    }
}

/// Something that one side has and the other lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "missing")]
#[non_exhaustive]
pub enum Missing {
    /// The recipient accepted a message that its sender's record does not have.
    MessageOut {
        /// The message.
        message: Digest,
        /// Who should have it.
        sender: Did,
    },
    /// The sender holds a receipt for a message that its recipient's record does not have.
    MessageIn {
        /// The message.
        message: Digest,
        /// Who should have it.
        recipient: Did,
    },
    /// The sender's record has a message that nothing of the recipient's mentions: on its way, or
    /// lost.
    Delivery {
        /// The message.
        message: Digest,
        /// Who has not got it.
        recipient: Did,
    },
    /// The recipient recorded a state whose receipt the sender does not have.
    Receipt {
        /// The message.
        message: Digest,
        /// The state at the recipient.
        state: State,
        /// Who has not got the receipt.
        sender: Did,
    },
}

/// Two things that cannot both be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "contradiction")]
#[non_exhaustive]
pub enum Contradiction {
    /// Both know the message, and know it differently.
    Facts {
        /// The message.
        message: Digest,
        /// What differs.
        member: &'static str,
    },
    /// The message ended differently at sender and recipient.
    States {
        /// The message.
        message: Digest,
        /// How it ended for the sender.
        at_sender: State,
        /// How it ended for the recipient.
        at_recipient: State,
    },
    /// Different entries stand at one place of a log, or a receipt names another than stands there.
    Entries {
        /// The log.
        origin: LogOrigin,
        /// The place.
        index: u64,
    },
    /// A log has two roots for one size: it showed two histories.
    Fork {
        /// The log.
        origin: LogOrigin,
        /// The size.
        size: u64,
    },
}

/// Numbers that neither side has a message for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The sender.
    pub from: Did,
    /// The recipient.
    pub to: Did,
    /// The thread.
    pub thid: String,
    /// The first number missing.
    pub first: u64,
    /// The last number missing.
    pub last: u64,
}

impl Reconciliation {
    fn add_message(&mut self, message: Digest, a: &Side, b: &Side) {
        let known = [a, b].map(|side| side.messages.get(&message));
        if let [Some(one), Some(other)] = known
            && let Some(member) = one.facts.differs(&other.facts)
        {
            self.contradictions
                .push(Contradiction::Facts { message, member });
        }
        let mut facts = Facts::default();
        for known in known.into_iter().flatten() {
            facts.complete(&known.facts);
        }
        let speaks_for = |side: &Side, did: &Option<Did>| {
            did.as_ref()
                .is_some_and(|did| side.agents.iter().any(|one| one.same_subject(did)))
        };
        let held_by = |did: &Option<Did>| {
            let sides = [a, b].into_iter().zip(known);
            let theirs = sides.filter(|(side, _)| speaks_for(side, did));
            theirs.map(|(_, known)| known).collect::<Vec<_>>()
        };
        let (senders, recipients) = (held_by(&facts.from), held_by(&facts.to));
        let at_sender = senders
            .iter()
            .flatten()
            .filter_map(|known| known.at_sender())
            .max();
        let at_recipient = recipients
            .iter()
            .flatten()
            .filter_map(|known| known.at_recipient())
            .max();
        let sender = facts.from.clone().filter(|_| !senders.is_empty());
        let recipient = facts.to.clone().filter(|_| !recipients.is_empty());
        let at_senders = || senders.iter().flatten();
        match (&sender, at_recipient) {
            // It ended on both sides, on each when that heard that the grant had.
            (Some(sender), Some(state)) if at_senders().any(|known| known.was_revoked()) => {
                let told = at_senders().any(|known| known.has_receipt(state));
                if state != State::Received && !told {
                    self.missing.push(Missing::Receipt {
                        message,
                        state,
                        sender: sender.clone(),
                    });
                }
            }
            _ => self.judge(message, (sender, at_sender), (recipient, at_recipient)),
        }
        let Facts {
            id,
            thid,
            from,
            to,
            sender_order,
            ..
        } = facts;
        let digest = message;
        self.messages.push(ReconciledMessage {
            digest,
            id,
            thid,
            from,
            to,
            sender_order,
            at_sender,
            at_recipient,
        });
    }

    /// Compares the states of one message; a DID stands for a side that shows its record.
    fn judge(
        &mut self,
        message: Digest,
        (sender, at_sender): (Option<Did>, Option<State>),
        (recipient, at_recipient): (Option<Did>, Option<State>),
    ) {
        match (at_sender, at_recipient) {
            (None, Some(_)) => {
                if let Some(sender) = sender {
                    self.missing.push(Missing::MessageOut { message, sender });
                }
            }
            (Some(State::Queued), None) => {
                if let Some(recipient) = recipient {
                    self.missing.push(Missing::Delivery { message, recipient });
                }
            }
            // Whatever ended at the sender alone needs nothing of the recipient.
            (Some(State::Cancelled | State::Failed | State::Expired), None) | (None, None) => {}
            (Some(_), None) => {
                if let Some(recipient) = recipient {
                    self.missing.push(Missing::MessageIn { message, recipient });
                }
            }
            (Some(one), Some(other)) if one == other => {}
            (Some(State::Queued | State::Received), Some(state)) => {
                if let Some(sender) = sender {
                    self.missing.push(Missing::Receipt {
                        message,
                        state,
                        sender,
                    });
                }
            }
            // Whatever the sender knows better came in a receipt, and that is checked by its entry.
            (Some(at_sender), Some(State::Received)) if at_sender > State::Failed => {}
            (Some(at_sender), Some(at_recipient)) => {
                let states = Contradiction::States {
                    message,
                    at_sender,
                    at_recipient,
                };
                self.contradictions.push(states);
            }
        }
    }

    fn compare_logs(&mut self, a: &Side, b: &Side) {
        for ((origin, index), leaf) in &a.entries {
            let other = b.entries.get(&(origin.clone(), *index));
            if other.is_some_and(|other| other != leaf) {
                let (origin, index) = (origin.clone(), *index);
                self.contradictions
                    .push(Contradiction::Entries { origin, index });
            }
        }
        let named = a
            .named
            .iter()
            .map(|named| (named, b))
            .chain(b.named.iter().map(|n| (n, a)));
        for (((origin, index), commitment), other) in named {
            let stands = other.entries.get(&(origin.clone(), *index));
            if stands.is_some_and(|leaf| leaf.commitment != *commitment) {
                let found = Contradiction::Entries {
                    origin: origin.clone(),
                    index: *index,
                };
                if !self.contradictions.contains(&found) {
                    self.contradictions.push(found);
                }
            }
        }
        for ((origin, size), root) in &a.roots {
            if b.roots
                .get(&(origin.clone(), *size))
                .is_some_and(|other| other != root)
            {
                let (origin, size) = (origin.clone(), *size);
                self.contradictions
                    .push(Contradiction::Fork { origin, size });
            }
        }
    }

    fn find_gaps(&mut self) {
        type Stream<'a> = (&'a Did, &'a Did, &'a str);
        let mut streams: BTreeMap<Stream<'_>, BTreeSet<u64>> = BTreeMap::new();
        for message in &self.messages {
            let ReconciledMessage {
                from,
                to,
                thid,
                sender_order,
                ..
            } = message;
            if let (Some(from), Some(to), Some(thid), Some(n)) = (from, to, thid, sender_order) {
                streams.entry((from, to, thid)).or_default().insert(*n);
            }
        }
        for ((from, to, thid), numbers) in streams {
            let mut next = 1;
            for number in numbers {
                if number > next {
                    let (from, to, thid) = (from.clone(), to.clone(), thid.to_owned());
                    self.gaps.push(Gap {
                        from,
                        to,
                        thid,
                        first: next,
                        last: number - 1,
                    });
                }
                next = number.saturating_add(1);
            }
        }
        self.messages.sort_by(|one, other| {
            let key = |m: &ReconciledMessage| (m.thid.clone(), m.from.clone(), m.sender_order);
            key(one).cmp(&key(other))
        });
    }
}
