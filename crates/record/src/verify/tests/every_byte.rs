//! Nothing in a bundle can be changed unnoticed.

use super::*;

/// Flips a bit of the octets at `places` (steps between them are coprime to the 6 bits, so that each
/// place in the text meets several bits) of a good bundle, one after the other. Each time it must
/// not be proved any more, or people must see what became of it: the text must differ. Gives the
/// places where neither is so.
///
/// With `anchors` under which the good bundle is not proved either, it must come out worse instead.
fn unnoticed(octets: &[u8], anchors: &[Anchor], places: impl Iterator<Item = usize>) -> Vec<usize> {
    let good = verify(octets, anchors);
    let text = good.to_string();
    let mut changed = octets.to_vec();
    let mut unnoticed = Vec::new();
    for n in places {
        // The low bits leave letters letters and digits digits, bit 5 changes their case: nothing
        // that JSON would notice.
        changed[n] = octets[n] ^ (1 << (n % 6));
        let report = verify(&changed, anchors);
        if report.verdict >= good.verdict && report.to_string() == text {
            unnoticed.push(n);
        }
        changed[n] = octets[n];
    }
    unnoticed
}

fn around(octets: &[u8], places: &[usize]) -> Vec<String> {
    let around = |n: &usize| {
        let around = &octets[n.saturating_sub(30)..octets.len().min(n + 30)];
        format!("{n}: {}", String::from_utf8_lossy(around))
    };
    places.iter().map(around).collect()
}

/// Where the members stand that no signature and no entry covers in `octets`.
fn uncovered(octets: &[u8]) -> impl Iterator<Item = usize> {
    let text = std::str::from_utf8(octets).unwrap();
    let messages = text.find(r#""messages""#).unwrap();
    let documents = text.find(r#""documents""#).unwrap();
    (0..messages).chain(documents..octets.len())
}

/// What one node exports: its own entries, so that its own document is named by nobody.
fn export_of_b(story: &Story) -> Vec<u8> {
    let mut builder = story.builder();
    for sent in [&story.response, &story.request] {
        builder.signed(sent.digest, sent.jws.as_bytes()).unwrap();
    }
    for receipt in &story.receipts {
        builder.receipt(receipt.clone()).unwrap();
    }
    for index in &story.at_b {
        let size = builder.vouched_size(&story.b.origin, *index).unwrap();
        builder.entry(story.b.show(*index, size), &story.b.note_at(size));
    }
    builder.build(1_795_500_000).unwrap().to_octets()
}

#[test]
fn no_changed_byte_of_a_full_bundle_goes_unnoticed() {
    let story = Story::new();
    let octets = story.bundle().to_octets();
    let places = (0..octets.len()).step_by(11);
    let places = places.chain(uncovered(&octets).step_by(5));
    let unnoticed = unnoticed(&octets, &story.anchors(), places);
    assert!(unnoticed.is_empty(), "{:#?}", around(&octets, &unnoticed));
}

#[test]
fn no_changed_byte_of_what_one_node_exports_goes_unnoticed() {
    let story = Story::new();
    let octets = export_of_b(&story);
    let report = verify(&octets, &story.anchors());
    let bound: Vec<_> = report.documents.iter().map(|one| one.bound).collect();
    assert_eq!(
        (report.verdict, &bound[..]),
        (Verdict::Proved, &[true, false][..])
    );
    let places = (0..octets.len()).step_by(13);
    let places = places.chain(uncovered(&octets).step_by(7));
    let unnoticed = unnoticed(&octets, &story.anchors(), places);
    assert!(unnoticed.is_empty(), "{:#?}", around(&octets, &unnoticed));
}

#[test]
fn no_changed_byte_of_a_redacted_bundle_goes_unnoticed() {
    let story = Story::new();
    let mut bundle: Value = serde_json::from_slice(&story.bundle().to_octets()).unwrap();
    for message in bundle["messages"].as_array_mut().unwrap() {
        let message = message.as_object_mut().unwrap();
        message.remove("jws");
        message.insert("withheld".into(), true.into());
    }
    let entries = bundle["entries"].as_array_mut().unwrap();
    entries.truncate(2);
    let octets = bundle.to_string().into_bytes();
    let places = (0..octets.len()).step_by(7);
    let unnoticed = unnoticed(&octets, &story.anchors(), places);
    assert!(unnoticed.is_empty(), "{:#?}", around(&octets, &unnoticed));
}

#[test]
fn no_changed_byte_of_an_unanchored_bundle_goes_unnoticed() {
    let story = Story::new();
    let mut builder = story.builder();
    builder
        .signed(story.request.digest, story.request.jws.as_bytes())
        .unwrap();
    builder.withheld(story.response.digest);
    builder.receipt(story.receipts[3].clone()).unwrap();
    let octets = builder.build(1_795_500_000).unwrap().to_octets();
    let unnoticed = unnoticed(&octets, &[], 0..octets.len());
    assert!(unnoticed.is_empty(), "{:#?}", around(&octets, &unnoticed));
}

#[test]
fn white_space_between_the_members_is_all_that_may_change_in_silence() {
    let story = Story::new();
    let octets = story.bundle().to_octets();
    let value: Value = serde_json::from_slice(&octets).unwrap();
    let spaced = serde_json::to_vec_pretty(&value).unwrap();
    let (one, other) = [&octets, &spaced]
        .map(|octets| verify(octets, &story.anchors()).to_string())
        .into();
    assert_eq!(one, other);
}

#[test]
fn a_bundle_cut_anywhere_is_broken() {
    let story = Story::new();
    let octets = story.bundle().to_octets();
    for length in 0..octets.len() {
        assert_eq!(verify(&octets[..length], &[]).verdict, Verdict::Broken);
    }
}
