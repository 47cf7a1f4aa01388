//! The sequencer: gives recorded entries their place in the tree, signs the checkpoint, and signs
//! the receipts that wait for it (design §6).
//!
//! All that was recorded is integrated at once: one checkpoint signature and one receipt signature
//! for each (recipient, sender) pair, however many messages came. The checkpoint is signed between
//! two commits; it counts only if the head is still the one it was computed from.

use super::Core;
use super::note::note;
use super::trouble::CoreError;
use crate::custody::Signer;
use crate::fail;
use comity_did::{Did, DidUrl};
use comity_record::entry::LogStarted;
use comity_record::receipt::{By, Draft, LoggedAt, Statement};
use comity_record::tree::{self, Frontier, Nodes};
use comity_record::{
    Checkpoint, Commitment, EntryKind, Event, Fingerprint, Leaf, LogOrigin, SignedNote, Vkey,
};
use comity_store::{EntryRow, LogHead, NodeRow, ReceiptRow, StoreError, Tx};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Entries integrated in one step; bounds the memory of a step, not the rate.
const STEP: usize = 4_096;

/// What others need to know of our log.
#[derive(Clone, Debug)]
pub(crate) struct LogIdentity {
    pub(crate) origin: String,
    pub(crate) vkey: String,
}

impl Core {
    /// Runs until the node stops.
    pub(crate) async fn sequence_forever(self: Arc<Self>) {
        let mut listener = self.signals.recorded.listen();
        loop {
            match self.sequence().await {
                Ok(0) => listener.wait(Duration::from_secs(1)).await,
                Ok(_) => {}
                Err(CoreError::Store(StoreError::Conflict)) => {}
                Err(CoreError::Store(StoreError::Closed)) => return,
                Err(error) => {
                    tracing::error!(%error, "entries could not be integrated");
                    listener.wait(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Opens the log, or starts one with an origin that was never used before: on a fresh node,
    /// and after a restore, when others may hold checkpoints of the old one that we do not know
    /// (design §6).
    pub(crate) async fn start_log(&self) -> Result<(), CoreError> {
        let (previous, reason) = match self.head().await? {
            Some(head) if !self.site.is_restored() => {
                self.custody.unseal_log(&head.sealed_key)?;
                return Ok(());
            }
            Some(head) => (head.note, "restored from a backup"),
            None => (String::new(), "first start"),
        };
        let mut epoch = [0; 4];
        self.entropy.fill(&mut epoch);
        let host = self.site.authority();
        let origin = format!("{host}/comity/log/{:08x}", u32::from_be_bytes(epoch));
        let origin: LogOrigin = origin
            .parse()
            .map_err(|_| CoreError::Defect("an origin that is not one"))?;
        let (key, sealed_key) = self.custody.mint_log()?;
        self.custody.unseal_log(&sealed_key)?;
        let vkey = Vkey::log(origin.clone(), key)
            .map_err(|_| CoreError::Defect("a log key that is not Ed25519"))?;
        let entropy = Arc::clone(&self.entropy);
        let started = LogStarted {
            node: host.clone(),
            previous,
            reason: reason.to_owned(),
        };
        self.store
            .write(move |tx| {
                // A start that died before the log had its head has noted it already.
                let waiting = tx.unintegrated(STEP)?;
                let start = EntryKind::Start.as_str();
                if waiting.iter().all(|entry| entry.kind != start) {
                    note(tx, &*entropy, Event::Start(started.clone()), None)?;
                }
                Ok::<_, CoreError>(())
            })
            .await?;
        let empty = LogHead {
            origin: origin.to_string(),
            size: 0,
            root: tree::empty_root(),
            note: String::new(),
            vkey: vkey.to_string(),
            sealed_key,
        };
        self.integrate(None, empty).await?;
        Ok(())
    }

    /// The newest checkpoint of our log, a signed note.
    pub async fn checkpoint(&self) -> Option<String> {
        self.head().await.ok().flatten().map(|head| head.note)
    }

    /// The consistency proof between two sizes of our log; `None` if it has no such sizes.
    pub async fn consistency(&self, old: u64, new: u64) -> Option<Vec<[u8; 32]>> {
        let head = self.head().await.ok().flatten()?;
        if old == 0 || old > new || new > head.size {
            return None;
        }
        self.store
            .read(move |tx| {
                let nodes = StoredTree {
                    tx,
                    origin: &head.origin,
                };
                Ok::<_, CoreError>(tree::consistency(old, new, &nodes).ok())
            })
            .await
            .ok()?
    }

    pub(crate) async fn log_identity(&self) -> Result<LogIdentity, CoreError> {
        let head = self
            .head()
            .await?
            .ok_or(CoreError::Defect("no log was started"))?;
        Ok(LogIdentity {
            origin: head.origin,
            vkey: head.vkey,
        })
    }

    pub(crate) async fn head(&self) -> Result<Option<LogHead>, CoreError> {
        self.store.read(|tx| Ok(tx.log_head()?)).await
    }

    /// One step. Returns how many entries it integrated.
    pub(crate) async fn sequence(&self) -> Result<usize, CoreError> {
        let head = self
            .head()
            .await?
            .ok_or(CoreError::Defect("no log was started"))?;
        let count = self.integrate(Some(head.size), head).await?;
        if count > 0 {
            fail::point("sequence.after-commit");
            self.signals.integrated.raise();
        }
        Ok(count)
    }

    async fn integrate(&self, expected: Option<u64>, head: LogHead) -> Result<usize, CoreError> {
        let origin = head.origin.clone();
        let size = head.size;
        let (mut entries, frontier, unsigned) = self
            .store
            .read(move |tx| {
                let entries = tx.unintegrated(STEP)?;
                let frontier = Frontier::load(
                    size,
                    &StoredTree {
                        tx,
                        origin: &origin,
                    },
                );
                let unsigned = match entries.last() {
                    Some(last) => tx.unsigned_receipts(last.seq, STEP)?,
                    None => Vec::new(),
                };
                Ok::<_, CoreError>((entries, frontier, unsigned))
            })
            .await?;
        if entries.is_empty() {
            return Ok(0);
        }
        if expected.is_none() {
            // A new origin begins with its `start`, whatever an old one left without index.
            entries.sort_by_key(|entry| (entry.kind != EntryKind::Start.as_str(), entry.seq));
        }
        let mut frontier = frontier.ok_or_else(|| {
            CoreError::Store(StoreError::Corrupt(
                "nodes of the record's tree are missing".into(),
            ))
        })?;
        let mut nodes = Vec::new();
        for entry in &entries {
            let leaf = leaf_of(entry)?;
            nodes.extend(
                frontier
                    .append(leaf.hash())
                    .into_iter()
                    .map(|node| NodeRow {
                        level: node.level,
                        index: node.index,
                        hash: node.hash,
                    }),
            );
        }
        let note = self.sign_checkpoint(&head, &frontier).await?;
        let receipts = self.sign_receipts(&head, &entries, unsigned, &note).await?;
        let new_head = LogHead {
            size: frontier.size(),
            root: frontier.root(),
            note: note.as_str().to_owned(),
            ..head.clone()
        };
        let count = entries.len();
        let seqs: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
        let origin = head.origin;
        fail::point("sequence.before-commit");
        self.store
            .write(move |tx| {
                let expected = expected.map(|size| (origin.as_str(), size));
                tx.integrate(expected, &seqs, &nodes, &new_head)?;
                for receipt in &receipts {
                    tx.put_receipt(receipt)?;
                }
                Ok::<_, CoreError>(())
            })
            .await?;
        Ok(count)
    }

    async fn sign_checkpoint(
        &self,
        head: &LogHead,
        frontier: &Frontier,
    ) -> Result<SignedNote, CoreError> {
        let invalid = CoreError::Defect("a log head that does not parse");
        let (Ok(origin), Ok(vkey)) = (head.origin.parse(), head.vkey.parse::<Vkey>()) else {
            return Err(invalid);
        };
        let checkpoint = Checkpoint {
            origin,
            size: frontier.size(),
            root: frontier.root(),
        };
        let signature = self.custody.sign_log(checkpoint.body().as_bytes()).await?;
        checkpoint.into_note(&vkey, &signature).map_err(|_| invalid)
    }

    /// Signs what is owed about entries that are in the tree with this step or were before.
    async fn sign_receipts(
        &self,
        head: &LogHead,
        entries: &[EntryRow],
        unsigned: Vec<ReceiptRow>,
        note: &SignedNote,
    ) -> Result<Vec<ReceiptRow>, CoreError> {
        let mut signed = Vec::new();
        let mut pairs: BTreeMap<(Did, Did), Vec<(ReceiptRow, Statement)>> = BTreeMap::new();
        for row in unsigned {
            let Some(statement) = self.statement(head, entries, &row).await? else {
                // Nothing can be stated under a log that was left behind: put away.
                signed.push(ReceiptRow {
                    delivered: true,
                    ..row
                });
                continue;
            };
            let pair = (row.recipient.clone(), row.sender.clone());
            pairs.entry(pair).or_default().push((row, statement));
        }
        for ((recipient, _), rows) in pairs {
            let Some(agent) = self.agent_of(&recipient) else {
                // Its keys are gone with the agent.
                let gone = rows.into_iter().map(|(row, _)| ReceiptRow {
                    delivered: true,
                    ..row
                });
                signed.extend(gone);
                continue;
            };
            for batch in rows.chunks(comity_record::receipt::MAX_BATCH) {
                let statements: Vec<_> = batch
                    .iter()
                    .map(|(_, statement)| statement.clone())
                    .collect();
                let draft = Draft::new(&statements, note, &agent.signing_kid)
                    .map_err(|_| CoreError::Defect("statements that make no receipt"))?;
                let octets = draft.signing_input().octets();
                let signature = self.custody.sign(&agent.signing_kid, octets).await?;
                for ((row, _), receipt) in batch.iter().zip(draft.finish(&signature)) {
                    let receipt = Some(receipt.to_octets());
                    signed.push(ReceiptRow {
                        receipt,
                        ..row.clone()
                    });
                }
            }
        }
        Ok(signed)
    }

    /// What a receipt states, with the place of the entry that it names.
    async fn statement(
        &self,
        head: &LogHead,
        entries: &[EntryRow],
        row: &ReceiptRow,
    ) -> Result<Option<Statement>, CoreError> {
        let in_step = entries.iter().position(|entry| entry.seq == row.entry);
        let (origin, index, commitment) = if let Some(place) = in_step {
            let index = head.size + place as u64;
            (head.origin.clone(), index, entries[place].commitment)
        } else {
            let seq = row.entry;
            let entry = self
                .store
                .read(move |tx| Ok::<_, CoreError>(tx.entry(seq)?))
                .await?;
            match entry.map(|entry| (entry.origin, entry.index, entry.commitment)) {
                Some((Some(origin), Some(index), commitment)) if origin == head.origin => {
                    (origin, index, commitment)
                }
                // Its log was left behind for a new origin: nothing can be stated under it.
                _ => return Ok(None),
            }
        };
        let invalid = || CoreError::Defect("a kept receipt that does not parse");
        Ok(Some(Statement {
            message: row.message,
            id: row.id.to_string(),
            sender: row.sender.clone(),
            recipient: row.recipient.clone(),
            state: row.state,
            code: row.code.as_ref().map(ToString::to_string),
            at: row.at,
            by: By::parse(&row.by).ok_or_else(invalid)?,
            sender_kid: row.sender_kid.parse::<DidUrl>().map_err(|_| invalid())?,
            sender_key: row
                .sender_key
                .parse::<Fingerprint>()
                .map_err(|_| invalid())?,
            sender_did_version: None,
            did_version: None,
            log: LoggedAt {
                origin: origin.parse().map_err(|_| invalid())?,
                index,
                commitment: Commitment::new(commitment),
            },
        }))
    }
}

fn leaf_of(entry: &EntryRow) -> Result<Leaf, CoreError> {
    let kind = EntryKind::parse(&entry.kind)
        .ok_or(CoreError::Defect("a kept entry of an unknown kind"))?;
    Ok(Leaf {
        kind,
        commitment: Commitment::new(entry.commitment),
    })
}

/// The tree of one origin, as the store has it.
pub(crate) struct StoredTree<'a> {
    pub(crate) tx: &'a dyn Tx,
    pub(crate) origin: &'a str,
}

impl Nodes for StoredTree<'_> {
    fn node(&self, level: u8, index: u64) -> Option<tree::Hash> {
        self.tx.node(self.origin, level, index).ok().flatten()
    }
}
