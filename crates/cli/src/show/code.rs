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
        assert_eq!(words("e.p.\u{1b}[2J"), r"e.p.\u{1b}[2J");
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
