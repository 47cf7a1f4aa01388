//! What the nodes can show when everything is over: states with their receipts, one entry for each
//! effect, records that agree, trees that hold.

use crate::ledger::{Ledger, Told};
use comity_api::operator::{Entry, Export, MessageRow, Status};
use comity_did::Did;
use comity_record::tree::Tree;
use comity_record::{
    Anchor, Bundle, Commitment, EntryKind, Event, Leaf, LogOrigin, Record, Side, SignedNote,
    Verdict, Vkey, reconcile, verify,
};
use comity_testkit::{Operator, Organisation};
use std::collections::BTreeMap;

/// What is not done yet, in words; empty when everything has drained.
pub(crate) async fn open(organisations: &[Organisation; 2], ledger: &Ledger) -> String {
    let mut open = Vec::new();
    let missing = ledger.missing();
    if !missing.is_empty() {
        let some: Vec<_> = missing.iter().take(5).cloned().collect();
        open.push(format!("{} never offered, such as {some:?}", missing.len()));
    }
    let mut counts = BTreeMap::<&str, u64>::new();
    for organisation in organisations {
        let operator = organisation.operator();
        let status = operator.status().await.unwrap();
        for (side, states, end) in [
            ("outbox", &status.outbox, "done"),
            ("inbox", &status.inbox, "settled"),
        ] {
            for (state, count) in states.iter().filter(|(state, n)| state != end && *n > 0) {
                open.push(format!("{}: {side}: {count} {state}", organisation.host));
            }
        }
        if open.is_empty() {
            // Only now, as it reads the whole record.
            for entry in operator.entries().await.unwrap() {
                let kind = EntryKind::parse(&entry.kind).unwrap().as_str();
                *counts.entry(kind).or_default() += 1;
                if entry.index.is_none() {
                    open.push(format!("entry {} is not integrated", entry.seq));
                }
            }
        }
    }
    // Each message has two receipts, and they travel apart.
    let count = |kind: EntryKind| counts.get(kind.as_str()).copied().unwrap_or_default();
    if open.is_empty() && count(EntryKind::ReceiptIn) < 2 * count(EntryKind::MessageOut) {
        open.push(format!("receipts are on their way: {counts:?}"));
    }
    open.join("; ")
}

/// Everything that must hold in the end.
pub(crate) async fn check(organisations: &[Organisation; 2], told: &[Told]) {
    let mut sides = Vec::new();
    let mut effects = [BTreeMap::new(), BTreeMap::new()];
    for (node, organisation) in organisations.iter().enumerate() {
        let operator = organisation.operator();
        let status = operator.status().await.unwrap();
        assert_eq!(status.alarms, [] as [String; 0], "{}", organisation.host);
        let rows = all_messages(&operator).await;
        check_states(node, &rows, told);
        let entries = operator.entries().await.unwrap();
        check_tree(&status, &entries);
        let mut side = Side::new([]);
        for entry in &entries {
            let (origin, leaf, record) = read(&status, entry);
            side.add_entry(origin, entry.index.unwrap(), leaf, &record);
            if let Some(effect) = effects_of(&record.event) {
                *effects[node].entry(effect).or_insert(0_u32) += 1;
            }
        }
        sides.push(side);
    }
    for effects in &effects {
        let doubled: Vec<_> = effects
            .iter()
            .filter(|(_, count)| **count != 1)
            .take(10)
            .collect();
        assert!(doubled.is_empty(), "one entry for each effect: {doubled:?}");
    }
    check_entries_match(&effects);
    check_bundles(organisations, told, &mut sides).await;
    let [a, b] = sides.as_slice() else {
        panic!("two sides")
    };
    let both = reconcile(a, b);
    assert!(
        both.is_clean(),
        "missing {:?}, contradictions {:?}, gaps {:?}",
        &both.missing[..both.missing.len().min(5)],
        &both.contradictions[..both.contradictions.len().min(5)],
        &both.gaps[..both.gaps.len().min(5)]
    );
    println!("{} messages reconcile", both.messages.len());
}

/// Senders' states are `done`, and their recipients signed that.
fn check_states(node: usize, rows: &[MessageRow], told: &[Told]) {
    let sent: BTreeMap<&str, &MessageRow> = rows
        .iter()
        .filter(|row| row.direction == "out")
        .map(|row| (row.digest.as_str(), row))
        .collect();
    for told in told.iter().filter(|told| told.node == node) {
        let row = sent.get(told.digest.as_str());
        let row = row.unwrap_or_else(|| panic!("{} was told, and is not there", told.id));
        assert_eq!(row.id, told.id);
        let done = row
            .history
            .iter()
            .any(|step| step.state == "done" && step.proof == "receipt");
        assert!(done && row.state == "done", "{row:?}");
    }
    for row in rows.iter().filter(|row| row.direction == "in") {
        assert_eq!(row.state, "settled", "{row:?}");
    }
}

/// The tree over all leaves is the one whose head the node signed.
fn check_tree(status: &Status, entries: &[Entry]) {
    let mut leaves: Vec<_> = entries
        .iter()
        .map(|entry| (entry.index.unwrap(), entry))
        .collect();
    leaves.sort_by_key(|(index, _)| *index);
    let mut tree = Tree::of([]);
    for (place, (index, entry)) in (0..).zip(&leaves) {
        assert_eq!(
            place, *index,
            "no place in the tree is empty or taken twice"
        );
        tree.append(read(status, entry).1.hash());
    }
    let note: SignedNote = status.record.checkpoint.parse().unwrap();
    let vkey: Vkey = status.record.vkey.parse().unwrap();
    let head = note.verify(&vkey).unwrap();
    // The status may have been asked for just before the last checkpoint.
    assert_eq!((head.size, head.root), (tree.size(), tree.root()));
}

fn read(status: &Status, entry: &Entry) -> (LogOrigin, Leaf, Record) {
    let kind = EntryKind::parse(&entry.kind).unwrap();
    let commitment: Commitment = entry.commitment.parse().unwrap();
    let octets = serde_json::to_vec(entry.record.as_ref().unwrap()).unwrap();
    let record = Record::parse(&octets).unwrap();
    (
        status.record.origin.parse().unwrap(),
        Leaf { kind, commitment },
        record,
    )
}

/// What an entry is the one entry of.
fn effects_of(event: &Event) -> Option<(&'static str, String)> {
    Some(match event {
        Event::Start(_) => ("start", String::new()),
        Event::Agent(agent) => ("agent", agent.did.to_string()),
        Event::MessageOut(out) => ("message-out", out.facts.message.to_string()),
        Event::MessageIn(accepted) => ("message-in", accepted.facts.message.to_string()),
        Event::Settled(settled) => ("settled", settled.message.to_string()),
        Event::ReceiptIn(receipt) => (
            "receipt-in",
            format!("{} {}", receipt.message, receipt.state),
        ),
        Event::Ended(ended) => ("ended", ended.message.to_string()),
        Event::Refused(refused) => ("refused", refused.message.to_string()),
        // A grant is offered, then approved; a minute counts whatever it counts.
        _ => return None,
    })
}

type Effects = BTreeMap<(&'static str, String), u32>;

/// Each message that went out at one node came in at the other, once, was settled there, and both
/// receipts came back; nothing was refused or given up.
fn check_entries_match([a, b]: &[Effects; 2]) {
    let of = |effects: &Effects, kind: &str| -> Vec<String> {
        let named = effects.keys().filter(|(one, _)| *one == kind);
        named.map(|(_, subject)| subject.clone()).collect()
    };
    for (sender, recipient) in [(a, b), (b, a)] {
        let sent = of(sender, "message-out");
        assert_eq!(sent, of(recipient, "message-in"));
        assert_eq!(sent, of(recipient, "settled"));
        let receipts: Vec<_> = sent
            .iter()
            .flat_map(|m| [format!("{m} done"), format!("{m} received")])
            .collect();
        assert_eq!(receipts, of(sender, "receipt-in"));
        assert_eq!(of(sender, "ended").len() + of(sender, "refused").len(), 0);
        assert_eq!(of(sender, "start").len(), 1);
    }
}

/// Some threads, as a stranger would check them, from either node's export.
async fn check_bundles(organisations: &[Organisation; 2], told: &[Told], sides: &mut [Side]) {
    let mut anchors = Vec::new();
    for (organisation, names) in organisations
        .iter()
        .zip([["aria", "carl"], ["bruno", "dora"]])
    {
        for name in names {
            let agent = organisation.operator().agent(name).await.unwrap();
            let did: Did = agent.did.parse().unwrap();
            anchors.push(Anchor::Key {
                did,
                fingerprint: agent.fingerprint,
            });
        }
    }
    let asks: Vec<&Told> = told
        .iter()
        .filter(|told| told.id.contains("-ask"))
        .collect();
    for told in asks.iter().step_by(asks.len().div_ceil(12).max(1)) {
        for (organisation, side) in organisations.iter().zip(sides.iter_mut()) {
            let export = Export {
                thread: told.id.clone(),
            };
            let operator = organisation.operator();
            let octets = operator
                .post_for_octets("/v1/record/export", &export)
                .await
                .unwrap();
            let report = verify(&octets, &anchors);
            assert_eq!(report.verdict, Verdict::Proved, "{}: {report}", told.id);
            side.add_bundle(&Bundle::parse(&octets).unwrap());
        }
    }
}

async fn all_messages(operator: &Operator) -> Vec<MessageRow> {
    const LIMIT: usize = 1_000;
    let mut all = BTreeMap::new();
    let mut after = 0;
    loop {
        let path = format!("/v1/messages?after={after}&limit={LIMIT}&all=true");
        let page: Vec<MessageRow> = operator.get(&path).await.unwrap();
        // Both directions number their rows on their own.
        let full = ["out", "in"].into_iter().filter_map(|direction| {
            let seqs = page
                .iter()
                .filter(|row| row.direction == direction)
                .map(|row| row.seq);
            (seqs.clone().count() == LIMIT)
                .then(|| seqs.max())
                .flatten()
        });
        let next = full.min();
        all.extend(
            page.into_iter()
                .map(|row| ((row.direction.clone(), row.seq), row)),
        );
        match next {
            Some(next) => after = next,
            None => return all.into_values().collect(),
        }
    }
}
