//! The entries: inclusion, commitment, and agreement with messages and receipts.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use comity_did::Did;

use super::{
    Case, Party, Why,
    logs::{Logs, is_own_host},
    messages::{Messages, Seen},
    receipts::Receipts,
};
use crate::{
    bundle::ShownEntry,
    checkpoint::LogOrigin,
    digest::Digest,
    entry::{Entry, EntryError, EntryKind, Event, Leaf, MessageFacts, Record},
    tree,
};

/// The entries of a bundle that hold.
pub(super) struct Entries {
    pub(super) opened: Vec<Opened>,
    /// All places shown, opened or not.
    pub(super) places: BTreeMap<(LogOrigin, u64), Leaf>,
    /// Those that are not opened.
    pub(super) closed: Vec<Closed>,
    /// What was recorded of each message: all that says what a withheld one was.
    pub(super) facts: HashMap<Digest, MessageFacts>,
}

/// An entry whose record is shown.
pub(super) struct Opened {
    /// Position in the bundle.
    pub(super) n: usize,
    pub(super) origin: LogOrigin,
    pub(super) index: u64,
    pub(super) size: u64,
    pub(super) record: Record,
    /// The agent whose node recorded this, if the entry is about one of the two.
    pub(super) local: Option<Party>,
    /// Whether the log is of the host that the did:web of `local` names.
    pub(super) own_host: bool,
}

/// An entry whose record is not shown.
pub(super) struct Closed {
    pub(super) origin: LogOrigin,
    pub(super) index: u64,
    pub(super) kind: EntryKind,
    /// The message, if a receipt says so.
    pub(super) message: Option<Digest>,
    /// The recipient who says so.
    pub(super) local: Option<Party>,
}

impl Entries {
    pub(super) fn check(
        case: &mut Case<'_>,
        logs: &Logs,
        messages: &Messages,
        receipts: &Receipts,
    ) -> Self {
        let mut entries = Self {
            opened: Vec::new(),
            places: BTreeMap::new(),
            closed: Vec::new(),
            facts: HashMap::new(),
        };
        let bundle = case.bundle;
        for (n, shown) in bundle.entries.iter().enumerate() {
            let checked = entries.check_one(case, logs, messages, receipts, n, shown);
            if let Err((member, why)) = checked {
                case.find(format!("/entries/{n}{member}"), why);
            }
        }
        entries
    }

    fn check_one(
        &mut self,
        case: &Case<'_>,
        logs: &Logs,
        messages: &Messages,
        receipts: &Receipts,
        n: usize,
        shown: &ShownEntry,
    ) -> Result<(), (&'static str, Why)> {
        let ShownEntry {
            origin,
            index,
            size,
            leaf,
            opened,
            path,
        } = shown;
        let root = logs
            .root(origin, *size)
            .ok_or_else(|| ("/size", Why::NoCheckpoint(origin.clone(), *size)))?;
        tree::verify_inclusion(&leaf.hash(), *index, *size, path, root)
            .map_err(|error| ("/path", Why::Inclusion(error)))?;
        if (*index == 0) != (leaf.kind == EntryKind::Start) {
            return Err(("/leaf", Why::StartMisplaced));
        }
        if *self.places.entry((origin.clone(), *index)).or_insert(*leaf) != *leaf {
            return Err(("/leaf", Why::EntriesDiffer));
        }
        let named = receipts.at_place(origin, *index);
        if let Some((commitment, _)) = named {
            if *commitment != leaf.commitment {
                return Err(("/leaf", Why::EntryDiffers("commitment")));
            }
            if !matches!(leaf.kind, EntryKind::MessageIn | EntryKind::Refused) {
                return Err(("/leaf", Why::EntryDiffers("kind")));
            }
        }
        let Some((r, octets)) = opened else {
            let message = named.map(|(_, message)| *message);
            let stated = message.and_then(|message| receipts.about(&message).next());
            let local = stated.map(|stated| stated.recipient);
            let (origin, index) = (origin.clone(), *index);
            self.closed.push(Closed {
                origin,
                index,
                kind: leaf.kind,
                message,
                local,
            });
            return Ok(());
        };
        if crate::entry::commitment(r, octets) != leaf.commitment {
            return Err(("/record", Why::Commitment));
        }
        let record = match Entry::open(*r, octets.clone()) {
            Ok((_, record)) => record,
            Err(EntryError::Record(error)) => {
                return Err(("/record", Why::Record(Arc::new(error))));
            }
            Err(EntryError::TooLarge(_)) => return Err(("/record", Why::Commitment)),
        };
        if record.kind() != leaf.kind {
            return Err(("/record", Why::RecordKind));
        }
        let named = named.map(|(_, message)| message);
        let local = self
            .agree(case, messages, receipts, &record, named)
            .map_err(|why| ("/record", why))?;
        let own_host =
            local.is_some_and(|party| is_own_host(origin, &case.bundle.thread.between[party]));
        let (origin, index, size) = (origin.clone(), *index, *size);
        self.opened.push(Opened {
            n,
            origin,
            index,
            size,
            record,
            local,
            own_host,
        });
        Ok(())
    }

    /// Compares a record with the message and receipts that it is about, and says whose record it
    /// is.
    fn agree(
        &mut self,
        case: &Case<'_>,
        messages: &Messages,
        receipts: &Receipts,
        record: &Record,
        named: Option<&Digest>,
    ) -> Result<Option<Party>, Why> {
        let message = record.event.message();
        if named.is_some() && named != message {
            return Err(Why::EntryDiffers("message"));
        }
        if let Some(message) = message
            && messages.position(message).is_none()
            && record.kind() != EntryKind::Decision
        {
            return Err(Why::UnlistedMessage(*message));
        }
        let seen = message.and_then(|message| messages.seen(message));
        let stated = message.and_then(|message| receipts.about(message).next());
        // Of a withheld message the receipts still say who sent it.
        // Failing those, the records of its acceptance or sending do.
        let recorded = message.and_then(|message| self.facts.get(message));
        let sender = seen
            .map(|seen| seen.sender)
            .or_else(|| stated.map(|stated| 1 - stated.recipient))
            .or_else(|| recorded.and_then(|facts| case.party(&facts.from)));
        let id = stated.map(|stated| stated.statement.id.as_str());
        match &record.event {
            Event::MessageOut(out) => self.facts(case, &out.facts, seen, sender, id),
            Event::MessageIn(accepted) => {
                let sender = self.facts(case, &accepted.facts, seen, sender, id)?;
                if !same_party(case, accepted.kid.did(), sender) {
                    return Err(Why::EntryDiffers("kid"));
                }
                let key = seen.and_then(|seen| seen.key);
                let key = key.or_else(|| stated.map(|stated| stated.statement.sender_key));
                if key.is_some_and(|key| key != accepted.key) {
                    return Err(Why::EntryDiffers("key"));
                }
                Ok(sender.map(|sender| 1 - sender))
            }
            Event::Refused(refused) => {
                let from = case.party(&refused.from).ok_or(Why::OtherParty)?;
                if sender.is_some_and(|sender| sender != from) {
                    return Err(Why::EntryDiffers("from"));
                }
                Ok(Some(1 - from))
            }
            Event::Settled(settled) => {
                let ends = message
                    .into_iter()
                    .flat_map(|message| receipts.about(message));
                let mut ends = ends.filter(|stated| stated.statement.state.is_terminal());
                if ends.any(|stated| stated.statement.state != settled.state) {
                    return Err(Why::EntryDiffers("state"));
                }
                Ok(sender.map(|sender| 1 - sender))
            }
            Event::ReceiptIn(receipt) => {
                let differs = receipts.by_hash(&receipt.receipt).is_some_and(|statement| {
                    (statement.message, statement.state) != (receipt.message, receipt.state)
                });
                if differs {
                    Err(Why::EntryDiffers("receipt"))
                } else {
                    Ok(sender)
                }
            }
            Event::Ended(_) => Ok(sender),
            Event::Agent(agent) => Ok(case.party(&agent.did)),
            Event::Start(_) | Event::Decision(_) | Event::Act(_) | Event::Counted(_) => Ok(None),
        }
    }

    /// Compares what is recorded of a message with the message, with what its receipts say, and
    /// with what else is recorded of it.
    fn facts(
        &mut self,
        case: &Case<'_>,
        facts: &MessageFacts,
        seen: Option<&Seen>,
        sender: Option<Party>,
        stated_id: Option<&str>,
    ) -> Result<Option<Party>, Why> {
        let from = case.party(&facts.from).ok_or(Why::OtherParty)?;
        let to = case.party(&facts.to).ok_or(Why::OtherParty)?;
        let differs = |member| Err(Why::EntryDiffers(member));
        if from == to {
            return Err(Why::OtherParty);
        }
        if !case.is_thread(&facts.thid) {
            return Err(Why::OtherThread);
        }
        if sender.is_some_and(|sender| sender != from) {
            return differs("from");
        }
        if stated_id.is_some_and(|id| !id.eq_ignore_ascii_case(&facts.id)) {
            return differs("id");
        }
        if let Some(Seen { head, .. }) = seen {
            if !facts.id.eq_ignore_ascii_case(head.id.as_str()) {
                return differs("id");
            } else if facts.type_ != head.type_ {
                return differs("type");
            } else if facts.sender_order != head.sender_order {
                return differs("sender_order");
            } else if facts.causes != head.causes {
                return differs("causes");
            }
        }
        let earlier = self
            .facts
            .entry(facts.message)
            .or_insert_with(|| facts.clone());
        match earlier.differs(facts) {
            Some(member) => differs(member),
            None => Ok(Some(from)),
        }
    }
}

fn same_party(case: &Case<'_>, did: &Did, party: Option<Party>) -> bool {
    party.is_some_and(|party| case.bundle.thread.between[party].same_subject(did))
}
