//! Records: what peers' bundles open.

use comity_record::entry::{
    Acted, AgentChanged, Asked, Counted, Decided, Ended, EndedState, Entry, LogStarted,
    MAX_RECORD_BYTES, MessageFacts, MessageIn, MessageOut, Outcome, Proof, ReceiptIn, Refused,
    Settled,
};
use comity_record::receipt::By;
use comity_record::{Digest, Event, Fingerprint, Leaf, ReceiptState, Record};

use crate::Target;
use crate::cast::{ARIA, BRUNO};

pub(crate) const TARGET: Target = Target {
    name: "records",
    max_len: 4096,
    run,
    seeds,
    heavy,
};

fn run(data: &[u8]) {
    let read = Record::parse(data);
    let opened = Entry::open([5; 32], data.to_vec());
    assert_eq!(read.is_ok(), opened.is_ok());
    let (Ok(record), Ok((entry, again))) = (read, opened) else {
        return;
    };
    assert!(data.len() <= MAX_RECORD_BYTES);
    assert_eq!(record, again);
    assert_eq!(entry.octets(), data);
    let written = record.to_octets();
    assert_eq!(
        Record::parse(&written).expect("what is written reads"),
        record
    );
    let leaf = entry.leaf();
    assert_eq!(leaf.kind, record.kind());
    assert_eq!(leaf.text().parse::<Leaf>(), Ok(leaf));
    assert_eq!(record.event.names().next(), record.event.message());
    let other = Entry::open([6; 32], data.to_vec()).expect("opens").0;
    assert_ne!(other.commitment(), entry.commitment());
    if written != data {
        let other = Entry::new(&record, [5; 32]);
        assert!(
            other.is_err() || other.is_ok_and(|other| other.commitment() != entry.commitment())
        );
    }
}

fn records() -> Vec<Record> {
    let facts = MessageFacts {
        message: Digest::of(b"m"),
        id: "8e1a".into(),
        to: BRUNO.did.clone(),
        from: ARIA.did.clone(),
        type_: "https://example.org/a/1.0/b".into(),
        thid: "8e1a".into(),
        sender_order: Some(1),
        grant: Some(Digest::of(b"g")),
        bytes: 812,
        causes: vec![Digest::of(b"c")],
        by: None,
    };
    let started = LogStarted {
        node: "agents.org-a.test".into(),
        previous: String::new(),
        reason: "first".into(),
    };
    let agent = AgentChanged {
        did: ARIA.did.clone(),
        document: Some(Digest::of(b"d")),
        did_version: None,
    };
    let accepted = MessageIn {
        facts: facts.clone(),
        kid: ARIA.kid("sign"),
        key: Fingerprint::of(ARIA.signs().public()),
        document: Some(Digest::of(b"d")),
        did_version: Some("x:1-y".into()),
        proof: Proof::Anyone,
    };
    let settled = Settled {
        message: facts.message,
        state: ReceiptState::Done,
        code: Some("e.p.x".into()),
        by: By::Agent,
        attempt: 1,
        replies: vec![Digest::of(b"r")],
    };
    let receipt = ReceiptIn {
        message: facts.message,
        state: ReceiptState::Received,
        receipt: Digest::of(b"r"),
    };
    let ended = Ended {
        message: facts.message,
        state: EndedState::Cancelled,
        reason: "revoked".into(),
    };
    let decided = Decided {
        grant: Digest::of(b"g"),
        approval: Some(Digest::of(b"a")),
        by: "operator".into(),
        outcome: Outcome::Approved,
        message: Some(facts.message),
        asked: Some(Asked {
            question: "Go on?".into(),
            answer: Some(serde_json::json!({"limit": 5})),
        }),
        vouches: vec![Digest::of(b"v")],
    };
    let acted = Acted {
        act: "block".into(),
        by: "dana".into(),
        about: ARIA.did.to_string(),
    };
    let refused = Refused {
        message: facts.message,
        from: ARIA.did.clone(),
        code: "e.p.trust.no-grant".into(),
        grant: None,
    };
    let counted = Counted {
        counts: [("e.p.trust.no-grant".into(), 7)].into(),
    };
    [
        Event::Ended(ended),
        Event::Decision(decided),
        Event::Act(acted),
        Event::Refused(refused),
        Event::Counted(counted),
        Event::Start(started),
        Event::Agent(agent),
        Event::MessageOut(MessageOut { facts }),
        Event::MessageIn(accepted),
        Event::Settled(settled),
        Event::ReceiptIn(receipt),
    ]
    .into_iter()
    .map(|event| Record {
        at: 1_795_404_926,
        event,
    })
    .collect()
}

pub(crate) fn leaf_text() -> String {
    Entry::new(&records()[0], [1; 32])
        .expect("a record")
        .leaf()
        .text()
}

fn seeds() -> Vec<Vec<u8>> {
    records().iter().map(Record::to_octets).collect()
}

fn heavy() -> Vec<Vec<u8>> {
    let text = String::from_utf8(records()[3].to_octets()).unwrap_or_default();
    let cause = format!(r#""{}""#, Digest::of(b"c"));
    vec![
        text.replace(&cause, &vec![cause.as_str(); 1_200].join(","))
            .into_bytes(),
        text.replace("8e1a", &"x".repeat(30_000)).into_bytes(),
    ]
}
