//! Rules and explanations: the part of the operator's door that decides in advance.

use crate::operator::{Grant, Rate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A rule that lets strangers in without asking you again. `POST /v1/rules` makes one, with
/// `?dry_run=true` it only shows what the rule would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, by which every decision of it names it: `[a-z0-9][a-z0-9-]{0,39}`.
    pub name: String,
    /// Which of your agents, by name; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Whom: one peer, a DID or handle. Exactly one of `peer`, `domain`, `vouched_by`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Whom: all agents of a domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Whom: whoever this agent vouches for, a DID or handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched_by: Option<String>,
    /// With `vouched_by`: how many vouches may follow, 0 to 3. 0 lets in only whom that agent
    /// introduces itself.
    #[serde(default)]
    pub depth: u8,
    /// Also a first message without a knock: for other DIDComm software, which cannot knock.
    #[serde(default)]
    pub messages: bool,
    /// The most that they may send: types, or protocol URIs.
    #[serde(default)]
    pub they_may_send: Vec<String>,
    /// The most that your agent may send them.
    #[serde(default)]
    pub you_may_send: Vec<String>,
    /// At most so many messages in all under each grant, from each side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// So many messages in so many seconds under each grant, from each side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The largest message, octets of its plaintext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Accept messages that prove themselves to us only; with `messages`.
    #[serde(default)]
    pub deniable: bool,
    /// Accept messages without `created_time`; with `messages`.
    #[serde(default)]
    pub untimed: bool,
    /// The longest that a grant of it lasts, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts_s: Option<u64>,
    /// When the rule ends, and every grant of it at the latest, UTC seconds.
    pub until: u64,
    /// How many grants it may make in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<u64>,
    /// Your words to yourself and your colleagues; at most 280 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A rule as it is kept. `GET /v1/rules?all=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptRule {
    /// The rule.
    pub rule: Rule,
    /// Whom it lets in, in words.
    pub who: String,
    /// `active`, `over` or `ended`.
    pub state: String,
    /// Who made it.
    pub by: String,
    /// When, UTC seconds.
    pub created: u64,
    /// Grants that it has made.
    pub made: u64,
    /// Of these, those that still live.
    pub live: u64,
}

/// `DELETE /v1/rules/{name}?grants=true` ends the grants that it made, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndRule {
    /// End the grants that it made.
    #[serde(default)]
    pub grants: bool,
}

/// Whether a rule is made or only tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DryRun {
    /// Only show what it would have done.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a new rule would have done with the knocks that came so far. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tried {
    /// Newest first.
    pub knocks: Vec<TriedKnock>,
}

/// One past knock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TriedKnock {
    /// Its id.
    pub id: String,
    /// Who knocked.
    pub from: String,
    /// At which agent.
    pub to: String,
    /// When, UTC seconds.
    pub received: u64,
    /// What became of it.
    pub was: String,
    /// `approve`, or `ask`: you.
    pub would: String,
    /// Why you would have been asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What they would have been allowed to send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub they_may_send: Vec<String>,
    /// Until when, UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// `POST /v1/policy/explain`: a message that may never have been sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// Who sends: a DID or handle, or the name of your agent.
    pub from: String,
    /// To whom: the same. One of the two is yours.
    pub to: String,
    /// The message type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Octets of its plaintext.
    #[serde(default)]
    pub bytes: u64,
    /// True if it would prove its author to its reader only.
    #[serde(default)]
    pub deniable: bool,
    /// The thread that it would be in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// When it would be sent, UTC seconds; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
}

/// A decision, what it rests on, and what would have to change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explained {
    /// `in` or `out`, seen from this node.
    pub direction: String,
    /// The sender's DID.
    pub from: String,
    /// The recipient's DID.
    pub to: String,
    /// `allow`, `wait` (allowed, but later), `knock` (it waits at its sender while he knocks: in, a
    /// rule would let him in; out, the peer decides), `ask` (out: it waits for you to let this node
    /// knock), or `refuse`.
    pub decision: String,
    /// What decided: `grant`, `reply`, `blocked`, `no-grant`, `grant-state`, `vouch`, `type`,
    /// `max-bytes`, `deniable`, `uses`, `rate`, or `rule:NAME`.
    pub basis: String,
    /// The code that goes with a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why, in words.
    pub because: String,
    /// What would have to change, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// What to type for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// When it would pass, UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// The grant that counts between the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// What a knock for it would meet: `rule:NAME` that approves, or `you`, with each rule's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knock: Option<WouldKnock>,
}

/// What a knock would meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WouldKnock {
    /// `rule:NAME`, or `you`.
    pub decides: String,
    /// Each rule that does not approve, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<(String, String)>,
}
