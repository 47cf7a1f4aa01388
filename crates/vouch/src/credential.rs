//! What a vouch and a status list have in common: a credential of the data model 2.0 as payload of a
//! compact JWS with one exact protected header.

use comity_did::{Did, DidDocument, DidUrl, Relationship};
use comity_jose::json::{self, Limits};
use comity_jose::jws::{Jws, SigningInput};
use comity_jose::{PublicKey, SignatureAlgorithm};
use serde_json::{Map, Value, json};

use crate::error::{FormError, VouchError};
use crate::{limits, time};

/// A vouch or a status list, but for its signature, which the holder of the issuer's key makes
/// elsewhere.
///
/// ```text
/// prepare(kid, alg)? ── octets() ──> signature ── finish(signature)? ──> Vouch, StatusList
/// ```
#[derive(Clone, Debug)]
pub struct Unsigned<T> {
    input: SigningInput,
    read: fn(&str) -> Result<T, VouchError>,
}

impl<T> Unsigned<T> {
    /// Puts `credential` under the header of this crate. What would not be read is not made: it is
    /// read back with a signature of the longest kind.
    pub(crate) fn new(
        credential: &Value,
        kid: &DidUrl,
        alg: SignatureAlgorithm,
        read: fn(&str) -> Result<T, VouchError>,
    ) -> Result<Self, VouchError> {
        let protected = json!({"alg": alg.name(), "typ": TYP, "cty": CTY, "kid": kid});
        let input = SigningInput::new(
            protected.to_string().as_bytes(),
            credential.to_string().as_bytes(),
        );
        read(&input.clone().into_compact(&[0; SIGNATURE_BYTES]))?;
        Ok(Self { input, read })
    }

    /// What the key has to sign.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.input.octets()
    }

    /// Adds the signature, which is not verified here.
    ///
    /// # Errors
    /// Only if the signature makes the whole longer than may be carried.
    pub fn finish(self, signature: &[u8]) -> Result<T, VouchError> {
        (self.read)(&self.input.into_compact(signature))
    }
}

/// A credential that was read and is **not** verified.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    jws: Jws,
    pub(crate) kid: DidUrl,
    pub(crate) members: Members,
    pub(crate) issuer: Did,
    pub(crate) valid_from: u64,
    pub(crate) valid_until: u64,
}

impl Credential {
    /// Reads a credential of exactly this `type` and `@context`, bounded by `limits`.
    ///
    /// # Spec
    /// VC-JOSE-COSE §"Securing JSON-LD Verifiable Credentials with JOSE" (typ, cty, the credential is
    /// the payload), §"JOSE Header Parameters and JWT Claims" (no `vc`, no `vp`, unknown members are
    /// ignored), §"Using Header Parameters and Claims for Key Discovery" (kid); Verifiable Credentials
    /// Data Model 2.0 §"Contexts", §"Types", §"Issuer", §"Validity Period".
    pub(crate) fn read(
        text: &str,
        limits: &Limits,
        context: &[&str],
        types: [&str; 2],
    ) -> Result<Self, FormError> {
        if text.len() > limits.bytes {
            return Err(FormError::TooLong {
                limit: limits.bytes,
            });
        }
        let jws = Jws::parse_compact(text, limits).map_err(FormError::Jws)?;
        let kid = check_header(&jws)?;
        let payload = json::parse(jws.payload_unverified(), limits).map_err(FormError::Json)?;
        let Value::Object(members) = payload else {
            return Err(FormError::Member("the payload"));
        };
        let members = Members(members);
        if let Some(claim) = CONTRADICTIONS.iter().find(|name| members.has(name)) {
            return Err(FormError::Contradiction(claim));
        }
        members.is_list("@context", context)?;
        members.is_list("type", &types)?;
        let (valid_from, valid_until) = (members.time("validFrom")?, members.time("validUntil")?);
        if valid_from >= valid_until {
            return Err(FormError::Member("validUntil"));
        }
        Ok(Self {
            issuer: members.did("issuer")?,
            valid_from,
            valid_until,
            members,
            kid,
            jws,
        })
    }

    /// Whether the key is one of the issuer, by its name.
    pub(crate) fn is_signed_by_issuer(&self) -> bool {
        *self.kid.did() == self.issuer
    }

    /// The key that must have signed, if the issuer's document lists it under `assertionMethod`.
    ///
    /// # Spec
    /// Verifiable Credentials Data Model 2.0 §"Verification": the verification method is expressed
    /// for claims in the issuer's document. Keys for authentication alone don't count.
    pub(crate) fn key<'a>(&self, document: &'a DidDocument) -> Option<&'a PublicKey> {
        document.key(&self.kid, Relationship::AssertionMethod)
    }

    pub(crate) fn is_signed_with(&self, key: &PublicKey) -> bool {
        self.jws.verify(key).is_ok()
    }

    pub(crate) fn signing_input(&self) -> &[u8] {
        self.jws.signing_input()
    }
}

/// Members of an object, read one by one.
#[derive(Clone, Debug)]
pub(crate) struct Members(pub(crate) Map<String, Value>);

impl Members {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<&str, FormError> {
        let text = self.0.get(name).and_then(Value::as_str);
        text.ok_or(FormError::Member(name))
    }

    pub(crate) fn did(&self, name: &'static str) -> Result<Did, FormError> {
        Did::parse(self.text(name)?).map_err(|_| FormError::Member(name))
    }

    /// A list of 1 to `most` texts.
    pub(crate) fn texts(&self, name: &'static str, most: usize) -> Result<Vec<String>, FormError> {
        let list = self.0.get(name).and_then(Value::as_array);
        let list = list.filter(|list| (1..=most).contains(&list.len()));
        list.and_then(|list| {
            list.iter()
                .map(|text| text.as_str().map(str::to_owned))
                .collect()
        })
        .ok_or(FormError::Member(name))
    }

    /// An object; a list of one is none.
    pub(crate) fn object(&self, name: &'static str) -> Result<Self, FormError> {
        let object = self.0.get(name).and_then(Value::as_object);
        object.cloned().map(Self).ok_or(FormError::Member(name))
    }

    /// An integer from 0 to `most`.
    pub(crate) fn integer(&self, name: &'static str, most: u64) -> Result<u64, FormError> {
        let number = self.0.get(name).and_then(Value::as_u64);
        number
            .filter(|number| *number <= most)
            .ok_or(FormError::Member(name))
    }

    pub(crate) fn is_text(&self, name: &'static str, expected: &str) -> Result<(), FormError> {
        match self.text(name) {
            Ok(text) if text == expected => Ok(()),
            _ => Err(FormError::Member(name)),
        }
    }

    fn is_list(&self, name: &'static str, expected: &[&str]) -> Result<(), FormError> {
        let found = self.0.get(name).and_then(Value::as_array);
        let is_it = found.is_some_and(|list| {
            let expected = expected.iter().copied().map(Some);
            list.iter().map(Value::as_str).eq(expected)
        });
        is_it.then_some(()).ok_or(FormError::Member(name))
    }

    fn time(&self, name: &'static str) -> Result<u64, FormError> {
        time::read(self.text(name)?).ok_or(FormError::Member(name))
    }
}

/// Writes a date of a credential.
pub(crate) fn date(seconds: u64, name: &'static str) -> Result<String, VouchError> {
    time::write(seconds).ok_or(VouchError::Malformed(FormError::Member(name)))
}

/// Whether something that starts at `valid_from` has started, by a clock that may be a little off.
pub(crate) const fn has_started(valid_from: u64, now: u64) -> bool {
    valid_from <= now.saturating_add(limits::CLOCK_SKEW.as_secs())
}

/// Exactly our `typ` and `cty`, and a `kid` that is a DID URL with a fragment and nothing else.
fn check_header(jws: &Jws) -> Result<DidUrl, FormError> {
    if jws.header().typ.as_deref() != Some(TYP) {
        return Err(FormError::Header("typ"));
    }
    let protected = comity_jose::base64url::decode(jws.protected_b64()).ok();
    let protected = protected.and_then(|octets| json::parse(&octets, &Limits::HEADER).ok());
    if protected
        .as_ref()
        .and_then(|header| header.get("cty")?.as_str())
        != Some(CTY)
    {
        return Err(FormError::Header("cty"));
    }
    let kid = jws.header().kid.as_deref();
    kid.and_then(|kid| DidUrl::parse(kid).ok())
        .filter(|kid| kid.fragment().is_some() && *kid == kid.without_path_and_query())
        .ok_or(FormError::Header("kid"))
}

/// The context of every credential of the data model 2.0.
pub(crate) const CREDENTIALS_V2: &str = "https://www.w3.org/ns/credentials/v2";
/// The type of every credential.
pub(crate) const CREDENTIAL: &str = "VerifiableCredential";

const TYP: &str = "vc+jwt";
const CTY: &str = "vc";

/// Members by which another reader could come to another answer than this one: the claims of JWT
/// that have a counterpart in the data model, its envelope of version 1.1, and conditions of use.
const CONTRADICTIONS: [&str; 10] = [
    "aud",
    "cnf",
    "exp",
    "iss",
    "jti",
    "nbf",
    "sub",
    "termsOfUse",
    "vc",
    "vp",
];

/// Octets of a signature by any algorithm that is read here.
const SIGNATURE_BYTES: usize = 64;
