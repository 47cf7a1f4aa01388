//! Domains of agents: whose agents a rule or a block is about, and whose share a stranger uses.
//!
//! Compared are the parsed hosts of did:web and did:webvh, label by label, never texts: no
//! wildcard, no prefix of a DID, no look-alike ending reaches further than its name.

use comity_did::{Did, web, webvh};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// All agents at one host and the hosts below it: `agents.org-b.com`, or `org-b.com` for all of an
/// organisation. Never a name under which strangers register names of their own (a *public
/// suffix*: `com`, `co.uk`, `github.io`). Without a port it means those without one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain {
    host: String,
    port: Option<u16>,
}

/// Why a text names no domain whose agents could be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// Not a host name, an address, or with more than a port.
    #[error("not a domain name; write agents.org-b.com, without scheme, path or wildcard")]
    Malformed,
    /// A public suffix: its agents have nothing in common.
    #[error("anybody can register names under it; name one organisation's domain")]
    PublicSuffix,
}

impl Domain {
    /// True if the DID is of a web method and its host is this one or below it.
    #[must_use]
    pub fn covers(&self, did: &Did) -> bool {
        host_of(did).is_some_and(|(host, port)| self.is_over(&host, port))
    }

    /// True if all that `other` covers is covered.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        self.is_over(&other.host, other.port)
    }

    /// True if a block of this domain bars the DID: as [`Domain::covers`], but without a port it
    /// means every port. What lets in is read narrowly, what keeps out widely.
    #[must_use]
    pub fn bars(&self, did: &Did) -> bool {
        host_of(did).is_some_and(|(host, port)| {
            let port = self.port.and(port);
            self.is_over(&host, port)
        })
    }

    /// This domain and those above it whose blocking would cover it, itself first.
    pub fn with_parents(did: &Did) -> impl Iterator<Item = Self> + use<> {
        let place = host_of(did).into_iter();
        place.flat_map(|(host, port)| {
            let labels: Vec<&str> = host.split('.').collect();
            let from = |start: usize| labels.get(start..).map(|rest| rest.join("."));
            let hosts: Vec<String> = (0..labels.len()).filter_map(from).collect();
            hosts
                .into_iter()
                .filter(|host| !is_public(host))
                .flat_map(move |host| {
                    let every = Self {
                        host: host.clone(),
                        port: None,
                    };
                    let this = port.map(|_| Self { host, port });
                    std::iter::once(every).chain(this)
                })
        })
    }

    fn is_over(&self, host: &str, port: Option<u16>) -> bool {
        let below = host
            .strip_suffix(self.host.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        below && port == self.port
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        // What is allowed as a host is what is allowed in a did:web.
        let did = format!("did:web:{}", text.replacen(':', "%3A", 1));
        let did = Did::parse(&did).map_err(|_| DomainError::Malformed)?;
        let url = web::url(&did).map_err(|_| DomainError::Malformed)?;
        if url.path() != "/.well-known/did.json" {
            return Err(DomainError::Malformed);
        }
        if is_public(url.host()) {
            return Err(DomainError::PublicSuffix);
        }
        Ok(Self {
            host: url.host().to_owned(),
            port: url.port(),
        })
    }
}

impl TryFrom<String> for Domain {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.to_string()
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Whose share a stranger's knocks take: his organisation's registrable domain, whatever hosts,
/// ports and names it has; or himself, if his DID carries its own keys.
#[must_use]
pub fn share_of(did: &Did) -> String {
    let Some((host, _)) = host_of(did) else {
        return did.as_str().to_owned();
    };
    psl::domain_str(&host).unwrap_or(&host).to_owned()
}

/// True if the DID carries its own keys: it costs nothing to make, and nobody answers for it.
#[must_use]
pub fn is_self_certifying(did: &Did) -> bool {
    matches!(did.method(), "key" | "peer" | "jwk")
}

/// Host and port of a DID of a web method, the host in its ASCII form.
#[must_use]
pub fn host_of(did: &Did) -> Option<(String, Option<u16>)> {
    match did.method() {
        "web" => {
            let url = web::url(did).ok()?;
            Some((url.host().to_owned(), url.port()))
        }
        "webvh" => {
            let url = webvh::url(did).ok()?.log;
            Some((url.host().to_owned(), url.port()))
        }
        _ => None,
    }
}

fn is_public(host: &str) -> bool {
    psl::domain_str(host).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn did(text: &str) -> Did {
        text.parse().unwrap()
    }

    #[test]
    fn a_domain_covers_its_hosts_and_no_look_alike() {
        let domain: Domain = "org-b.com".parse().unwrap();
        for covered in [
            "did:web:org-b.com",
            "did:web:org-b.com:bruno",
            "did:web:agents.org-b.com:bruno",
            "did:web:Agents.ORG-B.com:bruno",
        ] {
            assert!(domain.covers(&did(covered)), "{covered}");
        }
        for other in [
            "did:web:evil-org-b.com:bruno",
            "did:web:org-b.com.evil.com:bruno",
            "did:web:org-b.com%3A8443:bruno",
            "did:web:org-b.co:bruno",
            "did:web:evil.com:org-b.com",
            "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        ] {
            assert!(!domain.covers(&did(other)), "{other}");
        }
    }

    #[test]
    fn a_port_is_part_of_the_name() {
        let domain: Domain = "agents.org-b.test:8443".parse().unwrap();
        assert!(domain.covers(&did("did:web:agents.org-b.test%3A8443:bruno")));
        assert!(!domain.covers(&did("did:web:agents.org-b.test:bruno")));
        assert_eq!(domain.to_string(), "agents.org-b.test:8443");
    }

    #[test]
    fn a_block_without_a_port_bars_every_port() {
        let domain: Domain = "org-m.com".parse().unwrap();
        assert!(domain.bars(&did("did:web:agents.org-m.com%3A8443:x")));
        assert!(domain.bars(&did("did:web:org-m.com:x")));
        assert!(!domain.bars(&did("did:web:org-n.com%3A8443:x")));
        let port: Domain = "org-m.com:8443".parse().unwrap();
        assert!(port.bars(&did("did:web:org-m.com%3A8443:x")));
        assert!(!port.bars(&did("did:web:org-m.com:x")));
        let mut parents = Domain::with_parents(&did("did:web:a.org-m.com%3A8443:x"));
        assert!(parents.any(|parent| parent == domain));
    }

    #[test]
    fn nobody_means_everybody_under_a_public_suffix() {
        for suffix in ["com", "co.uk", "github.io", "test"] {
            assert_eq!(suffix.parse::<Domain>(), Err(DomainError::PublicSuffix));
        }
        for odd in [
            "*.org-b.com",
            "https://org-b.com",
            "org-b.com/x",
            "org-b.com:bruno",
            "10.0.0.1",
            "",
            "org-b.com:",
        ] {
            assert_eq!(odd.parse::<Domain>(), Err(DomainError::Malformed), "{odd}");
        }
    }

    #[test]
    fn hosts_of_one_organisation_share() {
        assert_eq!(
            share_of(&did("did:web:a.b.org-b.co.uk%3A1:x")),
            "org-b.co.uk"
        );
        assert_eq!(share_of(&did("did:web:evil.github.io:x")), "evil.github.io");
        let alone = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
        assert_eq!(share_of(&did(alone)), alone);
    }

    #[test]
    fn parents_end_below_the_public_suffix() {
        let parents = Domain::with_parents(&did("did:web:a.agents.org-b.co.uk:x"));
        let parents: Vec<String> = parents.map(|domain| domain.to_string()).collect();
        assert_eq!(
            parents,
            ["a.agents.org-b.co.uk", "agents.org-b.co.uk", "org-b.co.uk"]
        );
    }
}
