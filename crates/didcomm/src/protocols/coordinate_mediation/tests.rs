use comity_jose::{Curve, PublicKey};

use super::*;
use crate::Proof;
use crate::problem::ProblemReport;
use crate::protocols::routing::is_for;

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

fn did(text: &str) -> Did {
    text.parse().unwrap()
}

fn recipient(name: &str) -> DidUrl {
    DidUrl::parse(&format!("did:example:{name}")).unwrap()
}

fn update(name: &str, action: &str) -> Update {
    Update {
        recipient_did: name.to_owned(),
        action: action.to_owned(),
    }
}

fn named(text: &str) -> DidUrl {
    DidUrl::parse(text).unwrap()
}

/// What authcrypt proves of a DID.
fn authcrypted(sender: &str) -> Proof {
    Proof::Us {
        kid: named(&format!("{sender}#agree")),
        key: PublicKey::from_raw(Curve::X25519, &[9; 32]).unwrap(),
    }
}

/// What a signature proves of a DID.
fn signed(sender: &str) -> Proof {
    Proof::Anyone {
        kid: named(&format!("{sender}#sign")),
        key: PublicKey::from_raw(Curve::X25519, &[9; 32]).unwrap(),
    }
}

/// What a mediator with room for three recipients answers `did:example:sender`.
fn decided(request: &Request, recipients: Option<&[DidUrl]>, grants: bool) -> Decision {
    let routing_did = [did("did:example:mediator")];
    let situation = Situation {
        proof: &authcrypted("did:example:sender"),
        recipients,
        others: &[],
        recipients_max: 3,
        routing_did: if grants { &routing_did } else { &[] },
    };
    decide(&request.message(Version::V3, id("q")), &situation).unwrap()
}

/// What becomes of updates by an account that has nothing, where others have this.
fn updated(sender: &str, updates: Vec<Update>, others: &[DidUrl]) -> Decision {
    let situation = Situation {
        proof: &authcrypted(sender),
        recipients: Some(&[]),
        others,
        recipients_max: 3,
        routing_did: &[],
    };
    let request = Request::Update(updates).message(Version::V3, id("q"));
    decide(&request, &situation).unwrap()
}

fn results(decision: &Decision) -> Vec<UpdateResult> {
    match &decision.answer {
        Answer::Reply(_, Reply::Updated(updated)) => updated.iter().map(|it| it.result).collect(),
        other => panic!("{other:?}"),
    }
}

fn code(decision: &Decision) -> &str {
    match &decision.answer {
        Answer::Problem(code) => code.as_str(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_versions_say_everything_in_their_own_words() {
    let paginate = Paginate {
        limit: 2,
        offset: 1,
    };
    let requests = [
        Request::Mediate,
        Request::Query(None),
        Request::Query(Some(paginate)),
        Request::Update(vec![
            Update::add(&recipient("a")),
            Update::remove(&recipient("b")),
        ]),
    ];
    let replies = [
        Reply::Deny,
        Reply::Grant {
            routing_did: vec![did("did:example:mediator")],
        },
        Reply::Recipients {
            recipients: vec![recipient("a")],
            pagination: Some(Pagination {
                count: 1,
                offset: 1,
                remaining: 0,
            }),
        },
        Reply::Updated(vec![Updated {
            update: Update::add(&recipient("a")),
            result: UpdateResult::NoChange,
        }]),
    ];
    for version in [Version::V2, Version::V3] {
        for request in &requests {
            let message = request.message(version, id("q"));
            assert_eq!(Request::read(&message).unwrap(), (version, request.clone()));
            assert_eq!(message.return_route, ReturnRoute::All);
            assert_eq!(Reply::read(&message), Err(BodyError::Type));
            for reply in &replies {
                let answer = reply.answer(version, id("r"), &message);
                assert_eq!(Reply::read(&answer).unwrap(), (version, reply.clone()));
                assert_eq!(answer.thid, Some(id("q")));
                assert_eq!(Request::read(&answer), Err(BodyError::Type));
            }
        }
    }
    let message = requests[3].message(Version::V2, id("q"));
    let name = |message: &Plaintext| message.type_.message_name().to_owned();
    assert_eq!(name(&message), "keylist-update");
    let keys = replies[2].answer(Version::V2, id("r"), &message);
    assert_eq!(
        (name(&keys).as_str(), keys.body.contains_key("keys")),
        ("keylist", true)
    );
    let dids = replies[2].answer(Version::V3, id("r"), &message);
    assert_eq!(
        (name(&dids).as_str(), dids.body.contains_key("dids")),
        ("recipient", true)
    );
}

#[test]
fn a_grant_has_text_in_2_0_and_an_array_in_3_0_and_either_is_read_in_both() {
    let mediator = "did:example:mediator";
    let grant = Reply::Grant {
        routing_did: vec![did(mediator), did("did:example:second")],
    };
    let request = Request::Mediate.message(Version::V2, id("q"));
    let two = grant.answer(Version::V2, id("r"), &request);
    assert_eq!(two.body["routing_did"], json!(mediator));
    let three = grant.answer(Version::V3, id("r"), &request);
    assert_eq!(
        three.body["routing_did"],
        json!([mediator, "did:example:second"])
    );
    for mut message in [two, three] {
        for (shape, count) in [(json!(mediator), 1), (json!([mediator, mediator]), 2)] {
            message.body.insert("routing_did".into(), shape);
            let (_, read) = Reply::read(&message).unwrap();
            assert!(matches!(read, Reply::Grant { routing_did } if routing_did.len() == count));
        }
        for bad in [json!([]), json!("x"), json!(["x"]), json!({}), Value::Null] {
            message.body.insert("routing_did".into(), bad);
            assert_eq!(Reply::read(&message), Err(BodyError::Body));
        }
    }
}

#[test]
fn half_a_page_and_too_many_updates_are_refused() {
    for paginate in [
        json!({"limit": 1}),
        json!({"offset": 1}),
        json!({"limit": -1, "offset": 0}),
    ] {
        let mut message = Request::Query(None).message(Version::V3, id("q"));
        message.body.insert("paginate".into(), paginate);
        assert_eq!(Request::read(&message), Err(BodyError::Body));
    }
    let many = vec![update("did:example:a", "add"); Request::UPDATES_MAX + 1];
    let message = Request::Update(many).message(Version::V3, id("q"));
    assert_eq!(Request::read(&message), Err(BodyError::Body));
}

#[test]
fn nobody_who_is_not_proved_by_authcrypt_has_an_account() {
    let routing_did = [did("did:example:mediator")];
    let registered = [recipient("a")];
    let requests = [
        Request::Mediate,
        Request::Query(None),
        Request::Update(vec![Update::remove(&recipient("a"))]),
    ];
    let proofs = [Proof::Nobody, signed("did:example:sender")];
    for (request, proof) in requests
        .iter()
        .flat_map(|request| proofs.iter().map(move |proof| (request, proof)))
    {
        let situation = Situation {
            proof,
            recipients: Some(&registered),
            others: &[],
            recipients_max: 3,
            routing_did: &routing_did,
        };
        let mut message = request.message(Version::V3, id("q"));
        message.from = Some(did("did:example:sender"));
        let decision = decide(&message, &situation).unwrap();
        assert_eq!(code(&decision), "e.p.trust");
        assert_eq!(decision.changes, []);
        let report = decision.message(id("r"), &message).unwrap();
        assert_eq!(
            ProblemReport::read(&report).unwrap().code.as_str(),
            "e.p.trust"
        );
        assert_eq!(report.pthid, Some(id("q")));
    }
}

#[test]
fn a_grant_is_what_policy_decides_and_changes_something_once() {
    let granted = decided(&Request::Mediate, None, true);
    assert_eq!(granted.changes, [Change::Grant]);
    assert!(
        matches!(&granted.answer, Answer::Reply(Version::V3, Reply::Grant { routing_did }) if routing_did.len() == 1)
    );
    let again = decided(&Request::Mediate, Some(&[]), true);
    assert_eq!((again.changes, again.answer), (vec![], granted.answer));
    for account in [None, Some([].as_slice())] {
        let denied = decided(&Request::Mediate, account, false);
        assert_eq!(denied.answer, Answer::Reply(Version::V3, Reply::Deny));
        assert_eq!(denied.changes, []);
    }
    for request in [
        Request::Query(None),
        Request::Update(vec![Update::add(&recipient("a"))]),
    ] {
        let refused = decided(&request, None, true);
        assert_eq!(code(&refused), "e.p.req.mediate-grant");
        assert_eq!(refused.changes, []);
    }
}

#[test]
fn updates_are_done_one_after_the_other_and_each_has_its_result() {
    use UpdateResult::{ClientError, NoChange, ServerError, Success};
    let request = Request::Update(vec![
        update("did:example:a", "add"),
        update("did:example:a", "add"),
        update("did:example:old", "remove"),
        update("did:example:old", "remove"),
        update("did:example:b", "replace"),
        update("b", "add"),
        update("did:example:b/path", "add"),
        update("did:key:z6Mk#z6Mk", "add"),
        update("did:example:c", "add"),
        update("did:example:d", "add"),
        update("did:example:a", "remove"),
        update("did:example:d", "add"),
    ]);
    let decision = decided(&request, Some(&[recipient("old")]), true);
    assert_eq!(
        results(&decision),
        [
            Success,
            NoChange,
            Success,
            NoChange,
            ClientError,
            ClientError,
            ClientError,
            Success,
            Success,
            ServerError,
            Success,
            Success
        ]
    );
    let add = |text: &str| Change::Add {
        recipient: DidUrl::parse(text).unwrap(),
        from_others: Vec::new(),
    };
    assert_eq!(
        decision.changes,
        [
            add("did:example:a"),
            Change::Remove(recipient("old")),
            add("did:key:z6Mk#z6Mk"),
            add("did:example:c"),
            Change::Remove(recipient("a")),
            add("did:example:d"),
        ]
    );
}

#[test]
fn what_somebody_else_has_is_had_by_who_is_it() {
    let others = ["taken", "sender#a", "sender#b"].map(recipient);
    let updates = vec![
        update("did:example:taken", "add"),
        update("did:example:taken", "remove"),
        update("did:example:sender#b", "add"),
        update("did:example:sender", "add"),
    ];
    let decision = updated("did:example:sender", updates, &others);
    let (bad, none, good) = (
        UpdateResult::ClientError,
        UpdateResult::NoChange,
        UpdateResult::Success,
    );
    assert_eq!(results(&decision), [bad, none, good, good]);
    let add = |name: &str, from: &str| Change::Add {
        recipient: recipient(name),
        from_others: vec![recipient(from)],
    };
    assert_eq!(
        decision.changes,
        [add("sender#b", "sender#b"), add("sender", "sender#a")]
    );
}

#[test]
fn no_two_accounts_have_names_that_cover_the_same() {
    let long = did("did:peer:2.Ez6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc");
    let short = comity_did::peer::short_form(&long).unwrap();
    let names = [
        "did:key:z6Mk",
        "did:key:z6Mk#z6Mk",
        "did:key:z6Mk#z6LS",
        "did:example:a",
        "did:example:a#k",
        "did:example:a#l",
        short.as_str(),
        long.as_str(),
        &format!("{short}#k"),
        &format!("{long}#k"),
    ]
    .map(named);
    for held in &names {
        for wanted in &names {
            let covers_both = |next: &&DidUrl| is_for(held, next) && is_for(wanted, next);
            let is_shared = names.iter().any(|next| covers_both(&next));
            let add = vec![Update::add(wanted)];
            let others = std::slice::from_ref(held);
            let of_stranger = updated("did:example:stranger", add.clone(), others);
            let is_added = results(&of_stranger) == [UpdateResult::Success];
            assert_eq!(is_added, !is_shared, "{held} {wanted}");
            let of_itself = updated(wanted.did().as_str(), add, others);
            let from_others = if is_shared { others.to_vec() } else { vec![] };
            let recipient = wanted.clone();
            let change = Change::Add {
                recipient,
                from_others,
            };
            assert_eq!(of_itself.changes, [change], "{held} {wanted}");
        }
    }
}

#[test]
fn a_query_gives_the_part_that_is_asked_for() {
    let registered: Vec<DidUrl> = ["a", "b", "c"].map(recipient).to_vec();
    let asked = |paginate| {
        let decision = decided(&Request::Query(paginate), Some(&registered), true);
        assert_eq!(decision.changes, []);
        match decision.answer {
            Answer::Reply(
                _,
                Reply::Recipients {
                    recipients,
                    pagination,
                },
            ) => (
                recipients,
                pagination.map(|it| (it.count, it.offset, it.remaining)),
            ),
            other => panic!("{other:?}"),
        }
    };
    let page = |limit, offset| asked(Some(Paginate { limit, offset }));
    assert_eq!(asked(None), (registered.clone(), None));
    assert_eq!(page(2, 0), (registered[..2].to_vec(), Some((2, 0, 1))));
    assert_eq!(page(2, 2), (registered[2..].to_vec(), Some((1, 2, 0))));
    assert_eq!(page(0, 1), (vec![], Some((0, 1, 2))));
    assert_eq!(
        page(usize::MAX, usize::MAX),
        (vec![], Some((0, usize::MAX, 0)))
    );
}
