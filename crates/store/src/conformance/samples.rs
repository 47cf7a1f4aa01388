//! Rows as the suite needs them. Every part can be changed afterwards.

use crate::*;
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::contact::Knock;
use comity_engine::grant::{Pin, Restrictions};
use comity_engine::{Grant, GrantState, InState, OutState, Timestamp};
use comity_record::{Digest, ReceiptState, labelled};

/// When every case starts.
pub const START: Timestamp = Timestamp::from_seconds(1_000_000);
/// When messages and grants of the suite expire, UTC seconds.
pub const UNTIL: u64 = 2_000_000;

pub fn did(name: &str) -> Did {
    format!("did:web:{name}.test:agent").parse().unwrap()
}

pub fn id(text: &str) -> MessageId {
    text.parse().unwrap()
}

pub fn digest(text: &str) -> Digest {
    labelled("test", text.as_bytes())
}

/// A queued message from `aria` to a peer, the `order`-th of a thread; its id is `thid-order`.
pub fn outgoing(to: &str, thid: &str, order: u64) -> Outgoing {
    let text = format!("{thid}-{order}");
    Outgoing {
        agent: did("aria"),
        id: id(&text),
        digest: digest(&format!("{to} {text}")),
        to: did(to),
        type_: "https://example.org/work/1.0/request".parse().unwrap(),
        thid: id(thid),
        kind: OutKind::Message,
        order: Some(order),
        seq: 0,
        state: OutState::Queued,
        waiting_on: None,
        code: None,
        reason: None,
        by: None,
        created: START,
        expires: UNTIL,
        next_attempt: START,
        attempts: 0,
        grant: None,
        purpose: None,
        submitted: [7; 32],
        ask: false,
        answer: None,
        withdrawn: None,
        history: Vec::new(),
    }
}

/// A ready delivery from a peer to `aria`, the `order`-th of a thread, under [`grant`]; its id is
/// `thid-order`, its delivery id `d_thid-order`.
pub fn incoming(from: &str, thid: &str, order: u64) -> Incoming {
    let text = format!("{thid}-{order}");
    Incoming {
        delivery: format!("d_{text}"),
        recipient: did("aria"),
        sender: did(from),
        id: id(&text),
        digest: digest(&format!("{from} {text}")),
        type_: "https://example.org/work/1.0/request".parse().unwrap(),
        thid: id(thid),
        pthid: None,
        order: Some(order),
        seq: 0,
        state: InState::Ready,
        lease: None,
        leased_until: Timestamp::default(),
        attempt: 0,
        not_before: Timestamp::default(),
        received: START,
        expires: UNTIL,
        grant: grant(from, 1).grant.id(),
        rule: "grant".to_owned(),
        proof_anyone: true,
        kid: format!("{}#key-1", did(from)),
        first_contact: false,
        answer_to: None,
        parked: None,
        outcome: None,
    }
}

/// A question that may be answered until `until`, UTC seconds.
pub fn parked(until: u64) -> Parked {
    Parked {
        number: 1,
        question: "Go on?".to_owned(),
        asked: START.seconds(),
        until,
        attempt: 1,
        reply: None,
    }
}

/// An active grant between `aria` and a peer; grants of other numbers are other grants.
pub fn grant(peer: &str, number: u8) -> GrantRow {
    let terms = terms(peer, number, UNTIL);
    GrantRow {
        decided_by: "test".to_owned(),
        ..GrantRow::new(terms, did("aria"), did(peer), GrantState::Active, START)
    }
}

pub fn terms(peer: &str, number: u8, until: u64) -> Grant {
    let nonce = format!("AAECAwQFBgcICQoLDA0{}OA", char::from(b'A' + number % 26));
    let may = vec!["https://example.org/work/1.0".to_owned()];
    let between = [did(peer), did("aria")];
    Grant::new(
        between,
        [may.clone(), may],
        until,
        &nonce,
        &Restrictions::default(),
    )
    .unwrap()
}

/// A pending knock at `aria`.
pub fn knock(sender: &str, number: u8) -> KnockRow {
    KnockRow {
        digest: digest(&format!("knock {sender} {number}")),
        id: id(&format!("knock-{sender}-{number}")),
        sender: did(sender),
        recipient: did("aria"),
        knock: Knock {
            purpose: "Q3 pricing study".to_owned(),
            offer: terms(sender, number, UNTIL),
            first: None,
            speaks: vec!["A256GCM".to_owned()],
            vouches: Vec::new(),
        },
        document: digest("document"),
        kid: format!("{}#key-1", did(sender)),
        pin: Pin::Keys(vec!["aa".to_owned()]),
        received: START,
        expires: UNTIL,
        state: KnockState::Pending,
        taken: Taken {
            share: format!("{sender}.test"),
            prefix: None,
            kept_room: false,
            bytes: 700,
        },
        invitation: None,
        vouched: Vec::new(),
        not_vouched: Vec::new(),
    }
}

/// An entry of the record, not yet recorded.
pub fn entry(number: u8, subject: Option<&str>) -> EntryRow {
    EntryRow {
        seq: 0,
        index: None,
        origin: None,
        kind: "received".to_owned(),
        r: Some([number; 32]),
        record: Some(format!("{{\"v\":1,\"n\":{number}}}").into_bytes()),
        commitment: [number ^ 0xff; 32],
        subject: subject.map(digest),
    }
}

pub fn head(origin: &str, size: u64) -> LogHead {
    LogHead {
        origin: origin.to_owned(),
        size,
        root: [3; 32],
        note: format!("{origin}\n{size}\n"),
        vkey: "vkey".to_owned(),
        sealed_key: vec![1, 2, 3],
    }
}

/// An unsigned receipt of `aria` for a message of `sender`, whose entry has the number `entry`.
pub fn receipt(sender: &str, message: &str, entry: u64) -> ReceiptRow {
    ReceiptRow {
        message: digest(message),
        id: id(message),
        recipient: did("aria"),
        sender: did(sender),
        state: ReceiptState::Received,
        code: None,
        at: START.seconds(),
        by: "node".to_owned(),
        sender_kid: format!("{}#key-1", did(sender)),
        sender_key: "aa".to_owned(),
        entry,
        deniable: false,
        receipt: None,
        delivered: false,
        next_attempt: START,
        attempts: 0,
    }
}
