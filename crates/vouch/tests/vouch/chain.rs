//! Every rule of a chain, each with what breaks it.

use comity_did::Did;
use comity_vouch::{Honoured, StatusEntry};

use crate::world::{ARIA, BRUNO, CARLA, Case, DORA, HOUR, NOW, ORDERS, PRICES, VERA, told, types};

fn refused(links: usize, bend: impl FnOnce(&mut Case)) -> (usize, String) {
    let mut case = Case::of(links);
    assert!(case.verify().is_ok(), "holds before it is bent");
    bend(&mut case);
    case.refusal()
}

fn is(at: usize, code: &str) -> (usize, String) {
    (at, code.to_owned())
}

#[test]
fn chains_of_every_length_hold() {
    for links in 1..=4 {
        let case = Case::of(links);
        let accepted = case.verify().unwrap();
        assert_eq!(accepted.links.len(), links);
        assert_eq!(accepted.links[0].issuer, ARIA.did);
        assert_eq!(accepted.links[links - 1].subject, case.subject);
        assert_eq!(usize::from(accepted.depth), 4 - links);
        assert_eq!(accepted.honoured, 0);
        assert_eq!(accepted.until, NOW + 86_400);
        assert_eq!(accepted.status_at, NOW - 60);
        assert_eq!(accepted.uses, None);
        let first = &accepted.links[0];
        assert_eq!(first.digest, ARIA.sign(&case.claims[0]).digest());
        assert_eq!(first.status, case.claims[0].status);
        assert_eq!(first.purpose, "spare parts");
        assert_eq!(first.kid, ARIA.kid());
    }
}

#[test]
fn what_follows_is_what_all_have_in_common() {
    let mut case = Case::of(3);
    case.claims[0].uses = Some(30);
    case.claims[2].uses = Some(20);
    case.claims[1].valid_until = NOW + 10;
    case.claims[1].may = types(&[PRICES, "https://example.org/others/1.0"]);
    case.lists[2].as_mut().unwrap().signed_at = NOW - 600;
    case.honoured[0].scope = types(&["https://example.org/prices/2.0/ask"]);
    let accepted = case.verify().unwrap();
    assert_eq!(accepted.uses, Some(20));
    assert_eq!(accepted.until, NOW + 10);
    assert_eq!(accepted.status_at, NOW - 600);
    assert_eq!(
        accepted.types,
        types(&["https://example.org/prices/2.0/ask"])
    );
    assert_eq!(accepted.depth, 1);
}

#[test]
fn uses_are_counted_over_all_chains_that_a_vouch_stands_in() {
    let mut case = Case::of(2);
    case.claims[0].uses = Some(5);
    case.claims[1].uses = Some(9);
    let root = ARIA.sign(&case.claims[0]).digest();
    case.memory.used.insert(root, 3);
    assert_eq!(case.verify().unwrap().uses, Some(2));
    for used in [5, 6, u64::MAX] {
        case.memory.used.insert(root, used);
        assert_eq!(case.refusal(), is(0, "used-up"));
    }
    assert_eq!(
        refused(1, |case| case.claims[0].uses = Some(0)),
        is(0, "used-up")
    );
}

#[test]
fn a_chain_has_one_to_four_vouches() {
    let case = Case::of(4);
    let mut presented = case.presented();
    presented.push(presented[3].clone());
    let refusal = case.verify_presented(&presented).unwrap_err();
    assert_eq!(told(&refusal), is(0, "chain-length"));
    let refusal = case.verify_presented(&[]).unwrap_err();
    assert_eq!(told(&refusal), is(0, "chain-length"));
}

#[test]
fn the_root_is_honoured_for_so_many_links() {
    assert_eq!(
        refused(1, |case| case.honoured.clear()),
        is(0, "not-honoured")
    );
    assert_eq!(
        refused(2, |case| case.honoured[0].issuer = BRUNO.did.clone()),
        is(0, "not-honoured")
    );
    assert_eq!(
        refused(3, |case| case.honoured[0].depth = 1),
        is(0, "too-far")
    );
    assert_eq!(
        refused(1, |case| case.honoured[0].scope =
            types(&["https://example.org/others/1.0"])),
        is(0, "scope")
    );
}

#[test]
fn of_several_entries_for_one_root_the_first_that_fits_counts() {
    let mut case = Case::of(2);
    let rule = |scope: &[&str], depth| Honoured {
        issuer: ARIA.did.clone(),
        scope: types(scope),
        depth,
    };
    case.honoured = vec![
        rule(&[ORDERS, PRICES], 0),
        rule(&["https://example.org/others/1.0"], 3),
        rule(&[PRICES], 1),
        rule(&[ORDERS], 3),
    ];
    let accepted = case.verify().unwrap();
    assert_eq!(accepted.honoured, 2);
    assert_eq!(accepted.types, types(&[PRICES]));
    assert_eq!(accepted.depth, 0);
}

#[test]
fn the_presenter_is_the_subject_of_the_last_vouch() {
    assert_eq!(
        refused(2, |case| case.subject = DORA.did.clone()),
        is(1, "subject")
    );
    assert_eq!(
        refused(2, |case| case.subject = BRUNO.did.clone()),
        is(1, "subject")
    );
}

#[test]
fn each_issuer_is_the_subject_before() {
    assert_eq!(
        refused(3, |case| {
            case.claims.remove(1);
            case.lists.remove(1);
        }),
        is(1, "not-joined")
    );
    assert_eq!(
        refused(2, |case| case.claims[0].subject = DORA.did.clone()),
        is(1, "not-joined")
    );
    let case = Case::of(2);
    let mut presented = case.presented();
    presented.reverse();
    let refusal = case.verify_presented(&presented).unwrap_err();
    assert_eq!(told(&refusal), is(0, "not-honoured"));
}

#[test]
fn no_did_comes_twice() {
    assert_eq!(
        refused(3, |case| {
            case.claims[1].subject = ARIA.did.clone();
            case.claims[2] = ARIA.vouches_for(&DORA);
        }),
        is(1, "cycle")
    );
    assert_eq!(
        refused(1, |case| {
            case.claims[0].subject = ARIA.did.clone();
            case.subject = ARIA.did.clone();
        }),
        is(0, "cycle")
    );
}

#[test]
fn every_vouch_names_the_verifier() {
    for at in 0..3 {
        assert_eq!(
            refused(3, |case| case.claims[at].audience = vec![DORA.did.clone()]),
            is(at, "audience")
        );
    }
}

#[test]
fn a_host_means_its_agents_and_nobody_elses() {
    let mut case = Case::of(1);
    let holds = |case: &mut Case, audience: &str, agent: &str| {
        case.claims[0].audience = vec![audience.parse().unwrap()];
        case.audience = agent.parse::<Did>().unwrap();
        case.verify().is_ok()
    };
    let case = &mut case;
    assert!(holds(case, "did:web:v.test", "did:web:v.test:vera"));
    assert!(holds(case, "did:web:v.test", "did:web:v.test:a:b"));
    assert!(holds(case, "did:web:v.test", "did:web:v.test"));
    assert!(holds(
        case,
        "did:web:v.test%3A7401",
        "did:web:v.test%3A7401:vera"
    ));
    for (audience, agent) in [
        ("did:web:v.test", "did:web:evil-v.test:vera"),
        ("did:web:v.test", "did:web:sub.v.test:vera"),
        ("did:web:sub.v.test", "did:web:v.test:vera"),
        ("did:web:test", "did:web:v.test:vera"),
        ("did:web:v.test", "did:web:v.test%3A7401:vera"),
        ("did:web:v.test%3A7401", "did:web:v.test:vera"),
        ("did:web:v.test:vera", "did:web:v.test:emil"),
        ("did:web:v.test:vera", "did:web:v.test"),
        (
            "did:web:v.test",
            "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        ),
        ("did:web:v.test", "did:webvh:QmXiT1:v.test:vera"),
    ] {
        assert!(!holds(case, audience, agent), "{audience} {agent}");
        assert_eq!(case.refusal(), is(0, "audience"));
    }
}

#[test]
fn every_vouch_is_within_its_dates() {
    for at in 0..2 {
        assert_eq!(
            refused(2, |case| case.claims[at].valid_until = NOW),
            is(at, "expired")
        );
        assert_eq!(
            refused(2, |case| case.claims[at].valid_from = NOW + 61),
            is(at, "not-yet")
        );
    }
    let mut case = Case::of(1);
    case.claims[0].valid_from = NOW + 60;
    case.claims[0].valid_until = NOW + 61;
    assert!(case.verify().is_ok(), "a clock may be a minute off");
}

#[test]
fn a_vouch_is_passed_on_as_often_as_it_and_all_before_it_allow() {
    assert_eq!(refused(2, |case| case.claims[0].depth = 0), is(0, "depth"));
    assert_eq!(refused(3, |case| case.claims[0].depth = 1), is(1, "depth"));
    assert_eq!(refused(4, |case| case.claims[1].depth = 1), is(2, "depth"));
    let mut case = Case::of(3);
    case.claims[0].depth = 2;
    assert_eq!(case.claims[1].depth, 3, "says more than it was given");
    assert_eq!(case.verify().unwrap().depth, 0);
}

#[test]
fn an_empty_intersection_is_refused_at_the_link_that_makes_it() {
    assert_eq!(
        refused(3, |case| {
            case.claims[0].may = types(&[ORDERS, PRICES]);
            case.claims[1].may = types(&[ORDERS]);
            case.claims[2].may = types(&[PRICES]);
        }),
        is(2, "scope")
    );
}

#[test]
fn every_link_is_signed_by_a_key_that_its_issuer_claims_with() {
    for at in 0..2 {
        let case = Case::of(2);
        let mut presented = case.presented();
        let issuer = crate::world::agent(&case.claims[at].issuer);
        let protected = serde_json::json!({"alg": "EdDSA", "typ": "vc+jwt", "cty": "vc",
            "kid": format!("{}#key-2", issuer.did)});
        let payload = crate::world::payload(&presented[at].vouch);
        let input = comity_jose::jws::SigningInput::new(
            protected.to_string().as_bytes(),
            payload.to_string().as_bytes(),
        );
        let signature = issuer.authentication_key.sign(input.octets());
        presented[at].vouch = input.clone().into_compact(&signature);
        let refusal = case.verify_presented(&presented).unwrap_err();
        assert_eq!(told(&refusal), is(at, "key"));
        // The name of the right key over the signature of another.
        presented[at].vouch = CARLA.sign_raw(
            issuer.header().to_string().as_bytes(),
            payload.to_string().as_bytes(),
        );
        let refusal = case.verify_presented(&presented).unwrap_err();
        assert_eq!(told(&refusal), is(at, "signature"));
    }
}

#[test]
fn a_kid_of_another_did_is_refused_before_anything_is_resolved() {
    let case = Case::of(2);
    let mut presented = case.presented();
    let payload = crate::world::payload(&presented[1].vouch);
    presented[1].vouch = CARLA.sign_value(&payload);
    let refusal = case.verify_presented(&presented).unwrap_err();
    assert_eq!(told(&refusal), is(1, "signer"));
}

#[test]
fn a_document_that_is_not_at_hand_refuses() {
    for at in 0..2 {
        assert_eq!(
            refused(2, |case| {
                case.unresolved.insert(case.claims[at].issuer.clone());
            }),
            is(at, "unresolved")
        );
    }
}

#[test]
fn a_document_of_somebody_else_counts_as_none() {
    let case = Case::of(1);
    let chain = comity_vouch::Chain::read(&case.presented()).unwrap();
    let documents = |_: &Did| Some(std::sync::Arc::clone(&BRUNO.document));
    let refusal = chain.verify(&case.expected(), &documents).unwrap_err();
    assert_eq!(told(&refusal), is(0, "unresolved"));
    assert_eq!(chain.vouches().next().unwrap().claims(), &case.claims[0]);
}

#[test]
fn nobody_is_looked_up_but_whom_proved_vouches_lead_to() {
    let case = Case::of(3);
    let asked = |presented: &[comity_vouch::Presented]| {
        let asked = std::cell::RefCell::new(Vec::new());
        let documents = |did: &Did| {
            asked.borrow_mut().push(did.clone());
            Some(std::sync::Arc::clone(&crate::world::agent(did).document))
        };
        let chain = comity_vouch::Chain::read(presented).unwrap();
        let _ = chain.verify(&case.expected(), &documents);
        asked.into_inner()
    };
    let all = [ARIA.did.clone(), BRUNO.did.clone(), CARLA.did.clone()];
    let good = case.presented();
    assert_eq!(asked(&good), all);
    for at in 0..3 {
        // A forged signature, then a revoked vouch.
        let mut forged = good.clone();
        let (signed, _) = good[at].vouch.rsplit_once('.').unwrap();
        forged[at].vouch = format!("{signed}.{}", "A".repeat(86));
        assert_eq!(asked(&forged), all[..=at]);
        let mut revoked = case.lists[at].clone().unwrap();
        revoked.bits.set(70_251).unwrap();
        let mut presented = good.clone();
        presented[at].status = Some(crate::world::agent(&revoked.issuer).sign_list(&revoked));
        assert_eq!(asked(&presented), all[..=at]);
    }
}

#[test]
fn every_status_is_there_and_fresh() {
    for at in 0..2 {
        assert_eq!(
            refused(2, |case| case.lists[at] = None),
            is(at, "status-missing")
        );
        let bent = |bend: fn(&mut comity_vouch::StatusListDraft)| {
            refused(2, |case| bend(case.lists[at].as_mut().unwrap()))
        };
        assert_eq!(
            bent(|list| list.signed_at = NOW - HOUR.as_secs() - 1),
            is(at, "status-stale")
        );
        assert_eq!(
            bent(|list| list.signed_at = NOW + 61),
            is(at, "status-not-yet")
        );
        assert_eq!(
            bent(|list| list.valid_until = NOW),
            is(at, "status-expired")
        );
        assert_eq!(
            bent(|list| list.url = "https://agents.org-a.test/comity/status/2".into()),
            is(at, "status-list")
        );
        assert_eq!(
            bent(|list| list.issuer = DORA.did.clone()),
            is(at, "status-issuer")
        );
        assert_eq!(
            bent(|list| list.bits.set(70_251).unwrap()),
            is(at, "revoked")
        );
    }
    let mut case = Case::of(1);
    case.lists[0].as_mut().unwrap().signed_at = NOW - HOUR.as_secs();
    assert!(case.verify().is_ok(), "just fresh enough");
    case.lists[0].as_mut().unwrap().bits.set(70_250).unwrap();
    case.lists[0].as_mut().unwrap().bits.set(70_252).unwrap();
    assert!(case.verify().is_ok(), "others were revoked");
}

#[test]
fn an_index_beyond_the_list_is_refused() {
    assert_eq!(
        refused(1, |case| case.claims[0].status =
            StatusEntry::new(&ARIA.url(), 131_072).unwrap()),
        is(0, "status-index")
    );
}

#[test]
fn revocation_has_no_way_back() {
    let mut case = Case::of(2);
    let second = BRUNO.sign(&case.claims[1]).digest();
    assert!(case.verify().is_ok());
    case.memory.revoked.insert(second);
    assert_eq!(case.refusal(), is(1, "revoked"));
}

#[test]
fn presented_vouches_travel_as_json() {
    let case = Case::of(1);
    let presented = case.presented();
    let value = serde_json::to_value(&presented).unwrap();
    assert!(value[0]["vouch"].is_string() && value[0]["status"].is_string());
    let back: Vec<comity_vouch::Presented> = serde_json::from_value(value).unwrap();
    assert_eq!(back, presented);
    let bare: comity_vouch::Presented =
        serde_json::from_value(serde_json::json!({"vouch": "a.b.c", "later": 1})).unwrap();
    assert_eq!(bare.status, None);
    assert_eq!(
        serde_json::to_value(&bare).unwrap(),
        serde_json::json!({"vouch": "a.b.c"})
    );
}

#[test]
fn a_vouch_for_the_verifiers_own_agent_helps_nobody_else() {
    // Aria vouches for Vera; whoever shows it is not Vera.
    let mut case = Case::of(1);
    case.claims[0].subject = VERA.did.clone();
    assert_eq!(case.refusal(), is(0, "subject"));
}

#[test]
fn issuers_may_sign_on_any_curve_that_is_read() {
    use comity_did::{make_key, resolve_offline};
    use comity_jose::{Curve, SigningKey, SystemEntropy};

    for curve in [Curve::Ed25519, Curve::P256, Curve::Secp256k1] {
        let key = SigningKey::generate_on(curve, &SystemEntropy).unwrap();
        let issuer = make_key(key.public());
        let document = resolve_offline(&issuer).unwrap().unwrap();
        let relationship = comity_did::Relationship::AssertionMethod;
        let kid = document.keys(relationship).next().unwrap().0.clone();
        let mut case = Case::of(1);
        case.honoured[0].issuer = issuer.clone();
        case.claims[0].issuer = issuer.clone();
        let vouch = case.claims[0].prepare(&kid, key.algorithm()).unwrap();
        let signature = key.sign(vouch.octets());
        let vouch = vouch.finish(&signature).unwrap();
        let mut list = case.lists[0].clone().unwrap();
        list.issuer = issuer.clone();
        let list = list.prepare(&kid, key.algorithm()).unwrap();
        let signature = key.sign(list.octets());
        let list = list.finish(&signature).unwrap();
        let presented = comity_vouch::Presented {
            vouch: vouch.as_str().to_owned(),
            status: Some(list.as_str().to_owned()),
        };
        let chain = comity_vouch::Chain::read(&[presented]).unwrap();
        let document = std::sync::Arc::new(document);
        let documents = |_: &Did| Some(std::sync::Arc::clone(&document));
        let accepted = chain.verify(&case.expected(), &documents).unwrap();
        assert_eq!(accepted.links[0].issuer, issuer);
    }
}
