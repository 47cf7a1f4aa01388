//! What a maker of bundles might try.

use comity_did::{DidDocument, DocumentBuilder};
use comity_jose::{AgreementKey, Curve};
use serde_json::json;

use super::*;
use crate::{
    bundle::BuildError,
    checkpoint::SignedNote,
    entry::{Entry, Event, Record},
    receipt::ReceiptState,
    testing::{THREAD, signing_key},
};

#[test]
fn a_bundle_whose_other_half_was_invented_comes_out_as_asserted() {
    // B makes all of A: her keys, her document, her log, her receipts. Only the name is real.
    let real = Story::new();
    let invented = Story::between(
        impostor(&real.a, 50),
        Node::new("agents.org-b.test", "bruno", 2),
    );
    let anchors = real.anchors();
    let report = report(&invented, &anchors);
    assert_eq!(report.verdict, Verdict::Consistent, "{report}");
    assert_eq!(grades(&report), [Grade::Asserted, Grade::Anchored]);
    assert!(has(
        &report,
        |why| matches!(why, Why::AnchorMismatch { did, .. } if *did == real.a.did)
    ));
    assert!(has(
        &report,
        |why| matches!(why, Why::Asserted(did) if *did == real.a.did)
    ));
    assert_eq!(report.exit_code(), 4);
    assert!(
        report
            .to_string()
            .starts_with("WRONG KEY for aria@agents.org-a.test\n")
    );
}

#[test]
fn an_anchored_key_in_the_document_does_not_help_a_signature_by_another_key_in_it() {
    let story = Story::new();
    let forger = signing_key(60);
    let mut document: Value = serde_json::from_slice(story.a.document.octets()).unwrap();
    let did = story.a.did.clone();
    let kid = did.with_fragment("key-9").unwrap();
    document["verificationMethod"]
        .as_array_mut()
        .unwrap()
        .push(json!({
            "id": kid, "type": "Multikey", "controller": did,
            "publicKeyMultibase": forger.public().to_multikey(),
        }));
    document["authentication"]
        .as_array_mut()
        .unwrap()
        .push(json!(kid));
    let mut forged = Node::new("agents.org-a.test", "aria", 60);
    forged.document = DidDocument::parse(&did, document.to_string().as_bytes()).unwrap();
    let mut sent = forged.message(&story.b, THREAD, 1, &[]);
    sent.jws = sent.jws.replace("#key-1", "#key-9");

    let mut builder = BundleBuilder::new(THREAD, [did.clone(), story.b.did.clone()]);
    builder.document(did, forged.document.octets().to_vec(), 1);
    builder.signed(sent.digest, sent.jws.as_bytes()).unwrap();
    let report = verify_bundle(&builder.build(1).unwrap(), &[story.a.anchor()]);
    assert_eq!(report.identities[0].grade, Grade::Asserted);
    assert!(has(&report, |why| matches!(
        why,
        Why::AnchorMismatch { .. }
    )));
}

#[test]
fn one_signature_by_an_unknown_key_lowers_the_whole_identity() {
    // The message is really Aria's; a receipt in her name is by a key that was slipped in.
    let story = Story::new();
    let mut forged = Story::between(
        impostor(&story.a, 50),
        Node::new("agents.org-b.test", "bruno", 2),
    );
    forged.request = story.request.clone();
    let mut builder = story.builder();
    builder.document(forged.a.did.clone(), forged.a.document.octets().to_vec(), 2);
    builder
        .signed(story.request.digest, story.request.jws.as_bytes())
        .unwrap();
    builder
        .signed(forged.response.digest, forged.response.jws.as_bytes())
        .unwrap();
    builder.receipt(forged.receipts[2].clone()).unwrap();
    let report = verify_bundle(&builder.build(1).unwrap(), &story.anchors());
    assert_eq!(report.identities[0].keys.len(), 2);
    assert_eq!(report.identities[0].grade, Grade::Asserted);
    assert_eq!(report.verdict, Verdict::Consistent);
}

#[test]
fn a_fabricated_log_is_not_bound_by_the_document_that_names_it() {
    // All signatures are real, but Aria's receipts are left out and her log is invented: the
    // document, which nobody signed, names the forger's log key.
    let story = Story::new();
    let mut forged = impostor(&story.a, 50);
    let index = forged.record_out(&story.request);
    let agreement = AgreementKey::from_secret(Curve::X25519, &[1; 32]).unwrap();
    let document = DocumentBuilder::new(
        story.a.did.clone(),
        story.a.signing.public(),
        agreement.public(),
    )
    .log(
        "https://x.test/log",
        forged.origin.as_str(),
        &forged.vkey.to_string(),
    )
    .build()
    .unwrap();
    let mut builder = BundleBuilder::new(THREAD, [story.a.did.clone(), story.b.did.clone()]);
    builder.document(story.a.did.clone(), document.octets().to_vec(), 1);
    builder.document(story.b.did.clone(), story.b.document.octets().to_vec(), 1);
    for sent in [&story.request, &story.response] {
        builder.signed(sent.digest, sent.jws.as_bytes()).unwrap();
    }
    builder.receipt(story.receipts[0].clone()).unwrap();
    builder.entry(forged.show(index, index + 1), &forged.note());
    let report = verify_bundle(&builder.build(1).unwrap(), &story.anchors());
    assert_eq!(grades(&report), [Grade::Anchored; 2]);
    assert_eq!(report.verdict, Verdict::Consistent, "{report}");
    assert!(has(
        &report,
        |why| matches!(why, Why::UnboundEntry(o) if *o == forged.origin)
    ));
}

#[test]
fn an_honest_peer_cannot_vouch_for_the_log_of_another() {
    // Bruno's log, vouched for by Bruno, holds an entry that says what Aria's node recorded.
    let mut story = Story::new();
    let index = story.b.record_out(&story.request);
    let done = [(&story.request, story.at_b[0], ReceiptState::Done)];
    let receipt = story.b.receipts(&story.a, &done).remove(0);
    let mut builder = story.full_builder();
    builder.receipt(receipt).unwrap();
    let size = builder.vouched_size(&story.b.origin, index).unwrap();
    builder.entry(story.b.show(index, size), &story.b.note_at(size));
    let bundle = builder.build(1).unwrap();
    let mut anchors = story.anchors().to_vec();
    anchors.push(Anchor::Vkey(story.b.vkey.clone()));
    let report = verify_bundle(&bundle, &anchors);
    assert_eq!(report.verdict, Verdict::Consistent, "{report}");
    assert!(has(
        &report,
        |why| matches!(why, Why::UnboundEntry(o) if *o == story.b.origin)
    ));
}

#[test]
fn a_signature_for_another_purpose_is_no_message() {
    let story = Story::new();
    let sign = |protected: &[u8]| {
        let sent = story.a.sign_as(protected, story.request.plaintext.clone());
        let mut builder = story.builder();
        builder.signed(sent.digest, sent.jws.as_bytes()).unwrap();
        builder.build(1)
    };
    match sign(br#"{"typ":"comity-receipt+jws","alg":"EdDSA"}"#) {
        Err(BuildError::Broken { why, .. }) => assert!(matches!(*why, Why::MessageTyp)),
        _ => panic!("built"),
    }
    let untyped = sign(br#"{"alg":"EdDSA"}"#).unwrap();
    let report = verify_bundle(&untyped, &story.anchors());
    assert!(has(&report, |why| matches!(why, Why::Untyped)));
    assert_eq!(report.verdict, Verdict::Consistent);
}

#[test]
fn a_receipt_about_other_than_what_is_shown_is_refused() {
    let story = Story::new();
    let receipt_with = |edit: &dyn Fn(&mut crate::Statement)| {
        let mut statement = story.b.statement(
            &story.a,
            &story.request,
            story.at_b[0],
            ReceiptState::Received,
        );
        edit(&mut statement);
        let mut builder = story.full_builder();
        builder
            .receipt(story.b.receipts_of(&[statement]).remove(0))
            .unwrap();
        match builder.build(1) {
            Err(BuildError::Broken { pointer, why }) => (pointer, *why),
            _ => panic!("built"),
        }
    };
    let (at, why) = receipt_with(&|statement| statement.id = "another".into());
    assert_eq!(at, "/receipts/4");
    assert!(matches!(why, Why::ReceiptDiffers("id")));
    let bruno = crate::Fingerprint::of(story.b.signing.public());
    let (_, why) = receipt_with(&|statement| statement.sender_key = bruno);
    assert!(matches!(why, Why::ReceiptDiffers("sender_key")));
    let (_, why) = receipt_with(&|statement| statement.sender_kid = story.b.kid());
    assert!(matches!(why, Why::ReceiptDiffers("sender_kid")));
    let (_, why) = receipt_with(&|statement| statement.message = crate::Digest::of(b"unknown"));
    assert!(matches!(why, Why::UnlistedMessage(_)));
    let (_, why) =
        receipt_with(&|statement| statement.sender = "did:web:c.test:x".parse().unwrap());
    assert!(matches!(why, Why::OtherParty));
    let (_, why) = receipt_with(&|statement| statement.state = ReceiptState::Rejected);
    assert!(matches!(
        why,
        Why::StatesContradict(ReceiptState::Done, ReceiptState::Rejected)
    ));
    let (_, why) = receipt_with(&|statement| {
        statement.state = ReceiptState::Done;
        statement.code = Some("e.p.x".into());
    });
    assert!(matches!(
        why,
        Why::StatesContradict(ReceiptState::Done, ReceiptState::Done)
    ));
    let (_, why) = receipt_with(&|statement| statement.log.index += 1);
    assert!(matches!(why, Why::ReceiptsContradict));
}

#[test]
fn the_commitment_in_a_receipt_is_that_of_the_entry_shown() {
    let story = Story::new();
    // The recipient's own signature is over another commitment than its log has.
    let mut statement = story.b.statement(
        &story.a,
        &story.request,
        story.at_b[0],
        ReceiptState::Received,
    );
    statement.log.commitment = crate::Commitment::new([1; 32]);
    let receipt = story.b.receipts_of(&[statement]).remove(0);
    let mut builder = story.builder();
    builder
        .signed(story.request.digest, story.request.jws.as_bytes())
        .unwrap();
    builder.receipt(receipt).unwrap();
    let index = story.at_b[0];
    let size = builder.vouched_size(&story.b.origin, index).unwrap();
    builder.entry(story.b.show(index, size), &story.b.note_at(size));
    match builder.build(1) {
        Err(BuildError::Broken { pointer, why }) => {
            assert_eq!(pointer, "/entries/0/leaf");
            assert!(matches!(*why, Why::EntryDiffers("commitment")));
        }
        _ => panic!("built"),
    }
}

#[test]
fn a_record_that_contradicts_what_is_signed_is_refused() {
    let story = Story::new();
    let mut b = Node::new("agents.org-b.test", "bruno", 2);
    let mut facts = story.request.facts();
    facts.sender_order = Some(7);
    let index = b.record(5, Event::MessageOut(crate::entry::MessageOut { facts }));
    let mut builder = story.builder();
    builder
        .signed(story.request.digest, story.request.jws.as_bytes())
        .unwrap();
    builder.entry(b.show(index, index + 1), &b.note());
    match builder.build(1) {
        Err(BuildError::Broken { why, .. }) => {
            assert!(matches!(*why, Why::EntryDiffers("sender_order")));
        }
        _ => panic!("built"),
    }
}

#[test]
fn records_of_a_withheld_message_must_agree_with_each_other_and_with_receipts() {
    let story = Story::new();
    let build = |edit: &dyn Fn(&mut crate::entry::MessageFacts), with_receipt: bool| {
        let mut a = Node::new("agents.org-a.test", "aria", 1);
        let mut b = Node::new("agents.org-b.test", "bruno", 2);
        let mut facts = story.request.facts();
        let index = a.record_out(&story.request);
        edit(&mut facts);
        let other = b.record(5, Event::MessageOut(crate::entry::MessageOut { facts }));
        let mut builder = story.builder();
        builder.withheld(story.request.digest);
        if with_receipt {
            builder.receipt(story.receipts[0].clone()).unwrap();
        } else {
            builder.entry(a.show(index, index + 1), &a.note());
        }
        builder.entry(b.show(other, other + 1), &b.note_at(other + 1));
        match builder.build(1) {
            Err(BuildError::Broken { why, .. }) => Some(*why),
            _ => None,
        }
    };
    assert!(build(&|_| (), false).is_none());
    let why = build(&|facts| facts.type_.push('s'), false);
    assert!(matches!(why, Some(Why::EntryDiffers("type"))));
    let swap = |facts: &mut crate::entry::MessageFacts| {
        std::mem::swap(&mut facts.from, &mut facts.to);
    };
    assert!(matches!(
        build(&swap, false),
        Some(Why::EntryDiffers("from"))
    ));
    // The log of B differs from the one that signed the receipt: a fork is found as well.
    assert!(build(&swap, true).is_some());
}

#[test]
fn a_log_that_shows_two_histories_is_found_out() {
    let story = Story::new();
    let forked = story.a.note_of(story.at_a[2] + 1, [3; 32]);
    let mut builder = story.full_builder();
    builder.checkpoint(&forked);
    match builder.build(1) {
        Err(BuildError::Broken { why, .. }) => {
            assert!(matches!(*why, Why::Fork(ref origin, _) if *origin == story.a.origin));
        }
        _ => panic!("built"),
    }
}

#[test]
fn a_peer_that_signed_two_ends_can_still_be_shown() {
    let story = Story::new();
    let rejected = ReceiptState::Rejected;
    let statement = story
        .b
        .statement(&story.a, &story.request, story.at_b[0], rejected);
    let mut builder = story.full_builder();
    builder
        .receipt(story.b.receipts_of(&[statement]).remove(0))
        .unwrap();
    assert!(builder.clone().build(1).is_err());
    let report = verify_bundle(&builder.build_as_it_is(1), &story.anchors());
    let (pointer, why) = first(&report);
    assert_eq!(pointer, "/receipts/4");
    assert!(matches!(
        why,
        Why::StatesContradict(ReceiptState::Done, ReceiptState::Rejected)
    ));
}

#[test]
fn a_checkpoint_under_a_key_that_nobody_names_is_refused() {
    let story = Story::new();
    let elsewhere = Node::new("agents.org-c.test", "carol", 3);
    let mut builder = story.full_builder();
    builder.checkpoint(&elsewhere.note());
    match builder.build(1) {
        Err(BuildError::Broken { pointer, why }) => {
            assert!(pointer.starts_with("/checkpoints/"));
            assert!(matches!(*why, Why::NoLogKey(_)));
        }
        _ => panic!("built"),
    }
}

#[test]
fn a_withheld_digest_that_nothing_names_is_refused() {
    let story = Story::new();
    let mut builder = story.full_builder();
    builder.withheld(crate::Digest::of(b"anything"));
    match builder.build(1) {
        Err(BuildError::Broken { pointer, why }) => {
            assert_eq!(pointer, "/messages/2");
            assert!(matches!(*why, Why::UnnamedMessage));
        }
        _ => panic!("built"),
    }
}

#[test]
fn a_start_entry_elsewhere_than_at_the_beginning_is_refused() {
    let story = Story::new();
    let mut b = Node::new("agents.org-b.test", "bruno", 2);
    let (_, Record { event, .. }) =
        Entry::open(*b.entry(0).r(), b.entry(0).octets().to_vec()).unwrap();
    let index = b.record(9, event);
    let mut builder = story.full_builder();
    let note: SignedNote = b.note();
    builder.entry(b.show(index, index + 1), &note);
    assert!(matches!(
        builder.build(1),
        Err(BuildError::Broken { why, .. }) if matches!(*why, Why::StartMisplaced | Why::Fork(..))
    ));
}
