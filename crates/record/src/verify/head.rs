use comity_did::Did;
use comity_jose::json::{self, Limits};
use serde::Deserialize;

use crate::digest::Digest;

/// The little of a message that evidence needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) type_: String,
    pub(crate) from: Option<Did>,
    pub(crate) to: Vec<Did>,
    /// The effective thread.
    pub(crate) thid: String,
    pub(crate) created_time: Option<u64>,
    pub(crate) sender_order: Option<u64>,
    pub(crate) causes: Vec<Digest>,
    /// For a tombstone, the message whose place it takes.
    pub(crate) voids: Option<Digest>,
}

impl Head {
    /// Reads plaintext octets.
    pub(crate) fn parse(octets: &[u8]) -> Option<Self> {
        let wire: Wire = json::parse_as(octets, &LIMITS).ok()?;
        let voids = if wire.type_ == VOID_TYPE {
            let body: VoidBody = serde_json::from_value(wire.body?).ok()?;
            Some(body.message)
        } else {
            None
        };
        Some(Self {
            thid: wire.thid.unwrap_or_else(|| wire.id.clone()),
            id: wire.id,
            type_: wire.type_,
            from: wire.from,
            to: wire.to,
            created_time: wire.created_time,
            sender_order: wire.sender_order,
            causes: wire.causes,
            voids,
        })
    }
}

#[derive(Deserialize)]
struct Wire {
    id: String,
    #[serde(rename = "type")]
    type_: String,
    from: Option<Did>,
    #[serde(default)]
    to: Vec<Did>,
    thid: Option<String>,
    created_time: Option<u64>,
    sender_order: Option<u64>,
    #[serde(default)]
    causes: Vec<Digest>,
    body: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct VoidBody {
    message: Digest,
}

/// The tombstone of a message that will not be sent (`formats.md` §6).
const VOID_TYPE: &str = "https://w3id.org/comity/receipt/1.0/void";

/// As large as a message in a bundle can be.
const LIMITS: Limits = Limits {
    bytes: crate::bundle::MAX_BUNDLE_BYTES,
    depth: 32,
    members: 65_536,
};
