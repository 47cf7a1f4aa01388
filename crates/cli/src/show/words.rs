//! Long names in short: ids, DIDs, types. And peers' text, escaped.

use comity_api::safe;
use comity_did::{Did, web};

/// `bruno@agents.org-b.com` for a did:web of that form, else the DID itself; escaped.
pub(crate) fn who(did: &str) -> String {
    let handle = Did::parse(did).ok().and_then(|did| web::to_handle(&did));
    handle.unwrap_or_else(|| short_did(&safe(did)))
}

/// `aria` of `aria@agents.org-a.com`.
pub(crate) fn name(did: &str) -> String {
    let who = who(did);
    match who.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => who,
    }
}

/// Long DIDs (did:peer, did:key) by their ends.
fn short_did(did: &str) -> String {
    let length = did.chars().count();
    if length <= LONGEST_DID {
        return did.to_owned();
    }
    let head: String = did.chars().take(LONGEST_DID - 12).collect();
    let tail: String = did.chars().skip(length - 8).collect();
    format!("{head}…{tail}")
}

/// `market-analysis/1.0/request`: a type or protocol without its document; escaped.
pub(crate) fn short_type(type_: &str) -> String {
    let parts = if type_.rsplit('/').next().is_some_and(is_version) {
        2
    } else {
        3
    };
    let at = type_.rmatch_indices('/').nth(parts - 1);
    safe(at.map_or(type_, |(at, _)| &type_[at + 1..]))
}

fn is_version(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_digit()) && part.contains('.')
}

/// Types in short, in a row; `nothing` if there are none.
pub(crate) fn types(types: &[String]) -> String {
    match types {
        [] => "nothing".to_owned(),
        _ => types
            .iter()
            .map(|type_| short_type(type_))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Types in full, one a line, for what is decided upon; lines after the first begin after so many
/// spaces.
pub(crate) fn full_types(types: &[String], indent: usize) -> String {
    let types: Vec<String> = types.iter().map(|type_| safe(type_)).collect();
    match types.as_slice() {
        [] => "nothing".to_owned(),
        types => types.join(&format!("\n{:indent$}", "")),
    }
}

/// The shortest beginnings, of at least four characters, that tell these ids apart. What somebody
/// chose as an id stays whole.
pub(crate) fn short_ids<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let ids: Vec<&str> = ids.collect();
    let unique = |id: &str| {
        if !is_random(id) {
            return safe(id);
        }
        let length = (SHORTEST_ID..).find(|length| {
            let head: String = id.chars().take(*length).collect();
            let same = ids
                .iter()
                .filter(|other| **other != id && other.starts_with(&head));
            head.len() == id.len() || same.count() == 0
        });
        safe(
            &id.chars()
                .take(length.unwrap_or(usize::MAX))
                .collect::<String>(),
        )
    };
    ids.iter().map(|id| unique(id)).collect()
}

/// A UUID or a digest: nobody's choice.
fn is_random(id: &str) -> bool {
    uuid::Uuid::try_parse(id).is_ok() || (id.starts_with("uEi") && id.len() > 40)
}

/// `uEiBt…CqQ`: a digest by its ends.
pub(crate) fn short_digest(digest: &str) -> String {
    match (
        digest.get(..10),
        digest.get(digest.len().saturating_sub(3)..),
    ) {
        (Some(head), Some(tail)) if digest.len() > 16 => format!("{head}…{tail}"),
        _ => safe(digest),
    }
}

/// As much of a digest as names it in a command.
pub(crate) fn beginning(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// `1 message`, `2 messages`.
pub(crate) fn count(number: u64, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {of}{plural}")
}

/// The full type of what a person typed: itself, or one of DIDComm's own protocols in short
/// (`basicmessage/2.0/message`), or such a protocol (`basicmessage/2.0`).
pub(crate) fn full_type(typed: &str) -> String {
    let known = DIDCOMM.iter().any(|protocol| {
        typed
            .strip_prefix(protocol)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    if known {
        format!("https://didcomm.org/{typed}")
    } else {
        typed.to_owned()
    }
}

/// DIDComm's protocols that an agent may speak without a definition of its own.
const DIDCOMM: [&str; 3] = ["basicmessage/2.0", "empty/1.0", "trust-ping/2.0"];
/// Beginnings of ids are at least so long.
const SHORTEST_ID: usize = 4;
/// DIDs are shown whole up to this length.
const LONGEST_DID: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_where_they_still_differ() {
        let ids = [
            "9c1e7d52-31f4-4b92-bdf9-55b5dda0a847",
            "9c1e7aaa-31f4-4b92-bdf9-55b5dda0a847",
            "0b",
            "ffffffff-31f4-4b92-bdf9-55b5dda0a847",
            "flour-1",
        ];
        assert_eq!(
            short_ids(ids.into_iter()),
            ["9c1e7d", "9c1e7a", "0b", "ffff", "flour-1"]
        );
    }

    #[test]
    fn dids_read_like_addresses_where_they_are() {
        assert_eq!(
            who("did:web:agents.org-b.com:bruno"),
            "bruno@agents.org-b.com"
        );
        assert_eq!(
            who("did:web:localhost%3A7401:bruno"),
            "bruno@localhost:7401"
        );
        assert_eq!(who("did:example:x"), "did:example:x");
        assert_eq!(who("\u{1b}[2J"), "⟨U+001B⟩[2J");
        let long = who(&format!("did:peer:2.{}", "z".repeat(300)));
        assert_eq!(long.chars().count(), 45);
    }

    #[test]
    fn types_and_protocols_lose_their_document() {
        let short = short_type;
        assert_eq!(
            short("https://example.org/market-analysis/1.0/request"),
            "market-analysis/1.0/request"
        );
        assert_eq!(
            short("https://example.org/market-analysis/1.0"),
            "market-analysis/1.0"
        );
        assert_eq!(short("request"), "request");
    }

    #[test]
    fn known_protocols_may_be_typed_in_short() {
        assert_eq!(
            full_type("trust-ping/2.0/ping"),
            "https://didcomm.org/trust-ping/2.0/ping"
        );
        assert_eq!(
            full_type("https://a.example/x/1.0/y"),
            "https://a.example/x/1.0/y"
        );
        assert_eq!(full_type("trust-ping/2.05/ping"), "trust-ping/2.05/ping");
        let basic = full_type("basicmessage/2.0");
        assert_eq!(
            basic, "https://didcomm.org/basicmessage/2.0",
            "as grants name it"
        );
    }
}
