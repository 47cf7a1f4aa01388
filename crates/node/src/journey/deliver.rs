//! Outbox to wire: the driver that hands messages over, peer by peer (design §3, outbound 3 and 4).
//!
//! One unacknowledged hand-over for each (agent, peer, thread) stream keeps its order; streams run
//! beside each other. A peer that is down costs one probe, not one attempt for each message.

use super::Core;
use super::admit::{end_noted, ending};
use super::handovers::Begun;
use super::hands::Hands;
use super::lanes::Probe;
use super::trouble::CoreError;
use super::trust::follow::is_ending;
use crate::fail;
use crate::resolve::{Lane, PostAnswer};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::{Code, GrantState, OutState, Proved, grant, retry};
use comity_jose::jwe::Enc;
use comity_record::Pin;
use comity_record::entry::EndedState;
use comity_store::{GrantRow, OutKind, Outgoing, StoreError, Tx};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Hand-overs under way at once, to all peers.
const AT_ONCE: usize = 128;
/// Of these, to one peer: a slow one leaves room for the others.
const PER_PEER: usize = 32;

/// What became of a hand-over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// The peer's transport took it.
    Taken,
    /// The peer misses an earlier message of the stream.
    Gap,
    /// The peer's transport does not want this one.
    Refused {
        /// True if it never will.
        for_good: Option<Code>,
    },
    /// The peer cannot be reached now; its lane is down until a probe gets through.
    Down {
        /// True if nothing was sent; otherwise it may have been taken.
        unsent: bool,
    },
    /// The peer's keys are not those that the grant pinned: nothing was sent.
    OtherKeys,
}

impl Core {
    /// Runs until the node stops.
    pub(crate) async fn deliver_forever(self: Arc<Self>) {
        let mut listener = self.signals.outbox.listen();
        let mut hands: Hands<Key> = Hands::new();
        let mut under_way: HashMap<Key, u64> = HashMap::new();
        loop {
            hands.tidy();
            under_way.retain(|key, _| hands.keys().contains(key));
            let due = match self.due(&under_way).await {
                Ok(due) => due,
                Err(CoreError::Store(StoreError::Closed)) => return,
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            for row in due.rows {
                let key = Key::of(&row);
                let keys = hands.keys();
                let of_peer = keys.iter().filter(|under_way| under_way.1 == key.1).count();
                if keys.len() >= AT_ONCE || of_peer >= PER_PEER {
                    continue;
                }
                if !keys.contains(&key) {
                    under_way.insert(key.clone(), row.seq);
                }
                let core = Arc::clone(&self);
                hands.start(key, async move {
                    if let Err(error) = core.deliver(row).await {
                        tracing::error!(%error, "a hand-over could not be noted");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                });
            }
            tokio::select! {
                () = hands.ended() => {}
                () = listener.wait(due.pause) => {}
            }
        }
    }

    /// What is due and not under way.
    async fn due(&self, under_way: &HashMap<Key, u64>) -> Result<Due, CoreError> {
        let now = self.clock.now();
        let mut down = self.lanes.down(now);
        // Peers with as many hand-overs under way as they may have must not fill the list.
        let mut busy: HashMap<&Did, usize> = HashMap::new();
        for key in under_way.keys() {
            *busy.entry(&key.1).or_default() += 1;
        }
        down.extend(
            busy.iter()
                .filter(|(_, n)| **n >= PER_PEER)
                .map(|(peer, _)| (*peer).clone()),
        );
        let limit = AT_ONCE;
        let under_way: Vec<u64> = under_way.values().copied().collect();
        let (rows, next) = self
            .store
            .read(move |tx| {
                let rows = tx.due_outgoing(tx.now(), &down, &under_way, limit)?;
                Ok::<_, CoreError>((rows, tx.next_outgoing()?))
            })
            .await?;
        let later = next.filter(|next| *next > now);
        let pause = later.map(|next| next.since(now)).into_iter();
        let pause = pause.chain(self.lanes.next_probe(now)).min();
        let pause = pause.unwrap_or(Duration::from_secs(1));
        Ok(Due {
            rows,
            pause: pause.clamp(Duration::from_millis(5), Duration::from_secs(1)),
        })
    }

    async fn deliver(self: &Arc<Self>, row: Outgoing) -> Result<(), CoreError> {
        let begun = self.handovers.begin(&row);
        if begun == Begun::HeldBack {
            // What becomes of it is known in a moment.
            tokio::time::sleep(Duration::from_millis(5)).await;
            return Ok(());
        }
        let (octets, pin) = match self.kept(&row).await? {
            Kept::ToGo { octets, pin } => (octets, pin),
            kept => {
                if begun == Begun::First {
                    self.handovers.settled(row.digest);
                }
                return match kept {
                    Kept::Later => self.wait_for_grant(&row).await,
                    _ => Ok(()),
                };
            }
        };
        fail::point("deliver.before-send");
        let handed = self.hand_over(&row.to, &octets, pin.as_ref()).await;
        fail::point("deliver.after-send");
        let noted = self.note_handed(&row, &handed).await;
        // What it says of this attempt says nothing about an earlier one; its row does.
        let certain = begun == Begun::First && handed != (Handed::Down { unsent: false });
        if noted.is_ok() && (certain || handed == Handed::Taken) {
            self.handovers.settled(row.digest);
        }
        fail::point("deliver.after-commit");
        noted
    }

    async fn note_handed(&self, row: &Outgoing, handed: &Handed) -> Result<(), CoreError> {
        match handed {
            Handed::Taken => self.sent(row).await,
            Handed::Gap => self.go_back(row).await,
            Handed::Refused {
                for_good: Some(code),
            } => self.give_up(row, code).await,
            Handed::Refused { for_good: None } => self.put_off(row).await,
            Handed::Down { .. } => Ok(()),
            Handed::OtherKeys => {
                self.suspend_pair(&row.agent, &row.to).await?;
                self.wait_for_grant(row).await
            }
        }
    }

    /// Encrypts octets for a peer and posts them. Resolves and encrypts for each attempt: the
    /// peer's keys and endpoint may have changed.
    /// Nothing goes to keys that are not those pinned.
    pub(crate) async fn hand_over(&self, to: &Did, octets: &[u8], pin: Option<&Pin>) -> Handed {
        let now = self.clock.now();
        let Some(probe) = self.lanes.enter(to, now) else {
            return Handed::Down { unsent: true };
        };
        let document = match self.resolver.resolve(to, Lane::Known).await {
            Ok(document) => document,
            Err(error) => {
                tracing::debug!(peer = %to, %error, "the peer's DID does not resolve");
                return self.down(&probe, &Code::UNRESOLVED, &error.to_string());
            }
        };
        if pin.is_some_and(|pin| !grant::continues(pin, &document)) {
            return Handed::OtherKeys;
        }
        let route = match self.resolver.route(&document).await {
            Ok(route) => route,
            Err(error) => return self.down(&probe, &Code::UNRESOLVED, &error.to_string()),
        };
        let enc = if self.speaks_gcm(to).await {
            Enc::A256Gcm
        } else {
            Enc::A256CbcHs512
        };
        let typ = comity_didcomm::media_type::ENCRYPTED;
        let envelope = comity_didcomm::anoncrypt(&*self.entropy, &document, enc, octets, typ);
        // Of mediators nobody knows more than that they read what everybody must.
        let wrap = |envelope| route.wrap(&*self.entropy, to, envelope, Enc::A256CbcHs512, None);
        let Ok(envelope) = envelope.and_then(wrap) else {
            return self.down(
                &probe,
                &Code::UNRESOLVED,
                "its document has no key to encrypt to",
            );
        };
        match self.http.post_envelope(&route.uri, envelope.into()).await {
            Ok(PostAnswer::Taken) => {
                self.lanes.up(&probe);
                Handed::Taken
            }
            // A mediator knows nothing of streams.
            Ok(PostAnswer::Gap) if route.hops.is_empty() => {
                self.lanes.up(&probe);
                Handed::Gap
            }
            Ok(PostAnswer::TooLarge) => {
                self.lanes.up(&probe);
                Handed::Refused {
                    for_good: Some(Code::TOO_LARGE),
                }
            }
            Ok(PostAnswer::Gap) => {
                self.lanes.up(&probe);
                Handed::Refused { for_good: None }
            }
            Ok(PostAnswer::Refused(status)) => {
                self.lanes.up(&probe);
                // Its keys may have changed since we looked.
                self.resolver.suspect(to);
                tracing::debug!(peer = %to, status, "the peer's transport refused an envelope");
                Handed::Refused { for_good: None }
            }
            Ok(PostAnswer::Busy { retry_after }) => {
                self.lanes.busy(&probe, self.clock.now(), retry_after);
                Handed::Down { unsent: false }
            }
            Err(error) => {
                let _ = self.down(&probe, &Code::UNREACHABLE, &error.to_string());
                Handed::Down {
                    unsent: error.is_unsent(),
                }
            }
        }
    }

    fn down(&self, probe: &Probe, code: &Code, why: &str) -> Handed {
        let random = self.random();
        self.lanes
            .fail(probe, self.clock.now(), random, format!("{code}: {why}"));
        Handed::Down { unsent: true }
    }

    pub(crate) fn random(&self) -> u64 {
        let mut octets = [0; 8];
        self.entropy.fill(&mut octets);
        u64::from_be_bytes(octets)
    }

    /// The message's octets, if it still is to be sent and its grant still is live (invariant I5);
    /// and the keys that it may go to.
    async fn kept(&self, row: &Outgoing) -> Result<Kept, CoreError> {
        let (agent, id, digest) = (row.agent.clone(), row.id.clone(), row.digest);
        self.store
            .read(move |tx| {
                let known = tx.outgoing(&agent, &id)?;
                let to_go = |row: &Outgoing| row.due_from().is_some() && row.digest == digest;
                let Some(row) = known.filter(to_go) else {
                    return Ok(Kept::Ended);
                };
                let grant = tx.grant_between(&agent, &row.to)?;
                let active = |grant: &GrantRow| grant.state == GrantState::Active;
                let live = grant.as_ref().is_some_and(active)
                    && !is_ending(tx, &row)?
                    && !tx.is_blocked(&row.to)?;
                if row.kind != OutKind::Contact && !live {
                    return Ok(Kept::Later);
                }
                let pin = grant.and_then(|grant| grant.pin);
                Ok(match tx.message(&digest)? {
                    Some(octets) => Kept::ToGo { octets, pin },
                    None => Kept::Ended,
                })
            })
            .await
    }

    /// Its grant is suspended, or ended and the row is about to say so: looked at again later.
    async fn wait_for_grant(&self, row: &Outgoing) -> Result<(), CoreError> {
        const LATER: Duration = Duration::from_secs(5);
        let (agent, id) = (row.agent.clone(), row.id.clone());
        self.store
            .write(move |tx| {
                if let Some(mut row) = tx.outgoing(&agent, &id)?
                    && row.due_from().is_some()
                {
                    row.next_attempt = tx.now() + LATER;
                    tx.put_outgoing(&row)?;
                }
                Ok::<_, CoreError>(())
            })
            .await
    }

    /// The peer shows other keys than those pinned: nothing passes until an operator decides.
    async fn suspend_pair(&self, agent: &Did, peer: &Did) -> Result<(), CoreError> {
        let (entropy, agent, peer) = (Arc::clone(&self.entropy), agent.clone(), peer.clone());
        self.store
            .write(move |tx| match tx.grant_between(&agent, &peer)? {
                Some(row) if row.state == GrantState::Active => {
                    super::refuse::suspend_for(tx, &*entropy, &row, None)
                }
                _ => Ok(()),
            })
            .await?;
        self.signals.recorded.raise();
        Ok(())
    }

    async fn sent(&self, row: &Outgoing) -> Result<(), CoreError> {
        self.change(row, |tx, row| {
            let at = tx.now().seconds();
            let state = if row.kind == OutKind::Contact {
                OutState::Done
            } else {
                OutState::Sent
            };
            row.reason = None;
            Ok(row.advance(state, at, "peer", Proved::None))
        })
        .await
    }

    pub(super) async fn put_off(&self, row: &Outgoing) -> Result<(), CoreError> {
        let random = self.random();
        self.change(row, move |tx, row| {
            row.attempts += 1;
            row.next_attempt = tx.now() + retry::pause(row.attempts, random);
            row.reason = Some(format!(
                "{}: the peer's node refused it",
                Code::XFER_REJECTED
            ));
            Ok(row.state == OutState::Queued)
        })
        .await
    }

    async fn give_up(&self, row: &Outgoing, code: &Code) -> Result<(), CoreError> {
        let (entropy, code) = (Arc::clone(&self.entropy), code.clone());
        self.change(row, move |tx, row| {
            let now = tx.now();
            let ended = ending(row, OutState::Failed, Some(code.clone()), "node", now);
            if ended {
                end_noted(tx, &*entropy, row.digest, EndedState::Failed, code.as_str())?;
            }
            Ok(ended)
        })
        .await?;
        self.signals.recorded.raise();
        Ok(())
    }

    /// Changes a row in a transaction that reads it again.
    async fn change<F>(&self, row: &Outgoing, act: F) -> Result<(), CoreError>
    where
        F: Fn(&mut dyn Tx, &mut Outgoing) -> Result<bool, CoreError> + Send + Sync + 'static,
    {
        let (agent, id, digest) = (row.agent.clone(), row.id.clone(), row.digest);
        let changed = self
            .store
            .write(move |tx| {
                let Some(mut row) = tx.outgoing(&agent, &id)? else {
                    return Ok(false);
                };
                if row.digest != digest || !act(tx, &mut row)? {
                    return Ok(false);
                }
                tx.put_outgoing(&row)?;
                tx.put_event(&agent, &id)?;
                Ok::<_, CoreError>(true)
            })
            .await?;
        if changed {
            self.signals.changed(&row.agent, &row.id);
        }
        Ok(())
    }

    /// True if the peer said, proved, that it reads A256GCM.
    async fn speaks_gcm(&self, peer: &Did) -> bool {
        if let Some(known) = self.lanes.speaks_gcm(peer) {
            return known;
        }
        let did = peer.clone();
        let row = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.peer(&did)?))
            .await;
        let speaks = row
            .ok()
            .flatten()
            .is_some_and(|row| row.speaks.iter().any(|word| word == "A256GCM"));
        if speaks {
            self.lanes.learn_gcm(peer);
        }
        speaks
    }
}

/// What is to become of a row that is due.
enum Kept {
    ToGo {
        octets: Vec<u8>,
        pin: Option<Pin>,
    },
    /// Not while its grant is as it is.
    Later,
    Ended,
}

struct Due {
    rows: Vec<Outgoing>,
    pause: Duration,
}

/// What runs one hand-over at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key(Did, Did, Option<MessageId>, Option<MessageId>);

impl Key {
    fn of(row: &Outgoing) -> Self {
        let contact = row.kind == OutKind::Contact;
        let stream = (!contact).then(|| row.thid.clone());
        let alone = contact.then(|| row.id.clone());
        Self(row.agent.clone(), row.to.clone(), stream, alone)
    }
}
