//! How parties look to operators: whose host it is, and whether it looks like somebody else's.
//!
//! A DID proves who signs, and says nothing about who that is. People go by the host, and hosts can
//! be made to look like others: by letters of other scripts (UTS 39), by endings, by digits for
//! letters. What is odd is said in sentences, beside the name and never in place of it.

use super::trouble::CoreError;
use comity_api::operator::Party;
use comity_api::{has_hidden, safe};
use comity_did::Did;
use comity_engine::defaults;
use comity_engine::domain::{host_of, is_self_certifying, share_of};
use comity_store::Tx;
use std::collections::BTreeSet;
use unicode_security::{GeneralSecurityProfile, MixedScript, skeleton};

/// Hosts that the operator knows: his own, and those of parties that were let in.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeSet<String>);

impl Known {
    pub(super) fn of<'a>(parties: impl Iterator<Item = &'a Did>) -> Self {
        Self(parties.filter_map(|did| Some(host_of(did)?.0)).collect())
    }
}

/// The hosts that the operator knows: those of our agents and of whoever was let in.
pub(super) fn known(tx: &dyn Tx) -> Result<Known, CoreError> {
    let (agents, live) = (tx.agents()?, tx.live_grants()?);
    let lately = tx.grants(defaults::GRANTS_LISTED_MAX)?;
    let let_in = live.iter().chain(&lately).filter(|row| row.pin.is_some());
    let parties = agents.iter().map(|row| &row.did);
    Ok(Known::of(parties.chain(let_in.map(|row| &row.peer))))
}

/// A party as people read it.
pub(super) fn party(did: &Did) -> Party {
    let Some((host, port)) = host_of(did) else {
        return Party::default();
    };
    let unicode = unicode_of(&host);
    let registered = share_of(did);
    Party {
        handle: comity_did::web::to_handle(did),
        registered: Some(registered).filter(|name| host.ends_with(name.as_str())),
        unicode: (unicode != host).then(|| safe(&unicode)),
        host: Some(match port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }),
    }
}

/// What is odd about a party.
pub(super) fn warnings(did: &Did, known: &Known) -> Vec<String> {
    let Some((host, _)) = host_of(did) else {
        let own = is_self_certifying(did);
        let warning = "no domain stands behind this DID: only its key says who it is";
        return own.then(|| warning.to_owned()).into_iter().collect();
    };
    let unicode = unicode_of(&host);
    let mut warnings: Vec<String> = unicode.split('.').filter_map(odd_label).collect();
    let looks = skeleton_of(&unicode);
    // Also of one that was let in: a look-alike stays one.
    for other in known.0.iter().filter(|other| **other != host) {
        if skeleton_of(&unicode_of(other)) == looks {
            warnings.push(format!("{host} looks like {other}, and is another host"));
        } else if host.starts_with(&format!("{other}.")) {
            let whose = share_of(did);
            warnings.push(format!(
                "{host} begins like {other}, and belongs to {whose}"
            ));
        }
    }
    warnings
}

/// What is odd about words of theirs.
pub(super) fn warnings_of_text(text: &str) -> Option<String> {
    has_hidden(text).then(|| {
        "their words have hidden characters, which are shown here as ⟨U+…⟩: ask what for".to_owned()
    })
}

/// What is odd about one label of a host, in Unicode.
fn odd_label(label: &str) -> Option<String> {
    if label.is_ascii() {
        return None;
    }
    let shown = safe(label);
    let plain: String = label
        .chars()
        .map(|c| match c {
            c if c.is_ascii() => c.to_string(),
            c => skeleton(c.encode_utf8(&mut [0; 4])).collect(),
        })
        .collect();
    if plain.is_ascii() {
        let ascii = to_ascii(label);
        return Some(format!(
            "{shown} ({ascii}) has letters of other scripts, and reads like {plain}"
        ));
    }
    if !label.is_single_script() {
        return Some(format!("{shown} mixes letters of several scripts"));
    }
    let unusual = label
        .chars()
        .find(|c| *c != '-' && !GeneralSecurityProfile::identifier_allowed(*c));
    unusual.map(|_| format!("{shown} has characters that names do not usually have"))
}

fn unicode_of(host: &str) -> String {
    idna::domain_to_unicode(host).0
}

fn to_ascii(label: &str) -> String {
    idna::domain_to_ascii(label).unwrap_or_else(|_| safe(label))
}

fn skeleton_of(host: &str) -> String {
    skeleton(&host.to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn did(host: &str) -> Did {
        let host = idna::domain_to_ascii(host).unwrap();
        format!("did:web:{host}:aria").parse().unwrap()
    }

    fn all(host: &str) -> String {
        let friends = ["agents.org-a.test", "paypal.com", "agents.müller.de"];
        let friends: Vec<Did> = friends.into_iter().map(did).collect();
        warnings(&did(host), &Known::of(friends.iter())).join("; ")
    }

    #[test]
    fn hosts_that_look_like_others_are_named_as_such() {
        for (host, warning) in [
            ("agents.org-\u{430}.test", "looks like agents.org-a.test"),
            ("agents.org-\u{430}.test", "reads like org-a"),
            ("p\u{430}yp\u{430}l.com", "reads like paypal"),
            ("paypa1.com", "looks like paypal.com"),
            ("paypal.com.evil.net", "belongs to evil.net"),
            ("\u{441}\u{43e}\u{440}\u{443}.example", "reads like copy"),
            ("b\u{10e1}nk.example", "mixes letters of several scripts"),
        ] {
            assert!(all(host).contains(warning), "{host}: {:?}", all(host));
        }
    }

    #[test]
    fn ordinary_hosts_are_not_suspected() {
        for host in [
            "agents.org-a.test",
            "agents.org-b.test",
            "bücher.example",
            "agents.müller.de",
            "例え.jp",
            "почта.example",
        ] {
            assert_eq!(all(host), "", "{host}");
        }
    }

    #[test]
    fn a_party_is_shown_with_what_somebody_registered_and_both_forms_of_its_host() {
        let shown = party(&did("agents.m\u{fc}ller.co.uk"));
        assert_eq!(shown.host.as_deref(), Some("agents.xn--mller-kva.co.uk"));
        assert_eq!(shown.registered.as_deref(), Some("xn--mller-kva.co.uk"));
        assert_eq!(shown.unicode.as_deref(), Some("agents.müller.co.uk"));
        let key: Did = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
            .parse()
            .unwrap();
        assert_eq!(party(&key), Party::default());
        assert_eq!(warnings(&key, &Known::default()).len(), 1);
    }
}
