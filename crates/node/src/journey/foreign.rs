//! What stands in for receipts with other DIDComm software: acknowledgements and problem reports.
//! A problem report also carries an agent's words about a message that it rejected, to anybody.

use super::Core;
use super::admit::{end_noted, ending};
use super::claims::Arrival;
use super::identity::Hosted;
use super::own::{ContactDraft, ContactRow};
use super::terminal::REPORT;
use super::trouble::CoreError;
use crate::bucket::{Buckets, Rate};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::{Code, OutState, Proved, defaults};
use comity_record::Digest;
use comity_record::entry::EndedState;
use comity_store::{Outgoing, Tx};
use serde_json::{Value, json};
use std::sync::Arc;

/// Messages that one message may acknowledge, or report a problem with.
const NAMED_MAX: usize = 64;

/// How many refusals each foreign peer is told of; each is a message to sign and to hand over.
#[derive(Debug)]
pub(crate) struct ReportBudget(Buckets<Did>);

impl Default for ReportBudget {
    fn default() -> Self {
        Self(Buckets::new(Rate {
            burst: 32.0,
            per_second: 1.0,
            keys: 4_096,
        }))
    }
}

impl ReportBudget {
    pub(super) fn take(&self, peer: Did) -> bool {
        self.0.take(peer)
    }
}

/// Characters of a comment.
pub(super) const COMMENT_CHARS_MAX: usize = 280;

/// A message of theirs that we have something to say about.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) to: Did,
    pub(super) digest: Digest,
    pub(super) id: MessageId,
    pub(super) thid: MessageId,
}

impl Core {
    /// A problem report about a message of theirs, signed. Its id is made from that message and
    /// the code: however often it is made, it is the same report.
    pub(super) async fn report(
        &self,
        agent: &Arc<Hosted>,
        about: &About,
        code: &Code,
        comment: Option<&str>,
    ) -> Result<ContactRow, CoreError> {
        let id = report_id(&about.digest, code)?;
        let mut body = json!({"code": code});
        if let Some(comment) = comment {
            body["comment"] = Value::from(comment);
        }
        let draft = ContactDraft {
            agent: Arc::clone(agent),
            to: about.to.clone(),
            type_: REPORT,
            thid: id.clone(),
            id,
            pthid: Some(about.thid.clone()),
            ack: Some(about.id.clone()),
            expires: (self.clock.now() + defaults::EXPIRY).seconds(),
            body,
        };
        self.contact_row(&draft).await
    }
}

/// Takes what a message that the node itself settles says about messages of ours, in the unit that
/// remembers it. Returns what changed.
pub(super) fn hear(
    tx: &mut dyn Tx,
    entropy: &dyn comity_jose::Entropy,
    arrival: &Arrival,
) -> Result<Vec<MessageId>, CoreError> {
    if arrival.type_().is(REPORT) {
        return take_report(tx, entropy, arrival);
    }
    if arrival.received.plaintext.ack.is_empty() {
        return Ok(Vec::new());
    }
    take_acks(tx, arrival)
}

pub(super) fn report_id(message: &Digest, code: &Code) -> Result<MessageId, CoreError> {
    let of = [message.octets().as_slice(), code.as_str().as_bytes()].concat();
    let name = comity_record::labelled("comity/report", &of).to_string();
    let id = format!("re-{}", name.get(3..43).unwrap_or_default()).parse::<MessageId>();
    id.map(|id| id.to_lower_case())
        .map_err(|_| CoreError::Defect("an id of ours that does not parse"))
}

/// True if a peer's node signs receipts: its grant came by `contact/1.0`.
fn is_comity(tx: &dyn Tx, agent: &Did, peer: &Did) -> Result<bool, CoreError> {
    let grant = tx.grant_between(agent, peer)?;
    Ok(grant.is_some_and(|grant| grant.knock.is_some()))
}

/// What a foreign peer's proved message says that it has: those in `ack`, and the one that opened
/// the thread it writes in. Returns what changed.
pub(super) fn take_acks(tx: &mut dyn Tx, arrival: &Arrival) -> Result<Vec<MessageId>, CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    if is_comity(tx, agent, sender)? {
        return Ok(Vec::new());
    }
    let named = arrival.received.plaintext.ack.iter().take(NAMED_MAX);
    let named = named.map(MessageId::to_lower_case);
    let mut changed = Vec::new();
    for id in named.chain([arrival.thid.clone()]) {
        if let Some(mut row) = tx.outgoing(agent, &id)?
            && row.to == *sender
            && acknowledged(tx, &mut row)?
        {
            changed.push(id);
        }
    }
    Ok(changed)
}

/// The peer has it, says nobody's signature.
pub(super) fn acknowledged(tx: &mut dyn Tx, row: &mut Outgoing) -> Result<bool, CoreError> {
    let at = tx.now().seconds();
    let moved = row.advance(OutState::Received, at, "peer", Proved::None);
    if moved {
        tx.put_outgoing(row)?;
        tx.put_event(&row.agent, &row.id)?;
    }
    Ok(moved)
}

/// A proved problem report about messages of ours. A foreign peer ends them so; what a Comity
/// node ended its receipt says, and the report only why. Returns what changed.
fn take_report(
    tx: &mut dyn Tx,
    entropy: &dyn comity_jose::Entropy,
    arrival: &Arrival,
) -> Result<Vec<MessageId>, CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    let comity = is_comity(tx, agent, sender)?;
    let plaintext = &arrival.received.plaintext;
    let body = arrival.body();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let code = text("code").and_then(|code| Code::try_from(code.to_owned()).ok());
    let said = text("comment").map(their_words);
    // With `ack` it names the messages; without, the thread stands for the message that opened it.
    let named: Vec<&MessageId> = match plaintext.ack.as_slice() {
        [] => plaintext.pthid.iter().collect(),
        ids => ids.iter().take(NAMED_MAX).collect(),
    };
    let mut changed = Vec::new();
    for id in named {
        let id = id.to_lower_case();
        let Some(mut row) = tx.outgoing(agent, &id)?.filter(|row| row.to == *sender) else {
            continue;
        };
        let now = tx.now();
        let ended = !comity && ending(&mut row, OutState::Rejected, code.clone(), "peer", now);
        if ended {
            // No receipt will say so: the report is nobody's signature to others.
            let why = code.as_ref().map_or("e.p", Code::as_str);
            end_noted(tx, entropy, row.digest, EndedState::Failed, why)?;
        }
        let explains = said.is_some() && (ended || row.code.is_none() || row.code == code);
        if explains {
            row.reason.clone_from(&said);
        }
        if ended || explains {
            tx.put_outgoing(&row)?;
            tx.put_event(&row.agent, &row.id)?;
            changed.push(id);
        }
    }
    Ok(changed)
}

/// Somebody else's words, short and marked as such.
fn their_words(comment: &str) -> String {
    let short: String = comment.chars().take(COMMENT_CHARS_MAX).collect();
    format!("{THEY_SAY}{}", comity_api::safe(&short))
}

/// True if a reason is somebody else's words; they may come before the receipt that they explain.
pub(super) fn is_their_words(reason: &str) -> bool {
    reason.starts_with(THEY_SAY)
}

const THEY_SAY: &str = "they say: ";
