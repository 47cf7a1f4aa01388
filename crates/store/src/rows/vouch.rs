//! Vouches: those that our agents made, those that they hold, and what is known of others'.

use comity_did::Did;
use comity_engine::Timestamp;
use comity_engine::scope::Types;
use comity_record::Digest;
use serde::{Deserialize, Serialize};

/// A vouch by an agent of ours. Its octets are kept as a message under its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedRow {
    /// Its digest.
    pub digest: Digest,
    /// Our agent.
    pub issuer: Did,
    /// For whom.
    pub subject: Did,
    /// What may be spoken.
    pub may: Types,
    /// Who it is for.
    pub audience: Vec<Did>,
    /// The most messages.
    pub uses: Option<u64>,
    /// How many links may follow.
    pub depth: u8,
    /// When it ends, UTC seconds.
    pub until: u64,
    /// The vouch for our agent on which it rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Digest>,
    /// The number of its status list among its issuer's, from 1.
    pub list: u32,
    /// Its place in that list.
    pub index: u32,
    /// Who made it: an operator, or `agent:NAME` by right.
    pub by: String,
    /// When.
    pub created: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// A chain of vouches whose last is for an agent of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRow {
    /// Digest of the last vouch.
    pub digest: Digest,
    /// Our agent, its subject.
    pub subject: Did,
    /// Who issued each, the first of the chain first.
    pub issuers: Vec<Did>,
    /// The vouches and their newest statuses as they are presented, JSON.
    pub chain: serde_json::Value,
    /// What all of them vouch for.
    pub may: Types,
    /// Whom all of them are for.
    pub audience: Vec<Did>,
    /// The earliest end, UTC seconds.
    pub until: u64,
    /// When it came.
    pub received: Timestamp,
}

/// What an agent of ours may vouch for by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightRow {
    /// Our agent.
    pub agent: Did,
    /// What it may vouch for at most.
    pub may: Types,
    /// How many vouches it may make in all.
    pub count: u64,
    /// How many it has made.
    pub made: u64,
    /// The most messages that each may be for.
    pub uses: Option<u64>,
    /// How many links may follow each.
    pub depth: u8,
    /// When the right ends, and all that was vouched for by it, UTC seconds.
    pub until: u64,
    /// Who gave it.
    pub by: String,
    /// When.
    pub created: Timestamp,
}
