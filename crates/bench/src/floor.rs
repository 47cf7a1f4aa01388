//! What the machine can do at most: the disk, SQLite, and the cryptography of one message.

use crate::cpu;
use anyhow::Result;
use comity_jose::aead::Enc;
use comity_jose::{AgreementKey, Entropy, SignatureAlgorithm, SigningKey, SystemEntropy};
use rusqlite::Connection;
use serde::Serialize;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// The disk under `dir`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Disk {
    /// Appends of 4 KiB, each with fdatasync, a second.
    pub(crate) fsyncs_per_s: f64,
    /// Rows of 1 KiB a second, one a commit; settings of the node's database.
    pub(crate) sqlite_1_per_s: f64,
    /// The same with 64 rows a commit.
    pub(crate) sqlite_64_per_s: f64,
}

/// Measures the disk for about `time` in all.
pub(crate) fn disk(dir: &Path, time: Duration) -> Result<Disk> {
    Ok(Disk {
        fsyncs_per_s: append(dir, time / 3)?,
        sqlite_1_per_s: commits(dir, 1, time / 3)?,
        sqlite_64_per_s: commits(dir, 64, time / 3)?,
    })
}

fn append(dir: &Path, time: Duration) -> Result<f64> {
    let mut file = tempfile::tempfile_in(dir)?;
    let block = [0x5a; 4096];
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < time {
        file.write_all(&block)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

/// Rows a second with `group` rows in each commit: one writer, no other work, so that a node's
/// group commit can at best come near it.
fn commits(dir: &Path, group: u32, time: Duration) -> Result<f64> {
    let dir = tempfile::tempdir_in(dir)?;
    let mut db = Connection::open(dir.path().join("floor.db"))?;
    db.execute_batch(
        "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA cache_size = -8192; CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB NOT NULL);",
    )?;
    let body = [0x5a_u8; 1024];
    let (begun, mut rows) = (Instant::now(), 0_u32);
    while begun.elapsed() < time {
        let tx = db.transaction()?;
        for _ in 0..group {
            tx.prepare_cached("INSERT INTO t (body) VALUES (?1)")?
                .execute([&body[..]])?;
        }
        tx.commit()?;
        rows += group;
    }
    Ok(f64::from(rows) / begun.elapsed().as_secs_f64())
}

/// CPU time of the bare cryptography of one message with a body of so many octets, both nodes
/// together: sign, ephemeral key, an agreement at either side, verify, and the body sealed and
/// opened; and its share of the receipts, which travel in two batches (received, done) of
/// [`BATCH`]. Median of [`SLICES`] in thread-CPU time.
pub(crate) fn crypto(body: usize, time: Duration) -> Result<Duration> {
    let keys = Keys::new();
    let mut slices = Vec::new();
    for _ in 0..SLICES {
        let (begun, before, mut messages) = (Instant::now(), cpu::of_this_thread()?, 0);
        while begun.elapsed() < time / SLICES {
            for _ in 0..BATCH {
                keys.message(body, body);
            }
            for _ in 0..2 {
                keys.message(RECEIPT_OCTETS, RECEIPT_OCTETS * BATCH);
            }
            messages += u32::try_from(BATCH)?;
        }
        slices.push(cpu::of_this_thread()?.saturating_sub(before) / messages);
    }
    slices.sort_unstable();
    Ok(slices[slices.len() / 2])
}

struct Keys {
    signing: SigningKey,
    agreement: AgreementKey,
}

impl Keys {
    fn new() -> Self {
        let entropy = SystemEntropy;
        Self {
            signing: SigningKey::generate(&entropy),
            agreement: AgreementKey::generate(&entropy),
        }
    }

    /// Everything that one sealed and signed message costs at least, at both ends.
    fn message(&self, signed: usize, sealed: usize) {
        let mut content = vec![0x5a; sealed];
        let signature = self.signing.sign(black_box(&content[..signed]));
        let ephemeral = AgreementKey::generate(&SystemEntropy);
        let (ours, theirs) = (
            ephemeral.agree(self.agreement.public()),
            self.agreement.agree(ephemeral.public()),
        );
        black_box((ours.is_ok(), theirs.is_ok()));
        let (mut key, mut iv) = ([0; 32], [0; 12]);
        SystemEntropy.fill(&mut key);
        SystemEntropy.fill(&mut iv);
        if let Ok(tag) = Enc::A256Gcm.seal(&key, &iv, b"", &mut content) {
            let opened = Enc::A256Gcm.open(&key, &iv, b"", &mut content, &tag);
            black_box(opened.is_ok());
        }
        let alg = SignatureAlgorithm::EdDsa;
        let verified = self
            .signing
            .public()
            .verify(alg, black_box(&content[..signed]), &signature);
        black_box(verified.is_ok());
    }
}

/// Slices of a measurement. The system counts a thread's time in ticks of some milliseconds, so that
/// each must be much longer than that.
const SLICES: u32 = 5;
/// Receipts that share a signature and an envelope: a moderate load, not the most.
const BATCH: usize = 64;
/// A receipt on the wire, about.
const RECEIPT_OCTETS: usize = 1_024;
