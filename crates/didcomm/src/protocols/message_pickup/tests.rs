use comity_did::DidUrl;
use comity_jose::{Curve, PublicKey};
use serde_json::json;

use super::*;
use crate::Proof;

const NOW: u64 = 1_000;

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

fn did(text: &str) -> Did {
    text.parse().unwrap()
}

/// The key of the sender, and its name.
fn key() -> (DidUrl, PublicKey) {
    let kid = DidUrl::parse("did:example:sender#key").unwrap();
    (kid, PublicKey::from_raw(Curve::X25519, &[9; 32]).unwrap())
}

/// What authcrypt proves.
fn authcrypted() -> Proof {
    let (kid, key) = key();
    Proof::Us { kid, key }
}

/// What a signature proves.
fn signed() -> Proof {
    let (kid, key) = key();
    Proof::Anyone { kid, key }
}

/// A message of ten octets that came at this time.
fn queued(id: &str, recipient: &str, received_time: u64) -> Queued {
    Queued {
        id: id.to_owned(),
        recipient: DidUrl::parse(recipient).unwrap(),
        bytes: 10,
        received_time,
    }
}

fn three() -> Vec<Queued> {
    vec![
        queued("b", "did:example:r1", 20),
        queued("a", "did:example:r1#key", 10),
        queued("c", "did:example:r2", 30),
    ]
}

fn decided_on<B: Body>(body: &B, queue: &[Queued], connection: Connection) -> Decision {
    let situation = Situation {
        proof: &authcrypted(),
        queue: Some(queue),
        connection,
        now: NOW,
        delivery_bytes: 25,
    };
    decide(&request(body, id("q")), &situation).unwrap()
}

fn decided<B: Body>(body: &B, queue: &[Queued]) -> Decision {
    decided_on(body, queue, Connection::Single)
}

fn status(decision: &Decision) -> &Status {
    match &decision.answer {
        Answer::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

fn batch(decision: &Decision) -> Vec<&str> {
    match &decision.answer {
        Answer::Deliver(batch) => batch.ids.iter().map(String::as_str).collect(),
        other => panic!("{other:?}"),
    }
}

fn code(decision: &Decision) -> &str {
    match &decision.answer {
        Answer::Problem(code) => code.as_str(),
        other => panic!("{other:?}"),
    }
}

fn asking(limit: u64, recipient: Option<&str>) -> DeliveryRequest {
    DeliveryRequest {
        limit,
        recipient_did: recipient.map(did),
    }
}

fn envelope(of: &str) -> Vec<u8> {
    json!({"protected": of, "ciphertext": "", "iv": "", "tag": ""})
        .to_string()
        .into_bytes()
}

#[test]
fn a_status_counts_everything_or_one_recipient() {
    let all = decided(&StatusRequest::default(), &three());
    assert_eq!(
        *status(&all),
        Status {
            recipient_did: None,
            message_count: 3,
            longest_waited_seconds: Some(990),
            newest_received_time: Some(30),
            oldest_received_time: Some(10),
            total_bytes: Some(30),
            live_delivery: Some(false),
        }
    );
    let of = |name: &str| {
        let recipient_did = Some(did(name));
        let decision = decided(
            &StatusRequest {
                recipient_did: recipient_did.clone(),
            },
            &three(),
        );
        assert_eq!(status(&decision).recipient_did, recipient_did);
        status(&decision).message_count
    };
    assert_eq!(
        (
            of("did:example:r1"),
            of("did:example:r2"),
            of("did:example:x")
        ),
        (2, 1, 0)
    );
    let none = decided(&StatusRequest::default(), &[]);
    assert_eq!(status(&none).oldest_received_time, None);
    let message = status(&none).answer(id("s"), &request(&StatusRequest::default(), id("q")));
    assert_eq!(message.body.get("recipient_did"), None);
    assert_eq!(message.thid, Some(id("q")));
}

#[test]
fn a_delivery_is_the_oldest_up_to_the_limit_and_takes_nothing_away() {
    let of = |limit, recipient| {
        let decision = decided(&asking(limit, recipient), &three());
        assert_eq!(decision.changes, []);
        batch(&decision).join(" ")
    };
    assert_eq!(of(1, None), "a");
    assert_eq!(of(9, None), "a b", "three are more than its octets");
    assert_eq!(of(9, Some("did:example:r2")), "c");
    let mut large = three();
    large[1].bytes = 1_000;
    assert_eq!(
        batch(&decided(&asking(9, None), &large)),
        ["a"],
        "one may always be larger"
    );
    let many: Vec<_> = (0..1_000)
        .map(|at| Queued {
            bytes: 0,
            ..queued(&format!("{at}"), "did:example:r", at)
        })
        .collect();
    assert!(batch(&decided(&asking(u64::MAX, None), &many)).len() <= 25);
}

#[test]
fn where_nothing_waits_the_status_says_so_at_once() {
    assert_eq!(status(&decided(&asking(5, None), &[])).message_count, 0);
    let nobodys = decided(&asking(5, Some("did:example:x")), &three());
    assert_eq!(status(&nobodys).recipient_did, Some(did("did:example:x")));
    assert_eq!(status(&nobodys).message_count, 0);
    assert_eq!(
        status(&decided(&asking(0, None), &three())).message_count,
        3
    );
}

#[test]
fn only_what_is_acknowledged_leaves_the_queue() {
    let received = |ids: &[&str]| MessagesReceived {
        message_id_list: ids.iter().map(ToString::to_string).collect(),
    };
    let decision = decided(&received(&["c", "zz", "a", "a"]), &three());
    assert_eq!(
        decision.changes,
        [Change::Remove(vec!["a".into(), "c".into()])]
    );
    assert_eq!(status(&decision).message_count, 1);
    let unknown = decided(&received(&["zz"]), &three());
    assert_eq!(
        (unknown.changes.len(), status(&unknown).message_count),
        (0, 3)
    );
    let many = received(&vec!["x"; MessagesReceived::MAX + 1]);
    let situation = Situation {
        proof: &authcrypted(),
        queue: Some(&[]),
        connection: Connection::Single,
        now: NOW,
        delivery_bytes: 1,
    };
    assert_eq!(
        decide(&request(&many, id("q")), &situation),
        Err(BodyError::Body)
    );
}

#[test]
fn live_delivery_needs_a_connection_that_lasts_and_is_off_on_a_new_one() {
    let (on, off) = (
        LiveDeliveryChange {
            live_delivery: true,
        },
        LiveDeliveryChange {
            live_delivery: false,
        },
    );
    let fresh = Connection::lasting();
    assert!(!fresh.is_live());
    let started = decided_on(&on, &three(), fresh);
    assert_eq!(started.changes, [Change::Live(true)]);
    assert_eq!(status(&started).live_delivery, Some(true));
    assert_eq!(
        status(&started).message_count,
        3,
        "what waits is not sent by it"
    );
    let live = Connection::Lasting { live: true };
    assert!(live.is_live());
    assert_eq!(decided_on(&on, &three(), live).changes, []);
    assert_eq!(
        decided_on(&off, &three(), live).changes,
        [Change::Live(false)]
    );
    let refused = decided_on(&on, &three(), Connection::Single);
    assert_eq!(code(&refused), "e.m.live-mode-not-supported");
    assert_eq!(refused.changes, []);
    let message = refused
        .answer
        .message(id("r"), &request(&on, id("q")), |_| None)
        .unwrap();
    assert_eq!(message.pthid, Some(id("q")));
    assert_eq!(
        status(&decided_on(&off, &[], Connection::Single)).live_delivery,
        Some(false)
    );
}

#[test]
fn nobody_who_is_not_proved_by_authcrypt_or_has_no_grant_learns_of_a_queue() {
    let queue = three();
    for (proof, queue, wanted) in [
        (Proof::Nobody, Some(queue.as_slice()), "e.p.trust"),
        (signed(), Some(queue.as_slice()), "e.p.trust"),
        (authcrypted(), None, "e.p.req.mediate-grant"),
    ] {
        let situation = Situation {
            proof: &proof,
            queue,
            connection: Connection::lasting(),
            now: NOW,
            delivery_bytes: 100,
        };
        let received = MessagesReceived {
            message_id_list: vec!["a".into()],
        };
        for message in [
            request(&StatusRequest::default(), id("q")),
            request(&asking(1, None), id("q")),
            request(&received, id("q")),
            request(
                &LiveDeliveryChange {
                    live_delivery: true,
                },
                id("q"),
            ),
        ] {
            let decision = decide(&message, &situation).unwrap();
            assert_eq!(code(&decision), wanted);
            assert_eq!(decision.changes, []);
        }
    }
}

#[test]
fn what_is_delivered_is_what_was_queued_under_ids_to_acknowledge() {
    let asked = request(&asking(2, Some("did:example:r1")), id("q"));
    let decision = decided(&asking(2, Some("did:example:r1")), &three());
    let message = decision
        .answer
        .message(id("d"), &asked, |id| Some(envelope(id)))
        .unwrap();
    assert_eq!(message.thid, Some(id("q")));
    assert!(
        message
            .attachments
            .iter()
            .all(|it| it.data.base64.is_some())
    );
    let delivery = Delivery::read(&message).unwrap();
    assert_eq!(delivery.recipient_did, Some(did("did:example:r1")));
    assert_eq!(delivery.messages[0].envelope, envelope("a"));
    assert_eq!(delivery.received().message_id_list, ["a", "b"]);
    let gone = decision
        .answer
        .message(id("d"), &asked, |id| (id == "b").then(|| envelope(id)));
    assert_eq!(
        Delivery::read(&gone.unwrap())
            .unwrap()
            .received()
            .message_id_list,
        ["b"]
    );
    let live = Delivery::live(delivery.messages).message(id("d"), None);
    assert_eq!((live.thid, live.body.get("recipient_did")), (None, None));
}

#[test]
fn a_delivery_of_anything_but_envelopes_with_ids_of_their_own_is_refused() {
    let one = Delivered {
        id: "a".into(),
        envelope: envelope("a"),
    };
    let refused = |change: &dyn Fn(&mut Plaintext)| {
        let mut message = Delivery::live(vec![one.clone()]).message(id("d"), None);
        assert!(Delivery::read(&message).is_ok());
        change(&mut message);
        assert_eq!(Delivery::read(&message), Err(BodyError::Attachment));
    };
    refused(&|message| message.attachments[0].id = None);
    refused(&|message| message.attachments[0].data.base64 = Some(b"{}".to_vec()));
    refused(&|message| message.attachments.push(message.attachments[0].clone()));
    refused(&|message| {
        message.attachments = vec![message.attachments[0].clone(); Delivery::MAX + 1]
    });
}

#[test]
fn requests_ask_for_the_answer_on_their_own_connection() {
    assert_eq!(
        request(&StatusRequest::default(), id("q")).return_route,
        ReturnRoute::All
    );
    let mut message = request(&asking(1, None), id("q"));
    message.body.shift_remove("limit");
    let situation = Situation {
        proof: &Proof::Nobody,
        queue: None,
        connection: Connection::Single,
        now: NOW,
        delivery_bytes: 1,
    };
    assert_eq!(
        decide(&message, &situation),
        Err(BodyError::Body),
        "the limit is required"
    );
    message.type_ = Delivery::TYPE.parse().unwrap();
    assert_eq!(decide(&message, &situation), Err(BodyError::Type));
}
