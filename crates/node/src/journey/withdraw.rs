//! Ending messages of ours before their recipient did: cancelled, or expired.
//!
//! What had a number leaves a signed tombstone in its place (formats §6), so that the stream goes
//! on behind it. What was handed over already becomes `cancelled` only if the recipient's node lets
//! the tombstone take the place.

use super::Core;
use super::admit::{end_noted, ending};
use super::draft::Draft;
use super::receipts::VOID;
use super::trouble::CoreError;
use comity_didcomm::{MessageId, MessageType};
use comity_engine::defaults::{self, WITHDRAWAL_GRACE};
use comity_engine::{Code, OutState, Proved};
use comity_record::Event;
use comity_record::entry::{EndedState, MessageFacts, MessageOut};
use comity_store::{History, OutKind, Outgoing, Page, Tx};
use serde_json::json;
use std::sync::Arc;

impl Core {
    /// Withdraws a message; `state` is `cancelled` or `expired`. Nothing happens to what ended.
    ///
    /// What may be at its recipient already ends so only when that says that no agent will have it,
    /// or, expired, when it says nothing for [`WITHDRAWAL_GRACE`].
    pub(crate) async fn withdraw(
        &self,
        row: &Outgoing,
        state: OutState,
        by: &'static str,
    ) -> Result<(), CoreError> {
        if row.state.is_end() {
            return Ok(());
        }
        let tombstone = match (&row.kind, row.order) {
            (OutKind::Message, Some(order)) => self.tombstone(row, order, state).await?,
            _ => None,
        };
        let entropy = Arc::clone(&self.entropy);
        let (agent, id) = (row.agent.clone(), row.id.clone());
        let (waking, woken) = (agent.clone(), id.clone());
        let held_back = self.handovers.hold_back(row);
        let may_have_left = held_back.is_none();
        let ended = self
            .store
            .write(move |tx| {
                let Some(mut row) = tx.outgoing(&agent, &id)? else {
                    return Ok(true);
                };
                if row.state.is_end() {
                    return Ok(true);
                }
                let mut ended = false;
                // Only between Comity nodes is there an order to keep, and somebody who says what
                // became of a message; without a live grant nothing follows for now, and the place
                // is filled when something does.
                let live = tx.grant_between(&agent, &row.to)?.is_some_and(|grant| {
                    grant.state == comity_engine::GrantState::Active && grant.knock.is_some()
                });
                let left = match row.state {
                    OutState::Held => false,
                    OutState::Queued => may_have_left,
                    _ => true,
                };
                let in_time = tx.now().seconds() < row.expires + WITHDRAWAL_GRACE.as_secs();
                let asks = tombstone.is_some() && live && left && in_time;
                let answered = match &tombstone {
                    Some(tombstone) => tx.outgoing(&agent, &tombstone.row.id)?,
                    None => None,
                };
                let too_late = answered.is_some_and(|tombstone| tombstone.state.is_end());
                match row.withdrawn {
                    // Its recipient has it and said so, or is nobody who could let it go.
                    None if state == OutState::Cancelled && left && (too_late || !asks) => {
                        row.reason = Some(HANDED_OVER.to_owned());
                        tx.put_outgoing(&row)?;
                        tx.put_event(&agent, &id)?;
                    }
                    // Its recipient was asked already, and has not said anything in time.
                    Some(_) if state == OutState::Expired => {
                        end_withdrawn(tx, &*entropy, row, state, by)?;
                        ended = true;
                    }
                    Some(_) => {}
                    None if asks => {
                        row.withdrawn = Some(state);
                        row.reason = Some(MAY_HAVE_LEFT.to_owned());
                        tx.put_outgoing(&row)?;
                        tx.put_event(&agent, &id)?;
                    }
                    None => {
                        end_withdrawn(tx, &*entropy, row, state, by)?;
                        ended = true;
                    }
                }
                if let Some(tombstone) = &tombstone
                    && live
                    && tx.outgoing(&agent, &tombstone.row.id)?.is_none()
                {
                    tombstone.keep(tx, &*entropy)?;
                }
                Ok::<_, CoreError>(ended)
            })
            .await?;
        drop(held_back);
        if ended {
            self.handovers.settled(row.digest);
        }
        self.signals.recorded.raise();
        self.signals.outbox.raise();
        self.signals.changed(&waking, &woken);
        Ok(())
    }

    /// Puts a tombstone where a message, or its tombstone, ended without ever being taken: what
    /// stands behind it in the stream could not pass otherwise.
    pub(crate) async fn fill_place(&self, ended: &Outgoing) -> Result<(), CoreError> {
        let Some(order) = ended.order else {
            return Ok(());
        };
        let Some(tombstone) = self.tombstone(ended, order, ended.state).await? else {
            return Ok(());
        };
        let entropy = Arc::clone(&self.entropy);
        self.store
            .write(move |tx| {
                if tx
                    .outgoing(&tombstone.row.agent, &tombstone.row.id)?
                    .is_none()
                {
                    tombstone.keep(tx, &*entropy)?;
                }
                Ok::<_, CoreError>(())
            })
            .await?;
        self.signals.recorded.raise();
        self.signals.outbox.raise();
        Ok(())
    }

    /// After a restore peers may have seen more of our threads than we know of: what was under way
    /// ends as `failed` rather than go on from a wrong place (formats §11).
    pub(crate) async fn end_what_was_under_way(&self) -> Result<(), CoreError> {
        const AT_ONCE: usize = 1_000;
        let mut after = 0;
        loop {
            let page = Page {
                after,
                limit: AT_ONCE,
            };
            let rows = self
                .store
                .read(move |tx| Ok::<_, CoreError>(tx.list_outgoing(page)?))
                .await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.seq;
            let entropy = Arc::clone(&self.entropy);
            self.store
                .write(move |tx| {
                    for row in rows.iter().filter(|row| !row.state.is_end()) {
                        let (mut row, now) = (row.clone(), tx.now());
                        ending(&mut row, OutState::Failed, None, "node", now);
                        row.reason = Some("restored".to_owned());
                        tx.put_outgoing(&row)?;
                        tx.put_event(&row.agent, &row.id)?;
                        end_noted(tx, &*entropy, row.digest, EndedState::Failed, "restored")?;
                    }
                    Ok::<_, CoreError>(())
                })
                .await?;
        }
    }

    async fn tombstone(
        &self,
        row: &Outgoing,
        order: u64,
        state: OutState,
    ) -> Result<Option<Tombstone>, CoreError> {
        let Some(agent) = self.agent_of(&row.agent) else {
            return Ok(None);
        };
        let Ok(type_) = VOID.parse::<MessageType>() else {
            return Err(CoreError::Defect("a type of ours that does not parse"));
        };
        // One tombstone for each message, whoever asks how often.
        let name = comity_record::labelled("comity/void", row.digest.octets()).to_string();
        let id = format!("void-{}", &name[3..43]).parse::<MessageId>();
        let Ok(id) = id.map(|id| id.to_lower_case()) else {
            return Err(CoreError::Defect("an id of ours that does not parse"));
        };
        let created = self.clock.now();
        let reason = if state == OutState::Expired {
            "expired"
        } else {
            "cancelled"
        };
        let draft = Draft {
            id: id.clone(),
            to: row.to.clone(),
            type_: type_.clone(),
            thid: row.thid.clone(),
            pthid: None,
            ack: Vec::new(),
            created: created.seconds(),
            // As long as somebody waits for what it says.
            expires: row
                .lapses()
                .max((created + defaults::EXPIRY).seconds())
                .min((created + defaults::EXPIRY_MAX).seconds()),
            causes: Vec::new(),
            body: json!({"message": row.digest, "reason": reason}),
        };
        let signed = self.sign(&agent, &draft, Some(order)).await?;
        let row = Outgoing {
            id,
            digest: signed.digest,
            type_,
            kind: OutKind::Void(row.digest),
            seq: 0,
            state: OutState::Queued,
            waiting_on: None,
            code: None,
            reason: None,
            by: None,
            created,
            expires: draft.expires,
            next_attempt: created,
            attempts: 0,
            purpose: None,
            submitted: [0; 32],
            ask: false,
            answer: None,
            withdrawn: None,
            history: vec![History {
                state: OutState::Queued,
                at: created.seconds(),
                by: "node".to_owned(),
                proof: Proved::None,
            }],
            ..row.clone()
        };
        Ok(Some(Tombstone {
            row,
            octets: signed.octets,
            bytes: signed.bytes,
        }))
    }
}

/// What a sender reads meanwhile.
const MAY_HAVE_LEFT: &str = "it may have been handed over; the recipient's node has not said yet";

/// What a sender reads who asked too late.
const HANDED_OVER: &str = "it may have been handed over, and cannot be taken back";

/// Ends a message as withdrawn, or expired.
pub(crate) fn end_withdrawn(
    tx: &mut dyn Tx,
    entropy: &dyn comity_jose::Entropy,
    mut row: Outgoing,
    state: OutState,
    by: &str,
) -> Result<(), CoreError> {
    let (code, ended, why) = match state {
        OutState::Expired => (Some(Code::EXPIRED), EndedState::Expired, "its time ran out"),
        _ => (None, EndedState::Cancelled, "withdrawn by its sender"),
    };
    let now = tx.now();
    if ending(&mut row, state, code, by, now) {
        row.reason = None;
        tx.put_outgoing(&row)?;
        tx.put_event(&row.agent, &row.id)?;
        end_noted(tx, entropy, row.digest, ended, why)?;
    }
    Ok(())
}

struct Tombstone {
    row: Outgoing,
    octets: Vec<u8>,
    bytes: u64,
}

impl Tombstone {
    fn keep(&self, tx: &mut dyn Tx, entropy: &dyn comity_jose::Entropy) -> Result<(), CoreError> {
        tx.put_message(&self.row.digest, &self.octets)?;
        tx.put_outgoing(&self.row)?;
        let facts = MessageFacts {
            message: self.row.digest,
            id: self.row.id.to_string(),
            to: self.row.to.clone(),
            from: self.row.agent.clone(),
            type_: self.row.type_.to_string(),
            thid: self.row.thid.to_string(),
            sender_order: self.row.order,
            grant: self.row.grant,
            bytes: self.bytes,
            causes: Vec::new(),
            by: Some("node".to_owned()),
        };
        let event = Event::MessageOut(MessageOut { facts });
        super::note::note(tx, entropy, event, Some(self.row.digest))?;
        Ok(())
    }
}
