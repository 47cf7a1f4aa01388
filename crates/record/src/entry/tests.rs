use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{digest::Digest, receipt::By, text::Fingerprint, wire::Unsupported};

/// The fingerprint that `formats.md` §0 gives as its vector.
const KEY: &str = "2c87d3ea42ae349b1952c10b83d6e1d067e97ea7b53d433d39bc7083ecfd7fd2";

fn digest(n: u8) -> Digest {
    Digest::new([n; 32])
}

fn facts() -> MessageFacts {
    MessageFacts {
        message: digest(1),
        id: "9c1e".into(),
        to: "did:web:agents.org-b.test:bruno".parse().unwrap(),
        from: "did:web:agents.org-a.test:aria".parse().unwrap(),
        type_: "https://example.org/market-analysis/1.0/request".into(),
        thid: "9c1e".into(),
        sender_order: Some(1),
        grant: Some(digest(2)),
        bytes: 812,
        causes: vec![digest(3)],
        by: Some("token-1".into()),
    }
}

/// One record of each kind, with every member of the format's table present.
fn one_of_each() -> Vec<(Event, Value)> {
    let facts_json = json!({
        "message": digest(1), "id": "9c1e", "to": "did:web:agents.org-b.test:bruno",
        "from": "did:web:agents.org-a.test:aria",
        "type": "https://example.org/market-analysis/1.0/request", "thid": "9c1e",
        "sender_order": 1, "grant": digest(2), "bytes": 812, "causes": [digest(3)],
        "by": "token-1",
    });
    let with = |more: Value| {
        let mut all = facts_json.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        Value::Object(all)
    };
    let key: Fingerprint = KEY.parse().unwrap();
    vec![
        (
            Event::Start(LogStarted {
                node: "agents.org-b.test".into(),
                previous: String::new(),
                reason: "first".into(),
            }),
            json!({"kind": "start", "node": "agents.org-b.test", "previous": "", "reason": "first"}),
        ),
        (
            Event::Agent(AgentChanged {
                did: "did:web:agents.org-b.test:bruno".parse().unwrap(),
                document: Some(digest(4)),
                did_version: Some("scid:1-a".into()),
            }),
            json!({"kind": "agent", "did": "did:web:agents.org-b.test:bruno",
                "document": digest(4), "did_version": "scid:1-a"}),
        ),
        (
            Event::MessageOut(MessageOut { facts: facts() }),
            with(json!({"kind": "message-out"})),
        ),
        (
            Event::MessageIn(MessageIn {
                facts: facts(),
                kid: "did:web:agents.org-a.test:aria#key-1".parse().unwrap(),
                key,
                document: Some(digest(5)),
                did_version: Some("scid:1-b".into()),
                proof: Proof::Anyone,
            }),
            with(
                json!({"kind": "message-in", "kid": "did:web:agents.org-a.test:aria#key-1",
                "key": KEY,
                "document": digest(5), "did_version": "scid:1-b", "proof": "anyone"}),
            ),
        ),
        (
            Event::Settled(Settled {
                message: digest(1),
                state: ReceiptState::Rejected,
                code: Some("e.p.x".into()),
                by: By::Agent,
                attempt: 2,
                replies: vec![digest(6)],
            }),
            json!({"kind": "settled", "message": digest(1), "state": "rejected", "code": "e.p.x",
                "by": "agent", "attempt": 2, "replies": [digest(6)]}),
        ),
        (
            Event::ReceiptIn(ReceiptIn {
                message: digest(1),
                state: ReceiptState::Done,
                receipt: digest(7),
            }),
            json!({"kind": "receipt-in", "message": digest(1), "state": "done",
                "receipt": digest(7)}),
        ),
        (
            Event::Ended(Ended {
                message: digest(1),
                state: EndedState::Cancelled,
                reason: "revoked".into(),
            }),
            json!({"kind": "ended", "message": digest(1), "state": "cancelled",
                "reason": "revoked"}),
        ),
        (
            Event::Decision(Decided {
                grant: digest(2),
                approval: Some(digest(8)),
                by: "operator".into(),
                outcome: Outcome::Approved,
                message: Some(digest(9)),
                vouches: Vec::new(),
                asked: None,
            }),
            json!({"kind": "decision", "grant": digest(2), "approval": digest(8),
                "by": "operator", "outcome": "approved", "message": digest(9)}),
        ),
        (
            Event::Decision(Decided {
                grant: digest(2),
                approval: None,
                by: "operator".into(),
                outcome: Outcome::Answered,
                message: Some(digest(1)),
                vouches: Vec::new(),
                asked: Some(Asked {
                    question: "Go on?".into(),
                    answer: Some(json!({"limit": 5})),
                }),
            }),
            json!({"kind": "decision", "grant": digest(2), "by": "operator",
                "outcome": "answered", "message": digest(1),
                "asked": {"question": "Go on?", "answer": {"limit": 5}}}),
        ),
        (
            Event::Act(Acted {
                act: "block".into(),
                by: "dana".into(),
                about: "did:web:agents.org-a.test:aria".into(),
            }),
            json!({"kind": "act", "act": "block", "by": "dana",
                "about": "did:web:agents.org-a.test:aria"}),
        ),
        (
            Event::Refused(Refused {
                message: digest(1),
                from: "did:web:agents.org-a.test:aria".parse().unwrap(),
                code: "e.p.trust.revoked".into(),
                grant: Some(digest(2)),
            }),
            json!({"kind": "refused", "message": digest(1),
                "from": "did:web:agents.org-a.test:aria", "code": "e.p.trust.revoked",
                "grant": digest(2)}),
        ),
        (
            Event::Counted(Counted {
                counts: [("crypto".to_owned(), 3)].into(),
            }),
            json!({"kind": "counted", "counts": {"crypto": 3}}),
        ),
    ]
}

#[test]
fn commitment_and_leaf_are_those_of_the_format() {
    let r: [u8; 32] = std::array::from_fn(|n| u8::try_from(n).unwrap());
    let commitment = commitment(&r, br#"{"v":1,"kind":"message-in"}"#);
    let leaf = Leaf {
        kind: EntryKind::MessageIn,
        commitment,
    };
    assert_eq!(
        leaf.text(),
        r#"{"commitment":"bn-sfhkFqKOrsxmONhh42jU2MihUUR-Tist0gW_XpcU","kind":"message-in","v":1}"#
    );
    assert_eq!(
        STANDARD.encode(leaf.hash()),
        "8D58RYuO8myslmmIV2+zawZQ9iKanP5a5hpyTm2vmYk="
    );
}

#[test]
fn every_kind_is_written_as_in_the_table_and_reads_back() {
    for (event, mut expected) in one_of_each() {
        expected["v"] = 1.into();
        expected["at"] = 1_795_404_926_u64.into();
        let record = Record {
            at: 1_795_404_926,
            event,
        };
        let octets = record.to_octets();
        let written: Value = serde_json::from_slice(&octets).unwrap();
        assert_eq!(written, expected);
        assert_eq!(written["kind"], record.kind().as_str());
        assert_eq!(Record::parse(&octets).unwrap(), record);
    }
}

#[test]
fn members_without_a_value_are_absent() {
    let facts = MessageFacts {
        sender_order: None,
        grant: None,
        causes: vec![],
        by: None,
        ..facts()
    };
    let record = Record {
        at: 1,
        event: Event::MessageOut(MessageOut { facts }),
    };
    let written: Value = serde_json::from_slice(&record.to_octets()).unwrap();
    for absent in ["sender_order", "grant", "causes", "by"] {
        assert!(written.get(absent).is_none());
    }
    assert_eq!(Record::parse(&record.to_octets()).unwrap(), record);
}

#[test]
fn newer_records_are_unsupported_and_unknown_members_are_not() {
    let with = |more: Value| {
        let mut all = json!({"v": 1, "at": 5, "kind": "ended", "message": digest(1),
            "state": "expired", "reason": "x"});
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        Record::parse(all.to_string().as_bytes())
    };
    assert!(with(json!({"later": {"anything": [1.5]}})).is_ok());
    assert!(with(json!({"must": ["state", "reason"]})).is_ok());
    let decided = json!({"kind": "decision", "grant": digest(2), "by": "rule:friends",
        "outcome": "approved", "vouches": [digest(4)], "must": ["vouches"]});
    assert!(with(decided).is_ok());
    let unsupported = |result: Result<Record, ReadError>| match result {
        Err(ReadError::Unsupported(unsupported)) => unsupported,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        unsupported(with(json!({"must": ["later"], "later": 1}))),
        Unsupported::Must("later".into())
    );
    assert_eq!(
        unsupported(with(json!({"v": 2}))),
        Unsupported::Version { found: "2".into() }
    );
    for (member, value) in [("kind", "merged"), ("state", "done"), ("outcome", "maybe")] {
        assert_eq!(
            unsupported(with(json!({ member: value }))),
            Unsupported::Value {
                member,
                value: value.into()
            }
        );
    }
}

#[test]
fn refuses_numbers_that_are_no_safe_integers() {
    for at in ["-1", "1.0", "1e3", "9007199254740992", "\"5\"", "null"] {
        let record = format!(
            r#"{{"v":1,"at":{at},"kind":"ended","message":"{}","state":"expired","reason":"x"}}"#,
            digest(1)
        );
        assert!(Record::parse(record.as_bytes()).is_err(), "{at}");
    }
}

#[test]
fn an_entry_opens_to_what_was_sealed_and_is_bounded() {
    let (event, _) = one_of_each().remove(3);
    let record = Record { at: 1, event };
    let entry = Entry::new(&record, [5; 32]).unwrap();
    let (opened, read) = Entry::open([5; 32], entry.octets().to_vec()).unwrap();
    assert_eq!(read, record);
    assert_eq!(opened.leaf(), entry.leaf());
    assert_ne!(
        Entry::new(&record, [6; 32]).unwrap().commitment(),
        entry.commitment()
    );
    assert!(!format!("{entry:?}").contains("5, 5"));

    let long = LogStarted {
        node: "x".repeat(70_000),
        previous: String::new(),
        reason: "y".into(),
    };
    let long = Record {
        at: 1,
        event: Event::Start(long),
    };
    assert!(matches!(
        Entry::new(&long, [5; 32]),
        Err(EntryError::TooLarge(_))
    ));
}

#[test]
fn a_leaf_has_one_text() {
    let leaf = Leaf {
        kind: EntryKind::Settled,
        commitment: Commitment::new([3; 32]),
    };
    let text = leaf.text();
    assert_eq!(text.parse(), Ok(leaf));
    for bad in [
        text.replace("\"v\":1", "\"v\":2"),
        text.replace(",\"kind\"", ", \"kind\""),
        text.replace("settled", "merged"),
        text.replace("AwM", "Aw"),
        format!("{text}\n"),
        format!(
            r#"{{"kind":"settled","commitment":"{}","v":1}}"#,
            leaf.commitment
        ),
    ] {
        assert_eq!(bad.parse::<Leaf>(), Err(LeafError), "{bad}");
    }
}

proptest! {
    #[test]
    fn leaves_print_and_parse(octets: [u8; 32], kind in 0_usize..11) {
        let kind = one_of_each()[kind].0.kind();
        let leaf = Leaf { kind, commitment: Commitment::new(octets) };
        prop_assert_eq!(leaf.text().parse(), Ok(leaf));
    }

    #[test]
    fn reading_any_octets_neither_panics_nor_rewrites(octets: Vec<u8>) {
        if let Ok(record) = Record::parse(&octets) {
            prop_assert!(Record::parse(&record.to_octets()).is_ok());
        }
    }
}
