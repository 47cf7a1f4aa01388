//! Looking at a message of one's own: until it is received, done, or answered; and cancelling it.

use super::Core;
use super::identity::Caller;
use super::lease::take;
use super::trouble::{CoreError, not_found};
use super::views;
use comity_api::Problem;
use comity_api::agent::{Delivery, Event, Message, Whoami};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::state::ReceiptState;
use comity_engine::{Code, GrantState, InState, OutState, WaitingOn, defaults};
use comity_store::{GrantRow, Incoming, Outcome, Outgoing, Page};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What a caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// The recipient's node has it, or it ended.
    Received,
    /// It ended.
    Done,
    /// It was answered, or ended without.
    Answer,
}

impl WaitFor {
    /// Reads the word of the door.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "received" => Some(Self::Received),
            "done" => Some(Self::Done),
            "answer" => Some(Self::Answer),
            _ => None,
        }
    }
}

impl Core {
    /// Shows a message of the caller's, waiting up to `longest` for what is waited for.
    ///
    /// With [`WaitFor::Answer`] an answer is leased to the caller, who settles it like any
    /// delivery.
    ///
    /// # Errors
    /// `e.m.req.not-found`; storage.
    pub async fn show(
        &self,
        caller: &Caller,
        id: &str,
        wait: Option<WaitFor>,
        longest: Duration,
    ) -> Result<Message, Problem> {
        let unknown = || not_found("message", &comity_api::safe(id));
        let id: MessageId = id.to_lowercase().parse().map_err(|_| unknown())?;
        let deadline = Instant::now() + longest.min(defaults::WAIT_MAX);
        let watch = self.signals.watch(caller.did(), &id);
        loop {
            let mut listener = watch.listen();
            let row = self.own(caller.did(), &id).await?.ok_or_else(unknown)?;
            let left = deadline.saturating_duration_since(Instant::now());
            let arrived = match wait {
                None => true,
                Some(WaitFor::Received) => row.state >= OutState::Received,
                Some(WaitFor::Done) => row.state.is_end(),
                Some(WaitFor::Answer) => match self.take_answer(caller, &row).await? {
                    Answer::Here(delivery) => return Ok(self.shown(&row, Some(*delivery))),
                    // Somebody else has it leased, or it was settled already.
                    Answer::Elsewhere => true,
                    // Its asker asks a person about it; then it comes back.
                    Answer::Parked => false,
                    Answer::Never(code) => return Ok(self.unanswered(&row, &code)),
                    Answer::None => row.state.is_end() && row.state != OutState::Done,
                },
            };
            if arrived || left.is_zero() {
                return Ok(self.shown(&row, None));
            }
            listener.wait(left).await;
        }
    }

    /// Withdraws a message of the caller's. What was handed over already becomes `cancelled` only
    /// if the recipient's node says that no agent has it.
    ///
    /// # Errors
    /// `e.m.req.not-found`; storage.
    pub async fn cancel(&self, caller: &Caller, id: &str) -> Result<Message, Problem> {
        let unknown = || not_found("message", &comity_api::safe(id));
        let id: MessageId = id.to_lowercase().parse().map_err(|_| unknown())?;
        let row = self.own(caller.did(), &id).await?.ok_or_else(unknown)?;
        self.withdraw(&row, OutState::Cancelled, "agent").await?;
        let row = self.own(caller.did(), &id).await?.ok_or_else(unknown)?;
        Ok(self.shown(&row, None))
    }

    /// Changes of the caller's messages after number `after`, waiting up to `wait` for the first.
    ///
    /// # Errors
    /// Storage.
    pub async fn events(
        &self,
        caller: &Caller,
        after: u64,
        wait: Duration,
    ) -> Result<Vec<Event>, Problem> {
        const AT_ONCE: usize = 256;
        let deadline = Instant::now() + wait.min(defaults::WAIT_MAX);
        let signal = self.signals.events(caller.did());
        loop {
            let mut listener = signal.listen();
            let agent = caller.did().clone();
            let rows = self
                .store
                .read(move |tx| {
                    let page = Page {
                        after,
                        limit: AT_ONCE,
                    };
                    let mut rows = Vec::new();
                    for (n, id) in tx.events(&agent, page)? {
                        rows.extend(tx.outgoing(&agent, &id)?.map(|row| (n, row)));
                    }
                    Ok::<_, CoreError>(rows)
                })
                .await?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !rows.is_empty() || left.is_zero() {
                let shown = |(n, row): (u64, Outgoing)| Event {
                    n,
                    message: self.shown(&row, None),
                };
                return Ok(rows.into_iter().map(shown).collect());
            }
            listener.wait(left).await;
        }
    }

    /// Who the caller is.
    #[must_use]
    pub fn whoami(&self, caller: &Caller) -> Whoami {
        Whoami {
            name: caller.name().to_owned(),
            did: caller.did().to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    async fn own(&self, agent: &Did, id: &MessageId) -> Result<Option<Outgoing>, CoreError> {
        let (agent, id) = (agent.clone(), id.clone());
        self.store
            .read(move |tx| Ok(tx.outgoing(&agent, &id)?))
            .await
    }

    /// A message as its agent sees it; while it is on its way (or its knock is), what delays it.
    fn shown(&self, row: &Outgoing, answer: Option<Delivery>) -> Message {
        let mut message = views::message(row, answer);
        if message.reason.is_none() {
            message.reason = self.delayed_by(row);
        }
        message
    }

    /// A question whose answer cannot come any more, though it may be done.
    fn unanswered(&self, row: &Outgoing, code: &Code) -> Message {
        let mut message = self.shown(row, None);
        if message.code.is_none() {
            message.code = Some(code.to_string());
            message.reason = Some("no answer will come: the grant has ended".to_owned());
        }
        message
    }

    /// What is in the way of a message that waits to go out, or of the knock that it waits on.
    pub(super) fn delayed_by(&self, row: &Outgoing) -> Option<String> {
        let knocks = row.state == OutState::Held && row.waiting_on == Some(WaitingOn::Grant);
        (knocks || row.state == OutState::Queued).then(|| self.lanes.trouble_with(&row.to))?
    }

    /// An answer that has not come: a question that is done waits for it as long as its recipient
    /// may still send it.
    async fn yet_to_come(&self, row: &Outgoing) -> Result<Answer, CoreError> {
        if row.state != OutState::Done || !row.ask {
            return Ok(Answer::None);
        }
        let (agent, peer) = (row.agent.clone(), row.to.clone());
        let last = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.grant_between(&agent, &peer)?))
            .await?;
        Ok(ended_by(last.as_ref()).map_or(Answer::None, Answer::Never))
    }

    async fn take_answer(&self, caller: &Caller, row: &Outgoing) -> Result<Answer, CoreError> {
        let Some(delivery) = row.answer.clone() else {
            return self.yet_to_come(row).await;
        };
        let entropy = Arc::clone(&self.entropy);
        let agent = caller.did().clone();
        self.store
            .write(move |tx| {
                let Some(mut row) = tx.incoming(&delivery)? else {
                    return Ok(Answer::Elsewhere);
                };
                let now = tx.now();
                let free = match row.state {
                    InState::Ready => true,
                    InState::Leased => now >= row.leased_until,
                    // Its asker has it, and perhaps lost it with its process: shown again.
                    InState::Settled if row.recipient == agent && is_done(&row) => {
                        row.lease = None;
                        return Ok(Answer::Here(Box::new(views::delivery(tx, &row)?)));
                    }
                    InState::Parked => return Ok(Answer::Parked),
                    InState::Settled | InState::Dead => false,
                };
                // A revocation ends what its asker does not have (invariant I5).
                if row.recipient == agent
                    && let Some(code) = refused_by_node(&row)
                {
                    return Ok(Answer::Never(code));
                }
                let live = tx
                    .grant(&row.grant, &agent)?
                    .is_some_and(|grant| grant.state == GrantState::Active);
                if row.recipient != agent || !free || !live {
                    return Ok(Answer::Elsewhere);
                }
                if row.is_spent() {
                    super::lease::die(tx, &*entropy, &mut row)?;
                    return Ok(Answer::Elsewhere);
                }
                take(tx, &*entropy, &mut row, now)?;
                Ok(Answer::Here(Box::new(views::delivery(tx, &row)?)))
            })
            .await
    }
}

enum Answer {
    None,
    Here(Box<Delivery>),
    Elsewhere,
    Parked,
    /// The grant under which it would have come ended, with this code.
    Never(Code),
}

/// The code with which policy ended a delivery that no agent settled.
fn refused_by_node(row: &Incoming) -> Option<Code> {
    let outcome = row.outcome.as_ref()?;
    let refused = outcome.lease.is_empty() && outcome.outcome == ReceiptState::Refused.as_str();
    outcome.code.clone().filter(|_| refused)
}

/// The code with which a grant ended, if it did.
fn ended_by(grant: Option<&GrantRow>) -> Option<Code> {
    let ended = grant.filter(|row| row.state == GrantState::Ended)?;
    Some(ended.code.clone().unwrap_or(Code::NO_GRANT))
}

/// True if its agent settled it as done: the node ends deliveries without an outcome, or leaves
/// that of a retry.
fn is_done(row: &Incoming) -> bool {
    let done = |outcome: &Outcome| outcome.outcome == "done";
    row.outcome.as_ref().is_some_and(done)
}
