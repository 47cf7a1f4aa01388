//! Invitations: the part of the operator's door that lets somebody in by a link.

use crate::operator::Rate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/invitations`: a link that lets one peer in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Which of your agents invites.
    pub agent: String,
    /// What the guest may send: types, or protocol URIs.
    #[serde(default)]
    pub they_may_send: Vec<String>,
    /// What your agent may send the guest.
    #[serde(default)]
    pub you_may_send: Vec<String>,
    /// When the link ends, UTC seconds; in a week if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_until: Option<u64>,
    /// When what it grants ends, UTC seconds; in thirty days if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// How many guests it lets in; one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests: Option<u64>,
    /// At most so many messages in all, from each side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// So many messages in so many seconds, from each side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The largest message, octets of its plaintext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Also for other DIDComm software, which cannot knock: its first message is enough, and may be
    /// authcrypted and without times.
    #[serde(default)]
    pub messages: bool,
    /// With `messages`: signed messages with times only.
    #[serde(default)]
    pub signed_only: bool,
    /// What it is for: the guest sees this.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub goal: String,
    /// Your words to yourself and your colleagues.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// An invitation. Whoever has the link is let in: it is shown only now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invited {
    /// The rule by which it lets in; ending it withdraws the invitation.
    pub rule: String,
    /// The link (DIDComm out-of-band 2.0).
    pub url: String,
    /// When the link ends, UTC seconds.
    pub open_until: u64,
    /// When what it grants ends, UTC seconds.
    pub until: u64,
}

/// `POST /v1/invitations/accept`: follow somebody's invitation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// Which of your agents follows it.
    pub agent: String,
    /// The link.
    pub url: String,
    /// What you want to send; all that the invitation offers if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub you_may_send: Vec<String>,
    /// What they may send you; all that the invitation names if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub they_may_send: Vec<String>,
    /// Until when you ask, UTC seconds; as long as is offered if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Your words to their operator, at most 280 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// The knock is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Following {
    /// Who invites. The link proves nothing of it: what comes back is signed.
    pub from: String,
    /// Their words, escaped.
    pub goal: String,
    /// What was asked for; `comity grant show` tells what became of it.
    pub grant: String,
}
