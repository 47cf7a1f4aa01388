//! Approvals by witnesses.

use serde_json::{Value, json};

use super::maker::{Maker, multikey, witnesses};
use crate::webvh::{EntryError, History, LogError};

fn with_proofs(maker: &Maker, proofs: &[Value]) -> Result<History, LogError> {
    let log = maker.verify().unwrap();
    assert!(log.needs_witness_proofs());
    log.into_history(Some(Value::from(proofs).to_string().as_bytes()))
}

/// How many approvals were counted for which entry, of how many that it needs.
fn lacking(result: Result<History, LogError>) -> Option<(usize, usize, usize)> {
    let refused = match result {
        Ok(history) => history.refused().cloned()?,
        Err(error) => error,
    };
    match refused {
        LogError::Entry {
            number,
            source:
                EntryError::Witnesses {
                    approvals,
                    threshold,
                },
        } => Some((number, approvals, threshold)),
        other => panic!("{other:?}"),
    }
}

fn two_of_three() -> Maker {
    Maker::new(json!({"witness": witnesses(2, &[7, 8, 9])}))
}

#[test]
fn a_version_needs_as_many_distinct_witnesses_as_the_threshold_says() {
    let maker = two_of_three();
    let said = |by: &[u8]| lacking(with_proofs(&maker, &[maker.witnessed(1, by)]));
    assert_eq!(said(&[7, 9]), None);
    assert_eq!(said(&[7, 8, 9]), None);
    assert_eq!(said(&[7]), Some((1, 1, 2)));
    assert_eq!(said(&[7, 7, 7]), Some((1, 1, 2)));
    assert_eq!(said(&[7, 5, 6]), Some((1, 1, 2)), "others don't count");
    assert_eq!(lacking(with_proofs(&maker, &[])), Some((1, 0, 2)));
    let none = maker.verify().unwrap().into_history(None);
    assert_eq!(lacking(none), Some((1, 0, 2)));
}

#[test]
fn who_approves_a_version_approves_all_before_it() {
    let maker = two_of_three().then(json!({}), &[1]).then(json!({}), &[1]);
    let later = [maker.witnessed(3, &[7, 8])];
    assert_eq!(lacking(with_proofs(&maker, &later)), None);
    let mixed = [maker.witnessed(3, &[7]), maker.witnessed(2, &[8])];
    assert_eq!(lacking(with_proofs(&maker, &mixed)), Some((3, 1, 2)));
    let history = with_proofs(&maker, &mixed).unwrap();
    assert_eq!(history.versions().len(), 2, "what was approved stays");
}

#[test]
fn proofs_of_other_versions_and_such_that_do_not_hold_count_for_nothing() {
    let maker = two_of_three();
    let unpublished = maker.clone().then(json!({}), &[1]);
    let ahead = [unpublished.witnessed(2, &[7, 8])];
    assert_eq!(lacking(with_proofs(&maker, &ahead)), Some((1, 0, 2)));
    let other = Maker::new(json!({"witness": witnesses(2, &[7, 8, 9]), "ttl": 1}));
    let mut replayed = other.witnessed(1, &[7, 8]);
    replayed["versionId"] = maker.version_id(1).into();
    assert_eq!(lacking(with_proofs(&maker, &[replayed])), Some((1, 0, 2)));
    let mut swapped = maker.witnessed(1, &[7, 7]);
    let method = format!("did:key:{}#{}", multikey(8), multikey(8));
    swapped["proof"][1]["verificationMethod"] = method.into();
    assert_eq!(lacking(with_proofs(&maker, &[swapped])), Some((1, 1, 2)));
    let junk = [
        json!(7),
        json!({"versionId": maker.version_id(1)}),
        maker.witnessed(1, &[7, 8]),
    ];
    assert_eq!(lacking(with_proofs(&maker, &junk)), None);
}

#[test]
fn a_first_list_holds_at_once_and_a_replacement_after_its_entry() {
    let later = Maker::new(json!({})).then(json!({"witness": witnesses(1, &[7])}), &[1]);
    assert_eq!(lacking(with_proofs(&later, &[])), Some((2, 0, 1)));
    let replaced = later.then(json!({"witness": witnesses(1, &[8])}), &[1]);
    let by = |first: u8, second: u8| {
        let proofs = [
            replaced.witnessed(2, &[first]),
            replaced.witnessed(3, &[second]),
        ];
        lacking(with_proofs(&replaced, &proofs))
    };
    assert_eq!(by(7, 7), None, "the old list approves the new one");
    assert_eq!(by(7, 8), Some((3, 0, 1)));
    let ended = replaced.then(json!({"witness": {}}), &[1]);
    let proofs = [ended.witnessed(3, &[7])];
    assert_eq!(lacking(with_proofs(&ended, &proofs)), Some((4, 0, 1)));
    let free = ended.then(json!({}), &[1]);
    let proofs = [free.witnessed(3, &[7]), free.witnessed(4, &[8])];
    assert_eq!(lacking(with_proofs(&free, &proofs)), None);
}

#[test]
fn witness_proofs_that_are_no_json_are_an_error_only_where_they_are_needed() {
    let log = two_of_three().verify().unwrap();
    let error = log.into_history(Some(b"[")).unwrap_err();
    let is_it = |error: &LogError| {
        matches!(
            error,
            LogError::Entry {
                number: 1,
                source: EntryError::WitnessProofs(_)
            }
        )
    };
    assert!(is_it(&error), "{error:?}");
    let log = Maker::new(json!({})).verify().unwrap();
    assert!(!log.needs_witness_proofs());
    assert!(log.into_history(Some(b"[")).is_ok());
}
