//! Settling a delivery: outcome, replies and further sends take effect together, exactly once
//! (design §8, invariant I2).

use super::Core;
use super::foreign::{About, COMMENT_CHARS_MAX};
use super::identity::Caller;
use super::lease::{current, lease_lost};
use super::note::note;
use super::parked;
use super::receipts::owe;
use super::trouble::{CoreError, bad, not_found};
use super::webhooks;
use crate::fail;
use comity_api::Problem;
use comity_api::agent::{SettleDone, Settlement};
use comity_engine::state::ReceiptState;
use comity_engine::{Code, InState, Timestamp, defaults, park, retry};
use comity_jose::{Entropy, json, sha256};
use comity_record::Event;
use comity_record::entry::Settled;
use comity_record::receipt::By;
use comity_store::{Incoming, Outcome, Outgoing, Tx};
use std::collections::HashSet;
use std::time::Duration;

/// A settlement, checked for form.
#[derive(Clone, Debug)]
enum Act {
    Done,
    Retry {
        after: Duration,
    },
    Reject {
        code: Code,
        comment: Option<String>,
    },
    Park {
        question: String,
        until: Option<u64>,
    },
    /// It is for everyone again after this time; at once for those who are there and have not
    /// passed it on themselves, if there are any.
    Pass {
        after: Option<Duration>,
    },
}

impl Core {
    /// Settles one delivery.
    ///
    /// # Errors
    /// `e.m.req.lease-lost` if the lease is no longer current; other problems of form or storage.
    /// Repeating a settlement that took effect gives its result again.
    pub async fn settle(
        &self,
        caller: &Caller,
        settlement: Settlement,
    ) -> Result<SettleDone, Problem> {
        let mut act = read_act(&settlement)?;
        let submitted = serde_json::to_value(&settlement)
            .ok()
            .and_then(|value| json::canonical(&value).ok())
            .map(|octets| sha256(&[b"settle", &octets]))
            .ok_or_else(|| bad("the settlement is not plain JSON"))?;
        let (agent, delivery) = (caller.did().clone(), settlement.delivery.clone());
        let shown = comity_api::safe(&delivery);
        let (row, foreign) = self
            .store
            .read(move |tx| {
                let Some(row) = tx.incoming(&delivery)?.filter(|row| row.recipient == agent) else {
                    return Ok::<_, CoreError>(None);
                };
                let grant = tx.grant(&row.grant, &row.recipient)?;
                Ok(Some((
                    row,
                    grant.is_some_and(|grant| grant.knock.is_none()),
                )))
            })
            .await?
            .ok_or_else(|| not_found("delivery", &shown))?;
        if let Some(done) = repeated(&row, &settlement.lease, &submitted) {
            return Ok(done);
        }
        if row.state != InState::Leased || row.lease.as_deref() != Some(&*settlement.lease) {
            return Err(lease_lost(&row));
        }
        let mut messages = Vec::with_capacity(settlement.messages.len());
        let mut ids = HashSet::new();
        for send in settlement.messages.clone() {
            let prepared = self.prepare(send, Some(&row))?;
            if !ids.insert(prepared.draft.id.clone()) {
                let id = &prepared.draft.id;
                return Err(bad(format!(
                    "two messages of the settlement have the id {id}"
                )));
            }
            messages.push(prepared);
        }
        // Words for the sender travel in a report; to other software that is the whole answer.
        let report = match &act {
            Act::Reject { code, comment } if foreign || comment.is_some() => {
                let about = About {
                    to: row.sender.clone(),
                    digest: row.digest,
                    id: row.id.clone(),
                    thid: row.thid.clone(),
                };
                let comment = comment.as_deref();
                Some(self.report(&caller.hosted, &about, code, comment).await?)
            }
            _ => None,
        };
        let (agent, delivery, lease) = (
            caller.did().clone(),
            row.delivery.clone(),
            settlement.lease.clone(),
        );
        // Before it commits: whoever passes it on must not be the first to be offered it again.
        if let Act::Pass { after } = &mut act
            && !self.sessions.pass(
                (caller.did(), caller.session),
                row.seq,
                row.tries(),
                self.clock.now(),
            )
        {
            *after = Some(retry::after_pass(row.tries()));
        }
        let (kept, seq) = (act.clone(), row.seq);
        let apply = move |tx: &mut dyn Tx, entropy: &dyn Entropy, sent: &[Outgoing]| {
            let row = current(tx, &agent, &delivery, &lease)?;
            if let Some(report) = &report {
                report.keep(tx)?;
            }
            apply(tx, entropy, row, &kept, &lease, submitted, sent)
        };
        fail::point("settle.before-commit");
        let sent = if messages.is_empty() {
            let entropy = std::sync::Arc::clone(&self.entropy);
            let kept = self.store.write(move |tx| apply(tx, &*entropy, &[]));
            kept.await.map(|()| Vec::new())
        } else {
            self.send_all(&caller.hosted, messages, &caller.label, apply)
                .await
        };
        if sent.is_err() || !matches!(act, Act::Pass { .. }) {
            self.sessions.forget(caller.did(), seq);
        }
        let sent = sent?;
        fail::point("settle.after-commit");
        self.signals.recorded.raise();
        if matches!(act, Act::Reject { .. }) {
            self.signals.outbox.raise();
        }
        if matches!(act, Act::Park { .. }) {
            self.signals.webhooks.raise();
        }
        // The next of the thread may be leased now.
        self.signals.inbox(caller.did()).raise();
        let messages = sent.iter().map(|(row, _)| row.id.to_string()).collect();
        Ok(SettleDone {
            delivery: row.delivery,
            messages,
        })
    }
}

fn apply(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    mut row: Incoming,
    act: &Act,
    lease: &str,
    submitted: [u8; 32],
    sent: &[Outgoing],
) -> Result<(), CoreError> {
    let outcome = |word: &str, code: Option<Code>| Outcome {
        lease: lease.to_owned(),
        submitted,
        outcome: word.to_owned(),
        code,
        messages: sent.iter().map(|row| row.id.clone()).collect(),
    };
    row.lease = None;
    let (state, code) = match act {
        Act::Done => (ReceiptState::Done, None),
        Act::Reject { code, .. } => (ReceiptState::Rejected, Some(code.clone())),
        Act::Retry { after } => {
            let again = tx.now() + *after;
            return again_from(tx, row, again, outcome("retry", None));
        }
        Act::Pass { after } => {
            let again = after.map(|after| tx.now() + after);
            return again_from(tx, row, again.unwrap_or_default(), outcome("pass", None));
        }
        Act::Park { question, until } => {
            parked::park(tx, &mut row, question, *until)?;
            row.outcome = Some(outcome("park", None));
            tx.put_incoming(&row)?;
            return webhooks::events::parked(tx, entropy, &row);
        }
    };
    row.state = InState::Settled;
    row.outcome = Some(outcome(state.as_str(), code.clone()));
    tx.put_incoming(&row)?;
    let settled = Settled {
        message: row.digest,
        state,
        code: code.as_ref().map(ToString::to_string),
        by: By::Agent,
        attempt: u64::from(row.attempt),
        replies: sent.iter().map(|row| row.digest).collect(),
    };
    note(tx, entropy, Event::Settled(settled), Some(row.digest))?;
    owe(tx, &row, state, code, By::Agent)
}

/// The delivery is offered again from this time on.
fn again_from(
    tx: &mut dyn Tx,
    mut row: Incoming,
    again: Timestamp,
    outcome: Outcome,
) -> Result<(), CoreError> {
    row.state = InState::Ready;
    row.not_before = again;
    row.outcome = Some(outcome);
    tx.put_incoming(&row)?;
    Ok(())
}

/// The result of the same settlement, if it took effect before.
fn repeated(row: &Incoming, lease: &str, submitted: &[u8; 32]) -> Option<SettleDone> {
    let outcome = row.outcome.as_ref()?;
    (outcome.lease == lease && outcome.submitted == *submitted).then(|| SettleDone {
        delivery: row.delivery.clone(),
        messages: outcome.messages.iter().map(ToString::to_string).collect(),
    })
}

fn read_act(settlement: &Settlement) -> Result<Act, Problem> {
    const MESSAGES_MAX: usize = 64;
    if settlement.messages.len() > MESSAGES_MAX {
        return Err(bad(format!(
            "a settlement carries at most {MESSAGES_MAX} messages"
        )));
    }
    match settlement.outcome.as_str() {
        "done" => Ok(Act::Done),
        word @ ("retry" | "pass") if !settlement.messages.is_empty() => {
            Err(bad(format!("a {word} sends nothing"))
                .next("settle with done, reject or park to send messages"))
        }
        "pass" => Ok(Act::Pass { after: None }),
        "park" => {
            let question = settlement.question.as_deref().unwrap_or_default();
            Ok(Act::Park {
                question: park::question(question).map_err(parked::unfit)?.to_owned(),
                until: settlement.until,
            })
        }
        "retry" => {
            let after = Duration::from_secs(settlement.after_s.unwrap_or(1));
            Ok(Act::Retry {
                after: after.min(defaults::LEASE_MAX),
            })
        }
        "reject" => {
            let text = settlement.code.as_deref().unwrap_or("e.p.msg");
            let code = Code::from_agent(text).map_err(|error| bad(error.to_string()))?;
            let comment = settlement.comment.as_deref().map(str::trim);
            let comment = comment.filter(|comment| !comment.is_empty());
            if comment.is_some_and(|comment| comment.chars().count() > COMMENT_CHARS_MAX) {
                return Err(bad(format!(
                    "a comment has at most {COMMENT_CHARS_MAX} characters"
                )));
            }
            Ok(Act::Reject {
                code,
                comment: comment.map(str::to_owned),
            })
        }
        word => Err(bad(format!("{} is no outcome", comity_api::safe(word)))
            .next("settle with done, retry, reject, park or pass")),
    }
}
