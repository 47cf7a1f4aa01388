use comity_did::{Did, web};

use super::super::{Grade, Report};
use crate::text::{Shy, Utc};

/// `bruno@agents.org-b.com` for a did:web of that form, else the DID; a long one by its ends, which
/// tell two parties apart and nothing more.
pub(super) fn who(did: &Did) -> String {
    if let Some(handle) =
        web::to_handle(did).filter(|one| web::from_handle(one).as_ref() == Ok(did))
    {
        return handle;
    }
    let text = Shy(did.as_str()).to_string();
    let length = text.chars().count();
    if length <= LONGEST {
        return text;
    }
    let head: String = text.chars().take(LONGEST - ENDING).collect();
    let tail: String = text.chars().skip(length - ENDING).collect();
    format!("{head}…{tail}")
}

/// The handle up to the host, where that tells the two apart; else the whole name.
pub(super) fn short(did: &Did, report: &Report) -> String {
    let name = who(did);
    let first = |name: &str| name.split_once('@').map(|(first, _)| first.to_owned());
    let Some(short) = first(&name) else {
        return name;
    };
    let others = report.identities.iter().filter(|one| &one.did != did);
    let mut others = others.map(|one| who(&one.did));
    match others.any(|other| first(&other).unwrap_or(other) == short) {
        true => name,
        false => short,
    }
}

/// With which key, as far as that is known; `mismatch` if the verifier gave another.
pub(super) fn key_words(grade: Grade, name: &str, mismatch: bool) -> String {
    match grade {
        Grade::Anchored => "the key that you gave".to_owned(),
        Grade::Attested { before } => format!(
            "a key that {name}'s own log named before {}, says a witness that you trust",
            Utc(before)
        ),
        Grade::SelfCertifying => format!("the key that {name} is, whoever holds it"),
        Grade::Asserted if mismatch => {
            format!("ANOTHER key than the one that you gave for {name}")
        }
        Grade::Asserted => format!("a key that only this file says is {name}'s"),
    }
}

/// Whether the verifier gave keys for this identity.
pub(super) fn is_anchored(did: &Did, report: &Report) -> bool {
    report.anchors.iter().any(|one| one.anchor.is_for(did))
}

/// `two messages`.
pub(super) fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// Characters of a DID that are shown in a row with others.
const LONGEST: usize = 48;
const ENDING: usize = 8;
