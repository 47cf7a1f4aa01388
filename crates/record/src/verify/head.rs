use comity_did::Did;
use comity_didcomm::{MessageId, Plaintext};
use comity_jose::json::Limits;
use serde_json::Value;

use crate::{bundle::MAX_BUNDLE_BYTES, digest::Digest};

/// The little of a message that evidence needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) id: MessageId,
    pub(crate) type_: String,
    pub(crate) from: Option<Did>,
    pub(crate) to: Vec<Did>,
    /// The effective thread.
    pub(crate) thid: MessageId,
    pub(crate) created_time: Option<u64>,
    pub(crate) sender_order: Option<u64>,
    pub(crate) causes: Vec<Digest>,
    /// What it says.
    pub(crate) body: serde_json::Map<String, Value>,
    /// For a tombstone, the message whose place it takes.
    pub(crate) voids: Option<Digest>,
}

impl Head {
    /// Reads plaintext octets. A header of ours in another form than ours is somebody else's, and
    /// is as good as absent.
    pub(crate) fn parse(octets: &[u8]) -> Option<Self> {
        let message = Plaintext::parse(octets, &LIMITS).ok()?;
        let causes = message.extra.get("causes").and_then(Value::as_array);
        let voids = message
            .body
            .get("message")
            .filter(|_| message.type_.is(VOID_TYPE));
        Some(Self {
            type_: message.type_.as_str().to_owned(),
            thid: message.thread().clone(),
            created_time: message.created_time,
            sender_order: message.extra.get("sender_order").and_then(Value::as_u64),
            causes: causes
                .and_then(|causes| causes.iter().map(digest).collect())
                .unwrap_or_default(),
            voids: voids.and_then(digest),
            body: message.body,
            id: message.id,
            from: message.from,
            to: message.to,
        })
    }
}

fn digest(value: &Value) -> Option<Digest> {
    value.as_str()?.parse().ok()
}

/// The tombstone of a message that will not be sent (`formats.md` §6).
const VOID_TYPE: &str = "https://w3id.org/comity/receipt/1.0/void";

/// As large as a message in a bundle can be.
const LIMITS: Limits = Limits {
    bytes: MAX_BUNDLE_BYTES,
    depth: 32,
    members: 65_536,
};
