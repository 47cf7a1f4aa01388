//! The operator's door: HTTP and JSON on `operator.sock` in the node's home (mode 0600), and on TCP
//! where an operator asked for it.
//!
//! Whoever can open the socket is an admin, recorded as `operator`. On TCP `Authorization: Bearer
//! TOKEN` names an [`Operator`]; what his role does not cover is 403 `e.m.req.not-allowed`.
//!
//! | route | takes | gives |
//! | --- | --- | --- |
//! | `GET /v1/status` | | [`Status`] |
//! | `POST /v1/doctor` | [`Examine`] | `[`[`Finding`]`]` |
//! | `POST /v1/stop` | | 204, then the node ends in good order |
//! | `GET /v1/agents` | | `[`[`Agent`]`]` |
//! | `POST /v1/agents` | [`CreateAgent`] | 201 [`CreatedAgent`] |
//! | `GET /v1/agents/{name}` | | [`Agent`] |
//! | `DELETE /v1/agents/{name}` | | 204 |
//! | `GET /v1/knocks?all=` | [`ListQuery`] | `[`[`Knock`]`]`; pending ones unless `all` |
//! | `POST /v1/knocks/{id}/approve` | [`Approve`] | [`Decided`] |
//! | `POST /v1/knocks/{id}/deny` | [`Deny`] | [`Decided`] |
//! | `GET /v1/grants?all=` | [`ListQuery`] | `[`[`Grant`]`]`; not those that ended unless `all` |
//! | `POST /v1/grants` | [`CreateGrant`] | 201 [`Grant`] |
//! | `POST /v1/grants/{id}/revoke` | | [`Decided`] |
//! | `GET /v1/grants/{id}/resume` | | [`Resume`]: what letting a suspended grant go on would approve |
//! | `POST /v1/grants/{id}/resume` | [`ResumeGrant`] | [`Grant`] |
//! | `GET /v1/rules?all=` | [`ListQuery`] | `[`[`KeptRule`](crate::policy::KeptRule)`]` |
//! | `POST /v1/rules?dry_run=` | [`Rule`](crate::policy::Rule) | 201 [`KeptRule`](crate::policy::KeptRule), or [`Tried`](crate::policy::Tried) |
//! | `DELETE /v1/rules/{name}?grants=` | | [`KeptRule`](crate::policy::KeptRule) |
//! | `GET /v1/vouches` | | [`Vouches`](crate::vouch::Vouches) |
//! | `POST /v1/vouches` | [`IssueVouch`](crate::vouch::IssueVouch) | 201 [`Issued`](crate::vouch::Issued) |
//! | `GET /v1/vouches/{id}` | | [`Issued`](crate::vouch::Issued) with its chain |
//! | `POST /v1/vouches/{id}/revoke` | | [`Issued`](crate::vouch::Issued) |
//! | `POST /v1/vouches/import` | [`ImportVouch`](crate::vouch::ImportVouch) | [`HeldVouch`](crate::vouch::HeldVouch) |
//! | `POST /v1/vouches/rights` | [`VouchRight`](crate::vouch::VouchRight) | [`VouchRight`](crate::vouch::VouchRight) |
//! | `DELETE /v1/vouches/rights/{agent}` | | 204 |
//! | `POST /v1/invitations` | [`Invite`](crate::invite::Invite) | 201 [`Invited`](crate::invite::Invited) |
//! | `POST /v1/invitations/accept` | [`AcceptInvitation`](crate::invite::AcceptInvitation) | [`Following`](crate::invite::Following) |
//! | `POST /v1/policy/explain` | [`Explain`](crate::policy::Explain) | [`Explained`](crate::policy::Explained) |
//! | `GET /v1/me` | | [`Operator`]: who asks |
//! | `GET /v1/operators?all=` | [`ListQuery`] | `[`[`Operator`]`]` |
//! | `POST /v1/operators` | [`CreateOperator`] | 201 [`OperatorToken`] |
//! | `POST /v1/operators/{name}/rotate` | [`RotateOperator`] | [`OperatorToken`] |
//! | `DELETE /v1/operators/{name}` | | 204 |
//! | `GET /v1/decisions?limit=` | [`ListQuery`] | `[`[`Decision`]`]`, newest first |
//! | `GET /v1/webhooks` | | `[`[`Webhook`]`]` |
//! | `POST /v1/webhooks` | [`CreateWebhook`] | 201 [`WebhookSecret`] |
//! | `POST /v1/webhooks/{id}/test` | | [`Webhook`], after one attempt; one that was given up goes on if it was taken |
//! | `POST /v1/webhooks/{id}/rotate` | [`RotateOperator`] | [`WebhookSecret`] |
//! | `DELETE /v1/webhooks/{id}` | | 204 |
//! | `GET /v1/peers` | | `[`[`Peer`]`]` |
//! | `POST /v1/peers/block`, `/unblock` | [`PeerAct`] | [`Decided`] |
//! | `GET /v1/messages?after=&limit=&wait_s=&all=` | [`ListQuery`] | `[`[`MessageRow`]`]`, oldest first |
//! | `GET /v1/messages/{id}` | | [`MessageRow`] with `message` |
//! | `POST /v1/messages/{id}/drop` | | [`MessageRow`] |
//! | `GET /v1/parked?after=&limit=` | [`ListQuery`] | `[`[`Parked`]`]`: what your agents ask you |
//! | `POST /v1/parked/{id}/answer` | [`AnswerParked`] | [`Decided`] |
//! | `GET /v1/held` | | `[`[`MessageRow`]`]`: what waits for you to let the node knock |
//! | `POST /v1/held/{id}/allow` | | [`Decided`] |
//! | `GET /v1/entries?after=&limit=` | [`ListQuery`] | `[`[`Entry`]`]` |
//! | `POST /v1/record/export` | [`Export`] | the bundle's octets, `application/comity-bundle+json` |
//! | `GET /v1/record/trace/{digest}` | | [`Trace`] |
//! | `GET /v1/watch?after=&limit=&wait_s=` | [`ListQuery`] | `[`[`WatchEvent`]`]` |
//!
//! Lists are bare JSON arrays. In a path, `{id}` and `{digest}` may be any unique prefix of an id
//! or a digest; an ambiguous one is 409 `e.m.req.ambiguous`, an unknown one 404
//! `e.m.req.not-found`. Errors are [`Problem`](crate::Problem)s. `after=` of a list that waits is
//! the `seq` of the last element seen.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// `GET /v1/status`: one screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The node's version.
    pub version: String,
    /// Host of its DIDs.
    pub host: String,
    /// The public URL, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Where the wire door listens.
    pub wire: String,
    /// Where the agent's door listens.
    pub agent_door: String,
    /// Where the operator's page is, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_url: Option<String>,
    /// `open`, `ask` or `listed`: whether it knocks by itself.
    pub outbound: String,
    /// Agents hosted.
    pub agents: Vec<Agent>,
    /// Knocks that wait for you.
    pub knocks_pending: u64,
    /// Messages that wait for you to let the node knock.
    pub held_for_operator: u64,
    /// Messages about which your agents ask you something.
    #[serde(default)]
    pub parked: u64,
    /// Messages of ours, by state.
    pub outbox: Vec<(String, u64)>,
    /// Deliveries to our agents, by state.
    pub inbox: Vec<(String, u64)>,
    /// The record.
    pub record: RecordStatus,
    /// What is wrong, in words with the next step.
    pub alarms: Vec<String>,
    /// Refusals of strangers since the start, by code.
    pub refused: Vec<(String, u64)>,
}

/// The record, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordStatus {
    /// The log's origin.
    pub origin: String,
    /// Entries integrated.
    pub size: u64,
    /// Its verifier key: an anchor to give to others.
    pub vkey: String,
    /// The newest checkpoint, a signed note.
    pub checkpoint: String,
}

/// An agent of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// Its DID.
    pub did: String,
    /// `active` or `removed`.
    pub state: String,
    /// Fingerprint of its signing key: an anchor to give to others.
    pub fingerprint: String,
    /// When it was created, UTC seconds.
    pub created: u64,
    /// Unsettled deliveries.
    pub inbox: u64,
    /// True while something is connected for it.
    pub connected: bool,
}

/// `POST /v1/agents`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAgent {
    /// `[a-z0-9][a-z0-9-]{0,62}`.
    pub name: String,
}

/// Answer to `POST /v1/agents`. The token is shown only now; it is also in `agents/NAME.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedAgent {
    /// The agent.
    pub agent: Agent,
    /// The token for its door.
    pub token: String,
    /// The file with door and token, readable by the node's owner only.
    pub token_file: String,
}

/// A stranger who asks to work with an agent of yours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Knock {
    /// Its id.
    pub id: String,
    /// Who asks: a DID, proved by its signature.
    pub from: String,
    /// The same, taken apart.
    pub who: Party,
    /// What is odd about it, in sentences: look-alike names, hidden characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Which agent of yours.
    pub to: String,
    /// `pending approved denied timeout replaced`.
    pub state: String,
    /// Their words, escaped; unproved.
    pub purpose: String,
    /// What they would be allowed to send.
    pub they_may_send: Vec<String>,
    /// What your agent would be allowed to send them.
    pub you_may_send: Vec<String>,
    /// Until when, UTC seconds.
    pub until: u64,
    /// The message that waits: its type and size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Value>,
    /// Chains of vouches that hold: who vouches, the first of the chain first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vouched_by: Vec<Vec<String>>,
    /// Why other vouches that came with it do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_vouched: Vec<String>,
    /// True if it names an invitation of yours.
    #[serde(default)]
    pub invited: bool,
    /// How the sender was proved: key and its fingerprint.
    pub proved_by: String,
    /// Fingerprint of that key.
    pub fingerprint: String,
    /// When it came, UTC seconds.
    pub received: u64,
    /// When it becomes a denial, UTC seconds.
    pub expires: u64,
    /// What approving it does to a grant that holds now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaces>,
    /// What you approve, exactly. Send it with the decision; if anything changed meanwhile, the
    /// decision is refused and the knock shown anew.
    pub approval: String,
}

/// A party as people read it. Nothing here is proved that its DID does not prove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Party {
    /// `bruno@agents.org-b.com`, where the DID has such a form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// The host that answers for it, in its ASCII form; absent for DIDs that carry their own keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The end of `host` that somebody registered: whom to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<String>,
    /// The host in Unicode, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unicode: Option<String>,
}

/// What approving a knock does to the grant that holds between the two now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replaces {
    /// That grant's id.
    pub grant: String,
    /// What they may send then, and may not now.
    pub they_gain: Vec<String>,
    /// What they may send now, and may not then.
    pub they_lose: Vec<String>,
    /// What you may send then, and may not now.
    pub you_gain: Vec<String>,
    /// What you may send now, and may not then.
    pub you_lose: Vec<String>,
    /// Until when that grant holds, UTC seconds.
    pub until: u64,
}

/// `POST /v1/knocks/{id}/approve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The approval digest that was shown.
    pub approval: String,
    /// Narrower: what they may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub they_may_send: Option<Vec<String>>,
    /// Narrower: what you may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub you_may_send: Option<Vec<String>>,
    /// Narrower: an earlier end, UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Narrower: at most so many messages in all, from each side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// Narrower: so many messages in so many seconds, from each side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Narrower: the largest message, octets of its plaintext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Your words to yourself and your colleagues; at most 280 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// So many messages in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many, from 1.
    pub messages: u64,
    /// In which time, seconds.
    pub seconds: u64,
}

/// What letting a suspended grant go on would approve. `GET /v1/grants/{id}/resume` shows it;
/// `POST` with its `approval` does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resume {
    /// The grant.
    pub grant: String,
    /// The peer.
    pub peer: String,
    /// The keys that it was made for: fingerprints, or the SCID.
    pub was: Vec<String>,
    /// The keys that the peer has now.
    pub now: Vec<String>,
    /// What you approve, exactly.
    pub approval: String,
}

/// `POST /v1/grants/{id}/resume`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeGrant {
    /// The approval digest that was shown.
    pub approval: String,
}

/// `POST /v1/knocks/{id}/deny`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// Block the sender, too: he is not heard again.
    #[serde(default)]
    pub block: bool,
}

/// Who answers for this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Operator {
    /// His name; the record's `by`.
    pub name: String,
    /// `viewer`, `approver` or `admin`.
    pub role: String,
    /// The agents that an approver decides for; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<Vec<String>>,
    /// `active` or `removed`.
    pub state: String,
    /// When he was made, UTC seconds.
    pub created: u64,
    /// When a token of his was last used, to the minute, UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<u64>,
    /// Until when the token before the last rotation works, too, UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_token_until: Option<u64>,
}

/// `POST /v1/operators`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOperator {
    /// `[a-z0-9][a-z0-9-]{0,62}`.
    pub name: String,
    /// `viewer`, `approver` or `admin`.
    pub role: String,
    /// The agents that an approver decides for; none named: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
}

/// `POST /v1/operators/{name}/rotate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateOperator {
    /// Seconds for which the token before works, too; a week at most.
    #[serde(default)]
    pub grace_s: u64,
}

/// `POST /session` on the page: opens one, told by a cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// An operator's token.
    pub token: String,
}

/// Answer to `POST /session` and `GET /session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// Who.
    pub operator: Operator,
    /// Which node.
    pub host: String,
    /// What each act of the page repeats in the header `Comity-Csrf`.
    pub csrf: String,
}

/// An operator and his new token, which is shown only now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatorToken {
    /// The operator.
    pub operator: Operator,
    /// The token.
    pub token: String,
}

/// An address that is told what happens (Standard Webhooks).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// Scheme and host of its address; the rest may be a secret.
    pub host: String,
    /// What it is told.
    pub events: Vec<String>,
    /// May be on this machine or in a private network.
    pub allow_private: bool,
    /// `active`, `failing` (it takes nothing now) or `disabled` (given up).
    pub state: String,
    /// Events that it has not taken yet.
    pub waiting: u64,
    /// Failed attempts since it last took one.
    pub failures: u64,
    /// Since when it takes nothing, UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<u64>,
    /// When it was last tried, UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<u64>,
    /// The HTTP status it gave then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    /// What went wrong then, else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it was made, UTC seconds.
    pub created: u64,
}

/// `POST /v1/webhooks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// Where to post.
    pub url: String,
    /// What it is told (`delivery.parked grant.ended knock.decided knock.received
    /// peer.suspended`); none named: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// It may be on this machine or in a private network, there also by plain http.
    #[serde(default)]
    pub allow_private: bool,
}

/// A webhook and its secret, which is shown only now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookSecret {
    /// The webhook.
    pub webhook: Webhook,
    /// `whsec_…`: what its receiver verifies signatures with.
    pub secret: String,
}

/// Something that an operator, a rule or a peer decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// The entry's order of recording.
    pub seq: u64,
    /// When, UTC seconds.
    pub at: u64,
    /// The operator, `rule:NAME`, or `peer`.
    pub by: String,
    /// What: an outcome (`approved`, `declined`, `revoked`, …) or an act (`block`, …).
    pub what: String,
    /// About whom or what: a DID, a name, an id.
    pub about: String,
    /// The agent of ours that it concerns, if it is about a grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// Answer to a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// What was decided.
    pub outcome: String,
    /// The grant it is about, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
}

/// A grant: who may send what to whom, until when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// Its id, equal at both nodes.
    pub id: String,
    /// Our agent.
    pub ours: String,
    /// The peer.
    pub peer: String,
    /// `offered active suspended ended`.
    pub state: String,
    /// What they may send.
    pub they_may_send: Vec<String>,
    /// What we may send.
    pub we_may_send: Vec<String>,
    /// Until when, UTC seconds.
    pub until: u64,
    /// Accepts messages that prove themselves to us only.
    pub deniable: bool,
    /// Messages accepted from the peer under it.
    pub uses: u64,
    /// Messages sent to the peer under it; counted only where there are limits.
    #[serde(default)]
    pub sent: u64,
    /// At most so many messages in all, from each side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_uses: Option<u64>,
    /// So many messages in so many seconds, from each side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The largest message, octets of its plaintext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Your words to yourself and your colleagues.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Whose vouches it stands on, the first of the chain first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vouched_by: Vec<String>,
    /// Why it ended, or was suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Who decided: an operator, `rule:NAME`, or `peer`.
    pub decided_by: String,
    /// When it was made here, UTC seconds.
    pub created: u64,
}

/// `POST /v1/grants`: a grant without a knock, for a peer that cannot knock (other DIDComm
/// software). The peer's node is not told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGrant {
    /// Our agent's name.
    pub agent: String,
    /// The peer's DID or handle.
    pub peer: String,
    /// What they may send: types, or protocol URIs.
    pub they_may_send: Vec<String>,
    /// What we may send.
    pub we_may_send: Vec<String>,
    /// Until when, UTC seconds; thirty days if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Accept messages that prove themselves to us only (authcrypt, what most other software
    /// sends). What we send is signed all the same.
    #[serde(default)]
    pub deniable: bool,
    /// Accept messages without `created_time`.
    #[serde(default)]
    pub untimed: bool,
    /// At most so many messages in all, from each side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// So many messages in so many seconds, from each side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The largest message, octets of its plaintext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Your words to yourself and your colleagues; at most 280 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A party that this node knows, or a domain that is blocked with all its agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Peer {
    /// Its DID; or the domain.
    pub did: String,
    /// The same, taken apart.
    pub who: Party,
    /// What is odd about it, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// True if blocked, itself or by its domain.
    pub blocked: bool,
    /// The state of the grant with it, for each of our agents: (agent, state).
    pub grants: Vec<(String, String)>,
    /// When it was first proved here, or the domain blocked, UTC seconds.
    pub first_seen: u64,
    /// What it understands beyond the least.
    pub speaks: Vec<String>,
}

/// `POST /v1/peers/block` and `/unblock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerAct {
    /// The peer's DID or handle; or a domain, for all its agents.
    pub did: String,
}

/// A message, seen from this node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageRow {
    /// `out` or `in`.
    pub direction: String,
    /// Place in the list; ask for more after the last you saw.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// Its digest.
    pub digest: String,
    /// Who sends.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its thread.
    pub thid: String,
    /// Where it is.
    pub state: String,
    /// What it waits on, or why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same in words: what the peer said, or what is in the way (out).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Its place in the thread's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_order: Option<u64>,
    /// Offers so far (in), failed hand-overs (out).
    pub attempts: u32,
    /// When it was submitted or accepted, UTC seconds.
    pub at: u64,
    /// Each state with time and proof (out).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<crate::agent::Step>,
    /// What answered it, if that is here; only when one message is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub answer: Option<Box<Self>>,
    /// The plaintext; only when one message is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Value>,
}

/// A message that an agent of yours parked: it asks you something, and goes on with your answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Parked {
    /// Place in the list; ask for more after the last you saw.
    pub seq: u64,
    /// The delivery: no other has this id.
    pub delivery: String,
    /// The message's id, its sender's choice.
    pub id: String,
    /// Its digest.
    pub digest: String,
    /// Who sent it.
    pub from: String,
    /// Which agent of yours asks.
    pub to: String,
    /// The message's type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its thread.
    pub thid: String,
    /// What the agent asks, in its words, escaped. They may quote the sender.
    pub question: String,
    /// Which question about this message it is, from 1. Send it with the answer; if the agent asks
    /// something else by then, the answer is refused.
    pub number: u32,
    /// When it was asked, UTC seconds.
    pub asked: u64,
    /// Until when you may answer, UTC seconds. Then the agent decides without.
    pub until: u64,
}

/// `POST /v1/parked/{id}/answer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerParked {
    /// A text of at most 2,000 characters, or another JSON value of at most 2,000 octets whose
    /// numbers are whole.
    pub answer: Value,
    /// The number of the question that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
}

/// An entry of the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Order of recording.
    pub seq: u64,
    /// Place in the tree, once integrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Its kind.
    pub kind: String,
    /// Its commitment, base64url.
    pub commitment: String,
    /// What it says; absent after erasure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Value>,
}

/// `POST /v1/record/export`: one thread as an evidence bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The thread, or a message's id or digest (or a unique prefix).
    pub thread: String,
}

/// Something that happened; what `comity watch` prints. `GET /v1/watch?after=N&wait_s=30`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WatchEvent {
    /// The entry's order of recording.
    pub seq: u64,
    /// Its kind.
    pub kind: String,
    /// When, UTC seconds.
    pub at: u64,
    /// What it says.
    pub record: Value,
}

/// Query of the lists: `after`, `limit`, `wait_s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListQuery {
    /// Only what came after this number.
    #[serde(default)]
    pub after: u64,
    /// At most this many (1,000 at most, 100 if absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Wait up to this many seconds for the first.
    #[serde(default)]
    pub wait_s: u64,
    /// Everything, not only what is open.
    #[serde(default)]
    pub all: bool,
}

/// A finding of `comity doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// What was looked at.
    pub check: String,
    /// `ok`, `warning` or `error`.
    pub level: String,
    /// What was found.
    pub found: String,
    /// What to type next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `POST /v1/doctor`: look at this node, and at the way to `did` if there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Examine {
    /// A DID or a handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did: Option<String>,
}

/// What a message was made from, as far as this node can tell: the message itself first, then its
/// causes, theirs, and so on; each digest once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trace {
    /// The messages, nearest first.
    pub messages: Vec<Traced>,
}

/// A message in a [`Trace`]. All but `digest` is absent when this node never had the message: the
/// chain dangles there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Traced {
    /// Its digest.
    pub digest: String,
    /// `anyone` or `us`; absent when dangling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Its type.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// When it was sent or accepted here, UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// Digests it names as its causes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}
