//! What the agents of the load saw, written down as it happened, and held against the promises.
//!
//! Every message carries a label of its own in its body, so that a message which took effect twice
//! shows as two messages with one label.

use crate::deeds::{Kind, consequences};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// A message that its agent was told is durable.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// At which node.
    pub(crate) node: usize,
    pub(crate) id: String,
    pub(crate) digest: String,
}

/// All books of one world.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    told: BTreeMap<String, Told>,
    /// Labels that must arrive: of what was told, and of what follows from it.
    expected: BTreeSet<String>,
    offered: BTreeMap<String, Offered>,
    /// The last label of each stream (from, to, thread), with its number.
    last: BTreeMap<(String, String, String), (u64, String)>,
    wrong: Vec<String>,
}

#[derive(Debug, Default)]
struct Offered {
    id: String,
    attempts: Vec<u32>,
    /// Its agent settled it, or tried to: whether that took effect may be unknown.
    settling: bool,
    /// Its agent knows that it is settled.
    settled: bool,
}

impl Ledger {
    /// An agent was told that its message is durable.
    pub(crate) fn told(&self, label: &str, kind: Kind, told: Told) {
        let mut books = self.books();
        books.expected.insert(label.to_owned());
        books.expected.extend(consequences(kind, label));
        books.told.insert(label.to_owned(), told);
    }

    /// An agent was offered a message. Returns its label.
    pub(crate) fn offered(&self, message: &Value, attempt: u32) -> String {
        let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        let label = message["body"]["label"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let to = message["to"][0].as_str().unwrap_or_default().to_owned();
        let stream = (text("from"), to, text("thid"));
        let order = message["sender_order"].as_u64().unwrap_or_default();
        let mut books = self.books();
        let books = &mut *books;
        match books.offered.get_mut(&label) {
            None => {
                let first = Offered {
                    id: text("id"),
                    attempts: vec![attempt],
                    ..Offered::default()
                };
                let (last, before) = books.last.get(&stream).cloned().unwrap_or_default();
                if order != last + 1 {
                    books
                        .wrong
                        .push(format!("{label}: number {order} after {last} ({before})"));
                }
                if last > 0
                    && !books
                        .offered
                        .get(&before)
                        .is_some_and(|before| before.settling)
                {
                    books
                        .wrong
                        .push(format!("{label}: offered before {before} was settled"));
                }
                books.last.insert(stream, (order, label.clone()));
                books.offered.insert(label.clone(), first);
            }
            Some(known) => {
                let last = known.attempts.last().copied().unwrap_or_default();
                if known.id != text("id") {
                    books.wrong.push(format!(
                        "{label}: took effect twice: {known:?} and {message}"
                    ));
                }
                if attempt <= last {
                    books
                        .wrong
                        .push(format!("{label}: attempt {attempt} after {last}"));
                }
                if known.settled {
                    books
                        .wrong
                        .push(format!("{label}: offered again after it was settled"));
                }
                known.attempts.push(attempt);
            }
        }
        label
    }

    /// Its agent is about to settle it for good.
    pub(crate) fn settling(&self, label: &str) {
        if let Some(offered) = self.books().offered.get_mut(label) {
            offered.settling = true;
        }
    }

    /// Its agent was told that it is settled for good.
    pub(crate) fn settled(&self, label: &str) {
        if let Some(offered) = self.books().offered.get_mut(label) {
            offered.settled = true;
        }
    }

    /// The number of the last message offered of the stream that `from` sends in `thread`.
    pub(crate) fn last_in(&self, from: &str, thread: &str) -> u64 {
        let books = self.books();
        let mut streams = books.last.iter();
        let stream = streams.find(|((sender, _, thid), _)| sender == from && thid == thread);
        stream.map_or(0, |(_, (order, _))| *order)
    }

    /// Something that must not be.
    pub(crate) fn wrong(&self, what: impl Into<String>) {
        self.books().wrong.push(what.into());
    }

    pub(crate) fn all_told(&self) -> Vec<Told> {
        self.books().told.values().cloned().collect()
    }

    /// Expected and never offered.
    pub(crate) fn missing(&self) -> Vec<String> {
        let books = self.books();
        let missing = books
            .expected
            .iter()
            .filter(|label| !books.offered.contains_key(*label));
        missing.cloned().collect()
    }

    /// Panics if anything was wrong.
    pub(crate) fn check(&self) {
        let books = self.books();
        let (count, first) = (books.wrong.len(), books.wrong.iter().take(20));
        assert!(
            count == 0,
            "{count} wrong:\n{}",
            first.cloned().collect::<Vec<_>>().join("\n")
        );
        // What nobody was told may arrive, too: its agent's node died before it could say so.
        let firsts = books
            .offered
            .values()
            .filter(|offered| offered.attempts == [1])
            .count();
        println!(
            "{} told, {} offered, {firsts} of them at attempt 1 only",
            books.told.len(),
            books.offered.len()
        );
        assert!(books.told.len() > 100, "there was a load");
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
