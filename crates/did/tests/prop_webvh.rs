//! No octet of a log can be changed to another history.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its vectors has failed"
)]

use comity_did::Did;
use comity_did::webvh::{History, Log};
use proptest::prelude::*;
use serde_json::Value;

/// 2026-01-01, long after the times in the vectors.
const NOW: u64 = 1_767_225_600;

fn verified(did: &Did, log: &[u8]) -> Option<History> {
    let log = Log::verify(did, log, NOW).ok()?;
    log.into_history(None).ok()
}

/// The logs of the vectors that verify whole.
fn good_logs() -> Vec<(Did, Vec<u8>)> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../vectors/did/did-webvh-logs.json"
    );
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let good = vectors
        .iter()
        .filter(|vector| vector["expect"]["result"] == "ok");
    let logs = good.map(|vector| {
        let did = vector["did"].as_str().unwrap().parse().unwrap();
        (
            did,
            vector["log_jsonl"].as_str().unwrap().as_bytes().to_vec(),
        )
    });
    logs.collect()
}

/// What is left of a changed log are versions of the one before, from the first on; and all of them
/// unless something was refused.
fn is_same_or_less(changed: &History, whole: &History) -> bool {
    let (left, all) = (changed.versions(), whole.versions());
    all.starts_with(left) && (left.len() == all.len() || changed.refused().is_some())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_changed_octet_is_refused_or_changes_nothing(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        change in 1_u8..=255,
    ) {
        let logs = good_logs();
        let (did, mut log) = logs[which.index(logs.len())].clone();
        let whole = verified(&did, &log).unwrap();
        prop_assert!(whole.refused().is_none());
        let place = place.index(log.len());
        log[place] ^= change;
        if let Some(changed) = verified(&did, &log) {
            let what = String::from_utf8_lossy(&log);
            prop_assert!(is_same_or_less(&changed, &whole), "{what}");
        }
    }

    #[test]
    fn a_log_cut_anywhere_holds_versions_from_the_first_on(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
    ) {
        let logs = good_logs();
        let (did, mut log) = logs[which.index(logs.len())].clone();
        let whole = verified(&did, &log).unwrap();
        log.truncate(place.index(log.len()));
        if let Some(cut) = verified(&did, &log) {
            prop_assert!(whole.versions().starts_with(cut.versions()));
        }
    }

    #[test]
    fn any_octets_are_a_log_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (did, _) = good_logs().remove(0);
        prop_assert!(Log::verify(&did, &octets, NOW).is_err());
    }
}
