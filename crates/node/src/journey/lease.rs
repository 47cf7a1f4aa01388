//! Handing deliveries to agents: leases (design §8).

use super::Core;
use super::identity::Caller;
use super::note::note;
use super::trouble::{CoreError, bad};
use super::views;
use crate::fail;
use comity_api::Problem;
use comity_api::agent::Delivery;
use comity_engine::state::ReceiptState;
use comity_engine::{Code, GrantState, InState, Timestamp, defaults};
use comity_jose::{Entropy, base64url};
use comity_record::Event;
use comity_record::entry::Settled;
use comity_record::receipt::By;
use comity_store::{Incoming, Outcome, Tx};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

impl Core {
    /// Leases up to `max` deliveries, waiting up to `wait` for the first.
    ///
    /// # Errors
    /// A [`Problem`] if `max` is out of range or storage fails.
    ///
    /// # Cancel safety
    /// If the future is dropped, what it leased is offered again when the lease ends.
    pub async fn lease(
        &self,
        caller: &Caller,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, Problem> {
        if max == 0 || max > defaults::LEASE_BATCH_MAX {
            return Err(bad(format!(
                "max must be 1 to {}",
                defaults::LEASE_BATCH_MAX
            )));
        }
        let deadline = Instant::now() + wait.min(defaults::WAIT_MAX);
        let signal = self.signals.inbox(caller.did());
        let _attending = self.attend(caller);
        loop {
            let mut listener = signal.listen();
            let next = match self.lease_now(caller, max).await? {
                Leased::Some(deliveries) => return Ok(deliveries),
                Leased::None { next } => next,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Vec::new());
            }
            let until_next = next.map_or(left, |next| next.since(self.clock.now()));
            listener
                .wait(left.min(until_next.max(Duration::from_millis(5))))
                .await;
        }
    }

    async fn lease_now(&self, caller: &Caller, max: usize) -> Result<Leased, CoreError> {
        let agent = caller.did().clone();
        let (reader, asking) = (agent.clone(), caller.clone());
        let sessions = Arc::clone(&self.sessions);
        // Most calls find nothing: they must not cost a transaction of the writer.
        let (any, next) = self
            .store
            .read(move |tx| {
                let now = tx.now();
                let (spared, until) = sessions.spared((asking.did(), asking.session), now);
                let any = !tx.leasable(&reader, now, &spared, 1)?.is_empty();
                let next = if any {
                    None
                } else {
                    let next = tx.next_incoming(&reader, now)?;
                    next.into_iter().chain(until).min()
                };
                Ok::<_, CoreError>((any, next))
            })
            .await?;
        if !any {
            return Ok(Leased::None { next });
        }
        let (entropy, asking) = (Arc::clone(&self.entropy), caller.clone());
        let sessions = Arc::clone(&self.sessions);
        let (deliveries, died) = self
            .store
            .write(move |tx| {
                let now = tx.now();
                // Looked up here: whoever passes something on says so before it commits that.
                let (spared, _) = sessions.spared((asking.did(), asking.session), now);
                let (mut deliveries, mut died) = (Vec::new(), false);
                for mut row in tx.leasable(&agent, now, &spared, max)? {
                    if now.seconds() >= row.expires {
                        // Its end is about to be recorded.
                        continue;
                    }
                    if row.is_spent() {
                        die(tx, &*entropy, &mut row)?;
                        died = true;
                        continue;
                    }
                    take(tx, &*entropy, &mut row, now)?;
                    match views::delivery(tx, &row) {
                        Ok(delivery) => deliveries.push(delivery),
                        // One that cannot be shown must not keep the others from their agent.
                        Err(CoreError::Defect(why)) => {
                            tracing::error!(why, delivery = %row.delivery, "given up");
                            let code = &Code::UNSUPPORTED_TYPE;
                            end_delivery(tx, &*entropy, &mut row, End::Dead(code))?;
                            died = true;
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok::<_, CoreError>((deliveries, died))
            })
            .await?;
        fail::point("lease.after-commit");
        if died {
            self.signals.recorded.raise();
        }
        if deliveries.is_empty() {
            return Ok(Leased::None {
                next: died.then(|| self.clock.now()),
            });
        }
        Ok(Leased::Some(deliveries))
    }

    /// Prolongs a lease. Returns its new end, UTC seconds.
    ///
    /// # Errors
    /// `e.m.req.lease-lost` if it is no longer current.
    pub async fn extend(
        &self,
        caller: &Caller,
        delivery: &str,
        lease: &str,
        seconds: u64,
    ) -> Result<u64, Problem> {
        let span = Duration::from_secs(seconds).min(defaults::LEASE_MAX);
        let (agent, delivery, lease) =
            (caller.did().clone(), delivery.to_owned(), lease.to_owned());
        let until = self
            .store
            .write(move |tx| {
                let mut row = current(tx, &agent, &delivery, &lease)?;
                row.leased_until = tx.now() + span;
                tx.put_incoming(&row)?;
                Ok::<_, CoreError>(row.leased_until)
            })
            .await?;
        Ok(until.seconds())
    }
}

enum Leased {
    Some(Vec<Delivery>),
    None { next: Option<Timestamp> },
}

/// Gives a row a new lease.
pub(crate) fn take(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    row: &mut Incoming,
    now: Timestamp,
) -> Result<(), CoreError> {
    let mut token = [0; 16];
    entropy.fill(&mut token);
    row.state = InState::Leased;
    row.lease = Some(format!("l_{}", base64url::encode(&token)));
    row.leased_until = now + defaults::LEASE;
    row.attempt += 1;
    tx.put_incoming(row)?;
    Ok(())
}

/// The row, if `lease` is its current lease. A grant that ended since it was leased, or that is
/// suspended, takes the lease with it (invariant I5), whether the row says so yet or not.
pub(crate) fn current(
    tx: &dyn Tx,
    agent: &comity_did::Did,
    delivery: &str,
    lease: &str,
) -> Result<Incoming, CoreError> {
    let row = tx
        .incoming(delivery)?
        .filter(|row| row.recipient == *agent)
        .ok_or_else(|| super::trouble::not_found("delivery", &comity_api::safe(delivery)))?;
    let holds = row.state == InState::Leased
        && row.lease.as_deref() == Some(lease)
        && tx.now() < row.leased_until;
    let live = tx.grant(&row.grant, agent)?.is_some_and(|grant| {
        // Nor where the vouches that it stands on have not been confirmed for too long.
        let until = grant.vouched_until();
        let confirmed = until.is_none_or(|until| tx.now().seconds() < until);
        grant.state == GrantState::Active && confirmed
    });
    if holds && live {
        Ok(row)
    } else {
        Err(lease_lost(&row).into())
    }
}

/// The lease is over, or the delivery was settled or withdrawn.
pub(crate) fn lease_lost(row: &Incoming) -> Problem {
    let detail = match row.state {
        InState::Ready | InState::Leased => {
            "the lease ended before this; the delivery is offered again"
        }
        InState::Parked => "the delivery is parked; it is offered again when somebody answered",
        InState::Settled | InState::Dead => "the delivery has ended; nothing more happens with it",
    };
    Problem::new(Code::LEASE_LOST.as_str(), "the lease is no longer yours").detail(detail)
}

impl Core {
    /// The operator gives a delivery up; its sender sees `rejected`. What ended stays as it ended,
    /// and a dead one, whose sender knows already, is put away.
    pub(crate) async fn reject_delivery(&self, row: &Incoming) -> Result<(), CoreError> {
        let (entropy, delivery) = (Arc::clone(&self.entropy), row.delivery.clone());
        let agent = row.recipient.clone();
        self.store
            .write(move |tx| {
                let Some(mut row) = tx.incoming(&delivery)? else {
                    return Ok(());
                };
                match row.state {
                    InState::Settled => Ok(()),
                    InState::Dead => {
                        row.state = InState::Settled;
                        tx.put_incoming(&row)?;
                        Ok(())
                    }
                    InState::Ready | InState::Leased | InState::Parked => {
                        end_delivery(tx, &*entropy, &mut row, End::Dropped)
                    }
                }
            })
            .await?;
        self.signals.recorded.raise();
        self.signals.inbox(&agent).raise();
        Ok(())
    }
}

/// Gives a delivery up after its attempts.
pub(super) fn die(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    row: &mut Incoming,
) -> Result<(), CoreError> {
    end_delivery(tx, entropy, row, End::Dead(&Code::ATTEMPTS_EXHAUSTED))
}

/// How the node itself ends a delivery.
#[derive(Clone, Copy, Debug)]
pub(super) enum End<'a> {
    /// Its time ran out.
    Expired,
    /// Policy does not let it through any more.
    Refused(&'a Code),
    /// The operator gave it up.
    Dropped,
    /// It cannot be handed out; the operator may look.
    Dead(&'a Code),
}

/// Ends a delivery that its agent did not settle; its sender is told, by a receipt of the node.
pub(super) fn end_delivery(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    row: &mut Incoming,
    end: End<'_>,
) -> Result<(), CoreError> {
    let (state, stated, code) = match end {
        End::Expired => (InState::Settled, ReceiptState::Expired, &Code::EXPIRED),
        End::Refused(code) => (InState::Settled, ReceiptState::Refused, code),
        End::Dropped => (InState::Settled, ReceiptState::Rejected, &Code::DROPPED),
        End::Dead(code) => (InState::Dead, ReceiptState::Rejected, code),
    };
    row.state = state;
    row.lease = None;
    row.outcome = Some(Outcome::by_node(stated.as_str(), Some(code.clone())));
    tx.put_incoming(row)?;
    let settled = Settled {
        message: row.digest,
        state: stated,
        code: Some(code.to_string()),
        by: By::Node,
        attempt: u64::from(row.attempt),
        replies: Vec::new(),
    };
    note(tx, entropy, Event::Settled(settled), Some(row.digest))?;
    super::receipts::owe(tx, row, stated, Some(code.clone()), By::Node)
}
