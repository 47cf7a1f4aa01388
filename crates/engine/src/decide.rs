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
    /// True if an operator blocked the peer or its domain.
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
    /// Up to when the sender's messages have used up its rate ([`Rate::next`](crate::grant::Rate)).
    pub paid: Timestamp,
    /// Until when the vouches that it stands on count as confirmed, UTC seconds; `None` if it
    /// stands on none.
    pub vouched_until: Option<u64>,
}

/// What was decided, and on what it rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What decided.
    pub basis: Basis,
    /// What is to happen.
    pub verdict: Verdict,
}

/// What is to happen with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes.
    Allow,
    /// It passes, but not before this time: the rate is used up until then.
    Wait(Timestamp),
    /// It does not pass, with the code for whoever may know it.
    Refuse(Code),
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Basis {
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
    /// The vouches that the grant stands on were not confirmed in time.
    Vouch,
    /// The grant does not list the type.
    Type,
    /// Larger than the grant allows.
    MaxBytes,
    /// Deniable, and the grant does not take that.
    Deniable,
    /// All uses are used up.
    Uses,
    /// Too many in a short time.
    Rate,
}

impl Basis {
    /// Its name, as shown to operators and agents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Grant => "grant",
            Self::Reply => "reply",
            Self::NoGrant => "no-grant",
            Self::GrantState => "grant-state",
            Self::Vouch => "vouch",
            Self::Type => "type",
            Self::MaxBytes => "max-bytes",
            Self::Deniable => "deniable",
            Self::Uses => "uses",
            Self::Rate => "rate",
        }
    }
}

impl Decision {
    const fn refuse(basis: Basis, code: Code) -> Self {
        Self {
            basis,
            verdict: Verdict::Refuse(code),
        }
    }

    /// True if the message may pass, now or later.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        !matches!(self.verdict, Verdict::Refuse(_))
    }

    /// The code, if it is refused.
    #[must_use]
    pub const fn refused(&self) -> Option<&Code> {
        match &self.verdict {
            Verdict::Refuse(code) => Some(code),
            Verdict::Allow | Verdict::Wait(_) => None,
        }
    }
}

/// Decides over one message.
#[must_use]
pub fn decide(facts: &Facts<'_>) -> Decision {
    if facts.blocked {
        return Decision::refuse(Basis::Blocked, Code::REVOKED);
    }
    let Some(held) = facts.grant else {
        return Decision::refuse(Basis::NoGrant, Code::NO_GRANT);
    };
    let seconds = facts.now.seconds();
    match held.state {
        GrantState::Active if seconds < held.grant.until() => {}
        GrantState::Active | GrantState::Offered => {
            return Decision::refuse(Basis::GrantState, Code::NO_GRANT);
        }
        GrantState::Suspended => return Decision::refuse(Basis::GrantState, Code::SUSPENDED),
        GrantState::Ended => return Decision::refuse(Basis::GrantState, Code::REVOKED),
    }
    if held.vouched_until.is_some_and(|until| seconds >= until) {
        return Decision::refuse(Basis::Vouch, Code::VOUCH_STATUS_STALE);
    }
    let restrictions = held.grant.restrictions();
    if restrictions
        .max_bytes
        .is_some_and(|most| facts.bytes > most)
    {
        return Decision::refuse(Basis::MaxBytes, Code::TOO_LARGE);
    }
    if facts.deniable && !restrictions.deniable {
        return Decision::refuse(Basis::Deniable, Code::TYPE_NOT_GRANTED);
    }
    // A reply in a thread that the other side started (design §5).
    let is_reply = || {
        let covers = |request: &MessageType| request.protocol().matches(&facts.type_.protocol());
        facts.reply_to.is_some_and(covers)
    };
    let basis = if held.grant.permits(facts.sender, facts.type_) {
        Basis::Grant
    } else if is_reply() {
        Basis::Reply
    } else {
        return Decision::refuse(Basis::Type, Code::TYPE_NOT_GRANTED);
    };
    if restrictions.uses.is_some_and(|most| held.uses >= most) {
        return Decision::refuse(Basis::Uses, Code::USED_UP);
    }
    if let Some(rate) = restrictions.rate {
        let (from, _) = rate.next(held.paid, facts.now);
        if from > facts.now {
            return Decision {
                basis: Basis::Rate,
                verdict: Verdict::Wait(from),
            };
        }
    }
    Decision {
        basis,
        verdict: Verdict::Allow,
    }
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
                    paid: Timestamp::default(),
                    vouched_until: None,
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
                paid: Timestamp::default(),
                vouched_until: None,
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
            assert_eq!(decision.refused(), Some(&code));
        }
        let late = Facts {
            now: Timestamp::from_seconds(100),
            ..world.facts()
        };
        assert_eq!(decide(&late).refused(), Some(&Code::NO_GRANT));
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
        assert_eq!(decide(&reply).refused(), Some(&Code::TYPE_NOT_GRANTED));
        let threaded = Facts {
            reply_to: Some(&world.request),
            ..reply
        };
        assert_eq!(
            decide(&threaded),
            Decision {
                basis: Basis::Reply,
                verdict: Verdict::Allow
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
            paid: Timestamp::default(),
            vouched_until: None,
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
