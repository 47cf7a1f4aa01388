//! What the report tells people: reviewed as text.

use super::*;

/// The digits of keys and hashes are those of throw-away keys, so they stay.
#[test]
fn a_thread_whose_keys_are_all_known() {
    let story = Story::new();
    insta::assert_snapshot!(report(&story, &story.anchors()));
}

#[test]
fn a_thread_whose_keys_are_all_known_in_full() {
    let story = Story::new();
    insta::assert_snapshot!(report(&story, &story.anchors()).verbose());
}

#[test]
fn a_thread_of_which_one_key_is_known() {
    let story = Story::new();
    insta::assert_snapshot!(report(&story, &[story.b.anchor()]));
}

#[test]
fn a_thread_of_which_no_key_is_known() {
    insta::assert_snapshot!(report(&Story::new(), &[]));
}

#[test]
fn a_thread_that_was_signed_with_another_key() {
    let story = Story::new();
    let stranger = Node::new("agents.org-c.test", "carol", 3);
    let wrong = Anchor::key(story.b.did.clone(), stranger.signing.public());
    let anchors = [story.a.anchor(), wrong, stranger.anchor()];
    insta::assert_snapshot!(report(&story, &anchors));
}

#[test]
fn a_thread_that_was_changed() {
    let story = Story::new();
    let changed = edited(&story, |bundle| {
        let digest = bundle["messages"][0]["digest"].clone();
        bundle["messages"][1]["digest"] = digest;
        bundle["messages"][0]["jws"] = bundle["messages"][1]["jws"].clone();
    });
    insta::assert_snapshot!(changed);
}

#[test]
fn a_question_without_its_answer() {
    let story = Story::new();
    let mut builder = story.builder();
    builder
        .signed(story.request.digest, story.request.jws.as_bytes())
        .unwrap();
    for receipt in &story.receipts[..2] {
        builder.receipt(receipt.clone()).unwrap();
    }
    for index in &story.at_b[..2] {
        let size = story.b.entry_count();
        builder.entry(story.b.show(*index, size), &story.b.note_at(size));
    }
    let report = verify_bundle(&builder.build(1_795_500_000).unwrap(), &story.anchors());
    insta::assert_snapshot!(report);
}
