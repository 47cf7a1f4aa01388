//! A decision in words: what decided, and what would have to change for another one.

use crate::decide::{Basis, Decision, Facts, Verdict};
use crate::grant::GrantState;

/// A decision in words, for operators. Contains texts of peers (types): escape it when shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Why it was decided so.
    pub because: String,
    /// What would have to change for a refusal to become a yes; `None` for a yes.
    pub change: Option<String>,
}

/// Explains a decision over these facts.
#[must_use]
pub fn explain(facts: &Facts<'_>, decision: &Decision) -> Explanation {
    let because = because(facts, decision);
    let change = match &decision.verdict {
        Verdict::Allow => None,
        Verdict::Wait(_) => Some("nothing: it passes when its time comes".to_owned()),
        Verdict::Refuse(_) => Some(change(facts, decision.basis)),
    };
    Explanation { because, change }
}

fn because(facts: &Facts<'_>, decision: &Decision) -> String {
    let type_ = facts.type_;
    match (decision.basis, facts.grant) {
        (Basis::Blocked, _) => "an operator blocked the peer; a block beats every grant".to_owned(),
        (Basis::Grant, Some(held)) => {
            let types = held.grant.types_from(facts.sender);
            format!("the grant lets the sender send {types}")
        }
        (Basis::Reply, _) => {
            "it is a reply in a thread that its recipient started, in the same protocol".to_owned()
        }
        (Basis::GrantState, Some(held)) => match held.state {
            GrantState::Offered => "they knocked, and nobody has answered yet".to_owned(),
            GrantState::Active => "the grant ran out".to_owned(),
            GrantState::Suspended => {
                "the grant is suspended: the peer's keys are not those it was made for".to_owned()
            }
            GrantState::Ended => "the grant has ended".to_owned(),
        },
        (Basis::Vouch, _) => {
            "the vouches that the grant stands on were not confirmed in time".to_owned()
        }
        (Basis::Type, Some(held)) => {
            let types = held.grant.types_from(facts.sender);
            format!("the grant lets the sender send {types}, and not {type_}")
        }
        (Basis::MaxBytes, Some(held)) => {
            let most = held.grant.restrictions().max_bytes.unwrap_or_default();
            format!("it has {} octets; the grant takes {most}", facts.bytes)
        }
        (Basis::Deniable, _) => {
            "it proves its author to its reader only, and the grant asks for a signature".to_owned()
        }
        (Basis::Uses, Some(held)) => format!("all {} uses of the grant are used up", held.uses),
        (Basis::Rate, Some(held)) => match held.grant.restrictions().rate {
            Some(rate) => format!(
                "the grant takes {} messages in {} seconds",
                rate.messages, rate.seconds
            ),
            None => "the grant has a rate".to_owned(),
        },
        (_, _) => "no grant lets the two write to each other; nobody may until somebody decides so"
            .to_owned(),
    }
}

fn change(facts: &Facts<'_>, basis: Basis) -> String {
    match basis {
        Basis::Blocked => "the block would have to be lifted, and they let in anew",
        Basis::GrantState => match facts.grant.map(|held| held.state) {
            Some(GrantState::Offered) => "the other side's operator would have to answer the knock",
            Some(GrantState::Suspended) => {
                "an operator would have to compare the new keys with the peer's, revoke, and let it in anew"
            }
            _ => "they would have to knock again and be let in",
        },
        Basis::Vouch => {
            "the issuers' status lists would have to be reachable and say that the vouches hold"
        }
        Basis::Type => "a wider grant: a knock that asks for it, and an approval",
        Basis::MaxBytes => "a smaller message, or a grant that takes larger ones",
        Basis::Deniable => "a signed message, or a grant that takes deniable ones",
        Basis::Uses => "a new grant: a knock, and an approval",
        Basis::NoGrant | Basis::Grant | Basis::Reply | Basis::Rate => {
            "a knock that an operator or a rule approves"
        }
    }
    .to_owned()
}
