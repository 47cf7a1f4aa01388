//! Parked deliveries: what an agent asks a person, and the person's answer (design §8).
//!
//! A parked delivery waits beside its thread. It is offered again when it was answered, or when its
//! time is over; both are entries of the record, with the question, the answer and who gave it. Its
//! sender sees what is true of it, `received`, and nothing of the question.

use super::Core;
use super::note::note;
use super::operate::page;
use super::trouble::{CoreError, ambiguous, bad, not_found};
use super::trust::Operator;
use comity_api::operator::{self, AnswerParked, Decided, ListQuery};
use comity_api::{Problem, safe};
use comity_engine::park::{self, ParkError};
use comity_engine::role::Act;
use comity_engine::{GrantState, InState, Timestamp, defaults};
use comity_jose::Entropy;
use comity_record::Event;
use comity_record::entry::{Asked, Decided as Decision, Outcome};
use comity_store::{Incoming, Page, ParkReply, Parked, Tx};
use serde_json::Value;
use std::sync::Arc;

/// Parked rows among which one is looked for.
const LOOK_AT: usize = 10_000;
/// Who answers when nobody does.
const TIMEOUT: &str = "rule:timeout";

impl Core {
    /// What agents of this node ask, the oldest first.
    ///
    /// # Errors
    /// Storage.
    pub async fn parked(&self, query: ListQuery) -> Result<Vec<operator::Parked>, Problem> {
        let page = page(&query);
        let rows = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.parked(page)?))
            .await?;
        Ok(rows.iter().filter_map(shown).collect())
    }

    /// A person answers what an agent asks about a message, named by the start of its id, delivery
    /// id or digest. The delivery is offered again at once.
    ///
    /// # Errors
    /// `by` may not; there is no such message, or more than one; it asks nothing, something else by now, or was
    /// answered; its time is over; the grant that let it in has ended; the answer is none or too
    /// long.
    pub async fn answer(
        &self,
        by: &Operator,
        prefix: &str,
        answer: AnswerParked,
    ) -> Result<Decided, Problem> {
        park::answer(&answer.answer).map_err(unfit)?;
        let wanted = prefix.to_owned();
        let found = self.store.read(move |tx| find(tx, &wanted)).await?;
        by.check(Act::Decide(&self.name_of(&found.recipient)))?;
        let delivery = found.delivery;
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        let row = self
            .store
            .write(move |tx| {
                let row = tx.incoming(&delivery)?;
                let mut row = row.ok_or_else(|| not_found("message", &delivery))?;
                let question = open_question(tx, &row)?;
                if answer
                    .number
                    .is_some_and(|number| number != question.number)
                {
                    return Err(changed("the agent asks something else by now").into());
                }
                resume(
                    tx,
                    &*entropy,
                    &mut row,
                    Some(answer.answer.clone()),
                    by.label(),
                )?;
                Ok::<_, CoreError>(row)
            })
            .await?;
        self.signals.recorded.raise();
        self.signals.inbox(&row.recipient).raise();
        if let Some(asked) = &row.answer_to {
            self.signals.changed(&row.recipient, asked);
        }
        Ok(Decided {
            outcome: "answered".to_owned(),
            grant: None,
        })
    }
}

/// Parks a leased row: it waits for a person from now on.
pub(super) fn park(
    tx: &dyn Tx,
    row: &mut Incoming,
    question: &str,
    until: Option<u64>,
) -> Result<(), CoreError> {
    let number = row.parked.as_ref().map_or(0, |parked| parked.number) + 1;
    if number > defaults::PARKS_MAX {
        return Err(bad(format!(
            "a delivery is parked at most {} times",
            defaults::PARKS_MAX
        ))
        .next("settle it with done or reject")
        .into());
    }
    let now = tx.now().seconds();
    row.state = InState::Parked;
    row.lease = None;
    row.parked = Some(Parked {
        number,
        question: question.to_owned(),
        asked: now,
        until: park::deadline(until, now, row.expires).map_err(unfit)?,
        attempt: row.attempt,
        reply: None,
    });
    Ok(())
}

/// Nobody answered in time: the agent decides without.
pub(super) fn time_out(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    row: &mut Incoming,
) -> Result<(), CoreError> {
    resume(tx, entropy, row, None, TIMEOUT)
}

/// A problem of a question or an answer, for whoever wrote it.
pub(super) fn unfit(error: ParkError) -> Problem {
    bad(error.to_string())
}

/// Offers a parked row again, with what became of its question.
fn resume(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    row: &mut Incoming,
    answer: Option<Value>,
    by: &str,
) -> Result<(), CoreError> {
    let at = tx.now().seconds();
    row.state = InState::Ready;
    row.not_before = Timestamp::default();
    let asked = row.parked.as_mut().map(|parked| {
        parked.reply = Some(ParkReply {
            answer: answer.clone(),
            by: by.to_owned(),
            at,
        });
        Asked {
            question: parked.question.clone(),
            answer,
        }
    });
    tx.put_incoming(row)?;
    let decision = Decision {
        grant: row.grant,
        approval: None,
        by: by.to_owned(),
        outcome: Outcome::Answered,
        message: Some(row.digest),
        vouches: Vec::new(),
        asked,
    };
    // Kept with the grant: what people say to their agents is not shown with a thread.
    note(tx, entropy, Event::Decision(decision), Some(row.grant))?;
    Ok(())
}

/// The question of a row, if it may be answered now.
fn open_question<'a>(tx: &dyn Tx, row: &'a Incoming) -> Result<&'a Parked, CoreError> {
    let parked = row.parked.as_ref();
    let Some(parked) = parked.filter(|_| row.state == InState::Parked) else {
        return Err(asks_nothing(row).into());
    };
    if tx.now().seconds() >= parked.until {
        return Err(changed("the time for an answer is over; the agent decides without").into());
    }
    let grant = tx.grant(&row.grant, &row.recipient)?;
    if grant.is_none_or(|grant| grant.state == GrantState::Ended) {
        return Err(changed("the grant that let the message in has ended, and it with it").into());
    }
    Ok(parked)
}

fn find(tx: &dyn Tx, wanted: &str) -> Result<Incoming, CoreError> {
    let all = Page {
        after: 0,
        limit: LOOK_AT,
    };
    let name = wanted.to_lowercase();
    let mut rows = tx.parked(all)?;
    rows.retain(|row| {
        row.delivery.starts_with(wanted)
            || row.digest.to_string().starts_with(wanted)
            || row.id.as_str().to_lowercase().starts_with(&name)
    });
    if let Some(exact) = rows.iter().position(|row| row.delivery == wanted) {
        return Ok(rows.swap_remove(exact));
    }
    match rows.len() {
        1 => Ok(rows.swap_remove(0)),
        // It may have waited before: then whoever asks is told what became of it.
        0 => match tx.find_incoming(wanted)?.as_slice() {
            [row] => Err(asks_nothing(row).into()),
            _ => Err(not_found("message that waits for an answer", &safe(wanted))
                .next("comity parked")
                .into()),
        },
        _ => Err(ambiguous(&safe(wanted))
            .next("name it by its delivery: comity parked --json")
            .into()),
    }
}

fn asks_nothing(row: &Incoming) -> Problem {
    let reply = row.parked.as_ref().and_then(|parked| parked.reply.as_ref());
    match (row.state, reply) {
        (InState::Settled | InState::Dead, _) => {
            changed("the message has ended; nothing more happens with it")
        }
        (_, Some(reply)) if reply.answer.is_some() => {
            changed(&format!("{} has answered already", safe(&reply.by)))
        }
        (_, Some(_)) => changed("the time for an answer is over; the agent decides without"),
        (_, None) => changed("its agent asks nothing about this message"),
    }
}

/// It is not as it was shown.
fn changed(title: &str) -> Problem {
    Problem::new("e.m.req.changed", title).next("comity parked")
}

/// A parked row as people see it.
fn shown(row: &Incoming) -> Option<operator::Parked> {
    let parked = row.parked.as_ref()?;
    Some(operator::Parked {
        seq: row.seq,
        delivery: row.delivery.clone(),
        id: row.id.to_string(),
        digest: row.digest.to_string(),
        from: row.sender.to_string(),
        to: row.recipient.to_string(),
        type_: row.type_.to_string(),
        thid: row.thid.to_string(),
        question: safe(&parked.question),
        number: parked.number,
        asked: parked.asked,
        until: parked.until,
    })
}
