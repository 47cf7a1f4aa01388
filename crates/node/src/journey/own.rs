//! Messages of the node itself, for an agent: `contact/1.0`, answers, reports. No number in a thread,
//! no receipt; done when the peer's transport takes them.

use super::Core;
use super::draft::Draft;
use super::identity::Hosted;
use super::trouble::CoreError;
use comity_did::Did;
use comity_didcomm::{MessageId, MessageType};
use comity_engine::{OutState, Proved};
use comity_store::{History, OutKind, Outgoing, Tx};
use serde_json::Value;
use std::sync::Arc;

impl Core {
    /// A signed message that the node itself sends, with its row. No number, no receipt; it is
    /// done when the peer's transport takes it.
    pub(crate) async fn contact_row(&self, draft: &ContactDraft) -> Result<ContactRow, CoreError> {
        let created = self.clock.now();
        let invalid = CoreError::Defect("a type of ours that does not parse");
        let Ok(type_) = draft.type_.parse::<MessageType>() else {
            return Err(invalid);
        };
        let signed = self
            .sign(
                &draft.agent,
                &Draft {
                    id: draft.id.clone(),
                    to: draft.to.clone(),
                    type_: type_.clone(),
                    thid: draft.thid.clone(),
                    pthid: draft.pthid.clone(),
                    ack: draft.ack.iter().cloned().collect(),
                    created: created.seconds(),
                    expires: draft.expires,
                    causes: Vec::new(),
                    body: draft.body.clone(),
                },
                None,
            )
            .await?;
        let row = Outgoing {
            agent: draft.agent.did.clone(),
            id: draft.id.clone(),
            digest: signed.digest,
            to: draft.to.clone(),
            type_,
            thid: draft.thid.clone(),
            kind: OutKind::Contact,
            order: None,
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
            grant: None,
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
        };
        Ok(ContactRow {
            row,
            octets: signed.octets,
        })
    }
}

/// A message of the node itself, to be signed.
#[derive(Clone, Debug)]
pub(crate) struct ContactDraft {
    pub(crate) agent: Arc<Hosted>,
    pub(crate) to: Did,
    pub(crate) type_: &'static str,
    pub(crate) id: MessageId,
    pub(crate) thid: MessageId,
    /// The thread or invitation that it follows, if it opens a thread of its own.
    pub(crate) pthid: Option<MessageId>,
    /// The message that it is about.
    pub(crate) ack: Option<MessageId>,
    pub(crate) expires: u64,
    pub(crate) body: Value,
}

/// A message of the node itself, signed.
#[derive(Clone, Debug)]
pub(crate) struct ContactRow {
    pub(crate) row: Outgoing,
    pub(crate) octets: Vec<u8>,
}

impl ContactRow {
    /// Keeps it, to be handed over.
    pub(crate) fn keep(&self, tx: &mut dyn Tx) -> Result<(), CoreError> {
        tx.put_message(&self.row.digest, &self.octets)?;
        tx.put_outgoing(&self.row)?;
        Ok(())
    }
}
