//! What both nodes, or one node twice, must hash alike: the grant and the approval, canonicalised.

use comity_jose::json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Digest, labelled};

/// Computes the id of a grant, equal at both nodes.
///
/// # Errors
/// When the value has no canonical form (numbers outside what JSON of ours allows).
///
/// # Spec
/// `formats.md` §3: SHA-256 over `"comity/grant/v1" ‖ 0x00 ‖ JCS(GRANT)`.
pub fn grant_id(grant: &Value) -> Result<Digest, json::JsonError> {
    Ok(labelled("comity/grant/v1", &json::canonical(grant)?))
}

/// Computes the digest that names everything an operator was shown when they approved.
///
/// The lists are sorted here, so that two nodes, or one node twice, cannot differ by order.
///
/// # Errors
/// When the value has no canonical form.
///
/// # Spec
/// `formats.md` §4: SHA-256 over `"comity/approval/v1" ‖ 0x00 ‖ JCS(A)`.
pub fn approval_digest(approval: &Approval) -> Result<Digest, json::JsonError> {
    Ok(labelled(
        "comity/approval/v1",
        &json::canonical(&approval.to_value())?,
    ))
}

/// Everything that an approval names: if any of it changes, the approval is void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Hashes of the protocol definitions that the grant rests on.
    pub definitions: Vec<Digest>,
    /// Hash of the octets of the peer's DID document.
    pub document: Digest,
    /// Id of the exact grant.
    pub grant: Digest,
    /// Digest of the knock; `None` where the operator decides without one.
    pub knock: Option<Digest>,
    /// What the grant will pin.
    pub pin: Pin,
    /// The vouches that were shown, with the time of their status.
    pub vouches: Vec<ApprovalVouch>,
}

/// What a grant pins of the peer's identity.
///
/// # Spec
/// `formats.md` §3, last item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Pin {
    /// Fingerprints of all authentication and key agreement keys, sorted.
    Keys(Vec<String>),
    /// The SCID of a did:webvh.
    Scid(String),
}

impl Pin {
    /// Pins a key set by its fingerprints, in the order that the format asks for.
    pub fn of_keys(fingerprints: impl IntoIterator<Item = String>) -> Self {
        let mut keys: Vec<_> = fingerprints.into_iter().collect();
        keys.sort();
        keys.dedup();
        Self::Keys(keys)
    }
}

/// One vouch in an [`Approval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ApprovalVouch {
    /// Digest of the vouch.
    pub digest: Digest,
    /// When its revocation status was looked up, UTC seconds.
    pub status_at: u64,
}

impl Approval {
    fn to_value(&self) -> Value {
        let mut definitions = self.definitions.clone();
        definitions.sort_by_key(Digest::to_text);
        let mut vouches = self.vouches.clone();
        vouches.sort_by_key(|vouch| (vouch.digest.to_text(), vouch.status_at));
        serde_json::json!({
            "definitions": definitions,
            "document": self.document,
            "grant": self.grant,
            "knock": self.knock.map(|knock| knock.to_text()).unwrap_or_default(),
            "pin": self.pin,
            "vouches": vouches,
        })
    }
}
