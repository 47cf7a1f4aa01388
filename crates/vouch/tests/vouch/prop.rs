//! Whatever is narrowed, nothing more is ever allowed.

use comity_didcomm::MessageType;
use comity_vouch::{Accepted, Claims, Known, Types};
use proptest::prelude::*;

use crate::world::{Case, NOW, agent, everybody, types};

/// Protocols and types that overlap in many ways.
const WORDS: [&str; 6] = [
    "https://example.org/a/1.0",
    "https://example.org/a/1.0/ask",
    "https://example.org/a/1.2/tell",
    "https://example.org/b/2.0",
    "https://example.org/b/2.0/ask",
    "https://example.org/c/1.0/ask",
];

/// Messages to be decided.
const MESSAGES: [&str; 6] = [
    "https://example.org/a/1.0/ask",
    "https://example.org/a/1.1/tell",
    "https://example.org/a/1.1/other",
    "https://example.org/b/2.0/ask",
    "https://example.org/b/2.1/other",
    "https://example.org/c/1.0/ask",
];

/// What makes a chain narrower.
#[derive(Clone, Debug)]
enum Narrowing {
    Audience(usize),
    Depth(usize),
    Forget(usize),
    Honour,
    HonouredDepth,
    HonouredScope(u8),
    Later(u64),
    MaxAge(u64),
    Older(usize, u64),
    Revoke(usize),
    Scope(usize, u8),
    Until(usize, u64),
    Used(usize, u64),
    Uses(usize, u64),
}

fn narrowing() -> impl Strategy<Value = Narrowing> {
    let link = 0..4_usize;
    prop_oneof![
        link.clone().prop_map(Narrowing::Audience),
        link.clone().prop_map(Narrowing::Depth),
        link.clone().prop_map(Narrowing::Forget),
        Just(Narrowing::Honour),
        Just(Narrowing::HonouredDepth),
        any::<u8>().prop_map(Narrowing::HonouredScope),
        (0..4000_u64).prop_map(Narrowing::Later),
        (0..4000_u64).prop_map(Narrowing::MaxAge),
        (link.clone(), 0..4000_u64).prop_map(|(at, by)| Narrowing::Older(at, by)),
        link.clone().prop_map(Narrowing::Revoke),
        (link.clone(), any::<u8>()).prop_map(|(at, keep)| Narrowing::Scope(at, keep)),
        (link.clone(), 0..90_000_u64).prop_map(|(at, by)| Narrowing::Until(at, by)),
        (link.clone(), 0..30_u64).prop_map(|(at, by)| Narrowing::Used(at, by)),
        (link, 0..30_u64).prop_map(|(at, by)| Narrowing::Uses(at, by)),
    ]
}

impl Narrowing {
    /// A bent vouch is another vouch, with a digest of its own: what was counted goes with it.
    fn apply(&self, case: &mut Case) {
        let digest = |claims: &Claims| agent(&claims.issuer).sign(claims).digest();
        let counted = case
            .claims
            .iter()
            .map(|claims| case.memory.used(&digest(claims)));
        let counted: Vec<u64> = counted.collect();
        self.bend(case);
        let counted = case.claims.iter().map(digest).zip(counted);
        case.memory.used = counted.collect();
        if let Self::Used(at, by) = self {
            let at = at % case.claims.len();
            *case
                .memory
                .used
                .entry(digest(&case.claims[at]))
                .or_default() += by;
        }
    }

    fn bend(&self, case: &mut Case) {
        let link = |at: &usize| at % case.claims.len();
        match self {
            Self::Audience(at) => {
                let at = link(at);
                case.claims[at].audience.truncate(1);
            }
            Self::Depth(at) => {
                let at = link(at);
                case.claims[at].depth = case.claims[at].depth.saturating_sub(1);
            }
            Self::Forget(at) => {
                let at = link(at);
                case.lists[at] = None;
            }
            Self::Honour => {
                case.honoured.pop();
            }
            Self::HonouredDepth => {
                for rule in &mut case.honoured {
                    rule.depth = rule.depth.saturating_sub(1);
                }
            }
            Self::HonouredScope(keep) => {
                for rule in &mut case.honoured {
                    rule.scope = kept(&rule.scope, *keep);
                }
            }
            Self::Later(by) => case.now += by,
            Self::MaxAge(by) => {
                let by = std::time::Duration::from_secs(*by);
                case.max_status_age = case.max_status_age.saturating_sub(by);
            }
            Self::Older(at, by) => {
                let at = link(at);
                if let Some(list) = &mut case.lists[at] {
                    list.signed_at -= by;
                }
            }
            Self::Revoke(at) => {
                let at = link(at);
                let index = case.claims[at].status.index();
                if let Some(list) = &mut case.lists[at] {
                    list.bits.set(index).unwrap();
                }
            }
            Self::Scope(at, keep) => {
                let at = link(at);
                case.claims[at].may = at_least_one(&case.claims[at].may, *keep);
            }
            Self::Until(at, by) => {
                let at = link(at);
                let claims = &mut case.claims[at];
                claims.valid_until = (claims.valid_until - by).max(claims.valid_from + 1);
            }
            Self::Used(..) => {}
            Self::Uses(at, by) => {
                let at = link(at);
                let uses = case.claims[at]
                    .uses
                    .map_or(30, |uses| uses.saturating_sub(*by));
                case.claims[at].uses = Some(uses);
            }
        }
    }
}

fn kept(types: &Types, keep: u8) -> Types {
    let texts = types.iter().enumerate();
    let kept = texts.filter(|(at, _)| keep >> (at % 8) & 1 == 1);
    Types::parse(kept.map(|(_, text)| text)).unwrap()
}

fn at_least_one(types: &Types, keep: u8) -> Types {
    let kept = kept(types, keep);
    if kept.is_empty() { types.clone() } else { kept }
}

fn scope() -> impl Strategy<Value = Types> {
    prop::sample::subsequence(WORDS.to_vec(), 1..=WORDS.len()).prop_map(|words| types(&words))
}

fn case() -> impl Strategy<Value = Case> {
    let links = 1..=4_usize;
    let parts = (
        links,
        prop::collection::vec(scope(), 5),
        prop::collection::vec(0..=3_u8, 5),
        prop::collection::vec(prop::option::of(1..30_u64), 4),
        prop::collection::vec(0..3600_u64, 4),
    );
    parts.prop_map(|(links, scopes, depths, uses, ages)| {
        let mut case = Case::of(links);
        for at in 0..links {
            let other = everybody()[4 - at].did.clone();
            let claims = &mut case.claims[at];
            claims.audience.insert(0, other);
            claims.may = scopes[at].clone();
            // Mostly deep enough.
            claims.depth = depths[at].max(u8::try_from(3 - at).unwrap_or(0));
            claims.uses = uses[at];
            case.lists[at].as_mut().unwrap().signed_at = NOW - ages[at];
        }
        case.honoured[0].scope = scopes[4].clone();
        case
    })
}

/// Everything that a verifier would let in, of all that could be asked.
fn allows_no_more(narrow: &Accepted, wide: &Accepted) {
    for text in MESSAGES {
        let type_: MessageType = text.parse().unwrap();
        assert!(!narrow.types.covers(&type_) || wide.types.covers(&type_));
    }
    assert!(narrow.types.is_within(&wide.types));
    assert!(narrow.until <= wide.until);
    assert!(narrow.depth <= wide.depth);
    match (narrow.uses, wide.uses) {
        (_, None) => {}
        (Some(narrow), Some(wide)) => assert!(narrow <= wide),
        (None, Some(_)) => panic!("uses were bounded before"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn narrowing_never_allows_more(case in case(), steps in prop::collection::vec(narrowing(), 1..4)) {
        let mut wide = case.verify();
        let mut case = case;
        for step in steps {
            step.apply(&mut case);
            let narrow = case.verify();
            match (&narrow, &wide) {
                (Ok(narrow), Ok(wide)) => allows_no_more(narrow, wide),
                (Ok(_), Err(refusal)) => panic!("{step:?} let in what was refused: {}", refusal.reason),
                (Err(_), _) => {}
            }
            wide = narrow;
        }
    }

    #[test]
    fn what_follows_is_within_every_link(case in case()) {
        if let Ok(accepted) = case.verify() {
            prop_assert!(!accepted.types.is_empty());
            prop_assert!(accepted.types.is_within(&case.honoured[0].scope));
            for claims in &case.claims {
                prop_assert!(accepted.types.is_within(&claims.may));
                prop_assert!(accepted.until <= claims.valid_until);
                prop_assert!(accepted.uses <= claims.uses || claims.uses.is_none());
            }
            prop_assert!(accepted.uses != Some(0));
        }
    }

    #[test]
    fn what_is_written_reads_back(case in case()) {
        for claims in &case.claims {
            let vouch = agent(&claims.issuer).sign(claims);
            prop_assert_eq!(vouch.claims(), claims);
            prop_assert!(vouch.verify(&agent(&claims.issuer).document).is_ok());
        }
    }

    #[test]
    fn any_text_is_read_within_bounds_or_refused(text in "\\PC{0,200}", dots in "[A-Za-z0-9_.-]{0,400}") {
        for text in [text, dots] {
            prop_assert!(comity_vouch::Vouch::read(&text).is_err());
            prop_assert!(comity_vouch::StatusList::read(&text).is_err());
            let _ = comity_vouch::StatusBits::from_encoded_list(&text);
        }
    }

    #[test]
    fn bits_read_as_they_were_written(indexes in prop::collection::vec(0..131_072_u32, 0..200)) {
        let mut bits = comity_vouch::StatusBits::new();
        for &index in &indexes {
            bits.set(index).unwrap();
        }
        let read = comity_vouch::StatusBits::from_encoded_list(&bits.to_encoded_list()).unwrap();
        prop_assert!(indexes.iter().all(|&index| read.get(index) == Some(true)));
        prop_assert_eq!(read, bits);
    }
}
