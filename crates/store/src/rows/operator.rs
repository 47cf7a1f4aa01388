//! Operators by name, and the webhooks that tell them.

use comity_engine::{Role, Timestamp};
use serde::{Deserialize, Serialize};

/// A person (or a program of his) who answers for this node. A name is never given out again: the
/// record says who did what by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRow {
    /// The name; the record's `by`.
    pub name: String,
    /// What he may do.
    pub role: Role,
    /// SHA-256 of his token; `None` once he is removed.
    #[serde(skip)]
    pub token: Option<[u8; 32]>,
    /// SHA-256 of the token before, while it has not ended.
    #[serde(skip)]
    pub old_token: Option<[u8; 32]>,
    /// When the token before ends.
    pub old_until: Option<Timestamp>,
    /// When he was made.
    pub created: Timestamp,
    /// When a token of his was last used, to the minute.
    pub last_used: Option<Timestamp>,
}

impl OperatorRow {
    /// Whether a token of this hash lets him in at `now`.
    #[must_use]
    pub fn lets_in(&self, hash: &[u8; 32], now: Timestamp) -> bool {
        let old = self.old_token.as_ref() == Some(hash);
        self.token.as_ref() == Some(hash) || (old && self.old_until.is_some_and(|end| now < end))
    }
}

/// An address that is told what happens, by Standard Webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// Its id: 16 random octets as base64url.
    pub id: String,
    /// Scheme and host of where it is posted to.
    pub host: String,
    /// The whole address, which may be a secret itself, and the secrets that sign, sealed.
    pub sealed: String,
    /// Types of events that it is told; empty for all.
    pub events: Vec<String>,
    /// May be at a private address.
    pub allow_private: bool,
    /// Until when the secret before signs, too.
    pub old_until: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// Failures since it last took an event.
    pub failures: u64,
    /// Since when it takes nothing.
    pub failing_since: Option<Timestamp>,
    /// When it was given up; nothing is posted any more.
    pub disabled: Option<Timestamp>,
    /// The last attempt.
    pub last: Option<WebhookTry>,
}

/// One attempt to tell a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookTry {
    /// When.
    pub at: Timestamp,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong, else.
    pub error: Option<String>,
}

/// An event that a webhook has not taken yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookEvent {
    /// Its place in the queue; 0 before it is kept.
    pub seq: u64,
    /// The webhook.
    pub webhook: String,
    /// Its id, the same for each attempt.
    pub id: String,
    /// The octets to post, JSON.
    pub body: String,
    /// When it happened.
    pub created: Timestamp,
    /// Attempts that failed.
    pub attempts: u32,
    /// When it is posted next.
    pub next_attempt: Timestamp,
}
