//! What became of every message so far, by what both nodes say.

use crate::demo::stage::Stage;
use crate::demo::surprise::{Surprise, expect};
use comity_api::operator::MessageRow;
use serde_json::{Value, json};
use std::collections::HashMap;

/// All messages, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Made durable at their senders.
    pub(super) messages: usize,
    /// Taken, says the sender, and not there.
    pub(super) lost: usize,
    /// There more than once.
    pub(super) doubled: usize,
    /// Offered to an agent again, after a lease that ended unsettled.
    pub(super) again: usize,
    /// Neither there nor ended yet.
    pub(super) under_way: usize,
}

impl Tally {
    /// Counts.
    pub(super) async fn of(stage: &Stage) -> Result<Self, Surprise> {
        // What a sender says was taken must be there when the recipient is asked afterwards.
        let mut tally = Self::default();
        let (from_a, at_b) = (stage.a.messages().await?, stage.b.messages().await?);
        tally.add(&from_a, &at_b);
        let (from_b, at_a) = (stage.b.messages().await?, stage.a.messages().await?);
        tally.add(&from_b, &at_a);
        Ok(tally)
    }

    /// Goes on only if nothing was lost or doubled.
    pub(super) fn is_whole(&self) -> Result<(), Surprise> {
        let whole = (self.lost, self.doubled) == (0, 0);
        expect(whole, "0 lost, 0 doubled", format!("{self:?}"))
    }

    pub(super) fn facts(&self) -> Value {
        json!({
            "messages": self.messages, "lost": self.lost, "doubled": self.doubled,
            "again": self.again, "under_way": self.under_way,
        })
    }

    fn add(&mut self, sender: &[MessageRow], recipient: &[MessageRow]) {
        let mut arrived: HashMap<&str, usize> = HashMap::new();
        for row in recipient.iter().filter(|row| row.direction == "in") {
            *arrived.entry(&row.digest).or_default() += 1;
            self.again += usize::from(row.attempts > 1);
        }
        // Knocks and their answers are between the nodes; no agent has an inbox for them.
        let of_agents = |row: &&MessageRow| row.direction == "out" && !row.type_.contains(CONTACT);
        for row in sender.iter().filter(of_agents) {
            let there = arrived
                .get(row.digest.as_str())
                .copied()
                .unwrap_or_default();
            self.messages += 1;
            self.doubled += usize::from(there > 1);
            match row.state.as_str() {
                "sent" | "received" | "delivered" | "done" | "rejected" if there == 0 => {
                    self.lost += 1;
                }
                "held" | "queued" => self.under_way += 1,
                _ => {}
            }
        }
    }
}

/// The nodes' own protocol (formats §3).
const CONTACT: &str = "w3id.org/comity/contact/";

#[cfg(test)]
mod tests {
    use super::*;

    fn row(direction: &str, digest: &str, state: &str, attempts: u32) -> MessageRow {
        serde_json::from_value(json!({
            "direction": direction, "seq": 1, "id": digest, "digest": digest, "from": "a",
            "to": "b", "type": "t", "thid": digest, "state": state, "attempts": attempts, "at": 1,
        }))
        .unwrap()
    }

    #[test]
    fn what_was_taken_and_is_not_there_is_lost() {
        let mut tally = Tally::default();
        let sent = [
            row("out", "1", "done", 0),
            row("out", "2", "sent", 0),
            row("out", "3", "queued", 0),
        ];
        tally.add(
            &sent,
            &[row("in", "1", "settled", 2), row("in", "1", "ready", 0)],
        );
        let counted = (
            tally.messages,
            tally.lost,
            tally.doubled,
            tally.again,
            tally.under_way,
        );
        assert_eq!(counted, (3, 1, 1, 1, 1));
        assert!(tally.is_whole().is_err());
    }
}
