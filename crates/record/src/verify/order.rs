//! What each side sent, by the numbers that it signed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, OrderReport, Party, Why, entries::Entries, messages::Messages};
use crate::{digest::Digest, entry::Event};

/// Lists the numbers of each direction, and notes gaps and doubles.
pub(super) fn check(
    case: &mut Case<'_>,
    messages: &Messages,
    entries: &Entries,
) -> Vec<OrderReport> {
    let mut sent: [Numbers; 2] = Default::default();
    for message in &messages.all {
        if let Some(seen) = &message.seen {
            sent[seen.sender].add(seen.head.sender_order, message.digest);
            sent[seen.sender].voided.extend(seen.head.voids);
        }
    }
    // Of a withheld message, what was recorded may still show the number.
    for entry in &entries.opened {
        let (Event::MessageOut(crate::entry::MessageOut { facts })
        | Event::MessageIn(crate::entry::MessageIn { facts, .. })) = &entry.record.event
        else {
            continue;
        };
        if let Some(sender) = case.party(&facts.from) {
            sent[sender].add(facts.sender_order, facts.message);
        }
    }
    let numbers = sent.into_iter().enumerate();
    numbers
        .filter_map(|(sender, numbers)| numbers.report(case, sender))
        .collect()
}

#[derive(Default)]
struct Numbers {
    /// What stands at each number.
    numbered: BTreeMap<u64, BTreeSet<Digest>>,
    unnumbered: bool,
    /// Messages whose place a tombstone took.
    voided: BTreeSet<Digest>,
}

impl Numbers {
    fn add(&mut self, number: Option<u64>, message: Digest) {
        match number {
            Some(number) => {
                self.numbered.entry(number).or_default().insert(message);
            }
            None => self.unnumbered = true,
        }
    }

    fn report(self, case: &mut Case<'_>, sender: Party) -> Option<OrderReport> {
        if self.numbered.is_empty() && !self.unnumbered {
            return None;
        }
        let from = case.bundle.thread.between[sender].clone();
        let to = case.bundle.thread.between[1 - sender].clone();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (&number, messages) in &self.numbered {
            if messages.difference(&self.voided).count() > 1 {
                case.find("/messages", Why::SameOrder(from.clone(), number));
            }
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                last => {
                    let next = last.map_or(1, |(_, last)| *last + 1);
                    if next < number {
                        case.find("/messages", Why::OrderGap(from.clone(), next, number - 1));
                    }
                    ranges.push((number, number));
                }
            }
        }
        if self.unnumbered {
            case.find("/messages", Why::Unnumbered(from.clone()));
        }
        let gapless = matches!(ranges.as_slice(), [(0 | 1, _)]);
        Some(OrderReport {
            from,
            to,
            ranges,
            complete: gapless && !self.unnumbered,
        })
    }
}
