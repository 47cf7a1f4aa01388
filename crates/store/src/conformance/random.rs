//! Random work on the backend and on the memory backend, compared after every step.
//!
//! The durable backends keep what is due in columns that they update as rows change; the memory
//! backend looks at all rows every time. So a forgotten update shows here.

use super::samples::{START, did, digest, grant, id, incoming, outgoing, parked, receipt};
use super::{World, block_on};
use crate::{GrantRow, Incoming, Memory, Outgoing, Page, ReceiptRow, Store, StoreError, Tx};
use comity_did::Did;
use comity_engine::{GrantState, InState, OutState, Timestamp};
use comity_record::ReceiptState;
use std::time::Duration;

const STEPS: u32 = 600;

pub fn agrees_with_the_memory_backend(world: &World) {
    let memory = Store::new(Memory::new(world.clock.clone()));
    let both = [&memory, &world.store];
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for step in 0..STEPS {
        let work = Work::roll(&mut dice);
        let undo = dice.roll(5) == 0;
        let [wanted, got] = both.map(|store| {
            let work = work.clone();
            block_on(store.write(move |tx| {
                let seq = work.apply(tx)?;
                if undo {
                    Err(StoreError::Conflict)
                } else {
                    Ok(seq)
                }
            }))
            .ok()
        });
        assert_eq!(wanted, got, "step {step}: {work:?}");
        if dice.roll(4) == 0 {
            world.clock.advance(Duration::from_millis(dice.roll(3_000)));
        }
        let limit = usize::try_from(dice.roll(12) + 1).unwrap();
        let [wanted, got] =
            both.map(|store| block_on(store.read(move |tx| look(tx, limit))).unwrap());
        assert_eq!(wanted, got, "after step {step}: {work:?}");
    }
}

/// What waits for an answer, for each peer and thread.
fn awaiting(tx: &dyn Tx, aria: &Did) -> Result<Vec<u64>, StoreError> {
    let mut seqs = Vec::new();
    for peer in PEERS {
        for thread in THREADS {
            let row = tx.awaiting(aria, &did(peer), &id(thread))?;
            seqs.extend(row.map(|row| row.seq));
        }
    }
    Ok(seqs)
}

/// All that depends on more than one row, as text.
fn look(tx: &dyn Tx, limit: usize) -> Result<Vec<String>, StoreError> {
    let now = tx.now();
    let aria = did("aria");
    let out = |rows: Vec<Outgoing>| rows.iter().map(|row| row.seq).collect::<Vec<_>>();
    let inn = |rows: Vec<Incoming>| rows.iter().map(|row| row.seq).collect::<Vec<_>>();
    let mut seen = vec![
        format!("due {:?}", out(tx.due_outgoing(now, &[], &[], limit)?)),
        format!(
            "due but one {:?}",
            out(tx.due_outgoing(now, &[did("carla")], &[2, 5, 7], limit)?)
        ),
        format!("next out {:?}", tx.next_outgoing()?),
        format!("held {:?}", out(tx.held_outgoing(limit)?)),
        format!("awaiting {:?}", awaiting(tx, &aria)?),
        format!("newest {} {}", tx.newest_outgoing()?, tx.newest_incoming()?),
        format!(
            "counts {:?} {:?}",
            tx.count_outgoing()?,
            tx.count_incoming()?
        ),
        format!(
            "open {} {}",
            tx.count_unfinished(&aria)?,
            tx.count_unsettled(&aria)?
        ),
        format!("leasable {:?}", inn(tx.leasable(&aria, now, &[], limit)?)),
        format!(
            "leasable but some {:?}",
            inn(tx.leasable(&aria, now, &[1, 2, 5, 8], limit)?)
        ),
        format!("parked {:?}", inn(tx.parked(Page { after: 3, limit })?)),
        format!("next in {:?}", tx.next_incoming(&aria, now)?),
        format!(
            "expired {:?}",
            out(tx.expired_outgoing(now.seconds(), limit)?)
        ),
        format!(
            "lapsed {:?}",
            inn(tx.expired_incoming(now.seconds(), limit)?)
        ),
        format!(
            "all {:?}",
            out(tx.list_outgoing(Page {
                after: 0,
                limit: 1_000
            })?)
        ),
        format!("receipts {:?}", ids(tx.due_receipts(now, &[], limit)?)),
        format!(
            "receipts but one {:?}",
            ids(tx.due_receipts(now, &[did("bruno")], limit)?)
        ),
        format!("unsigned {:?}", ids(tx.unsigned_receipts(20, limit)?)),
        format!("next receipt {:?}", tx.next_receipt()?),
    ];
    let page = Page { after: 3, limit };
    for peer in PEERS {
        let peer = did(peer);
        seen.push(format!(
            "unfinished {:?}",
            out(tx.unfinished(&aria, &peer, page)?)
        ));
        seen.push(format!(
            "unsettled {:?}",
            inn(tx.unsettled(&aria, &peer, page)?)
        ));
        seen.push(format!("{:?}", tx.grant_between(&aria, &peer)?));
        for thread in THREADS {
            seen.push(format!(
                "stream {:?}",
                out(tx.stream(&aria, &peer, &id(thread), 2)?)
            ));
            seen.push(format!(
                "thread {:?}",
                out(tx.thread_outgoing(&id(thread))?)
            ));
        }
    }
    Ok(seen)
}

fn ids(rows: Vec<ReceiptRow>) -> Vec<String> {
    rows.into_iter().map(|row| row.id.to_string()).collect()
}

const PEERS: [&str; 3] = ["bruno", "carla", "dora"];
const THREADS: [&str; 3] = ["t", "u", "v"];

/// One row to put.
#[derive(Clone, Debug)]
enum Work {
    Out(Box<Outgoing>),
    In(Box<Incoming>),
    Grant(Box<GrantRow>),
    Receipt(Box<ReceiptRow>),
}

impl Work {
    fn roll(dice: &mut Dice) -> Self {
        let peer = dice.of(PEERS);
        let thread = dice.of(THREADS);
        let order = dice.roll(8);
        let soon = START + Duration::from_millis(dice.roll(400_000));
        match dice.roll(10) {
            0..=3 => Self::Out(Box::new(Outgoing {
                id: id(&format!("{peer}-{thread}-{order}")),
                state: dice.of([
                    OutState::Queued,
                    OutState::Queued,
                    OutState::Queued,
                    OutState::Held,
                    OutState::Sent,
                    OutState::Received,
                    OutState::Done,
                ]),
                next_attempt: dice.of([START, START, soon]),
                ask: dice.of([false, true]),
                withdrawn: dice.of([None, None, None, Some(OutState::Cancelled)]),
                expires: dice.of([9_000_000, START.seconds() + 50]),
                kind: dice.of([
                    crate::OutKind::Message,
                    crate::OutKind::Message,
                    crate::OutKind::Message,
                    crate::OutKind::Contact,
                ]),
                ..outgoing(peer, thread, order)
            })),
            4..=6 => Self::In(Box::new(Incoming {
                delivery: format!("d_{peer}-{thread}-{order}"),
                state: dice.of([
                    InState::Ready,
                    InState::Ready,
                    InState::Ready,
                    InState::Leased,
                    InState::Parked,
                    InState::Settled,
                    InState::Dead,
                ]),
                leased_until: soon,
                not_before: dice.of([Timestamp::default(), START, soon]),
                expires: dice.of([9_000_000, START.seconds() + 50]),
                answer_to: dice.of([None, None, None, Some(id("question"))]),
                parked: dice.of([None, Some(parked(START.seconds() + 40))]),
                grant: grant(peer, dice.of([1, 1, 2])).grant.id(),
                ..incoming(peer, thread, order)
            })),
            7 | 8 => Self::Grant(Box::new(GrantRow {
                state: dice.of([
                    GrantState::Active,
                    GrantState::Active,
                    GrantState::Suspended,
                    GrantState::Offered,
                    GrantState::Ended,
                ]),
                uses: order,
                ended: dice.of([None, Some(soon)]),
                ..grant(peer, dice.of([1, 2]))
            })),
            _ => Self::Receipt(Box::new(ReceiptRow {
                message: digest(&format!("{peer}-{order}")),
                state: dice.of([ReceiptState::Received, ReceiptState::Done]),
                receipt: dice.of([None, Some(vec![1])]),
                delivered: dice.of([false, false, true]),
                next_attempt: soon,
                ..receipt(peer, &format!("{peer}-{order}"), order * 5)
            })),
        }
    }

    fn apply(&self, tx: &mut dyn Tx) -> Result<u64, StoreError> {
        match self {
            Self::Out(row) => tx.put_outgoing(row),
            Self::In(row) => tx.put_incoming(row),
            Self::Grant(row) => tx.put_grant(row).map(|()| 0),
            Self::Receipt(row) => tx.put_receipt(row).map(|()| 0),
        }
    }
}

/// A small generator (xorshift64*), so that a failure comes again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }

    fn of<T: Clone, const N: usize>(&mut self, choices: [T; N]) -> T {
        choices[usize::try_from(self.roll(N as u64)).unwrap()].clone()
    }
}
