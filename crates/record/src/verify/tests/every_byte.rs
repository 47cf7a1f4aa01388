//! Nothing in a bundle can be changed unnoticed, unless it changes nothing.

use super::*;

/// Flips bits of every octet of a good bundle. Each time it must come out broken, or the report
/// must be the same to the last character: then the octet was provably irrelevant.
fn flip_everything(octets: &[u8], anchors: &[Anchor]) -> (usize, usize) {
    let good = verify(octets, anchors);
    let good = serde_json::to_string(&good).unwrap();
    let (mut broken, mut irrelevant) = (0, 0);
    let mut changed = octets.to_vec();
    for n in 0..octets.len() {
        // The low bits leave letters letters and digits digits, bit 5 changes their case: nothing
        // that JSON would notice.
        let mask = 1 << (n % 6);
        changed[n] = octets[n] ^ mask;
        let report = verify(&changed, anchors);
        if report.verdict == Verdict::Broken {
            broken += 1;
        } else {
            let text = serde_json::to_string(&report).unwrap();
            let around = &octets[n.saturating_sub(30)..octets.len().min(n + 30)];
            let around = String::from_utf8_lossy(around);
            assert_eq!(text, good, "octet {n}, mask {mask:#x}, around {around}");
            irrelevant += 1;
        }
        changed[n] = octets[n];
    }
    (broken, irrelevant)
}

#[test]
fn any_flipped_bit_breaks_a_full_bundle_or_changes_nothing() {
    let story = Story::new();
    let octets = story.bundle().to_octets();
    let (broken, irrelevant) = flip_everything(&octets, &story.anchors());
    // What may change: `made_at`, `at`, and what documents say beside keys and logs.
    assert!(irrelevant * 10 < broken, "{irrelevant} of {broken}");
    println!(
        "{} octets: {broken} flips broke it, {irrelevant} were irrelevant",
        octets.len()
    );
}

#[test]
fn any_flipped_bit_breaks_a_redacted_bundle_or_changes_nothing() {
    let story = Story::new();
    let mut bundle: Value = serde_json::from_slice(&story.bundle().to_octets()).unwrap();
    for message in bundle["messages"].as_array_mut().unwrap() {
        let message = message.as_object_mut().unwrap();
        message.remove("jws");
        message.insert("withheld".into(), true.into());
    }
    let entries = bundle["entries"].as_array_mut().unwrap();
    entries.truncate(2);
    flip_everything(bundle.to_string().as_bytes(), &story.anchors());
}

#[test]
fn any_flipped_bit_breaks_an_unanchored_bundle_or_changes_nothing() {
    let story = Story::new();
    let mut builder = story.builder();
    builder
        .signed(story.request.digest, story.request.jws.as_bytes())
        .unwrap();
    builder.withheld(story.response.digest);
    builder.receipt(story.receipts[3].clone()).unwrap();
    flip_everything(&builder.build(1_795_500_000).unwrap().to_octets(), &[]);
}

#[test]
fn a_bundle_cut_anywhere_is_broken() {
    let story = Story::new();
    let octets = story.bundle().to_octets();
    for length in 0..octets.len() {
        assert_eq!(verify(&octets[..length], &[]).verdict, Verdict::Broken);
    }
}
