//! What follows from a grant that begins or ends: the decision in its own unit, and all that hangs
//! on it (mail to the peer, deliveries from it) page by page after it.
//!
//! A decision holds from its commit on (invariant I5): whoever hands over, leases or settles reads
//! the grant again. The sweep behind it only says so at each row; it survives a crash, and nobody
//! waits for it, however much mail there is.

use crate::journey::Core;
use crate::journey::admit::{count_out, end_noted, ending};
use crate::journey::lease::{End, end_delivery};
use crate::journey::note::note;
use crate::journey::trouble::CoreError;
use comity_did::Did;
use comity_engine::decide::{Basis, Facts, Held, Verdict, decide};
use comity_engine::{Code, Grant, GrantState, OutState, Proved, Timestamp};
use comity_jose::Entropy;
use comity_record::entry::{Decided, EndedState, Outcome};
use comity_record::{Digest, Event};
use comity_store::{GrantRow, Incoming, OutKind, Outgoing, Page, StoreError, Tx};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Records a decision about a grant.
pub(crate) fn decided(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    row: &GrantRow,
    outcome: Outcome,
    message: Option<Digest>,
) -> Result<(), CoreError> {
    let grant = row.grant.id();
    let links = row.vouched.iter().flat_map(|standing| &standing.links);
    let vouches = links.map(|link| link.vouch).collect();
    let decided = Decided {
        grant,
        approval: row.approval,
        by: row.decided_by.clone(),
        outcome,
        message,
        vouches,
        asked: None,
    };
    note(tx, entropy, Event::Decision(decided), Some(grant))?;
    Ok(())
}

/// Other grants and offers of the pair give way to a new one: what waited for it goes out, and what
/// was accepted under them goes on, as far as the new one covers it.
pub(crate) fn begin_grant(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    new: &GrantRow,
    outcome: Outcome,
    message: Option<Digest>,
) -> Result<(), CoreError> {
    let why = (new.decided_by.as_str(), None);
    end_rows(tx, entropy, &new.ours, &new.peer, why, |row| {
        row.grant.id() != new.grant.id()
    })?;
    let mut begun = new.clone();
    // A new grant is no way to begin a rate anew.
    for before in tx.grants_of_pair(&new.ours, &new.peer)? {
        begun.paid_in = begun.paid_in.max(before.paid_in);
        begun.paid_out = begun.paid_out.max(before.paid_out);
        if before.grant.id() == new.grant.id() {
            (begun.uses, begun.sent) = (begun.uses.max(before.uses), begun.sent.max(before.sent));
        }
    }
    tx.put_grant(&begun)?;
    decided(tx, entropy, new, outcome, message)?;
    let under = Follow::Begun {
        grant: new.grant.id(),
    };
    Sweep::start(tx, entropy, new, under)
}

/// Ends grants and offers of a pair without what hangs on them; `why` is the code and who says so,
/// if anybody does.
fn end_rows(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    ours: &Did,
    peer: &Did,
    (by, code): (&str, Option<&Code>),
    which: impl Fn(&GrantRow) -> bool,
) -> Result<(), CoreError> {
    let now = tx.now();
    for mut row in tx.grants_of_pair(ours, peer)? {
        if row.state != GrantState::Ended && which(&row) {
            row.state = GrantState::Ended;
            row.version += 1;
            row.ended = Some(now);
            row.decided_by = by.to_owned();
            row.code = code.cloned().or(row.code);
            tx.put_grant(&row)?;
            decided(tx, entropy, &row, Outcome::Ended, None)?;
        }
    }
    Ok(())
}

/// Ends a grant, and with it all that hangs on it: mail to the peer, deliveries from it.
pub(crate) fn end_grant(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    mut grant: GrantRow,
    outcome: Outcome,
    by: &str,
    code: &Code,
    message: Digest,
) -> Result<(), CoreError> {
    let offered = grant.state == GrantState::Offered;
    grant.state = GrantState::Ended;
    grant.version += 1;
    grant.ended = Some(tx.now());
    grant.code = Some(code.clone());
    grant.decided_by = by.to_owned();
    tx.put_grant(&grant)?;
    let message = Some(message).filter(|message| *message != grant.grant.id());
    decided(tx, entropy, &grant, outcome, message)?;
    if matches!(outcome, Outcome::Revoked | Outcome::Ended) {
        // An offer under way would let the two back in without anybody deciding so.
        let why = (by, Some(code));
        end_rows(tx, entropy, &grant.ours, &grant.peer, why, |row| {
            row.state == GrantState::Offered
        })?;
    }
    // A wider offer that was declined leaves the live grant, and its mail, alone.
    let live = tx
        .grant_between(&grant.ours, &grant.peer)?
        .is_some_and(|other| other.state == GrantState::Active);
    let ended = Follow::Ended {
        code: code.clone(),
        by: by.to_owned(),
        offered,
        held_only: live,
    };
    Sweep::start(tx, entropy, &grant, ended)
}

/// What a decision means for the rows of a pair that were there before it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Follow {
    Begun {
        grant: Digest,
    },
    Ended {
        code: Code,
        by: String,
        /// It was an offer: held mail was refused by the peer rather than withdrawn by us.
        offered: bool,
        /// Another grant lives: only held mail ends.
        held_only: bool,
    },
}

/// A decision whose consequences are being written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sweep {
    ours: Did,
    peer: Did,
    follow: Follow,
    /// How far it came; `None` when that part is done.
    in_after: Option<u64>,
    out_after: Option<u64>,
    /// Rows that came later have nothing to do with it.
    in_until: u64,
    out_until: u64,
}

/// Rows in one unit.
const IN_ONE_UNIT: usize = 256;
/// The name under which unfinished sweeps are kept.
const SWEEPS: &str = "sweeps";

impl Sweep {
    /// Takes the first page at once; what is left is kept for [`Core::sweep_forever`].
    fn start(
        tx: &mut dyn Tx,
        entropy: &dyn Entropy,
        grant: &GrantRow,
        follow: Follow,
    ) -> Result<(), CoreError> {
        let deliveries = match &follow {
            Follow::Ended { held_only, .. } => !held_only,
            Follow::Begun { .. } => true,
        };
        let mut sweep = Self {
            ours: grant.ours.clone(),
            peer: grant.peer.clone(),
            follow,
            in_after: deliveries.then_some(0),
            out_after: Some(0),
            in_until: tx.newest_incoming()?,
            out_until: tx.newest_outgoing()?,
        };
        let mut waiting = Self::waiting(tx)?;
        // In the order of the decisions: what the one before ends must not go on under this one.
        let behind = waiting
            .iter()
            .any(|other| other.ours == sweep.ours && other.peer == sweep.peer);
        if behind || !sweep.page(tx, entropy)? {
            waiting.push(sweep);
            Self::keep(tx, &waiting)?;
        }
        Ok(())
    }

    fn waiting(tx: &dyn Tx) -> Result<Vec<Self>, CoreError> {
        let Some(kept) = tx.meta(SWEEPS)? else {
            return Ok(Vec::new());
        };
        serde_json::from_slice(&kept).map_err(|_| CoreError::Defect("sweeps that do not parse"))
    }

    fn keep(tx: &mut dyn Tx, waiting: &[Self]) -> Result<(), CoreError> {
        let octets = serde_json::to_vec(waiting);
        let octets = octets.map_err(|_| CoreError::Defect("sweeps that are no JSON"))?;
        Ok(tx.set_meta(SWEEPS, &octets)?)
    }

    /// One page. True when nothing is left.
    fn page(&mut self, tx: &mut dyn Tx, entropy: &dyn Entropy) -> Result<bool, CoreError> {
        let limit = IN_ONE_UNIT;
        let begun = match &self.follow {
            Follow::Begun { grant } => tx.grant(grant, &self.ours)?.map(|row| row.grant),
            Follow::Ended { .. } => None,
        };
        if let Some(after) = self.in_after {
            let rows = tx.unsettled(&self.ours, &self.peer, Page { after, limit })?;
            self.in_after = rows.get(limit - 1).map(|row| row.seq);
            for row in rows {
                if row.seq <= self.in_until {
                    self.delivery(tx, entropy, begun.as_ref(), row)?;
                }
            }
        }
        if let (None, Some(after)) = (self.in_after, self.out_after) {
            let rows = tx.unfinished(&self.ours, &self.peer, Page { after, limit })?;
            self.out_after = rows.get(limit - 1).map(|row| row.seq);
            for row in rows {
                if row.kind != OutKind::Contact && row.seq <= self.out_until {
                    self.mail(tx, entropy, begun.as_ref(), row)?;
                }
            }
        }
        Ok(self.in_after.is_none() && self.out_after.is_none())
    }

    fn mail(
        &self,
        tx: &mut dyn Tx,
        entropy: &dyn Entropy,
        begun: Option<&Grant>,
        mut row: Outgoing,
    ) -> Result<(), CoreError> {
        let (now, held) = (tx.now(), row.state == OutState::Held);
        let changed = match &self.follow {
            Follow::Begun { .. } if !held => false,
            Follow::Begun { .. } => match begun {
                Some(grant) => release(tx, entropy, &self.ours, grant, &mut row)?,
                None => refuse_held(tx, entropy, &mut row, &Code::TYPE_NOT_GRANTED, now)?,
            },
            Follow::Ended { held_only, .. } if *held_only && !held => false,
            Follow::Ended {
                code,
                offered: true,
                ..
            } => refuse_held(tx, entropy, &mut row, code, now)?,
            Follow::Ended { code, by, .. } => {
                let ended = ending(&mut row, OutState::Cancelled, Some(code.clone()), by, now);
                if ended {
                    let (state, why) = (EndedState::Cancelled, code.as_str());
                    end_noted(tx, entropy, row.digest, state, why)?;
                }
                ended
            }
        };
        if changed {
            tx.put_outgoing(&row)?;
            tx.put_event(&row.agent, &row.id)?;
        }
        Ok(())
    }

    fn delivery(
        &self,
        tx: &mut dyn Tx,
        entropy: &dyn Entropy,
        begun: Option<&Grant>,
        mut row: Incoming,
    ) -> Result<(), CoreError> {
        if let Follow::Ended { code, .. } = &self.follow {
            return end_delivery(tx, entropy, &mut row, End::Refused(code));
        }
        let Some(grant) = begun else { return Ok(()) };
        let id = grant.id();
        if row.grant == id {
            return Ok(());
        }
        if grant.permits(&row.sender, &row.type_) || row.rule == Basis::Reply.as_str() {
            row.grant = id;
            tx.put_incoming(&row)?;
            return Ok(());
        }
        end_delivery(tx, entropy, &mut row, End::Refused(&Code::TYPE_NOT_GRANTED))
    }
}

/// True if a decision that ends this message is made, and not yet written down at it.
pub(in crate::journey) fn is_ending(tx: &dyn Tx, row: &Outgoing) -> Result<bool, CoreError> {
    let waiting = Sweep::waiting(tx)?;
    Ok(waiting.iter().any(|sweep| {
        let ends = matches!(sweep.follow, Follow::Ended { held_only, .. } if !held_only);
        ends && sweep.ours == row.agent && sweep.peer == row.to && row.seq <= sweep.out_until
    }))
}

impl Core {
    /// Writes down what decisions mean for rows, until the node stops.
    pub(crate) async fn sweep_forever(self: Arc<Self>) {
        let mut listener = self.signals.decided.listen();
        loop {
            match self.sweep().await {
                Ok(()) => listener.wait(Duration::from_secs(60)).await,
                Err(CoreError::Store(StoreError::Closed)) => return,
                Err(error) => {
                    tracing::error!(%error, "what a decision means could not be written down");
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
            }
        }
    }

    /// Goes on with what a decision left to be written down, a page in each unit.
    async fn sweep(&self) -> Result<(), CoreError> {
        loop {
            let idle = self
                .store
                .read(|tx| Ok::<_, CoreError>(Sweep::waiting(tx)?.is_empty()));
            if idle.await? {
                return Ok(());
            }
            let entropy = Arc::clone(&self.entropy);
            let agent = self
                .store
                .write(move |tx| {
                    let mut waiting = Sweep::waiting(tx)?;
                    let Some(first) = waiting.first_mut() else {
                        return Ok::<_, CoreError>(None);
                    };
                    let agent = first.ours.clone();
                    if first.page(tx, &*entropy)? {
                        waiting.remove(0);
                    }
                    Sweep::keep(tx, &waiting)?;
                    Ok(Some(agent))
                })
                .await?;
            if let Some(agent) = agent {
                self.signals.recorded.raise();
                self.signals.outbox.raise();
                self.signals.all_changed(&agent);
                self.signals.inbox(&agent).raise();
            }
        }
    }
}

/// A held message goes out under the grant that began, if it covers it: now, or when its rate lets
/// it. How large it may be is its recipient's to say here.
fn release(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    ours: &Did,
    grant: &Grant,
    row: &mut Outgoing,
) -> Result<bool, CoreError> {
    let (id, now) = (grant.id(), tx.now());
    let Some(known) = tx.grant(&id, ours)? else {
        return Ok(false);
    };
    let facts = Facts {
        sender: ours,
        type_: &row.type_,
        bytes: 0,
        deniable: false,
        grant: Some(Held {
            grant,
            state: known.state,
            uses: known.sent,
            paid: known.paid_out,
            vouched_until: known.vouched_until(),
        }),
        reply_to: None,
        blocked: tx.is_blocked(&row.to)?,
        now,
    };
    let from = match decide(&facts).verdict {
        Verdict::Allow => now,
        Verdict::Wait(from) => from,
        Verdict::Refuse(code) => return refuse_held(tx, entropy, row, &code, now),
    };
    count_out(tx, ours, &id)?;
    row.grant = Some(id);
    row.next_attempt = from;
    Ok(row.advance(OutState::Queued, now.seconds(), "node", Proved::None))
}

fn refuse_held(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    row: &mut Outgoing,
    code: &Code,
    now: Timestamp,
) -> Result<bool, CoreError> {
    let ended = ending(row, OutState::Refused, Some(code.clone()), "peer", now);
    if ended {
        end_noted(tx, entropy, row.digest, EndedState::Failed, code.as_str())?;
    }
    Ok(ended)
}
