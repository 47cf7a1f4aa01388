//! Vouches: introductions that our agents make and hold.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// `POST /v1/vouches` at either door: vouch for somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueVouch {
    /// Which of your agents vouches. At the agent's door it is the agent itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// For whom: a DID or handle.
    pub subject: String,
    /// What for: types, or protocol URIs.
    pub may: Vec<String>,
    /// To whom: agents (DIDs, handles), or hosts for all their agents.
    pub audience: Vec<String>,
    /// The most messages that a verifier accepts on the strength of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// How many further vouches may follow, 0 to 3.
    #[serde(default)]
    pub depth: u8,
    /// Your words about it, at most 280 characters; everybody who sees the vouch sees them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// Until when, UTC seconds; thirty days if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The vouch for your agent on which it rests, by the beginning of its id: the subject presents
    /// both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Send it to the subject's node, which presents it by itself. Needs a live grant.
    #[serde(default = "yes")]
    pub deliver: bool,
}

const fn yes() -> bool {
    true
}

/// A vouch of one of your agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Issued {
    /// Its digest.
    pub id: String,
    /// Who vouches.
    pub issuer: String,
    /// For whom.
    pub subject: String,
    /// What for.
    pub may: Vec<String>,
    /// To whom.
    pub audience: Vec<String>,
    /// The most messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// How many further vouches may follow.
    pub depth: u8,
    /// Until when, UTC seconds.
    pub until: u64,
    /// Who made it: an operator, or `agent:NAME` by right.
    pub by: String,
    /// When, UTC seconds.
    pub created: u64,
    /// `active` or `revoked`.
    pub state: String,
    /// True if it was sent to the subject's node.
    #[serde(default)]
    pub sent: bool,
    /// What the subject presents: links with `vouch` and `status`. When it is made or shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<Value>,
}

/// A vouch that one of your agents holds, and that your node presents when it knocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldVouch {
    /// Digest of its last vouch.
    pub id: String,
    /// Your agent.
    pub subject: String,
    /// Who vouches, the first of the chain first.
    pub issuers: Vec<String>,
    /// What for.
    pub may: Vec<String>,
    /// To whom.
    pub audience: Vec<String>,
    /// Until when, UTC seconds.
    pub until: u64,
    /// When it came, UTC seconds.
    pub received: u64,
}

/// All vouches of this node. `GET /v1/vouches`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Vouches {
    /// Those that your agents made, oldest first.
    pub issued: Vec<Issued>,
    /// Those that they hold.
    pub held: Vec<HeldVouch>,
    /// What they may vouch for by themselves.
    pub rights: Vec<VouchRight>,
}

/// `POST /v1/vouches/import`: a vouch that came another way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportVouch {
    /// The chain: links with `vouch` and perhaps `status`, the root first.
    pub chain: Value,
}

/// What an agent may vouch for by itself. `POST /v1/vouches/rights`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VouchRight {
    /// Your agent's name.
    pub agent: String,
    /// What for at most: types, or protocol URIs.
    pub may: Vec<String>,
    /// How many vouches it may make in all.
    pub count: u64,
    /// How many it has made.
    #[serde(default)]
    pub made: u64,
    /// The most messages that each may be for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// How many further vouches may follow each, 0 to 3.
    #[serde(default)]
    pub depth: u8,
    /// When the right ends, and all vouches by it at the latest, UTC seconds.
    pub until: u64,
    /// Who gave it.
    #[serde(default)]
    pub by: String,
}
