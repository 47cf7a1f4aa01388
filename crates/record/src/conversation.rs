//! The order in which people read a thread: an answer below what it answers.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

/// What is known of a message's place.
pub(crate) struct Turn<'a, D, S> {
    pub(crate) digest: D,
    /// Whether the thread has its id from this message, which everybody else answers.
    pub(crate) opens: bool,
    /// The messages that it says it was made from.
    pub(crate) causes: &'a [D],
    pub(crate) sender: Option<S>,
    /// Its number among those of its sender.
    pub(crate) number: Option<u64>,
    /// When it was sent, by anybody's clock; only decides where nothing else does.
    pub(crate) time: Option<u64>,
}

/// The positions of `turns` in the order of the conversation: after its causes and after what its
/// sender numbered lower; of those the one that opens the thread, then by time. What is not known stays behind what it stands behind.
///
/// Messages that wait for each other, which only a forger can make, come last as they stand.
pub(crate) fn order<D: Copy + Eq + Hash, S: Eq + Hash>(turns: &[Turn<'_, D, S>]) -> Vec<usize> {
    let place: HashMap<D, usize> = turns.iter().map(|turn| turn.digest).zip(0..).collect();
    let mut waits = vec![0_usize; turns.len()];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); turns.len()];
    let mut follow = |earlier: usize, later: usize| {
        if let (Some(list), Some(count)) = (followers.get_mut(earlier), waits.get_mut(later)) {
            list.push(later);
            *count += 1;
        }
    };
    let mut of_sender: HashMap<&S, Vec<(u64, usize)>> = HashMap::new();
    let mut times = Vec::with_capacity(turns.len());
    let mut before = 0;
    for (n, turn) in turns.iter().enumerate() {
        for cause in turn.causes.iter().filter_map(|cause| place.get(cause)) {
            follow(*cause, n);
        }
        if let (Some(sender), Some(number)) = (&turn.sender, turn.number) {
            of_sender.entry(sender).or_default().push((number, n));
        }
        before = turn.time.unwrap_or(before);
        times.push(before);
    }
    for mut numbered in of_sender.into_values() {
        numbered.sort_unstable();
        for (earlier, later) in numbered.iter().zip(numbered.iter().skip(1)) {
            follow(earlier.1, later.1);
        }
    }
    let opens = |n: usize| turns.get(n).is_some_and(|turn| turn.opens);
    let key = |n: usize| (!opens(n), times.get(n).copied(), n);
    let free = waits.iter().enumerate().filter(|(_, count)| **count == 0);
    let mut ready: BTreeSet<_> = free.map(|(n, _)| key(n)).collect();
    let mut placed = Vec::with_capacity(turns.len());
    while let Some((.., n)) = ready.pop_first() {
        placed.push(n);
        for later in followers.get(n).into_iter().flatten() {
            if let Some(count) = waits.get_mut(*later) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(key(*later));
                }
            }
        }
    }
    let stuck = waits.iter().enumerate().filter(|(_, count)| **count > 0);
    placed.extend(stuck.map(|(n, _)| n));
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(
        digest: u8,
        causes: &[u8],
        sender: char,
        number: u64,
        time: Option<u64>,
    ) -> Turn<'_, u8, char> {
        let number = (number > 0).then_some(number);
        Turn {
            digest,
            opens: false,
            causes,
            sender: Some(sender),
            number,
            time,
        }
    }

    #[test]
    fn an_answer_comes_after_its_question_whatever_the_clocks_say() {
        let answer = turn(2, &[1], 'b', 1, Some(5));
        let question = turn(1, &[], 'a', 1, Some(9));
        assert_eq!(order(&[answer, question]), [1, 0]);
    }

    #[test]
    fn who_answers_within_the_second_still_answers() {
        let answer = turn(2, &[], 'b', 1, Some(5));
        let question = Turn {
            opens: true,
            ..turn(1, &[], 'a', 1, Some(5))
        };
        assert_eq!(order(&[answer, question]), [1, 0]);
    }

    #[test]
    fn numbers_go_before_times_and_times_before_places() {
        let turns = [
            turn(3, &[], 'a', 2, Some(1)),
            turn(4, &[], 'b', 1, Some(2)),
            turn(1, &[], 'a', 1, Some(3)),
            turn(5, &[], 'b', 0, Some(0)),
        ];
        assert_eq!(order(&turns), [3, 1, 2, 0]);
    }

    #[test]
    fn what_is_not_known_stays_behind_what_it_stands_behind() {
        let turns = [
            turn(1, &[], 'a', 0, Some(7)),
            turn(2, &[], 'a', 0, None),
            turn(3, &[], 'a', 0, Some(6)),
        ];
        assert_eq!(order(&turns), [2, 0, 1]);
    }

    #[test]
    fn messages_that_wait_for_each_other_are_listed_all_the_same() {
        let turns = [
            turn(1, &[2], 'a', 0, None),
            turn(2, &[1], 'b', 0, None),
            turn(3, &[3], 'b', 0, None),
            turn(4, &[], 'b', 0, None),
        ];
        assert_eq!(order(&turns), [3, 0, 1, 2]);
    }
}
