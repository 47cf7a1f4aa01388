//! Outbound, agent to outbox: check, sign, then message, record entry and outbox row in one
//! transaction (design §3, outbound 1 and 2).

use super::Core;
use super::admit::{Ready, Verdict, judge, keep};
use super::draft::Draft;
use super::identity::{Caller, Hosted};
use super::trouble::{CoreError, bad};
use super::views;
use crate::fail;
use comity_api::Problem;
use comity_api::agent::{Message, Send};
use comity_did::Did;
use comity_didcomm::{MessageId, MessageType};
use comity_engine::{Code, OutState, defaults};
use comity_jose::{json, sha256};
use comity_record::Digest;
use comity_store::{Outgoing, StoreError, Tx, Way};
use std::sync::Arc;

/// A message of an agent, checked for form and not yet signed.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) draft: Draft,
    pub(crate) submitted: [u8; 32],
    pub(crate) purpose: Option<String>,
    pub(crate) ask: bool,
}

impl Core {
    /// Takes a message of an agent. Returns it, and whether it is new.
    ///
    /// # Errors
    /// A [`Problem`]: malformed, id used for other content, outbox full, storage.
    pub async fn submit(&self, caller: &Caller, send: Send) -> Result<(Message, bool), Problem> {
        let prepared = self.prepare(send, None)?;
        let rows = self
            .send_all(&caller.hosted, vec![prepared], &caller.label, |_, _, _| {
                Ok(())
            })
            .await?;
        let (row, new) = rows
            .into_iter()
            .next()
            .ok_or(CoreError::Defect("a lost message"))?;
        Ok((views::message(&row, None), new))
    }

    /// Checks a SEND for form. `within` is the delivery that a settlement replies to.
    pub(crate) fn prepare(
        &self,
        send: Send,
        within: Option<&comity_store::Incoming>,
    ) -> Result<Prepared, Problem> {
        let canonical = serde_json::to_value(&send)
            .ok()
            .and_then(|value| json::canonical(&value).ok())
            .ok_or_else(|| bad("the message is not plain JSON"))?;
        let submitted = sha256(&[b"send", &canonical]);
        if canonical.len() > defaults::PLAINTEXT_BYTES_MAX - 8 * 1024 {
            return Err(
                Problem::new(Code::TOO_LARGE.as_str(), "the message is too large")
                    .detail(format!("{} octets; at most 1 MiB", canonical.len())),
            );
        }
        if !send.body.is_object() {
            return Err(bad("the body must be a JSON object"));
        }
        let id = match &send.id {
            Some(id) => id.to_lowercase().parse().ok().filter(|_| id.len() <= 64),
            None => uuid::Uuid::new_v4().to_string().parse::<MessageId>().ok(),
        }
        .ok_or_else(|| bad("an id has 1 to 64 of A-Z a-z 0-9 - . _ ~"))?;
        let to = match (&send.to, within) {
            (Some(text), _) => self.did_of(text)?,
            (None, Some(delivery)) => delivery.sender.clone(),
            (None, None) => return Err(bad("the message says no recipient").next("add `to`")),
        };
        let type_ = read_type(&send.type_, within)?;
        // Types are compared without regard to case (DIDComm v2.1 §"Message Types").
        if type_.as_str().to_ascii_lowercase().starts_with(OURS) {
            return Err(bad(format!(
                "{} is the node's own",
                comity_api::safe(&send.type_)
            )));
        }
        let thread = |text: &Option<String>| {
            let read = |text: &String| {
                text.parse::<MessageId>()
                    .map_err(|_| bad("a thread is named by a message id"))
            };
            text.as_ref().map(read).transpose()
        };
        let thid = match (thread(&send.thid)?, within) {
            (Some(thid), _) => thid,
            (None, Some(delivery)) if delivery.sender == to => delivery.thid.clone(),
            _ => id.clone(),
        };
        let created = self.clock.now().seconds();
        let latest = created + defaults::EXPIRY_MAX.as_secs();
        let expires = send
            .expires_time
            .unwrap_or(created + defaults::EXPIRY.as_secs());
        if expires <= created || expires > latest {
            return Err(bad("expires_time must be ahead, and at most 30 days"));
        }
        let causes = read_causes(send.causes.as_deref().unwrap_or_default())?;
        if let Some(purpose) = &send.purpose
            && purpose.chars().count() > defaults::PURPOSE_CHARS_MAX
        {
            return Err(bad("a purpose has at most 280 characters"));
        }
        let pthid = thread(&send.pthid)?;
        let draft = Draft {
            id,
            to,
            type_,
            thid,
            pthid,
            ack: Vec::new(),
            created,
            expires,
            causes,
            body: send.body,
        };
        Ok(Prepared {
            draft,
            submitted,
            purpose: send.purpose,
            ask: send.ask,
        })
    }

    /// Reads a DID or a handle. In development a handle's host may be one of the host map.
    pub(crate) fn did_of(&self, text: &str) -> Result<Did, Problem> {
        let read = if text.starts_with("did:") {
            Did::parse(text).ok()
        } else {
            comity_did::web::from_handle(text).ok()
        };
        read.ok_or_else(|| {
            bad(format!(
                "{} is neither a DID nor a handle",
                comity_api::safe(text)
            ))
            .next("write did:web:agents.org-b.com:bruno or bruno@agents.org-b.com")
        })
    }

    /// Signs `messages` and keeps them in one transaction, together with what `also` writes there.
    ///
    /// Policy is asked twice: before signing, to know whether the message gets a place in the
    /// order, and in the transaction, on what holds then. If the answer or the order changed in
    /// between, it starts again.
    pub(crate) async fn send_all<F>(
        &self,
        agent: &Arc<Hosted>,
        messages: Vec<Prepared>,
        by: &str,
        also: F,
    ) -> Result<Vec<(Outgoing, bool)>, CoreError>
    where
        F: Fn(&mut dyn Tx, &dyn comity_jose::Entropy, &[Outgoing]) -> Result<(), CoreError>
            + std::marker::Send
            + Sync
            + 'static,
    {
        const TRIES: usize = 16;
        if messages.iter().any(|one| one.draft.to == agent.did) {
            return Err(bad("an agent does not write to itself").into());
        }
        let also = Arc::new(also);
        let streams = messages
            .iter()
            .map(|one| (&agent.did, &one.draft.to, &one.draft.thid));
        let _turn = self.streams.lock_all(streams).await;
        // How large each is when signed; not known before the first try.
        let mut sizes = vec![0; messages.len()];
        for _ in 0..TRIES {
            let ready = match self.sign_all(agent, &messages, &mut sizes).await? {
                Signed::Known(rows) => {
                    // The messages are here already; what was to come with them may not be.
                    let (entropy, kept) = (Arc::clone(&self.entropy), rows.clone());
                    let also = Arc::clone(&also);
                    self.store
                        .write(move |tx| {
                            let rows: Vec<_> = kept.iter().map(|(row, _)| row.clone()).collect();
                            also(tx, &*entropy, &rows)
                        })
                        .await?;
                    return Ok(rows);
                }
                Signed::New(ready) => ready,
            };
            fail::point("submit.before-commit");
            match self.keep_all(agent, ready, by, Arc::clone(&also)).await {
                Err(CoreError::Store(StoreError::Conflict)) => {}
                done => {
                    let rows = done?;
                    fail::point("submit.after-commit");
                    self.announce(agent, &rows);
                    return Ok(rows.into_iter().map(|row| (row, true)).collect());
                }
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn sign_all(
        &self,
        agent: &Arc<Hosted>,
        messages: &[Prepared],
        sizes: &mut [u64],
    ) -> Result<Signed, CoreError> {
        let plans = self.plan(agent, messages.to_vec(), sizes.to_vec()).await?;
        let (mut known, mut ready) = (Vec::new(), Vec::new());
        for ((prepared, plan), size) in messages.iter().zip(plans).zip(sizes) {
            match plan {
                Plan::Known(row) => known.push((*row, false)),
                Plan::New { order } => {
                    let number = order.map(|(_, number)| number);
                    let signed = self.sign(agent, &prepared.draft, number).await?;
                    *size = signed.bytes.max(*size);
                    ready.push(Ready {
                        prepared: prepared.clone(),
                        signed,
                        bytes: *size,
                        order,
                    });
                }
            }
        }
        match (known.is_empty(), ready.is_empty()) {
            (false, true) => Ok(Signed::Known(known)),
            (true, _) => Ok(Signed::New(ready)),
            // Part of a settlement's messages exist already: not the same settlement.
            (false, false) => Err(conflict(&known[0].0.id).into()),
        }
    }

    async fn plan(
        &self,
        agent: &Arc<Hosted>,
        messages: Vec<Prepared>,
        sizes: Vec<u64>,
    ) -> Result<Vec<Plan>, CoreError> {
        let (agent, outbound) = (agent.did.clone(), self.site.outbound());
        self.store
            .read(move |tx| {
                let mut given: Vec<(Did, MessageId, u64)> = Vec::new();
                let mut plans = Vec::with_capacity(messages.len());
                for (prepared, bytes) in messages.iter().zip(sizes) {
                    let draft = &prepared.draft;
                    if let Some(row) = tx.outgoing(&agent, &draft.id)? {
                        if row.submitted != prepared.submitted {
                            return Err(conflict(&draft.id).into());
                        }
                        plans.push(Plan::Known(Box::new(row)));
                        continue;
                    }
                    let verdict = judge(tx, &agent, prepared, bytes, outbound)?;
                    let order = if matches!(verdict, Verdict::Refuse(_)) {
                        None
                    } else {
                        let before = given
                            .iter()
                            .rev()
                            .find(|(to, thid, _)| *to == draft.to && *thid == draft.thid);
                        let last = match before {
                            Some((_, _, number)) => Some(*number),
                            None => tx.last_order(Way::Out, &agent, &draft.to, &draft.thid)?,
                        };
                        let number = last.unwrap_or(0) + 1;
                        given.push((draft.to.clone(), draft.thid.clone(), number));
                        Some((last, number))
                    };
                    plans.push(Plan::New { order });
                }
                Ok(plans)
            })
            .await
    }

    async fn keep_all<F>(
        &self,
        agent: &Arc<Hosted>,
        ready: Vec<Ready>,
        by: &str,
        also: Arc<F>,
    ) -> Result<Vec<Outgoing>, CoreError>
    where
        F: Fn(&mut dyn Tx, &dyn comity_jose::Entropy, &[Outgoing]) -> Result<(), CoreError>
            + std::marker::Send
            + Sync
            + 'static,
    {
        let (agent, by, outbound) = (agent.did.clone(), by.to_owned(), self.site.outbound());
        let entropy = Arc::clone(&self.entropy);
        self.store
            .write(move |tx| {
                let mut rows = Vec::with_capacity(ready.len());
                for one in &ready {
                    rows.push(keep(tx, &*entropy, &agent, one, &by, outbound)?);
                }
                also(tx, &*entropy, &rows)?;
                Ok(rows)
            })
            .await
    }

    /// Wakes whoever has to do with new rows.
    pub(crate) fn announce(&self, agent: &Hosted, rows: &[Outgoing]) {
        self.signals.recorded.raise();
        if rows.iter().any(|row| row.state == OutState::Queued) {
            self.signals.outbox.raise();
        }
        if rows.iter().any(|row| row.state == OutState::Held) {
            self.signals.held.raise();
        }
        for row in rows {
            self.signals.changed(&agent.did, &row.id);
        }
    }
}

enum Signed {
    Known(Vec<(Outgoing, bool)>),
    New(Vec<Ready>),
}

enum Plan {
    Known(Box<Outgoing>),
    New { order: Option<(Option<u64>, u64)> },
}

/// Types that only the node itself sends.
const OURS: &str = "https://w3id.org/comity/";

fn conflict(id: &MessageId) -> Problem {
    Problem::new(
        Code::ID_CONFLICT.as_str(),
        format!("the id {id} is taken by another message"),
    )
    .detail("the same id with the same content returns the same message; this content differs")
    .next("choose another id, or leave it out")
}

/// A type URI; within a settlement its last part will do.
fn read_type(text: &str, within: Option<&comity_store::Incoming>) -> Result<MessageType, Problem> {
    let invalid = || {
        bad(format!("{} is not a message type", comity_api::safe(text)))
            .next("write it as https://example.org/PROTOCOL/1.0/NAME")
    };
    match within {
        Some(delivery) if !text.contains('/') => {
            let full = delivery.type_.as_str();
            let (protocol, _) = full.rsplit_once('/').ok_or_else(invalid)?;
            format!("{protocol}/{text}").parse().map_err(|_| invalid())
        }
        _ => text.parse().map_err(|_| invalid()),
    }
}

fn read_causes(texts: &[String]) -> Result<Vec<Digest>, Problem> {
    let invalid = || bad("causes are 1 to 64 distinct digests, as the node shows them (uEi…)");
    let causes: Vec<Digest> = texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map_err(|_| invalid())?;
    let mut distinct = causes.clone();
    distinct.sort();
    distinct.dedup();
    let sound = distinct.len() == causes.len() && causes.len() <= defaults::CAUSES_MAX;
    if sound { Ok(causes) } else { Err(invalid()) }
}
