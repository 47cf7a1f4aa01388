use super::*;
use crate::{checkpoint::Vkey, testing::signing_key};

#[test]
fn anchors_are_read_as_people_write_them() {
    let story = Story::new();
    let fingerprint = story.a.signing.public().fingerprint();
    for digits in [
        &fingerprint[..],
        &fingerprint[..32],
        &fingerprint.to_uppercase()[..40],
    ] {
        let anchor: Anchor = format!("{}={digits}", story.a.did).parse().unwrap();
        let report = report(&story, &[anchor]);
        assert_eq!(report.identities[0].grade, Grade::Anchored);
    }
    let handle: Anchor = format!("aria@agents.org-a.test={fingerprint}")
        .parse()
        .unwrap();
    assert_eq!(handle, story.a.anchor());
    let vkey: Anchor = story.b.vkey.to_string().parse().unwrap();
    assert_eq!(vkey, Anchor::Vkey(story.b.vkey.clone()));
    assert_eq!(vkey.to_string(), story.b.vkey.to_string());

    for bad in [
        format!("{}={}", story.a.did, &fingerprint[..31]),
        format!("{}={fingerprint}0", story.a.did),
        format!("{}={}", story.a.did, fingerprint.replace('a', "g")),
        story.a.did.to_string(),
        fingerprint.clone(),
        format!("did:web={fingerprint}"),
        format!("Aria?@agents.org-a.test={fingerprint}"),
        format!("aria@={fingerprint}"),
        "aria@agents.org-a.test".to_owned(),
        story.b.vkey.to_string().replace("org-b", "org-c"),
    ] {
        assert!(bad.parse::<Anchor>().is_err(), "{bad}");
    }
}

#[test]
fn what_is_no_anchor_is_refused_with_words_that_say_what_to_write() {
    let fingerprint = "ab".repeat(32);
    let why = |text: &str| text.parse::<Anchor>().unwrap_err();
    assert!(matches!(why(&fingerprint), AnchorError::Bare));
    assert!(matches!(why(&fingerprint[..32]), AnchorError::Bare));
    let bare = why(&fingerprint).to_string();
    assert!(
        bare.contains("write DID=FINGERPRINT or NAME@HOST=FINGERPRINT"),
        "{bare}"
    );
    let whose = why("otto@agents.mill.test").to_string();
    assert!(
        whose.contains("write otto@agents.mill.test=FINGERPRINT"),
        "{whose}"
    );
    assert!(matches!(why("otto@mill=abc"), AnchorError::Fingerprint));
}

#[test]
fn a_file_of_anchors_has_one_a_line() {
    let story = Story::new();
    let text = format!(
        "# from A, by telephone\n\n{}\r\n  {}  \n",
        story.a.anchor(),
        story.b.vkey
    );
    let anchors = parse_anchors(&text).unwrap();
    assert_eq!(
        anchors,
        [story.a.anchor(), Anchor::Vkey(story.b.vkey.clone())]
    );
    let error = parse_anchors(&format!("{}\nwhat\n", story.a.anchor())).unwrap_err();
    assert_eq!(error.line, 2);
}

#[test]
fn an_anchored_vkey_binds_the_log_to_agents_of_its_own_host_only() {
    // Aria's record only: no receipt of hers, so nothing vouches for her log.
    let story = Story::new();
    let mut builder = story.builder();
    for sent in [&story.request, &story.response] {
        builder.signed(sent.digest, sent.jws.as_bytes()).unwrap();
    }
    for receipt in &story.receipts[..2] {
        builder.receipt(receipt.clone()).unwrap();
    }
    let size = story.at_a[1] + 1;
    builder.entry(story.a.show(story.at_a[0], size), &story.a.note_at(size));
    let bundle = builder.build(1).unwrap();

    let keys = story.anchors();
    let report = verify_bundle(&bundle, &keys);
    // Her document names the log's vkey and her key is anchored, but documents are not signed.
    assert_eq!(report.verdict, Verdict::Consistent, "{report}");
    assert!(has(
        &report,
        |why| matches!(why, Why::UnboundEntry(o) if *o == story.a.origin)
    ));
    assert_eq!(report.messages[0].entries[0].grade, Grade::Asserted);

    let vkey = Anchor::Vkey(story.a.vkey.clone());
    let report = verify_bundle(&bundle, &[keys[0].clone(), keys[1].clone(), vkey]);
    assert_eq!(report.verdict, Verdict::Proved, "{report}");
    assert_eq!(report.messages[0].entries[0].grade, Grade::Anchored);
}

#[test]
fn a_receipt_vouches_for_every_checkpoint_of_its_log() {
    // The entry is proved at a size that no receipt carries, under the key that signed those.
    let mut story = Story::new();
    let size = story.a.record_settled(&story.response, &[]) + 1;
    let mut builder = story.full_builder();
    builder.entry(story.a.show(size - 1, size), &story.a.note());
    assert_eq!(builder.vouched_size(&story.a.origin, size - 1), None);
    assert!(builder.vouches_for(&story.a.origin));
    let report = verify_bundle(&builder.build(1).unwrap(), &story.anchors());
    assert_eq!(report.verdict, Verdict::Proved, "{report}");
}

#[test]
fn a_witness_bounds_when_messages_existed_and_attests_a_key_through_its_own_log() {
    let story = Story::new();
    let witness_key = signing_key(77);
    let witness = Vkey::witness(
        "witness.example".parse().unwrap(),
        witness_key.public().clone(),
    )
    .unwrap();
    let time = 1_795_410_000_u64;
    let size = story.at_a[2] + 1;
    let plain = story.a.note_at(size);
    let message = format!(
        "cosignature/v1\ntime {time}\n{}",
        plain.checkpoint_unverified().body()
    );
    let mut octets = witness.id().to_vec();
    octets.extend(time.to_be_bytes());
    octets.extend(witness_key.sign(message.as_bytes()));
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &octets);
    let cosigned = format!("{plain}— witness.example {encoded}\n")
        .parse()
        .unwrap();

    let mut builder = story.full_builder();
    builder.entry(story.a.show(1, size), &cosigned);
    let bundle = builder.build(1).unwrap();
    let report = verify_bundle(&bundle, &[story.b.anchor(), Anchor::Vkey(witness.clone())]);
    assert_eq!(report.identities[0].grade, Grade::Attested { before: time });
    assert_eq!(report.verdict, Verdict::Proved, "{report}");
    for message in &report.messages {
        assert_eq!(message.times.existed_before, Some(time));
    }
    // To whoever does not trust the witness, it is nobody.
    let report = verify_bundle(&bundle, &[story.b.anchor()]);
    assert_eq!(report.identities[0].grade, Grade::Asserted);
    assert_eq!(report.messages[0].times.existed_before, None);

    // The witness saw Aria's log; that says nothing about Bruno's key.
    let report = verify_bundle(&bundle, &[story.a.anchor(), Anchor::Vkey(witness)]);
    assert_eq!(report.identities[1].grade, Grade::Asserted);
}

#[test]
fn an_anchor_that_is_not_met_is_shown_as_such() {
    let story = Story::new();
    let stranger = Node::new("agents.org-c.test", "carol", 3);
    let report = report(
        &story,
        &[story.a.anchor(), story.b.anchor(), stranger.anchor()],
    );
    assert_eq!(report.verdict, Verdict::Proved);
    let met: Vec<_> = report.anchors.iter().map(|anchor| anchor.met).collect();
    assert_eq!(met, [true, true, false]);
    let text = report.to_string();
    assert!(
        text.contains("not met    carol@agents.org-c.test has no part in this file"),
        "{text}"
    );
    let other = Anchor::key(story.b.did.clone(), stranger.signing.public());
    let report = self::report(&story, &[story.a.anchor(), story.b.anchor(), other]);
    assert!(
        report.to_string().contains(
            "not met    bruno@agents.org-b.test signed nothing in this file with this key"
        )
    );
}
