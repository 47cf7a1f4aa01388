use super::samples::{did, digest, id};
use super::{World, block_on};
use crate::{StoreError, Way};

pub fn a_number_is_claimed_only_from_what_was_read(world: &World) {
    let claim = |expected, order| {
        block_on(world.store.write(move |tx| {
            let (from, to) = (did("aria"), did("bruno"));
            tx.claim_order(Way::Out, &from, &to, &id("t"), expected, order)
        }))
    };
    let last = || world.read(|tx| tx.last_order(Way::Out, &did("aria"), &did("bruno"), &id("t")));
    assert_eq!(last(), None);
    claim(None, 7).unwrap();
    assert_eq!(last(), Some(7));
    for stale in [None, Some(6), Some(8)] {
        assert!(
            matches!(claim(stale, 9), Err(StoreError::Conflict)),
            "{stale:?}"
        );
    }
    assert_eq!(last(), Some(7));
    claim(Some(7), 8).unwrap();
    assert_eq!(last(), Some(8));
    // Ids are equal without regard to case.
    let shouted = world.read(|tx| tx.last_order(Way::Out, &did("aria"), &did("bruno"), &id("T")));
    assert_eq!(shouted, Some(8));
}

pub fn both_ends_of_a_stream_may_live_in_one_store(world: &World) {
    let (aria, bruno) = (did("aria"), did("bruno"));
    world.write(move |tx| {
        tx.claim_order(Way::Out, &aria, &bruno, &id("t"), None, 3)?;
        tx.claim_order(Way::In, &aria, &bruno, &id("t"), None, 2)?;
        assert_eq!(tx.last_order(Way::Out, &aria, &bruno, &id("t"))?, Some(3));
        assert_eq!(tx.last_order(Way::In, &aria, &bruno, &id("t"))?, Some(2));
        assert_eq!(tx.last_order(Way::In, &bruno, &aria, &id("t"))?, None);
        Ok(())
    });
}

pub fn racing_claims_give_every_number_once(world: &World) {
    let mut claimed: Vec<u64> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..4)
            .map(|_| scope.spawn(move || (0..25).map(|_| claim_next(world)).collect::<Vec<_>>()))
            .collect();
        racers
            .into_iter()
            .flat_map(|racer| racer.join().unwrap())
            .collect()
    });
    claimed.sort_unstable();
    assert_eq!(claimed, (1..=100).collect::<Vec<_>>());
}

/// Reads in one transaction and claims in another, as one does that signs in between.
fn claim_next(world: &World) -> u64 {
    let stream = || (did("aria"), did("bruno"), id("t"));
    loop {
        let (from, to, thid) = stream();
        let last = world.read(move |tx| tx.last_order(Way::Out, &from, &to, &thid));
        let next = last.unwrap_or(0) + 1;
        let (from, to, thid) = stream();
        let claimed = block_on(
            world
                .store
                .write(move |tx| tx.claim_order(Way::Out, &from, &to, &thid, last, next)),
        );
        match claimed {
            Ok(()) => return next,
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub fn what_was_seen_is_known_until_it_is_forgotten(world: &World) {
    let (aria, bruno, carla) = (did("aria"), did("bruno"), did("carla"));
    world.write(move |tx| {
        for (n, until) in [(1, 10), (2, 20), (3, 30)] {
            let name = format!("m-{n}");
            tx.put_seen(&aria, &bruno, &id(&name), &digest(&name), until)?;
        }
        assert_eq!(tx.seen(&aria, &bruno, &id("M-1"))?, Some(digest("m-1")));
        assert_eq!(tx.seen(&aria, &carla, &id("m-1"))?, None);
        assert_eq!(tx.seen(&bruno, &aria, &id("m-1"))?, None);
        assert_eq!(tx.seen(&aria, &bruno, &id("m-4"))?, None);
        Ok(())
    });
    let known = || {
        world.read(|tx| {
            let names = ["m-1", "m-2", "m-3"].into_iter();
            let seen = names.map(|name| tx.seen(&did("aria"), &did("bruno"), &id(name)));
            Ok(seen.filter(|seen| matches!(seen, Ok(Some(_)))).count())
        })
    };
    assert_eq!(world.write(|tx| tx.forget_seen(9, 10)), 0);
    assert_eq!(known(), 3);
    // Fresh is what is before its end.
    assert_eq!(world.write(|tx| tx.forget_seen(10, 10)), 1);
    assert_eq!(known(), 2);
    assert_eq!(world.write(|tx| tx.forget_seen(99, 1)), 1);
    assert_eq!(world.write(|tx| tx.forget_seen(99, 10)), 1);
    assert_eq!(known(), 0);
}
