//! The room for pending knocks: bounded for each sender, organisation, address prefix and in all,
//! and never closed by whoever fills it. A newcomer takes the place of the oldest of the fullest
//! share, so that a flood displaces itself. Invited and vouched knocks have room of their own.

use comity_did::Did;
use comity_record::Digest;
use std::collections::HashMap;

/// A knock as the room sees it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Which knock.
    pub knock: Digest,
    /// Its sender.
    pub sender: &'a Did,
    /// Whose share it takes ([`share_of`](crate::domain::share_of)).
    pub share: &'a str,
    /// The address prefix that it came from; `None` for this machine itself.
    pub prefix: Option<&'a str>,
    /// True if it is in the room that is kept for invited and vouched knocks.
    pub kept_room: bool,
    /// Octets of it that are kept.
    pub bytes: u64,
}

/// How much room there is. Counts from 1.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Knocks of one sender, at all our agents.
    pub of_sender: usize,
    /// Knocks of one share.
    pub of_share: usize,
    /// Knocks from one address prefix.
    pub of_prefix: usize,
    /// Knocks in all.
    pub all: usize,
    /// Octets in all.
    pub bytes: u64,
}

/// The room for strangers' knocks.
pub const OPEN: Room = Room {
    of_sender: 4,
    of_share: 20,
    of_prefix: 40,
    all: 800,
    bytes: 8 * 1024 * 1024,
};
/// The room for invited and vouched ones: an operator let them come, and expects them.
pub const KEPT: Room = Room {
    of_sender: 4,
    of_share: 40,
    of_prefix: 80,
    all: 200,
    bytes: 4 * 1024 * 1024,
};

/// Which pending knocks give way to a newcomer. `pending` is oldest first.
#[must_use]
pub fn place(newcomer: &Place<'_>, pending: &[Place<'_>]) -> Vec<Digest> {
    let room = if newcomer.kept_room { KEPT } else { OPEN };
    place_in(&room, newcomer, pending)
}

fn place_in(room: &Room, newcomer: &Place<'_>, pending: &[Place<'_>]) -> Vec<Digest> {
    let same_room = |place: &&Place<'_>| place.kept_room == newcomer.kept_room;
    let mut left: Vec<Place<'_>> = pending.iter().filter(same_room).copied().collect();
    let mut gone = Vec::new();
    let mut keep_below =
        |most: usize, left: &mut Vec<Place<'_>>, of: &dyn Fn(&Place<'_>) -> bool| {
            while left.iter().filter(|place| of(place)).count() >= most {
                let Some(oldest) = left.iter().position(of) else {
                    return;
                };
                gone.push(left.remove(oldest).knock);
            }
        };
    keep_below(room.of_sender, &mut left, &|place| {
        place.sender == newcomer.sender
    });
    keep_below(room.of_share, &mut left, &|place| {
        place.share == newcomer.share
    });
    if newcomer.prefix.is_some() {
        keep_below(room.of_prefix, &mut left, &|place| {
            place.prefix == newcomer.prefix
        });
    }
    let bytes = |left: &[Place<'_>]| left.iter().map(|place| place.bytes).sum::<u64>();
    while !left.is_empty() && (left.len() >= room.all || bytes(&left) + newcomer.bytes > room.bytes)
    {
        let share = fullest(newcomer, &left);
        let Some(oldest) = left.iter().position(|place| place.share == share) else {
            break;
        };
        gone.push(left.remove(oldest).knock);
    }
    gone
}

/// The share that takes most, the newcomer counted in; of equal ones that with the oldest knock.
fn fullest<'a>(newcomer: &Place<'_>, left: &[Place<'a>]) -> &'a str {
    let mut taken: HashMap<&str, usize> = HashMap::from([(newcomer.share, 1)]);
    for place in left {
        *taken.entry(place.share).or_default() += 1;
    }
    let count = |place: &Place<'_>| taken.get(place.share).copied().unwrap_or_default();
    // `max_by_key` gives the last of equals, hence from the newest to the oldest.
    let most = left.iter().rev().max_by_key(|place| count(place));
    most.map_or("", |place| place.share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: Room = Room {
        of_sender: 2,
        of_share: 3,
        of_prefix: 4,
        all: 6,
        bytes: 100,
    };

    /// (sender, share, prefix, bytes)
    type Drawn = (usize, usize, usize, u64);

    struct World {
        senders: Vec<Did>,
        shares: Vec<String>,
        prefixes: Vec<String>,
    }

    impl World {
        fn new() -> Self {
            let names = |text: &str| (0..8).map(|n| format!("{text}{n}")).collect::<Vec<_>>();
            Self {
                senders: names("did:web:a.test:x")
                    .iter()
                    .map(|did| did.parse().unwrap())
                    .collect(),
                shares: names("share"),
                prefixes: names("prefix"),
            }
        }

        fn place(&self, n: usize, (sender, share, prefix, bytes): Drawn) -> Place<'_> {
            Place {
                knock: comity_record::labelled("test", &n.to_be_bytes()),
                // A sender has one share.
                sender: &self.senders[sender + 2 * share],
                share: &self.shares[share],
                prefix: (prefix > 0).then_some(self.prefixes[prefix].as_str()),
                kept_room: false,
                bytes,
            }
        }
    }

    /// Lets them in one by one; gives what is left.
    fn fill(world: &World, drawn: &[Drawn]) -> Vec<usize> {
        let mut left: Vec<usize> = Vec::new();
        for (n, one) in drawn.iter().enumerate() {
            let pending: Vec<_> = left.iter().map(|n| world.place(*n, drawn[*n])).collect();
            let gone = place_in(&SMALL, &world.place(n, *one), &pending);
            left.retain(|n| !gone.contains(&world.place(*n, drawn[*n]).knock));
            left.push(n);
        }
        left
    }

    proptest! {
        #[test]
        fn every_bound_holds_and_the_newcomer_is_in(
            drawn in prop::collection::vec((0..2_usize, 0..4_usize, 0..3_usize, 1..60_u64), 1..40),
        ) {
            let world = World::new();
            let left = fill(&world, &drawn);
            prop_assert_eq!(left.last(), Some(&(drawn.len() - 1)));
            let places: Vec<_> = left.iter().map(|n| world.place(*n, drawn[*n])).collect();
            prop_assert!(places.len() <= SMALL.all);
            prop_assert!(places.iter().map(|p| p.bytes).sum::<u64>() <= SMALL.bytes);
            for one in &places {
                let like = |of: &dyn Fn(&&Place<'_>) -> bool| places.iter().filter(of).count();
                prop_assert!(like(&|p| p.sender == one.sender) <= SMALL.of_sender);
                prop_assert!(like(&|p| p.share == one.share) <= SMALL.of_share);
                prop_assert!(
                    one.prefix.is_none() || like(&|p| p.prefix == one.prefix) <= SMALL.of_prefix
                );
            }
        }

        #[test]
        fn a_flood_of_one_share_displaces_nobody_else(
            flood in 10..60_usize, quiet in 1..3_usize,
        ) {
            let world = World::new();
            let mut drawn: Vec<Drawn> = (0..quiet).map(|n| (0, n + 1, 0, 1)).collect();
            drawn.extend((0..flood).map(|n| (n % 2, 0, 0, 1)));
            let left = fill(&world, &drawn);
            prop_assert!((0..quiet).all(|n| left.contains(&n)));
        }
    }

    #[test]
    fn kept_room_is_not_taken_by_strangers() {
        let world = World::new();
        let mut invited = world.place(0, (0, 0, 0, 1));
        invited.kept_room = true;
        let pending = [invited];
        let crowd = Room { all: 1, ..SMALL };
        let stranger = world.place(1, (1, 1, 0, 1));
        assert!(place_in(&crowd, &stranger, &pending).is_empty());
    }
}
