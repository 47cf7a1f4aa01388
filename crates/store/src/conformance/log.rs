use super::samples::{did, digest, entry, head};
use super::{World, block_on};
use crate::{EntryRow, NodeRow, Page, PeerLogRow, StoreError};

const LOG: &str = "log.test/comity/log/1";
const NEXT: &str = "log.test/comity/log/2";

pub fn entries_wait_in_order_until_they_are_integrated(world: &World) {
    let seqs = append(world, 4);
    assert!(seqs.is_sorted_by(|a, b| a < b));
    assert_eq!(fresh(world, 9), seqs);
    assert_eq!(fresh(world, 2), seqs[..2]);
    assert_eq!(world.read(|tx| tx.log_head()), None);
    let node = NodeRow {
        level: 0,
        index: 1,
        hash: [8; 32],
    };
    let two = seqs[..2].to_vec();
    world.write(move |tx| tx.integrate(None, &two, &[node], &head(LOG, 2)));
    assert_eq!(fresh(world, 9), seqs[2..]);
    assert_eq!(world.read(|tx| tx.log_head()), Some(head(LOG, 2)));
    let one = vec![seqs[2]];
    world.write(move |tx| tx.integrate(Some((LOG, 2)), &one, &[], &head(LOG, 3)));
    for (index, seq) in (0..).zip(&seqs[..3]) {
        let seq = *seq;
        let wanted = Some(EntryRow {
            seq,
            index: Some(index),
            origin: Some(LOG.to_owned()),
            ..entry(u8::try_from(index).unwrap(), None)
        });
        assert_eq!(world.read(move |tx| tx.entry(seq)), wanted);
        assert_eq!(world.read(move |tx| tx.entry_at(LOG, index)), wanted);
    }
    assert_eq!(world.read(|tx| tx.entry_at(LOG, 3)), None);
    assert_eq!(world.read(|tx| tx.entry_at("other", 0)), None);
    assert_eq!(world.read(|tx| tx.node(LOG, 0, 1)), Some([8; 32]));
    assert_eq!(world.read(|tx| tx.node(LOG, 1, 1)), None);
    assert_eq!(world.read(|tx| tx.node("other", 0, 1)), None);
}

pub fn integrating_from_an_old_head_is_a_conflict_and_changes_nothing(world: &World) {
    let seqs = append(world, 3);
    let first = seqs[..1].to_vec();
    world.write(move |tx| tx.integrate(None, &first, &[], &head(LOG, 1)));
    let rest = seqs[1..].to_vec();
    for expected in [None, Some((LOG, 0)), Some((LOG, 2)), Some((NEXT, 1))] {
        let rest = rest.clone();
        let node = NodeRow {
            level: 0,
            index: 5,
            hash: [8; 32],
        };
        let result = block_on(
            world
                .store
                .write(move |tx| tx.integrate(expected, &rest, &[node], &head(LOG, 3))),
        );
        assert!(matches!(result, Err(StoreError::Conflict)), "{expected:?}");
    }
    assert_eq!(fresh(world, 9), rest);
    assert_eq!(world.read(|tx| tx.log_head()), Some(head(LOG, 1)));
    assert_eq!(world.read(|tx| tx.node(LOG, 0, 5)), None);
}

pub fn a_new_origin_starts_at_nothing_and_leaves_the_old_entries(world: &World) {
    let seqs = append(world, 2);
    let (old, new) = (vec![seqs[0]], vec![seqs[1]]);
    world.write(move |tx| tx.integrate(None, &old, &[], &head(LOG, 1)));
    world.write(move |tx| tx.integrate(None, &new, &[], &head(NEXT, 1)));
    let at = |origin: &'static str| {
        world
            .read(move |tx| tx.entry_at(origin, 0))
            .map(|row| row.seq)
    };
    assert_eq!((at(LOG), at(NEXT)), (Some(seqs[0]), Some(seqs[1])));
    assert_eq!(world.read(|tx| tx.log_head()), Some(head(NEXT, 1)));
    // The old one is over.
    let seqs = append(world, 1);
    let late = block_on(
        world
            .store
            .write(move |tx| tx.integrate(Some((LOG, 1)), &seqs, &[], &head(LOG, 2))),
    );
    assert!(matches!(late, Err(StoreError::Conflict)));
}

pub fn an_entry_is_integrated_once(world: &World) {
    let seqs = append(world, 1);
    let entries = seqs.clone();
    world.write(move |tx| tx.integrate(None, &entries, &[], &head(LOG, 1)));
    for entries in [seqs, vec![999]] {
        let again = block_on(
            world
                .store
                .write(move |tx| tx.integrate(Some((LOG, 1)), &entries, &[], &head(LOG, 2))),
        );
        assert!(matches!(again, Err(StoreError::Conflict)));
    }
    assert_eq!(world.read(|tx| tx.log_head()), Some(head(LOG, 1)));
}

pub fn decisions_and_acts_are_listed_newest_first(world: &World) {
    world.write(|tx| {
        for (n, kind) in (1..).zip(["decision", "message-in", "act", "counted", "decision"]) {
            tx.append_entry(&EntryRow {
                kind: kind.to_owned(),
                ..entry(n, None)
            })?;
        }
        Ok(())
    });
    let kinds = |limit| {
        let rows = world.read(move |tx| tx.decisions(limit));
        let shown = rows.into_iter().map(|row| (row.seq, row.kind));
        shown.collect::<Vec<_>>()
    };
    let all = kinds(9);
    assert_eq!(
        all.iter()
            .map(|(_, kind)| kind.as_str())
            .collect::<Vec<_>>(),
        ["decision", "act", "decision"]
    );
    assert!(all.windows(2).all(|pair| pair[0].0 > pair[1].0));
    assert_eq!(kinds(1), all[..1]);
}

pub fn entries_are_found_by_subject_and_paged(world: &World) {
    let seqs = world.write(|tx| {
        let erased = EntryRow {
            r: None,
            record: None,
            ..entry(4, Some("m"))
        };
        let rows = [
            entry(1, Some("m")),
            entry(2, Some("n")),
            entry(3, None),
            erased,
        ];
        rows.iter()
            .map(|row| tx.append_entry(row))
            .collect::<Result<Vec<_>, _>>()
    });
    let about = world.read(|tx| tx.entries_about(&digest("m")));
    assert_eq!(
        about.iter().map(|row| row.seq).collect::<Vec<_>>(),
        [seqs[0], seqs[3]]
    );
    assert_eq!(
        about[0],
        EntryRow {
            seq: seqs[0],
            ..entry(1, Some("m"))
        }
    );
    assert_eq!((about[1].r, about[1].record.clone()), (None, None));
    assert_eq!(world.read(|tx| tx.entries_about(&digest("other"))), []);
    let page = |after, limit| {
        let rows = world.read(move |tx| tx.entries(Page { after, limit }));
        rows.into_iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 2), seqs[..2]);
    assert_eq!(page(seqs[1], 9), seqs[2..]);
    assert_eq!(world.read(|tx| tx.entry(999)), None);
}

pub fn the_logs_of_others_are_kept(world: &World) {
    let row = |origin: &str, size| PeerLogRow {
        origin: origin.to_owned(),
        peer: did("bruno"),
        size,
        root: [4; 32],
        note: "note".to_owned(),
        alarm: (size > 1).then(|| "fork".to_owned()),
    };
    let rows = [row("b", 1), row("a", 1), row("b", 2)];
    let put = rows.clone();
    world.write(move |tx| put.iter().try_for_each(|row| tx.put_peer_log(row)));
    let [_, a, b] = rows;
    assert_eq!(world.read(|tx| tx.peer_log("b")), Some(b.clone()));
    assert_eq!(world.read(|tx| tx.peer_log("c")), None);
    assert_eq!(world.read(|tx| tx.peer_logs()), [a, b]);
}

/// Appends entries numbered from 0; returns their numbers in the store.
fn append(world: &World, count: u8) -> Vec<u64> {
    world.write(move |tx| {
        (0..count)
            .map(|n| tx.append_entry(&entry(n, None)))
            .collect()
    })
}

fn fresh(world: &World, limit: usize) -> Vec<u64> {
    let rows = world.read(move |tx| tx.unintegrated(limit));
    rows.into_iter().map(|row| row.seq).collect()
}
