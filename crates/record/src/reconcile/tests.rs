use super::*;
use crate::{
    bundle::Bundle,
    entry::{Ended, EndedState, Entry, Event},
    testing::{Node, Sent, Story},
};

/// What A holds: her own record, and the receipts that Bruno gave her.
fn side_of_a(story: &Story) -> Side {
    let mut builder = story.builder();
    for sent in [&story.request, &story.response] {
        builder.signed(sent.digest, sent.jws.as_bytes()).unwrap();
    }
    for receipt in &story.receipts[..2] {
        builder.receipt(receipt.clone()).unwrap();
    }
    let size = story.at_a[2] + 1;
    for index in &story.at_a {
        builder.entry(story.a.show(*index, size), &story.a.note_at(size));
    }
    Side::of_bundle(&builder.build(1).unwrap())
}

fn bundle_of_b(story: &Story) -> Bundle {
    let mut builder = story.builder();
    for sent in [&story.request, &story.response] {
        builder.signed(sent.digest, sent.jws.as_bytes()).unwrap();
    }
    for receipt in &story.receipts[2..] {
        builder.receipt(receipt.clone()).unwrap();
    }
    let size = story.at_b[2] + 1;
    for index in &story.at_b {
        builder.entry(story.b.show(*index, size), &story.b.note_at(size));
    }
    builder.build(1).unwrap()
}

fn add(side: &mut Side, node: &Node, index: u64) {
    let entry = node.entry(index);
    let (entry, record) = Entry::open(*entry.r(), entry.octets().to_vec()).unwrap();
    side.add_entry(node.origin.clone(), index, entry.leaf(), &record);
}

fn row<'a>(result: &'a Reconciliation, sent: &Sent) -> &'a ReconciledMessage {
    result
        .messages
        .iter()
        .find(|message| message.digest == sent.digest)
        .unwrap()
}

#[test]
fn two_honest_halves_tell_one_story() {
    let mut story = Story::new();
    let settled = story.a.record_settled(&story.response, &[]);
    let mut a = side_of_a(&story);
    add(&mut a, &story.a, settled);
    let b = Side::of_bundle(&bundle_of_b(&story));
    let result = reconcile(&a, &b);
    assert!(result.is_clean(), "{result:#?}");
    let request = row(&result, &story.request);
    assert_eq!(
        (request.at_sender, request.at_recipient),
        (Some(State::Done), Some(State::Done))
    );
    assert_eq!(request.from.as_ref(), Some(&story.a.did));
    assert_eq!(request.sender_order, Some(1));
    // The order of the sides does not matter.
    assert!(reconcile(&b, &a).is_clean());
}

#[test]
fn says_what_one_side_has_and_the_other_lacks() {
    let mut story = Story::new();
    let lost = story.a.message(&story.b, "lost", 2, &[]);
    let out = story.a.record_out(&lost);
    let unsent = story.a.message(&story.b, "unsent", 3, &[]);
    let accepted = story.b.record_in(&story.a, &unsent);
    let mut a = side_of_a(&story);
    add(&mut a, &story.a, out);
    let mut b = Side::of_bundle(&bundle_of_b(&story));
    add(&mut b, &story.b, accepted);
    let (sender, recipient) = (story.a.did.clone(), story.b.did.clone());
    let missing = reconcile(&a, &b).missing;
    assert!(missing.contains(&Missing::Delivery {
        message: lost.digest,
        recipient
    }));
    assert!(missing.contains(&Missing::MessageOut {
        message: unsent.digest,
        sender
    }));
    // The lost message is no gap: its sender has it.
    assert!(reconcile(&a, &b).gaps.is_empty());
}

#[test]
fn a_receipt_that_never_came_back_is_missing_at_the_sender() {
    let story = Story::new();
    let (mut a, mut b) = (Side::default(), Side::default());
    add(&mut a, &story.a, story.at_a[0]);
    add(&mut b, &story.b, story.at_b[0]);
    let result = reconcile(&a, &b);
    let expected = Missing::Receipt {
        message: story.request.digest,
        state: State::Received,
        sender: story.a.did.clone(),
    };
    assert_eq!(result.missing, [expected]);
}

#[test]
fn a_receipt_whose_message_the_recipient_does_not_have_is_missing_there() {
    let story = Story::new();
    let a = side_of_a(&story);
    let b = Side::new([story.b.did.clone()]);
    let missing = reconcile(&a, &b).missing;
    let (message, recipient) = (story.request.digest, story.b.did.clone());
    assert!(
        missing.contains(&Missing::MessageIn { message, recipient }),
        "{missing:?}"
    );
}

#[test]
fn a_side_that_is_not_shown_lacks_nothing() {
    let story = Story::new();
    let result = reconcile(&side_of_a(&story), &Side::default());
    assert!(result.missing.is_empty(), "{:?}", result.missing);
    assert_eq!(row(&result, &story.request).at_recipient, None);
}

#[test]
fn different_ends_and_different_facts_contradict() {
    let mut story = Story::new();
    let cancelled = Ended {
        message: story.request.digest,
        state: EndedState::Cancelled,
        reason: "revoked".into(),
    };
    let ended = story.a.record(9, Event::Ended(cancelled));
    let mut a = Side::default();
    add(&mut a, &story.a, story.at_a[0]);
    add(&mut a, &story.a, ended);
    let b = Side::of_bundle(&bundle_of_b(&story));
    let result = reconcile(&a, &b);
    let states = Contradiction::States {
        message: story.request.digest,
        at_sender: State::Cancelled,
        at_recipient: State::Done,
    };
    assert!(result.contradictions.contains(&states), "{result:#?}");

    let mut other = story.request.clone();
    other.plaintext["type"] = "https://example.org/other/1.0/thing".into();
    let rewritten = story.a.record_out(&other);
    let mut a = Side::default();
    add(&mut a, &story.a, rewritten);
    let facts = Contradiction::Facts {
        message: story.request.digest,
        member: "type",
    };
    assert!(reconcile(&a, &b).contradictions.contains(&facts));
}

#[test]
fn an_edited_record_contradicts_the_receipt_that_names_its_entry() {
    let story = Story::new();
    // Bruno's log as he shows it now has another entry where his receipt says it is.
    let mut edited = Node::new("agents.org-b.test", "bruno", 2);
    let other = story.a.message(&edited, "other", 1, &[]);
    let index = edited.record_in(&story.a, &other);
    assert_eq!(index, story.at_b[0]);
    let mut b = Side::default();
    add(&mut b, &edited, index);
    b.add_checkpoint(&edited.note());
    let result = reconcile(&side_of_a(&story), &b);
    let entries = Contradiction::Entries {
        origin: story.b.origin.clone(),
        index,
    };
    assert!(result.contradictions.contains(&entries));
    let fork = Contradiction::Fork {
        origin: story.b.origin.clone(),
        size: index + 1,
    };
    assert!(
        result.contradictions.contains(&fork),
        "{:?}",
        result.contradictions
    );
}

#[test]
fn numbers_that_nobody_has_are_gaps() {
    let mut story = Story::new();
    let late = story.a.message(&story.b, "late", 5, &[]);
    let accepted = story.b.record_in(&story.a, &late);
    let mut b = Side::of_bundle(&bundle_of_b(&story));
    add(&mut b, &story.b, accepted);
    let result = reconcile(&side_of_a(&story), &b);
    assert_eq!(result.gaps.len(), 1);
    assert_eq!((result.gaps[0].first, result.gaps[0].last), (2, 4));
    assert_eq!(result.gaps[0].from, story.a.did);
}

#[test]
fn a_grant_that_ended_ends_a_message_on_each_side_without_contradiction() {
    let mut story = Story::new();
    let request = story.request.digest;
    let ended = |reason: &str| {
        Event::Ended(Ended {
            message: request,
            state: EndedState::Cancelled,
            reason: reason.to_owned(),
        })
    };
    let revoked = story.a.record(9, ended("e.p.trust.revoked"));
    let mut a = side_of_a(&story);
    add(&mut a, &story.a, revoked);
    let b = Side::of_bundle(&bundle_of_b(&story));
    // Bruno was done before he heard of it, and she has his receipt for that.
    assert!(reconcile(&a, &b).is_clean(), "{:#?}", reconcile(&a, &b));
    let mut told_nothing = Side::default();
    add(&mut told_nothing, &story.a, story.at_a[0]);
    add(&mut told_nothing, &story.a, revoked);
    let expected = Missing::Receipt {
        message: request,
        state: State::Done,
        sender: story.a.did.clone(),
    };
    let found = reconcile(&told_nothing, &b);
    assert!(found.missing.contains(&expected), "{found:#?}");
    assert_eq!(found.contradictions, []);
    // Whoever says that he took it back says that no agent had it.
    let withdrawn = story.a.record(9, ended("withdrawn by its sender"));
    let mut a = side_of_a(&story);
    add(&mut a, &story.a, withdrawn);
    assert_eq!(reconcile(&a, &b).contradictions.len(), 1);
}
