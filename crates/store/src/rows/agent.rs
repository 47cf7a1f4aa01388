//! Agents of this node and the tokens that open their door.

use comity_did::Did;
use comity_engine::Timestamp;
use serde::{Deserialize, Serialize};

/// An agent that this node hosts, or hosted: a name is never given out again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRow {
    /// The name within the node, the last part of the DID.
    pub name: String,
    /// The agent's DID.
    pub did: Did,
    /// Whether it is hosted now.
    pub state: AgentState,
    /// The octets of its DID document, as served.
    pub document: Vec<u8>,
    /// Its private keys, sealed under the node's master key.
    pub sealed_keys: Vec<u8>,
    /// When it was created.
    pub created: Timestamp,
}

/// Whether an agent is hosted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// Sends and receives.
    Active,
    /// Removed; its name stays taken.
    Removed,
}

/// A token that opens an agent's door. Only its SHA-256 is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// SHA-256 of the token's text.
    pub hash: [u8; 32],
    /// Name of the agent whose door it opens.
    pub agent: String,
    /// What people call it; shown in the record as `by`.
    pub label: String,
    /// When it was made.
    pub created: Timestamp,
}
