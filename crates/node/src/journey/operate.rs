//! What the operator sees: status, lists, single things. Reads only; decisions are in `trust`.

use super::Core;
use super::looks::{self, Known, known};
use super::trouble::{CoreError, ambiguous, not_found};
use super::trust::{Operator, decisions};
use super::views;
use comity_api::Problem;
use comity_api::operator::{
    Agent, CreatedAgent, Entry, Grant, Knock, ListQuery, MessageRow, Peer, RecordStatus, Replaces,
    Status, WatchEvent,
};
use comity_api::safe;
use comity_did::{Did, DidDocument, DidUrl, Relationship};
use comity_engine::role::Act;
use comity_engine::{Grant as Terms, GrantState, InState, OutState, WaitingOn, defaults};
use comity_jose::base64url;
use comity_store::{EntryRow, GrantRow, Incoming, KnockRow, Outgoing, Page, Tx};
use serde_json::json;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Rows of a list at most.
const LIST_MAX: usize = 1_000;
/// Rows of a list when nobody says.
const LIST: usize = 100;

impl Core {
    /// One screen.
    ///
    /// # Errors
    /// Storage.
    pub async fn status(&self) -> Result<Status, Problem> {
        let head = self
            .head()
            .await?
            .ok_or(CoreError::Defect("no log was started"))?;
        let (pending, held, outbox, inbox, logs): (_, _, _, Vec<(String, u64)>, _) = self
            .store
            .read(|tx| {
                let held = tx.held_outgoing(LIST_MAX)?;
                let held = held
                    .iter()
                    .filter(|row| row.waiting_on == Some(WaitingOn::Operator))
                    .count();
                Ok::<_, CoreError>((
                    tx.knock_room()?.len() as u64,
                    held as u64,
                    tx.count_outgoing()?,
                    tx.count_incoming()?,
                    tx.peer_logs()?,
                ))
            })
            .await?;
        let alarms = logs.into_iter().filter_map(|log| {
            let alarm = log.alarm?;
            Some(format!("the log {} of {}: {alarm}", log.origin, log.peer))
        });
        let mut alarms: Vec<String> = alarms.collect();
        alarms.extend(self.webhook_alarms().await?);
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: self.site.authority(),
            public_url: self.site.public_url(),
            wire: self.site.wire().to_string(),
            agent_door: self.site.agent_url(),
            operator_url: self.site.operator_url(),
            outbound: self.site.outbound().as_str().to_owned(),
            agents: self.list_agents().await?,
            knocks_pending: pending,
            held_for_operator: held,
            parked: inbox
                .iter()
                .filter(|(state, _)| state == InState::Parked.as_str())
                .map(|(_, n)| n)
                .sum(),
            outbox,
            inbox,
            record: RecordStatus {
                origin: head.origin,
                size: head.size,
                vkey: head.vkey,
                checkpoint: head.note,
            },
            alarms,
            refused: self.counters.all(),
        })
    }

    /// The agents hosted now, by name.
    ///
    /// # Errors
    /// Storage.
    pub async fn list_agents(&self) -> Result<Vec<Agent>, Problem> {
        let rows = self
            .store
            .read(|tx| {
                let mut rows = Vec::new();
                for row in tx.agents()? {
                    let unsettled = tx.count_unsettled(&row.did)?;
                    rows.push((row, unsettled));
                }
                Ok::<_, CoreError>(rows)
            })
            .await?;
        let shown = rows.into_iter().map(|(row, inbox)| {
            let hosted = self.agent_of(&row.did);
            let fingerprint = hosted.and_then(|hosted| {
                let key = hosted
                    .document
                    .key(&hosted.signing_kid, Relationship::Authentication)?;
                Some(key.fingerprint())
            });
            Agent {
                connected: self.is_connected(&row.did),
                name: row.name,
                did: row.did.to_string(),
                state: match row.state {
                    comity_store::AgentState::Active => "active".to_owned(),
                    comity_store::AgentState::Removed => "removed".to_owned(),
                },
                fingerprint: fingerprint.unwrap_or_default(),
                created: row.created.seconds(),
                inbox,
            }
        });
        Ok(shown.collect())
    }

    /// Creates an agent. Its token is shown only now.
    ///
    /// # Errors
    /// `by` may not; the name is taken or none; storage.
    pub async fn create_agent(&self, by: &Operator, name: &str) -> Result<CreatedAgent, Problem> {
        by.check(Act::Manage)?;
        let (hosted, token) = self.new_agent(by, name).await?;
        let agents = self.list_agents().await?;
        let agent = agents.into_iter().find(|agent| agent.name == hosted.name);
        Ok(CreatedAgent {
            agent: agent.ok_or(CoreError::Defect("a new agent that is not listed"))?,
            token,
            token_file: self.site.token_file(&hosted.name).display().to_string(),
        })
    }

    /// Stops hosting an agent; its name stays taken.
    ///
    /// # Errors
    /// `by` may not; there is no such agent.
    pub async fn remove_agent(&self, by: &Operator, name: &str) -> Result<(), Problem> {
        by.check(Act::Manage)?;
        self.retire_agent(by, name).await?;
        let _ = std::fs::remove_file(self.site.token_file(name));
        Ok(())
    }

    /// Knocks, newest first; with `all` those that were decided, too.
    ///
    /// # Errors
    /// Storage.
    pub async fn knocks(&self, all: bool) -> Result<Vec<Knock>, Problem> {
        let rows = self
            .store
            .read(move |tx| {
                let known = known(tx)?;
                let rows = tx.knocks(!all, LIST_MAX)?.into_iter().map(|row| {
                    let live = tx.grant_between(&row.recipient, &row.sender)?;
                    let live = live.filter(|live| live.state == GrantState::Active);
                    knock(&row, &proving_key(tx, &row)?, live.as_ref(), &known)
                });
                rows.collect::<Result<Vec<_>, CoreError>>()
            })
            .await?;
        Ok(rows)
    }

    /// All live grants, newest first; with `all` the newest that ended, too, after them.
    ///
    /// # Errors
    /// Storage.
    pub async fn grants(&self, all: bool) -> Result<Vec<Grant>, Problem> {
        let rows = self
            .store
            .read(move |tx| match all {
                true => grant_rows(tx),
                false => Ok::<_, CoreError>(tx.live_grants()?),
            })
            .await?;
        Ok(rows.iter().map(grant).collect())
    }

    /// Peers we know.
    ///
    /// # Errors
    /// Storage.
    pub async fn peers(&self) -> Result<Vec<Peer>, Problem> {
        let (peers, grants, blocks, known) = self
            .store
            .read(|tx| {
                let (mut peers, grants) = (tx.peers(LIST_MAX)?, grant_rows(tx)?);
                for peer in &mut peers {
                    peer.blocked = tx.is_blocked(&peer.did)?;
                }
                Ok::<_, CoreError>((peers, grants, tx.blocks()?, known(tx)?))
            })
            .await?;
        let shown = peers.into_iter().map(|peer| Peer {
            grants: grants
                .iter()
                .filter(|row| row.peer == peer.did)
                .map(|row| (row.ours.to_string(), row.state.as_str().to_owned()))
                .collect(),
            who: looks::party(&peer.did),
            warnings: looks::warnings(&peer.did, &known),
            did: peer.did.to_string(),
            blocked: peer.blocked,
            first_seen: peer.first_seen.seconds(),
            speaks: peer.speaks.iter().map(|word| safe(word)).collect(),
        });
        let domains = blocks.into_iter().map(|block| Peer {
            who: comity_api::operator::Party::default(),
            warnings: Vec::new(),
            did: block.domain.to_string(),
            blocked: true,
            grants: Vec::new(),
            first_seen: block.since.seconds(),
            speaks: Vec::new(),
        });
        Ok(shown.chain(domains).collect())
    }

    /// Messages in both directions, oldest first.
    ///
    /// # Errors
    /// Storage.
    pub async fn messages(&self, query: ListQuery) -> Result<Vec<MessageRow>, Problem> {
        let page = page(&query);
        let (out, inn) = self
            .store
            .read(move |tx| Ok::<_, CoreError>((tx.list_outgoing(page)?, tx.list_incoming(page)?)))
            .await?;
        let mut rows: Vec<MessageRow> = out.iter().map(|row| self.outgoing(row)).collect();
        rows.extend(inn.iter().map(incoming));
        rows.sort_by_key(|row| row.at);
        Ok(rows)
    }

    /// Messages that wait on the operator.
    ///
    /// # Errors
    /// Storage.
    pub async fn held(&self) -> Result<Vec<MessageRow>, Problem> {
        let rows = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.held_outgoing(LIST_MAX)?))
            .await?;
        Ok(rows.iter().map(|row| self.outgoing(row)).collect())
    }

    /// One message with its plaintext, by the start of its id, delivery id or digest.
    ///
    /// # Errors
    /// There is no such message, or more than one.
    pub async fn message(&self, prefix: &str) -> Result<MessageRow, Problem> {
        let wanted = prefix.to_owned();
        let found = self
            .store
            .read(move |tx| {
                let mut found = Vec::new();
                for row in tx.find_outgoing(&wanted)? {
                    let answer = row.answer.as_ref().map(|id| tx.incoming(id)).transpose()?;
                    let answer = answer.flatten().map(Kept::In);
                    found.push((Kept::Out(row).read(tx)?, answer));
                }
                for row in tx.find_incoming(&wanted)? {
                    let replies = row.outcome.iter().flat_map(|outcome| &outcome.messages);
                    let answer = replies.map(|id| tx.outgoing(&row.recipient, id)).next();
                    let answer = answer.transpose()?.flatten().map(Kept::Out);
                    found.push((Kept::In(row).read(tx)?, answer));
                }
                let with_answer = found.into_iter().map(|(row, answer)| {
                    let answer = answer.map(|answer| answer.read(tx)).transpose()?;
                    Ok::<_, CoreError>((row, answer))
                });
                with_answer.collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let rows = found.into_iter().map(|(row, answer)| MessageRow {
            answer: answer.map(|answer| Box::new(self.row_of(answer))),
            ..self.row_of(row)
        });
        let mut rows: Vec<MessageRow> = rows.collect();
        match rows.len() {
            0 => Err(not_found("message", &safe(prefix)).next("comity message")),
            1 => Ok(rows.remove(0)),
            _ => Err(ambiguous(&safe(prefix))),
        }
    }

    /// Gives a message up: one of ours is cancelled, a delivery is rejected for its agent.
    ///
    /// # Errors
    /// `by` may not; there is no such message, or more than one.
    pub async fn drop_message(&self, by: &Operator, prefix: &str) -> Result<MessageRow, Problem> {
        by.check(Act::Manage)?;
        let wanted = prefix.to_owned();
        let (out, inn) = self
            .store
            .read(move |tx| {
                Ok::<_, CoreError>((tx.find_outgoing(&wanted)?, tx.find_incoming(&wanted)?))
            })
            .await?;
        match (out.as_slice(), inn.as_slice()) {
            ([], []) => Err(not_found("message", &safe(prefix)).next("comity message")),
            ([row], []) => {
                self.note_act(by, "message-drop", row.digest.to_string())
                    .await?;
                self.withdraw(row, OutState::Cancelled, "operator").await?;
                self.message(&row.digest.to_string()).await
            }
            ([], [row]) => {
                self.note_act(by, "message-drop", row.digest.to_string())
                    .await?;
                self.reject_delivery(row).await?;
                self.message(&row.digest.to_string()).await
            }
            _ => Err(ambiguous(&safe(prefix))),
        }
    }

    /// Entries of the record, oldest first.
    ///
    /// # Errors
    /// Storage.
    pub async fn entries(&self, query: ListQuery) -> Result<Vec<Entry>, Problem> {
        let page = page(&query);
        let rows = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.entries(page)?))
            .await?;
        Ok(rows.iter().map(entry).collect())
    }

    /// What happened after `query.after`, waiting for the first.
    ///
    /// # Errors
    /// Storage.
    pub async fn watch(&self, query: ListQuery) -> Result<Vec<WatchEvent>, Problem> {
        let wait = Duration::from_secs(query.wait_s).min(defaults::WAIT_MAX);
        let deadline = Instant::now() + wait;
        let page = page(&query);
        loop {
            let mut listener = self.signals.integrated.listen();
            let rows = self
                .store
                .read(move |tx| Ok::<_, CoreError>(tx.entries(page)?))
                .await?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !rows.is_empty() || left.is_zero() {
                let event = |row: &EntryRow| {
                    let record = record_of(row)?;
                    Some(WatchEvent {
                        seq: row.seq,
                        kind: row.kind.clone(),
                        at: record.get("at").and_then(serde_json::Value::as_u64)?,
                        record,
                    })
                };
                return Ok(rows.iter().filter_map(event).collect());
            }
            listener.wait(left).await;
        }
    }

    fn row_of(&self, (row, message): (Kept, Option<serde_json::Value>)) -> MessageRow {
        let shown = match &row {
            Kept::In(row) => incoming(row),
            Kept::Out(row) => self.outgoing(row),
        };
        MessageRow { message, ..shown }
    }

    fn outgoing(&self, row: &Outgoing) -> MessageRow {
        MessageRow {
            detail: row.reason.clone().or_else(|| self.delayed_by(row)),
            ..outgoing(row)
        }
    }

    /// Records an act whose effect takes units of its own: before it.
    pub(crate) async fn note_act(
        &self,
        by: &Operator,
        act: &'static str,
        about: String,
    ) -> Result<(), CoreError> {
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        self.store
            .write(move |tx| by.acts(tx, &*entropy, act, &about))
            .await?;
        self.signals.recorded.raise();
        Ok(())
    }

    /// Whether an agent of this node, or anything for it, is connected.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .sum()
    }
}

/// A message of either direction.
enum Kept {
    In(Incoming),
    Out(Outgoing),
}

impl Kept {
    /// With its plaintext, if that was not erased.
    fn read(self, tx: &dyn Tx) -> Result<(Self, Option<serde_json::Value>), CoreError> {
        let (digest, signed) = match &self {
            Self::In(row) => (&row.digest, row.proof_anyone),
            Self::Out(row) => (&row.digest, true),
        };
        let octets = tx.message(digest)?;
        let plain = octets.map(|octets| views::plaintext(&octets, signed));
        Ok((self, plain.transpose()?))
    }
}

pub(super) fn page(query: &ListQuery) -> Page {
    Page {
        after: query.after,
        limit: query.limit.unwrap_or(LIST).clamp(1, LIST_MAX),
    }
}

/// All live grants, then the newest that ended.
fn grant_rows(tx: &dyn Tx) -> Result<Vec<GrantRow>, CoreError> {
    let mut rows = tx.live_grants()?;
    let newest = tx.grants(LIST_MAX)?.into_iter();
    rows.extend(newest.filter(|row| row.state == GrantState::Ended));
    Ok(rows)
}

/// Fingerprint of the key that signed a knock, by the document it was proved with. It is what two
/// operators compare, so it must be that key and no other of the document.
fn proving_key(tx: &dyn Tx, row: &KnockRow) -> Result<String, CoreError> {
    let document = tx.document(&row.document)?.and_then(|(did, octets, _)| {
        let kid: DidUrl = row.kid.parse().ok()?;
        Some((DidDocument::parse(&did, &octets).ok()?, kid))
    });
    let key = document.as_ref().and_then(|(document, kid)| {
        Some(
            document
                .key(kid, Relationship::Authentication)?
                .fingerprint(),
        )
    });
    Ok(key.unwrap_or_default())
}

fn knock(
    row: &KnockRow,
    fingerprint: &str,
    live: Option<&GrantRow>,
    known: &Known,
) -> Result<Knock, CoreError> {
    let offer = &row.knock.offer;
    let listed = |did| offer.types_from(did).iter().map(safe).collect();
    let first = row.knock.first.as_ref();
    let approval = decisions::approval_of(row, row.document, row.pin.clone())?;
    let mut warnings = looks::warnings(&row.sender, known);
    warnings.extend(looks::warnings_of_text(&row.knock.purpose));
    Ok(Knock {
        id: row.id.to_string(),
        from: row.sender.to_string(),
        who: looks::party(&row.sender),
        warnings,
        to: row.recipient.to_string(),
        state: row.state.as_str().to_owned(),
        purpose: safe(&row.knock.purpose),
        they_may_send: listed(&row.sender),
        you_may_send: listed(&row.recipient),
        until: offer.until(),
        first: first.map(|first| json!({"type": safe(&first.type_), "bytes": first.bytes})),
        vouched_by: row
            .vouched
            .iter()
            .map(|standing| {
                standing
                    .links
                    .iter()
                    .map(|link| link.issuer.to_string())
                    .collect()
            })
            .collect(),
        not_vouched: row.not_vouched.clone(),
        invited: row.invitation.is_some(),
        proved_by: row.kid.clone(),
        fingerprint: fingerprint.to_owned(),
        received: row.received.seconds(),
        expires: row.expires,
        replaces: live.map(|live| replaces(row, live)),
        approval: approval.to_string(),
    })
}

/// What approving a knock as it stands would change.
fn replaces(row: &KnockRow, live: &GrantRow) -> Replaces {
    let gain = |did: &Did, new: &Terms, old: &Terms| {
        let new = new.types_from(did).iter();
        let old = old.types_from(did).to_vec();
        new.filter(|type_| old.iter().all(|old| old != type_))
            .map(safe)
            .collect()
    };
    let (new, old) = (&row.knock.offer, &live.grant);
    Replaces {
        grant: old.id().to_string(),
        they_gain: gain(&row.sender, new, old),
        they_lose: gain(&row.sender, old, new),
        you_gain: gain(&row.recipient, new, old),
        you_lose: gain(&row.recipient, old, new),
        until: old.until(),
    }
}

/// A grant as operators see it.
pub(super) fn grant(row: &GrantRow) -> Grant {
    let listed = |did| row.grant.types_from(did).iter().map(safe).collect();
    let limits = row.grant.restrictions();
    Grant {
        id: row.grant.id().to_string(),
        ours: row.ours.to_string(),
        peer: row.peer.to_string(),
        state: row.state.as_str().to_owned(),
        they_may_send: listed(&row.peer),
        we_may_send: listed(&row.ours),
        until: row.grant.until(),
        deniable: limits.deniable,
        uses: row.uses,
        sent: row.sent,
        most_uses: limits.uses,
        rate: limits.rate.map(|rate| comity_api::operator::Rate {
            messages: rate.messages,
            seconds: rate.seconds,
        }),
        max_bytes: limits.max_bytes,
        note: safe(&row.note),
        vouched_by: row
            .vouched
            .iter()
            .flat_map(|standing| &standing.links)
            .map(|link| link.issuer.to_string())
            .collect(),
        code: row.code.as_ref().map(ToString::to_string),
        decided_by: row.decided_by.clone(),
        created: row.created.seconds(),
    }
}

fn outgoing(row: &Outgoing) -> MessageRow {
    let waits = row.waiting_on.map(|on| format!("waits on {on}"));
    let code = row.code.as_ref().map(ToString::to_string);
    MessageRow {
        direction: "out".to_owned(),
        seq: row.seq,
        id: row.id.to_string(),
        digest: row.digest.to_string(),
        from: row.agent.to_string(),
        to: row.to.to_string(),
        type_: row.type_.to_string(),
        thid: row.thid.to_string(),
        state: row.state.as_str().to_owned(),
        reason: waits.or(code).or_else(|| row.reason.clone()),
        detail: None,
        sender_order: row.order,
        attempts: row.attempts,
        at: row.created.seconds(),
        history: views::steps(row),
        answer: None,
        message: None,
    }
}

fn incoming(row: &Incoming) -> MessageRow {
    MessageRow {
        direction: "in".to_owned(),
        seq: row.seq,
        id: row.id.to_string(),
        digest: row.digest.to_string(),
        from: row.sender.to_string(),
        to: row.recipient.to_string(),
        type_: row.type_.to_string(),
        thid: row.thid.to_string(),
        state: row.state.as_str().to_owned(),
        reason: match row.state {
            InState::Parked => Some("waits for your answer".to_owned()),
            _ => row.outcome.as_ref().map(|outcome| match &outcome.code {
                Some(code) => format!("{}: {code}", outcome.outcome),
                None => outcome.outcome.clone(),
            }),
        },
        detail: row
            .parked
            .as_ref()
            .filter(|_| row.state == InState::Parked)
            .map(|parked| format!("\"{}\"", safe(&parked.question))),
        sender_order: row.order,
        attempts: row.attempt,
        at: row.received.seconds(),
        history: Vec::new(),
        answer: None,
        message: None,
    }
}

fn entry(row: &EntryRow) -> Entry {
    Entry {
        seq: row.seq,
        index: row.index,
        kind: row.kind.clone(),
        commitment: base64url::encode(&row.commitment),
        record: record_of(row),
    }
}

fn record_of(row: &EntryRow) -> Option<serde_json::Value> {
    serde_json::from_slice(row.record.as_deref()?).ok()
}
