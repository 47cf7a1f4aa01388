//! How many unsettled deliveries an agent has room for.

use std::collections::HashMap;

/// Credit is absolute: the number of deliveries that may be unsettled at once. A delivery takes a
/// place when it is pushed and gives it back when it is settled, or when its lease ends.
#[derive(Debug, Default)]
pub(super) struct Credit {
    granted: usize,
    /// Unsettled deliveries of this socket, and until when they are leased (UTC seconds).
    held: HashMap<String, u64>,
}

impl Credit {
    /// The agent says how much room it has, settled or not. True if it is less than before.
    pub(super) const fn grant(&mut self, room: usize) -> bool {
        let is_less = room < self.granted;
        self.granted = room;
        is_less
    }

    /// How many more may be pushed at `now` (UTC seconds).
    pub(super) fn room(&mut self, now: u64) -> usize {
        self.held.retain(|_, until| *until > now);
        self.granted.saturating_sub(self.held.len())
    }

    pub(super) fn take(&mut self, delivery: &str, until: u64) {
        self.held.insert(delivery.to_owned(), until);
    }

    pub(super) fn extend(&mut self, delivery: &str, until: u64) {
        if let Some(held) = self.held.get_mut(delivery) {
            *held = until;
        }
    }

    pub(super) fn give_back(&mut self, delivery: &str) {
        self.held.remove(delivery);
    }
}

#[cfg(test)]
mod tests {
    use super::Credit;

    #[test]
    fn places_are_taken_and_given_back_by_settling_or_by_the_end_of_a_lease() {
        let mut credit = Credit::default();
        assert_eq!(credit.room(0), 0, "none before the agent says so");
        assert!(!credit.grant(3));
        credit.take("a", 10);
        credit.take("b", 20);
        assert_eq!(credit.room(5), 1);
        credit.give_back("a");
        assert_eq!(credit.room(5), 2);
        credit.extend("b", 30);
        assert_eq!(credit.room(25), 2);
        assert_eq!(credit.room(30), 3, "its lease ended");
    }

    #[test]
    fn less_credit_than_is_held_means_no_room_until_enough_is_settled() {
        let mut credit = Credit::default();
        credit.grant(2);
        credit.take("a", 10);
        credit.take("b", 10);
        assert!(credit.grant(1));
        assert!(!credit.grant(1));
        assert_eq!(credit.room(0), 0);
        credit.give_back("a");
        assert_eq!(credit.room(0), 0);
        credit.give_back("b");
        assert_eq!(credit.room(0), 1);
    }
}
