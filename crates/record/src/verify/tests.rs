use serde_json::Value;

use super::*;
use crate::{
    bundle::BundleBuilder,
    receipt::ReceiptState,
    testing::{Node, Story},
};

mod anchors;
mod attacks;
mod changed;
mod every_byte;
mod words;

fn report(story: &Story, anchors: &[Anchor]) -> Report {
    verify(&story.bundle().to_octets(), anchors)
}

/// Verifies a bundle after its JSON was edited, with both anchors.
fn edited(story: &Story, edit: impl FnOnce(&mut Value)) -> Report {
    let mut value = serde_json::from_slice(&story.bundle().to_octets()).unwrap();
    edit(&mut value);
    verify(value.to_string().as_bytes(), &story.anchors())
}

fn grades(report: &Report) -> Vec<Grade> {
    report
        .identities
        .iter()
        .map(|identity| identity.grade)
        .collect()
}

fn has(report: &Report, wanted: impl Fn(&Why) -> bool) -> bool {
    report.findings.iter().any(|finding| wanted(&finding.why))
}

fn first(report: &Report) -> (&str, &Why) {
    assert_eq!(report.verdict, Verdict::Broken, "{report}");
    let failure = report.first_failure().unwrap();
    (&failure.pointer, &failure.why)
}

#[test]
fn a_thread_is_proved_to_who_knows_both_keys() {
    let story = Story::new();
    let report = report(&story, &story.anchors());
    assert_eq!(report.verdict, Verdict::Proved, "{report}");
    assert_eq!(report.exit_code(), 0);
    assert!(report.findings.is_empty(), "{report}");
    assert_eq!(grades(&report), [Grade::Anchored; 2]);
    assert!(report.anchors.iter().all(|anchor| anchor.met));
    assert_eq!(report.thread.as_deref(), Some(crate::testing::THREAD));
    assert!(report.logs.iter().all(|log| log.grade == Grade::Anchored));

    let request = &report.messages[0];
    assert_eq!(request.digest, story.request.digest);
    assert_eq!(request.from.as_ref(), Some(&story.a.did));
    assert_eq!(request.times.claimed, Some(1_795_404_926));
    assert_eq!(request.times.stated, Some(1_795_404_928));
    assert_eq!(request.times.existed_before, None);
    let states: Vec<_> = request
        .states
        .iter()
        .map(|state| state.state.as_str())
        .collect();
    assert_eq!(states, ["received", "done"]);
    let kinds: Vec<_> = request
        .entries
        .iter()
        .map(|entry| entry.kind.as_str())
        .collect();
    assert_eq!(
        kinds,
        ["message-out", "receipt-in", "message-in", "settled"]
    );
    assert!(
        request
            .entries
            .iter()
            .all(|entry| entry.grade == Grade::Anchored)
    );
    assert_eq!(report.messages[1].causes, [story.request.digest]);
    assert!(
        report
            .order
            .iter()
            .all(|order| order.complete && order.ranges == [(1, 1)])
    );
}

#[test]
fn without_anchors_nothing_is_more_than_consistent() {
    let story = Story::new();
    let report = report(&story, &[]);
    assert_eq!(report.verdict, Verdict::Consistent);
    assert_eq!(report.exit_code(), 4);
    assert_eq!(grades(&report), [Grade::Asserted; 2]);
    assert!(has(&report, |why| matches!(why, Why::NoAnchor)));
    // The entries of a log that only asserted agents vouch for are asserted too.
    assert!(has(&report, |why| matches!(why, Why::UnboundEntry(_))));
}

#[test]
fn one_anchor_proves_one_side_and_so_not_the_whole() {
    let story = Story::new();
    let report = report(&story, &[story.b.anchor()]);
    assert_eq!(report.verdict, Verdict::Consistent);
    assert_eq!(grades(&report), [Grade::Asserted, Grade::Anchored]);
    assert!(has(
        &report,
        |why| matches!(why, Why::Asserted(did) if *did == story.a.did)
    ));
}

#[test]
fn each_message_and_each_state_has_the_grade_of_the_key_that_signed_it() {
    let story = Story::new();
    let bundle = story.bundle().to_octets();
    let grades = |anchors: &[Anchor]| {
        let report = serde_json::to_value(verify(&bundle, anchors)).unwrap();
        [0, 1].map(|n| {
            let message = &report["messages"][n];
            let states = message["states"].as_array().unwrap();
            assert!(states.iter().all(|one| one["grade"] == states[0]["grade"]));
            let grade = |value: &Value| value["grade"].as_str().unwrap().to_owned();
            (grade(message), grade(&states[0]))
        })
    };
    let of = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    let both = ("anchored", "asserted");
    // The question is Aria's, its receipts are Bruno's; the answer the other way round.
    let question_and_answer = |a, b| [of(a, b), of(b, a)];
    assert_eq!(
        grades(&story.anchors()),
        question_and_answer(both.0, both.0)
    );
    assert_eq!(
        grades(&[story.a.anchor()]),
        question_and_answer(both.0, both.1)
    );
    assert_eq!(
        grades(&[story.b.anchor()]),
        question_and_answer(both.1, both.0)
    );
    assert_eq!(grades(&[]), question_and_answer(both.1, both.1));
}

#[test]
fn questions_are_shown_above_their_answers_whoever_exports() {
    let story = Story::new();
    let text = |octets: &[u8]| verify(octets, &story.anchors()).to_string();
    // An answer of another software, which names no causes, within the same second.
    let answer = story.b.message(&story.a, "3c2f", 1, &[]);
    let mut builder = story.builder();
    for sent in [&answer, &story.request] {
        builder.signed(sent.digest, sent.jws.as_bytes()).unwrap();
    }
    let bundle = builder.build(1).unwrap();
    assert_eq!(bundle.messages[0].digest, story.request.digest);
    let octets = bundle.to_octets();
    assert!(text(&octets).starts_with("proved: bruno@agents.org-b.test answered aria@"));
    // A file that was made before bundles were ordered.
    let mut older: Value = serde_json::from_slice(&octets).unwrap();
    older["messages"].as_array_mut().unwrap().swap(0, 1);
    assert_eq!(text(older.to_string().as_bytes()), text(&octets));
}

#[test]
fn a_reply_that_is_recorded_and_not_listed_is_noted() {
    let story = Story::new();
    let mut builder = story.builder();
    builder
        .signed(story.request.digest, story.request.jws.as_bytes())
        .unwrap();
    for receipt in &story.receipts[..2] {
        builder.receipt(receipt.clone()).unwrap();
    }
    let (index, size) = (story.at_b[1], story.b.entry_count());
    builder.entry(story.b.show(index, size), &story.b.note());
    let report = verify_bundle(&builder.build(1).unwrap(), &story.anchors());
    let not_shown = |why: &Why| {
        matches!(why, Why::ReplyNotShown(did, reply)
            if *did == story.b.did && *reply == story.response.digest)
    };
    assert!(has(&report, not_shown), "{report}");
    assert!(!has(&self::report(&story, &story.anchors()), |why| {
        matches!(why, Why::ReplyNotShown(..))
    }));
}

#[test]
fn withheld_content_leaves_receipts_and_records_provable_but_no_signature() {
    let story = Story::new();
    let report = edited(&story, |bundle| {
        let message = bundle["messages"][0].as_object_mut().unwrap();
        message.remove("jws");
        message.insert("withheld".into(), true.into());
    });
    // Aria still signed receipts, so her identity is known; the note says what is missing.
    assert_eq!(report.verdict, Verdict::Proved, "{report}");
    assert!(has(&report, |why| matches!(why, Why::Withheld)));
    let request = &report.messages[0];
    assert_eq!((request.shown, request.key), (Shown::Withheld, None));
    assert_eq!(request.from.as_ref(), Some(&story.a.did));
    assert_eq!(request.id.as_deref(), Some(crate::testing::THREAD));
    assert_eq!(request.sender_order, Some(1));
    assert_eq!(request.states.len(), 2);
}

#[test]
fn an_answer_that_is_withheld_is_not_told_as_given() {
    // Whoever asked could have recorded and receipted an answer that was never signed.
    let story = Story::new();
    let report = edited(&story, |bundle| {
        for message in bundle["messages"].as_array_mut().unwrap() {
            if message["digest"] == story.response.digest.to_string().as_str() {
                message.as_object_mut().unwrap().remove("jws");
                message["withheld"] = true.into();
            }
        }
    });
    let text = report.to_string();
    assert!(!text.contains("answered"), "{text}");
    assert!(text.contains("This file shows no answer."), "{text}");
    assert!(text.contains("1 message is withheld"), "{text}");
    assert!(!text.contains("All that it shows"), "{text}");
}

#[test]
fn omission_shows_as_gaps_and_as_receipts_without_entries() {
    let mut story = Story::new();
    let third = story.a.message(&story.b, "third", 3, &[]);
    let accepted = story.b.record_in(&story.a, &third);
    let received = ReceiptState::Received;
    story
        .receipts
        .extend(story.b.receipts(&story.a, &[(&third, accepted, received)]));
    let mut builder = story.full_builder();
    builder.signed(third.digest, third.jws.as_bytes()).unwrap();
    let bundle = builder.build(1).unwrap();
    let report = verify_bundle(&bundle, &story.anchors());
    assert_eq!(report.verdict, Verdict::Proved, "{report}");
    assert!(has(
        &report,
        |why| matches!(why, Why::OrderGap(did, 2, 2) if *did == story.a.did)
    ));
    let not_shown = |why: &Why| {
        matches!(why, Why::EntryNotShown(origin, index)
            if *origin == story.b.origin && *index == accepted)
    };
    assert!(has(&report, not_shown));
    assert_eq!(report.order[0].ranges, [(1, 1), (3, 3)]);
    assert!(!report.order[0].complete);
    assert!(report.order[1].complete);
}

#[test]
fn a_closed_entry_still_shows_that_it_was_logged() {
    let story = Story::new();
    let report = edited(&story, |bundle| {
        for entry in bundle["entries"].as_array_mut().unwrap() {
            let entry = entry.as_object_mut().unwrap();
            entry.remove("r");
            entry.remove("record");
        }
    });
    assert_eq!(report.verdict, Verdict::Proved, "{report}");
    let accepted = &report.messages[0].entries[0];
    assert_eq!((accepted.kind.as_str(), accepted.at), ("message-in", None));
}

#[test]
fn an_unsigned_message_proves_nothing_to_others() {
    let story = Story::new();
    let octets = story.request.plaintext.to_string().into_bytes();
    let mut builder = story.builder();
    builder.plaintext(crate::message_digest_plain(&octets), octets);
    builder
        .signed(story.response.digest, story.response.jws.as_bytes())
        .unwrap();
    let report = verify_bundle(&builder.build(1).unwrap(), &story.anchors());
    assert_eq!(report.verdict, Verdict::Consistent);
    assert!(has(&report, |why| matches!(why, Why::Unsigned)));
    // Aria's anchor does not make her the author of what she did not sign.
    assert!(has(
        &report,
        |why| matches!(why, Why::NothingSigned(did) if *did == story.a.did)
    ));
}

#[test]
fn self_certifying_identities_need_no_document_but_an_anchor_for_the_whole() {
    let story = Story::new();
    let key = comity_did::make_key(story.a.signing.public());
    let kid = format!("{key}#{}", key.method_specific_id());
    let mut plaintext = story.request.plaintext.clone();
    plaintext["from"] = key.as_str().into();
    let mut sent = story.a.sign(plaintext);
    sent.jws = sent.jws.replace(story.a.kid().as_str(), &kid);
    let mut builder =
        BundleBuilder::new(crate::testing::THREAD, [key.clone(), story.b.did.clone()]);
    builder.signed(sent.digest, sent.jws.as_bytes()).unwrap();
    let bundle = builder.build(1).unwrap();

    let report = verify_bundle(&bundle, &[]);
    assert_eq!(report.identities[0].grade, Grade::SelfCertifying);
    assert_eq!(report.verdict, Verdict::Consistent);
    assert!(has(
        &report,
        |why| matches!(why, Why::NothingSigned(did) if *did == story.b.did)
    ));
    let anchored = verify_bundle(&bundle, &[Anchor::key(key, story.a.signing.public())]);
    assert_eq!(anchored.identities[0].grade, Grade::Anchored);
}

#[test]
fn the_report_has_no_text_that_could_forge_a_line() {
    let story = Story::new();
    let rejected = ReceiptState::Rejected;
    let mut statement = story
        .b
        .statement(&story.a, &story.request, story.at_b[0], rejected);
    statement.code = Some("x\nverdict   proved \u{202e}".into());
    let mut builder = story.builder();
    builder
        .signed(story.request.digest, story.request.jws.as_bytes())
        .unwrap();
    builder
        .receipt(story.b.receipts_of(&[statement]).remove(0))
        .unwrap();
    let report = verify_bundle(&builder.build(1).unwrap(), &story.anchors());
    let text = report.to_string();
    assert!(
        text.starts_with("proved: aria@agents.org-a.test wrote to"),
        "{text}"
    );
    for text in [text, report.verbose().to_string()] {
        assert!(!text.contains("\nverdict"), "{text}");
        assert!(!text.contains('\u{202e}'));
        assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
    }
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.starts_with(r#"{"anchors":["#));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["verdict"], "proved");
    assert_eq!(json["identities"][0]["grade"], "anchored");
}

/// A node that exists nowhere but in somebody's bundle, under the name of one that does.
fn impostor(of: &Node, seed: u8) -> Node {
    let host = of.origin.authority().unwrap().to_owned();
    let agent = of.did.as_str().rsplit(':').next().unwrap().to_owned();
    Node::new(&host, &agent, seed)
}
