//! Envelopes exchanged with other people's implementations, in both directions, in every
//! combination of what they are made of: all that the other side can do works, and what it can't
//! is listed with the reason (`limits.rs`). `docs/interop.md` shows the same as a table.
//!
//! The programs in other languages need what `interop/*/setup.sh` installs. Without it nothing is
//! tested, and a line says so; with `COMITY_INTEROP=required` that is a failure.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot make its parties has failed"
)]

mod combination;
mod exchange;
mod judge;
mod limits;
mod page;
mod world;

use combination::{Combination, Protection};
use comity_peers::{Affinidi, Didcomm, DidcommNode, DidcommPython, Party, Peer, PeerError};
use exchange::{Exchange, Fault};
use judge::Judge;
use limits::{Limit, Way};
use serde_json::Value;
use world::{Side, World};

#[test]
fn didcomm_reads_what_we_write() {
    it_reads_what_we_write::<Didcomm>(limits::DIDCOMM);
}

#[test]
fn we_read_what_didcomm_writes() {
    we_read_what_it_writes::<Didcomm>(limits::DIDCOMM);
}

#[test]
fn affinidi_reads_what_we_write() {
    it_reads_what_we_write::<Affinidi>(limits::AFFINIDI);
}

#[test]
fn we_read_what_affinidi_writes() {
    we_read_what_it_writes::<Affinidi>(limits::AFFINIDI);
}

#[test]
fn what_affinidi_signs_is_read_once_its_key_is_named_in_one_place() {
    let world = World::new();
    let peer = start::<Affinidi>(&world).unwrap();
    let mut signed = 0;
    for combination in &Combination::all() {
        let exchange = Exchange::new(&world, combination, Side::Theirs);
        let Ok(envelope) = exchange.they_write(&peer) else {
            continue;
        };
        if combination.protection == Protection::Sign {
            assert!(exchange.we_read(&envelope).is_err());
            let mut envelope: Value = serde_json::from_str(&envelope).unwrap();
            let signature = envelope["signatures"][0].as_object_mut().unwrap();
            signature.remove("header").unwrap();
            exchange.we_read(&envelope.to_string()).unwrap();
            signed += 1;
        }
    }
    assert_eq!(signed, 6);
}

#[test]
fn didcomm_python_reads_what_we_write() {
    it_reads_what_we_write::<DidcommPython>(limits::PYTHON);
}

#[test]
fn we_read_what_didcomm_python_writes() {
    we_read_what_it_writes::<DidcommPython>(limits::PYTHON);
}

#[test]
fn didcomm_node_reads_what_we_write() {
    it_reads_what_we_write::<DidcommNode>(limits::DIDCOMM);
}

#[test]
fn we_read_what_didcomm_node_writes() {
    we_read_what_it_writes::<DidcommNode>(limits::DIDCOMM);
}

/// It reads everything that we write and it knows; and nothing that was altered.
fn it_reads_what_we_write<P: Peer>(limits: &[Limit]) {
    let world = World::new();
    let Some(peer) = start::<P>(&world) else {
        return;
    };
    let mut judge = Judge::new(limits, Way::Reads);
    for combination in &Combination::ours() {
        let exchange = Exchange::new(&world, combination, Side::Ours);
        let envelope = exchange.we_write();
        match exchange.they_read(&peer, &envelope) {
            Err(words) => judge.fails(combination, words),
            Ok(()) => {
                judge.works(combination);
                for (member, altered) in alterations(combination, &envelope) {
                    if exchange.they_read(&peer, &altered).is_ok() {
                        judge.complain(combination, format!("it reads another {member}"));
                    }
                }
            }
        }
    }
    judge.end();
}

/// We read everything that it can write; and nothing that was altered.
fn we_read_what_it_writes<P: Peer>(limits: &[Limit]) {
    let world = World::new();
    let Some(peer) = start::<P>(&world) else {
        return;
    };
    let mut judge = Judge::new(limits, Way::Writes);
    for combination in &Combination::all() {
        let exchange = Exchange::new(&world, combination, Side::Theirs);
        // What is refused now and then is read when it is written again; or not in this run.
        let exchanges = || exchange_once(&exchange, combination, &peer, &mut judge);
        if !std::iter::repeat_with(exchanges)
            .take(TRIES)
            .any(|is_decided| is_decided)
        {
            judge.unread(combination);
        }
    }
    judge.end();
}

/// They write and we read; `false` if we refuse it for a reason for which we sometimes do.
fn exchange_once<P: Peer>(
    exchange: &Exchange<'_>,
    combination: &Combination,
    peer: &P,
    judge: &mut Judge<'_>,
) -> bool {
    let envelope = match exchange.they_write(peer) {
        Err(error) => {
            judge.fails(combination, error.to_string());
            return true;
        }
        Ok(envelope) => envelope,
    };
    match exchange.we_read(&envelope) {
        Err(Fault::Misread(words)) => judge.complain(combination, words),
        Err(Fault::Refused(error)) if judge.excuses(combination, &error) => return false,
        Err(Fault::Refused(error)) => judge.refused(combination, &error),
        Ok(()) => {
            judge.works(combination);
            for (member, altered) in alterations(combination, &envelope) {
                if exchange.we_read(&altered).is_ok() {
                    judge.complain(combination, format!("we read another {member}"));
                }
            }
        }
    }
    true
}

/// The envelope with one member at a time changed; nothing notices a changed plaintext.
fn alterations(combination: &Combination, envelope: &str) -> Vec<(&'static str, String)> {
    match combination.protection {
        Protection::Plaintext => Vec::new(),
        _ => exchange::alterations(envelope),
    }
}

/// The other side, with all of its parties' keys.
fn start<P: Peer>(world: &World) -> Option<P> {
    let theirs: Vec<_> = world.parties(Side::Theirs).collect();
    let ours: Vec<_> = world.parties(Side::Ours).map(Party::public).collect();
    let others: Vec<_> = theirs.iter().skip(1).copied().chain(&ours).collect();
    match P::new(theirs[0], &others) {
        Ok(peer) => Some(peer),
        Err(error @ PeerError::NotInstalled { .. }) => {
            let is_required = std::env::var("COMITY_INTEROP").is_ok_and(|v| v == "required");
            assert!(!is_required, "{error}");
            eprintln!("nothing tested: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// How many times something is written at most that is sometimes refused.
const TRIES: usize = 8;
