//! What a transaction can do, by aggregate.
//!
//! `put_…` inserts, or replaces the row with the same key. Lists are oldest first unless said
//! otherwise, and bounded by their `limit`.

use crate::StoreError;
use crate::rows::agent::{AgentRow, TokenRow};
use crate::rows::inbox::Incoming;
use crate::rows::log::{EntryRow, LogHead, NodeRow, PeerLogRow};
use crate::rows::operator::{OperatorRow, WebhookEvent, WebhookRow};
use crate::rows::outbox::Outgoing;
use crate::rows::receipt::{PeerReceiptRow, ReceiptRow};
use crate::rows::trust::{BlockRow, GrantRow, KnockRow, PeerRow, RuleRow, Taken};
use crate::rows::vouch::{HeldRow, IssuedRow, RightRow};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::Timestamp;
use comity_engine::domain::Domain;
use comity_record::Digest;

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A transaction: all aggregates at one point in time.
pub trait Tx:
    Agents
    + Operators
    + Webhooks
    + Messages
    + Order
    + Outbox
    + Inbox
    + Trust
    + Policy
    + Vouches
    + Log
    + Receipts
{
    /// The store's clock.
    fn now(&self) -> Timestamp;
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Only rows after this sequence number.
    pub after: u64,
    /// At most this many.
    pub limit: usize,
}

/// Agents of this node, the tokens of their door, and small values.
pub trait Agents {
    /// The agent of this name, removed ones included.
    fn agent(&self, name: &str) -> Result<Option<AgentRow>>;
    /// All agents, removed ones included, by name.
    fn agents(&self) -> Result<Vec<AgentRow>>;
    /// Inserts or replaces by name.
    fn put_agent(&mut self, row: &AgentRow) -> Result<()>;
    /// The token with this hash.
    fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenRow>>;
    /// Inserts or replaces by hash.
    fn put_token(&mut self, row: &TokenRow) -> Result<()>;
    /// A small named value of the node itself (log epoch, settings).
    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>>;
    /// Sets a small named value.
    fn set_meta(&mut self, name: &str, value: &[u8]) -> Result<()>;
}

/// Who answers for this node.
pub trait Operators {
    /// The operator of this name, removed ones included.
    fn operator(&self, name: &str) -> Result<Option<OperatorRow>>;
    /// All operators, removed ones included, by name.
    fn operators(&self) -> Result<Vec<OperatorRow>>;
    /// The operator whose token, or token before, has this hash; whether it still lets him in is
    /// for [`OperatorRow::lets_in`] to say.
    fn operator_of_token(&self, hash: &[u8; 32]) -> Result<Option<OperatorRow>>;
    /// Inserts or replaces by name.
    fn put_operator(&mut self, row: &OperatorRow) -> Result<()>;
}

/// Addresses that are told what happens, and what they have not taken yet.
pub trait Webhooks {
    /// The webhook of this id.
    fn webhook(&self, id: &str) -> Result<Option<WebhookRow>>;
    /// All webhooks, by id.
    fn webhooks(&self) -> Result<Vec<WebhookRow>>;
    /// Inserts or replaces by id.
    fn put_webhook(&mut self, row: &WebhookRow) -> Result<()>;
    /// Removes a webhook and its events.
    fn remove_webhook(&mut self, id: &str) -> Result<()>;
    /// Inserts or replaces by `seq`; sets it when it is 0. Returns the `seq`.
    fn put_webhook_event(&mut self, row: &WebhookEvent) -> Result<u64>;
    /// Removes an event: it was taken, or given up.
    fn remove_webhook_event(&mut self, seq: u64) -> Result<()>;
    /// Events that are to be posted at `now`, those due longest first.
    fn due_webhook_events(&self, now: Timestamp, limit: usize) -> Result<Vec<WebhookEvent>>;
    /// When the next event is to be posted; in the past if one is due.
    fn next_webhook_event(&self) -> Result<Option<Timestamp>>;
    /// Events that a webhook has not taken.
    fn count_webhook_events(&self, webhook: &str) -> Result<u64>;
}

/// Octets by hash: messages as they were sent or received, documents as they were seen.
pub trait Messages {
    /// The octets of a message: the JSON of a signed one, or the innermost plaintext.
    fn message(&self, digest: &Digest) -> Result<Option<Vec<u8>>>;
    /// Keeps a message. The same digest always has the same signing input; the first copy stays.
    fn put_message(&mut self, digest: &Digest, octets: &[u8]) -> Result<()>;
    /// Forgets the octets of a message; its digest stays wherever it is named.
    fn remove_message(&mut self, digest: &Digest) -> Result<()>;
    /// The octets of a DID document: of which DID, and when it was first seen (UTC seconds).
    fn document(&self, hash: &Digest) -> Result<Option<(Did, Vec<u8>, u64)>>;
    /// Every state of a DID's document that was kept, with when it was first seen, oldest first.
    fn documents_of(&self, did: &Did) -> Result<Vec<(Vec<u8>, u64)>>;
    /// Keeps a document; the first copy stays.
    fn put_document(&mut self, hash: &Digest, did: &Did, octets: &[u8], at: u64) -> Result<()>;
}

/// Direction of a stream, seen from this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// From a peer to an agent of ours.
    In,
    /// From an agent of ours to a peer.
    Out,
}

/// Sequence numbers of (from, to, thread) streams, in both directions, and deduplication.
pub trait Order {
    /// The last number given out (`Way::Out`) or accepted (`Way::In`) in the stream; `None` if it
    /// is unknown. The two ways are kept apart: both ends of a stream may live in one store.
    fn last_order(&self, way: Way, from: &Did, to: &Did, thid: &MessageId) -> Result<Option<u64>>;
    /// Sets the last number, if it still is `expected`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it changed meanwhile.
    fn claim_order(
        &mut self,
        way: Way,
        from: &Did,
        to: &Did,
        thid: &MessageId,
        expected: Option<u64>,
        order: u64,
    ) -> Result<()>;
    /// The digest seen under (recipient, sender, id).
    fn seen(&self, recipient: &Did, sender: &Did, id: &MessageId) -> Result<Option<Digest>>;
    /// Notes a digest as seen until `fresh_until` (UTC seconds).
    fn put_seen(
        &mut self,
        recipient: &Did,
        sender: &Did,
        id: &MessageId,
        digest: &Digest,
        fresh_until: u64,
    ) -> Result<()>;
    /// Forgets what could no longer be fresh at `now` (UTC seconds); at most `limit` rows.
    fn forget_seen(&mut self, now: u64, limit: usize) -> Result<usize>;
}

/// Messages of our agents.
pub trait Outbox {
    /// The message of this agent and id.
    fn outgoing(&self, agent: &Did, id: &MessageId) -> Result<Option<Outgoing>>;
    /// The message with this digest.
    fn outgoing_by_digest(&self, digest: &Digest) -> Result<Option<Outgoing>>;
    /// Inserts or replaces by (agent, id); sets `seq` when it is 0. Returns the `seq`.
    fn put_outgoing(&mut self, row: &Outgoing) -> Result<u64>;
    /// Queued messages that are due at `now` ([`Outgoing::due_from`]) and stand first in their
    /// (agent, to, thread) stream among queued ones, by `order` and then `seq` (a tombstone stands
    /// where its message stood). Contact messages always qualify and block nothing. By `seq`; of
    /// those that were paused only the `limit` due longest of each recipient are considered, so
    /// that the cost does not grow with the backlog. Recipients in `except` (peers that are down)
    /// are left out and cost nothing; so are the rows of the numbers (`seq`) in `under_way`, which
    /// still take their part of a recipient's paused ones.
    fn due_outgoing(
        &self,
        now: Timestamp,
        except: &[Did],
        under_way: &[u64],
        limit: usize,
    ) -> Result<Vec<Outgoing>>;
    /// Held messages, by `seq`.
    fn held_outgoing(&self, limit: usize) -> Result<Vec<Outgoing>>;
    /// The earliest time after now at which [`Outbox::due_outgoing`] has more without a new
    /// message: an end of a pause. Messages that wait for another of their stream do not count.
    fn next_outgoing(&self) -> Result<Option<Timestamp>>;
    /// Messages of the stream that have a number of at least `order` and have not ended, by order.
    fn stream(&self, agent: &Did, to: &Did, thid: &MessageId, order: u64) -> Result<Vec<Outgoing>>;
    /// Messages between an agent and a peer that have not ended, after `page.after`, by `seq`.
    fn unfinished(&self, agent: &Did, to: &Did, page: Page) -> Result<Vec<Outgoing>>;
    /// Messages that have not ended although their time ran out at `now` (UTC seconds)
    /// ([`Outgoing::lapses`]), by that time.
    fn expired_outgoing(&self, now: u64, limit: usize) -> Result<Vec<Outgoing>>;
    /// Messages in a thread, of any of our agents, by `seq`.
    fn thread_outgoing(&self, thid: &MessageId) -> Result<Vec<Outgoing>>;
    /// The oldest message of our agent to a peer in a thread that waits for an answer
    /// ([`Outgoing::awaits_answer`]).
    fn awaiting(&self, agent: &Did, to: &Did, thid: &MessageId) -> Result<Option<Outgoing>>;
    /// Messages whose id, or digest text, starts with `prefix`, at most two (to tell ambiguity).
    fn find_outgoing(&self, prefix: &str) -> Result<Vec<Outgoing>>;
    /// All messages after `page.after`, by `seq`.
    fn list_outgoing(&self, page: Page) -> Result<Vec<Outgoing>>;
    /// The number of the newest message, 0 if there is none.
    fn newest_outgoing(&self) -> Result<u64>;
    /// How many messages of each state there are, by the state's word.
    fn count_outgoing(&self) -> Result<Vec<(String, u64)>>;
    /// Messages of an agent that have not ended.
    fn count_unfinished(&self, agent: &Did) -> Result<u64>;
    /// Notes that a message of `agent` changed; returns the event's number.
    fn put_event(&mut self, agent: &Did, id: &MessageId) -> Result<u64>;
    /// Events of an agent after `page.after`: number and message id.
    fn events(&self, agent: &Did, page: Page) -> Result<Vec<(u64, MessageId)>>;
}

/// Deliveries to our agents.
pub trait Inbox {
    /// The delivery with this id.
    fn incoming(&self, delivery: &str) -> Result<Option<Incoming>>;
    /// The delivery of this message to this agent.
    fn incoming_by_digest(&self, recipient: &Did, digest: &Digest) -> Result<Option<Incoming>>;
    /// Inserts or replaces by delivery id; sets `seq` when it is 0. Returns the `seq`.
    fn put_incoming(&mut self, row: &Incoming) -> Result<u64>;
    /// Deliveries that may be leased to `recipient` at `now`: ready and due, or leased with the
    /// lease over ([`Incoming::due_from`]); not kept for an asker; the first ready or leased one
    /// of their (sender, recipient, thread) stream; under a grant that is active and not over. By
    /// `seq`; of those that were paused or leased before, only the `limit` due longest are
    /// considered, so that the cost does not grow with the backlog. Rows of the numbers (`seq`) in
    /// `except` are left out. Several processes never get the same row, if it is read and leased
    /// in one unit.
    fn leasable(
        &self,
        recipient: &Did,
        now: Timestamp,
        except: &[u64],
        limit: usize,
    ) -> Result<Vec<Incoming>>;
    /// The earliest time at which [`Inbox::leasable`] may have more for `recipient` without a
    /// new message: an end of a lease or of a pause.
    fn next_incoming(&self, recipient: &Did, now: Timestamp) -> Result<Option<Timestamp>>;
    /// Unsettled deliveries between an agent and a peer, after `page.after`, by `seq`.
    fn unsettled(&self, recipient: &Did, sender: &Did, page: Page) -> Result<Vec<Incoming>>;
    /// Unsettled deliveries that are not leased and whose message expired at `now` (UTC seconds),
    /// or, if they are parked, whose question's time is over ([`Incoming::lapses`]); by that time.
    fn expired_incoming(&self, now: u64, limit: usize) -> Result<Vec<Incoming>>;
    /// Deliveries in a thread, of any of our agents, by `seq`.
    fn thread_incoming(&self, thid: &MessageId) -> Result<Vec<Incoming>>;
    /// True if anything was ever accepted from `sender` for `recipient`.
    fn has_incoming(&self, recipient: &Did, sender: &Did) -> Result<bool>;
    /// Deliveries whose message id, delivery id or digest text starts with `prefix`, at most two.
    fn find_incoming(&self, prefix: &str) -> Result<Vec<Incoming>>;
    /// Parked deliveries, of all our agents, after `page.after`, by `seq`.
    fn parked(&self, page: Page) -> Result<Vec<Incoming>>;
    /// All deliveries after `page.after`, by `seq`.
    fn list_incoming(&self, page: Page) -> Result<Vec<Incoming>>;
    /// The number of the newest delivery, 0 if there is none.
    fn newest_incoming(&self) -> Result<u64>;
    /// Unsettled deliveries of an agent.
    fn count_unsettled(&self, recipient: &Did) -> Result<u64>;
    /// How many deliveries of each state there are, by the state's word.
    fn count_incoming(&self) -> Result<Vec<(String, u64)>>;
}

/// Grants, knocks and peers.
pub trait Trust {
    /// The grant with this id, as held for our agent `ours`. (Both sides may live in one store.)
    fn grant(&self, id: &Digest, ours: &Did) -> Result<Option<GrantRow>>;
    /// The grant between our agent and a peer that counts: the active one, else suspended, else
    /// offered, else the one that ended last.
    fn grant_between(&self, ours: &Did, peer: &Did) -> Result<Option<GrantRow>>;
    /// All grants between our agent and a peer, those that count first.
    fn grants_of_pair(&self, ours: &Did, peer: &Did) -> Result<Vec<GrantRow>>;
    /// Inserts or replaces by (id, ours).
    fn put_grant(&mut self, row: &GrantRow) -> Result<()>;
    /// Grants, newest first, those that ended among them. For people: what looks for a grant that
    /// counts asks for the live ones, which no number of others hides.
    fn grants(&self, limit: usize) -> Result<Vec<GrantRow>>;
    /// All grants that have not ended, newest first.
    fn live_grants(&self) -> Result<Vec<GrantRow>>;
    /// All grants with a peer that have not ended, newest first.
    fn live_grants_with(&self, peer: &Did) -> Result<Vec<GrantRow>>;
    /// Grants that have not ended and whose id starts with `prefix`, at most two (to tell
    /// ambiguity).
    fn find_live_grants(&self, prefix: &str) -> Result<Vec<GrantRow>>;
    /// All grants that wait for the answer to our knock, oldest first.
    fn offered_grants(&self) -> Result<Vec<GrantRow>>;
    /// Active or offered grants that are over at `now` (UTC seconds).
    fn expired_grants(&self, now: u64, limit: usize) -> Result<Vec<GrantRow>>;
    /// The knock with this digest.
    fn knock(&self, digest: &Digest) -> Result<Option<KnockRow>>;
    /// The pending knock of this pair.
    fn knock_between(&self, sender: &Did, recipient: &Did) -> Result<Option<KnockRow>>;
    /// Inserts or replaces by digest.
    fn put_knock(&mut self, row: &KnockRow) -> Result<()>;
    /// Knocks, newest first; only pending ones if `pending`.
    fn knocks(&self, pending: bool, limit: usize) -> Result<Vec<KnockRow>>;
    /// Pending knocks that are over at `now` (UTC seconds).
    fn expired_knocks(&self, now: u64, limit: usize) -> Result<Vec<KnockRow>>;
    /// What the pending knocks take of the room, oldest first.
    fn knock_room(&self) -> Result<Vec<(Digest, Did, Taken)>>;
    /// What we know of a party.
    fn peer(&self, did: &Did) -> Result<Option<PeerRow>>;
    /// Inserts or replaces by DID.
    fn put_peer(&mut self, row: &PeerRow) -> Result<()>;
    /// All parties we know, by DID.
    fn peers(&self, limit: usize) -> Result<Vec<PeerRow>>;
}

/// What an operator decided in advance: rules, and domains that are kept out.
pub trait Policy {
    /// All rules, oldest first; those that ended, too.
    fn rules(&self) -> Result<Vec<RuleRow>>;
    /// The rule of this name.
    fn rule(&self, name: &str) -> Result<Option<RuleRow>>;
    /// Inserts or replaces by name.
    fn put_rule(&mut self, row: &RuleRow) -> Result<()>;
    /// Domains that are kept out, by name.
    fn blocks(&self) -> Result<Vec<BlockRow>>;
    /// Keeps a domain out.
    fn put_block(&mut self, row: &BlockRow) -> Result<()>;
    /// Lets a domain's agents knock again. False if it was not blocked.
    fn remove_block(&mut self, domain: &Domain) -> Result<bool>;
    /// True if the party, or a domain that it belongs to, is blocked.
    fn is_blocked(&self, did: &Did) -> Result<bool>;
}

/// Vouches that our agents made and hold, and what is known of all.
pub trait Vouches {
    /// The vouch of ours with this digest.
    fn issued(&self, digest: &Digest) -> Result<Option<IssuedRow>>;
    /// Inserts or replaces by digest.
    fn put_issued(&mut self, row: &IssuedRow) -> Result<()>;
    /// All vouches of an agent of ours, or of all, oldest first.
    fn all_issued(&self, issuer: Option<&Did>) -> Result<Vec<IssuedRow>>;
    /// The places that are taken in a status list of an agent of ours, by place, each with whether
    /// its vouch was revoked. Nothing if there is no such list, which costs nothing to learn.
    fn places_of_list(&self, issuer: &Did, list: u32) -> Result<Vec<(u32, bool)>>;
    /// The number of the last status list of an agent of ours, if it has one.
    fn last_list(&self, issuer: &Did) -> Result<Option<u32>>;
    /// Inserts or replaces by digest.
    fn put_held(&mut self, row: &HeldRow) -> Result<()>;
    /// Chains for an agent of ours, or for all, oldest first.
    fn held(&self, subject: Option<&Did>) -> Result<Vec<HeldRow>>;
    /// Forgets a chain.
    fn remove_held(&mut self, digest: &Digest) -> Result<()>;
    /// What an agent of ours may vouch for.
    fn vouch_right(&self, agent: &Did) -> Result<Option<RightRow>>;
    /// All rights, by agent.
    fn vouch_rights(&self) -> Result<Vec<RightRow>>;
    /// Inserts or replaces by agent.
    fn put_vouch_right(&mut self, row: &RightRow) -> Result<()>;
    /// Takes a right away.
    fn remove_vouch_right(&mut self, agent: &Did) -> Result<()>;
    /// True if a vouch of anybody's was ever seen revoked.
    fn is_vouch_revoked(&self, digest: &Digest) -> Result<bool>;
    /// Notes that a vouch was seen revoked: there is no way back.
    fn put_vouch_revoked(&mut self, digest: &Digest) -> Result<()>;
    /// Messages that were accepted on the strength of a vouch, in whatever chain it stood.
    fn vouch_used(&self, digest: &Digest) -> Result<u64>;
    /// Counts one more.
    fn count_vouch_use(&mut self, digest: &Digest) -> Result<()>;
    /// Grants that stand on vouches, whatever became of them, oldest first.
    fn vouched_grants(&self) -> Result<Vec<GrantRow>>;
}

/// The record.
pub trait Log {
    /// Records an entry with its effect; it has no index yet. Ignores `seq`, `index`, `origin`.
    /// Returns the `seq`.
    fn append_entry(&mut self, row: &EntryRow) -> Result<u64>;
    /// Entries without an index, in order of recording.
    fn unintegrated(&self, limit: usize) -> Result<Vec<EntryRow>>;
    /// The head of our log; `None` before its first entry.
    fn log_head(&self) -> Result<Option<LogHead>>;
    /// Integrates: gives the entries their indexes (from `expected`'s size, in the order given),
    /// keeps the new nodes and the new head, if origin and size of the head still are those of
    /// `expected` (`None`: no head, or the start of a new origin).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another process was first; nothing is changed then.
    fn integrate(
        &mut self,
        expected: Option<(&str, u64)>,
        entries: &[u64],
        nodes: &[NodeRow],
        head: &LogHead,
    ) -> Result<()>;
    /// A complete node of the tree of `origin`.
    fn node(&self, origin: &str, level: u8, index: u64) -> Result<Option<[u8; 32]>>;
    /// The entry recorded as `seq`.
    fn entry(&self, seq: u64) -> Result<Option<EntryRow>>;
    /// The entry at an index of a log.
    fn entry_at(&self, origin: &str, index: u64) -> Result<Option<EntryRow>>;
    /// Entries about a message or grant, in order of recording.
    fn entries_about(&self, subject: &Digest) -> Result<Vec<EntryRow>>;
    /// Entries after `page.after`, by `seq`.
    fn entries(&self, page: Page) -> Result<Vec<EntryRow>>;
    /// The newest entries of kinds `decision` and `act`, newest first.
    fn decisions(&self, limit: usize) -> Result<Vec<EntryRow>>;
    /// The checkpoint we hold of a log of others.
    fn peer_log(&self, origin: &str) -> Result<Option<PeerLogRow>>;
    /// Inserts or replaces by origin.
    fn put_peer_log(&mut self, row: &PeerLogRow) -> Result<()>;
    /// All logs of others that we hold a checkpoint of.
    fn peer_logs(&self) -> Result<Vec<PeerLogRow>>;
}

/// Receipts that we owe and that we got.
pub trait Receipts {
    /// Inserts or replaces by (message, recipient, state).
    fn put_receipt(&mut self, row: &ReceiptRow) -> Result<()>;
    /// Unsigned receipts, but for those marked delivered (put away), whose entry's `seq` is at most `up_to`, in order of their entries.
    fn unsigned_receipts(&self, up_to: u64, limit: usize) -> Result<Vec<ReceiptRow>>;
    /// Signed receipts that the sender's node has not taken and that are due at `now`, by next
    /// attempt. Senders in `except` (peers that are down) are left out and cost nothing.
    fn due_receipts(&self, now: Timestamp, except: &[Did], limit: usize)
    -> Result<Vec<ReceiptRow>>;
    /// The earliest time after now at which [`Receipts::due_receipts`] has more without a new
    /// receipt.
    fn next_receipt(&self) -> Result<Option<Timestamp>>;
    /// All receipts that we owe or gave about a message.
    fn receipts_of(&self, message: &Digest) -> Result<Vec<ReceiptRow>>;
    /// Keeps a peer's receipt by (message, state); the first copy stays.
    fn put_peer_receipt(&mut self, row: &PeerReceiptRow) -> Result<()>;
    /// Receipts that we got about a message of ours, by state.
    fn peer_receipts(&self, message: &Digest) -> Result<Vec<PeerReceiptRow>>;
}
