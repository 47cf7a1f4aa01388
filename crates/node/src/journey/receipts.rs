//! Receipts: owing them, handing them over, and taking those of peers (design §6, formats §6).

use super::Core;
use super::deliver::Handed;
use super::note::note;
use super::prove::ProvedReceipt;
use super::submit::end_noted;
use super::trouble::CoreError;
use crate::fail;
use comity_did::Did;
use comity_engine::defaults::EXPIRY_MAX;
use comity_engine::state::ReceiptState;
use comity_engine::{Code, OutState, Proved};
use comity_record::entry::{EndedState, ReceiptIn};
use comity_record::receipt::{By, VerifiedReceipt};
use comity_record::{Digest, Event, Receipt, Vkey};
use comity_store::{Incoming, OutKind, Outgoing, PeerLogRow, PeerReceiptRow, ReceiptRow, Tx};
use serde_json::{Value, json};
use std::collections::BTreeMap;
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
    /// Hands over what is owed, until the node stops.
    pub(crate) async fn give_receipts_forever(self: Arc<Self>) {
        let mut listener = self.signals.integrated.listen();
        loop {
            match self.give_receipts().await {
                Ok(0) => {
                    let pause = self.lanes.next_probe(self.clock.now());
                    let pause = pause.unwrap_or(Duration::from_secs(1));
                    let (least, most) = (Duration::from_millis(5), Duration::from_secs(1));
                    listener.wait(pause.clamp(least, most)).await;
                }
                Ok(_) => {}
                Err(CoreError::Store(comity_store::StoreError::Closed)) => return,
                Err(error) => {
                    tracing::error!(%error, "receipts could not be handed over");
                    listener.wait(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// One round: one envelope for each (recipient, sender) pair. Returns how many were taken.
    async fn give_receipts(self: &Arc<Self>) -> Result<usize, CoreError> {
        let down = self.lanes.down(self.clock.now());
        let due = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.due_receipts(tx.now(), &down, DUE)?))
            .await?;
        let mut pairs: BTreeMap<(Did, Did), (Vec<ReceiptRow>, usize)> = BTreeMap::new();
        for row in due {
            let pair = (row.sender.clone(), row.recipient.clone());
            let (rows, octets) = pairs.entry(pair).or_default();
            let more = row.receipt.as_ref().map_or(0, Vec::len);
            if rows.is_empty() || (rows.len() < AT_ONCE && *octets + more <= OCTETS) {
                *octets += more;
                rows.push(row);
            }
        }
        let mut given = tokio::task::JoinSet::new();
        for ((sender, _), (rows, _)) in pairs {
            let core = Arc::clone(self);
            given.spawn(async move { core.give(&sender, rows).await });
        }
        // Every hand-over is seen to its end, whatever became of another.
        let (mut taken, mut failed) = (0, None);
        while let Some(result) = given.join_next().await {
            match result.map_err(|_| CoreError::Defect("a receipt task failed")) {
                Ok(Ok(count)) => taken += count,
                Ok(Err(error)) | Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(taken), Err)
    }

    async fn give(&self, sender: &Did, rows: Vec<ReceiptRow>) -> Result<usize, CoreError> {
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
                return self.put_off_receipts(rows).await.map(|()| 0);
            }
            Handed::Down => return Ok(0),
        }
        let count = rows.len();
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
            .await?;
        Ok(count)
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
        let agents = self
            .store
            .write(move |tx| {
                let mut agents = Vec::new();
                for ProvedReceipt {
                    receipt,
                    verified,
                    log,
                } in &proved
                {
                    pin(tx, verified, log.as_ref())?;
                    agents.extend(apply(tx, &*entropy, receipt, verified)?);
                }
                Ok::<_, CoreError>(agents)
            })
            .await?;
        fail::point("receipts.after-commit");
        if !agents.is_empty() {
            self.signals.recorded.raise();
        }
        for agent in agents {
            self.signals.events(&agent).raise();
        }
        Ok(true)
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

/// Moves the message that a proved receipt is about. Returns its agent if anything changed.
fn apply(
    tx: &mut dyn Tx,
    entropy: &dyn comity_jose::Entropy,
    receipt: &Receipt,
    verified: &VerifiedReceipt,
) -> Result<Option<Did>, CoreError> {
    let statement = &verified.statement;
    let Some(mut row) = tx.outgoing_by_digest(&statement.message)? else {
        return Ok(None);
    };
    let known = tx.peer_receipts(&statement.message)?;
    if known.iter().any(|known| known.state == statement.state) {
        return Ok(None);
    }
    let code = statement
        .code
        .clone()
        .and_then(|code| Code::try_from(code).ok());
    let state = OutState::from(statement.state);
    let moved = row.advance(state, statement.at, "peer", Proved::Receipt);
    if moved {
        row.code = code;
        row.by = state.is_end().then(|| statement.by.as_str().to_owned());
        row.reason = None;
        tx.put_outgoing(&row)?;
        tx.put_event(&row.agent, &row.id)?;
        if let OutKind::Void(replaced) = &row.kind
            && statement.state == ReceiptState::Done
        {
            void_taken(tx, entropy, *replaced)?;
        }
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
    Ok(Some(row.agent))
}

/// The peer let a tombstone take the place: the message that stood there is cancelled now.
fn void_taken(
    tx: &mut dyn Tx,
    entropy: &dyn comity_jose::Entropy,
    replaced: Digest,
) -> Result<(), CoreError> {
    let Some(mut row) = tx.outgoing_by_digest(&replaced)? else {
        return Ok(());
    };
    let now = tx.now();
    if super::submit::ending(&mut row, OutState::Cancelled, None, "agent", now) {
        tx.put_outgoing(&row)?;
        tx.put_event(&row.agent, &row.id)?;
        end_noted(
            tx,
            entropy,
            replaced,
            EndedState::Cancelled,
            "withdrawn by its sender",
        )?;
    }
    Ok(())
}

/// A foreign peer signs no receipts: its proved reply in the thread says that it has the message.
pub(crate) fn acknowledged(tx: &mut dyn Tx, row: &mut Outgoing) -> Result<(), CoreError> {
    let at = tx.now().seconds();
    if row.advance(OutState::Received, at, "peer", Proved::None) {
        tx.put_outgoing(row)?;
        tx.put_event(&row.agent, &row.id)?;
    }
    Ok(())
}
