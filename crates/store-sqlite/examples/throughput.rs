//! Messages a second through the rows of both sides, without cryptography or network.
//!
//! ```sh
//! cargo run --release -p comity-store-sqlite --example throughput -- [messages] [in flight] [file]
//! ```
//!
//! Each message goes through the units that a node makes of it: submitted, sent and acknowledged
//! at its sender; accepted, leased and settled at its recipient; then its entries are integrated.
//! Both sides write to one file, so a node does half of this for each message that passes it.

#![allow(clippy::unwrap_used, reason = "a measurement that fails has no result")]

use comity_engine::{InState, OutState, Timestamp};
use comity_store::conformance::samples::{self, START, digest, grant, id};
use comity_store::{Backend, PeerReceiptRow, ReceiptRow, StoreError, SystemClock, Tx, Way};
use comity_store_sqlite::Sqlite;
use std::sync::mpsc::channel;
use std::time::Instant;

type Step = fn(&mut dyn Tx, u64) -> Result<(), StoreError>;

const STEPS: [Step; 6] = [submit, send, accept, lease, settle, acknowledge];
const BODY: usize = 2_048;

fn main() {
    let mut args = std::env::args().skip(1);
    let messages: u64 = args.next().map_or(20_000, |n| n.parse().unwrap());
    let in_flight: u64 = args.next().map_or(256, |n| n.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let path = args
        .next()
        .map_or_else(|| dir.path().join("comity.db"), Into::into);
    let sqlite = Sqlite::open(&path, SystemClock).unwrap();
    let (told, done) = channel();
    let start = |n: u64, step: usize| {
        let told = told.clone();
        sqlite.write(
            Box::new(move |tx| {
                STEPS[step](tx, n).unwrap();
                true
            }),
            Box::new(move |result| {
                result.unwrap();
                told.send((n, step)).unwrap();
            }),
        );
    };
    let (told_setup, setup) = channel();
    sqlite.write(
        Box::new(|tx| tx.put_grant(&grant("bruno", 1)).is_ok()),
        Box::new(move |result| told_setup.send(result).unwrap()),
    );
    setup.recv().unwrap().unwrap();
    let before = sqlite.stats();
    let (cpu, begun) = (cpu_seconds(), Instant::now());
    let mut next = in_flight.min(messages);
    (0..next).for_each(|n| start(n, 0));
    let mut left = messages;
    while left > 0 {
        let (n, step) = done.recv().unwrap();
        if step + 1 < STEPS.len() {
            start(n, step + 1);
            continue;
        }
        left -= 1;
        if next < messages {
            start(next, 0);
            next += 1;
        }
    }
    let (cpu, wall) = (cpu_seconds() - cpu, begun.elapsed().as_secs_f64());
    let stats = sqlite.stats();
    let (commits, units) = (stats.commits - before.commits, stats.units - before.units);
    #[allow(clippy::cast_precision_loss, reason = "shown with three digits")]
    let [count, commits, units] = [messages, commits, units].map(|n| n as f64);
    println!("{:.0} messages/s, {in_flight} in flight", count / wall);
    println!("{:.1} us CPU a message, both sides", cpu * 1e6 / count);
    println!(
        "{:.1} units a commit, {:.0} commits/s",
        units / commits,
        commits / wall
    );
    let size = std::fs::metadata(&path).unwrap().len();
    #[allow(clippy::cast_precision_loss, reason = "shown with three digits")]
    let size = size as f64;
    println!(
        "{:.0} octets a message in the file, body {BODY}",
        size / count
    );
}

fn submit(tx: &mut dyn Tx, n: u64) -> Result<(), StoreError> {
    let row = message(n);
    let last = tx.last_order(Way::Out, &row.agent, &row.to, &row.thid)?;
    tx.grant_between(&row.agent, &row.to)?;
    tx.claim_order(Way::Out, &row.agent, &row.to, &row.thid, last, 1)?;
    tx.put_message(&row.digest, &[0x61; BODY])?;
    tx.append_entry(&entry(n))?;
    tx.put_outgoing(&row)?;
    tx.put_event(&row.agent, &row.id)?;
    Ok(())
}

fn send(tx: &mut dyn Tx, n: u64) -> Result<(), StoreError> {
    let row = message(n);
    let mut row = tx.outgoing(&row.agent, &row.id)?.unwrap();
    row.state = OutState::Sent;
    tx.put_outgoing(&row)?;
    tx.put_event(&row.agent, &row.id)?;
    Ok(())
}

fn accept(tx: &mut dyn Tx, n: u64) -> Result<(), StoreError> {
    let row = delivery(n);
    let mut held = tx.grant_between(&row.recipient, &row.sender)?.unwrap();
    tx.seen(&row.recipient, &row.sender, &row.id)?;
    tx.put_seen(
        &row.recipient,
        &row.sender,
        &row.id,
        &row.digest,
        samples::UNTIL,
    )?;
    tx.claim_order(Way::In, &row.sender, &row.recipient, &row.thid, None, 1)?;
    tx.count_unsettled(&row.recipient)?;
    tx.has_incoming(&row.recipient, &row.sender)?;
    tx.put_message(&row.digest, &[0x61; BODY])?;
    let entry = tx.append_entry(&entry(n))?;
    tx.put_incoming(&row)?;
    tx.put_receipt(&receipt(n, entry))?;
    held.uses += 1;
    held.version += 1;
    tx.put_grant(&held)
}

fn lease(tx: &mut dyn Tx, n: u64) -> Result<(), StoreError> {
    let mut row = tx.incoming(&delivery(n).delivery)?.unwrap();
    row.state = InState::Leased;
    row.leased_until = Timestamp::NEVER;
    row.attempt += 1;
    tx.put_incoming(&row)?;
    Ok(())
}

fn settle(tx: &mut dyn Tx, n: u64) -> Result<(), StoreError> {
    let mut row = tx.incoming(&delivery(n).delivery)?.unwrap();
    row.state = InState::Settled;
    tx.put_incoming(&row)?;
    let entry = tx.append_entry(&entry(n))?;
    tx.put_receipt(&ReceiptRow {
        state: comity_record::ReceiptState::Done,
        receipt: Some(vec![0x61; 900]),
        ..receipt(n, entry)
    })
}

fn acknowledge(tx: &mut dyn Tx, n: u64) -> Result<(), StoreError> {
    let row = message(n);
    let mut row = tx.outgoing(&row.agent, &row.id)?.unwrap();
    row.state = OutState::Done;
    let (state, receipt) = (comity_record::ReceiptState::Done, vec![0x61; 900]);
    tx.put_peer_receipt(&PeerReceiptRow {
        message: row.digest,
        state,
        receipt,
    })?;
    tx.append_entry(&entry(n))?;
    tx.put_outgoing(&row)?;
    tx.put_event(&row.agent, &row.id)?;
    Ok(())
}

/// Ids as random as real ones: where they fall in an index is what such a test is about.
fn name(n: u64) -> String {
    let text = digest(&n.to_string()).to_string();
    text[3..39].replace('_', "-")
}

fn message(n: u64) -> comity_store::Outgoing {
    let thid = id(&name(n));
    let digest = digest(&format!("out {n}"));
    comity_store::Outgoing {
        id: thid.clone(),
        thid,
        digest,
        ..samples::outgoing("bruno", "t", 1)
    }
}

fn delivery(n: u64) -> comity_store::Incoming {
    let thid = id(&name(n + (1 << 40)));
    comity_store::Incoming {
        delivery: format!("d_{thid}"),
        id: thid.clone(),
        thid,
        digest: digest(&format!("in {n}")),
        received: START,
        ..samples::incoming("bruno", "t", 1)
    }
}

fn entry(n: u64) -> comity_store::EntryRow {
    let record = Some(vec![0x61; 400]);
    comity_store::EntryRow {
        record,
        subject: Some(message(n).digest),
        ..samples::entry(1, None)
    }
}

fn receipt(n: u64, entry: u64) -> ReceiptRow {
    let row = delivery(n);
    ReceiptRow {
        message: row.digest,
        id: row.id,
        ..samples::receipt("bruno", "m", entry)
    }
}

/// Time of all threads of this process on a processor; Linux only, else zero.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}
