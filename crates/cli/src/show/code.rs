//! Problem codes in words, for whoever reads why a message ended: from the sender's side.

use comity_api::safe;

/// `the grant was revoked (e.p.trust.revoked)`; a code that is an agent's own, as it is.
pub(crate) fn words(code: &str) -> String {
    match meaning(code) {
        Some(meaning) => format!("{meaning} ({code})"),
        None => safe(code),
    }
}

/// What a known code means.
pub(crate) fn meaning(code: &str) -> Option<&'static str> {
    let known = TABLE.iter().find(|(known, _)| *known == code);
    known.map(|(_, meaning)| *meaning)
}

/// A node's reason without the code before it, if the words that follow say it all; escaped.
pub(crate) fn reason(reason: &str) -> String {
    match reason.split_once(": ") {
        Some((code, words)) if meaning(code).is_some() => safe(words),
        _ => words(reason),
    }
}

/// As in docs/glossary.md. The last ones are what the SDK and `comity listen` say for an agent.
pub(crate) const TABLE: &[(&str, &str)] = &[
    ("e.p.trust.no-grant", "nobody let you in"),
    ("e.p.trust.used-up", "the grant's messages are used up"),
    (
        "e.p.trust.type-not-granted",
        "you may write to them, but nothing of this type",
    ),
    ("e.p.trust.revoked", "the grant was revoked"),
    (
        "e.p.trust.suspended",
        "the grant is suspended until an operator decides",
    ),
    ("e.p.trust.denied", "their operator denied the knock"),
    ("e.p.trust.timeout", "nobody decided on the knock in time"),
    (
        "e.p.trust.wider-than-asked",
        "they granted more than was asked",
    ),
    (
        "e.p.trust.vouch-audience",
        "the vouch is not meant for this agent",
    ),
    (
        "e.p.trust.vouch-chain-length",
        "there are too many vouches in the chain, or none",
    ),
    ("e.p.trust.vouch-cycle", "the vouches lead in a circle"),
    (
        "e.p.trust.vouch-depth",
        "a vouch is passed on further than it allows",
    ),
    ("e.p.trust.vouch-expired", "the vouch expired"),
    (
        "e.p.trust.vouch-key",
        "the vouch is signed with a key that is not for that",
    ),
    ("e.p.trust.vouch-malformed", "the vouch can't be read"),
    (
        "e.p.trust.vouch-not-honoured",
        "nobody here honours vouches of that DID",
    ),
    (
        "e.p.trust.vouch-not-joined",
        "a vouch is not by the subject of the one before",
    ),
    ("e.p.trust.vouch-not-yet", "the vouch is not valid yet"),
    ("e.p.trust.vouch-revoked", "the vouch was revoked"),
    ("e.p.trust.vouch-scope", "the vouches leave no message type"),
    (
        "e.p.trust.vouch-signature",
        "the vouch was altered or is forged",
    ),
    (
        "e.p.trust.vouch-signer",
        "the vouch is signed by somebody else than its issuer",
    ),
    (
        "e.p.trust.vouch-status-expired",
        "the vouch's status list expired",
    ),
    (
        "e.p.trust.vouch-status-index",
        "the vouch's status list is too short for it",
    ),
    (
        "e.p.trust.vouch-status-issuer",
        "the vouch's status list is by somebody else",
    ),
    (
        "e.p.trust.vouch-status-key",
        "the vouch's status list is signed with a key that is not for that",
    ),
    (
        "e.p.trust.vouch-status-list",
        "the vouch came with another status list than it names",
    ),
    (
        "e.p.trust.vouch-status-malformed",
        "the vouch's status list can't be read",
    ),
    (
        "e.p.trust.vouch-status-missing",
        "the vouch came without its status list",
    ),
    (
        "e.p.trust.vouch-status-not-yet",
        "the vouch's status list is dated in the future",
    ),
    (
        "e.p.trust.vouch-status-purpose",
        "the vouch's status list is not about revocation",
    ),
    (
        "e.p.trust.vouch-status-signature",
        "the vouch's status list was altered or is forged",
    ),
    (
        "e.p.trust.vouch-status-stale",
        "the vouch's status list is too old",
    ),
    (
        "e.p.trust.vouch-subject",
        "the vouch is for somebody else than its presenter",
    ),
    (
        "e.p.trust.vouch-too-far",
        "the chain of vouches is longer than is honoured here",
    ),
    (
        "e.p.trust.vouch-unresolved",
        "the DID of a vouch's issuer can't be looked up",
    ),
    (
        "e.p.trust.vouch-unsupported",
        "the vouch demands what this node does not know",
    ),
    ("e.p.trust.vouch-used-up", "the vouch is used up"),
    (
        "e.p.msg.order-conflict",
        "another message has its place in the order",
    ),
    (
        "e.p.msg.several-recipients",
        "it is not for exactly one recipient",
    ),
    (
        "e.p.msg.id-reused",
        "its id was used for something else before",
    ),
    (
        "e.p.msg.unsupported-type",
        "their agent handles no such type",
    ),
    (
        "e.m.msg.already-received",
        "it was received before it was withdrawn",
    ),
    (
        "e.m.me.attempts-exhausted",
        "their agent tried several times and never settled it",
    ),
    ("e.m.me.dropped", "their operator gave it up"),
    ("e.p.req.time", "it expired"),
    ("e.p.me.res.full", "their inbox is full"),
    ("e.p.me.res.too-large", "it is larger than their node takes"),
    (
        "e.m.req.id-conflict",
        "this id belongs to another message of yours",
    ),
    ("e.m.req.lease-lost", "the lease ended before"),
    ("e.m.req.no-token", "the token is missing or unknown"),
    ("e.m.req.not-allowed", "your role does not cover this"),
    ("e.m.req.too-many", "too many tries or acts in a short time"),
    ("e.m.req.bad-type", "the node can't read the request"),
    ("e.m.req.not-found", "there is no such thing"),
    ("e.m.req.host", "the door doesn't go by this name"),
    ("e.m.req.origin", "web pages may not use this door"),
    ("e.p.xfer.unreachable", "their node does not answer"),
    ("e.p.xfer.rejected", "their node did not take it"),
    ("e.p.did.unresolved", "their DID can't be looked up"),
    (
        "e.p.did.not-continued",
        "their keys are not those that you knew",
    ),
    ("e.p.me.bad-reply", "their agent's answer was not valid"),
    ("e.p.me.failed", "their agent's program failed on it"),
    ("e.p.msg.bad-body", "their agent can't read the body"),
    ("e.p.msg.unsupported", "their agent can't read the message"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_nodes_has_words_here_and_in_the_glossary() {
        let glossary = include_str!("../../../../docs/glossary.md");
        for code in comity_engine::Code::TABLE {
            assert!(meaning(code.as_str()).is_some(), "{code}");
        }
        for (code, meaning) in TABLE {
            let row = format!("| `{code}` | {meaning} |");
            assert!(glossary.contains(&row), "{row}");
        }
    }

    #[test]
    fn an_agents_own_code_is_shown_as_it_is() {
        assert_eq!(words("e.p.out-of-stock"), "e.p.out-of-stock");
        assert_eq!(words("e.p.req.time"), "it expired (e.p.req.time)");
        assert_eq!(words("e.p.\u{1b}[2J"), "e.p.⟨U+001B⟩[2J");
    }

    #[test]
    fn a_reason_loses_a_code_that_its_words_explain() {
        let unresolved = "e.p.did.unresolved: there is no agent nobody at b.test (404)";
        assert_eq!(
            reason(unresolved),
            "there is no agent nobody at b.test (404)"
        );
        assert_eq!(reason("they say: no: never"), "they say: no: never");
        assert_eq!(
            reason("e.p.xfer.unreachable"),
            words("e.p.xfer.unreachable")
        );
    }
}
