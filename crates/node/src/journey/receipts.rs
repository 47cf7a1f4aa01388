//! Receipts: owing them, handing them over, and taking those of peers (design §6, formats §6).

use super::Core;
use super::deliver::Handed;
use super::foreign::is_their_words;
use super::hands::Hands;
use super::note::note;
use super::prove::ProvedReceipt;
use super::trouble::CoreError;
use super::withdraw::end_withdrawn;
use crate::fail;
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::defaults::EXPIRY_MAX;
use comity_engine::state::ReceiptState;
use comity_engine::{Code, OutState, Proved};
use comity_record::entry::ReceiptIn;
use comity_record::receipt::{By, VerifiedReceipt};
use comity_record::{Digest, Event, Receipt, Vkey};
use comity_store::{History, Incoming, OutKind, PeerLogRow, PeerReceiptRow, ReceiptRow, Tx};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Message type that carries receipts.
pub(crate) const RECEIPTS: &str = "https://w3id.org/comity/receipt/1.0/receipts";
/// Message type of a tombstone.
pub(crate) const VOID: &str = "https://w3id.org/comity/receipt/1.0/void";
/// Receipts in one envelope: as many as a peer takes, since the next envelope to it only leaves when
/// this one was taken.
const AT_ONCE: usize = 256;
/// And so many octets of them: half of what a plaintext may have.
const OCTETS: usize = 512 * 1024;
/// Receipts looked at in one round, of all peers.
const DUE: usize = 512;

/// Notes that a receipt about an accepted message is owed, in the transaction of its cause.
///
/// Peers whose grant did not come by `contact/1.0` are other DIDComm software and get none.
pub(crate) fn owe(
    tx: &mut dyn Tx,
    row: &Incoming,
    state: ReceiptState,
    code: Option<Code>,
    by: By,
) -> Result<(), CoreError> {
    let first = tx.receipts_of(&row.digest)?;
    let Some(first) = first.iter().find(|first| first.recipient == row.recipient) else {
        return Ok(());
    };
    let receipt = ReceiptRow {
        state,
        code,
        at: tx.now().seconds(),
        by: by.as_str().to_owned(),
        receipt: None,
        delivered: false,
        next_attempt: tx.now(),
        attempts: 0,
        ..first.clone()
    };
    Ok(tx.put_receipt(&receipt)?)
}

impl Core {
    /// Hands over what is owed, until the node stops: each peer at its own pace.
    pub(crate) async fn give_receipts_forever(self: Arc<Self>) {
        let mut listener = self.signals.integrated.listen();
        let mut hands: Hands<Did> = Hands::new();
        loop {
            hands.tidy();
            match self.owed(hands.keys()).await {
                Ok(owed) => {
                    for (sender, envelopes) in owed {
                        let (core, to) = (Arc::clone(&self), sender.clone());
                        hands.start(sender, async move { core.give_all(&to, envelopes).await });
                    }
                }
                Err(CoreError::Store(comity_store::StoreError::Closed)) => return,
                Err(error) => {
                    tracing::error!(%error, "what is owed cannot be read");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            let pause = self.lanes.next_probe(self.clock.now());
            let pause = pause.unwrap_or(Duration::from_secs(1));
            let (least, most) = (Duration::from_millis(5), Duration::from_secs(1));
            tokio::select! {
                () = hands.ended() => {}
                () = listener.wait(pause.clamp(least, most)) => {}
            }
        }
    }

    /// What is due, as one envelope for each (recipient, sender) pair; peers that are down or have
    /// a hand-over under way left out.
    async fn owed(&self, under_way: &HashSet<Did>) -> Result<Owed, CoreError> {
        let mut except = self.lanes.down(self.clock.now());
        except.extend(under_way.iter().cloned());
        let due = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.due_receipts(tx.now(), &except, DUE)?))
            .await?;
        let mut owed: BTreeMap<Did, BTreeMap<Did, Envelope>> = BTreeMap::new();
        for row in due {
            let of_sender = owed.entry(row.sender.clone()).or_default();
            let envelope = of_sender.entry(row.recipient.clone()).or_default();
            envelope.take(row);
        }
        let owed = owed.into_iter().map(|(sender, pairs)| {
            let rows = pairs.into_values().map(|envelope| envelope.rows);
            (sender, rows.collect())
        });
        Ok(owed.collect())
    }

    async fn give_all(&self, sender: &Did, envelopes: Vec<Vec<ReceiptRow>>) {
        for rows in envelopes {
            if let Err(error) = self.give(sender, rows).await {
                tracing::error!(%error, peer = %sender, "receipts could not be handed over");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    async fn give(&self, sender: &Did, rows: Vec<ReceiptRow>) -> Result<(), CoreError> {
        let mut receipts = Vec::with_capacity(rows.len());
        for row in &rows {
            let octets = row.receipt.as_deref().unwrap_or_default();
            receipts.push(serde_json::from_slice::<Value>(octets).unwrap_or(Value::Null));
        }
        let plaintext = json!({
            "id": uuid::Uuid::new_v4().to_string(),
            "typ": "application/didcomm-plain+json",
            "type": RECEIPTS,
            "to": [sender],
            "created_time": self.clock.now().seconds(),
            "body": {"receipts": receipts},
        });
        fail::point("receipts.before-send");
        let (ours, peer) = (
            rows.first().map(|row| row.recipient.clone()),
            sender.clone(),
        );
        let pin = self
            .store
            .read(move |tx| {
                let Some(ours) = ours else {
                    return Ok::<_, CoreError>(None);
                };
                Ok(tx.grant_between(&ours, &peer)?.and_then(|grant| grant.pin))
            })
            .await?;
        let handed = self
            .hand_over(sender, plaintext.to_string().as_bytes(), pin.as_ref())
            .await;
        fail::point("receipts.after-send");
        match handed {
            Handed::Taken => {}
            Handed::Refused { .. } | Handed::Gap | Handed::OtherKeys => {
                return self.put_off_receipts(rows).await;
            }
            Handed::Down { .. } => return Ok(()),
        }
        self.store
            .write(move |tx| {
                for row in &rows {
                    tx.put_receipt(&ReceiptRow {
                        delivered: true,
                        ..row.clone()
                    })?;
                }
                Ok::<_, CoreError>(())
            })
            .await
    }

    /// The sender's node answers but does not want them: later, and not for ever.
    async fn put_off_receipts(&self, rows: Vec<ReceiptRow>) -> Result<(), CoreError> {
        let random = self.random();
        self.store
            .write(move |tx| {
                for row in &rows {
                    let attempts = row.attempts + 1;
                    let pause = comity_engine::retry::pause(attempts, random);
                    tx.put_receipt(&ReceiptRow {
                        attempts,
                        next_attempt: tx.now() + pause,
                        // Given up only when the message could no longer matter to its sender.
                        delivered: tx.now().seconds() >= row.at + EXPIRY_MAX.as_secs(),
                        ..row.clone()
                    })?;
                }
                Ok::<_, CoreError>(())
            })
            .await
    }

    /// Takes the receipts that a peer's node sent. The carrier proves nothing; each proves itself.
    /// False if none of them did.
    pub(crate) async fn take_receipts(&self, mut body: Value) -> Result<bool, CoreError> {
        const MOST: usize = 256;
        let list = body
            .get_mut("receipts")
            .and_then(Value::as_array_mut)
            .map(std::mem::take);
        let list: Vec<Value> = list.into_iter().flatten().take(MOST).collect();
        let came = list.len();
        let read: Vec<Receipt> = list
            .into_iter()
            .filter_map(|value| Receipt::from_value(value).ok())
            .collect();
        let (malformed, read_count) = (came - read.len(), read.len());
        let proved = self.prove_receipts(read).await?;
        for _ in 0..malformed {
            self.counters.count("receipt-malformed");
        }
        for _ in proved.len()..read_count {
            self.counters.count("receipt-unproved");
        }
        if proved.is_empty() {
            return Ok(false);
        }
        let entropy = Arc::clone(&self.entropy);
        fail::point("receipts.before-commit");
        let moved = self
            .store
            .write(move |tx| {
                let mut moved = Vec::new();
                for ProvedReceipt {
                    receipt,
                    verified,
                    log,
                } in &proved
                {
                    pin(tx, verified, log.as_ref())?;
                    moved.extend(apply(tx, &*entropy, receipt, verified)?);
                }
                Ok::<_, CoreError>(moved)
            })
            .await?;
        fail::point("receipts.after-commit");
        if !moved.is_empty() {
            self.signals.recorded.raise();
        }
        for (agent, message) in moved {
            self.signals.changed(&agent, &message);
        }
        Ok(true)
    }
}

/// What is due to each sender: the receipts of each envelope.
type Owed = Vec<(Did, Vec<Vec<ReceiptRow>>)>;

#[derive(Default)]
struct Envelope {
    rows: Vec<ReceiptRow>,
    octets: usize,
}

impl Envelope {
    /// Takes a receipt if there is room; it is due again otherwise.
    fn take(&mut self, row: ReceiptRow) {
        let more = row.receipt.as_ref().map_or(0, Vec::len);
        if self.rows.is_empty() || (self.rows.len() < AT_ONCE && self.octets + more <= OCTETS) {
            self.octets += more;
            self.rows.push(row);
        }
    }
}

/// Compares the checkpoint in a receipt with what we hold of that log, and keeps the newer
/// (design §6). A failure suspends trust in the log and tells the operator; the receipt itself
/// still counts.
///
/// A log is known by its key: its origin is a name, which every document may give to a key of its
/// own. What no such key signed is held against its peer and against no log.
fn pin(tx: &mut dyn Tx, verified: &VerifiedReceipt, log: Option<&Vkey>) -> Result<(), CoreError> {
    let head = verified.checkpoint.checkpoint_unverified();
    let recipient = &verified.statement.recipient;
    let origin = log.map_or_else(|| recipient.to_string(), ToString::to_string);
    let known = tx.peer_log(&origin)?;
    let forked = known
        .as_ref()
        .is_some_and(|k| k.size == head.size && k.root != head.root);
    let alarm = match (log, forked) {
        (None, _) => Some("a checkpoint that the key in its agent's document did not sign"),
        (Some(_), true) => Some("two roots for one size: the log shows different histories"),
        (Some(_), false) => None,
    };
    let newer = known.as_ref().is_none_or(|known| known.size < head.size);
    let already = known.as_ref().is_some_and(|known| known.alarm.is_some());
    if already || (alarm.is_none() && !newer) {
        return Ok(());
    }
    if alarm.is_some() {
        tracing::warn!(%origin, "a peer's log contradicts itself; see comity status");
    }
    tx.put_peer_log(&PeerLogRow {
        origin,
        // Several agents share a node's log: the first we met stays its name for people.
        peer: known.map_or_else(|| recipient.clone(), |known| known.peer),
        size: head.size,
        root: head.root,
        note: verified.checkpoint.as_str().to_owned(),
        alarm: alarm.map(str::to_owned),
    })?;
    Ok(())
}

/// Moves the message that a proved receipt is about. Returns what changed.
fn apply(
    tx: &mut dyn Tx,
    entropy: &dyn comity_jose::Entropy,
    receipt: &Receipt,
    verified: &VerifiedReceipt,
) -> Result<Vec<(Did, MessageId)>, CoreError> {
    let statement = &verified.statement;
    let Some(mut row) = tx.outgoing_by_digest(&statement.message)? else {
        return Ok(Vec::new());
    };
    let known = tx.peer_receipts(&statement.message)?;
    if known.iter().any(|known| known.state == statement.state) {
        return Ok(Vec::new());
    }
    let mut changed = vec![(row.agent.clone(), row.id.clone())];
    let code = statement
        .code
        .clone()
        .and_then(|code| Code::try_from(code).ok());
    let state = OutState::from(statement.state);
    let moved = row.advance(state, statement.at, "peer", Proved::Receipt);
    if moved {
        row.code = code;
        row.by = state.is_end().then(|| statement.by.as_str().to_owned());
        // Why it waited is over; why it was rejected is not.
        row.reason = row.reason.filter(|reason| is_their_words(reason));
        tx.put_outgoing(&row)?;
        tx.put_event(&row.agent, &row.id)?;
        if let OutKind::Void(replaced) = &row.kind {
            changed.extend(match statement.state {
                ReceiptState::Done => void_taken(tx, entropy, *replaced)?,
                ReceiptState::Rejected => void_too_late(tx, *replaced)?,
                _ => None,
            });
        }
    }
    if !moved && row.state.is_end() && row.state != state {
        // Recorded and shown, not applied (formats §11).
        row.history.push(History {
            state,
            at: statement.at,
            by: "peer".to_owned(),
            proof: Proved::Receipt,
        });
        tx.put_outgoing(&row)?;
        tx.put_event(&row.agent, &row.id)?;
    }
    let state = statement.state;
    tx.put_peer_receipt(&PeerReceiptRow {
        message: statement.message,
        state,
        receipt: receipt.to_octets(),
    })?;
    let entry = ReceiptIn {
        message: statement.message,
        state,
        receipt: receipt.hash(),
    };
    note(
        tx,
        entropy,
        Event::ReceiptIn(entry),
        Some(statement.message),
    )?;
    Ok(changed)
}

/// The peer let a tombstone take the place: what stood there never reached an agent.
fn void_taken(
    tx: &mut dyn Tx,
    entropy: &dyn comity_jose::Entropy,
    replaced: Digest,
) -> Result<Option<(Did, MessageId)>, CoreError> {
    let Some(row) = tx.outgoing_by_digest(&replaced)? else {
        return Ok(None);
    };
    let name = (row.agent.clone(), row.id.clone());
    let (state, by) = match row.withdrawn {
        Some(OutState::Expired) => (OutState::Expired, "node"),
        _ => (OutState::Cancelled, "agent"),
    };
    end_withdrawn(tx, entropy, row, state, by)?;
    Ok(Some(name))
}

/// The peer has the message that a tombstone was to replace: its own receipts tell the rest.
fn void_too_late(tx: &mut dyn Tx, replaced: Digest) -> Result<Option<(Did, MessageId)>, CoreError> {
    let Some(mut row) = tx.outgoing_by_digest(&replaced)? else {
        return Ok(None);
    };
    if row.withdrawn == Some(OutState::Cancelled) && !row.state.is_end() {
        row.withdrawn = None;
        row.reason = None;
        // Its receipt may have been lost; that of the tombstone says the same.
        let at = tx.now().seconds();
        row.advance(OutState::Sent, at, "peer", Proved::None);
        tx.put_outgoing(&row)?;
        tx.put_event(&row.agent, &row.id)?;
    }
    Ok(Some((row.agent, row.id)))
}
