//! What is to be handed over, and when.

use super::World;
use super::samples::{START, did, digest, id, outgoing};
use crate::{OutKind, Outgoing};
use comity_engine::{OutState, Timestamp};
use std::time::Duration;

pub fn only_the_first_of_a_stream_is_due(world: &World) {
    put(
        world,
        [
            outgoing("bruno", "t", 1),
            outgoing("bruno", "t", 2),
            outgoing("bruno", "t", 3),
        ],
    );
    // The same thread with another peer is another stream.
    let other = Outgoing {
        id: id("c"),
        ..outgoing("carla", "t", 1)
    };
    put(world, [outgoing("bruno", "u", 1), other]);
    assert_eq!(due(world), ["t-1", "u-1", "c"]);
    change(world, "t-1", |row| row.state = OutState::Sent);
    assert_eq!(due(world), ["t-2", "u-1", "c"]);
    change(world, "t-3", |row| row.state = OutState::Cancelled);
    change(world, "t-2", |row| row.state = OutState::Done);
    assert_eq!(due(world), ["u-1", "c"]);
}

pub fn a_tombstone_stands_where_its_message_stood(world: &World) {
    put(
        world,
        [outgoing("bruno", "t", 2), outgoing("bruno", "t", 3)],
    );
    let tombstone = Outgoing {
        id: id("void"),
        digest: digest("void"),
        kind: OutKind::Void(digest("bruno t-1")),
        ..outgoing("bruno", "t", 1)
    };
    put(world, [tombstone]);
    assert_eq!(due(world), ["void"]);
    change(world, "void", |row| row.state = OutState::Sent);
    assert_eq!(due(world), ["t-2"]);
}

pub fn contact_messages_wait_for_nobody(world: &World) {
    let contact = |name: &str| Outgoing {
        id: id(name),
        digest: digest(name),
        kind: OutKind::Contact,
        order: None,
        ..outgoing("bruno", "t", 1)
    };
    put(
        world,
        [
            outgoing("bruno", "t", 1),
            contact("knock"),
            contact("ended"),
        ],
    );
    assert_eq!(due(world), ["t-1", "knock", "ended"]);
    change(world, "t-1", move |row| {
        row.next_attempt = START + Duration::from_secs(5)
    });
    assert_eq!(due(world), ["knock", "ended"]);
    change(world, "knock", |row| row.state = OutState::Done);
    assert_eq!(due(world), ["ended"]);
}

pub fn a_pause_is_kept_and_told(world: &World) {
    assert_eq!(next(world), None);
    put(
        world,
        [outgoing("bruno", "t", 1), outgoing("bruno", "t", 2)],
    );
    // What is due now is nothing to wait for.
    assert_eq!(next(world), None);
    let later = START + Duration::from_millis(250);
    change(world, "t-1", move |row| row.next_attempt = later);
    assert_eq!(due(world), [""; 0]);
    assert_eq!(next(world), Some(later));
    put(world, [outgoing("carla", "u", 1)]);
    let sooner = START + Duration::from_millis(249);
    change(world, "u-1", move |row| row.next_attempt = sooner);
    assert_eq!(next(world), Some(sooner));
    world.clock.set(sooner);
    assert_eq!(due(world), ["u-1"]);
    assert_eq!(next(world), Some(later));
    world.clock.set(later);
    assert_eq!(due(world), ["t-1", "u-1"]);
}

pub fn recipients_who_are_down_are_left_out(world: &World) {
    put(
        world,
        [
            outgoing("bruno", "t", 1),
            outgoing("carla", "u", 1),
            outgoing("dora", "v", 1),
        ],
    );
    let due = |except: &[&str]| {
        let except: Vec<_> = except.iter().map(|name| did(name)).collect();
        let rows = world.read(move |tx| tx.due_outgoing(START, &except, &[], 9));
        rows.into_iter()
            .map(|row| row.id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(due(&["bruno", "unknown"]), ["u-1", "v-1"]);
    assert_eq!(due(&["dora", "bruno", "carla"]), [""; 0]);
}

pub fn due_messages_come_by_number_up_to_the_limit(world: &World) {
    for n in 0..6 {
        let peer = ["bruno", "carla", "dora"][n % 3];
        put(world, [outgoing(peer, &format!("t{n}"), 1)]);
    }
    for name in ["t1-1", "t4-1"] {
        change(world, name, move |row| {
            row.next_attempt = START + Duration::from_millis(1)
        });
    }
    let due = |limit| {
        let now = world.now();
        let rows = world.read(move |tx| tx.due_outgoing(now, &[], &[], limit));
        rows.into_iter()
            .map(|row| row.id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(due(9), ["t0-1", "t2-1", "t3-1", "t5-1"]);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(due(9), ["t0-1", "t1-1", "t2-1", "t3-1", "t4-1", "t5-1"]);
    assert_eq!(due(3), ["t0-1", "t1-1", "t2-1"]);
    assert_eq!(due(0), [""; 0]);
}

pub fn a_clock_that_goes_back_holds_up_nothing_new(world: &World) {
    put(world, [outgoing("bruno", "t", 1)]);
    world
        .clock
        .set(Timestamp::from_millis(START.millis() - 3_600_000));
    assert_eq!(due(world), ["t-1"]);
}

fn put<const N: usize>(world: &World, rows: [Outgoing; N]) {
    world.write(move |tx| {
        rows.iter()
            .try_for_each(|row| tx.put_outgoing(row).map(drop))
    });
}

/// Changes the first message of this id.
fn change(world: &World, name: &str, change: impl Fn(&mut Outgoing) + Send + 'static) {
    let name = id(name);
    world.write(move |tx| {
        let mut row = tx.outgoing(&did("aria"), &name)?.unwrap();
        change(&mut row);
        tx.put_outgoing(&row)
    });
}

fn due(world: &World) -> Vec<String> {
    let now = world.now();
    let rows = world.read(move |tx| tx.due_outgoing(now, &[], &[], 100));
    rows.into_iter().map(|row| row.id.to_string()).collect()
}

fn next(world: &World) -> Option<Timestamp> {
    world.read(|tx| tx.next_outgoing())
}
