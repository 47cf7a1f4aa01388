//! What time ends by itself, looked for once a second: messages, deliveries, questions to people,
//! knocks, grants; and
//! the minute's count of refusals that have no entry of their own (invariant I4).

use super::Core;
use super::lease::{End, end_delivery};
use super::note::note;
use super::parked;
use super::trouble::CoreError;
use super::trust::follow::end_grant;
use comity_engine::{Code, OutState};
use comity_record::Event;
use comity_record::entry::{Counted, Outcome};
use comity_store::{KnockState, StoreError, Tx};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Rows looked at in one round, of each kind.
const AT_ONCE: usize = 256;

impl Core {
    /// Runs until the node stops.
    pub(crate) async fn expire_forever(self: Arc<Self>) {
        let mut rounds: u64 = 0;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            rounds += 1;
            match self.expire(rounds.is_multiple_of(60)).await {
                Ok(()) => {}
                Err(CoreError::Store(StoreError::Closed)) => return,
                Err(error) => tracing::error!(%error, "what expired could not be ended"),
            }
        }
    }

    async fn expire(&self, minute: bool) -> Result<(), CoreError> {
        let (messages, knocks) = self
            .store
            .read(|tx| {
                let now = tx.now().seconds();
                Ok::<_, CoreError>((
                    tx.expired_outgoing(now, AT_ONCE)?,
                    tx.expired_knocks(now, AT_ONCE)?,
                ))
            })
            .await?;
        // What cannot be ended now is tried again; it must not keep other things from ending.
        for row in &messages {
            if let Err(error) = self.withdraw(row, OutState::Expired, "node").await {
                tracing::error!(%error, id = %row.id, "an expired message could not be ended");
            }
        }
        for knock in knocks {
            let (state, code) = (KnockState::Timeout, &Code::TIMEOUT);
            if let Err(error) = self.decline(&knock, state, code, "rule:timeout").await {
                tracing::error!(%error, id = %knock.id, "an expired knock could not be ended");
            }
        }
        self.expire_rows().await?;
        if minute {
            self.count_minute().await?;
            self.forget_seen().await?;
            self.expire_offers().await?;
        }
        Ok(())
    }

    /// An offer whose knock nobody answered in its time is over: the next message may knock anew.
    async fn expire_offers(&self) -> Result<(), CoreError> {
        // Time for an answer that was decided at the last moment to arrive.
        const GRACE: u64 = 3_600;
        let over = |tx: &dyn Tx| {
            let now = tx.now().seconds();
            let mut over = Vec::new();
            for row in tx.offered_grants()? {
                let knock = match &row.knock {
                    Some(knock) => tx.outgoing(&row.ours, knock)?,
                    None => None,
                };
                if let Some(knock) = knock
                    && now >= knock.expires + GRACE
                {
                    over.push((row, knock.digest));
                }
            }
            Ok::<_, CoreError>(over)
        };
        if self.store.read(over).await?.is_empty() {
            return Ok(());
        }
        let entropy = Arc::clone(&self.entropy);
        self.store
            .write(move |tx| {
                for (row, knock) in over(tx)? {
                    let (by, code) = ("rule:timeout", &Code::TIMEOUT);
                    end_grant(tx, &*entropy, row, Outcome::Declined, by, code, knock)?;
                }
                Ok::<_, CoreError>(())
            })
            .await?;
        self.signals.recorded.raise();
        self.signals.held.raise();
        Ok(())
    }

    async fn expire_rows(&self) -> Result<(), CoreError> {
        // Nothing to do costs a read, not a transaction of the writer.
        let idle = self
            .store
            .read(|tx| {
                let now = tx.now().seconds();
                Ok::<_, CoreError>(
                    tx.expired_incoming(now, 1)?.is_empty()
                        && tx.expired_grants(now, 1)?.is_empty(),
                )
            })
            .await?;
        if idle {
            return Ok(());
        }
        let entropy = Arc::clone(&self.entropy);
        let agents = self
            .store
            .write(move |tx| {
                let now = tx.now().seconds();
                let mut agents = BTreeSet::new();
                for mut row in tx.expired_incoming(now, AT_ONCE)? {
                    agents.insert(row.recipient.clone());
                    if now < row.expires {
                        parked::time_out(tx, &*entropy, &mut row)?;
                    } else {
                        end_delivery(tx, &*entropy, &mut row, End::Expired)?;
                    }
                }
                for row in tx.expired_grants(now, AT_ONCE)? {
                    agents.insert(row.ours.clone());
                    let id = row.grant.id();
                    end_grant(
                        tx,
                        &*entropy,
                        row,
                        Outcome::Ended,
                        "rule:until",
                        &Code::NO_GRANT,
                        id,
                    )?;
                }
                Ok::<_, CoreError>(agents)
            })
            .await?;
        self.signals.recorded.raise();
        self.signals.decided.raise();
        for agent in &agents {
            self.signals.all_changed(agent);
            // What stood behind an expired one may be leased now.
            self.signals.inbox(agent).raise();
        }
        Ok(())
    }

    /// One entry for all refusals of a minute that have none of their own; none if there were none.
    async fn count_minute(&self) -> Result<(), CoreError> {
        let counts = self.counters.take();
        if counts.is_empty() {
            return Ok(());
        }
        let entropy = Arc::clone(&self.entropy);
        self.store
            .write(move |tx| {
                let counts = counts.clone();
                note(tx, &*entropy, Event::Counted(Counted { counts }), None)?;
                Ok::<_, CoreError>(())
            })
            .await?;
        self.signals.recorded.raise();
        Ok(())
    }

    /// Forgets the ids of what could no longer be taken for fresh; others get their turn between.
    async fn forget_seen(&self) -> Result<(), CoreError> {
        const IN_ONE_UNIT: usize = 1_000;
        loop {
            let forgot = self
                .store
                .write(|tx| Ok::<_, CoreError>(tx.forget_seen(tx.now().seconds(), IN_ONE_UNIT)?))
                .await?;
            if forgot < IN_ONE_UNIT {
                return Ok(());
            }
        }
    }
}

/// Refusals by reason. Only our own words are keys, so it is bounded by them.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    minute: BTreeMap<String, u64>,
    since_start: BTreeMap<String, u64>,
}

impl Counters {
    pub(crate) fn count(&self, reason: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.minute.entry(reason.to_owned()).or_default() += 1;
        *counts.since_start.entry(reason.to_owned()).or_default() += 1;
    }

    fn take(&self) -> BTreeMap<String, u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut counts.minute)
    }

    /// Since the start of the process.
    pub(crate) fn all(&self) -> Vec<(String, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .since_start
            .iter()
            .map(|(reason, n)| (reason.clone(), *n))
            .collect()
    }
}
