//! One vouch: what it says, how it is made, how it is read.

use std::fmt;

use comity_did::{Did, DidDocument, DidUrl, web};
use comity_engine::scope::Types;
use comity_jose::SignatureAlgorithm;
use comity_jose::json::Limits;
use comity_record::Digest;
use serde_json::json;

use crate::credential::{self, CREDENTIAL, CREDENTIALS_V2, Credential, Members, Unsigned};
use crate::error::{FormError, VouchError};
use crate::limits;
use crate::status::StatusEntry;

/// What a vouch says: the issuer introduces the subject to the audience.
///
/// A value may be made by hand; [`Claims::prepare`] refuses what no reader would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `urn:uuid:` and a random UUID, in lower case.
    pub id: String,
    /// Who vouches.
    pub issuer: Did,
    /// For whom.
    pub subject: Did,
    /// The protocols that the subject and a verifier may speak on the strength of it, 1 to
    /// [`limits::MAY_ENTRIES`]. It bounds both directions.
    pub may: Types,
    /// To whom, 1 to [`limits::AUDIENCE_ENTRIES`]: a DID means that agent, `did:web:HOST` every agent
    /// of exactly that host.
    pub audience: Vec<Did>,
    /// How many messages a verifier accepts from the subject, and from those that the subject vouches
    /// for, on the strength of it. `None`: as many as the verifier's own bounds let in.
    pub uses: Option<u64>,
    /// How many further links may follow; 0: the subject may not pass it on.
    pub depth: u8,
    /// What for, in the issuer's words: at most [`limits::PURPOSE_CHARS`] characters. A peer's text:
    /// escape it before you show it.
    pub purpose: String,
    /// From when, UTC seconds.
    pub valid_from: u64,
    /// Until when, UTC seconds; the vouch is void from this second on.
    pub valid_until: u64,
    /// Where its revocation shows.
    pub status: StatusEntry,
}

impl Claims {
    /// The octets that the key `kid` of the issuer, which its document lists under
    /// `assertionMethod`, has to sign with `alg`.
    ///
    /// # Errors
    /// As [`Vouch::read`]: what is made here is read everywhere.
    ///
    /// # Spec
    /// ADR 8; VC-JOSE-COSE §"Securing JSON-LD Verifiable Credentials with JOSE".
    pub fn prepare(
        &self,
        kid: &DidUrl,
        alg: SignatureAlgorithm,
    ) -> Result<Unsigned<Vouch>, VouchError> {
        let mut vouch = json!({
            "may": self.may,
            "audience": self.audience,
            "depth": self.depth,
            "purpose": self.purpose,
            "must": [],
        });
        if let Some(uses) = self.uses {
            vouch["uses"] = uses.into();
        }
        let credential = json!({
            "@context": [CREDENTIALS_V2, CONTEXT],
            "id": self.id,
            "type": [CREDENTIAL, TYPE],
            "issuer": self.issuer,
            "validFrom": credential::date(self.valid_from, "validFrom")?,
            "validUntil": credential::date(self.valid_until, "validUntil")?,
            "credentialSubject": {"id": self.subject, "vouch": vouch},
            "credentialStatus": self.status.to_value(),
        });
        Unsigned::new(&credential, kid, alg, Vouch::read)
    }

    /// Whether the audience names this agent: by its DID, or all agents of its host.
    ///
    /// A host is that of a parsed did:web, port included; never a part of another name.
    #[must_use]
    pub fn is_for(&self, agent: &Did) -> bool {
        self.audience
            .iter()
            .any(|entry| entry == agent || is_host_of(entry, agent))
    }

    fn read(credential: &Credential) -> Result<Self, VouchError> {
        let malformed = VouchError::Malformed;
        let members = &credential.members;
        let subject = members.object("credentialSubject").map_err(malformed)?;
        let vouch = subject.object("vouch").map_err(malformed)?;
        check_must(&vouch)?;
        let status = members.object("credentialStatus").map_err(malformed)?;
        let terms = || -> Result<Self, FormError> {
            let may = vouch.texts("may", limits::MAY_ENTRIES)?;
            let audience = vouch.texts("audience", limits::AUDIENCE_ENTRIES)?;
            let audience = audience.iter().map(|did| Did::parse(did));
            let purpose = vouch.text("purpose")?;
            if purpose.chars().count() > limits::PURPOSE_CHARS {
                return Err(FormError::Member("purpose"));
            }
            let uses = vouch
                .has("uses")
                .then(|| vouch.integer("uses", MAX_INTEGER));
            let depth = vouch.integer("depth", DEPTH_MAX)?;
            Ok(Self {
                id: read_id(members)?,
                issuer: credential.issuer.clone(),
                subject: subject.did("id")?,
                may: Types::parse(may).map_err(|_| FormError::Member("may"))?,
                audience: audience
                    .collect::<Result<_, _>>()
                    .map_err(|_| FormError::Member("audience"))?,
                uses: uses.transpose()?,
                depth: u8::try_from(depth).map_err(|_| FormError::Member("depth"))?,
                purpose: purpose.to_owned(),
                valid_from: credential.valid_from,
                valid_until: credential.valid_until,
                status: StatusEntry::read(&status)?,
            })
        };
        terms().map_err(malformed)
    }
}

/// A vouch that was read: well formed and bounded, and **not** verified.
#[derive(Clone)]
pub struct Vouch {
    text: String,
    credential: Credential,
    claims: Claims,
    digest: Digest,
}

impl Vouch {
    /// Reads a compact JWS.
    ///
    /// # Errors
    /// [`VouchError::Malformed`], [`VouchError::Unsupported`], or [`VouchError::Signer`] if `kid` is a
    /// key of somebody else.
    ///
    /// # Spec
    /// ADR 8.
    pub fn read(text: &str) -> Result<Self, VouchError> {
        let context = [CREDENTIALS_V2, CONTEXT];
        let credential = Credential::read(text, &LIMITS, &context, [CREDENTIAL, TYPE])
            .map_err(VouchError::Malformed)?;
        if !credential.is_signed_by_issuer() {
            return Err(VouchError::Signer);
        }
        Ok(Self {
            claims: Claims::read(&credential)?,
            digest: comity_record::digest::labelled(LABEL, credential.signing_input()),
            text: text.to_owned(),
            credential,
        })
    }

    /// The compact JWS.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it says; claims until [`Vouch::verify`] succeeded.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What everything names the vouch by: SHA-256 over `"comity/vouch/v1" ‖ 0x00 ‖ JWS signing input`.
    ///
    /// The signature is not in it: a vouch signed twice is one vouch.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The key that is said to have signed it; always one of the issuer's by its name.
    #[must_use]
    pub const fn kid(&self) -> &DidUrl {
        &self.credential.kid
    }

    /// Checks the signature with the issuer's document, and nothing else: see [`Chain`](crate::Chain).
    ///
    /// # Errors
    /// [`VouchError::Unresolved`] if the document is somebody else's, [`VouchError::Key`],
    /// [`VouchError::Signature`].
    pub fn verify(&self, document: &DidDocument) -> Result<(), VouchError> {
        if *document.id() != self.claims.issuer {
            return Err(VouchError::Unresolved(self.claims.issuer.clone()));
        }
        let key = self.credential.key(document).ok_or(VouchError::Key)?;
        if self.credential.is_signed_with(key) {
            Ok(())
        } else {
            Err(VouchError::Signature)
        }
    }
}

impl fmt::Debug for Vouch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vouch").field(&self.claims).finish()
    }
}

/// Whether `entry` is `did:web:HOST[%3APORT]` and `agent` a did:web at exactly that host and port.
fn is_host_of(entry: &Did, agent: &Did) -> bool {
    if entry.method_specific_id().contains(':') {
        return false;
    }
    let (Ok(entry), Ok(agent)) = (web::url(entry), web::url(agent)) else {
        return false;
    };
    (entry.host(), entry.port()) == (agent.host(), agent.port())
}

/// formats §0: who restricts in a way that must not be overlooked, names it in `must`.
fn check_must(vouch: &Members) -> Result<(), VouchError> {
    let Some(must) = vouch.0.get("must") else {
        return Ok(());
    };
    let Some(names) = must.as_array() else {
        return Err(VouchError::Malformed(FormError::Member("must")));
    };
    for name in names {
        match name.as_str() {
            Some(name) if UNDERSTOOD.contains(&name) => {}
            Some(name) => {
                let name = name.chars().take(UNSUPPORTED_CHARS).collect();
                return Err(VouchError::Unsupported(name));
            }
            None => return Err(VouchError::Malformed(FormError::Member("must"))),
        }
    }
    Ok(())
}

fn read_id(members: &Members) -> Result<String, FormError> {
    let id = members.text("id")?;
    let uuid = id.strip_prefix("urn:uuid:").unwrap_or_default();
    let is_uuid = uuid.len() == UUID_DASHES.len()
        && uuid.bytes().zip(UUID_DASHES.bytes()).all(|(octet, form)| {
            if form == b'-' {
                octet == b'-'
            } else {
                matches!(octet, b'0'..=b'9' | b'a'..=b'f')
            }
        });
    if is_uuid {
        Ok(id.to_owned())
    } else {
        Err(FormError::Member("id"))
    }
}

/// The context that defines the terms of a vouch; its document is [`CONTEXT_DOCUMENT`].
pub const CONTEXT: &str = "https://w3id.org/comity/vouch/1.0";

/// The JSON-LD document of [`CONTEXT`]. Nothing here processes JSON-LD; other verifiers may.
pub const CONTEXT_DOCUMENT: &str = include_str!("../context/vouch-1.0.jsonld");

/// The type of a vouch.
const TYPE: &str = "ComityVouch";

const LABEL: &str = "comity/vouch/v1";

/// Members of `vouch` that this version understands; others may not be named in `must`.
const UNDERSTOOD: [&str; 6] = ["may", "audience", "uses", "depth", "purpose", "must"];

/// Largest integer in our own JSON members (formats §0): 2^53 − 1.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Largest depth that is of any use.
const DEPTH_MAX: u64 = limits::CHAIN_LINKS as u64 - 1;

/// How much of an unknown name is repeated to the operator.
const UNSUPPORTED_CHARS: usize = 64;

const UUID_DASHES: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

const LIMITS: Limits = Limits {
    bytes: limits::VOUCH_BYTES,
    depth: 8,
    members: 256,
};
