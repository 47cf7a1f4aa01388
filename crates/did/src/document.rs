//! DID documents, read as what they are: the words of a stranger.
//!
//! What can't be understood authorises nothing and is left out: methods of unknown types, keys that
//! are no keys, references into other documents, methods that somebody else controls. What is
//! shaped wrongly or over a limit makes the whole document an error. The octets are kept as they
//! came, because approvals and bundles name a document by their hash.

use comity_jose::json::{self, JsonError};
use comity_jose::{PublicKey, sha256};
use serde_json::{Map, Value};

use crate::method::{self, VerificationMethod};
use crate::{Did, DidUrl, Endpoint, Relationship, Service, limits};

/// A DID document: the keys of a subject, each with what it may be used for, and its services.
///
/// # Spec
/// DID Core 1.1 §"Core Properties"; conformance DID-03, DID-04.
#[derive(Debug, Clone)]
pub struct DidDocument {
    id: Did,
    /// The other forms of `id` that name the same subject, by the method's own rules.
    aliases: Vec<Did>,
    octets: Vec<u8>,
    methods: Vec<VerificationMethod>,
    /// For each of [`Relationship::ALL`], indexes into `methods`.
    relationships: [Vec<usize>; 5],
    services: Vec<Service>,
    also_known_as: Vec<String>,
}

/// Why octets are not the document of a DID.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Two different keys under one id: which of them is meant can't be told.
    #[error("two verification methods of the document have the same id")]
    AmbiguousMethod,
    /// `id` is missing or another than the DID that was resolved.
    #[error("the document is not the one of this DID")]
    Id,
    /// The octets are not JSON, or more or deeper than a document may be.
    #[error("the document is not JSON that can be read here")]
    Json(#[from] JsonError),
    /// A member is missing or of another JSON type than it must be.
    #[error("{member} of the document is malformed")]
    Member {
        /// The member's name.
        member: &'static str,
    },
    /// A document made here has more octets than a document may have.
    #[error("the document has more than {} octets", limits::DOCUMENT_BYTES)]
    TooLong,
    /// More entries than are read.
    #[error("the document has more than {limit} entries in {member}")]
    TooMany {
        /// The member's name.
        member: &'static str,
        /// How many are read.
        limit: usize,
    },
}

impl DidDocument {
    /// Reads the document of `did`.
    ///
    /// Relative ids are made absolute. A key is kept only where it is authorised and its curve can
    /// serve the purpose.
    ///
    /// # Errors
    /// [`DocumentError`] if it is not the document of this DID, is malformed, or exceeds a limit.
    ///
    /// # Spec
    /// DID Core 1.1 §"DID Documents", §"Verification Relationships"; conformance DID-03, DID-04,
    /// WEB-02 (a document without `@context` is plain JSON).
    pub fn parse(did: &Did, octets: &[u8]) -> Result<Self, DocumentError> {
        let value = json::parse(octets, &JSON_LIMITS)?;
        Self::read(did, Vec::new(), &value, octets.to_vec())
    }

    /// Builds a document from a value made here; `aliases` are other forms of `did`.
    pub(crate) fn from_value(
        did: &Did,
        aliases: Vec<Did>,
        value: &Value,
    ) -> Result<Self, DocumentError> {
        let octets = value.to_string().into_bytes();
        if octets.len() > limits::DOCUMENT_BYTES {
            return Err(DocumentError::TooLong);
        }
        Self::read(did, aliases, value, octets)
    }

    /// Returns the DID whose document this is.
    pub fn id(&self) -> &Did {
        &self.id
    }

    /// Returns the octets as they were received, or as they were built.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Returns the SHA-256 of the octets: what approvals and records name a document by.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[&self.octets])
    }

    /// Returns the keys authorised for `relationship`, in the document's order.
    pub fn keys(&self, relationship: Relationship) -> impl Iterator<Item = (&DidUrl, &PublicKey)> {
        self.indexes(relationship).iter().map(|&index| {
            let method = &self.methods[index];
            (&method.id, &method.key)
        })
    }

    /// Returns the key that `kid` names, if the document authorises it for `relationship`.
    ///
    /// `kid` may be spelled in any way that [`DidDocument::method_id`] understands.
    pub fn key(&self, kid: &DidUrl, relationship: Relationship) -> Option<&PublicKey> {
        let index = self.method_index(kid)?;
        self.indexes(relationship)
            .contains(&index)
            .then(|| &self.methods[index].key)
    }

    /// Returns the id that the document itself uses for the key that `kid` names.
    ///
    /// Besides that id, two other spellings are understood: with another form of the same did:peer,
    /// and, for did:peer:2, the fragments of old libraries, which are the key's multibase text or
    /// the first eight characters of it. Both name a key of this document only.
    ///
    /// # Security
    /// Compare the DID of `kid` with the sender's by [`Did::same_subject`], not by this.
    pub fn method_id(&self, kid: &DidUrl) -> Option<&DidUrl> {
        self.method_index(kid).map(|index| &self.methods[index].id)
    }

    /// Returns the verification methods whose keys are understood, authorised for something or not.
    pub fn verification_methods(&self) -> &[VerificationMethod] {
        &self.methods
    }

    /// Returns the services that can be read, in the document's order.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// Returns the endpoints where DIDComm v2 is spoken, in the owner's order of preference.
    pub fn didcomm_endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let endpoints = self.services.iter().flat_map(|service| &service.endpoints);
        endpoints.filter(|endpoint| endpoint.accepts_didcomm_v2())
    }

    /// Returns `alsoKnownAs`: claims of the subject, proved by nothing here.
    pub fn also_known_as(&self) -> &[String] {
        &self.also_known_as
    }

    fn indexes(&self, relationship: Relationship) -> &[usize] {
        &self.relationships[relationship as usize]
    }

    fn method_index(&self, kid: &DidUrl) -> Option<usize> {
        let find = |id: &DidUrl| self.methods.iter().position(|method| method.id == *id);
        if let Some(index) = find(kid) {
            return Some(index);
        }
        let is_ours = *kid.did() == self.id || self.aliases.contains(kid.did());
        let fragment = kid.fragment().filter(|_| is_ours)?;
        let own = self.id.with_fragment(fragment).ok()?;
        find(&own).or_else(|| self.find_by_old_fragment(fragment))
    }

    /// Finds a key of a did:peer:2 by the fragment that old libraries give it (interop trap 29).
    fn find_by_old_fragment(&self, fragment: &str) -> Option<usize> {
        if !self.id.as_str().starts_with("did:peer:2") {
            return None;
        }
        self.methods.iter().position(|method| {
            let multikey = method.key.to_multikey();
            let without_prefix = multikey.strip_prefix('z').unwrap_or(&multikey);
            fragment == multikey
                || fragment == without_prefix
                || without_prefix.get(..OLD_FRAGMENT_CHARACTERS) == Some(fragment)
        })
    }

    fn read(
        did: &Did,
        aliases: Vec<Did>,
        value: &Value,
        octets: Vec<u8>,
    ) -> Result<Self, DocumentError> {
        let object = value
            .as_object()
            .ok_or(DocumentError::Member { member: "document" })?;
        if object.get("id").and_then(Value::as_str) != Some(did.as_str()) {
            return Err(DocumentError::Id);
        }
        let mut document = Self {
            id: did.clone(),
            aliases,
            octets,
            methods: Vec::new(),
            relationships: Default::default(),
            services: Vec::new(),
            also_known_as: read_aliases(object)?,
        };
        document.read_methods(object)?;
        document.read_relationships(object)?;
        document.read_services(object)?;
        Ok(document)
    }

    /// Reads the methods, those embedded in a relationship included.
    fn read_methods(&mut self, object: &Map<String, Value>) -> Result<(), DocumentError> {
        const MEMBER: &str = "verificationMethod";
        let mut values: Vec<&Value> = array(object, MEMBER, limits::VERIFICATION_METHODS)?
            .iter()
            .collect();
        for relationship in Relationship::ALL {
            let entries = array(object, relationship.name(), limits::RELATIONSHIP_ENTRIES)?;
            values.extend(entries.iter().filter(|entry| entry.is_object()));
        }
        if values.len() > limits::VERIFICATION_METHODS {
            let limit = limits::VERIFICATION_METHODS;
            return Err(DocumentError::TooMany {
                member: MEMBER,
                limit,
            });
        }
        for value in values {
            let Some(method) = method::read(&self.id, &self.aliases, value)? else {
                continue;
            };
            match self.methods.iter().find(|known| known.id == method.id) {
                None => self.methods.push(method),
                Some(known) if known.key == method.key => {}
                Some(_) => return Err(DocumentError::AmbiguousMethod),
            }
        }
        Ok(())
    }

    fn read_relationships(&mut self, object: &Map<String, Value>) -> Result<(), DocumentError> {
        for relationship in Relationship::ALL {
            let member = relationship.name();
            for entry in array(object, member, limits::RELATIONSHIP_ENTRIES)? {
                let reference = entry
                    .as_str()
                    .or_else(|| entry.get("id").and_then(Value::as_str));
                let reference = reference.ok_or(DocumentError::Member { member })?;
                let Ok(id) = DidUrl::join(&self.id, reference) else {
                    return Err(DocumentError::Member { member });
                };
                let known = self
                    .methods
                    .iter()
                    .position(|method| method.id == method::own_id(&self.id, &self.aliases, &id));
                let list = &mut self.relationships[relationship as usize];
                if let Some(index) = known
                    && relationship.suits(self.methods[index].key.curve())
                    && !list.contains(&index)
                {
                    list.push(index);
                }
            }
        }
        Ok(())
    }

    fn read_services(&mut self, object: &Map<String, Value>) -> Result<(), DocumentError> {
        for value in array(object, "service", limits::SERVICES)? {
            let Ok(service) = Service::parse(&self.id, value) else {
                continue;
            };
            if self.services.iter().all(|known| known.id != service.id) {
                self.services.push(service);
            }
        }
        Ok(())
    }
}

fn read_aliases(object: &Map<String, Value>) -> Result<Vec<String>, DocumentError> {
    const MEMBER: &str = "alsoKnownAs";
    array(object, MEMBER, limits::ALIASES)?
        .iter()
        .map(|alias| alias.as_str().map(str::to_owned))
        .collect::<Option<_>>()
        .ok_or(DocumentError::Member { member: MEMBER })
}

/// Returns the entries of an array member; absent and `null` have none.
fn array<'a>(
    object: &'a Map<String, Value>,
    member: &'static str,
    limit: usize,
) -> Result<&'a [Value], DocumentError> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(entries)) if entries.len() > limit => {
            Err(DocumentError::TooMany { member, limit })
        }
        Some(Value::Array(entries)) => Ok(entries),
        Some(_) => Err(DocumentError::Member { member }),
    }
}

/// What a document may be as JSON.
pub(crate) const JSON_LIMITS: json::Limits = json::Limits {
    bytes: limits::DOCUMENT_BYTES,
    depth: limits::DOCUMENT_DEPTH,
    members: limits::DOCUMENT_MEMBERS,
};

/// How much of a key's multibase text, after its `z`, old libraries make a fragment of.
const OLD_FRAGMENT_CHARACTERS: usize = 8;

#[cfg(test)]
mod tests;
