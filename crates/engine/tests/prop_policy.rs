//! Nothing that takes away ever adds: a block, a revocation, a narrower scope, a smaller limit, a
//! rule less, a vouch less. Over random grants, rules, knocks and messages.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot make its facts has failed"
)]

use comity_did::Did;
use comity_didcomm::MessageType;
use comity_engine::decide::{Facts, Held, decide};
use comity_engine::grant::{Narrower, Rate, Restrictions};
use comity_engine::policy::{
    Admits, Answer, FirstMessage, Rule, RuleState, Stranger, Vouched, Who, admit, consider,
};
use comity_engine::scope::Types;
use comity_engine::{Grant, GrantState, Timestamp};
use proptest::prelude::*;

const NONCE: &str = "AAECAwQFBgcICQoLDA0ODw";
const DIDS: [&str; 4] = [
    "did:web:agents.org-a.test:aria",
    "did:web:agents.org-b.test:bruno",
    "did:web:agents.org-b.test:berta",
    "did:web:other.test:carol",
];
const TYPES: [&str; 6] = [
    "https://example.org/p/1.0",
    "https://example.org/p/1.0/request",
    "https://example.org/p/1.1/response",
    "https://example.org/q/1.0",
    "https://example.org/q/1.0/m",
    "https://example.org/r/2.0/m",
];
const MESSAGES: [&str; 4] = [TYPES[1], TYPES[2], TYPES[4], TYPES[5]];

fn did(n: usize) -> Did {
    DIDS[n].parse().unwrap()
}

fn types() -> impl Strategy<Value = Types> {
    prop::collection::vec(0..TYPES.len(), 0..4)
        .prop_map(|list| Types::parse(list.into_iter().map(|n| TYPES[n])).unwrap())
}

fn message_type() -> impl Strategy<Value = MessageType> {
    prop::sample::select(MESSAGES.to_vec()).prop_map(|text| text.parse().unwrap())
}

fn limits() -> impl Strategy<Value = Restrictions> {
    let rate = (1..5_u64, 1..50_u64).prop_map(|(messages, seconds)| Rate { messages, seconds });
    let uses = prop::option::of(0..5_u64);
    let max_bytes = prop::option::of(0..100_u64);
    (any::<bool>(), uses, prop::option::of(rate), max_bytes).prop_map(
        |(deniable, uses, rate, max_bytes)| Restrictions {
            deniable,
            untimed: false,
            uses,
            rate,
            max_bytes,
        },
    )
}

fn grant() -> impl Strategy<Value = Grant> {
    let parts = (types(), types(), 0..100_u64, limits());
    parts.prop_filter_map("it grants something", |(they, you, until, limits)| {
        let may = [they.to_vec(), you.to_vec()];
        Grant::new([did(0), did(1)], may, until, NONCE, &limits).ok()
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let who = prop_oneof![
        (0..4_usize).prop_map(|n| Who::Peer(did(n))),
        Just(Who::Domain("org-a.test".parse().unwrap())),
        Just(Who::Invited("secret".to_owned())),
        (0..4_usize).prop_map(|n| Who::VouchedBy(did(n))),
    ];
    let grants = prop::option::of(0..3_u64);
    let parts = (
        who,
        types(),
        types(),
        limits(),
        0..100_u64,
        grants,
        any::<bool>(),
    );
    parts.prop_map(
        |(who, they_may, you_may, limits, until, grants, message)| Rule {
            name: "r".to_owned(),
            ours: None,
            who,
            depth: 0,
            admits: if message {
                Admits::Message
            } else {
                Admits::Knock
            },
            they_may,
            you_may,
            limits,
            lasts_s: None,
            until,
            open_until: None,
            grants,
            note: String::new(),
        },
    )
}

fn vouched() -> impl Strategy<Value = Vouched> {
    let parts = (2..4_usize, types(), prop::option::of(0..5_u64), 0..100_u64);
    parts.prop_map(|(issuer, types, uses, until)| Vouched {
        chain: Vec::new(),
        issuers: vec![did(issuer)],
        types,
        uses,
        until,
    })
}

/// What a grant lets through: every type, in both directions, at several sizes, counts and times.
fn lets_through(grant: &Grant) -> Vec<bool> {
    let mut all = Vec::new();
    for sender in [did(0), did(1)] {
        for text in MESSAGES {
            for (uses, bytes) in [(0, 0), (3, 50), (9, 200)] {
                for now in [0, 50, 99] {
                    let type_: MessageType = text.parse().unwrap();
                    let held = Held {
                        grant,
                        state: GrantState::Active,
                        uses,
                        paid: Timestamp::default(),
                        vouched_until: None,
                    };
                    let facts = Facts {
                        sender: &sender,
                        type_: &type_,
                        bytes,
                        deniable: false,
                        grant: Some(held),
                        reply_to: None,
                        blocked: false,
                        now: Timestamp::from_seconds(now),
                    };
                    all.push(decide(&facts).is_allowed());
                }
            }
        }
    }
    all
}

fn no_more(narrow: &[bool], wide: &[bool]) -> bool {
    narrow
        .iter()
        .zip(wide)
        .all(|(narrow, wide)| !narrow || *wide)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn blocks_revocations_and_ends_never_allow_more(
        grant in grant(), type_ in message_type(), sender in 0..2_usize,
        uses in 0..6_u64, bytes in 0..120_u64, now in 0..120_u64, deniable: bool,
        paid in 0..200_u64, reply in prop::option::of(message_type()),
        vouched_until in prop::option::of(0..120_u64),
    ) {
        let sender = did(sender);
        let held = Held {
            grant: &grant, state: GrantState::Active, uses,
            paid: Timestamp::from_seconds(paid), vouched_until,
        };
        let facts = Facts {
            sender: &sender, type_: &type_, bytes, deniable, grant: Some(held),
            reply_to: reply.as_ref(), blocked: false, now: Timestamp::from_seconds(now),
        };
        let allowed = decide(&facts).is_allowed();
        let nothing = [
            Facts { blocked: true, ..facts },
            Facts { grant: None, ..facts },
            Facts { grant: Some(Held { state: GrantState::Ended, ..held }), ..facts },
            Facts { grant: Some(Held { state: GrantState::Suspended, ..held }), ..facts },
            Facts { grant: Some(Held { vouched_until: Some(0), ..held }), ..facts },
        ];
        for (n, none) in nothing.iter().enumerate() {
            prop_assert!(!decide(none).is_allowed(), "change {n}");
        }
        let less = [
            Facts { grant: Some(Held { uses: uses + 1, ..held }), ..facts },
            Facts { bytes: bytes + 1, ..facts },
            Facts { reply_to: None, ..facts },
            Facts { deniable: true, ..facts },
            Facts { now: Timestamp::from_seconds(now + 1), ..facts },
        ];
        for (n, less) in less.iter().enumerate() {
            prop_assert!(allowed || !decide(less).is_allowed(), "change {n}");
        }
    }

    #[test]
    fn a_narrowed_grant_lets_through_no_more(
        grant in grant(), first in prop::option::of(types()), second in prop::option::of(types()),
        until in prop::option::of(0..120_u64), limits in limits(),
    ) {
        let narrower = Narrower { first_may: first, second_may: second, until, limits };
        if let Ok(narrow) = grant.narrowed(&narrower) {
            prop_assert!(narrow.is_within(&grant));
            prop_assert!(no_more(&lets_through(&narrow), &lets_through(&grant)));
        }
    }

    #[test]
    fn whatever_is_within_lets_through_no_more(one in grant(), two in grant()) {
        if one.is_within(&two) {
            prop_assert!(no_more(&lets_through(&one), &lets_through(&two)));
        }
    }

    #[test]
    fn what_a_rule_approves_is_within_the_offer_the_rule_and_the_vouches(
        offer in grant(), rules in prop::collection::vec(rule(), 0..4),
        vouched in prop::collection::vec(vouched(), 0..2), made in 0..3_u64, used in 0..4_u64, now in 0..100_u64,
        invitation in prop::option::of(Just("secret")),
    ) {
        let (sender, ours) = (did(0), did(1));
        let states: Vec<RuleState<'_>> =
            rules.iter().map(|rule| RuleState { rule, made, used }).collect();
        let stranger = Stranger {
            ours: &ours, sender: &sender, offer: &offer, first: None, invitation,
            vouched: &vouched, blocked: false, revoked: false, keys_changed: false, now,
        };
        if let Answer::Approve { rule, grant, vouched: place } = &consider(&stranger, &states) {
            prop_assert!(grant.is_within(&offer));
            prop_assert!(grant.types_from(&sender).is_within(&rule.they_may));
            prop_assert!(grant.types_from(&ours).is_within(&rule.you_may));
            prop_assert!(grant.until() <= rule.until && grant.until() > now);
            prop_assert!(rule.grants.is_none_or(|most| made < most));
            let uses = grant.restrictions().uses;
            prop_assert!(
                rule.limits.uses.is_none_or(|most| used + uses.unwrap_or(u64::MAX / 2) <= most)
            );
            prop_assert_eq!(place.is_some(), matches!(rule.who, Who::VouchedBy(_)));
            if let Some(place) = place {
                let chain = &vouched[*place];
                prop_assert!(grant.types_from(&sender).is_within(&chain.types));
                prop_assert!(grant.until() <= chain.until);
                let uses = grant.restrictions().uses;
                prop_assert!(chain.uses.is_none_or(|most| uses.is_some_and(|uses| uses <= most)));
            }
        }
        // Without a block, a revocation, a rule, a vouch, an invitation: never more.
        let approves = |stranger: &Stranger<'_>, states: &[RuleState<'_>]| {
            matches!(consider(stranger, states), Answer::Approve { .. })
        };
        let was = approves(&stranger, &states);
        let lesser = Stranger { blocked: true, ..stranger };
        prop_assert!(!approves(&lesser, &states));
        let lesser = Stranger { revoked: true, ..stranger };
        prop_assert!(!approves(&lesser, &states));
        let lesser = Stranger { vouched: &[], ..stranger };
        prop_assert!(was || !approves(&lesser, &states));
        let lesser = Stranger { invitation: None, ..stranger };
        prop_assert!(was || !approves(&lesser, &states));
        for n in 0..states.len() {
            let mut fewer = states.clone();
            fewer.remove(n);
            prop_assert!(was || !approves(&stranger, &fewer));
        }
    }

    #[test]
    fn a_message_without_a_knock_passes_only_by_a_rule_that_says_so(
        rules in prop::collection::vec(rule(), 0..4), type_ in message_type(),
        made in 0..3_u64, used in 0..4_u64, now in 0..100_u64, invitation in prop::option::of(Just("secret")),
    ) {
        let (sender, ours) = (did(0), did(1));
        let states: Vec<RuleState<'_>> =
            rules.iter().map(|rule| RuleState { rule, made, used }).collect();
        let message = FirstMessage {
            ours: &ours, sender: &sender, type_: &type_, invitation,
            blocked: false, revoked: false, keys_changed: false, now,
        };
        if let Ok((rule, limits)) = admit(&message, &states) {
            prop_assert!(limits.is_within(&rule.limits));
            prop_assert!(rule.limits.uses.is_none_or(|most| used + limits.uses.unwrap_or(0) <= most));
            prop_assert!(rule.admits == Admits::Message && rule.they_may.covers(&type_));
            prop_assert!(now < rule.until);
        }
        let lesser = FirstMessage { blocked: true, ..message };
        prop_assert!(admit(&lesser, &states).is_err());
        let lesser = FirstMessage { revoked: true, ..message };
        prop_assert!(admit(&lesser, &states).is_err());
    }
}
