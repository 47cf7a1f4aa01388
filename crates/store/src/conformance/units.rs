//! Units of work: whole or not at all, alone or in a group, seen by nobody before their commit.

use super::samples::{START, did, digest, grant, id, incoming, outgoing};
use super::{World, block_on};
use crate::{Page, StoreError, Tx, Way};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub fn what_a_unit_wrote_is_read_after_it(world: &World) {
    world.write(|tx| tx.set_meta("epoch", b"1"));
    assert_eq!(
        world.read(|tx| tx.meta("epoch")).as_deref(),
        Some(&b"1"[..])
    );
    world.write(|tx| tx.set_meta("epoch", b"2"));
    assert_eq!(
        world.read(|tx| tx.meta("epoch")).as_deref(),
        Some(&b"2"[..])
    );
}

pub fn a_unit_reads_what_it_wrote(world: &World) {
    world.write(|tx| {
        tx.put_grant(&grant("bruno", 1))?;
        tx.put_incoming(&incoming("bruno", "t", 1))?;
        tx.put_outgoing(&outgoing("bruno", "t", 1))?;
        assert_eq!(tx.leasable(&did("aria"), START, &[], 10)?.len(), 1);
        assert_eq!(tx.due_outgoing(START, &[], &[], 10)?.len(), 1);
        assert_eq!(tx.count_unsettled(&did("aria"))?, 1);
        assert_eq!(tx.count_unfinished(&did("aria"))?, 1);
        assert!(tx.has_incoming(&did("aria"), &did("bruno"))?);
        Ok(())
    });
}

pub fn a_unit_that_fails_leaves_nothing(world: &World) {
    world.write(|tx| {
        tx.put_grant(&grant("bruno", 1))?;
        tx.put_outgoing(&outgoing("bruno", "t", 1))
    });
    let failed = block_on(world.store.write(|tx| {
        fill(tx)?;
        Err::<(), _>(StoreError::Conflict)
    }));
    assert!(matches!(failed, Err(StoreError::Conflict)));
    assert_only_the_first_is_there(world);
    // What comes next is not disturbed by what was undone.
    let seqs = world.write(|tx| fill(tx));
    assert_eq!(seqs, (2, 1));
}

pub fn a_unit_that_breaks_off_leaves_nothing_and_the_store_lives_on(world: &World) {
    world.write(|tx| {
        tx.put_grant(&grant("bruno", 1))?;
        tx.put_outgoing(&outgoing("bruno", "t", 1))
    });
    let broken = block_on(world.store.write(|tx| {
        fill(tx)?;
        assert!(tx.now() > START, "a bug in a unit, on purpose");
        Ok::<_, StoreError>(())
    }));
    assert!(matches!(broken, Err(StoreError::Panicked)), "{broken:?}");
    assert_only_the_first_is_there(world);
    let broken = block_on(world.store.read(|tx| {
        assert!(tx.now() > START, "a bug in a unit that reads, on purpose");
        Ok::<_, StoreError>(())
    }));
    assert!(matches!(broken, Err(StoreError::Panicked)), "{broken:?}");
    assert_eq!(world.write(|tx| fill(tx)), (2, 1));
}

pub fn a_failed_unit_does_not_undo_its_neighbours(world: &World) {
    // Submitted at once, so that a backend that groups has them in one group.
    let pending: Vec<_> = (0..60_u64)
        .map(|n| {
            let work = world.store.write(move |tx| {
                tx.put_outgoing(&outgoing("bruno", &format!("t{n}"), 1))?;
                tx.put_message(&digest(&n.to_string()), &n.to_be_bytes())?;
                if n % 3 == 0 {
                    Err(StoreError::Conflict)
                } else {
                    Ok(n)
                }
            });
            let mut work = Box::pin(work);
            // The first poll submits.
            let waker = std::task::Waker::noop();
            let first = work
                .as_mut()
                .poll(&mut std::task::Context::from_waker(waker));
            (n, work, first)
        })
        .collect();
    for (n, work, first) in pending {
        let result = match first {
            std::task::Poll::Ready(result) => result,
            std::task::Poll::Pending => block_on(work),
        };
        assert_eq!(result.is_ok(), n % 3 != 0, "unit {n}");
    }
    let rows = world.read(|tx| {
        tx.list_outgoing(Page {
            after: 0,
            limit: 100,
        })
    });
    assert_eq!(rows.len(), 40);
    assert_eq!(
        world.read(|tx| tx.count_outgoing()),
        [("queued".to_owned(), 40)]
    );
    for n in 0..60_u64 {
        let kept = world.read(move |tx| tx.message(&digest(&n.to_string())));
        assert_eq!(kept.is_some(), n % 3 != 0, "message {n}");
    }
}

pub fn a_reader_never_sees_half_a_unit(world: &World) {
    let over = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let over = Arc::clone(&over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let (left, right) = block_on(world.store.read(|tx| {
                        let left = tx.meta("left")?;
                        std::thread::sleep(Duration::from_micros(200));
                        Ok::<_, StoreError>((left, tx.meta("right")?))
                    }))
                    .unwrap();
                    assert_eq!(left, right);
                }
            });
        }
        for n in 0..100_u32 {
            world.write(move |tx| {
                tx.set_meta("left", &n.to_be_bytes())?;
                tx.set_meta("right", &n.to_be_bytes())
            });
        }
        over.store(true, Ordering::Relaxed);
    });
}

pub fn many_writers_lose_nothing(world: &World) {
    const WRITERS: u64 = 8;
    const UNITS: u64 = 50;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                for n in 0..UNITS {
                    let thid = format!("w{writer}");
                    let count = block_on(world.store.write(move |tx| {
                        let count = tx.meta("count")?.map_or(0, |octets| number(&octets)) + 1;
                        tx.set_meta("count", &count.to_be_bytes())?;
                        tx.put_event(&did("aria"), &id("m"))?;
                        tx.put_outgoing(&outgoing("bruno", &thid, n))?;
                        Ok::<_, StoreError>(count)
                    }))
                    .unwrap();
                    // Told means readable.
                    let now = block_on(world.store.read(|tx| tx.meta("count"))).unwrap();
                    assert!(number(&now.unwrap()) >= count);
                }
            });
        }
    });
    let all = WRITERS * UNITS;
    assert_eq!(number(&world.read(|tx| tx.meta("count")).unwrap()), all);
    let events = world.read(|tx| {
        tx.events(
            &did("aria"),
            Page {
                after: 0,
                limit: 10_000,
            },
        )
    });
    assert_eq!(events.len() as u64, all);
    assert!(events.is_sorted_by(|a, b| a.0 < b.0));
    assert_eq!(world.read(|tx| tx.count_unfinished(&did("aria"))), all);
}

pub fn the_clock_of_the_store_is_the_one_it_was_given(world: &World) {
    assert_eq!(world.read(|tx| Ok(tx.now())), START);
    world.clock.advance(Duration::from_millis(1_500));
    assert_eq!(
        world.write(|tx| Ok(tx.now())),
        START + Duration::from_millis(1_500)
    );
}

/// Writes to many tables; returns the numbers that it got.
fn fill(tx: &mut dyn Tx) -> Result<(u64, u64), StoreError> {
    let (aria, carla) = (did("aria"), did("carla"));
    tx.set_meta("filled", b"yes")?;
    tx.put_grant(&grant("carla", 1))?;
    let out = tx.put_outgoing(&outgoing("carla", "t", 2))?;
    tx.put_incoming(&incoming("carla", "t", 1))?;
    tx.claim_order(Way::Out, &aria, &carla, &id("t"), None, 1)?;
    tx.put_seen(&aria, &carla, &id("t-1"), &digest("x"), 9)?;
    tx.put_message(&digest("x"), b"x")?;
    let entry = tx.append_entry(&super::samples::entry(1, Some("x")))?;
    tx.put_receipt(&super::samples::receipt("carla", "x", entry))?;
    tx.put_event(&aria, &id("t-2"))?;
    // A change of a row that was there before.
    let first = tx.outgoing(&aria, &id("t-1"))?;
    if let Some(mut first) = first {
        first.state = comity_engine::OutState::Done;
        tx.put_outgoing(&first)?;
    }
    Ok((out, entry))
}

fn assert_only_the_first_is_there(world: &World) {
    world.read(|tx| {
        let (aria, carla) = (did("aria"), did("carla"));
        assert_eq!(tx.meta("filled")?, None);
        assert_eq!(tx.grant_between(&aria, &carla)?, None);
        assert_eq!(tx.outgoing(&aria, &id("t-2"))?, None);
        assert_eq!(tx.due_outgoing(START, &[], &[], 10)?.len(), 1);
        assert_eq!(tx.count_outgoing()?, [("queued".to_owned(), 1)]);
        assert_eq!(tx.count_incoming()?, []);
        assert_eq!(tx.incoming("d_t-1")?, None);
        assert!(!tx.has_incoming(&aria, &carla)?);
        assert_eq!(tx.last_order(Way::Out, &aria, &carla, &id("t"))?, None);
        assert_eq!(tx.seen(&aria, &carla, &id("t-1"))?, None);
        assert_eq!(tx.message(&digest("x"))?, None);
        assert_eq!(tx.unintegrated(10)?, []);
        assert_eq!(tx.receipts_of(&digest("x"))?, []);
        assert_eq!(
            tx.events(
                &aria,
                Page {
                    after: 0,
                    limit: 10
                }
            )?,
            []
        );
        Ok(())
    });
}

fn number(octets: &[u8]) -> u64 {
    u64::from_be_bytes(octets.try_into().unwrap())
}
