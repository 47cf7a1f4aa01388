//! Grants, knocks and peers.

use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::domain::Domain;
use comity_engine::grant::{Grant, GrantState, Pin};
use comity_engine::policy::{Rule, Vouched};
use comity_engine::scope::Types;
use comity_engine::{Code, Timestamp, contact::Knock, defaults};
use comity_record::Digest;
use serde::{Deserialize, Serialize};

/// A grant as this node holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantRow {
    /// Its terms; the id is [`Grant::id`].
    pub grant: Grant,
    /// Our agent.
    pub ours: Did,
    /// The peer.
    pub peer: Did,
    /// Its state here.
    pub state: GrantState,
    /// What was seen of the peer's identity; `None` while we only offered.
    pub pin: Option<Pin>,
    /// Who or what decided last: an operator's label, `peer`, or a rule.
    pub decided_by: String,
    /// Who or what let the peer in: the same, and it stays when somebody else decides later.
    pub let_in_by: String,
    /// The approval digest it was decided on, if any.
    pub approval: Option<Digest>,
    /// Id of the knock's thread, if it came by one.
    pub knock: Option<MessageId>,
    /// Counts changes; a decision names the version that it rests on.
    pub version: u64,
    /// Messages accepted from the peer under it.
    pub uses: u64,
    /// Messages of ours that went out under it; counted only where the grant limits them.
    pub sent: u64,
    /// Up to when the peer's messages have used up the grant's rate.
    pub paid_in: Timestamp,
    /// Up to when ours have.
    pub paid_out: Timestamp,
    /// The vouches that it stands on.
    pub vouched: Option<Standing>,
    /// The operator's words to himself and his colleagues.
    pub note: String,
    /// When it was made here.
    pub created: Timestamp,
    /// When it ended here.
    pub ended: Option<Timestamp>,
    /// Why it ended.
    pub code: Option<Code>,
}

/// What a grant that was given on vouches stands on: it ends when one of them does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The vouches, the first of the chain first.
    pub links: Vec<StandingLink>,
    /// What all of them vouch for.
    pub types: Types,
    /// The earliest end of any of them, UTC seconds.
    pub until: u64,
    /// When the oldest of their statuses that we have was signed, UTC seconds.
    pub status_at: u64,
}

impl Standing {
    /// The chain as policy asks about it; `used` says how many messages were accepted on the
    /// strength of each vouch.
    pub fn vouched<E>(
        &self,
        mut used: impl FnMut(&Digest) -> Result<u64, E>,
    ) -> Result<Vouched, E> {
        let mut left = None;
        for link in &self.links {
            if let Some(uses) = link.uses {
                let of_link = uses.saturating_sub(used(&link.vouch)?);
                left = Some(left.map_or(of_link, |left: u64| left.min(of_link)));
            }
        }
        Ok(Vouched {
            chain: self.links.iter().map(|link| link.vouch).collect(),
            issuers: self.links.iter().map(|link| link.issuer.clone()).collect(),
            types: self.types.clone(),
            uses: left,
            until: self.until,
        })
    }
}

/// One vouch that a grant stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingLink {
    /// Its digest; its octets are kept under it.
    pub vouch: Digest,
    /// Who vouches.
    pub issuer: Did,
    /// Where its issuer says whether it still holds.
    pub list: String,
    /// Its place in that list.
    pub index: u32,
    /// How many messages it vouches for; no limit if absent.
    pub uses: Option<u64>,
}

impl GrantRow {
    /// A grant in `state`, made now, with nothing else known or counted.
    #[must_use]
    pub fn new(grant: Grant, ours: Did, peer: Did, state: GrantState, now: Timestamp) -> Self {
        Self {
            grant,
            ours,
            peer,
            state,
            pin: None,
            decided_by: String::new(),
            let_in_by: String::new(),
            approval: None,
            knock: None,
            version: 1,
            uses: 0,
            sent: 0,
            paid_in: Timestamp::default(),
            paid_out: Timestamp::default(),
            vouched: None,
            note: String::new(),
            created: now,
            ended: None,
            code: None,
        }
    }

    /// Until when the vouches that it stands on count as confirmed, UTC seconds.
    #[must_use]
    pub fn vouched_until(&self) -> Option<u64> {
        let confirmed = self.vouched.as_ref().map(|standing| standing.status_at)?;
        Some(confirmed + defaults::VOUCH_STATUS_AGE_MAX.as_secs())
    }

    /// True if it was ended by a decision of ours rather than by its time or by the peer: only a
    /// person lets the peer in again.
    #[must_use]
    pub fn was_revoked_by_us(&self) -> bool {
        let revoked = self.code.as_ref() == Some(&Code::REVOKED);
        self.state == GrantState::Ended && revoked && self.decided_by != "peer"
    }

    /// How much it counts among the grants of its pair: the greatest does, and of those that
    /// ended the last.
    #[must_use]
    pub const fn weight(&self) -> u8 {
        match self.state {
            GrantState::Active => 3,
            GrantState::Suspended => 2,
            GrantState::Offered => 1,
            GrantState::Ended => 0,
        }
    }
}

/// A stranger's knock at one of our agents.
#[derive(Clone, Debug, PartialEq)]
pub struct KnockRow {
    /// Digest of the signed knock; its octets are kept under it.
    pub digest: Digest,
    /// Its id, which is its thread.
    pub id: MessageId,
    /// The proved sender.
    pub sender: Did,
    /// Our agent.
    pub recipient: Did,
    /// What it says.
    pub knock: Knock,
    /// Hash of the sender's document as verified; its octets are kept under it.
    pub document: Digest,
    /// The key that signed, a DID URL.
    pub kid: String,
    /// What a grant would pin.
    pub pin: Pin,
    /// When it came.
    pub received: Timestamp,
    /// When it becomes a denial, UTC seconds.
    pub expires: u64,
    /// What became of it.
    pub state: KnockState,
    /// What it takes of the room that there is for knocks.
    pub taken: Taken,
    /// The invitation that it names, if we made it.
    pub invitation: Option<String>,
    /// The chains of vouches that came with it and hold.
    pub vouched: Vec<Standing>,
    /// Why the others do not, in words for the operator.
    pub not_vouched: Vec<String>,
}

/// What a pending knock takes of the room that there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Whose share it takes ([`comity_engine::domain::share_of`]).
    pub share: String,
    /// The address prefix that it came from; absent for this machine itself.
    pub prefix: Option<String>,
    /// True if it came by an invitation or with a vouch: room is kept for those.
    pub kept_room: bool,
    /// Octets of it that are kept.
    pub bytes: u64,
}

/// What became of a knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KnockState {
    /// Waits for an operator.
    Pending,
    /// Let in.
    Approved,
    /// Not let in.
    Denied,
    /// Nobody decided in time.
    Timeout,
    /// The sender knocked again.
    Replaced,
    /// It gave way to another when there was no room.
    Displaced,
}

impl KnockState {
    /// The word used in JSON and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Replaced => "replaced",
            Self::Displaced => "displaced",
        }
    }
}

/// What we know of another party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRow {
    /// Its DID.
    pub did: Did,
    /// True if an operator blocked it.
    pub blocked: bool,
    /// What it understands beyond the least, as it said, proved.
    pub speaks: Vec<String>,
    /// When it was first proved here.
    pub first_seen: Timestamp,
}

/// A rule that lets strangers in, as an operator made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    /// The rule; its name is its key.
    pub rule: Rule,
    /// Who made it.
    pub by: String,
    /// When it was made.
    pub created: Timestamp,
    /// Grants that it has made.
    pub made: u64,
    /// When an operator ended it. Its name is never given out again, as the record has it.
    pub ended: Option<Timestamp>,
}

/// A domain whose agents an operator keeps out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRow {
    /// The domain.
    pub domain: Domain,
    /// Who blocked it.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
}
