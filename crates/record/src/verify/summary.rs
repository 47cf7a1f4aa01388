//! From what was checked to what is reported.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
};

use super::{
    Anchor, AnchorReport, Case, EntryReport, Grade, IdentityReport, KeyReport, LogReport,
    MessageReport, Report, Shown, StateReport, Times, Why, documents,
    entries::Entries,
    keyring::Keyring,
    logs::Logs,
    messages::{Message, Messages},
    missing, order,
    receipts::Receipts,
    witnessed,
};
use crate::{
    digest::Digest,
    entry::{EntryKind, MessageFacts},
};

/// Draws the conclusions.
pub(super) fn summarise(
    mut case: Case<'_>,
    keyring: &Keyring,
    logs: &Logs,
    messages: &Messages,
    receipts: &Receipts,
    entries: &Entries,
) -> Report {
    check_named(&mut case, messages, receipts, entries);
    let recorded = &entries.facts;
    let confirmed = check_confirmed(&mut case, messages, receipts, recorded);
    let anchors = anchors(&mut case, keyring, logs);
    let identities = identities(&mut case, keyring);
    let (mut of_messages, other_entries) = entry_reports(&mut case, keyring, logs, entries);
    missing::note(&mut case, receipts, entries);
    let documents = documents::check(&mut case, keyring, logs, entries);
    let order = order::check(&mut case, messages, entries);
    let existed = witnessed::existed_before(logs, messages, entries);
    let messages = messages
        .all
        .iter()
        .map(|message| {
            let entries = of_messages.remove(&message.digest).unwrap_or_default();
            let existed = existed.get(&message.digest).copied();
            let known = (keyring, receipts, recorded);
            message_report(&case, known, message, entries, existed)
        })
        .collect();
    let thread = confirmed.then(|| case.bundle.thread.thid.clone());
    let made_at = Some(case.bundle.made_at);
    let logs = log_reports(&case, keyring, logs);
    let mut findings = case.findings;
    let is_mismatch = |why: &Why| matches!(why, Why::AnchorMismatch { .. });
    findings.sort_by_key(|one| (Reverse(one.weight), !is_mismatch(&one.why)));
    let verdict = Report::verdict_of(&findings);
    Report {
        anchors,
        verdict,
        made_at,
        thread,
        identities,
        logs,
        messages,
        documents,
        other_entries,
        order,
        findings,
    }
}

/// A digest without content must be named by something that is signed or committed to: otherwise
/// anybody could have changed it.
fn check_named(case: &mut Case<'_>, messages: &Messages, receipts: &Receipts, entries: &Entries) {
    let seen = messages
        .all
        .iter()
        .filter_map(|message| message.seen.as_ref());
    let causes = seen.flat_map(|seen| &seen.head.causes);
    let stated = receipts.all.iter().map(|stated| &stated.statement.message);
    let recorded = entries
        .opened
        .iter()
        .flat_map(|entry| entry.record.event.names());
    let named: HashSet<&Digest> = causes.chain(stated).chain(recorded).collect();
    for (n, message) in messages.all.iter().enumerate() {
        if message.shown == Shown::Withheld && !named.contains(&message.digest) {
            case.find(format!("/messages/{n}"), Why::UnnamedMessage);
        }
    }
}

/// Both parties must appear in something that was checked. Returns whether the thread does.
fn check_confirmed(
    case: &mut Case<'_>,
    messages: &Messages,
    receipts: &Receipts,
    recorded: &HashMap<Digest, MessageFacts>,
) -> bool {
    let thread = !recorded.is_empty() || messages.all.iter().any(|one| one.seen.is_some());
    // Messages, receipts and entries that hold name both of the two.
    if !thread && receipts.all.is_empty() {
        for (n, did) in case.bundle.thread.between.iter().enumerate() {
            case.find(
                format!("/thread/between/{n}"),
                Why::UnconfirmedParty(did.clone()),
            );
        }
    }
    thread
}

fn anchors(case: &mut Case<'_>, keyring: &Keyring, logs: &Logs) -> Vec<AnchorReport> {
    let is_met = |anchor: &Anchor| match anchor {
        Anchor::Key { .. } => (0..2).any(|party| {
            let did = &case.bundle.thread.between[party];
            keyring
                .used(party)
                .any(|(key, ..)| anchor.matches(did, key))
        }),
        Anchor::Vkey(vkey) => logs.has_met(vkey),
    };
    let anchors: Vec<_> = case
        .anchors
        .iter()
        .map(|anchor| AnchorReport {
            anchor: anchor.clone(),
            met: is_met(anchor),
        })
        .collect();
    if !anchors.iter().any(|anchor| anchor.met) {
        case.find("", Why::NoAnchor);
    }
    anchors
}

fn identities(case: &mut Case<'_>, keyring: &Keyring) -> Vec<IdentityReport> {
    let mut identities = Vec::new();
    for (party, did) in case.bundle.thread.between.iter().enumerate() {
        let at = format!("/thread/between/{party}");
        let mut keys = Vec::new();
        for (key, grade, pointer) in keyring.used(party) {
            keys.push(KeyReport { key: *key, grade });
            let given: Vec<_> = case
                .anchors
                .iter()
                .filter_map(|one| one.digits(did))
                .collect();
            if !given.is_empty() && grade != Grade::Anchored {
                let why = Why::AnchorMismatch {
                    did: did.clone(),
                    signed: *key,
                    given: given.join(" or "),
                };
                case.find(pointer, why);
            }
        }
        let grade = keyring.grade(party);
        match grade {
            Grade::Asserted if keys.is_empty() => case.find(at, Why::NothingSigned(did.clone())),
            Grade::Asserted => case.find(at, Why::Asserted(did.clone())),
            _ => {}
        }
        identities.push(IdentityReport {
            did: did.clone(),
            grade,
            keys,
        });
    }
    identities
}

fn log_reports(case: &Case<'_>, keyring: &Keyring, logs: &Logs) -> Vec<LogReport> {
    let report = |(origin, vkey, vouched_by, size): (_, _, &BTreeSet<usize>, _)| {
        let between = &case.bundle.thread.between;
        LogReport {
            origin: Clone::clone(origin),
            vkey: Clone::clone(vkey),
            grade: logs.grade(origin, keyring),
            vouched_by: vouched_by
                .iter()
                .map(|party| between[*party].clone())
                .collect(),
            size,
        }
    };
    logs.all().map(report).collect()
}

/// The entries by the message that they are about, and the others.
fn entry_reports(
    case: &mut Case<'_>,
    keyring: &Keyring,
    logs: &Logs,
    entries: &Entries,
) -> (HashMap<Digest, Vec<EntryReport>>, Vec<EntryReport>) {
    let mut of_messages: HashMap<Digest, Vec<EntryReport>> = HashMap::new();
    let mut others = Vec::new();
    let listed: HashSet<Digest> = case
        .bundle
        .messages
        .iter()
        .map(|message| message.digest)
        .collect();
    let mut add = |message: Option<&Digest>, report| match message {
        Some(message) if listed.contains(message) => {
            of_messages.entry(*message).or_default().push(report);
        }
        _ => others.push(report),
    };
    for entry in &entries.opened {
        let grade = match entry.local {
            Some(local) => logs.grade_for(&entry.origin, local, case, keyring),
            None => logs.grade(&entry.origin, keyring),
        };
        if grade == Grade::Asserted {
            let why = Why::UnboundEntry(entry.origin.clone());
            case.find(format!("/entries/{}", entry.n), why);
        }
        let (origin, index, kind) = (entry.origin.clone(), entry.index, entry.record.kind());
        let at = Some(entry.record.at);
        add(
            entry.record.event.message(),
            EntryReport {
                origin,
                index,
                kind,
                at,
                grade,
            },
        );
    }
    for entry in &entries.closed {
        let grade = match entry.local {
            Some(local) => logs.grade_for(&entry.origin, local, case, keyring),
            None => logs.grade(&entry.origin, keyring),
        };
        let (origin, index, kind) = (entry.origin.clone(), entry.index, entry.kind);
        add(
            entry.message.as_ref(),
            EntryReport {
                origin,
                index,
                kind,
                at: None,
                grade,
            },
        );
    }
    (of_messages, others)
}

fn message_report(
    case: &Case<'_>,
    (keyring, receipts, recorded): (&Keyring, &Receipts, &HashMap<Digest, MessageFacts>),
    message: &Message,
    entries: Vec<EntryReport>,
    existed_before: Option<u64>,
) -> MessageReport {
    let digest = message.digest;
    let head = message.seen.as_ref().map(|seen| &seen.head);
    let facts = recorded.get(&digest).filter(|_| head.is_none());
    let first = receipts.about(&digest).next();
    let mut states: Vec<_> = receipts
        .about(&digest)
        .map(|stated| {
            let statement = &stated.statement;
            let code = statement.code.clone();
            StateReport {
                state: statement.state,
                at: statement.at,
                by: statement.by,
                code,
                key: stated.key,
                grade: keyring.grade_of(stated.recipient, &stated.key),
            }
        })
        .collect();
    states.sort();
    states.dedup();
    let accepted = |entry: &&EntryReport| {
        matches!(entry.kind, EntryKind::MessageIn | EntryKind::Refused)
            && entry.grade > Grade::Asserted
    };
    let stated = states.iter().map(|state| state.at).min().or_else(|| {
        entries
            .iter()
            .filter(accepted)
            .filter_map(|entry| entry.at)
            .min()
    });
    let sender = message
        .seen
        .as_ref()
        .map(|seen| seen.sender)
        .or_else(|| first.map(|stated| 1 - stated.recipient))
        .or_else(|| facts.and_then(|facts| case.party(&facts.from)));
    let signed = message
        .seen
        .as_ref()
        .and_then(|seen| Some((seen.sender, seen.key?)));
    let key = signed.map(|(_, key)| key);
    let grade = signed.map(|(sender, key)| keyring.grade_of(sender, &key));
    let party = |party: usize| case.bundle.thread.between[party].clone();
    let id = head
        .map(|head| head.id.as_str())
        .or_else(|| facts.map(|facts| facts.id.as_str()));
    MessageReport {
        digest,
        shown: message.shown,
        id: id
            .or_else(|| first.map(|stated| stated.statement.id.as_str()))
            .map(str::to_owned),
        type_: head
            .map(|head| &head.type_)
            .or_else(|| facts.map(|facts| &facts.type_))
            .cloned(),
        body: head.map(|head| serde_json::Value::Object(head.body.clone())),
        from: sender.map(party),
        to: sender.map(|sender| party(1 - sender)),
        key,
        grade,
        sender_order: head.map_or_else(
            || facts.and_then(|facts| facts.sender_order),
            |head| head.sender_order,
        ),
        causes: head
            .map(|head| &head.causes)
            .or_else(|| facts.map(|facts| &facts.causes))
            .cloned()
            .unwrap_or_default(),
        times: Times {
            claimed: head.and_then(|head| head.created_time),
            stated,
            existed_before,
        },
        states,
        entries,
    }
}
