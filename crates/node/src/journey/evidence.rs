//! Evidence: a thread as a bundle that a stranger can check, and the chain of causes of a message
//! (design §6, formats §8).

use super::Core;
use super::sequence::StoredTree;
use super::trouble::{CoreError, ambiguous, not_found};
use super::views;
use comity_api::Problem;
use comity_api::operator::{Trace, Traced};
use comity_api::safe;
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_record::bundle::ShownEntry;
use comity_record::{BundleBuilder, Digest, Entry, LogOrigin, Receipt, SignedNote, tree};
use comity_store::{EntryRow, LogHead, Tx};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Messages that a trace follows at most.
const TRACE_MAX: usize = 10_000;

impl Core {
    /// One thread as an evidence bundle: the octets of a `.comity` file.
    ///
    /// # Errors
    /// There is no such thread, or the start of its name fits several.
    pub async fn export(&self, thread: &str) -> Result<Vec<u8>, Problem> {
        let (wanted, shown) = (thread.to_owned(), safe(thread));
        let head = self
            .head()
            .await?
            .ok_or(CoreError::Defect("no log was started"))?;
        let now = self.clock.now().seconds();
        self.read_long(move |tx| {
            let thid = find_thread(tx, &wanted, &shown)?;
            bundle(tx, &head, &thid, now)
        })
        .await
    }

    /// The messages that a message was made from, as far as this node has them.
    ///
    /// # Errors
    /// There is no such message, or the start of its name fits several.
    pub async fn trace(&self, message: &str) -> Result<Trace, Problem> {
        let (wanted, shown) = (message.to_owned(), safe(message));
        self.read_long(move |tx| {
            let start = find_message(tx, &wanted, &shown)?;
            let mut waiting = VecDeque::from([start]);
            let mut seen = BTreeSet::from([start]);
            let mut messages = Vec::new();
            while let Some(digest) = waiting.pop_front() {
                let traced = traced(tx, &digest)?;
                for cause in traced.causes.iter().filter_map(|text| text.parse().ok()) {
                    if seen.len() < TRACE_MAX && seen.insert(cause) {
                        waiting.push_back(cause);
                    }
                }
                messages.push(traced);
            }
            Ok::<_, CoreError>(Trace { messages })
        })
        .await
    }

    /// Reads for as long as it takes, on a thread that nobody else needs.
    async fn read_long<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Tx) -> Result<T, CoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let (store, here) = (self.store.clone(), tokio::runtime::Handle::current());
        let task = tokio::task::spawn_blocking(move || here.block_on(store.read(work)));
        let done = task
            .await
            .map_err(|_| CoreError::Defect("a long read broke off"))?;
        done.map_err(Problem::from)
    }
}

/// Everything this node can show of a thread.
fn bundle(tx: &dyn Tx, head: &LogHead, thid: &MessageId, now: u64) -> Result<Vec<u8>, CoreError> {
    let (sent, got) = (tx.thread_outgoing(thid)?, tx.thread_incoming(thid)?);
    let pair = sent
        .first()
        .map(|row| [row.agent.clone(), row.to.clone()])
        .or_else(|| {
            got.first()
                .map(|row| [row.sender.clone(), row.recipient.clone()])
        });
    let Some(between) = pair else {
        return Err(not_found("thread", thid.as_str()).into());
    };
    let of_pair = |one: &Did, other: &Did| between.contains(one) && between.contains(other);
    let mut parts = Parts {
        tx,
        builder: BundleBuilder::new(thid.to_string(), between.clone()),
        notes: BTreeMap::new(),
    };
    for row in sent.iter().filter(|row| of_pair(&row.agent, &row.to)) {
        parts.message(&row.digest, true)?;
    }
    for row in got
        .iter()
        .filter(|row| of_pair(&row.sender, &row.recipient))
    {
        parts.message(&row.digest, row.proof_anyone)?;
    }
    let mut digests: Vec<Digest> = sent.iter().map(|row| row.digest).collect();
    digests.extend(got.iter().map(|row| row.digest));
    for digest in &digests {
        for receipt in tx.peer_receipts(digest)? {
            parts.receipt(&receipt.receipt)?;
        }
        for receipt in tx
            .receipts_of(digest)?
            .iter()
            .filter(|r| between.contains(&r.sender))
        {
            if let Some(octets) = &receipt.receipt {
                parts.receipt(octets)?;
            }
        }
    }
    for digest in &digests {
        for entry in tx.entries_about(digest)? {
            parts.entry(head, &entry)?;
        }
    }
    parts.documents(&between)?;
    // A peer that contradicts itself makes a bundle that verifies as broken: that is evidence, too.
    Ok(match parts.builder.clone().build(now) {
        Ok(bundle) => bundle.to_octets(),
        Err(error) => {
            tracing::warn!(%error, thread = %thid, "an exported bundle verifies as broken");
            parts.builder.build_as_it_is(now).to_octets()
        }
    })
}

struct Parts<'a> {
    tx: &'a dyn Tx,
    builder: BundleBuilder,
    /// Checkpoints that receipts carry, by origin and size.
    notes: BTreeMap<(LogOrigin, u64), SignedNote>,
}

impl Parts<'_> {
    fn message(&mut self, digest: &Digest, signed: bool) -> Result<(), CoreError> {
        match self.tx.message(digest)? {
            Some(octets) if signed => self
                .builder
                .signed(*digest, &octets)
                .map_err(|_| CoreError::Defect("a kept message that is no JSON")),
            Some(octets) => {
                self.builder.plaintext(*digest, octets);
                Ok(())
            }
            None => {
                self.builder.withheld(*digest);
                Ok(())
            }
        }
    }

    fn receipt(&mut self, octets: &[u8]) -> Result<(), CoreError> {
        let unreadable = CoreError::Defect("a kept receipt that cannot be read");
        let Ok(receipt) = Receipt::parse(octets) else {
            return Err(unreadable);
        };
        let Ok(open) = receipt.open() else {
            return Err(unreadable);
        };
        let note = open.checkpoint_unverified().clone();
        let checkpoint = note.checkpoint_unverified();
        let place = (checkpoint.origin.clone(), checkpoint.size);
        self.notes.insert(place, note);
        self.builder.receipt(receipt).map_err(|_| unreadable)
    }

    /// Shows an entry of ours, if a receipt of ours in the bundle vouches for our log: others
    /// would stay mere assertions and keep the whole from being proved.
    fn entry(&mut self, head: &LogHead, row: &EntryRow) -> Result<(), CoreError> {
        let (Some(index), Some(r), Some(record)) = (row.index, row.r, row.record.clone()) else {
            return Ok(());
        };
        if row.origin.as_deref() != Some(&head.origin) {
            return Ok(());
        }
        let invalid = || CoreError::Defect("a kept entry that does not open");
        let origin: LogOrigin = head.origin.parse().map_err(|_| invalid())?;
        if !self.builder.vouches_for(&origin) {
            return Ok(());
        }
        let vouched = self.builder.vouched_size(&origin, index);
        let carried =
            vouched.and_then(|size| Some((size, self.notes.get(&(origin.clone(), size))?.clone())));
        let (size, note) = match carried {
            Some(carried) => carried,
            None => (
                head.size,
                head.note.parse::<SignedNote>().map_err(|_| invalid())?,
            ),
        };
        let (entry, _) = Entry::open(r, record).map_err(|_| invalid())?;
        let nodes = StoredTree {
            tx: self.tx,
            origin: &head.origin,
        };
        let path = tree::inclusion(index, size, &nodes).map_err(|_| invalid())?;
        self.builder
            .entry(ShownEntry::open(origin, index, size, &entry, path), &note);
        Ok(())
    }

    /// The documents in which the keys of both stand, as they were seen.
    fn documents(&mut self, between: &[Did; 2]) -> Result<(), CoreError> {
        for did in between {
            for (octets, at) in self.tx.documents_of(did)? {
                self.builder.document(did.clone(), octets, at);
            }
        }
        Ok(())
    }
}

/// A thread by its id, or by the start of a message's id, delivery id or digest.
fn find_thread(tx: &dyn Tx, wanted: &str, shown: &str) -> Result<MessageId, CoreError> {
    if let Ok(thid) = wanted.to_lowercase().parse::<MessageId>()
        && !(tx.thread_outgoing(&thid)?.is_empty() && tx.thread_incoming(&thid)?.is_empty())
    {
        return Ok(thid);
    }
    let mut found: Vec<MessageId> = tx
        .find_outgoing(wanted)?
        .into_iter()
        .map(|row| row.thid)
        .collect();
    found.extend(tx.find_incoming(wanted)?.into_iter().map(|row| row.thid));
    found.dedup();
    match found.as_slice() {
        [] => Err(not_found("thread", shown).next("comity message").into()),
        [one] => Ok(one.clone()),
        _ => Err(ambiguous(shown).into()),
    }
}

fn find_message(tx: &dyn Tx, wanted: &str, shown: &str) -> Result<Digest, CoreError> {
    if let Ok(digest) = wanted.parse::<Digest>() {
        return Ok(digest);
    }
    let mut found: Vec<Digest> = tx
        .find_outgoing(wanted)?
        .into_iter()
        .map(|row| row.digest)
        .collect();
    found.extend(tx.find_incoming(wanted)?.into_iter().map(|row| row.digest));
    found.dedup();
    match found.as_slice() {
        [] => Err(not_found("message", shown).next("comity message").into()),
        [one] => Ok(*one),
        _ => Err(ambiguous(shown).into()),
    }
}

/// What this node knows of a message; all but the digest is absent if it never had it.
fn traced(tx: &dyn Tx, digest: &Digest) -> Result<Traced, CoreError> {
    let mut traced = Traced {
        digest: digest.to_string(),
        proof: None,
        id: None,
        from: None,
        to: None,
        type_: None,
        at: None,
        causes: Vec::new(),
    };
    let Some(octets) = tx.message(digest)? else {
        return Ok(traced);
    };
    let signed = octets.starts_with(b"{\"payload\"") || is_jws(&octets);
    let plaintext = views::plaintext(&octets, signed)?;
    let text = |name: &str| plaintext.get(name).and_then(Value::as_str).map(safe);
    traced.proof = Some(if signed { "anyone" } else { "us" }.to_owned());
    traced.id = text("id");
    traced.from = text("from");
    traced.to = plaintext.pointer("/to/0").and_then(Value::as_str).map(safe);
    traced.type_ = text("type");
    traced.at = plaintext.get("created_time").and_then(Value::as_u64);
    let causes = plaintext.get("causes").and_then(Value::as_array);
    let causes = causes.into_iter().flatten().filter_map(Value::as_str);
    traced.causes = causes
        .filter(|text| text.parse::<Digest>().is_ok())
        .take(comity_engine::defaults::CAUSES_MAX)
        .map(str::to_owned)
        .collect();
    Ok(traced)
}

fn is_jws(octets: &[u8]) -> bool {
    serde_json::from_slice::<Value>(octets).is_ok_and(|value| value.get("payload").is_some())
}
