//! The decision over one message: the same pure function in both directions.
//!
//! Default deny. Facts come from the store, read in the transaction that acts on the decision,
//! so that a revocation holds from its commit on (invariant I5).

use crate::code::Code;
use crate::grant::{Grant, GrantState};
use crate::time::Timestamp;
use comity_did::Did;
use comity_didcomm::MessageType;

/// What the decision rests on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who sends.
    pub sender: &'a Did,
    /// What is sent.
    pub type_: &'a MessageType,
    /// Octets of the plaintext.
    pub bytes: u64,
    /// True if the message proves its author to its reader only.
    pub deniable: bool,
    /// The grant between the two, live or not, if there is or was one.
    pub grant: Option<Held<'a>>,
    /// Type of the request in whose thread this is a reply by the DID it was addressed to.
    pub reply_to: Option<&'a MessageType>,
    /// True if an operator blocked the peer.
    pub blocked: bool,
    /// When the decision is made.
    pub now: Timestamp,
}

/// A grant as this node holds it.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// Its terms.
    pub grant: &'a Grant,
    /// Its state here.
    pub state: GrantState,
    /// Messages that the sender has sent under it so far.
    pub uses: u64,
}

/// What was decided, by which rule, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule that decided.
    pub rule: Rule,
    /// `None` if allowed; otherwise the code for whoever may know it.
    pub refused: Option<Code>,
}

/// The rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// An operator blocked the peer.
    Blocked,
    /// The grant lists the type.
    Grant,
    /// A reply in a thread that the other side started under the grant.
    Reply,
    /// There is no grant.
    NoGrant,
    /// The grant is offered only, suspended, or at its end.
    GrantState,
    /// The grant does not list the type.
    Type,
    /// A restriction of the grant forbids it.
    Restriction,
}

impl Rule {
    /// The rule's name, as shown to operators and agents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Grant => "grant",
            Self::Reply => "reply",
            Self::NoGrant => "no-grant",
            Self::GrantState => "grant-state",
            Self::Type => "type",
            Self::Restriction => "restriction",
        }
    }
}

impl Decision {
    const fn deny(rule: Rule, code: Code) -> Self {
        Self {
            rule,
            refused: Some(code),
        }
    }

    /// True if the message may pass.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.refused.is_none()
    }
}

/// Decides over one message.
#[must_use]
pub fn decide(facts: &Facts<'_>) -> Decision {
    if facts.blocked {
        return Decision::deny(Rule::Blocked, Code::REVOKED);
    }
    let Some(held) = facts.grant else {
        return Decision::deny(Rule::NoGrant, Code::NO_GRANT);
    };
    match held.state {
        GrantState::Active if facts.now.seconds() < held.grant.until() => {}
        GrantState::Active => return Decision::deny(Rule::GrantState, Code::NO_GRANT),
        GrantState::Offered => return Decision::deny(Rule::GrantState, Code::NO_GRANT),
        GrantState::Suspended => return Decision::deny(Rule::GrantState, Code::SUSPENDED),
        GrantState::Ended => return Decision::deny(Rule::GrantState, Code::REVOKED),
    }
    let restrictions = held.grant.restrictions();
    if restrictions
        .max_bytes
        .is_some_and(|most| facts.bytes > most)
    {
        return Decision::deny(Rule::Restriction, Code::TOO_LARGE);
    }
    if facts.deniable && !restrictions.deniable {
        return Decision::deny(Rule::Restriction, Code::TYPE_NOT_GRANTED);
    }
    if restrictions.uses.is_some_and(|most| held.uses >= most) {
        return Decision::deny(Rule::Restriction, Code::NO_GRANT);
    }
    if held.grant.permits(facts.sender, facts.type_) {
        return Decision {
            rule: Rule::Grant,
            refused: None,
        };
    }
    // A reply in a thread that the other side started (design §5).
    if facts
        .reply_to
        .is_some_and(|request| request.protocol().matches(&facts.type_.protocol()))
    {
        return Decision {
            rule: Rule::Reply,
            refused: None,
        };
    }
    Decision::deny(Rule::Type, Code::TYPE_NOT_GRANTED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Restrictions;

    const REQUEST: &str = "https://example.org/analysis/1.0/request";
    const RESPONSE: &str = "https://example.org/analysis/1.0/response";

    struct World {
        a: Did,
        b: Did,
        grant: Grant,
        request: MessageType,
        response: MessageType,
    }

    impl World {
        fn new(restrictions: &Restrictions) -> Self {
            let a: Did = "did:web:a.test:x".parse().unwrap();
            let b: Did = "did:web:b.test:y".parse().unwrap();
            let may = [vec![REQUEST.to_owned()], vec![]];
            let nonce = "AAECAwQFBgcICQoLDA0ODw";
            let grant = Grant::new([a.clone(), b.clone()], may, 100, nonce, restrictions).unwrap();
            let [request, response] = [REQUEST, RESPONSE].map(|text| text.parse().unwrap());
            Self {
                a,
                b,
                grant,
                request,
                response,
            }
        }

        fn facts(&self) -> Facts<'_> {
            Facts {
                sender: &self.a,
                type_: &self.request,
                bytes: 10,
                deniable: false,
                grant: Some(Held {
                    grant: &self.grant,
                    state: GrantState::Active,
                    uses: 0,
                }),
                reply_to: None,
                blocked: false,
                now: Timestamp::from_seconds(50),
            }
        }
    }

    #[test]
    fn only_a_live_grant_allows() {
        let world = World::new(&Restrictions::default());
        assert!(decide(&world.facts()).is_allowed());
        let held = |state| {
            Some(Held {
                grant: &world.grant,
                state,
                uses: 0,
            })
        };
        for (grant, code) in [
            (None, Code::NO_GRANT),
            (held(GrantState::Offered), Code::NO_GRANT),
            (held(GrantState::Suspended), Code::SUSPENDED),
            (held(GrantState::Ended), Code::REVOKED),
        ] {
            let decision = decide(&Facts {
                grant,
                ..world.facts()
            });
            assert_eq!(decision.refused, Some(code));
        }
        let late = Facts {
            now: Timestamp::from_seconds(100),
            ..world.facts()
        };
        assert_eq!(decide(&late).refused, Some(Code::NO_GRANT));
    }

    #[test]
    fn a_block_beats_a_grant() {
        let world = World::new(&Restrictions::default());
        assert!(
            !decide(&Facts {
                blocked: true,
                ..world.facts()
            })
            .is_allowed()
        );
    }

    #[test]
    fn a_reply_is_covered_by_the_grant_that_covered_the_request() {
        let world = World::new(&Restrictions::default());
        let reply = Facts {
            sender: &world.b,
            type_: &world.response,
            ..world.facts()
        };
        assert_eq!(decide(&reply).refused, Some(Code::TYPE_NOT_GRANTED));
        let threaded = Facts {
            reply_to: Some(&world.request),
            ..reply
        };
        assert_eq!(
            decide(&threaded),
            Decision {
                rule: Rule::Reply,
                refused: None
            }
        );
        let other: MessageType = "https://example.org/other/1.0/response".parse().unwrap();
        assert!(
            !decide(&Facts {
                type_: &other,
                ..threaded
            })
            .is_allowed()
        );
    }

    #[test]
    fn restrictions_hold() {
        let strict = Restrictions {
            uses: Some(2),
            max_bytes: Some(10),
            ..Default::default()
        };
        let world = World::new(&strict);
        assert!(decide(&world.facts()).is_allowed());
        assert!(
            !decide(&Facts {
                bytes: 11,
                ..world.facts()
            })
            .is_allowed()
        );
        assert!(
            !decide(&Facts {
                deniable: true,
                ..world.facts()
            })
            .is_allowed()
        );
        let used = Held {
            grant: &world.grant,
            state: GrantState::Active,
            uses: 2,
        };
        assert!(
            !decide(&Facts {
                grant: Some(used),
                ..world.facts()
            })
            .is_allowed()
        );
    }
}
