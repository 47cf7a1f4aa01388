use super::World;
use super::samples::{START, did, digest, receipt};
use crate::{PeerReceiptRow, ReceiptRow};
use comity_engine::{Code, Timestamp};
use comity_record::ReceiptState;
use std::time::Duration;

pub fn receipts_are_signed_in_order_of_their_entries(world: &World) {
    put(
        world,
        &[
            receipt("bruno", "b", 5),
            receipt("bruno", "a", 3),
            receipt("carla", "c", 9),
        ],
    );
    let unsigned = |up_to, limit| {
        let rows = world.read(move |tx| tx.unsigned_receipts(up_to, limit));
        rows.into_iter()
            .map(|row| row.id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(unsigned(2, 9), [""; 0]);
    assert_eq!(unsigned(5, 9), ["a", "b"]);
    assert_eq!(unsigned(99, 2), ["a", "b"]);
    put(world, &[signed("bruno", "a", 3)]);
    assert_eq!(unsigned(99, 9), ["b", "c"]);
}

pub fn signed_receipts_are_due_until_they_are_delivered(world: &World) {
    put(world, &[receipt("bruno", "a", 1)]);
    assert_eq!((due(world, &[]), next(world)), (vec![], None));
    let later = START + Duration::from_secs(9);
    put(
        world,
        &[
            ReceiptRow {
                next_attempt: later,
                ..signed("bruno", "a", 1)
            },
            signed("carla", "b", 2),
            signed("bruno", "c", 3),
        ],
    );
    assert_eq!(due(world, &[]), ["b", "c"]);
    assert_eq!(next(world), Some(later));
    put(
        world,
        &[
            ReceiptRow {
                delivered: true,
                ..signed("carla", "b", 2)
            },
            ReceiptRow {
                delivered: true,
                ..signed("bruno", "c", 3)
            },
        ],
    );
    assert_eq!((due(world, &[]), next(world)), (vec![], Some(later)));
    world.clock.set(later);
    assert_eq!(due(world, &[]), ["a"]);
}

pub fn senders_who_are_down_are_left_out(world: &World) {
    put(
        world,
        &[
            signed("bruno", "a", 1),
            signed("carla", "b", 2),
            signed("bruno", "c", 3),
        ],
    );
    assert_eq!(due(world, &["bruno"]), ["b"]);
    assert_eq!(due(world, &["carla", "unknown"]), ["a", "c"]);
    let first = world.read(|tx| tx.due_receipts(START, &[], 2));
    assert_eq!(
        first.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );
}

pub fn receipts_of_a_message_are_kept_by_recipient_and_state(world: &World) {
    let received = signed("bruno", "a", 1);
    let rejected = ReceiptRow {
        state: ReceiptState::Rejected,
        code: Some(Code::ATTEMPTS_EXHAUSTED),
        by: "agent".to_owned(),
        deniable: true,
        attempts: 3,
        ..receipt("bruno", "a", 2)
    };
    let other = ReceiptRow {
        recipient: did("anna"),
        ..signed("bruno", "a", 3)
    };
    put(
        world,
        &[
            received.clone(),
            rejected.clone(),
            other.clone(),
            signed("bruno", "z", 4),
        ],
    );
    assert_eq!(
        world.read(|tx| tx.receipts_of(&digest("a"))),
        [received, rejected, other]
    );
    assert_eq!(world.read(|tx| tx.receipts_of(&digest("x"))), []);
}

pub fn the_first_copy_of_a_peers_receipt_stays(world: &World) {
    let row = |state, octets: &[u8]| PeerReceiptRow {
        message: digest("m"),
        state,
        receipt: octets.to_vec(),
    };
    let rows = [
        row(ReceiptState::Done, b"done"),
        row(ReceiptState::Received, b"first"),
        row(ReceiptState::Received, b"second"),
    ];
    let put = rows.clone();
    world.write(move |tx| put.iter().try_for_each(|row| tx.put_peer_receipt(row)));
    let [done, received, _] = rows;
    assert_eq!(
        world.read(|tx| tx.peer_receipts(&digest("m"))),
        [received, done]
    );
    assert_eq!(world.read(|tx| tx.peer_receipts(&digest("n"))), []);
}

fn signed(sender: &str, message: &str, entry: u64) -> ReceiptRow {
    ReceiptRow {
        receipt: Some(b"{\"receipt\":1}".to_vec()),
        ..receipt(sender, message, entry)
    }
}

fn put(world: &World, rows: &[ReceiptRow]) {
    let rows = rows.to_vec();
    world.write(move |tx| rows.iter().try_for_each(|row| tx.put_receipt(row)));
}

fn due(world: &World, except: &[&str]) -> Vec<String> {
    let now = world.now();
    let except: Vec<_> = except.iter().map(|name| did(name)).collect();
    let rows = world.read(move |tx| tx.due_receipts(now, &except, 100));
    rows.into_iter().map(|row| row.id.to_string()).collect()
}

fn next(world: &World) -> Option<Timestamp> {
    world.read(|tx| tx.next_receipt())
}
