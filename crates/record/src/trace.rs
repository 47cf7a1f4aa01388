//! The chain of accountability: which messages were made from which, across threads and nodes.
//!
//! Messages name their `causes` by digest, so the graph is signed by whoever made each message and
//! has no cycles. Naming a cause asserts use, not truth; a cause that nobody here shows is
//! *dangling*.
//!
//! # Spec
//! `design.md` §6, "Accountability chain"; `formats.md` §1, `causes`.

mod render;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, btree_map};

use comity_did::Did;
use comity_jose::jws::Jws;
use serde::Serialize;

use crate::{
    bundle::{Bundle, Content},
    digest::Digest,
    entry::{Entry, Event, MessageFacts, MessageIn, MessageOut},
    verify::Head,
};

/// A message as far as tracing needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TracedMessage {
    /// Its digest.
    pub digest: Digest,
    /// Its id.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its sender.
    pub from: Option<Did>,
    /// Its recipients.
    pub to: Vec<Did>,
    /// Its thread.
    pub thid: String,
    /// The digests that it names as causes.
    pub causes: Vec<Digest>,
}

/// The graph of causes.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Trace {
    /// The messages, each after its causes.
    pub messages: Vec<TracedMessage>,
    /// From effect to cause.
    pub edges: Vec<(Digest, Digest)>,
    /// Causes that nothing here shows.
    pub dangling: Vec<Digest>,
}

/// Traces what `of` was made from, or everything if no message is named. Give it all that can be
/// had: bundles of several threads and nodes through [`messages_of`], or a node's own messages.
pub fn trace(messages: impl IntoIterator<Item = TracedMessage>, of: Option<&Digest>) -> Trace {
    let mut known: BTreeMap<Digest, TracedMessage> = BTreeMap::new();
    let mut order = Vec::new();
    for message in messages {
        if let btree_map::Entry::Vacant(place) = known.entry(message.digest) {
            order.push(message.digest);
            place.insert(message);
        }
    }
    let roots = of.map_or(order, |of| vec![*of]);
    let mut walk = Walk {
        known: &known,
        done: BTreeSet::new(),
        trace: Trace::default(),
    };
    for root in roots {
        walk.visit(root);
    }
    walk.trace
}

/// The messages that a bundle shows or has records of.
pub fn messages_of(bundle: &Bundle) -> Vec<TracedMessage> {
    let shown = bundle.messages.iter().filter_map(|shown| {
        let head = match &shown.content {
            Content::Signed(jws) => {
                Head::parse(Jws::from_value(jws.clone()).ok()?.payload_unverified())?
            }
            Content::Plaintext(octets) => Head::parse(octets)?,
            Content::Withheld => return None,
        };
        let Head {
            id,
            type_,
            from,
            to,
            thid,
            causes,
            ..
        } = head;
        let (id, thid) = (id.as_str().to_owned(), thid.as_str().to_owned());
        Some(TracedMessage {
            digest: shown.digest,
            id,
            type_,
            from,
            to,
            thid,
            causes,
        })
    });
    let recorded = bundle.entries.iter().filter_map(|entry| {
        let (r, octets) = entry.opened.as_ref()?;
        match Entry::open(*r, octets.clone()).ok()?.1.event {
            Event::MessageOut(MessageOut { facts }) | Event::MessageIn(MessageIn { facts, .. }) => {
                Some(facts.into())
            }
            _ => None,
        }
    });
    shown.chain(recorded).collect()
}

impl From<MessageFacts> for TracedMessage {
    fn from(facts: MessageFacts) -> Self {
        let MessageFacts {
            message,
            id,
            to,
            from,
            type_,
            thid,
            causes,
            ..
        } = facts;
        Self {
            digest: message,
            id,
            type_,
            from: Some(from),
            to: vec![to],
            thid,
            causes,
        }
    }
}

struct Walk<'a> {
    known: &'a BTreeMap<Digest, TracedMessage>,
    done: BTreeSet<Digest>,
    trace: Trace,
}

impl Walk<'_> {
    /// Visits depth first, causes before effects, without recursion: chains of strangers are long.
    /// A cycle, which only an unverified record could claim, is cut where it closes.
    fn visit(&mut self, root: Digest) {
        let mut stack = Vec::new();
        if self.done.insert(root) {
            stack.push((root, 0));
        }
        while let Some((digest, next)) = stack.pop() {
            let Some(message) = self.known.get(&digest) else {
                self.trace.dangling.push(digest);
                continue;
            };
            if let Some(cause) = message.causes.get(next) {
                stack.push((digest, next + 1));
                self.trace.edges.push((digest, *cause));
                if self.done.insert(*cause) {
                    stack.push((*cause, 0));
                }
            } else {
                self.trace.messages.push(message.clone());
            }
        }
    }
}
