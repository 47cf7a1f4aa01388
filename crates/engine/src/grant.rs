//! Grants: one collaboration, two directions, held at both nodes (formats §3).

mod limits;

pub use limits::{LimitError, Rate, Restrictions};

use crate::defaults::GRANT_TYPES_MAX;
use crate::scope::Types;
use crate::state::words;
use comity_did::Did;
use comity_didcomm::MessageType;
use comity_record::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Members of a grant that this version understands; others may not be named in `must`.
const UNDERSTOOD: &[&str] = &[
    "v",
    "between",
    "may",
    "until",
    "nonce",
    "must",
    "deniable",
    "untimed",
    "uses",
    "rate",
    "max_bytes",
];

/// A grant as both nodes hold it. A value that exists is well formed and understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    json: Value,
    terms: Terms,
    id: Digest,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Terms {
    v: u64,
    between: [Did; 2],
    may: Vec<May>,
    until: u64,
    nonce: String,
    #[serde(default)]
    must: Vec<String>,
    #[serde(default)]
    deniable: bool,
    #[serde(default)]
    untimed: bool,
    #[serde(default)]
    uses: Option<u64>,
    #[serde(default)]
    rate: Option<Rate>,
    #[serde(default)]
    max_bytes: Option<u64>,
}

/// What one side may send: types, or protocols for all their types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct May {
    /// Index into `between`.
    pub from: usize,
    /// Message types and protocol URIs; any minor version of the same major.
    pub types: Types,
}

/// Why a grant cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// A member is missing or of the wrong form.
    #[error("the grant is malformed")]
    Malformed,
    /// The grant restricts in a way that this version does not know (formats §0).
    #[error("the grant demands `{0}`, which this version does not understand")]
    Unsupported(String),
    /// More than was offered.
    #[error("this is more than was offered")]
    Wider,
    /// A later `v` than ours.
    #[error("the grant is of version {0}; this version reads version 1")]
    Version(u64),
}

/// What is to be less than offered. What is absent stays as offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrower {
    /// What the first of the two may send.
    pub first_may: Option<Types>,
    /// What the second may send.
    pub second_may: Option<Types>,
    /// An earlier end, UTC seconds.
    pub until: Option<u64>,
    /// Limits in addition to those offered.
    pub limits: Restrictions,
}

impl Grant {
    /// Makes a grant. `nonce` is 16 random octets in base64url; `may[0]` is what `between[0]` may
    /// send, `may[1]` what `between[1]` may; an empty list is left out.
    ///
    /// # Errors
    /// [`GrantError::Malformed`] if a type does not parse or there are too many.
    pub fn new(
        between: [Did; 2],
        may: [Vec<String>; 2],
        until: u64,
        nonce: &str,
        restrictions: &Restrictions,
    ) -> Result<Self, GrantError> {
        let may: Vec<Value> = may
            .into_iter()
            .enumerate()
            .filter(|(_, types)| !types.is_empty())
            .map(|(from, types)| serde_json::json!({"from": from, "types": types}))
            .collect();
        let mut json = serde_json::json!({
            "v": 1, "between": between, "may": may, "until": until, "nonce": nonce, "must": [],
        });
        limit(&mut json, restrictions);
        Self::from_json(json)
    }

    /// The same collaboration, narrower. Exactly what was offered keeps its octets, and so its id.
    /// Limits go into `must`: the other node has to keep to them as well.
    ///
    /// # Errors
    /// [`GrantError::Wider`] if anything would be more than offered, [`GrantError::Malformed`] if
    /// nothing is left.
    pub fn narrowed(&self, narrower: &Narrower) -> Result<Self, GrantError> {
        if *narrower == Narrower::default() {
            return Ok(self.clone());
        }
        let sides = [&narrower.first_may, &narrower.second_may];
        let may: Vec<Value> = sides
            .into_iter()
            .zip(&self.terms.between)
            .map(|(fewer, sender)| fewer.as_ref().unwrap_or_else(|| self.types_from(sender)))
            .enumerate()
            .filter(|(_, types)| !types.is_empty())
            .map(|(from, types)| serde_json::json!({"from": from, "types": types}))
            .collect();
        let mut json = self.json.clone();
        json["may"] = may.into();
        if let Some(until) = narrower.until {
            json["until"] = until.into();
        }
        limit(&mut json, &narrower.limits);
        let narrow = Self::from_json(json)?;
        if narrow.is_within(self) {
            Ok(narrow)
        } else {
            Err(GrantError::Wider)
        }
    }

    /// Reads a grant from strictly parsed JSON.
    ///
    /// # Errors
    /// [`GrantError`] says whether it is malformed or from a newer peer.
    pub fn from_json(json: Value) -> Result<Self, GrantError> {
        if let Some(v) = json.get("v").and_then(Value::as_u64)
            && v != 1
        {
            return Err(GrantError::Version(v));
        }
        let terms: Terms =
            serde_json::from_value(json.clone()).map_err(|_| GrantError::Malformed)?;
        if let Some(word) = terms
            .must
            .iter()
            .find(|word| !UNDERSTOOD.contains(&word.as_str()))
        {
            return Err(GrantError::Unsupported(word.clone()));
        }
        let sound = terms.v == 1
            && terms.between[0] != terms.between[1]
            && !terms.may.is_empty()
            && terms.may.len() <= 2
            && terms.may.iter().all(May::is_sound)
            && (terms.may.len() == 1 || terms.may[0].from != terms.may[1].from)
            && terms.until <= MAX_INTEGER
            && terms.rate.is_none_or(Rate::is_sound)
            && comity_jose::base64url::decode(&terms.nonce).is_ok_and(|octets| octets.len() == 16);
        if !sound {
            return Err(GrantError::Malformed);
        }
        let id = comity_record::grant_id(&json).map_err(|_| GrantError::Malformed)?;
        Ok(Self { json, terms, id })
    }

    /// The id, equal at both nodes: the hash of the canonical JSON (formats §3).
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// The JSON as it was made or received.
    #[must_use]
    pub const fn json(&self) -> &Value {
        &self.json
    }

    /// The two DIDs; `may[..].from` indexes them. The first is whoever knocked.
    #[must_use]
    pub const fn between(&self) -> &[Did; 2] {
        &self.terms.between
    }

    /// The other DID, if `did` is one of the two.
    #[must_use]
    pub fn peer_of(&self, did: &Did) -> Option<&Did> {
        let [first, second] = &self.terms.between;
        if did == first {
            Some(second)
        } else if did == second {
            Some(first)
        } else {
            None
        }
    }

    /// End of the grant, UTC seconds.
    #[must_use]
    pub const fn until(&self) -> u64 {
        self.terms.until
    }

    /// The nonce, which stays from offer to grant.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.terms.nonce
    }

    /// What the operators restricted.
    #[must_use]
    pub const fn restrictions(&self) -> Restrictions {
        Restrictions {
            deniable: self.terms.deniable,
            untimed: self.terms.untimed,
            uses: self.terms.uses,
            rate: self.terms.rate,
            max_bytes: self.terms.max_bytes,
        }
    }

    /// What `sender` may send; nothing if he is neither of the two.
    #[must_use]
    pub fn types_from(&self, sender: &Did) -> &Types {
        let side = self.terms.between.iter().position(|did| did == sender);
        let mut may = self.terms.may.iter();
        may.find(|may| Some(may.from) == side)
            .map_or(&NOTHING, |may| &may.types)
    }

    /// True if `sender` may send messages of this type.
    #[must_use]
    pub fn permits(&self, sender: &Did, type_: &MessageType) -> bool {
        self.types_from(sender).covers(type_)
    }

    /// True if `self` grants nothing that `offer` does not: same pair and nonce, types and end no
    /// wider, `must` and restrictions no smaller (formats §3).
    #[must_use]
    pub fn is_within(&self, offer: &Self) -> bool {
        let (mine, theirs) = (&self.terms, &offer.terms);
        mine.between == theirs.between
            && mine.nonce == theirs.nonce
            && mine.until <= theirs.until
            && theirs.must.iter().all(|word| mine.must.contains(word))
            && self.restrictions().is_within(&offer.restrictions())
            && mine
                .between
                .iter()
                .all(|sender| self.types_from(sender).is_within(offer.types_from(sender)))
    }
}

/// Adds limits to a grant's JSON; who keeps to them must know them.
fn limit(json: &mut Value, limits: &Restrictions) {
    let mut add = |name: &str, value: Option<Value>| {
        let Some(value) = value else { return };
        json[name] = value;
        if !json["must"].is_array() {
            json["must"] = serde_json::json!([]);
        }
        if let Some(must) = json["must"].as_array_mut()
            && !must.iter().any(|word| word == name)
        {
            must.push(name.into());
        }
    };
    add("uses", limits.uses.map(Value::from));
    add("rate", limits.rate.map(|rate| serde_json::json!(rate)));
    add("max_bytes", limits.max_bytes.map(Value::from));
    // These let more through: whoever does not know them loses nothing by it.
    if limits.deniable {
        json["deniable"] = true.into();
    }
    if limits.untimed {
        json["untimed"] = true.into();
    }
}

static NOTHING: Types = Types::none();

/// Largest integer in our own JSON members (formats §0): 2^53 − 1.
const MAX_INTEGER: u64 = (1 << 53) - 1;

impl May {
    fn is_sound(&self) -> bool {
        self.from < 2 && !self.types.is_empty() && self.types.len() <= GRANT_TYPES_MAX
    }
}

words! {
    /// The state of a grant at one node.
    GrantState {
        /// We knocked; only the knock's answer is admitted.
        Offered = "offered",
        /// Both may send what it says.
        Active = "active",
        /// The peer's identity changed in a way its history does not explain; an operator decides.
        Suspended = "suspended",
        /// Revoked, expired, denied or replaced. Never used again.
        Ended = "ended",
    }
}

pub use comity_record::Pin;

/// What a grant pins of a peer (design §4, formats §3): the SCID of a did:webvh, whose history,
/// verified when it was resolved, explains every change of its keys; of all others the keys.
#[must_use]
pub fn pin_of(document: &comity_did::DidDocument) -> Pin {
    if let Ok(url) = comity_did::webvh::url(document.id()) {
        return Pin::Scid(url.scid);
    }
    use comity_did::Relationship::{Authentication, KeyAgreement};
    let keys = [Authentication, KeyAgreement].map(|relationship| document.keys(relationship));
    Pin::of_keys(keys.into_iter().flatten().map(|(_, key)| key.fingerprint()))
}

/// True if `document` shows what was pinned.
#[must_use]
pub fn continues(pin: &Pin, document: &comity_did::DidDocument) -> bool {
    *pin == pin_of(document)
}

#[cfg(test)]
mod tests;
