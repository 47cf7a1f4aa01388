//! Deliveries to our agents: finding, listing, counting. What may be leased: [`super::lease`].

use super::World;
use super::samples::{START, UNTIL, did, digest, id, incoming, parked};
use crate::{Incoming, Outcome, Page, ParkReply, Parked};
use comity_engine::{Code, InState};

pub fn a_delivery_is_found_by_id_and_by_digest(world: &World) {
    let mut row = full();
    let put = row.clone();
    row.seq = world.write(move |tx| tx.put_incoming(&put));
    let (seq, wanted) = (row.seq, Some(row));
    assert!(seq > 0);
    assert_eq!(world.read(|tx| tx.incoming("d_t-1")), wanted);
    let by_digest = |recipient: &str, text: &str| {
        let (recipient, digest) = (did(recipient), digest(text));
        world.read(move |tx| tx.incoming_by_digest(&recipient, &digest))
    };
    assert_eq!(by_digest("aria", "bruno t-1"), wanted);
    assert_eq!(by_digest("anna", "bruno t-1"), None);
    assert_eq!(by_digest("aria", "bruno t-2"), None);
    assert_eq!(world.read(|tx| tx.incoming("d_t-2")), None);
    // Put again, with its number or without: the same row.
    for seq in [0, seq] {
        let again = Incoming {
            seq,
            attempt: 4,
            ..full()
        };
        assert_eq!(
            world.write(move |tx| tx.put_incoming(&again)),
            wanted.as_ref().unwrap().seq
        );
    }
    assert_eq!(world.read(|tx| tx.incoming("d_t-1")).unwrap().attempt, 4);
    assert_eq!(world.read(|tx| tx.list_incoming(ALL)).len(), 1);
}

pub fn unsettled_deliveries_are_counted_and_listed_by_sender(world: &World) {
    assert!(!world.read(|tx| tx.has_incoming(&did("aria"), &did("bruno"))));
    put_all_states(world);
    world.write(|tx| tx.put_incoming(&incoming("carla", "t", 1)));
    let unsettled = |sender: &str, limit| {
        let sender = did(sender);
        let page = Page { after: 0, limit };
        let rows = world.read(move |tx| tx.unsettled(&did("aria"), &sender, page));
        rows.into_iter().map(|row| row.delivery).collect::<Vec<_>>()
    };
    assert_eq!(
        unsettled("bruno", 9),
        ["d_ready-1", "d_leased-1", "d_parked-1"]
    );
    assert_eq!(unsettled("bruno", 1), ["d_ready-1"]);
    assert_eq!(unsettled("carla", 9), ["d_t-1"]);
    assert_eq!(world.read(|tx| tx.count_unsettled(&did("aria"))), 4);
    assert_eq!(world.read(|tx| tx.count_unsettled(&did("bruno"))), 0);
    assert!(world.read(|tx| tx.has_incoming(&did("aria"), &did("bruno"))));
    assert!(!world.read(|tx| tx.has_incoming(&did("bruno"), &did("aria"))));
}

pub fn expired_deliveries_are_found_unless_somebody_works_on_them(world: &World) {
    put_all_states(world);
    world.write(|tx| {
        tx.put_incoming(&Incoming {
            expires: 10,
            ..incoming("carla", "t", 1)
        })?;
        // Expired, and somebody works on it for long.
        tx.put_incoming(&Incoming {
            expires: 10,
            state: InState::Leased,
            leased_until: comity_engine::Timestamp::from_seconds(UNTIL + 100),
            ..incoming("dora", "long", 1)
        })
    });
    let expired = |now, limit| {
        let rows = world.read(move |tx| tx.expired_incoming(now, limit));
        rows.into_iter().map(|row| row.delivery).collect::<Vec<_>>()
    };
    assert_eq!(expired(9, 9), [""; 0]);
    assert_eq!(expired(10, 9), ["d_t-1"]);
    let lapsed = ["d_t-1", "d_ready-1", "d_leased-1", "d_parked-1"];
    assert_eq!(expired(UNTIL, 9), lapsed, "no lease lasts on any of them");
    assert_eq!(expired(UNTIL, 2), ["d_t-1", "d_ready-1"]);
}

pub fn a_thread_lists_its_deliveries(world: &World) {
    world.write(|tx| {
        tx.put_incoming(&incoming("bruno", "t", 1))?;
        tx.put_incoming(&incoming("bruno", "u", 1))?;
        let other = Incoming {
            delivery: "d_o".to_owned(),
            ..incoming("carla", "T", 1)
        };
        tx.put_incoming(&other)?;
        tx.put_incoming(&Incoming {
            state: InState::Dead,
            ..incoming("bruno", "t", 2)
        })
    });
    let rows = world.read(|tx| tx.thread_incoming(&id("t")));
    let ids: Vec<_> = rows.iter().map(|row| row.delivery.as_str()).collect();
    assert_eq!(ids, ["d_t-1", "d_o", "d_t-2"]);
}

pub fn a_prefix_finds_at_most_two(world: &World) {
    world.write(|tx| {
        for thid in ["abc", "abd", "abe", "xyz"] {
            tx.put_incoming(&incoming("bruno", thid, 1))?;
        }
        Ok(())
    });
    let find = |prefix: &str| {
        let prefix = prefix.to_owned();
        world.read(move |tx| tx.find_incoming(&prefix))
    };
    assert_eq!(find("ab").len(), 2);
    assert_eq!(find("d_").len(), 2);
    assert_eq!(find("d_xyz")[0].delivery, "d_xyz-1");
    assert_eq!(find("D_xyz").len(), 0);
    assert_eq!(find("Xyz")[0].delivery, "d_xyz-1");
    assert_eq!(find("xyz-11").len(), 0);
    let digest = find("d_abd")[0].digest.to_string();
    assert_eq!(find(&digest[..12])[0].delivery, "d_abd-1");
}

pub fn deliveries_are_paged_and_counted(world: &World) {
    put_all_states(world);
    let page = |after, limit| {
        let rows = world.read(move |tx| tx.list_incoming(Page { after, limit }));
        rows.into_iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    let seqs = page(0, 9);
    assert_eq!(seqs.len(), 5);
    assert!(seqs.is_sorted_by(|a, b| a < b));
    assert_eq!(page(seqs[1], 2), seqs[2..4]);
    let count = || world.read(|tx| tx.count_incoming());
    let states = ["dead", "leased", "parked", "ready", "settled"];
    assert_eq!(count(), states.map(|state| (state.to_owned(), 1)));
    world.write(|tx| {
        let row = tx.incoming("d_leased-1")?.unwrap();
        tx.put_incoming(&Incoming {
            state: InState::Settled,
            ..row
        })
    });
    let left = [("dead", 1), ("parked", 1), ("ready", 1), ("settled", 2)];
    assert_eq!(count(), left.map(|(state, n)| (state.to_owned(), n)));
}

pub fn what_waits_for_a_person_is_listed_and_comes_back_in_time(world: &World) {
    put_all_states(world);
    world.write(|tx| {
        for (thid, until) in [("soon", 1_000_050), ("late", UNTIL + 50)] {
            tx.put_incoming(&Incoming {
                state: InState::Parked,
                parked: Some(parked(until)),
                ..incoming("carla", thid, 1)
            })?;
        }
        Ok(())
    });
    let listed = |after, limit| {
        let rows = world.read(move |tx| tx.parked(Page { after, limit }));
        rows.into_iter().map(|row| row.delivery).collect::<Vec<_>>()
    };
    assert_eq!(listed(0, 9), ["d_parked-1", "d_soon-1", "d_late-1"]);
    assert_eq!(listed(0, 1), ["d_parked-1"]);
    let first = world.read(|tx| tx.incoming("d_parked-1")).unwrap().seq;
    assert_eq!(listed(first, 9), ["d_soon-1", "d_late-1"]);
    let lapsed = |now| {
        let rows = world.read(move |tx| tx.expired_incoming(now, 9));
        rows.into_iter().map(|row| row.delivery).collect::<Vec<_>>()
    };
    assert_eq!(lapsed(1_000_049), [""; 0]);
    assert_eq!(lapsed(1_000_050), ["d_soon-1"]);
    assert!(
        lapsed(UNTIL).contains(&"d_late-1".to_owned()),
        "no later than its message"
    );
    // Answered: it waits for nobody any more, and has as long as its message.
    world.write(|tx| {
        let row = tx.incoming("d_soon-1")?.unwrap();
        tx.put_incoming(&Incoming {
            state: InState::Ready,
            ..row
        })
    });
    assert_eq!(listed(0, 9), ["d_parked-1", "d_late-1"]);
    assert_eq!(lapsed(1_000_050), [""; 0]);
}

const ALL: Page = Page {
    after: 0,
    limit: 1_000,
};

/// One delivery from bruno in each state.
fn put_all_states(world: &World) {
    use InState::{Dead, Leased, Parked, Ready, Settled};
    world.write(|tx| {
        for state in [Ready, Leased, Parked, Settled, Dead] {
            tx.put_incoming(&Incoming {
                state,
                ..incoming("bruno", state.as_str(), 1)
            })?;
        }
        Ok(())
    });
}

/// A delivery with something in every column.
fn full() -> Incoming {
    Incoming {
        pthid: Some(id("parent")),
        state: InState::Settled,
        lease: Some("l_1".to_owned()),
        leased_until: START,
        attempt: 2,
        not_before: START,
        first_contact: true,
        answer_to: Some(id("question")),
        parked: Some(Parked {
            reply: Some(ParkReply {
                answer: Some(serde_json::json!({"limit": 5})),
                by: "operator".to_owned(),
                at: START.seconds() + 9,
            }),
            ..parked(UNTIL)
        }),
        outcome: Some(Outcome {
            lease: "l_1".to_owned(),
            submitted: [9; 32],
            outcome: "reject".to_owned(),
            code: Some(Code::UNSUPPORTED_TYPE),
            messages: vec![id("reply")],
        }),
        ..incoming("bruno", "t", 1)
    }
}
