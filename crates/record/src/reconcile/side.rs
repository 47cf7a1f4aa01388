use std::collections::{BTreeMap, BTreeSet};

use comity_did::Did;

use super::State;
use crate::{
    bundle::Bundle,
    checkpoint::{LogOrigin, SignedNote},
    digest::Digest,
    entry::{Commitment, EndedState, Entry, Event, Leaf, MessageFacts, Record},
    receipt::Receipt,
    tree::Hash,
    verify::Head,
};

/// What one side shows: gathered from bundles, or entry by entry from a node's own record.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// The agents whose record this is.
    pub(super) agents: BTreeSet<Did>,
    pub(super) messages: BTreeMap<Digest, Known>,
    pub(super) entries: BTreeMap<(LogOrigin, u64), Leaf>,
    /// What receipts held here say stands at places of the other side's log.
    pub(super) named: BTreeMap<(LogOrigin, u64), Commitment>,
    pub(super) roots: BTreeMap<(LogOrigin, u64), Hash>,
}

/// What a side knows of one message.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) facts: Facts,
    out: bool,
    accepted: bool,
    /// From receipts held or recorded.
    receipts: BTreeSet<State>,
    /// From the recipient's own record.
    settled: Option<State>,
    /// From the sender's own record.
    ended: Option<State>,
    /// True if it ended because its grant did.
    revoked: bool,
}

/// What a message is, as far as a side says; ids in lower case, which is how they are compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) id: Option<String>,
    pub(super) thid: Option<String>,
    pub(super) from: Option<Did>,
    pub(super) to: Option<Did>,
    pub(super) sender_order: Option<u64>,
    type_: Option<String>,
    causes: Option<Vec<Digest>>,
}

impl Side {
    /// A side of which nothing is known yet but whose agents it speaks for. Agents whose own entries
    /// are added are counted in.
    pub fn new(agents: impl IntoIterator<Item = Did>) -> Self {
        Self {
            agents: agents.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The side that a bundle shows.
    pub fn of_bundle(bundle: &Bundle) -> Self {
        let mut side = Self::default();
        side.add_bundle(bundle);
        side
    }

    /// Adds what a bundle shows: any number of bundles make an export. What cannot be read is left
    /// out; verify first.
    pub fn add_bundle(&mut self, bundle: &Bundle) {
        for shown in &bundle.messages {
            let head = shown.content.head();
            let known = self.messages.entry(shown.digest).or_default();
            if let Some(head) = head {
                known
                    .facts
                    .complete(&Facts::of_head(head, &bundle.thread.between));
            }
        }
        for receipt in &bundle.receipts {
            self.add_receipt(receipt);
        }
        for shown in &bundle.entries {
            self.entries
                .insert((shown.origin.clone(), shown.index), shown.leaf);
            if let Some((r, octets)) = &shown.opened
                && let Ok((_, record)) = Entry::open(*r, octets.clone())
            {
                self.add_record(&record);
            }
        }
        for note in &bundle.checkpoints {
            self.add_checkpoint(note);
        }
    }

    /// Adds an entry of this side's own log.
    pub fn add_entry(&mut self, origin: LogOrigin, index: u64, leaf: Leaf, record: &Record) {
        self.entries.insert((origin, index), leaf);
        self.add_record(record);
    }

    /// Adds a receipt that this side holds or gave.
    pub fn add_receipt(&mut self, receipt: &Receipt) {
        let Ok(opened) = receipt.open() else { return };
        let statement = opened.statement_unverified();
        let known = self.messages.entry(statement.message).or_default();
        known.facts.complete(&Facts {
            id: Some(statement.id.to_ascii_lowercase()),
            from: Some(statement.sender.clone()),
            to: Some(statement.recipient.clone()),
            ..Facts::default()
        });
        known.receipts.insert(statement.state.into());
        let log = &statement.log;
        self.named
            .insert((log.origin.clone(), log.index), log.commitment);
        self.add_checkpoint(opened.checkpoint_unverified());
    }

    /// Adds a checkpoint of any log.
    pub fn add_checkpoint(&mut self, note: &SignedNote) {
        let head = note.checkpoint_unverified();
        self.roots
            .insert((head.origin.clone(), head.size), head.root);
    }

    fn add_record(&mut self, record: &Record) {
        let Some(message) = record.event.message() else {
            return;
        };
        if matches!(record.event, Event::Decision(_)) {
            return;
        }
        let known = self.messages.entry(*message).or_default();
        match &record.event {
            Event::MessageOut(out) => {
                known.out = true;
                known.facts.complete(&Facts::of_record(&out.facts));
                self.agents.insert(out.facts.from.clone());
            }
            Event::MessageIn(accepted) => {
                known.accepted = true;
                known.facts.complete(&Facts::of_record(&accepted.facts));
                self.agents.insert(accepted.facts.to.clone());
            }
            Event::Settled(settled) => known.settled = Some(settled.state.into()),
            Event::Refused(refused) => {
                known.settled = Some(State::Refused);
                let from = Some(refused.from.clone());
                known.facts.complete(&Facts {
                    from,
                    ..Facts::default()
                });
            }
            Event::ReceiptIn(receipt) => {
                known.receipts.insert(receipt.state.into());
            }
            Event::Ended(ended) => {
                known.ended = Some(match ended.state {
                    EndedState::Cancelled => State::Cancelled,
                    EndedState::Expired => State::Expired,
                    EndedState::Failed => State::Failed,
                });
                known.revoked = ended.reason.starts_with(TRUST);
            }
            Event::Start(_)
            | Event::Agent(_)
            | Event::Decision(_)
            | Event::Act(_)
            | Event::Counted(_) => {}
        }
    }
}

impl Known {
    /// The state in the record of the sender. Its own end stands: a receipt after it is recorded,
    /// not applied.
    pub(super) fn at_sender(&self) -> Option<State> {
        let receipt = self.receipts.iter().max().copied();
        let queued = self.out.then_some(State::Queued);
        self.ended.or(receipt.max(queued))
    }

    /// True if it ended at its sender because the grant did: that says nothing about what its
    /// recipient made of it until it heard so.
    pub(super) const fn was_revoked(&self) -> bool {
        self.revoked
    }

    /// True if a receipt of this state is held or recorded here.
    pub(super) fn has_receipt(&self, state: State) -> bool {
        self.receipts.contains(&state)
    }

    /// The state in the record of the recipient.
    pub(super) fn at_recipient(&self) -> Option<State> {
        self.settled
            .or_else(|| self.accepted.then_some(State::Received))
    }
}

/// How the codes of decisions begin.
const TRUST: &str = "e.p.trust.";

impl Facts {
    fn of_head(head: Head, between: &[Did; 2]) -> Self {
        let from = head.from;
        let other = between
            .iter()
            .find(|did| from.as_ref().is_none_or(|one| !one.same_subject(did)));
        Self {
            id: Some(head.id.as_str().to_ascii_lowercase()),
            thid: Some(head.thid.as_str().to_ascii_lowercase()),
            to: other.cloned(),
            from,
            sender_order: head.sender_order,
            type_: Some(head.type_),
            causes: Some(head.causes),
        }
    }

    fn of_record(facts: &MessageFacts) -> Self {
        Self {
            id: Some(facts.id.to_ascii_lowercase()),
            thid: Some(facts.thid.to_ascii_lowercase()),
            from: Some(facts.from.clone()),
            to: Some(facts.to.clone()),
            sender_order: facts.sender_order,
            type_: Some(facts.type_.clone()),
            causes: Some(facts.causes.clone()),
        }
    }

    /// Fills what is not known yet.
    pub(super) fn complete(&mut self, other: &Self) {
        fn fill<T: Clone>(mine: &mut Option<T>, theirs: &Option<T>) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
        fill(&mut self.id, &other.id);
        fill(&mut self.thid, &other.thid);
        fill(&mut self.from, &other.from);
        fill(&mut self.to, &other.to);
        fill(&mut self.sender_order, &other.sender_order);
        fill(&mut self.type_, &other.type_);
        fill(&mut self.causes, &other.causes);
    }

    /// The first member that both know differently.
    pub(super) fn differs(&self, other: &Self) -> Option<&'static str> {
        fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
            matches!((one, other), (Some(one), Some(other)) if one != other)
        }
        if differ(&self.id, &other.id) {
            Some("id")
        } else if differ(&self.from, &other.from) {
            Some("from")
        } else if differ(&self.to, &other.to) {
            Some("to")
        } else if differ(&self.thid, &other.thid) {
            Some("thid")
        } else if differ(&self.type_, &other.type_) {
            Some("type")
        } else if differ(&self.sender_order, &other.sender_order) {
            Some("sender_order")
        } else if differ(&self.causes, &other.causes) {
            Some("causes")
        } else {
            None
        }
    }
}
